//! Range proofs over the hash tree of a content (`docs/protocol.md` §9.4).
//!
//! ```text
//!  root ── groups of parts (a row of their roots) ── parts (a root in each row) ── chunks (tags in the blobs)
//! ```
//!
//! Parts hold a power of two of chunks and groups a power of two of parts, so that each level's roots
//! are nodes of the one tree. A proof reads the row of groups, the parts of at most two groups, and the
//! bytes of the parts that the range cuts: whatever the size of the content.

use super::super::uploads::{self, GROUP, Upload};
use crate::handler::admit::present;
use crate::rows::{self, Kept, PartRow};
use crate::turn::{Turn, Turned, damaged, refuse};
use absio_proto::RemoteCode;
use absio_proto::crypto::merkle;
use absio_proto::crypto::segment::{Layout, RangeProof, SegmentHeader, prove_range};
use absio_proto::crypto::suite::Digest48;
use absio_proto::wire::UploadId;

fn outside() -> crate::turn::Halt {
    refuse(RemoteCode::BadRequest, "there are no such chunks")
}

/// Where chunks `first..first + count` lie in the segment, offset and length, and their proof.
pub(super) fn prove(
    turn: &mut Turn<'_>,
    kept: &Kept,
    first: u64,
    count: u64,
) -> Turned<((u64, u64), RangeProof)> {
    match kept {
        Kept::Blob { id, length } => {
            let blob = rows::blob_id(id).ok_or_else(damaged)?;
            let segment = turn.blob(blob, 0, *length)?;
            let (header, sealed) = SegmentHeader::split(&segment).map_err(|_| damaged())?;
            let layout = Layout::of_sealed(&header, sealed.len() as u64).map_err(|_| damaged())?;
            let range = layout.sealed_range(first, count).ok_or_else(outside)?;
            Ok((range, prove_range(&segment, first, count).map_err(|_| damaged())?))
        }
        Kept::Upload { id, .. } => {
            let upload = uploads::used_upload(turn, *id)?;
            let range = upload.layout.sealed_range(first, count).ok_or_else(outside)?;
            let tree = Tree { id: *id, upload: &upload };
            let hashes = merkle::range_proof_by(upload.layout.chunks(), first, count, |start, size| {
                tree.subtree(turn, start, size)
            })?;
            Ok((range, RangeProof(hashes)))
        }
    }
}

struct Tree<'a> {
    id: UploadId,
    upload: &'a Upload,
}

impl Tree<'_> {
    /// The root over `size` chunks from `start` on.
    fn subtree(&self, turn: &mut Turn<'_>, start: u64, size: u64) -> Turned<Digest48> {
        let chunks = self.upload.row.chunks_per_part;
        let first = start / chunks;
        if !start.is_multiple_of(chunks) || size < chunks && start + size != self.upload.layout.chunks() {
            let skipped = start % chunks;
            let leaves = self.leaves(turn, first)?;
            return root_of(&leaves, skipped, size);
        }
        let count = size.div_ceil(chunks);
        if first.is_multiple_of(GROUP) && (count >= GROUP || first + count == self.upload.row.parts) {
            let groups = self.groups(turn)?;
            return root_of(&groups, first / GROUP, count.div_ceil(GROUP));
        }
        let group = first / GROUP;
        root_of(&self.parts(turn, group)?, first - group * GROUP, count)
    }

    fn groups(&self, turn: &mut Turn<'_>) -> Turned<Vec<Digest48>> {
        match turn.row(&rows::groups(self.id))? {
            Some(row) => {
                let (groups, rest) = row.as_chunks::<48>();
                if rest.is_empty() { Ok(groups.to_vec()) } else { Err(damaged()) }
            }
            // A broker of before this row committed the content.
            None => {
                let row = uploads::group_roots(&uploads::part_roots(turn, self.id)?);
                Ok(row.as_chunks::<48>().0.to_vec())
            }
        }
    }

    /// The roots of the parts of a group.
    fn parts(&self, turn: &mut Turn<'_>, group: u64) -> Turned<Vec<Digest48>> {
        let start = rows::part(self.id, group * GROUP);
        let rows = turn.scan(start, rows::part(self.id, (group + 1) * GROUP), GROUP as usize)?;
        rows.iter().map(|(_, row)| uploads::root_of(&rows::decode(row).ok_or_else(damaged)?)).collect()
    }

    /// The leaves of a part's chunks.
    fn leaves(&self, turn: &mut Turn<'_>, number: u64) -> Turned<Vec<Digest48>> {
        let row: PartRow = present(turn.typed(&rows::part(self.id, number))?)?;
        let blob = rows::blob_id(&row.blob).ok_or_else(damaged)?;
        let (_, length) = present(self.upload.range(number))?;
        let bytes = turn.blob(blob, 0, length)?;
        Ok(uploads::leaves(self.upload, &bytes))
    }
}

fn root_of(hashes: &[Digest48], first: u64, count: u64) -> Turned<Digest48> {
    let end = usize::try_from(first + count).ok();
    let hashes = end.and_then(|end| hashes.get(usize::try_from(first).ok()?..end)).ok_or_else(damaged)?;
    Ok(merkle::root(hashes))
}
