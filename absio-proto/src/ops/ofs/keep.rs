//! Keeps a container: its content in a blob if it is long, then its record.
//!
//! ```text
//!  Recalling ──▶ (Writing a blob ──▶ Sealing)… ──▶ Transacting ──▶ done
//!                       any failure: the blobs are taken back, the record before stands
//! ```

use super::ask::{self, Answer};
use super::{Change, Recall, Transact};
use crate::crypto::chain::Pin;
use crate::crypto::segment::{HEADER_LENGTH, SegmentHeader};
use crate::effect::{BlobId, Reply};
use crate::error::{Error, Misuse};
use crate::limits;
use crate::model::UserId;
use crate::ofs::container::{ContainerRecord, KeptSection};
use crate::ofs::envelope;
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::collections::VecDeque;

/// A content segment up to this length lies in the record itself.
const INLINE: usize = 16 << 10;
/// Bytes of a blob written at once.
const PART: usize = 4 << 20;

/// The content that comes with a container.
pub(crate) enum NewContent {
    /// None came: that of the record before is kept if it is still the same.
    Inherit,
    /// The whole segment.
    Segment(Vec<u8>),
    /// The chunks are in an unsealed blob already.
    Streamed {
        /// The clear header.
        header: SegmentHeader,
        /// The blob.
        blob: BlobId,
    },
}

/// Keeps `record`, which replaces what was kept of the container. Pins never go back: a record older
/// than what is kept already is left out, without an error.
pub(crate) struct Keep {
    record: ContainerRecord,
    content: Option<NewContent>,
    holder: Option<UserId>,
    /// Blobs of this keep, sealed or not, until the record names them.
    blobs: Vec<BlobId>,
    failure: Option<Error>,
    state: State,
}

enum State {
    Recalling(Recall),
    Writing { blob: BlobId, parts: VecDeque<(u64, Vec<u8>)>, answer: Answer },
    Sealing(Answer),
    Transacting(Transact),
    Failing(Answer),
}

impl Keep {
    /// Keeps `record` with `content`.
    pub(crate) fn new(record: ContainerRecord, content: NewContent) -> Self {
        let recall = Recall::new(record.container);
        let blobs = match &content {
            NewContent::Streamed { blob, .. } => vec![*blob],
            _ => Vec::new(),
        };
        Self {
            record,
            content: Some(content),
            holder: None,
            blobs,
            failure: None,
            state: State::Recalling(recall),
        }
    }

    /// Takes over from what was kept before what is still the same.
    fn inherit(&mut self, older: Option<ContainerRecord>) {
        let older = older.filter(|older| older.pin.revision <= self.record.pin.revision);
        let may_hold = self.record.is_local || self.holder.is_some_and(|user| self.record.may_hold(user));
        if !may_hold {
            return;
        }
        let (Some(kept), Some(older)) = (&mut self.record.kept, older.and_then(|older| older.kept)) else {
            return;
        };
        kept.inherit(older);
    }

    /// The next blob to be written, or the record itself.
    fn next(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let keys = cx.session.local()?.keys.clone();
        match self.content.take() {
            None | Some(NewContent::Inherit) => {}
            Some(NewContent::Streamed { header, blob }) => {
                self.place(KeptSection::Blob { header, blob });
                return Ok(State::Sealing(ask::seal_blob(blob)));
            }
            Some(NewContent::Segment(segment)) if segment.len() <= INLINE && !self.record.is_local => {
                self.place(KeptSection::Inline(segment));
            }
            Some(NewContent::Segment(segment)) => {
                let header = SegmentHeader::split(&segment)?.0;
                let blob = keys.blob_id(cx.random()?);
                self.place(KeptSection::Blob { header, blob });
                return self.write(blob, &segment[HEADER_LENGTH..]);
            }
        }
        if self.record.is_local && self.record.kept.is_some() && self.record.envelope.is_none() {
            let blob = keys.blob_id(cx.random()?);
            self.record.envelope = Some(blob);
            let bytes = envelope::seal(&keys, &blob, &self.record, cx.entropy)?;
            return self.write(blob, &bytes);
        }
        Ok(self.transact())
    }

