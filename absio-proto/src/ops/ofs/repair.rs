//! Keeps what is whole in a damaged partition, and says what was lost.
//!
//! ```text
//!  Anchors ──▶ Scanning (each record by itself) ──▶ Committing ──▶ Anchoring ──▶ Listing blobs
//!                                                                                   │
//!              done ◀── Restoring (envelopes whose record is gone) ◀── Leading ◀─┘
//! ```

use super::Scan;
use super::ask::{self, Answer};
use super::transact::{Change, Transact, blobs_of};
use crate::effect::{BlobId, Commit, Precondition, Reply, Write};
use crate::error::Error;
use crate::ofs::container::ContainerRecord;
use crate::ofs::envelope::{self, Enveloped};
use crate::ofs::keys::Kind;
use crate::ofs::outbox::OutboxRow;
use crate::ofs::peer::PeerRecord;
use crate::ofs::state::State as Totals;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// Names of blobs read at once.
const BLOBS: usize = 1000;

/// What a repair did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Records that are whole.
    pub kept: u64,
    /// Records that did not verify and were taken out.
    pub dropped: u64,
    /// Containers and queued changes that came back from their envelopes.
    pub restored: u64,
    /// Whether something that was kept here is lost for this device: a miss is then told as
    /// [`LocalError::Degraded`](crate::LocalError::Degraded) until it is settled.
    pub incomplete: bool,
}

/// Reads every record by itself, takes out what does not verify, writes the state anew, and brings
/// back from their envelopes the containers and the queued changes that nobody else has.
pub struct Repair {
    /// The sealed state as it was read.
    head: Option<Vec<u8>>,
    newest: Totals,
    totals: Totals,
    writes: Vec<Write>,
    report: Repaired,
    after: Option<BlobId>,
    blobs: Vec<BlobId>,
    state: State,
}

enum State {
    Start,
    Head(Answer),
    Anchor(u8, Answer),
    Scanning(Scan),
    Committing(Answer),
    Anchoring(u8, Answer),
    Listing(Answer),
    Next,
    Leading(BlobId, Answer),
    Reading(BlobId, Answer),
    Restoring(Transact),
}

impl Repair {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self {
            head: None,
            newest: Totals::default(),
            totals: Totals::default(),
            writes: Vec::new(),
            report: Repaired::default(),
            after: None,
            blobs: Vec::new(),
            state: State::Start,
        }
    }

    /// The highest state that anything vouches for. One of a newer version is no damage: nothing is
    /// touched then.
    fn learn(&mut self, data: Option<Zeroizing<Vec<u8>>>) -> Result<(), Error> {
        let totals = data.map(|data| Totals::decode(&data)).transpose()?;
        if let Some(totals) = totals.filter(|totals| totals.sequence >= self.newest.sequence) {
            self.newest = totals;
        }
        Ok(())
    }

    fn anchor(slot: u8, cx: &Cx<'_>) -> Result<State, Error> {
        Ok(State::Anchor(slot, ask::read_cell(cx.session.local()?.keys.anchor_cell(slot))))
    }

    fn take(&mut self, kind: Kind, name: &[u8], value: &[u8], cx: &Cx<'_>) -> Result<(), Error> {
        let keys = &cx.session.local()?.keys;
        let blobs = keys.open_record(name, value).and_then(|data| record_blobs(kind, &data));
        match (blobs, keys.element(name, value)) {
            (Some(blobs), Some(element)) => {
                self.report.kept += 1;
                self.totals.count += 1;
                self.totals.sum = self.totals.sum.plus(element);
                self.totals.blobs += blobs;
            }
            _ => {
                self.report.dropped += 1;
                self.writes.push(Write::Delete { key: name.to_vec() });
            }
        }
        Ok(())
    }

    fn commit(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let local = cx.session.local()?;
        let keys = local.keys.clone();
        // Without any state there is nothing that says what there was; and an anchor from before the
        // first record does not vouch for an index that is gone.
        let is_vouched = self.newest.sequence > 0 && (self.head.is_some() || self.newest.count > 0);
        let same = is_vouched && (self.totals.count, self.totals.sum) == (self.newest.count, self.newest.sum);
        self.totals.sequence = self.newest.sequence.saturating_add(2);
        self.totals.time = self.newest.time.max(local.effective_time(cx.now.utc));
        self.totals.incomplete_since = if same {
            self.newest.incomplete_since
        } else {
            self.newest.incomplete_since.or(Some(self.totals.time))
        };
        self.report.incomplete = self.totals.incomplete_since.is_some();
        let name = keys.name(Kind::State, &[]);
        let value = keys.seal_record(&name, self.totals.sequence, &self.totals.encode(), cx.entropy)?;
        let preconditions = vec![Precondition { key: name.clone(), value: self.head.clone() }];
        self.writes.push(Write::Put { key: name, value });
        let writes = core::mem::take(&mut self.writes);
        Ok(State::Committing(ask::commit(Commit { preconditions, writes })))
    }

    /// Both anchors are written: neither may speak for what was before.
    fn write_anchor(&self, slot: u8, cx: &mut Cx<'_>) -> Result<State, Error> {
        let keys = cx.session.local()?.keys.clone();
        let cell = keys.anchor_cell(slot);
        let bytes = keys.seal_anchor(&cell, self.totals.sequence, &self.totals.encode(), cx.entropy)?;
        Ok(State::Anchoring(slot, ask::write_cell(cell, bytes)))
    }

    fn restore(blob: BlobId, rest: Option<Vec<u8>>, cx: &Cx<'_>) -> Result<State, Error> {
        let keys = &cx.session.local()?.keys;
        Ok(match rest.and_then(|rest| envelope::open(keys, &blob, &rest).ok()) {
            Some(Enveloped::Container(record)) => State::Restoring(restore_container(*record)),
            Some(Enveloped::Change(change)) => State::Restoring(restore_change(change.row)),
            None => State::Next,
        })
    }
}

