//! Where chunks lie: lengths with checked arithmetic, before anything is allocated.

use super::header::{HEADER_LENGTH, SegmentHeader, SegmentParameters};
use crate::crypto::algorithm::MacIndex;
use crate::error::CryptoError;
use crate::limits;
use core::cmp::Ordering;
use core::ops::RangeInclusive;

/// The default chunk size, 64 KiB.
pub const DEFAULT_CHUNK_LOG2: u8 = 16;
/// The chunk sizes allowed, 4 KiB to 1 MiB.
pub(super) const CHUNK_LOG2: RangeInclusive<u8> = 12..=20;

const fn malformed(reason: &'static str) -> CryptoError {
    CryptoError::Malformed { what: "segment", reason }
}

/// The chunks of a segment with a known plaintext length: `length / C + 1` of them, all but the
/// last exactly C bytes of plaintext, the last shorter and possibly empty, each followed by its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    chunk: u64,
    tag: u64,
    length: u64,
}

impl Layout {
    /// The layout of `length` bytes of plaintext.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] if the chunk size is not allowed or `length` is over the limit
    /// of 2^44 bytes.
    pub fn new(chunk_log2: u8, mac_index: MacIndex, length: u64) -> Result<Self, CryptoError> {
        if !CHUNK_LOG2.contains(&chunk_log2) {
            return Err(malformed("its chunk size is not allowed"));
        }
        if length > limits::CONTENT {
            return Err(malformed("its length is over the limit"));
        }
        Ok(Self { chunk: 1 << chunk_log2, tag: mac_index.tag_length() as u64, length })
    }

    /// The layout of `length` bytes under `parameters`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of(parameters: &SegmentParameters, length: u64) -> Result<Self, CryptoError> {
        Self::new(parameters.chunk_log2, parameters.mac_index, length)
    }

    /// The layout of a segment with `sealed` bytes after its header.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] if no plaintext has that many.
    pub fn of_sealed(header: &SegmentHeader, sealed: u64) -> Result<Self, CryptoError> {
        let whole =
            sealed.checked_add(HEADER_LENGTH as u64).ok_or(malformed("its length is over the limit"))?;
        let length = total_length(whole, header.parameters.chunk_log2, header.parameters.mac_index)?;
        Self::of(&header.parameters, length)
    }

    /// Bytes of plaintext.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Bytes of plaintext in every chunk but the last.
    #[must_use]
    pub const fn chunk_size(&self) -> u64 {
        self.chunk
    }

    /// Bytes of a whole chunk with its tag: a part of an upload is a multiple of this (F42).
    #[must_use]
    pub const fn stride(&self) -> u64 {
        self.chunk + self.tag
    }

    /// How many chunks there are, at least 1.
    #[must_use]
    pub const fn chunks(&self) -> u64 {
        self.length / self.chunk + 1
    }

    /// Chunks in every part but the last, a part being 4 MiB of plaintext: a power of two, so that the root
    /// over a part is a node of the segment's tree.
    #[must_use]
    pub const fn chunks_per_part(&self) -> u64 {
        limits::PART / self.chunk
    }

    /// How many parts there are, at least 1.
    #[must_use]
    pub const fn parts(&self) -> u64 {
        self.chunks().div_ceil(self.chunks_per_part())
    }

    /// Bytes of all chunks with their tags, without the segment's header.
    #[must_use]
    pub const fn sealed_length(&self) -> u64 {
        self.length + self.chunks() * self.tag
    }

    /// Bytes of the whole segment.
    #[must_use]
    pub const fn segment_length(&self) -> u64 {
        HEADER_LENGTH as u64 + self.sealed_length()
    }

    /// Bytes of the plaintext of chunk `index`; none if there is no such chunk.
    #[must_use]
    pub fn chunk_length(&self, index: u64) -> Option<u64> {
        match index.cmp(&(self.length / self.chunk)) {
            Ordering::Less => Some(self.chunk),
            Ordering::Equal => Some(self.length % self.chunk),
            Ordering::Greater => None,
        }
    }

    /// Where the sealed bytes of chunks `first..first + count` lie: offset from the beginning of
    /// the segment (header included) and number of bytes. None outside the segment.
    #[must_use]
    pub fn sealed_range(&self, first: u64, count: u64) -> Option<(u64, u64)> {
        let end = first.checked_add(count)?;
        if count == 0 || end > self.chunks() {
            return None;
        }
        let start = first * self.stride();
        let stop = if end == self.chunks() { self.sealed_length() } else { end * self.stride() };
        Some((HEADER_LENGTH as u64 + start, stop - start))
    }

    /// The chunks that hold plaintext bytes `offset..offset + length`: the first and how many.
    /// None if the range does not lie in the plaintext.
    #[must_use]
    pub fn chunks_of(&self, offset: u64, length: u64) -> Option<(u64, u64)> {
        let end = offset.checked_add(length)?;
        if end > self.length {
            return None;
        }
        let first = offset / self.chunk;
        let last = if length == 0 { first } else { (end - 1) / self.chunk };
        Some((first, last - first + 1))
    }
}

