//! Seals a large content in parts, several under way at different steps, and sends them, or keeps them,
//! or both.
//!
//! ```text
//!  Start ──┬─ new ──▶ Beginning ──▶ (Recording) ──▶ Moving: each round begins two parts and performs one
//!          │            ▲ dropped by the broker       step of each ──┬──▶ digest
//!          └─ gone on with ──▶ Asking ──▶ Moving                     └─ failed ──▶ (Aborting) ──▶ the failure
//!                                 └─ the broker has more than was recorded ──▶ to begin anew
//! ```
//!
//! So one part is sealed while the one before it is on its way and the one behind it is read. A part is
//! sealed once; its ciphertext is held until the broker has it (F1), and a lost answer is followed by the
//! same bytes. Parts are read from the first to the last, so a source need not seek.

use super::content::{ContentInput, Read};
use super::destination::Destination;
use super::journal::{Begun, Journal};
use super::part::{Part, PartState};
use super::rounds::{Roots, Rounds};
use crate::crypto::merkle::MerkleBuilder;
use crate::crypto::segment::{HEADER_LENGTH, Layout, SegmentDigest, SegmentHeader, SegmentSealer};
use crate::crypto::suite::Digest48;
use crate::effect::{BlobId, Body, ContentError, ContentOutcome, Progress, ProgressUnit, Reply};
use crate::error::{Error, LocalError, Misuse, RemoteCode, TransferError};
use crate::limits;
use crate::model::ContainerId;
use crate::operation::{Cx, Leaf, Operation, Pipeline, Step};
use crate::ops::Exchange;
use crate::ops::ofs::ask::{self, Answer};
use crate::session::Session;
use crate::wire::{self, Base64, BeginUpload, Route, UploadBegun, UploadId, UploadStatus};
use crate::{attempt, drive};
use std::sync::Arc;

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
    upload: Option<UploadId>,
    /// What is recorded before it is sent.
    journal: Option<Arc<Journal>>,
    /// What an earlier attempt recorded.
    resumed: Option<Begun>,
    /// Runs of parts that the broker has: first and number.
    received: Vec<(u64, u64)>,
    rounds: Rounds,
    tree: MerkleBuilder,
    roots: Roots,
    /// Of the first part that did not go.
    failure: Option<Error>,
    state: State,
}

enum State {
    Start,
    /// What the broker has of an earlier attempt.
    Asking(Exchange),
    Beginning(Exchange),
    Recording(Leaf<Result<ContentOutcome, ContentError>>),
    Moving(Pipeline<Lane, Passed>),
    /// It failed and nobody can go on with it: the broker may drop it.
    Aborting(Exchange, Error),
    Done,
}

/// What is under way.
enum Lane {
    Part(Box<Part>),
    Keeping(Answer),
    Telling(Leaf<()>),
}

enum Passed {
    /// The root of a part, and whether it is kept if it was to be.
    Part(Digest48, bool),
    /// Why a part did not go. Those before it are still brought to their end.
    Failed(Error),
    Kept(bool),
    Told,
}