fn restore_container(record: ContainerRecord) -> Transact {
    let id = record.container.as_bytes().to_vec();
    Transact::new(vec![(Kind::Container, id)], move |found| {
        let known = found[0].as_ref().map(|data| ContainerRecord::decode(data)).transpose()?;
        let newer =
            known.is_none_or(|known| !known.pin.tombstone && known.pin.revision < record.pin.revision);
        Ok(vec![if newer { Change::Put(record.encode()) } else { Change::Keep }])
    })
}

/// A change that was sent already and whose blob stayed is sent once more: that has no effect.
fn restore_change(row: OutboxRow) -> Transact {
    Transact::new(vec![(Kind::Outbox, OutboxRow::id(row.sequence))], move |found| {
        Ok(vec![if found[0].is_none() { Change::Put(row.encode()) } else { Change::Keep }])
    })
}

impl Default for Repair {
    fn default() -> Self {
        Self::new()
    }
}

/// How many blobs a record names; none if it is not a record.
fn record_blobs(kind: Kind, data: &[u8]) -> Option<u64> {
    match kind {
        Kind::Container | Kind::Outbox => blobs_of(kind, data).ok().map(|blobs| blobs.len() as u64),
        Kind::Peer => PeerRecord::decode(data).ok().map(|_| 0),
        Kind::State | Kind::Cursor => Some(0),
    }
}

impl Operation for Repair {
    type Output = Repaired;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Repaired, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    let name = attempt!(cx.session.local()).keys.name(Kind::State, &[]);
                    State::Head(ask::get(vec![name]))
                }
                State::Head(answer) => {
                    let value =
                        attempt!(ask::values(drive!(answer, cx, reply), 1)).into_iter().next().flatten();
                    let keys = attempt!(cx.session.local()).keys.clone();
                    let name = keys.name(Kind::State, &[]);
                    attempt!(self.learn(value.as_ref().and_then(|value| keys.open_record(&name, value))));
                    self.head = value;
                    attempt!(Self::anchor(0, cx))
                }
                State::Anchor(slot, answer) => {
                    let slot = *slot;
                    let bytes = attempt!(ask::cell(drive!(answer, cx, reply)));
                    let keys = attempt!(cx.session.local()).keys.clone();
                    let data = bytes.and_then(|bytes| keys.open_anchor(&keys.anchor_cell(slot), &bytes));
                    attempt!(self.learn(data));
                    match slot {
                        0 => attempt!(Self::anchor(1, cx)),
                        _ => State::Scanning(Scan::new(&Kind::COUNTED)),
                    }
                }
                State::Scanning(scan) => match drive!(scan, cx, reply) {
                    Some(page) => {
                        for (name, value) in &page.entries {
                            attempt!(self.take(page.kind, name, value, cx));
                        }
                        continue;
                    }
                    None => attempt!(self.commit(cx)),
                },
                State::Committing(answer) => {
                    if attempt!(ask::committed(drive!(answer, cx, reply))) {
                        let local = attempt!(cx.session.local_mut());
                        local.learn(self.totals);
                        local.is_checked = true;
                        attempt!(self.write_anchor(0, cx))
                    } else {
                        // Somebody else writes: what was counted is no longer so.
                        *self = Self::new();
                        continue;
                    }
                }
                State::Anchoring(slot, answer) => {
                    let slot = *slot;
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    match slot {
                        0 => attempt!(self.write_anchor(1, cx)),
                        _ => State::Listing(ask::list_blobs(None, BLOBS)),
                    }
                }
                State::Listing(answer) => {
                    let found = attempt!(ask::blobs(drive!(answer, cx, reply)));
                    self.after = found.last().copied().filter(|_| found.len() >= BLOBS);
                    let keys = &attempt!(cx.session.local()).keys;
                    self.blobs = found.into_iter().filter(|blob| keys.owns(blob)).collect();
                    State::Next
                }
                State::Next => match (self.blobs.pop(), self.after) {
                    (Some(blob), _) => State::Leading(blob, ask::read_blob(blob, 0, envelope::lead_length())),
                    (None, Some(after)) => State::Listing(ask::list_blobs(Some(after), BLOBS)),
                    (None, None) => return Step::Done(Ok(self.report)),
                },
                State::Leading(blob, answer) => {
                    let blob = *blob;
                    let lead = drive!(answer, cx, reply).and_then(|outcome| match outcome {
                        crate::effect::StoreOutcome::Blob(bytes) => Ok(bytes),
                        _ => Ok(None),
                    });
                    let keys = &attempt!(cx.session.local()).keys;
                    // A blob that cannot be read brings nothing back, and is no reason to stop.
                    let length =
                        lead.ok().flatten().and_then(|lead| envelope::rest_length(keys, &blob, &lead));
                    match length {
                        Some(length) => {
                            State::Reading(blob, ask::read_blob(blob, envelope::lead_length(), length))
                        }
                        None => State::Next,
                    }
                }
                State::Reading(blob, answer) => {
                    let blob = *blob;
                    let rest = ask::blob(drive!(answer, cx, reply)).ok().flatten();
                    attempt!(Self::restore(blob, rest, cx))
                }
                State::Restoring(transact) => {
                    let before = attempt!(cx.session.local()).state.sequence;
                    drive!(transact, cx, reply);
                    if attempt!(cx.session.local()).state.sequence != before {
                        self.report.restored += 1;
                    }
                    State::Next
                }
            };
        }
    }
}
