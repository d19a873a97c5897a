//! Puts a change into the outbox, before it is sent for the first time.
//!
//! ```text
//!  Listing ──▶ Sealing (job) ──▶ Writing (its blob) ──▶ Committing (its row) ──▶ Enqueued
//!     ▲                                                     │ another took the number
//!     └─────────────────────────────────────────────────────┘
//! ```

use super::rows::{Rows, last_waiting};
use crate::crypto::ContainerKeys;
use crate::crypto::chain::Pin;
use crate::crypto::manifest::TypeOpening;
use crate::effect::{BlobId, Reply};
use crate::error::{Error, LocalError, Misuse};
use crate::limits;
use crate::model::ContainerId;
use crate::ofs::envelope::{self, Salts};
use crate::ofs::keys::Kind;
use crate::ofs::outbox::{OutboxRow, QueuedChange, QueuedKind, QueuedState};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::ofs::{Change, Transact, WriteBlob};
use crate::session::{Head, Session};
use crate::{attempt, drive};
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// A change that is in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Enqueued {
    pub(crate) sequence: u64,
    /// Under which it is sent, now and again.
    pub(crate) idempotency_key: [u8; 16],
    /// Earlier changes of the container wait: it builds on them, and waits too.
    pub(crate) waits: bool,
}

/// Everything of a change but its place in the outbox.
pub(crate) struct Unsent {
    pub(crate) kind: QueuedKind,
    pub(crate) container: ContainerId,
    pub(crate) pin: Pin,
    pub(crate) key_blob: Option<Vec<u8>>,
    pub(crate) type_opening: Option<TypeOpening>,
    pub(crate) keys: Option<ContainerKeys>,
    pub(crate) body: Vec<u8>,
}

impl Unsent {
    /// A revision.
    pub(crate) fn revision(head: &Head, keys: Option<&ContainerKeys>, body: Vec<u8>) -> Self {
        let manifest = head.view.body();
        Self {
            kind: if manifest.revision == 1 { QueuedKind::Create } else { QueuedKind::Update },
            container: manifest.container,
            pin: Pin { revision: manifest.revision, hash: manifest.hash(), tombstone: false },
            key_blob: head.blob.clone(),
            type_opening: head.type_opening.clone(),
            keys: keys.map(ContainerKeys::duplicate),
            body,
        }
    }

    /// A deletion.
    pub(crate) const fn deletion(container: ContainerId, pin: Pin, body: Vec<u8>) -> Self {
        let (key_blob, type_opening, keys) = (None, None, None);
        Self { kind: QueuedKind::Delete, container, pin, key_blob, type_opening, keys, body }
    }
}

/// Durable once it is done. If it fails, nothing may be sent.
pub(crate) struct Enqueue {
    unsent: Option<Unsent>,
    change: Option<QueuedChange>,
    waits: bool,
    state: State,
}

enum State {
    Start,
    Listing(Rows),
    Sealing(Leaf<Result<Vec<u8>, Error>>),
    Writing(WriteBlob),
    Committing(Transact, Arc<AtomicBool>),
}

impl Enqueue {
    pub(crate) const fn new(unsent: Unsent) -> Self {
        Self { unsent: Some(unsent), change: None, waits: false, state: State::Start }
    }

    /// The change without a number, under a key of its own.
    fn start(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let unsent = self.unsent.take().ok_or(Misuse::ResumedAfterDone)?;
        let idempotency_key = cx.random()?;
        let Unsent { kind, container, pin, key_blob, type_opening, keys, body } = unsent;
        let (actual, limit) = (body.len() as u64, limits::BUNDLE);
        if actual > limit {
            return Err(crate::error::InputError::TooLarge { what: "the change", actual, limit }.into());
        }
        let row = OutboxRow {
            sequence: 0,
            kind,
            container,
            pin,
            queued_at: cx.now.utc,
            blob: BlobId([0; 20]),
            state: QueuedState::Waiting,
        };
        let keys = keys.map(|keys| keys.to_bytes());
        self.change = Some(QueuedChange { row, idempotency_key, keys, key_blob, type_opening, body });
        Ok(State::Listing(Rows::new()))
    }

    fn number(&mut self, rows: &[OutboxRow], cx: &mut Cx<'_>) -> Result<State, Error> {
        let change = self.change.as_mut().ok_or(Misuse::ResumedAfterDone)?;
        let container = change.row.container;
        let refused = |row: &OutboxRow| matches!(row.state, QueuedState::Refused { .. });
        if rows.iter().any(|row| row.container == container && refused(row)) {
            // It would build on what the broker refused.
            return Err(LocalError::Unsent { container }.into());
        }
        let last = last_waiting(rows, container);
        if last.is_some_and(|last| last.pin.revision.checked_add(1) != Some(change.row.pin.revision)) {
            // It was built beside what waits, as two changes at once are, or on the broker's revision.
            return Err(LocalError::Unsent { container }.into());
        }
        self.waits = last.is_some();
        let keys = cx.session.local()?.keys.clone();
        let blob = keys.blob_id(cx.random()?);
        change.row.sequence = rows.last().map_or(0, |row| row.sequence).saturating_add(1);
        change.row.blob = blob;
        let (data, mut salts) = (change.encode(), Salts::draw(cx)?);
        Ok(State::Sealing(Leaf::compute("seal a queued change", move || {
            envelope::seal(&keys, &blob, &data, &mut salts)
        })))
    }

    fn commit(&self) -> Result<State, Error> {
        let row = self.change.as_ref().ok_or(Misuse::ResumedAfterDone)?.row.clone();
        let taken = Arc::new(AtomicBool::new(false));
        let flag = taken.clone();
        let transact = Transact::new(vec![(Kind::Outbox, OutboxRow::id(row.sequence))], move |found| {
            let is_taken = found[0].is_some();
            flag.store(is_taken, Ordering::Relaxed);
            Ok(vec![if is_taken { Change::Keep } else { Change::Put(row.encode()) }])
        });
        Ok(State::Committing(transact, taken))
    }
}

impl Operation for Enqueue {
    type Output = Enqueued;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Enqueued, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Listing(rows) => {
                    let rows = drive!(rows, cx, reply);
                    attempt!(self.number(&rows, cx))
                }
                State::Sealing(leaf) => {
                    let bytes = attempt!(drive!(leaf, cx, reply));
                    let change = attempt!(self.change.as_ref().ok_or(Misuse::ResumedAfterDone));
                    State::Writing(WriteBlob::new(change.row.blob, &bytes))
                }
                State::Writing(write) => {
                    drive!(write, cx, reply);
                    attempt!(self.commit())
                }
                State::Committing(transact, taken) => {
                    drive!(transact, cx, reply);
                    if taken.load(Ordering::Relaxed) {
                        // The blob of this attempt is swept another time.
                        State::Listing(Rows::new())
                    } else {
                        let change = attempt!(self.change.take().ok_or(Misuse::ResumedAfterDone));
                        return Step::Done(Ok(Enqueued {
                            sequence: change.row.sequence,
                            idempotency_key: change.idempotency_key,
                            waits: self.waits,
                        }));
                    }
                }
            };
        }
    }
}
