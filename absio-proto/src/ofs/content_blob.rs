//! What a blob with a content holds (`docs/protocol.md` §18.5): the chunks of the segment without its
//! clear header, then the root of each part of 4 MiB of plaintext, so that any part is proven without the
//! others.

use crate::crypto::merkle;
use crate::crypto::segment::{Layout, SegmentHeader};
use crate::error::CryptoError;

/// Bytes of a root.
pub(crate) const ROOT: u64 = 48;

/// What a blob of the local store holds of a whole segment: its chunks, and the roots of its parts.
///
/// # Errors
/// [`CryptoError::Malformed`] if it is none.
pub(crate) fn chunks_and_roots(segment: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (header, sealed) = SegmentHeader::split(segment)?;
    let layout = Layout::of_sealed(&header, sealed.len() as u64)?;
    let tag = header.parameters.mac_index.tag_length();
    let stride = usize::try_from(layout.stride()).unwrap_or(usize::MAX);
    let part = usize::try_from(layout.chunks_per_part()).unwrap_or(usize::MAX);
    let leaf = |chunk: &[u8]| merkle::leaf(&chunk[chunk.len().saturating_sub(tag)..]);
    let leaves: Vec<_> = sealed.chunks(stride).map(leaf).collect();
    let mut bytes = sealed.to_vec();
    leaves.chunks(part).for_each(|leaves| bytes.extend_from_slice(&merkle::root(leaves)));
    Ok(bytes)
}