    fn place(&mut self, section: KeptSection) {
        if let Some(kept) = &mut self.record.kept {
            kept.content = Some(section);
        }
    }

    fn write(&mut self, blob: BlobId, bytes: &[u8]) -> Result<State, Error> {
        self.blobs.push(blob);
        let chunks = bytes.chunks(PART).map(<[u8]>::to_vec);
        let mut parts: VecDeque<_> = (0u64..).step_by(PART).zip(chunks).collect();
        let (offset, bytes) = parts.pop_front().unwrap_or_default();
        Ok(State::Writing { blob, parts, answer: ask::write_blob(blob, offset, bytes) })
    }

    fn transact(&self) -> State {
        let record = self.record.clone();
        let id = record.container.as_bytes().to_vec();
        State::Transacting(Transact::new(vec![(Kind::Container, id)], move |found| {
            let known = found[0].as_ref().map(|data| ContainerRecord::decode(data)).transpose()?;
            let older = known.is_some_and(|known| is_before(&record.pin, &known.pin));
            if older {
                return Ok(vec![Change::Keep]);
            }
            let data = record.encode();
            let (actual, limit) = (data.len() as u64, RECORD as u64);
            if actual > limit {
                let what = "what is to be kept of the container";
                return Err(crate::error::InputError::TooLarge { what, actual, limit }.into());
            }
            Ok(vec![Change::Put(data)])
        }))
    }

    /// One after another, the blobs go again; then the failure is told.
    fn fail(&mut self, error: Error) -> Option<State> {
        self.failure.get_or_insert(error);
        self.blobs.pop().map(|blob| State::Failing(ask::delete_blob(blob)))
    }

    fn step(&mut self, cx: &mut Cx<'_>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Recalling(recall) => {
                    let older = drive!(recall, cx, reply);
                    self.holder = Some(attempt!(cx.session.local()).user_id());
                    self.inherit(older);
                    attempt!(self.next(cx))
                }
                State::Writing { blob, parts, answer } => {
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    let (blob, mut parts) = (*blob, core::mem::take(parts));
                    match parts.pop_front() {
                        Some((offset, bytes)) => {
                            State::Writing { blob, parts, answer: ask::write_blob(blob, offset, bytes) }
                        }
                        None => State::Sealing(ask::seal_blob(blob)),
                    }
                }
                State::Sealing(answer) => {
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    attempt!(self.next(cx))
                }
                State::Transacting(transact) => {
                    drive!(transact, cx, reply);
                    return Step::Done(Ok(()));
                }
                State::Failing(_) => return Step::Done(Err(Misuse::WrongReply.into())),
            };
        }
    }
}

/// Bytes of the longest record that a store takes, sealed and padded.
const RECORD: usize = limits::STORE_VALUE / 8 * 7;

/// Whether `new` is behind what was seen.
const fn is_before(new: &Pin, seen: &Pin) -> bool {
    new.revision < seen.revision || seen.tombstone && !new.tombstone
}

impl Operation for Keep {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        if let State::Failing(answer) = &mut self.state {
            // Whether it went or not: what stays is swept another time.
            let _ = drive!(answer, cx, reply);
        } else {
            match self.step(cx, reply.take()) {
                Step::Done(Err(error)) => self.failure = Some(error),
                step => return step,
            }
        }
        let error = self.failure.take().unwrap_or_else(|| Misuse::ResumedAfterDone.into());
        if let Some(state) = self.fail(error.clone()) {
            self.state = state;
            let State::Failing(answer) = &mut self.state else { return Step::Done(Err(error)) };
            return match Operation::<Session>::resume(answer, cx, None) {
                Step::Effect(effect) => Step::Effect(effect),
                Step::Done(_) => Step::Done(Err(error)),
            };
        }
        Step::Done(Err(error))
    }
}
