//! One atomic change of records, with the state that counts them.
//!
//! ```text
//!  Reading (state, records) ──▶ edit ──▶ Committing ──▶ Anchoring ──▶ Freeing (blobs no longer named) ──▶ done
//!     ▲                                     │ somebody else wrote meanwhile
//!     └─────────────────────────────────────┘
//! ```
//!
//! Two flushes: the index, and the anchor's cell in place. What was committed stands whether or not
//! the anchor was written; a state ahead of its anchors is what a crash between the two leaves.

use super::ask::{self, Answer};
use crate::effect::{BlobId, Commit, Precondition, Reply, Write};
use crate::error::{Error, LocalError, Misuse};
use crate::model::{Timestamp, UserId};
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::{Kind, StoreKeys};
use crate::ofs::outbox::OutboxRow;
use crate::ofs::peer::PeerRecord;
use crate::ofs::state::State as Totals;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::collections::BTreeSet;
use std::sync::Arc;
use zeroize::Zeroizing;

/// How often a change is built anew when others write at the same time.
const ATTEMPTS: u32 = 64;

/// What becomes of a record.
pub(crate) enum Change {
    Keep,
    Put(Zeroizing<Vec<u8>>),
    Remove,
}

/// The opened records, none where there was none.
pub(crate) type Found<'a> = &'a [Option<Zeroizing<Vec<u8>>>];

