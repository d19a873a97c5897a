//! The clocks and the random source of this machine, for clients and for brokers.

use absio_proto::model::Timestamp;
use absio_proto::{Entropy, EntropyError, Now};
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
