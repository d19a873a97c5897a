//! Workloads of the benchmarks, each beside the limit it is held to. Absolute figures move from run
//! to run and machine to machine; what counts is a ratio of two things measured in one run.
//! `benches/README.md` holds the figures.

pub mod bound;
pub mod container;
pub mod contract;
pub mod local;
pub mod measure;
pub mod plain_server;
pub mod sealing;
pub mod sharing;
pub mod whole;

/// Bytes that look random and are the same on every run (an xorshift generator; never for keys that protect anything).
#[must_use]
pub fn bytes<const N: usize>(seed: u64) -> [u8; N] {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    core::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
}

/// [`bytes`](fn@bytes) as a source of randomness for the core.
pub struct Entropy(u64);

impl Entropy {
    /// The sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
}

impl absio_proto::Entropy for Entropy {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), absio_proto::EntropyError> {
        for piece in buffer.chunks_mut(8) {
            self.0 = self.0.wrapping_add(1);
            piece.copy_from_slice(&bytes::<8>(self.0)[..piece.len()]);
        }
        Ok(())
    }
}
