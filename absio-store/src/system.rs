//! The clocks and the random source of this machine, for clients and for brokers, and what hosts lend of them.

use absio_proto::model::Timestamp;
use absio_proto::{Entropy, EntropyError, Now};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

/// The operating system's random source: what clients and brokers draw from, and what a program needs
/// that seals a container by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(buffer).map_err(|_| EntropyError)
    }
}

/// Both clocks of the machine, read together.
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic reading begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }

    /// The time. A clock before 1970 reads as 1970.
    #[must_use]
    pub fn now(&self) -> Now {
        let utc = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now {
            utc: Timestamp::from_millis(u64::try_from(utc.as_millis()).unwrap_or(u64::MAX)),
            monotonic: self.started.elapsed(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a client's host and a server take the time and randomness from: this machine, unless a test says
/// otherwise.
pub struct Machine {
    now: Box<dyn Fn() -> Now + Send + Sync>,
    entropy: Mutex<Box<dyn Entropy + Send>>,
}

impl Machine {
    /// The time as `now` tells it, and what `entropy` draws.
    #[must_use]
    pub fn new(now: Box<dyn Fn() -> Now + Send + Sync>, entropy: Box<dyn Entropy + Send>) -> Self {
        Self { now, entropy: Mutex::new(entropy) }
    }

    /// The clocks and the random source of this machine.
    #[must_use]
    pub fn system() -> Self {
        let clock = SystemClock::new();
        Self::new(Box::new(move || clock.now()), Box::new(SystemEntropy))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Now {
        (self.now)()
    }

    /// Lends both for one turn; one turn at a time.
    pub fn lend<R>(&self, turn: impl FnOnce(Now, &mut dyn Entropy) -> R) -> R {
        let now = self.now();
        turn(now, &mut **self.entropy.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Locked for one draw at a time.
impl Entropy for &Machine {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner).fill(buffer)
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::system()
    }
}
