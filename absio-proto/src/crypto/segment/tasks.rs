//! One segment on several cores: disjoint pieces of shared buffers. The caller brings the threads.

use super::open::SegmentOpener;
use super::seal::SegmentSealer;
use crate::crypto::suite::Digest48;
use crate::error::{CryptoError, InputError};

/// Some chunks to seal into their place.
#[must_use = "a task does nothing until it is run"]
pub struct SealTask<'a> {
    sealer: &'a SegmentSealer,
    first: u64,
    plaintext: &'a [u8],
    last: bool,
    sealed: &'a mut [u8],
    leaves: &'a mut [Digest48],
}

impl SealTask<'_> {
    /// Seals them.
    pub fn run(self) {
        self.sealer.seal_chunks(self.first, self.plaintext, self.last, self.sealed, self.leaves);
    }
}

/// Some chunks to open into their place.
#[must_use = "a task does nothing until it is run"]
pub struct OpenTask<'a> {
    opener: &'a SegmentOpener,
    first: u64,
    sealed: &'a [u8],
    plaintext: &'a mut [u8],
    leaves: &'a mut [Digest48],
}

impl OpenTask<'_> {
    /// Opens them.
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`]: everything opened with this segment is to be discarded.
    pub fn run(self) -> Result<(), CryptoError> {
        self.opener.open_chunks(self.first, self.sealed, self.plaintext, self.leaves)
    }
}

impl SegmentSealer {
    /// Cuts the sealing of one part into at most `ways` tasks over disjoint pieces of the buffers,
    /// whose lengths are those of [`seal_part_into`](Self::seal_part_into).
    ///
    /// # Errors
    /// [`InputError::InvalidArgument`] if a buffer has another length.
    pub fn split_part<'a>(
        &'a self,
        mut first: u64,
        mut plaintext: &'a [u8],
        last: bool,
        sealed: &'a mut [u8],
        leaves: &'a mut [Digest48],
        ways: usize,
    ) -> Result<Vec<SealTask<'a>>, InputError> {
        self.check_buffers(plaintext, last, sealed, leaves)?;
        let mut remaining = leaves.len();
        let each = remaining.div_ceil(ways.max(1)).max(1);
        let stride = self.chunk_size() + self.header().parameters.mac_index.tag_length();
        let mut tasks = Vec::new();
        for (sealed, leaves) in sealed.chunks_mut(each * stride).zip(leaves.chunks_mut(each)) {
            let (here, behind) = plaintext.split_at(plaintext.len().min(each * self.chunk_size()));
            let next = first + leaves.len() as u64;
            remaining -= leaves.len();
            let last = last && remaining == 0;
            tasks.push(SealTask { sealer: self, first, plaintext: here, last, sealed, leaves });
            (first, plaintext) = (next, behind);
        }
        Ok(tasks)
    }
}

impl SegmentOpener {
    /// Cuts the opening of one part into at most `ways` tasks over disjoint pieces of the buffers,
    /// whose lengths are those of [`open_part_into`](Self::open_part_into).
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`] if a buffer has another length.
    pub fn split_part<'a>(
        &'a self,
        mut first: u64,
        sealed: &'a [u8],
        mut plaintext: &'a mut [u8],
        leaves: &'a mut [Digest48],
        ways: usize,
    ) -> Result<Vec<OpenTask<'a>>, CryptoError> {
        self.check_buffers(first, sealed, plaintext, leaves)?;
        let parameters = &self.header().parameters;
        let tag = parameters.mac_index.tag_length();
        let each = leaves.len().div_ceil(ways.max(1)).max(1);
        let stride = (1usize << parameters.chunk_log2) + tag;
        let mut tasks = Vec::new();
        for (sealed, leaves) in sealed.chunks(each * stride).zip(leaves.chunks_mut(each)) {
            let (here, behind) = plaintext.split_at_mut(sealed.len() - leaves.len() * tag);
            let next = first + leaves.len() as u64;
            tasks.push(OpenTask { opener: self, first, sealed, plaintext: here, leaves });
            (first, plaintext) = (next, behind);
        }
        Ok(tasks)
    }
}
