//! `SEG1`: the encrypted header or content of a container, in chunks that are independent of each
//! other (`docs/protocol.md`, section 9).
//!
//! ```text
//! SegmentSealer ─ seal_part(first, plaintext, last) ─▶ ciphertext ‖ tags, leaves ┐
//!                                                                                ├▶ MerkleBuilder ─▶ SegmentDigest
//! SegmentOpener ─ open_part(first, sealed) ─▶ Provisional plaintext, leaves ─────┘   (the manifest signs it)
//! SegmentVerifier ─ bytes as they come, without keys ─▶ SegmentDigest
//! ```

mod header;
mod in_place;
mod keys;
mod layout;
mod open;
mod padding;
mod range;
mod seal;
mod tasks;
mod verifier;

pub use header::{HEADER_LENGTH, SegmentContext, SegmentHeader, SegmentKind, SegmentParameters};
pub use layout::{DEFAULT_CHUNK_LOG2, Layout, segment_length, total_length};
pub use open::{OpenedPart, Provisional, SegmentOpener, open_segment, open_segment_unsigned};
pub use padding::{Padding, padme};
pub use range::{LONGEST_RANGE_PROOF, RangeProof, prove_range};
pub use seal::{SealedPart, SegmentSealer, seal_segment};
pub use tasks::{OpenTask, SealTask};
pub use verifier::SegmentVerifier;

use crate::crypto::suite::{Digest48, HashLabel, hash};

/// What a manifest signs of a segment: how much plaintext it holds and the digest of all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentDigest {
    /// Bytes of plaintext, padding included.
    pub length: u64,
    /// `SHA-384("absio/v1/segdig" ‖ 0x00 ‖ clear header ‖ length u64 ‖ Merkle root of the tags)`.
    pub digest: Digest48,
}

impl SegmentDigest {
    /// The digest of a segment with this header, plaintext length and Merkle root.
    #[must_use]
    pub fn compute(header: &SegmentHeader, length: u64, root: &Digest48) -> Self {
        let digest = hash(HashLabel::SegmentDigest, &[&header.encode(), &length.to_be_bytes(), root]);
        Self { length, digest }
    }
}

#[cfg(test)]
mod tests;
