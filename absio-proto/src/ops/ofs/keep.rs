//! Keeps a container: its content in a blob if it is long, then its record.
//!
//! ```text
//!  Recalling ──▶ (Writing a blob ──▶ Sealing)… ──▶ Transacting ──▶ done
//!                       any failure: the blobs are removed again, the record before stands
//! ```

use super::ask::{self, Answer};
use super::{Change, Recall, Transact};
use crate::crypto::chain::Pin;
use crate::crypto::segment::SegmentHeader;
use crate::effect::{BlobId, Reply, StoreErrorKind};
use crate::error::{Error, InputError, Misuse};
use crate::limits;
use crate::model::{Permissions, UserId};
use crate::ofs::container::{ContainerRecord, Kept, KeptSection};
use crate::ofs::content_blob::chunks_and_roots;
use crate::ofs::envelope;
use crate::ofs::keys::Kind;
use crate::ofs::outbox::OutboxRow;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
/// than what is kept already is left out, without an error. A revision of a container that only this
/// device has must follow the one that is kept: [`InputError::ChangedMeanwhile`] otherwise.
pub(crate) struct Keep {
    record: ContainerRecord,
    content: Option<NewContent>,
    /// The pin of what was kept when this began.
    base: Option<Pin>,
    /// The change that waits to be sent, of which this is the outcome.
    queued: Option<u64>,
    /// The revision of a later change that was given up: this one takes its place.
    replaced: Option<u64>,
    /// Blobs of this keep, sealed or not, until the record names them.
    blobs: Vec<BlobId>,
    is_left_out: Arc<AtomicBool>,
    result: Option<Result<(), Error>>,
    state: State,
}

