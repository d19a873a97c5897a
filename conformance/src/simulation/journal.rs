//! What happened: hashed as a whole, and the last of it kept to be read.

use sha2::{Digest, Sha256};
use std::collections::VecDeque;

/// Lines kept.
const KEPT: usize = 60;

/// The trace: every effect, reply and result goes into one hash. Equal seeds give equal hashes.
pub(crate) struct Journal {
    hash: Sha256,
    last: VecDeque<String>,
    pub(crate) entries: u64,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { hash: Sha256::new(), last: VecDeque::new(), entries: 0 }
    }

    /// One thing that happened, in words.
    pub(crate) fn note(&mut self, line: String) {
        self.bytes(line.as_bytes());
        self.entries += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
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
