//! Reproducible randomness for unit tests.

use crate::operation::{Entropy, EntropyError};
use sha2::{Digest, Sha256};

/// SHA-256 of (seed, counter), block by block.
pub(crate) struct TestEntropy {
    seed: u64,
    counter: u64,
}

impl TestEntropy {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }
}

impl Entropy for TestEntropy {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in buffer.chunks_mut(32) {
            let block = Sha256::digest([self.seed.to_be_bytes(), self.counter.to_be_bytes()].concat());
            chunk.copy_from_slice(&block[..chunk.len()]);
            self.counter += 1;
        }
        Ok(())
    }
}
