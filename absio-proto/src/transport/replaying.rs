//! The transport that gives again what was recorded.

use super::exchange::{Exchange, Exchanged};
use crate::driver::{blocking, nonblocking};
use crate::effect::{HttpRequest, HttpResponse, TransportError, TransportErrorKind};
use core::future::{Future, ready};
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

/// A transport without a network: it answers what [`Recording::with_secrets`] kept.
///
/// A request is known by its method, its path and its query. Token, signature, time and whatever was
/// sealed differ from run to run, and are not compared; to replay an operation byte for byte with its
/// clock and its randomness, use [`Replay`](crate::trace::Replay).
///
/// A request that was not recorded, or is not the next one, is answered with
/// [`TransportErrorKind::Invalid`] that says which was expected; so are all that follow it.
///
/// [`Recording::with_secrets`]: super::Recording::with_secrets
pub struct Replaying {
    recorded: Vec<(Exchange, AtomicBool)>,
    in_any_order: bool,
    unexpected: OnceLock<Unexpected>,
}

/// A request that was not the recorded one, or the end in place of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("after {answered} of {recorded} recorded exchanges: expected was {expected}, found was {found}")]
pub struct Unexpected {
    /// Exchanges that were answered.
    pub answered: usize,
    /// Exchanges that were recorded.
    pub recorded: usize,
    /// The next request that was recorded and not answered, printed; or "the end".
    pub expected: String,
    /// The request that came, printed; or "the end".
    pub found: String,
}

impl Replaying {
    /// Answers `recorded`, one after another.
    #[must_use]
    pub fn new(recorded: Vec<Exchange>) -> Self {
        let recorded = recorded.into_iter().map(|exchange| (exchange, AtomicBool::new(false))).collect();
        Self { recorded, in_any_order: false, unexpected: OnceLock::new() }
    }

    /// Requests may come in another order than they were recorded in; alike ones are answered in that of
    /// their answers. For hosts that perform several exchanges at once.
    #[must_use]
    pub fn in_any_order(self) -> Self {
        Self { in_any_order: true, ..self }
    }

    /// That all went as it was recorded, to the last exchange.
    ///
    /// # Errors
    /// [`Unexpected`] at the first request that went another way, or where requests ended early.
    pub fn finish(self) -> Result<(), Unexpected> {
        if self.remaining().next().is_some() {
            self.diverge("the end".into());
        }
        self.unexpected.into_inner().map_or(Ok(()), Err)
    }

    fn remaining(&self) -> impl Iterator<Item = &(Exchange, AtomicBool)> {
        self.recorded.iter().filter(|(_, used)| !used.load(Ordering::Acquire))
    }

    fn diverge(&self, found: String) -> &Unexpected {
        self.unexpected.get_or_init(|| Unexpected {
            answered: self.recorded.len() - self.remaining().count(),
            recorded: self.recorded.len(),
            expected: self.remaining().next().map_or_else(
                || "the end".to_owned(),
                |(exchange, _)| Exchanged::asked(&exchange.request).to_string(),
            ),
            found,
        })
    }

    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let refuse = |unexpected: &Unexpected| {
            Err(TransportError::new(TransportErrorKind::Invalid, unexpected.to_string()))
        };
        if let Some(unexpected) = self.unexpected.get() {
            return refuse(unexpected);
        }
        let candidates = if self.in_any_order { self.recorded.len() } else { 1 };
        let found = self.remaining().take(candidates).find(|(exchange, used)| {
            is_alike(&exchange.request, request) && !used.swap(true, Ordering::AcqRel)
        });
        match found {
            Some((exchange, _)) => exchange.outcome.clone(),
            None => refuse(self.diverge(Exchanged::asked(request).to_string())),
        }
    }
}

fn is_alike(recorded: &HttpRequest, asked: &HttpRequest) -> bool {
    recorded.method == asked.method && recorded.path == asked.path
}

impl blocking::Transport for Replaying {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.answer(&request)
    }
}

impl nonblocking::Transport for Replaying {
    fn exchange(
        &self,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send {
        ready(self.answer(&request))
    }
}
