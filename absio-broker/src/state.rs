//! What a broker knows besides its store: configuration, deployment secret, rate limits.

use crate::rate_limit::{Buckets, RateLimit};
use crate::rows::{self, UserRow};
use absio_proto::crypto::{CardChain, KeyRing, Secret};
use absio_proto::model::{Timestamp, UserId};
use absio_proto::wire::Base64;
use absio_proto::{Entropy, Error, Generation, limits};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

/// How a broker is set up.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// The origins clients know this broker by (`docs/protocol.md` §14.1). Proofs and signed requests
    /// name one of them.
    pub origins: Vec<String>,
    /// Attempts to fetch a key file without a session, for each user id.
    pub retrievals_per_user: RateLimit,
    /// The same for each address.
    pub retrievals_per_address: RateLimit,
    /// Access entries of a container: 4,096, and no more than 8,192, because one commit holds all that
    /// a revision changes for each of them.
    pub access_entries: usize,
    /// How long an upload lives that is not used.
    pub upload_life: Duration,
}

impl BrokerConfig {
    /// The defaults, known by `origins`.
    #[must_use]
    pub fn new(origins: Vec<String>) -> Self {
        Self {
            origins,
            retrievals_per_user: RateLimit { attempts: 10, period: Duration::from_secs(600) },
            retrievals_per_address: RateLimit { attempts: 60, period: Duration::from_secs(600) },
            access_entries: limits::ACCESS_ENTRIES,
            upload_life: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// The state lent to every operation of a broker. A clone is another handle on the same state.
#[derive(Clone)]
pub struct BrokerState(Arc<Shared>);

struct Shared {
    config: BrokerConfig,
    secret: Secret<32>,
    stand_in: CardChain,
    stand_in_rows: [Vec<u8>; 2],
    limiter: Mutex<Limiter>,
}

struct Limiter {
    users: Buckets<UserId>,
    addresses: Buckets<u64>,
}

impl BrokerState {
    /// A state under the deployment secret; [`open`](crate::open) reads that from the store.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn new(
        config: BrokerConfig,
        secret: Secret<32>,
        entropy: &mut dyn Entropy,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let stand_in = KeyRing::generate(entropy, now)?.chain().clone();
        let cards = rows::encode_cards(stand_in.cards());
        let user = rows::encode(&UserRow {
            reminder: String::new(),
            retrieval_key: Some(Base64(vec![1; 32])),
            generation: Some(1),
            checksum: Some(Base64(vec![1; 32])),
            deleted: false,
        });
        let limiter = Mutex::new(Limiter {
            users: Buckets::new(config.retrievals_per_user),
            addresses: Buckets::new(config.retrievals_per_address),
        });
        Ok(Self(Arc::new(Shared { config, secret, stand_in, stand_in_rows: [user, cards], limiter })))
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &BrokerConfig {
        &self.0.config
    }

    pub(crate) fn origins(&self) -> &[String] {
        &self.0.config.origins
    }

    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.0.secret
    }

    /// The chain of nobody: verified in place of an unknown user's, so that the work is the same.
    pub(crate) fn stand_in(&self) -> &CardChain {
        &self.0.stand_in
    }

    /// The rows of nobody, a user's and cards': decoded in place of an unknown user's.
    pub(crate) fn stand_in_rows(&self) -> &[Vec<u8>; 2] {
        &self.0.stand_in_rows
    }

    /// Takes one attempt at retrieval, or says how long to wait.
    pub(crate) fn take_retrieval(
        &self,
        user: UserId,
        address: Option<u64>,
        now: Duration,
    ) -> Result<(), Duration> {
        let mut limiter = self.0.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = address {
            limiter.addresses.take(address, now)?;
        }
        limiter.users.take(user, now)
    }

    /// Gives one attempt at retrieval back.
    pub(crate) fn give_back_retrieval(&self, user: UserId, address: Option<u64>) {
        let mut limiter = self.0.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = address {
            limiter.addresses.give_back(address);
        }
        limiter.users.give_back(user);
    }
}

/// A broker's state is never another's.
impl Generation for BrokerState {
    fn generation(&self) -> u64 {
        0
    }
}