impl Operation for Lane {
    type Output = Passed;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Passed, Error>> {
        Step::Done(Ok(match self {
            Self::Part(part) => match part.resume(cx, reply.take()) {
                Step::Effect(effect) => return Step::Effect(effect),
                Step::Done(Ok((root, is_kept))) => Passed::Part(root, is_kept),
                Step::Done(Err(error)) => Passed::Failed(error),
            },
            Self::Keeping(answer) => Passed::Kept(ask::done(drive!(answer, cx, reply)).is_ok()),
            Self::Telling(leaf) => {
                drive!(leaf, cx, reply);
                Passed::Told
            }
        }))
    }
}

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
            upload: None,
            journal: None,
            resumed: None,
            received: Vec::new(),
            rounds: Rounds::new(layout.parts()),
            tree: MerkleBuilder::new(),
            roots: Roots::default(),
            failure: None,
            state: State::Start,
        })
    }

    /// Records in `journal` what is sent, and goes on from what an earlier attempt recorded there.
    pub(super) fn recording(self, journal: Journal, resumed: Option<Begun>) -> Self {
        Self { journal: Some(Arc::new(journal)), resumed, ..self }
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
        if plan.chunks_per_part == self.layout.chunks_per_part() && plan.parts == self.layout.parts() {
            Ok(())
        } else {
            Err(Error::Protocol("it divides an upload in another way than agreed".into()))
        }
    }

    /// The beginning of the journal, or its correction, before the first part is sent.
    fn record(&self, upload: UploadId, cx: &mut Cx<'_>) -> Result<State, Error> {
        let Some(journal) = &self.journal else { return Ok(State::Moving(Pipeline::new())) };
        let op = journal.begin(self.sealer.header(), upload, self.content.length(), cx.entropy)?;
        Ok(State::Recording(Leaf::content(op)))
    }

    /// What the broker has of the earlier attempt. If it dropped it, it is begun there again: every part
    /// that was recorded is still compared with the record.
    ///
    /// None if it has a part that was not recorded: the journal is older than the upload, so what else was
    /// sealed under these keys is not known (F1).
    fn asked(&mut self, answer: Result<Vec<u8>, Error>) -> Result<Option<State>, Error> {
        match answer {
            Ok(body) => {
                let status: UploadStatus = wire::from_json("the upload's state", &body)?;
                if status.parts != self.layout.parts() {
                    return Err(Error::Protocol("it divides an upload in another way than agreed".into()));
                }
                let recorded = self.resumed.as_ref().map_or(0, |begun| begun.roots.len()) as u64;
                let end = |(first, count): &(u64, u64)| first.saturating_add(*count);
                if !status.received.is_sorted_by(|one, next| end(one) <= next.0) {
                    return Err(Error::Protocol("it tells the parts of an upload out of order".into()));
                }
                if status.received.last().is_some_and(|run| end(run) > recorded) {
                    return Ok(None);
                }
                self.received = status.received;
                Ok(Some(State::Moving(Pipeline::new())))
            }
            Err(error) if error.is_remote(&RemoteCode::UploadNotFound) => {
                self.upload = None;
                Ok(Some(State::Beginning(self.begin())))
            }
            Err(error) => Err(error),
        }
    }

    fn part(&self, part: u64) -> Lane {
        let offset = part.saturating_mul(limits::PART);
        let length = limits::PART.min(self.content.length().saturating_sub(offset));
        let length = usize::try_from(length).unwrap_or(0);
        let first_chunk = part.saturating_mul(self.layout.chunks_per_part());
        let place = self.layout.sealed_range(first_chunk, 1).map(|(offset, _)| offset);
        let place = place.unwrap_or_default().saturating_sub(HEADER_LENGTH as u64);
        let recorded = usize::try_from(part).ok().and_then(|part| self.resumed.as_ref()?.roots.get(part));
        let behind = self.received.partition_point(|(first, _)| *first <= part);
        let run = behind.checked_sub(1).and_then(|index| self.received.get(index));
        let is_received = run.is_some_and(|(first, count)| part - first < *count);
        Lane::Part(Box::new(Part {
            upload: self.upload.filter(|_| recorded.is_none() || !is_received),
            keep: self.keep.map(|blob| (blob, place)),
            is_kept: self.keep.is_some(),
            must_keep: self.upload.is_none(),
            journal: self.journal.clone(),
            recorded: recorded.copied(),
            part,
            first_chunk,
            last: part.saturating_add(1) == self.layout.parts(),
            sealer: self.sealer.clone(),
            sealed: Body::new(),
            root: [0; 48],
            state: PartState::Reading(Read::new(&self.content, offset, length)),
        }))
    }

    fn done(&self) -> u64 {
        self.rounds.finished().saturating_mul(limits::PART).min(self.content.length())
    }

    /// Takes what is finished, and begins what follows from it and the next parts.
    fn turn(&mut self, pipeline: &mut Pipeline<Lane, Passed>, cx: &mut Cx<'_>) -> Result<(), Error> {
        let sealed = self.layout.sealed_length();
        self.rounds.turn();
        loop {
            let mut behind = Vec::new();
            while let Some(passed) = pipeline.take() {
                match passed {
                    Passed::Part(..) if self.failure.is_some() => {}
                    Passed::Failed(error) => drop(self.failure.get_or_insert(error)),
                    Passed::Part(root, is_kept) => {
                        self.rounds.finish();
                        self.tree.push(root);
                        self.keep = self.keep.filter(|_| is_kept);
                        self.roots.push(&root);
                        let roots = self.roots.keep(self.keep, sealed, self.rounds.are_over());
                        behind.extend(roots.map(Lane::Keeping));
                        let (unit, total) = (ProgressUnit::BytesSent, self.content.length());
                        let progress = Progress { unit, done: self.done(), total };
                        behind.push(Lane::Telling(Leaf::progress(progress)));
                    }
                    // What is kept nowhere else must be kept here.
                    Passed::Kept(false) if !self.destination.reaches_broker() => {
                        let reason = "the content could not be kept".into();
                        return Err(LocalError::Degraded { reason }.into());
                    }
                    Passed::Kept(is_kept) => self.keep = self.keep.filter(|_| is_kept),
                    Passed::Told => {}
                }
            }
            if self.failure.is_none() {
                behind.extend(self.rounds.due().map(|part| self.part(part)));
            }
            if behind.is_empty() {
                return Ok(());
            }
            for lane in behind {
                pipeline.begin(lane, cx)?;
            }
        }
    }

    fn finish(&self) -> Uploaded {
        let header = self.sealer.header();
        let digest = SegmentDigest::compute(header, self.content.length(), &self.tree.root());
        Uploaded { upload: self.upload, digest, kept: self.keep.map(|blob| (*header, blob)) }
    }

    fn step(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Option<Uploaded>, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start if !self.destination.reaches_broker() => State::Moving(Pipeline::new()),
                State::Start => match &self.resumed {
                    Some(begun) => {
                        self.upload = Some(begun.upload);
                        State::Asking(Exchange::new(Route::UploadStatus(begun.upload)))
                    }
                    None => State::Beginning(self.begin()),
                },
                State::Asking(exchange) => match exchange.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(answer) => match attempt!(self.asked(answer)) {
                        Some(state) => state,
                        None => return Step::Done(Ok(None)),
                    },
                },
                State::Beginning(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    let plan: UploadBegun = attempt!(wire::from_json("the upload's reply", &body));
                    attempt!(self.check_plan(&plan));
                    self.upload = Some(plan.upload_id);
                    attempt!(self.record(plan.upload_id, cx))
                }
                State::Recording(leaf) => {
                    attempt!(drive!(leaf, cx, reply));
                    State::Moving(Pipeline::new())
                }
                State::Moving(pipeline) => {
                    attempt!(pipeline.advance(cx, reply.take()));
                    let mut pipeline = core::mem::replace(pipeline, Pipeline::new());
                    attempt!(self.turn(&mut pipeline, cx));
                    let effect = pipeline.effect();
                    self.state = if effect.is_some() { State::Moving(pipeline) } else { State::Done };
                    match effect {
                        Some(effect) => return Step::Effect(effect),
                        None => match self.failure.take() {
                            None => return Step::Done(Ok(Some(self.finish()))),
                            Some(failure) => match self.give_up(failure) {
                                Ok(state) => state,
                                Err(failure) => return Step::Done(Err(failure)),
                            },
                        },
                    }
                }
                State::Aborting(exchange, failure) => match exchange.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    // Whether it could or not: the broker drops it after a day.
                    Step::Done(_) => {
                        return Step::Done(Err(core::mem::replace(failure, Misuse::ResumedAfterDone.into())));
                    }
                },
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }

    /// Takes the upload back, unless it is recorded or the broker is not there.
    fn give_up(&self, failure: Error) -> Result<State, Error> {
        match (self.upload, &self.journal, &failure) {
            (_, _, Error::Transport(_)) | (None, ..) | (_, Some(_), _) => Err(failure),
            (Some(upload), None, _) => {
                Ok(State::Aborting(Exchange::new(Route::AbortUpload(upload)), failure))
            }
        }
    }
}

impl Operation for Upload {
    /// None if the journal is older than the upload: it is to be begun anew, under other keys.
    type Output = Option<Uploaded>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        reply: Option<Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        match self.step(cx, reply) {
            Step::Done(Err(error)) => {
                Step::Done(Err(TransferError::ended(error, self.done(), self.content.length())))
            }
            step => step,
        }
    }
}