enum State {
    Recalling(Recall),
    Writing { blob: BlobId, parts: VecDeque<(u64, Vec<u8>)>, answer: Answer },
    Sealing(Answer),
    Transacting(Transact),
    Removing(Answer),
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
            base: None,
            queued: None,
            replaced: None,
            blobs,
            is_left_out: Arc::default(),
            result: None,
            state: State::Recalling(recall),
        }
    }

    /// It is the outcome of the change `sequence` of the outbox: unsent as long as that waits.
    pub(crate) const fn queued(mut self, sequence: u64) -> Self {
        self.queued = Some(sequence);
        self
    }

    /// It takes the place of `revision`, although that is later.
    pub(crate) const fn replacing(mut self, revision: Option<u64>) -> Self {
        self.replaced = revision;
        self
    }

    /// Leaves away what `user` has no right to have anew (S-132), and all but the pin of what is not
    /// theirs at all; a container that nobody else has is kept as it is. Of that, what the revision
    /// before has still goes with it.
    fn prepare(&mut self, user: UserId, older: Option<ContainerRecord>) {
        self.base = older.as_ref().map(|older| older.pin);
        if self.record.is_local {
            if let (Some(kept), Some(older)) = (&mut self.record.kept, older.and_then(|older| older.kept)) {
                kept.inherit(older);
            }
            return;
        }
        if self.record.may_hold(user) {
            return;
        }
        let own = self.record.kept.as_ref().and_then(|kept| kept.head.view.entry(user));
        let decrypts = own.map(|own| own.permissions.contains(Permissions::CONTAINER_DECRYPT));
        self.content = Some(NewContent::Inherit);
        match (&mut self.record.kept, decrypts) {
            (Some(kept), Some(decrypts)) => {
                (kept.header, kept.content) = (None, None);
                kept.keys = kept.keys.take().filter(|_| decrypts);
            }
            (kept, _) => *kept = None,
        }
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
                return self.write(blob, &chunks_and_roots(&segment)?);
            }
        }
        if self.record.is_local && self.record.kept.is_some() && self.record.envelope.is_none() {
            let blob = keys.blob_id(cx.random()?);
            self.record.envelope = Some(blob);
            let bytes = envelope::seal(&keys, &blob, &self.record.encode(), cx.entropy)?;
            return self.write(blob, &bytes);
        }
        Ok(self.transact(cx.session.local()?.user_id()))
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

    fn transact(&self, user: UserId) -> State {
        let (record, base, queued) = (self.record.clone(), self.base, self.queued);
        let (is_left_out, replaced) = (self.is_left_out.clone(), self.replaced);
        let mut names = vec![(Kind::Container, record.container.as_bytes().to_vec())];
        names.extend(queued.map(|sequence| (Kind::Outbox, OutboxRow::id(sequence))));
        State::Transacting(Transact::new(names, move |found| {
            let known = found[0].as_ref().map(|data| ContainerRecord::decode(data)).transpose()?;
            let row =
                found.get(1).and_then(Option::as_ref).map(|data| OutboxRow::decode(data)).transpose()?;
            let present = known.as_ref().map(|known| known.pin);
            if record.is_local && present != base {
                return Err(changed_meanwhile(&record, base, present));
            }
            let (change, is_other) = match (queued, known) {
                (Some(_), known) => {
                    (unsent(&with_older(&record, known.as_ref(), user), known, row.as_ref(), replaced), false)
                }
                (None, Some(known)) if known.is_unsent => (beside_unsent(&record, known), true),
                (None, Some(known)) if is_before(&record.pin, &known.pin) => (None, true),
                (None, known) => (Some(with_older(&record, known.as_ref(), user)), false),
            };
            is_left_out.store(is_other || change.is_none(), Ordering::Relaxed);
            let change = change.map(|record| record.encode());
            let (actual, limit) = (change.as_ref().map_or(0, |data| data.len()) as u64, RECORD as u64);
            if actual > limit {
                let what = "what is to be kept of the container";
                return Err(InputError::TooLarge { what, actual, limit }.into());
            }
            let mut changes = vec![change.map_or(Change::Keep, Change::Put)];
            changes.resize_with(found.len(), || Change::Keep);
            Ok(changes)
        }))
    }

    /// Which of the blobs go again, now that it is known how it ended.
    fn settle(&mut self, result: Result<(), Error>) {
        match &result {
            Ok(()) if !self.is_left_out.load(Ordering::Relaxed) => {
                let named: Vec<_> = self.record.blobs().collect();
                self.blobs.retain(|blob| !named.contains(blob));
            }
            // It may have been written all the same, and name them: the next sweep knows.
            Err(Error::Store(error))
                if matches!(self.state, State::Transacting(_))
                    && !matches!(error.kind, StoreErrorKind::Full | StoreErrorKind::Invalid) =>
            {
                self.blobs.clear();
            }
            _ => {}
        }
        self.result = Some(result);
    }

    fn step(&mut self, cx: &mut Cx<'_>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Recalling(recall) => {
                    let older = drive!(recall, cx, reply);
                    let user = attempt!(cx.session.local()).user_id();
                    self.prepare(user, older);
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
                State::Removing(_) => return Step::Done(Err(Misuse::WrongReply.into())),
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

fn changed_meanwhile(record: &ContainerRecord, base: Option<Pin>, present: Option<Pin>) -> Error {
    let revision = |pin: Option<Pin>| pin.map_or(0, |pin| pin.revision);
    let (base, present) = (revision(base), revision(present));
    InputError::ChangedMeanwhile { container: record.container, base, present }.into()
}

impl Operation for Keep {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        if let State::Removing(answer) = &mut self.state {
            // Whether it went or not: what stays is swept another time.
            let _ = drive!(answer, cx, reply);
        } else {
            match self.step(cx, reply.take()) {
                Step::Effect(effect) => return Step::Effect(effect),
                Step::Done(result) => self.settle(result),
            }
        }
        if let Some(blob) = self.blobs.pop() {
            let mut answer = ask::delete_blob(blob);
            let step = Operation::<Session>::resume(&mut answer, cx, None);
            self.state = State::Removing(answer);
            if let Step::Effect(effect) = step {
                return Step::Effect(effect);
            }
        }
        Step::Done(self.result.take().unwrap_or_else(|| Err(Misuse::ResumedAfterDone.into())))
    }
}

/// `record` with what of `known` its revision did not change, as far as `user` may have it.
fn with_older(record: &ContainerRecord, known: Option<&ContainerRecord>, user: UserId) -> ContainerRecord {
    let mut record = record.clone();
    if !record.is_local
        && record.may_hold(user)
        && let (Some(kept), Some(older)) = (&mut record.kept, known.and_then(|known| known.kept.clone()))
    {
        kept.inherit(older);
    }
    record
}

/// The outcome of a change of the outbox, if it still waits; as sent if it does not any more.
fn unsent(
    record: &ContainerRecord,
    known: Option<ContainerRecord>,
    row: Option<&OutboxRow>,
    replaced: Option<u64>,
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
    let revision = |kept: &Kept| kept.head.view.body().revision;
    let ahead = |kept: &Kept| revision(kept) > body.revision && Some(revision(kept)) != replaced;
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
