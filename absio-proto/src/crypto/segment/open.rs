//! Opening: every chunk is authenticated before it is decrypted, and the whole is proven against
//! the signed digest before a one-shot call gives anything out.

use super::SegmentDigest;
use super::header::{SegmentContext, SegmentHeader};
use super::keys::SegmentKeys;
use super::layout::Layout;
use crate::crypto::keystream::Keystream;
use crate::crypto::merkle::MerkleBuilder;
use crate::crypto::secret::Secret;
use crate::crypto::suite::Digest48;
use crate::error::CryptoError;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Decrypted bytes whose chunk tags passed but which are not yet proven against the signed digest:
/// another reader of the container could have written them (security cases 26 and 32).
#[derive(PartialEq, Eq)]
pub struct Provisional(Zeroizing<Vec<u8>>);

impl Provisional {
    pub(super) const fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The bytes. To be discarded if the segment's digest turns out to be another.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes the bytes, and the duty to discard them, over.
    #[must_use]
    pub fn into_unproven_bytes(mut self) -> Vec<u8> {
        core::mem::take(&mut *self.0)
    }
}

impl core::fmt::Debug for Provisional {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Provisional({} bytes)", self.0.len())
    }
}

/// An opened run of chunks.
#[derive(Debug, PartialEq, Eq)]
pub struct OpenedPart {
    /// The plaintext.
    pub plaintext: Provisional,
    /// The Merkle leaf of each chunk, for [`SegmentOpener::check_digest`].
    pub leaves: Vec<Digest48>,
}

/// Opens one segment of known length, in parts of any whole number of chunks and in any order.
pub struct SegmentOpener {
    header: SegmentHeader,
    keys: SegmentKeys,
    layout: Layout,
    chunk: usize,
    tag: usize,
}

