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
use crate::ofs::container::{ContainerRecord, Kept, KeptSection};
use crate::ofs::envelope;
use crate::ofs::keys::Kind;
use crate::ofs::outbox::OutboxRow;
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
    /// The change that waits to be sent, of which this is the outcome.
    queued: Option<u64>,
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
            queued: None,
            blobs,
            failure: None,
            state: State::Recalling(recall),
        }
    }

    /// It is the outcome of the change `sequence` of the outbox: unsent as long as that waits.
    pub(crate) const fn queued(mut self, sequence: u64) -> Self {
        self.queued = Some(sequence);
        self
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
            let bytes = envelope::seal(&keys, &blob, &self.record.encode(), cx.entropy)?;
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
        let (record, queued) = (self.record.clone(), self.queued);
        let mut names = vec![(Kind::Container, record.container.as_bytes().to_vec())];
        names.extend(queued.map(|sequence| (Kind::Outbox, OutboxRow::id(sequence))));
        State::Transacting(Transact::new(names, move |found| {
            let known = found[0].as_ref().map(|data| ContainerRecord::decode(data)).transpose()?;
            let row =
                found.get(1).and_then(Option::as_ref).map(|data| OutboxRow::decode(data)).transpose()?;
            let change = match (queued, known) {
                (Some(_), known) => unsent(&record, known, row.as_ref()),
                (None, Some(known)) if known.is_unsent => beside_unsent(&record, known),
                (None, Some(known)) if is_before(&record.pin, &known.pin) => None,
                (None, _) => Some(record.clone()),
            };
            let change = change.map(|record| record.encode());
            let (actual, limit) = (change.as_ref().map_or(0, |data| data.len()) as u64, RECORD as u64);
            if actual > limit {
                let what = "what is to be kept of the container";
                return Err(crate::error::InputError::TooLarge { what, actual, limit }.into());
            }
            let mut changes = vec![change.map_or(Change::Keep, Change::Put)];
            changes.resize_with(found.len(), || Change::Keep);
            Ok(changes)
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

/// The outcome of a change of the outbox, if it still waits; as sent if it does not any more.
fn unsent(
    record: &ContainerRecord,
    known: Option<ContainerRecord>,
    row: Option<&OutboxRow>,
) -> Option<ContainerRecord> {
    let (mut record, kept) = (record.clone(), record.kept.as_ref()?);
    let body = kept.head.view.body();
    match row {
        Some(row) if !row.is_waiting() => return None,
        Some(_) => {}
        None => {
            record.is_unsent = false;
            record.pin = Pin { revision: body.revision, hash: body.hash(), tombstone: false };
        }
    }
    let Some(known) = known else { return Some(record) };
    // Another change of it may have been queued, or sent, in the meantime.
    let ahead = |kept: &Kept| kept.head.view.body().revision > body.revision;
    if known.is_leaving || known.kept.as_ref().is_some_and(ahead) {
        return None;
    }
    if is_before(&record.pin, &known.pin) {
        record.pin = known.pin;
    }
    Some(record)
}

/// What waits to be sent stays what is read here; only the pin goes on.
fn beside_unsent(record: &ContainerRecord, mut known: ContainerRecord) -> Option<ContainerRecord> {
    if is_before(&record.pin, &known.pin) || record.pin.revision == known.pin.revision {
        return None;
    }
    known.pin = record.pin;
    Some(known)
}

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
