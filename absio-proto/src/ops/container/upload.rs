//! Seals a large content in parts, several at once, and sends them, or keeps them, or both.
//!
//! ```text
//!  Start ──▶ (Beginning) ──▶ Sending (a window of parts side by side) ──▶ … ──▶ digest
//!
//!  each part:  Reading ──▶ Sealing (job) ──▶ (Keeping, in the local store) ──▶ (Putting, to the broker)
//! ```
//!
//! A part is sealed once; its ciphertext is kept until the broker has it (F1), and a lost answer is
//! followed by the same bytes.

use super::content::{ContentInput, Piece, Read};
use super::destination::Destination;
use crate::crypto::merkle::MerkleBuilder;
use crate::crypto::segment::{HEADER_LENGTH, Layout, SegmentDigest, SegmentHeader, SegmentSealer};
use crate::crypto::suite::Digest48;
use crate::effect::{BlobId, Reply};
use crate::error::{Error, InputError};
use crate::limits;
use crate::model::ContainerId;
use crate::operation::{Cx, Join, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::ops::ofs::ask::{self, Answer};
use crate::session::Session;
use crate::wire::{self, Base64, BeginUpload, Route, UploadBegun, UploadId};
use crate::{attempt, drive};
use std::sync::Arc;

/// Parts under way at once.
const WINDOW: u64 = 4;

/// A content that was sealed in parts.
pub(super) struct Uploaded {
    /// What the broker calls it; none if it was not sent there.
    pub(super) upload: Option<UploadId>,
    /// For the manifest to sign.
    pub(super) digest: SegmentDigest,
    /// Where the chunks are kept, and the clear header that belongs to them.
    pub(super) kept: Option<(SegmentHeader, BlobId)>,
}

/// Takes `content` to its destination as the segment that `sealer` makes.
pub(super) struct Upload {
    destination: Destination,
    keep: Option<BlobId>,
    container: ContainerId,
    content: ContentInput,
    sealer: Arc<SegmentSealer>,
    layout: Layout,
    plan: Option<UploadBegun>,
    next: u64,
    tree: MerkleBuilder,
    state: State,
}

enum State {
    Start,
    Beginning(Exchange),
    Sending(Join<Part, PartDone>),
}

/// The leaves of a part, and whether it is kept if it was to be.
type PartDone = (Vec<Digest48>, bool);

impl Upload {
    pub(super) fn new(
        container: ContainerId,
        content: ContentInput,
        sealer: SegmentSealer,
        destination: Destination,
    ) -> Result<Self, Error> {
        let layout = Layout::of(&sealer.header().parameters, content.length())?;
        Ok(Self {
            destination,
            keep: destination.blob(),
            container,
            content,
            sealer: Arc::new(sealer),
            layout,
            plan: None,
            next: 0,
            tree: MerkleBuilder::new(),
            state: State::Start,
        })
    }

    fn begin(&self) -> Exchange {
        let request = BeginUpload {
            container_id: self.container,
            segment_header: Base64(self.sealer.header().encode().to_vec()),
            total_length: self.content.length(),
        };
        Exchange::json(Route::BeginUpload, &request)
    }

    const fn chunks_per_part(&self) -> u64 {
        limits::PART / self.layout.chunk_size()
    }

    const fn parts(&self) -> u64 {
        self.layout.chunks().div_ceil(self.chunks_per_part())
    }

    /// The broker's plan must be the only one the format allows.
    fn check_plan(&self, plan: &UploadBegun) -> Result<(), Error> {
        if plan.chunks_per_part == self.chunks_per_part() && plan.parts == self.parts() {
            Ok(())
        } else {
            Err(Error::Protocol("it divides an upload in another way than agreed".into()))
        }
    }

    /// The next window of parts, or none if all are done.
    fn window(&mut self) -> Option<State> {
        let last = self.parts().min(self.next.saturating_add(WINDOW));
        let parts: Vec<Part> = (self.next..last).map(|part| self.part(part)).collect();
        self.next = last;
        (!parts.is_empty()).then(|| State::Sending(Join::new(parts)))
    }

    fn part(&self, part: u64) -> Part {
        let offset = part.saturating_mul(limits::PART);
        let length = limits::PART.min(self.content.length().saturating_sub(offset));
        let length = usize::try_from(length).unwrap_or(0);
        let first_chunk = part.saturating_mul(self.chunks_per_part());
        let place = self.layout.sealed_range(first_chunk, 1).map(|(offset, _)| offset);
        let place = place.unwrap_or_default().saturating_sub(HEADER_LENGTH as u64);
        Part {
            upload: self.plan.as_ref().map(|plan| plan.upload_id),
            keep: self.keep.map(|blob| (blob, place)),
            is_kept: self.keep.is_some(),
            part,
            first_chunk,
            last: part.saturating_add(1) == self.parts(),
            sealer: self.sealer.clone(),
            leaves: Vec::new(),
            state: PartState::Reading(Read::new(&self.content, offset, length)),
        }
    }
}

impl Operation for Upload {
    type Output = Uploaded;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        loop {
            match &mut self.state {
                State::Start if self.destination.reaches_broker() => {
                    self.state = State::Beginning(self.begin());
                    continue;
                }
                State::Start => {}
                State::Beginning(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    let plan = attempt!(wire::from_json("the upload's reply", &body));
                    attempt!(self.check_plan(&plan));
                    self.plan = Some(plan);
                }
                State::Sending(join) => {
                    for (leaves, is_kept) in drive!(join, cx, reply) {
                        self.tree.extend(&leaves);
                        self.keep = self.keep.filter(|_| is_kept);
                    }
                }
            }
            match self.window() {
                Some(state) => self.state = state,
                None => {
                    let upload = self.plan.as_ref().map(|plan| plan.upload_id);
                    let header = self.sealer.header();
                    let digest = SegmentDigest::compute(header, self.content.length(), &self.tree.root());
                    let kept = self.keep.map(|blob| (*header, blob));
                    return Step::Done(Ok(Uploaded { upload, digest, kept }));
                }
            }
        }
    }
}