impl SegmentOpener {
    /// Derives the keys and checks the commitment first, so that a wrong key is an error and never
    /// garbage. `expected` and `length` come from the verified manifest.
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`] if the segment is another one than expected or the secret is not
    /// its own; [`CryptoError::Malformed`] if `length` is over the limit.
    pub fn new(
        header: SegmentHeader,
        expected: &SegmentContext,
        length: u64,
        secret: &Secret<32>,
    ) -> Result<Self, CryptoError> {
        if header.parameters.context != *expected {
            return Err(CryptoError::Decrypt);
        }
        let layout = Layout::of(&header.parameters, length)?;
        let (keys, commitment) = SegmentKeys::derive(&header.parameters, secret);
        if !bool::from(commitment.ct_eq(&header.commitment)) {
            return Err(CryptoError::Decrypt);
        }
        let chunk = 1 << header.parameters.chunk_log2;
        let tag = header.parameters.mac_index.tag_length();
        Ok(Self { header, keys, layout, chunk, tag })
    }

    /// The clear header.
    #[must_use]
    pub const fn header(&self) -> &SegmentHeader {
        &self.header
    }

    pub(super) const fn keys(&self) -> &SegmentKeys {
        &self.keys
    }

    /// Where the chunks lie.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Opens the chunks from `first` on. `sealed` is a whole number of chunks, of which only the
    /// segment's last may be short.
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`] if a length or a tag is not the one it must be; nothing of the part
    /// is given out then.
    pub fn open_part(&self, first: u64, sealed: &[u8]) -> Result<OpenedPart, CryptoError> {
        let count = self.part_chunks(first, sealed.len())?;
        let mut plaintext = Zeroizing::new(vec![0; sealed.len() - count * self.tag]);
        let mut leaves = vec![[0; 48]; count];
        self.open_chunks(first, sealed, &mut plaintext, &mut leaves)?;
        Ok(OpenedPart { plaintext: Provisional(plaintext), leaves })
    }

    /// How many chunks the part of `sealed` bytes at chunk `first` has.
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`] if no part has that length there.
    pub fn part_chunks(&self, first: u64, sealed: usize) -> Result<usize, CryptoError> {
        let count = sealed.div_ceil(self.chunk + self.tag);
        match self.layout.sealed_range(first, count as u64) {
            Some((_, length)) if length == sealed as u64 => Ok(count),
            _ => Err(CryptoError::Decrypt),
        }
    }

    /// As [`open_part`](Self::open_part), into buffers that the caller owns: `plaintext` of exactly
    /// the sealed length without tags, `leaves` of exactly [`part_chunks`](Self::part_chunks).
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`], also for a buffer of another length. What was written before the
    /// failing chunk is wiped.
    pub fn open_part_into(
        &self,
        first: u64,
        sealed: &[u8],
        plaintext: &mut [u8],
        leaves: &mut [Digest48],
    ) -> Result<(), CryptoError> {
        self.check_buffers(first, sealed, plaintext, leaves)?;
        self.open_chunks(first, sealed, plaintext, leaves)
    }

    pub(super) fn check_buffers(
        &self,
        first: u64,
        sealed: &[u8],
        plaintext: &[u8],
        leaves: &[Digest48],
    ) -> Result<(), CryptoError> {
        let count = self.part_chunks(first, sealed.len())?;
        let fits = leaves.len() == count && plaintext.len() == sealed.len() - count * self.tag;
        if fits { Ok(()) } else { Err(CryptoError::Decrypt) }
    }

    /// The work itself: each chunk is authenticated, then decrypted while it is in the cache.
    /// Lengths have been checked.
    pub(super) fn open_chunks(
        &self,
        first: u64,
        sealed: &[u8],
        plaintext: &mut [u8],
        leaves: &mut [Digest48],
    ) -> Result<(), CryptoError> {
        let mut keystream = Keystream::new(&self.keys.cipher);
        let blocks_per_chunk = (self.chunk / 16) as u64;
        let last = self.layout.chunks() - 1;
        let mut written = 0;
        let places = sealed.chunks(self.chunk + self.tag);
        for ((index, place), leaf) in (first..).zip(places).zip(leaves) {
            let (ciphertext, tag) = place.split_at(place.len() - self.tag);
            let expected = self.keys.tag(index, index == last, ciphertext);
            if !bool::from(expected.as_bytes().ct_eq(tag)) {
                plaintext[..written].zeroize();
                return Err(CryptoError::Decrypt);
            }
            let output = &mut plaintext[written..written + ciphertext.len()];
            keystream.apply(index * blocks_per_chunk, ciphertext, output);
            written += ciphertext.len();
            *leaf = expected.leaf();
        }
        Ok(())
    }

    /// Proves everything opened: the leaves of all chunks in order against the signed digest.
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`] if the digest is another or a chunk is missing.
    pub fn check_digest(&self, tree: &MerkleBuilder, signed: &SegmentDigest) -> Result<(), CryptoError> {
        if tree.count() != self.layout.chunks() {
            return Err(CryptoError::Decrypt);
        }
        self.check_root(&tree.root(), signed)
    }

    pub(crate) fn check_root(&self, root: &Digest48, signed: &SegmentDigest) -> Result<(), CryptoError> {
        let digest = SegmentDigest::compute(&self.header, self.layout.length(), root);
        if digest.length == signed.length && bool::from(digest.digest.ct_eq(&signed.digest)) {
            Ok(())
        } else {
            Err(CryptoError::Decrypt)
        }
    }

    fn open_all(&self, sealed: &[u8]) -> Result<(Zeroizing<Vec<u8>>, MerkleBuilder), CryptoError> {
        let part = self.open_part(0, sealed)?;
        let mut tree = MerkleBuilder::new();
        tree.extend(&part.leaves);
        self.check_complete(&tree)?;
        Ok((part.plaintext.0, tree))
    }

    fn check_complete(&self, tree: &MerkleBuilder) -> Result<(), CryptoError> {
        if tree.count() == self.layout.chunks() { Ok(()) } else { Err(CryptoError::Decrypt) }
    }
}

/// Opens a whole segment against the digest that the manifest signs; nothing is given out unless
/// everything passed. The padding is checked and taken off.
///
/// # Errors
/// [`CryptoError::Decrypt`] for every cause from the secret to the digest;
/// [`CryptoError::Malformed`] or [`CryptoError::Unknown`] if the clear header or padding is.
pub fn open_segment(
    segment: &[u8],
    expected: &SegmentContext,
    signed: &SegmentDigest,
    secret: &Secret<32>,
) -> Result<Vec<u8>, CryptoError> {
    let (header, sealed) = SegmentHeader::split(segment)?;
    let opener = SegmentOpener::new(header, expected, signed.length, secret)?;
    let (plaintext, tree) = opener.open_all(sealed)?;
    opener.check_digest(&tree, signed)?;
    unpadded(&header, plaintext)
}

/// Opens a whole segment that no manifest vouches for: a holder of the keys wrote it, more is not
/// known (F29).
///
/// # Errors
/// As [`open_segment`].
pub fn open_segment_unsigned(
    segment: &[u8],
    expected: &SegmentContext,
    secret: &Secret<32>,
) -> Result<Vec<u8>, CryptoError> {
    let (header, sealed) = SegmentHeader::split(segment)?;
    let layout = Layout::of_sealed(&header, sealed.len() as u64)?;
    let opener = SegmentOpener::new(header, expected, layout.length(), secret)?;
    unpadded(&header, opener.open_all(sealed)?.0)
}

fn unpadded(header: &SegmentHeader, mut plaintext: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, CryptoError> {
    let length = header.parameters.padding.check(&plaintext)?;
    plaintext.truncate(length);
    Ok(core::mem::take(&mut *plaintext))
}
