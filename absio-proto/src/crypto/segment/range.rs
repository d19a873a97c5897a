//! Verified range reads: a few chunks proven against the signed digest (security case 31).

use super::open::SegmentOpener;
use super::{Layout, SegmentDigest, SegmentHeader};
use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::merkle;
use crate::crypto::suite::Digest48;
use crate::error::CryptoError;

/// The hashes beside a run of chunks, from left to right ([`merkle::range_proof`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeProof(pub Vec<Digest48>);

/// Twice the height of the largest tree: no honest proof is longer.
const LONGEST: usize = 2 * 33;
/// Bytes of the longest range proof, encoded.
pub const LONGEST_RANGE_PROOF: usize = 1 + LONGEST * 48;

impl RangeProof {
    /// The number of hashes as u8, then the hashes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let count = u8::try_from(self.0.len()).expect("a proof has at most 66 hashes");
        self.0.iter().fold(Writer::new().u8(count), |writer, hash| writer.bytes(hash)).finish()
    }

    /// Reads the encoded form.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        match Self::split(bytes)? {
            (proof, []) => Ok(proof),
            _ => Err(CryptoError::Malformed { what: "range proof", reason: "bytes follow its end" }),
        }
    }

    /// Reads the encoded form at the front of `bytes`, and gives what follows it: the answer to a request
    /// for chunks.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`].
    pub fn split(bytes: &[u8]) -> Result<(Self, &[u8]), CryptoError> {
        let mut reader = Reader::new("range proof", bytes);
        let count = usize::from(reader.u8()?);
        if count > LONGEST {
            return Err(reader.malformed("it has more hashes than any tree"));
        }
        let hashes = (0..count).map(|_| reader.array()).collect::<Result<_, _>>()?;
        let rest = reader.bytes(reader.remaining())?;
        Ok((Self(hashes), rest))
    }
}

impl SegmentOpener {
    /// Opens the chunks of `sealed`, which begin at chunk `first`, and proves them against the
    /// signed digest before giving them out. The last chunk of a segment is told by the signed
    /// length, so an end-relative read proves the end.
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`] if a tag, the proof or the digest is not the one it must be.
    pub fn open_range(
        &self,
        first: u64,
        sealed: &[u8],
        proof: &RangeProof,
        signed: &SegmentDigest,
    ) -> Result<Vec<u8>, CryptoError> {
        let part = self.open_part(first, sealed)?;
        self.check_range(first, &part.leaves, proof, signed)?;
        Ok(part.plaintext.into_unproven_bytes())
    }

    /// Proves the leaves of the chunks from `first` on against the signed digest.
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`] if they are not the signed ones.
    pub fn check_range(
        &self,
        first: u64,
        leaves: &[Digest48],
        proof: &RangeProof,
        signed: &SegmentDigest,
    ) -> Result<(), CryptoError> {
        let root = merkle::root_from_range(self.layout().chunks(), first, leaves, &proof.0)
            .ok_or(CryptoError::Decrypt)?;
        self.check_root(&root, signed)
    }
}

/// Makes the proof for chunks `first..first + count` from a whole segment, without keys.
///
/// # Errors
/// [`CryptoError::Malformed`] if the segment or the range is.
pub fn prove_range(segment: &[u8], first: u64, count: u64) -> Result<RangeProof, CryptoError> {
    let outside = CryptoError::Malformed { what: "range", reason: "it lies outside the segment" };
    let (header, sealed) = SegmentHeader::split(segment)?;
    let layout = Layout::of_sealed(&header, sealed.len() as u64)?;
    layout.sealed_range(first, count).ok_or(outside)?;
    let tag = header.parameters.mac_index.tag_length();
    let stride = (1usize << header.parameters.chunk_log2) + tag;
    let leaves: Vec<_> =
        sealed.chunks(stride).map(|chunk| merkle::leaf(&chunk[chunk.len() - tag..])).collect();
    // The range lies inside a segment that is in memory, so both numbers fit.
    Ok(RangeProof(merkle::range_proof(&leaves, first as usize, count as usize)))
}
