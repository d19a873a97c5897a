//! Large content in parts (`docs/protocol.md` §14.6, "Uploads").
//!
//! A part is a blob of its own, sealed before it is answered, with the root of the hash tree over its
//! chunks. Full parts hold a power of two of chunks, so that root is a node of the whole segment's
//! tree: finishing an upload reads rows, not bytes.

use super::admit::{Caller, present};
use super::json_answer;
use super::sessions::empty;
use crate::rows::{self, PartRow, UploadRow};
use crate::turn::{Plan, Turn, Turned, damaged, invalid, refuse, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::merkle;
use absio_proto::crypto::segment::{Layout, SegmentDigest, SegmentHeader, SegmentKind};
use absio_proto::crypto::suite::Digest48;
use absio_proto::effect::BlobId;
use absio_proto::limits;
use absio_proto::model::{ContainerId, UserId};
use absio_proto::wire::{Base64, BeginUpload, UploadBegun, UploadId, UploadStatus, from_json};

/// Parts looked at in one go.
const BATCH: usize = 10_000;

/// Parts in a group: a power of two, so that a group's root is a node of the segment's tree too.
pub(super) const GROUP: u64 = 64;

/// An upload with the arithmetic of its parts.
pub(super) struct Upload {
    pub(super) row: UploadRow,
    pub(super) header: SegmentHeader,
    pub(super) layout: Layout,
}

impl Upload {
    fn of(row: UploadRow) -> Turned<Self> {
        let header = SegmentHeader::decode(&row.header.0).map_err(|_| damaged())?;
        let layout = Layout::of(&header.parameters, row.total_length).map_err(|_| damaged())?;
        Ok(Self { row, header, layout })
    }

    /// Where the sealed bytes of part `number` lie in the segment.
    pub(super) fn range(&self, number: u64) -> Option<(u64, u64)> {
        let first = number.checked_mul(self.row.chunks_per_part)?;
        let count = self.layout.chunks().checked_sub(first)?.min(self.row.chunks_per_part);
        self.layout.sealed_range(first, count)
    }

    /// Bytes of every part but the last.
    pub(super) fn stride(&self) -> u64 {
        self.row.chunks_per_part * self.layout.stride()
    }
}

fn not_found(upload: UploadId) -> crate::turn::Halt {
    refuse_about(RemoteCode::UploadNotFound, "there is no such upload; begin it again", upload)
}

/// The caller's own upload that is still under way.
fn open_upload(turn: &mut Turn<'_>, user: UserId, upload: UploadId) -> Turned<Upload> {
    let row: Option<UploadRow> = turn.typed_watch(&rows::upload(upload))?;
    let row = row.filter(|row| row.user == user && !row.used).ok_or_else(|| not_found(upload))?;
    Upload::of(row)
}

/// The upload that a container is made of.
pub(super) fn used_upload(turn: &mut Turn<'_>, upload: UploadId) -> Turned<Upload> {
    Upload::of(present(turn.typed(&rows::upload(upload))?)?)
}

/// `POST /v1/uploads`.
pub(super) fn begin(turn: &mut Turn<'_>, caller: &Caller) -> Turned<Plan> {
    let user = caller.user()?;
    let body = turn.body(|body| from_json::<BeginUpload>("the body", body))?;
    let header = SegmentHeader::decode(&body.segment_header.0).map_err(|error| invalid(&error))?;
    let context = header.parameters.context;
    if context.kind != SegmentKind::Content || context.container != body.container_id {
        return Err(invalid(&"the segment header is not of this container's content"));
    }
    if body.total_length > limits::CONTENT {
        return Err(refuse(RemoteCode::TooLarge, "the content is over its limit of 2^44 bytes"));
    }
    let layout = Layout::of(&header.parameters, body.total_length).map_err(|error| invalid(&error))?;
    let chunks_per_part = layout.chunks_per_part();
    let upload_id = UploadId(turn.random());
    let row = UploadRow {
        user,
        container: body.container_id,
        header: body.segment_header.clone(),
        total_length: body.total_length,
        chunks_per_part,
        parts: layout.parts(),
        used: false,
    };
    let begun = UploadBegun { upload_id, chunks_per_part, parts: row.parts };
    let mut plan = Plan::answer(json_answer(201, &begun));
    plan.put(rows::upload(upload_id), rows::encode(&row));
    plan.put(rows::touched(upload_id), turn.time().as_millis().to_be_bytes().to_vec());
    Ok(plan)
}

/// `PUT /v1/uploads/{upload}/parts/{n}`.
pub(super) fn put_part(turn: &mut Turn<'_>, caller: &Caller, id: UploadId, number: u64) -> Turned<Plan> {
    let upload = open_upload(turn, caller.user()?, id)?;
    let request = turn.inbound.request.clone();
    let body = &request.body;
    let (_, length) = upload.range(number).ok_or_else(|| {
        refuse(RemoteCode::BadRequest, format!("the upload has {} parts", upload.row.parts))
    })?;
    if body.len() as u64 != length {
        let message = format!("part {number} is {length} bytes long, {} came", body.len());
        return Err(refuse(RemoteCode::BadRequest, message));
    }
    let key = rows::part(id, number);
    if let Some(stored) = turn.typed_watch::<PartRow>(&key)? {
        let stored = rows::blob_id(&stored.blob).ok_or_else(damaged)?;
        if turn.blob(stored, 0, length)?[..] == body[..] {
            return Ok(empty());
        }
        let message = "the part is stored already, with other bytes; abort the upload and begin again";
        return Err(refuse_about(RemoteCode::Conflict, message, id));
    }
    let root = merkle::root(&leaves(&upload, body));
    let blob = BlobId(turn.random());
    let row = PartRow { blob: Base64(blob.0.to_vec()), root: Base64(root.to_vec()) };
    let mut plan = empty();
    plan.put(key, rows::encode(&row));
    plan.put(rows::touched(id), turn.time().as_millis().to_be_bytes().to_vec());
    plan.add_blob(blob, body.clone());
    Ok(plan)
}

/// The leaves of a part's chunks; its length is already checked.
pub(super) fn leaves(upload: &Upload, body: &[u8]) -> Vec<Digest48> {
    let tag = upload.header.parameters.mac_index.tag_length();
    let stride = usize::try_from(upload.layout.stride()).expect("a chunk and its tag fit into memory");
    body.chunks(stride).map(|chunk| merkle::leaf(&chunk[chunk.len().saturating_sub(tag)..])).collect()
}

/// The root of a part, a node of the whole segment's tree.
pub(super) fn root_of(part: &PartRow) -> Turned<Digest48> {
    part.root.0.as_slice().try_into().map_err(|_| damaged())
}

/// The roots of all parts, in order.
pub(super) fn part_roots(turn: &mut Turn<'_>, id: UploadId) -> Turned<Vec<Digest48>> {
    stored_parts(turn, id)?.iter().map(|(_, part)| root_of(part)).collect()
}

/// Every stored part, ascending.
fn stored_parts(turn: &mut Turn<'_>, id: UploadId) -> Turned<Vec<(u64, PartRow)>> {
    let end = rows::end_of(&rows::parts(id));
    let mut start = rows::part(id, 0);
    let mut parts = Vec::new();
    loop {
        let batch = turn.scan(start, end.clone(), BATCH)?;
        for (key, value) in batch.iter() {
            let number = rows::number_of(key).ok_or_else(damaged)?;
            parts.push((number, rows::decode(value).ok_or_else(damaged)?));
        }
        match batch.last() {
            Some((last, _)) if batch.len() == BATCH => start = [last.as_slice(), &[0]].concat(),
            _ => return Ok(parts),
        }
    }
}

/// The roots of all groups, one behind the other: the row that is kept with a content.
pub(super) fn group_roots(parts: &[Digest48]) -> Vec<u8> {
    parts.chunks(GROUP as usize).flat_map(merkle::root).collect()
}

/// `GET /v1/uploads/{upload}`.
pub(super) fn status(turn: &mut Turn<'_>, caller: &Caller, id: UploadId) -> Turned<Plan> {
    let upload = open_upload(turn, caller.user()?, id)?;
    let mut received: Vec<(u64, u64)> = Vec::new();
    for (number, _) in stored_parts(turn, id)? {
        match received.last_mut() {
            Some((first, count)) if *first + *count == number => *count += 1,
            _ => received.push((number, 1)),
        }
    }
    Ok(Plan::answer(json_answer(200, &UploadStatus { parts: upload.row.parts, received })))
}

/// `DELETE /v1/uploads/{upload}`.
pub(super) fn abort(turn: &mut Turn<'_>, caller: &Caller, id: UploadId) -> Turned<Plan> {
    open_upload(turn, caller.user()?, id)?;
    let mut plan = empty();
    plan.put(rows::trash(id), Vec::new());
    plan.delete(rows::upload(id));
    plan.delete(rows::touched(id));
    Ok(plan)
}

/// A finished upload: its digest, from the rows of its parts, and the length of the whole segment.
pub(super) struct Finished {
    pub(super) header: SegmentHeader,
    pub(super) digest: SegmentDigest,
    pub(super) segment_length: u64,
    /// The row of the tree's groups.
    pub(super) groups: Vec<u8>,
    pub(super) used_row: UploadRow,
}

/// The caller's upload for `container`, if all its parts are there.
pub(super) fn finish(
    turn: &mut Turn<'_>,
    user: UserId,
    container: ContainerId,
    id: UploadId,
) -> Turned<Finished> {
    let upload = open_upload(turn, user, id)?;
    if upload.row.container != container {
        return Err(not_found(id));
    }
    let parts = part_roots(turn, id)?;
    if parts.len() as u64 != upload.row.parts {
        let message =
            format!("{} of {} parts are missing", upload.row.parts - parts.len() as u64, upload.row.parts);
        return Err(refuse_about(RemoteCode::InvalidObject, message, id));
    }
    Ok(Finished {
        header: upload.header,
        digest: SegmentDigest::compute(&upload.header, upload.layout.length(), &merkle::root(&parts)),
        groups: group_roots(&parts),
        segment_length: upload.layout.segment_length(),
        used_row: UploadRow { used: true, ..upload.row },
    })
}
