//! Sealing: plaintext into chunks of ciphertext and tags.

use super::SegmentDigest;
use super::header::{HEADER_LENGTH, SegmentHeader, SegmentParameters};
use super::keys::SegmentKeys;
use super::layout::Layout;
use crate::crypto::keystream::Keystream;
use crate::crypto::merkle;
use crate::crypto::secret::Secret;
use crate::crypto::suite::Digest48;
use crate::error::{CryptoError, InputError};

/// Seals one segment, in parts of any whole number of chunks and in any order; parts may be sealed
/// on several threads at once.
pub struct SegmentSealer {
    header: SegmentHeader,
    keys: SegmentKeys,
    chunk: usize,
    tag: usize,
}

/// A sealed run of chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPart {
    /// Ciphertext and tag of each chunk in turn.
    pub bytes: Vec<u8>,
    /// The Merkle leaf of each chunk.
    pub leaves: Vec<Digest48>,
}

impl SegmentSealer {
    /// Derives the keys of one sealing. `secret` is `K_H` for a header, `K_C` for content. The
    /// salt in `parameters` must be fresh, and each part is sealed at most once under it (F1).
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] if the chunk size is not allowed.
    pub fn new(parameters: SegmentParameters, secret: &Secret<32>) -> Result<Self, CryptoError> {
        Layout::of(&parameters, 0)?;
        let (keys, commitment) = SegmentKeys::derive(&parameters, secret);
        Ok(Self {
            header: SegmentHeader { parameters, commitment },
            keys,
            chunk: 1 << parameters.chunk_log2,
            tag: parameters.mac_index.tag_length(),
        })
    }

    /// The clear header that the segment begins with.
    #[must_use]
    pub const fn header(&self) -> &SegmentHeader {
        &self.header
    }

    pub(super) const fn keys(&self) -> &SegmentKeys {
        &self.keys
    }

    /// Bytes of plaintext in a chunk.
    #[must_use]
    pub const fn chunk_size(&self) -> usize {
        self.chunk
    }

    /// How many chunks a part of `length` plaintext bytes has; `last` if it ends the segment.
    ///
    /// # Errors
    /// [`InputError::InvalidArgument`] for a part in the middle that is no whole number of chunks.
    pub fn part_chunks(&self, length: usize, last: bool) -> Result<usize, InputError> {
        if last {
            Ok(length / self.chunk + 1)
        } else if length.is_multiple_of(self.chunk) {
            Ok(length / self.chunk)
        } else {
            Err(wrong("part", "a part in the middle must be a whole number of chunks"))
        }
    }

    /// How many sealed bytes such a part becomes.
    ///
    /// # Errors
    /// As [`part_chunks`](Self::part_chunks).
    pub fn part_length(&self, length: usize, last: bool) -> Result<usize, InputError> {
        Ok(length + self.part_chunks(length, last)? * self.tag)
    }

    /// Seals `plaintext` as the chunks from `first` on; `last` if it ends the segment.
    ///
    /// # Errors
    /// As [`part_chunks`](Self::part_chunks).
    pub fn seal_part(&self, first: u64, plaintext: &[u8], last: bool) -> Result<SealedPart, InputError> {
        let mut part = SealedPart {
            bytes: vec![0; self.part_length(plaintext.len(), last)?],
            leaves: vec![[0; 48]; self.part_chunks(plaintext.len(), last)?],
        };
        self.seal_part_into(first, plaintext, last, &mut part.bytes, &mut part.leaves)?;
        Ok(part)
    }

    /// As [`seal_part`](Self::seal_part), into buffers that the caller owns: `sealed` of exactly
    /// [`part_length`](Self::part_length) bytes, `leaves` of exactly
    /// [`part_chunks`](Self::part_chunks) hashes.
    ///
    /// # Errors
    /// [`InputError::InvalidArgument`] if a buffer has another length; nothing is written then.
    pub fn seal_part_into(
        &self,
        first: u64,
        plaintext: &[u8],
        last: bool,
        sealed: &mut [u8],
        leaves: &mut [Digest48],
    ) -> Result<(), InputError> {
        self.check_buffers(plaintext, last, sealed, leaves)?;
        self.seal_chunks(first, plaintext, last, sealed, leaves);
        Ok(())
    }

    pub(super) fn check_buffers(
        &self,
        plaintext: &[u8],
        last: bool,
        sealed: &[u8],
        leaves: &[Digest48],
    ) -> Result<(), InputError> {
        let fits = sealed.len() == self.part_length(plaintext.len(), last)?
            && leaves.len() == self.part_chunks(plaintext.len(), last)?;
        if fits { Ok(()) } else { Err(wrong("buffer", "its length is not the part's")) }
    }

    /// The work itself: each chunk is encrypted from `plaintext` into its place in `sealed` and
    /// authenticated there while it is in the cache. Lengths have been checked.
    pub(super) fn seal_chunks(
        &self,
        first: u64,
        plaintext: &[u8],
        last: bool,
        sealed: &mut [u8],
        leaves: &mut [Digest48],
    ) {
        let mut keystream = Keystream::new(&self.keys.cipher);
        let blocks_per_chunk = (self.chunk / 16) as u64;
        let count = leaves.len();
        let mut rest = plaintext;
        let places = sealed.chunks_mut(self.chunk + self.tag);
        for ((index, place), (position, leaf)) in (first..).zip(places).zip((1..).zip(leaves)) {
            let (input, behind) = rest.split_at(rest.len().min(self.chunk));
            rest = behind;
            let (ciphertext, tag_place) = place.split_at_mut(input.len());
            keystream.apply(index * blocks_per_chunk, input, ciphertext);
            let tag = self.keys.tag(index, last && position == count, ciphertext);
            tag_place.copy_from_slice(tag.as_bytes());
            *leaf = tag.leaf();
        }
    }
}

/// Seals a whole segment on the calling thread. `plaintext` is padded already, if `parameters` say
/// so ([`Padding::pad`](super::Padding::pad)).
///
/// # Errors
/// [`CryptoError::Malformed`] if the chunk size is not allowed or `plaintext` is over the limit.
pub fn seal_segment(
    parameters: SegmentParameters,
    secret: &Secret<32>,
    plaintext: &[u8],
) -> Result<(Vec<u8>, SegmentDigest), CryptoError> {
    let layout = Layout::of(&parameters, plaintext.len() as u64)?;
    let sealer = SegmentSealer::new(parameters, secret)?;
    let chunks = plaintext.len() / sealer.chunk + 1;
    let mut segment = vec![0; HEADER_LENGTH + plaintext.len() + chunks * sealer.tag];
    let mut leaves = vec![[0; 48]; chunks];
    let (clear, sealed) = segment.split_at_mut(HEADER_LENGTH);
    clear.copy_from_slice(&sealer.header.encode());
    sealer.seal_chunks(0, plaintext, true, sealed, &mut leaves);
    let digest = SegmentDigest::compute(&sealer.header, layout.length(), &merkle::root(&leaves));
    Ok((segment, digest))
}

pub(super) fn wrong(argument: &'static str, reason: &str) -> InputError {
    InputError::InvalidArgument { argument, reason: reason.into() }
}
