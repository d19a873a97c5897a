//! The bytes of headers and contents: taken in, given out, taken away.

use super::super::uploads::{self, Finished};
use crate::handler::admit::{present, too_large};
use crate::rows::{self, Kept, PartRow};
use crate::turn::{Plan, Turn, Turned, damaged, invalid};
use absio_proto::crypto::manifest::Section;
use absio_proto::crypto::segment::{HEADER_LENGTH, SegmentContext, SegmentDigest, SegmentVerifier};
use absio_proto::effect::BlobId;
use absio_proto::limits;
use absio_proto::wire::{Base64, UploadId};

/// Bytes of a sealed header of the largest plaintext, padded: chunks of 4 KiB with tags of 48 bytes.
const LONGEST_HEADER: u64 = {
    let plaintext = limits::HEADER_MAX as u64 + 2048;
    plaintext + (plaintext / 4096 + 1) * 48 + HEADER_LENGTH as u64
};

/// What a change does with a section.
pub(super) enum Take {
    /// Nothing: it stays.
    Keep,
    /// There is none, or it is kept elsewhere.
    None,
    /// These bytes, verified, are the new one.
    Inline,
    /// This upload is the new one.
    Upload,
}

/// What came for a section.
pub(super) struct Given<'a> {
    /// The whole segment.
    pub(super) inline: Option<&'a [u8]>,
    /// A finished upload.
    pub(super) upload: Option<(UploadId, &'a Finished)>,
}

/// Verifies what came for a section against what the manifest signs of it. The digest covers all
/// that a broker can check: the clear header, the length and every tag.
pub(super) fn take(
    section: &Section,
    context: SegmentContext,
    changed: bool,
    given: &Given<'_>,
) -> Turned<Take> {
    let superfluous = || invalid(&"a segment came that the manifest does not name as new");
    let missing = || invalid(&"a segment that the manifest names as new did not come");
    let other = || invalid(&"a segment is not the one the manifest signs");
    if !changed || !section.state.is_stored() {
        if given.inline.is_some() || given.upload.is_some() {
            return Err(superfluous());
        }
        return Ok(if changed { Take::None } else { Take::Keep });
    }
    let check = |found: SegmentContext, digest: SegmentDigest| {
        if found == context && digest == section.digest { Ok(()) } else { Err(other()) }
    };
    match (given.inline, given.upload) {
        (Some(bytes), None) => {
            let mut verifier = SegmentVerifier::new(section.digest.length);
            verifier.update(bytes).map_err(|error| invalid(&error))?;
            let (header, digest) = verifier.finish().map_err(|error| invalid(&error))?;
            check(header.parameters.context, digest)?;
            Ok(Take::Inline)
        }
        (None, Some((_, finished))) => {
            check(finished.header.parameters.context, finished.digest)?;
            Ok(Take::Upload)
        }
        (None, None) => Err(missing()),
        (Some(_), Some(_)) => Err(superfluous()),
    }
}

/// Whether segments inside a bundle are within their limits.
pub(super) fn limit_inline(header: Option<&[u8]>, content: Option<&[u8]>) -> Turned<()> {
    for (segment, limit) in [(header, LONGEST_HEADER), (content, limits::INLINE_SEGMENT)] {
        if segment.is_some_and(|bytes| bytes.len() as u64 > limit) {
            return Err(too_large(limit));
        }
    }
    Ok(())
}

/// Puts a new inline segment into the plan.
pub(super) fn keep_inline(turn: &mut Turn<'_>, plan: &mut Plan, bytes: &[u8]) -> Kept {
    let blob = BlobId(turn.random());
    plan.add_blob(blob, bytes.to_vec());
    Kept::Blob { id: Base64(blob.0.to_vec()), length: bytes.len() as u64 }
}

/// Makes an upload the content.
pub(super) fn keep_upload(plan: &mut Plan, id: UploadId, finished: &Finished) -> Kept {
    plan.put(rows::upload(id), rows::encode(&finished.used_row));
    plan.put(rows::groups(id), finished.groups.clone());
    plan.delete(rows::touched(id));
    Kept::Upload { id, length: finished.segment_length }
}

/// Puts what is no longer needed where it will be removed.
pub(super) fn drop_kept(plan: &mut Plan, kept: Option<&Kept>) -> Turned<()> {
    match kept {
        None => {}
        Some(Kept::Blob { id, .. }) => plan.remove_blob(rows::blob_id(id).ok_or_else(damaged)?),
        // There may be millions of parts: housekeeping takes them away in batches.
        Some(Kept::Upload { id, .. }) => plan.put(rows::trash(*id), Vec::new()),
    }
    Ok(())
}

/// `length` bytes at `offset` of a segment; fewer at its end.
pub(super) fn read(turn: &mut Turn<'_>, kept: &Kept, offset: u64, length: u64) -> Turned<Vec<u8>> {
    read_behind(turn, kept, offset, length, &[])
}

/// The same behind `front`, in one piece of memory.
pub(super) fn read_behind(
    turn: &mut Turn<'_>,
    kept: &Kept,
    offset: u64,
    length: u64,
    front: &[u8],
) -> Turned<Vec<u8>> {
    let end = offset.saturating_add(length).min(kept.length());
    let length = usize::try_from(end.saturating_sub(offset)).map_err(|_| damaged())?;
    let room = || {
        let mut bytes = Vec::with_capacity(front.len() + length);
        bytes.extend_from_slice(front);
        bytes
    };
    match kept {
        _ if length == 0 => Ok(room()),
        Kept::Blob { id, .. } => {
            let blob = rows::blob_id(id).ok_or_else(damaged)?;
            let piece = turn.blob(blob, offset, end - offset)?;
            let mut bytes = room();
            bytes.extend_from_slice(&piece);
            Ok(bytes)
        }
        Kept::Upload { id, .. } => read_parts(turn, *id, offset, end, room),
    }
}

/// Bytes `offset..end` of the clear header and the parts behind it.
fn read_parts(
    turn: &mut Turn<'_>,
    id: UploadId,
    offset: u64,
    end: u64,
    room: impl FnOnce() -> Vec<u8>,
) -> Turned<Vec<u8>> {
    let upload = uploads::used_upload(turn, id)?;
    let header_end = HEADER_LENGTH as u64;
    let mut pieces = Vec::new();
    if end > header_end {
        let first = offset.saturating_sub(header_end) / upload.stride();
        let last = (end - header_end - 1) / upload.stride();
        let keys: Vec<_> = (first..=last).map(|number| rows::part(id, number)).collect();
        let parts = turn.rows(&keys)?;
        for (number, part) in (first..=last).zip(parts) {
            let part: PartRow = present(part.and_then(|row| rows::decode(&row)))?;
            let blob = rows::blob_id(&part.blob).ok_or_else(damaged)?;
            let (start, length) = present(upload.range(number))?;
            let from = offset.max(start);
            let to = end.min(start + length);
            pieces.push(turn.blob(blob, from - start, to - from)?);
        }
    }
    // Room is made when everything is at hand: a turn that must fetch first makes none.
    let mut bytes = room();
    if offset < header_end {
        let to = end.min(header_end);
        let piece = upload.row.header.0.get(offset as usize..to as usize);
        bytes.extend_from_slice(present(piece)?);
    }
    pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
    Ok(bytes)
}
