//! Brings a large content in parts, several under way at different steps.
//!
//! ```text
//!  Opening ──▶ Moving: each round begins two parts and performs one step of every part under way
//!
//!  each part:  Run (fetch, prove and open, perhaps keep) ──▶ written, in order ──▶ told as progress
//! ```
//!
//! Every part is proven against the signed digest before its bytes are written, and parts are written
//! from the first to the last, each once: so a failure leaves a prefix of the content that is verified
//! ([`TransferError`](crate::error::TransferError) says how long), and a sink need not seek.

use super::content::ContentOutput;
use super::open_content::{OpenContent, Opening};
use super::rounds::{Roots, Rounds};
use super::run::{Proven, Run};
use crate::crypto::segment::SegmentHeader;
use crate::effect::{BlobId, ContentError, ContentOp, ContentOutcome, Progress, ProgressUnit, Reply};
use crate::error::{Error, InputError, Misuse, TransferError};
use crate::limits;
use crate::operation::{Cx, Leaf, Operation, Pipeline, Step};
use crate::ops::ofs::ask::{self, Answer};
use crate::session::Session;
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// Brings the content segment that a verified manifest describes. Gives the plaintext, or nothing if it
/// went to the caller's sink.
pub(super) struct Download {
    /// Where the sealed chunks are kept as they pass; none once that failed.
    keep: Option<BlobId>,
    output: ContentOutput,
    plaintext: Zeroizing<Vec<u8>>,
    rounds: Rounds,
    /// Bytes that are verified, and written if they are to be.
    done: u64,
    roots: Roots,
    content: Option<OpenContent>,
    /// Of the first part that did not come.
    failure: Option<Error>,
    state: State,
}

enum State {
    Opening(Opening),
    Moving(Pipeline<Lane, Passed>),
    Done,
}

/// What is under way.
enum Lane {
    Part(Box<Run>),
    Writing(Leaf<Result<ContentOutcome, ContentError>>, u64),
    /// These bytes are done without being written.
    Skipping(u64),
    Keeping(Answer),
    Telling(Leaf<()>),
}

enum Passed {
    Part(Proven),
    /// Why a part did not come, or was not written. Those before it are still brought to their end.
    Failed(Error),
    Bytes(u64),
    Kept(bool),
    Told,
}

impl Operation for Lane {
    type Output = Passed;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Passed, Error>> {
        Step::Done(Ok(match self {
            Self::Part(run) => match run.resume(cx, reply.take()) {
                Step::Effect(effect) => return Step::Effect(effect),
                Step::Done(Ok(proven)) => Passed::Part(proven),
                Step::Done(Err(error)) => Passed::Failed(error),
            },
            Self::Writing(leaf, length) => match drive!(leaf, cx, reply) {
                Ok(_) => Passed::Bytes(*length),
                Err(error) => Passed::Failed(error.into()),
            },
            Self::Skipping(length) => Passed::Bytes(*length),
            Self::Keeping(answer) => Passed::Kept(ask::done(drive!(answer, cx, reply)).is_ok()),
            Self::Telling(leaf) => {
                drive!(leaf, cx, reply);
                Passed::Told
            }
        }))
    }
}

impl Download {
    /// What `opening` opens, to `output`.
    ///
    /// # Errors
    /// [`InputError::TooLarge`] for a content of `length` bytes that is to be gathered in memory.
    pub(super) fn new(opening: Opening, length: u64, output: ContentOutput) -> Result<Self, Error> {
        if output == ContentOutput::Memory && length > limits::CONTENT_IN_MEMORY {
            let (what, limit) = ("the content", limits::CONTENT_IN_MEMORY);
            return Err(InputError::TooLarge { what, actual: length, limit }.into());
        }
        let opening = if output == ContentOutput::Memory { opening } else { opening.refusing_padding() };
        Ok(Self {
            keep: None,
            output,
            plaintext: Zeroizing::default(),
            rounds: Rounds::new(0),
            done: 0,
            roots: Roots::default(),
            content: None,
            failure: None,
            state: State::Opening(opening),
        })
    }

    /// Keeps the sealed chunks in `blob` on the way. That it fails is no failure of the download.
    pub(super) fn keeping(self, blob: BlobId) -> Self {
        Self { keep: Some(blob), ..self }
    }

    /// The blob that holds all the chunks, and the clear header that belongs to them; none if they
    /// were not to be kept, or could not be.
    pub(super) fn kept(&self) -> Option<(SegmentHeader, BlobId)> {
        Some((*self.content.as_ref()?.opener.header(), self.keep?))
    }