/// Bytes of the segment that holds `length` bytes of plaintext.
///
/// # Errors
/// As [`Layout::new`].
pub fn segment_length(length: u64, chunk_log2: u8, mac_index: MacIndex) -> Result<u64, CryptoError> {
    Layout::new(chunk_log2, mac_index, length).map(|layout| layout.segment_length())
}

/// Bytes of the plaintext in a segment of `segment` bytes: the inverse of [`segment_length`].
///
/// # Errors
/// [`CryptoError::Malformed`] if no plaintext gives that length.
pub fn total_length(segment: u64, chunk_log2: u8, mac_index: MacIndex) -> Result<u64, CryptoError> {
    let empty = Layout::new(chunk_log2, mac_index, 0)?;
    let sealed = segment.checked_sub(HEADER_LENGTH as u64).ok_or(malformed("it ends early"))?;
    let whole = sealed / empty.stride();
    let rest =
        (sealed % empty.stride()).checked_sub(empty.tag).ok_or(malformed("its length is impossible"))?;
    let length = whole
        .checked_mul(empty.chunk)
        .and_then(|length| length.checked_add(rest))
        .ok_or(malformed("its length is over the limit"))?;
    let layout = Layout::new(chunk_log2, mac_index, length)?;
    if layout.segment_length() == segment { Ok(length) } else { Err(malformed("its length is impossible")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_an_inverse_and_gaps_are_refused() {
        for mac_index in [MacIndex::HmacSha256, MacIndex::HmacSha384] {
            let mut possible = std::collections::BTreeSet::new();
            for length in 0..9000 {
                let segment = segment_length(length, 12, mac_index).unwrap();
                assert_eq!(total_length(segment, 12, mac_index), Ok(length));
                possible.insert(segment);
            }
            for segment in 0..9000 {
                assert_eq!(total_length(segment, 12, mac_index).is_ok(), possible.contains(&segment));
            }
        }
    }

    /// Security case 68 at this level.
    #[test]
    fn ms_len_overflow_in_lengths() {
        for length in [limits::CONTENT + 1, u64::MAX - 1, u64::MAX] {
            assert!(segment_length(length, 16, MacIndex::HmacSha256).is_err());
        }
        assert!(segment_length(limits::CONTENT, 12, MacIndex::HmacSha384).is_ok());
        for segment in [u64::MAX, u64::MAX - 1, 1 << 63] {
            assert!(total_length(segment, 12, MacIndex::HmacSha256).is_err());
        }
        for chunk_log2 in [0, 11, 21, 64, 255] {
            assert!(Layout::new(chunk_log2, MacIndex::HmacSha256, 0).is_err());
        }
        let layout = Layout::new(12, MacIndex::HmacSha256, 5000).unwrap();
        assert_eq!(layout.sealed_range(u64::MAX, 2), None);
        assert_eq!(layout.chunks_of(u64::MAX, 2), None);
        assert_eq!(layout.chunks_of(4999, 2), None);
        assert_eq!(layout.chunks_of(4095, 2), Some((0, 2)));
        assert_eq!(layout.chunk_length(2), None);
    }
}
