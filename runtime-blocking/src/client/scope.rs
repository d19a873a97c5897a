//! Which provider answers, and how: for a client, a block, or a call.
//!
//! A choice is a value, not a state: nothing is to be restored after a block, so nothing can be left
//! behind by an error, a panic or another thread (S-228, S-231).

use super::Client;
use absio_proto::provider::{Options, Provider};
use std::path::Path;
use std::sync::Arc;

impl Client {
    /// This client under another provider; sessions and store are shared. Sessions are per place:
    /// who signed in under one provider may have to sign in under another (S-229).
    #[must_use]
    pub fn under(&self, provider: impl Provider + 'static) -> Self {
        Self { provider: Arc::new(provider), ..self.clone() }
    }

    /// This client with other options.
    #[must_use]
    pub fn with(&self, options: Options) -> Self {
        Self { options, ..self.clone() }
    }

    /// Runs `block` with this client under another provider: the seed's context manager. Blocks nest,
    /// and threads do not see each other's.
    pub fn within<R>(&self, provider: impl Provider + 'static, block: impl FnOnce(&Self) -> R) -> R {
        block(&self.under(provider))
    }

    /// Runs `block` with this client and other options (S-230).
    pub fn within_options<R>(&self, options: Options, block: impl FnOnce(&Self) -> R) -> R {
        block(&self.with(options))
    }

    /// The provider that answers.
    #[must_use]
    pub fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    /// How it answers.
    #[must_use]
    pub const fn options(&self) -> Options {
        self.options
    }

    /// Where a damaged index of the local store was moved to when it was opened; none if it was whole.
    /// What could be kept of it is kept; the rest comes from the broker when it is asked for.
    #[must_use]
    pub fn quarantined(&self) -> Option<&Path> {
        self.quarantined.as_deref()
    }
}
