//! What happened: hashed as a whole, and the last of it kept to be read.

use sha2::{Digest, Sha256};
use std::collections::VecDeque;

/// The trace: every effect, reply and result goes into one hash. Equal seeds give equal hashes.
pub(crate) struct Journal {
    hash: Sha256,
    last: VecDeque<String>,
    kept: usize,
}

impl Journal {
    /// A journal that keeps the last `kept` lines.
    pub(crate) fn new(kept: usize) -> Self {
        Self { hash: Sha256::new(), last: VecDeque::new(), kept }
    }

    /// One thing that happened, in words.
    pub(crate) fn note(&mut self, line: String) {
        self.bytes(line.as_bytes());
        self.last.push_back(line);
        if self.last.len() > self.kept {
            self.last.pop_front();
        }
    }

    /// What passed with it, byte for byte.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.hash.update((bytes.len() as u64).to_be_bytes());
        self.hash.update(bytes);
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    pub(crate) fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}