    fn part(&self, content: &OpenContent, part: u64) -> Lane {
        let (first, count) = content.chunks_of(part);
        let run = Run::new(content.clone(), first, count).keeping(self.keep);
        let end = (part + 1).saturating_mul(limits::PART).min(content.length());
        Lane::Part(Box::new(match self.output {
            ContentOutput::Streamed { have } if end <= have => run.that_may_be_there(),
            _ => run,
        }))
    }

    /// What is to be done with a part that is proven, in the order of the parts.
    fn proven(&mut self, proven: Proven) -> Lane {
        let offset = self.rounds.finished().saturating_mul(limits::PART);
        self.rounds.finish();
        self.keep = self.keep.filter(|_| proven.is_kept);
        self.roots.push(&proven.root);
        match (proven.bytes, self.output) {
            (Some(bytes), ContentOutput::Streamed { .. }) => {
                Lane::Writing(Leaf::content(ContentOp::WriteAt { offset, bytes }), proven.length)
            }
            (bytes, _) => {
                let bytes = Zeroizing::new(bytes.unwrap_or_default());
                if self.output == ContentOutput::Memory {
                    self.plaintext.extend_from_slice(&bytes);
                }
                Lane::Skipping(proven.length)
            }
        }
    }

    /// Takes what is finished, and begins what follows from it and the next parts.
    fn turn(&mut self, pipeline: &mut Pipeline<Lane, Passed>, cx: &mut Cx<'_>) -> Result<(), Error> {
        let content = self.content.clone().ok_or(Misuse::ResumedAfterDone)?;
        let sealed = content.layout().sealed_length();
        self.rounds.turn();
        loop {
            let mut behind = Vec::new();
            while let Some(passed) = pipeline.take() {
                match passed {
                    Passed::Part(_) if self.failure.is_some() => {}
                    Passed::Failed(error) => drop(self.failure.get_or_insert(error)),
                    Passed::Part(proven) => {
                        behind.push(self.proven(proven));
                        let roots = self.roots.keep(self.keep, sealed, self.rounds.are_over());
                        behind.extend(roots.map(Lane::Keeping));
                    }
                    Passed::Bytes(_) if self.failure.is_some() => {}
                    Passed::Bytes(length) => {
                        self.done += length;
                        let (unit, total) = (ProgressUnit::BytesReceived, content.length());
                        let progress = Progress { unit, done: self.done, total };
                        behind.push(Lane::Telling(Leaf::progress(progress)));
                    }
                    Passed::Kept(is_kept) => self.keep = self.keep.filter(|_| is_kept),
                    Passed::Told => {}
                }
            }
            if self.failure.is_none() {
                behind.extend(self.rounds.due().map(|part| self.part(&content, part)));
            }
            if behind.is_empty() {
                return Ok(());
            }
            for lane in behind {
                pipeline.begin(lane, cx)?;
            }
        }
    }

    fn finish(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let content = self.content.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        if self.output != ContentOutput::Memory {
            return Ok(None);
        }
        let mut plaintext = core::mem::take(&mut self.plaintext);
        let length = content.opener.header().parameters.padding.check(&plaintext)?;
        plaintext.truncate(length);
        Ok(Some(plaintext))
    }

    fn step(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Option<Zeroizing<Vec<u8>>>, Error>> {
        loop {
            match core::mem::replace(&mut self.state, State::Done) {
                State::Opening(mut opening) => match opening.resume(cx, reply.take()) {
                    Step::Effect(effect) => {
                        self.state = State::Opening(opening);
                        return Step::Effect(effect);
                    }
                    Step::Done(content) => {
                        let content = attempt!(content);
                        self.rounds = Rounds::new(content.layout().parts());
                        self.content = Some(content);
                        self.state = State::Moving(Pipeline::new());
                    }
                },
                State::Moving(mut pipeline) => {
                    attempt!(pipeline.advance(cx, reply.take()));
                    attempt!(self.turn(&mut pipeline, cx));
                    if let Some(effect) = pipeline.effect() {
                        self.state = State::Moving(pipeline);
                        return Step::Effect(effect);
                    }
                    return Step::Done(match self.failure.take() {
                        Some(failure) => Err(failure),
                        None => self.finish(),
                    });
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            }
        }
    }
}

impl Operation for Download {
    /// The plaintext without its padding, or none if it went to the sink.
    type Output = Option<Zeroizing<Vec<u8>>>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        reply: Option<Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        match self.step(cx, reply) {
            Step::Done(Err(error)) => {
                let total = self.content.as_ref().map_or(0, OpenContent::length);
                Step::Done(Err(TransferError::ended(error, self.done, total)))
            }
            step => step,
        }
    }
}
