//! How a provider is to answer.

use core::time::Duration;

/// Options of one call, of a scope, or of a client (S-169 to S-171, S-230).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Asks the server even for what is in the local store, and keeps the answer; false unless set.
    pub force_refresh: bool,
    /// Answers from the local store only what the server confirmed at most this long ago; without it,
    /// whatever is kept.
    pub max_staleness: Option<Duration>,
    /// Changes that cannot be sent wait in the outbox of the local store; false unless set: then they
    /// fail, and nothing is written. It is for whoever chooses the provider of a call:
    /// [`WithOutbox`](super::WithOutbox) instead of [`Standard::ServerCacheOfs`](super::Standard).
    pub outbox: bool,
}

impl Options {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { force_refresh: false, max_staleness: None, outbox: false }
    }

    /// Asks the server.
    #[must_use]
    pub const fn force_refresh(self) -> Self {
        Self { force_refresh: true, ..self }
    }

    /// Asks the server for what was confirmed longer ago than `staleness`.
    #[must_use]
    pub const fn max_staleness(self, staleness: Duration) -> Self {
        Self { max_staleness: Some(staleness), ..self }
    }

    /// Lets changes wait in the outbox.
    #[must_use]
    pub const fn outbox(self) -> Self {
        Self { outbox: true, ..self }
    }
}
