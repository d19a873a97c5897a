//! What went wrong, in the contract's words, and how far an exchange had come when it did.

use absio_proto::effect::{TransportError, TransportErrorKind};
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// An error of `kind` at `origin`. `reason` must hold nothing of headers or bodies.
pub(crate) fn failure(kind: TransportErrorKind, reason: impl Display, origin: &str) -> TransportError {
    TransportError::new(kind, format!("{reason} ({origin})"))
}

pub(crate) fn invalid(reason: impl Display, origin: &str) -> TransportError {
    failure(TransportErrorKind::Invalid, reason, origin)
}

pub(crate) fn interrupted(reason: impl Display, origin: &str) -> TransportError {
    failure(TransportErrorKind::Interrupted, reason, origin)
}

pub(crate) fn too_large(limit: u64) -> TransportError {
    TransportError::new(TransportErrorKind::TooLarge, format!("the response is longer than {limit} bytes"))
}

/// Whether an exchange is still without a connection: while it is, nothing was sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stage(Arc<AtomicBool>);

impl Stage {
    pub(crate) fn set_connecting(&self, connecting: bool) {
        self.0.store(connecting, Ordering::Relaxed);
    }

    /// The error of an exchange whose time is over now.
    pub(crate) fn timed_out(&self, after: Duration, origin: &str) -> TransportError {
        if self.0.load(Ordering::Relaxed) {
            failure(TransportErrorKind::Unreachable, format_args!("no connection within {after:?}"), origin)
        } else {
            failure(TransportErrorKind::TimedOut, format_args!("no whole answer within {after:?}"), origin)
        }
    }
}