type Edit = Box<dyn FnMut(Found<'_>) -> Result<Vec<Change>, Error> + Send>;

/// Reads records, lets `edit` say what becomes of each, and commits that. Peers whose cards were
/// learned since the last write are written along.
pub(crate) struct Transact {
    records: Vec<(Kind, Vec<u8>)>,
    /// The records are given by their names, not by their ids.
    by_name: bool,
    /// The least time that the state must have, and since when something is lost.
    floor: Option<(Timestamp, Option<Timestamp>)>,
    edit: Edit,
    /// Settles whether something is known to be lost, if it is to change.
    settle: bool,
    attempts: u32,
    state: State,
}

/// What a commit does once it is made.
struct Pending {
    totals: Totals,
    freed: Vec<BlobId>,
    peers: Vec<(UserId, u64)>,
}

enum State {
    Start,
    Reading(Answer, Vec<Vec<u8>>),
    Committing(Answer, Pending),
    Anchoring(Answer, Pending),
    Freeing(Answer, Vec<BlobId>),
}

impl Transact {
    /// A change of `records`.
    pub(crate) fn new(
        records: Vec<(Kind, Vec<u8>)>,
        edit: impl FnMut(Found<'_>) -> Result<Vec<Change>, Error> + Send + 'static,
    ) -> Self {
        Self {
            records,
            by_name: false,
            floor: None,
            edit: Box::new(edit),
            settle: false,
            attempts: 0,
            state: State::Start,
        }
    }

    /// The same of records that are given by their names: they may come from another root.
    pub(crate) fn named(
        records: Vec<(Kind, Vec<u8>)>,
        edit: impl FnMut(Found<'_>) -> Result<Vec<Change>, Error> + Send + 'static,
    ) -> Self {
        Self { by_name: true, ..Self::new(records, edit) }
    }

    /// The state takes over the time of another root, and that something was lost there.
    pub(crate) fn not_before(self, time: Timestamp, incomplete_since: Option<Timestamp>) -> Self {
        Self { floor: Some((time, incomplete_since)), ..self }
    }

    /// Nothing but the peers that were learned.
    pub(crate) fn peers() -> Self {
        Self::new(Vec::new(), |_| Ok(Vec::new()))
    }

    /// What was known to be lost counts as settled from now on.
    pub(crate) fn settle() -> Self {
        Self { settle: true, ..Self::peers() }
    }

    fn read(&self, keys: &StoreKeys, cx: &Cx<'_>) -> State {
        let name =
            |(kind, id): &(Kind, Vec<u8>)| if self.by_name { id.clone() } else { keys.name(*kind, id) };
        let own = self.records.iter().map(name);
        let peers = cx.session.new_peers().map(|chain| keys.name(Kind::Peer, chain.user_id().as_bytes()));
        let names: Vec<_> = core::iter::once(keys.name(Kind::State, &[])).chain(own).chain(peers).collect();
        State::Reading(ask::get(names.clone()), names)
    }

    fn commit(
        &mut self,
        names: &[Vec<u8>],
        values: Vec<Option<Vec<u8>>>,
        cx: &mut Cx<'_>,
    ) -> Result<Option<State>, Error> {
        let local = cx.session.local()?;
        let keys = local.keys.clone();
        let totals = match &values[0] {
            None => Totals::default(),
            Some(value) => open(&keys, &names[0], value).and_then(|data| Ok(Totals::decode(&data)?))?,
        };
        let old = names[1..].iter().zip(&values[1..]);
        let mut found = Vec::with_capacity(names.len());
        for (name, value) in old.take(self.records.len()) {
            found.push(value.as_ref().map(|value| open(&keys, name, value)).transpose()?);
        }
        let changes = (self.edit)(&found)?;
        if changes.len() != self.records.len() {
            return Err(Misuse::WrongReply.into());
        }
        let mut batch = Batch { keys: keys.clone(), totals, writes: Vec::new(), freed: BTreeSet::new() };
        batch.totals.sequence += 1;
        for (index, change) in changes.into_iter().enumerate() {
            let kind = self.records[index].0;
            let place = Place { kind, name: &names[index + 1], value: values[index + 1].as_deref() };
            batch.change(&place, found[index].as_deref().map(Vec::as_slice), change, cx)?;
        }
        let mut peers = Vec::new();
        // Those that were learned since the names were read come with the next write.
        let chains: Vec<_> = cx.session.new_peers().cloned().collect();
        for chain in chains {
            let (user, name) = (chain.user_id(), keys.name(Kind::Peer, chain.user_id().as_bytes()));
            let index = names.iter().position(|other| *other == name);
            // A record that this change is about anyway is not written twice.
            let Some(index) = index.filter(|index| *index > self.records.len()) else { continue };
            let is_verified = cx.session.is_verified_peer(user);
            peers.push((user, chain.sequence()));
            let data = PeerRecord { chain, is_verified }.encode();
            let place = Place { kind: Kind::Peer, name: &name, value: values[index].as_deref() };
            batch.change(&place, None, Change::Put(data.into()), cx)?;
        }
        if batch.writes.is_empty() && !self.settle && self.floor.is_none() {
            return Ok(None);
        }
        let mut totals = batch.totals;
        totals.time = totals.time.max(local_time(cx));
        if let Some((time, lost)) = self.floor {
            totals.time = totals.time.max(time);
            totals.incomplete_since = [totals.incomplete_since, lost].into_iter().flatten().min();
        }
        if self.settle {
            totals.incomplete_since = None;
        }
        let sealed = keys.seal_record(&names[0], totals.sequence, &totals.encode(), cx.entropy)?;
        batch.writes.push(Write::Put { key: names[0].clone(), value: sealed });
        let before = Precondition { key: names[0].clone(), value: values[0].clone() };
        let preconditions = crate::planted!(TransactUnguarded, Vec::new(), vec![before]);
        let pending = Pending { totals, freed: batch.freed.into_iter().collect(), peers };
        Ok(Some(State::Committing(ask::commit(Commit { preconditions, writes: batch.writes }), pending)))
    }

    fn anchor(pending: Pending, cx: &mut Cx<'_>) -> Result<State, Error> {
        let totals = pending.totals;
        let local = cx.session.local_mut()?;
        local.learn(totals);
        let keys = local.keys.clone();
        cx.session.peers_written(&pending.peers);
        let cell = keys.anchor_cell(u8::from(totals.sequence % 2 == 1));
        let told = crate::planted!(AnchorAhead, Totals { sequence: totals.sequence + 2, ..totals }, totals);
        let bytes = keys.seal_anchor(&cell, told.sequence, &told.encode(), cx.entropy)?;
        Ok(State::Anchoring(ask::write_cell(cell, bytes), pending))
    }
}

/// Never before the highest time that was written (F11).
fn local_time(cx: &Cx<'_>) -> Timestamp {
    cx.session.local().map_or(cx.now.utc, |local| local.effective_time(cx.now.utc))
}

fn open(keys: &StoreKeys, name: &[u8], value: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    keys.open_record(name, value)
        .ok_or_else(|| LocalError::Degraded { reason: "a record does not verify".into() }.into())
}

/// The blobs that a record names.
pub(super) fn blobs_of(kind: Kind, data: &[u8]) -> Result<Vec<BlobId>, Error> {
    match kind {
        Kind::Container => Ok(ContainerRecord::decode(data)?.blobs().collect()),
        Kind::Outbox => Ok(vec![OutboxRow::decode(data)?.blob]),
        Kind::State | Kind::Peer | Kind::Cursor => Ok(Vec::new()),
    }
}

/// A record as it was read.
struct Place<'a> {
    kind: Kind,
    name: &'a [u8],
    value: Option<&'a [u8]>,
}

struct Batch {
    keys: Arc<StoreKeys>,
    totals: Totals,
    writes: Vec<Write>,
    freed: BTreeSet<BlobId>,
}

impl Batch {
    fn change(
        &mut self,
        place: &Place<'_>,
        old: Option<&[u8]>,
        change: Change,
        cx: &mut Cx<'_>,
    ) -> Result<(), Error> {
        let data = match change {
            Change::Keep => return Ok(()),
            Change::Put(data) => Some(data),
            Change::Remove => None,
        };
        if let Some(value) = place.value {
            self.totals.count = self.totals.count.saturating_sub(crate::planted!(CountNotKept, 0, 1));
            let element = self.keys.element(place.name, value).unwrap_or_default();
            self.totals.sum = crate::planted!(SumNotKept, self.totals.sum, self.totals.sum.minus(element));
        } else if data.is_none() {
            return Ok(());
        }
        let blobs = |data: Option<&[u8]>| data.map_or(Ok(Vec::new()), |data| blobs_of(place.kind, data));
        let (before, after) = (blobs(old)?, blobs(data.as_deref().map(Vec::as_slice))?);
        self.totals.blobs = self.totals.blobs.saturating_sub(before.len() as u64) + after.len() as u64;
        self.freed.extend(before.into_iter().filter(|blob| !after.contains(blob)));
        let key = place.name.to_vec();
        self.writes.push(match data {
            None => Write::Delete { key },
            Some(data) => {
                let value = self.keys.seal_record(place.name, self.totals.sequence, &data, cx.entropy)?;
                self.totals.count += 1;
                self.totals.sum =
                    self.totals.sum.plus(self.keys.element(place.name, &value).unwrap_or_default());
                Write::Put { key, value }
            }
        });
        Ok(())
    }
}

impl Operation for Transact {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    let keys = attempt!(cx.session.local()).keys.clone();
                    self.read(&keys, cx)
                }
                State::Reading(answer, names) => {
                    let given = drive!(answer, cx, reply);
                    let names = core::mem::take(names);
                    let values = attempt!(ask::values(given, names.len()));
                    match attempt!(self.commit(&names, values, cx)) {
                        Some(state) => state,
                        None => return Step::Done(Ok(())),
                    }
                }
                State::Committing(answer, pending) => {
                    let committed = attempt!(ask::committed(drive!(answer, cx, reply)));
                    self.attempts += 1;
                    let pending = core::mem::replace(
                        pending,
                        Pending { totals: Totals::default(), freed: Vec::new(), peers: Vec::new() },
                    );
                    if committed {
                        attempt!(Self::anchor(pending, cx))
                    } else if self.attempts < ATTEMPTS {
                        State::Start
                    } else {
                        let reason = "others write to it all the time".to_owned();
                        return Step::Done(Err(LocalError::Degraded { reason }.into()));
                    }
                }
                State::Anchoring(answer, pending) => {
                    // What was committed stands; a state ahead of its anchors is a sound one.
                    let _ = drive!(answer, cx, reply);
                    match free(core::mem::take(&mut pending.freed)) {
                        Some(state) => state,
                        None => return Step::Done(Ok(())),
                    }
                }
                State::Freeing(answer, rest) => {
                    // A blob that stays is swept another time.
                    let _ = drive!(answer, cx, reply);
                    match free(core::mem::take(rest)) {
                        Some(state) => state,
                        None => return Step::Done(Ok(())),
                    }
                }
            };
        }
    }
}

fn free(mut blobs: Vec<BlobId>) -> Option<State> {
    blobs.pop().map(|blob| State::Freeing(ask::delete_blob(blob), blobs))
}
