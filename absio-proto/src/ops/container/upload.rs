//! Seals and sends a large content in parts, several at once.
//!
//! ```text
//!  Start ──▶ Beginning ──▶ Sending (a window of parts side by side) ──▶ … ──▶ digest
//!
//!  each part:  Reading ──▶ Sealing (job) ──▶ Putting
//! ```
//!
//! A part is sealed once; its ciphertext is kept until the broker has it (F1), and a lost answer is
//! followed by the same bytes.

use super::content::{ContentInput, Piece, Read};
use crate::crypto::merkle::MerkleBuilder;
use crate::crypto::segment::{Layout, SegmentDigest, SegmentSealer};
use crate::crypto::suite::Digest48;
use crate::effect::Reply;
use crate::error::{Error, InputError, Misuse};
use crate::limits;
use crate::model::ContainerId;
use crate::operation::{Cx, Join, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::session::Session;
use crate::wire::{self, Base64, BeginUpload, Route, UploadBegun, UploadId};
use crate::{attempt, drive};
use std::sync::Arc;

/// Parts under way at once.
const WINDOW: u64 = 4;

/// Uploads `content` as the segment that `sealer` makes; gives the upload's name and the digest for
/// the manifest to sign.
pub(super) struct Upload {
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
    Sending(Join<Part, Vec<Digest48>>),
}

impl Upload {
    pub(super) fn new(
        container: ContainerId,
        content: ContentInput,
        sealer: SegmentSealer,
    ) -> Result<Self, Error> {
        let layout = Layout::of(&sealer.header().parameters, content.length())?;
        Ok(Self {
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

    /// The broker's plan must be the only one the format allows.
    fn check_plan(&self, plan: &UploadBegun) -> Result<(), Error> {
        let chunks_per_part = limits::PART / self.layout.chunk_size();
        let parts = self.layout.chunks().div_ceil(chunks_per_part);
        if plan.chunks_per_part == chunks_per_part && plan.parts == parts {
            Ok(())
        } else {
            Err(Error::Protocol("it divides an upload in another way than agreed".into()))
        }
    }

    /// The next window of parts, or none if all have been sent.
    fn window(&mut self) -> Result<Option<State>, Error> {
        let plan = self.plan.as_ref().ok_or(Misuse::MissingReply)?;
        let last = plan.parts.min(self.next.saturating_add(WINDOW));
        let parts: Vec<Part> = (self.next..last).map(|part| self.part(plan, part)).collect();
        self.next = last;
        Ok((!parts.is_empty()).then(|| State::Sending(Join::new(parts))))
    }

    fn part(&self, plan: &UploadBegun, part: u64) -> Part {
        let offset = part.saturating_mul(limits::PART);
        let length = limits::PART.min(self.content.length().saturating_sub(offset));
        let length = usize::try_from(length).unwrap_or(0);
        Part {
            upload: plan.upload_id,
            part,
            first_chunk: part.saturating_mul(plan.chunks_per_part),
            last: part.saturating_add(1) == plan.parts,
            sealer: self.sealer.clone(),
            leaves: Vec::new(),
            state: PartState::Reading(Read::new(&self.content, offset, length)),
        }
    }
}

impl Operation for Upload {
    type Output = (UploadId, SegmentDigest);

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        loop {
            match &mut self.state {
                State::Start => {
                    self.state = State::Beginning(self.begin());
                    continue;
                }
                State::Beginning(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    let plan = attempt!(wire::from_json("the upload's reply", &body));
                    attempt!(self.check_plan(&plan));
                    self.plan = Some(plan);
                }
                State::Sending(join) => {
                    for leaves in drive!(join, cx, reply) {
                        self.tree.extend(&leaves);
                    }
                }
            }
            match attempt!(self.window()) {
                Some(state) => self.state = state,
                None => {
                    let upload = attempt!(self.plan.as_ref().ok_or(Misuse::MissingReply)).upload_id;
                    let header = self.sealer.header();
                    let digest = SegmentDigest::compute(header, self.content.length(), &self.tree.root());
                    return Step::Done(Ok((upload, digest)));
                }
            }
        }
    }
}

/// One part: read, sealed, sent.
struct Part {
    upload: UploadId,
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
    Putting(Exchange),
}

impl Part {
    fn seal(&self, piece: Piece) -> PartState {
        let (sealer, first, last) = (self.sealer.clone(), self.first_chunk, self.last);
        PartState::Sealing(Leaf::compute("seal a part", move || sealer.seal_part(first, piece.bytes(), last)))
    }
}

impl Operation for Part {
    type Output = Vec<Digest48>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<Digest48>, Error>> {
        loop {
            self.state = match &mut self.state {
                PartState::Reading(read) => {
                    let piece = drive!(read, cx, reply);
                    self.seal(piece)
                }
                PartState::Sealing(leaf) => {
                    let sealed = attempt!(drive!(leaf, cx, reply));
                    self.leaves = sealed.leaves;
                    let route = Route::PutPart { upload: self.upload, part: self.part };
                    PartState::Putting(Exchange::bytes(route, sealed.bytes))
                }
                PartState::Putting(exchange) => {
                    drive!(exchange, cx, reply);
                    return Step::Done(Ok(core::mem::take(&mut self.leaves)));
                }
            };
        }
    }
}
