//! Randomness from a seed: the same objects for the same seed.

use absio_proto::{Entropy, EntropyError};
use sha2::{Digest, Sha256};

/// Draws bytes and numbers.
pub(super) struct Draw {
    seed: u64,
    drawn: u64,
}

impl Draw {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.put(&mut bytes);
        bytes
    }

    pub(super) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.put(&mut bytes);
        bytes
    }

    /// A number below `limit`, which is not 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        u64::from_be_bytes(self.array()) % limit
    }

    /// A length that is often short and sometimes at an edge of `edge`.
    pub(super) fn length(&mut self, edge: usize) -> usize {
        let edge = edge as u64;
        let length = match self.below(4) {
            0 => self.below(40),
            1 => self.below(3 * edge),
            2 => edge * self.below(3),
            _ => (edge * (1 + self.below(2))).saturating_add(self.below(3)).saturating_sub(1),
        };
        usize::try_from(length).expect("lengths are small")
    }

    fn put(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            self.drawn += 1;
            let block =
                Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(self.drawn.to_be_bytes());
            chunk.copy_from_slice(&block.finalize()[..chunk.len()]);
        }
    }
}

impl Entropy for Draw {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.put(buffer);
        Ok(())
    }
}