/// One part: read, sealed, kept, sent.
struct Part {
    upload: Option<UploadId>,
    /// The blob for the sealed bytes, and their place in it.
    keep: Option<(BlobId, u64)>,
    is_kept: bool,
    part: u64,
    first_chunk: u64,
    last: bool,
    sealer: Arc<SegmentSealer>,
    leaves: Vec<Digest48>,
    state: PartState,
}

enum PartState {
    Reading(Read),
    Sealing(Leaf<Result<crate::crypto::segment::SealedPart, InputError>>),
    Keeping(Answer, Vec<u8>),
    Putting(Exchange),
}

impl Part {
    fn seal(&self, piece: Piece) -> PartState {
        let (sealer, first, last) = (self.sealer.clone(), self.first_chunk, self.last);
        PartState::Sealing(Leaf::compute("seal a part", move || sealer.seal_part(first, piece.bytes(), last)))
    }

    fn sealed(&mut self, bytes: Vec<u8>) -> Option<PartState> {
        match self.keep.take() {
            Some((blob, offset)) => {
                Some(PartState::Keeping(ask::write_blob(blob, offset, bytes.clone()), bytes))
            }
            None => self.put(bytes),
        }
    }

    fn put(&self, bytes: Vec<u8>) -> Option<PartState> {
        let route = Route::PutPart { upload: self.upload?, part: self.part };
        Some(PartState::Putting(Exchange::bytes(route, bytes)))
    }
}

impl Operation for Part {
    type Output = PartDone;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<PartDone, Error>> {
        loop {
            let next = match &mut self.state {
                PartState::Reading(read) => {
                    let piece = drive!(read, cx, reply);
                    Some(self.seal(piece))
                }
                PartState::Sealing(leaf) => {
                    let sealed = attempt!(drive!(leaf, cx, reply));
                    self.leaves = sealed.leaves;
                    self.sealed(sealed.bytes)
                }
                PartState::Keeping(answer, bytes) => {
                    let kept = ask::done(drive!(answer, cx, reply));
                    let bytes = core::mem::take(bytes);
                    if self.upload.is_none() {
                        // Kept here or nowhere.
                        attempt!(kept);
                    } else {
                        self.is_kept &= kept.is_ok();
                    }
                    self.put(bytes)
                }
                PartState::Putting(exchange) => {
                    drive!(exchange, cx, reply);
                    None
                }
            };
            match next {
                Some(state) => self.state = state,
                None => return Step::Done(Ok((core::mem::take(&mut self.leaves), self.is_kept))),
            }
        }
    }
}
