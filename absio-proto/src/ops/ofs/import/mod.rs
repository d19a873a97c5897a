//! Takes an export into this store.
//!
//! ```text
//!  Verifying (all of it, to the MAC at its end) ──▶ (keeping the key file) ──▶ Looking
//!                                                                                │
//!         records: Merging, blobs: (Writing ──▶ Sealing) ◀── Taking (once more) ◀┘
//!                                                               │
//!  Imported ◀── Discarding (what no record took) ◀── Following ◀┘
//! ```
//!
//! Nothing is written before all was verified. What was interrupted is begun anew: what is here
//! already is not written again. Pins never go back, so an export older than the store changes nothing
//! of what the store knows better.

mod merge;
mod verify;
#[cfg(feature = "testing")]
mod verify_only;

#[cfg(feature = "testing")]
pub use verify_only::VerifyExport;

use self::merge::{Record, cursors, decode, merge, open, queue};
use self::verify::{Verified, Verifier};
use super::ask::{self, Answer};
use super::stream::Incoming;
use super::transact::blobs_of;
use super::{Change, KeepKeyFile, LoadKeyFile, Scan, Transact};
use crate::crypto::SealedKeyFile;
use crate::effect::{BlobId, Reply};
use crate::error::{Error, LocalError, Misuse};
use crate::model::UserId;
use crate::ofs::cursor::EVENTS;
use crate::ofs::export::{Item, Items, malformed};
use crate::ofs::keys::{Kind, StoreKeys};
use crate::ofs::outbox::OutboxRow;
use crate::ofs::state::State as Totals;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// Records merged in one commit.
const BATCH: usize = 64;
/// Bytes of records merged in one commit, about.
const BATCH_BYTES: usize = 8 << 20;

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Records in the export.
    pub records: u64,
    /// Blobs that were not here before.
    pub blobs: u64,
    /// Whether the key file of the export is newer than the one that was here, and was kept.
    pub key_file: bool,
}

/// A record on its way: kind, name, opened.
type Due = (Kind, Vec<u8>, Zeroizing<Vec<u8>>);

/// Takes the export that [`Effect::Content`](crate::effect::Effect::Content) gives into the partition of
/// the signed-in user, whose export it must be. Not to be run beside other writers to the store.
///
/// # Errors
/// [`CryptoError::Malformed`](crate::CryptoError::Malformed) if it is cut short, altered, put together
/// from others, or another user's: nothing was written then.
pub struct Import {
    verifier: Option<Verifier>,
    verified: Option<Verified>,
    incoming: Option<Incoming>,
    items: Items,
    was_empty: bool,
    /// The blob that is being taken, if it is not here, and how much of it.
    blob: Option<(BlobId, u64)>,
    written: BTreeSet<BlobId>,
    named: BTreeSet<BlobId>,
    batch: Vec<Due>,
    batch_bytes: usize,
    cursor: Option<Zeroizing<Vec<u8>>>,
    /// Changes that wait in the other store, and in this one.
    queued: Vec<OutboxRow>,
    here: Vec<OutboxRow>,
    imported: Imported,
    state: State,
}

enum State {
    Start,
    Verifying,
    LoadingKeyFile(LoadKeyFile),
    KeepingKeyFile(KeepKeyFile),
    Looking(Answer),
    Taking,
    Probing(BlobId, Answer),
    Clearing(Answer),
    Writing(Answer),
    Sealing(Answer),
    Merging(Transact),
    /// The blocks are at their end: what is left goes, then what waits to be sent, then the cursor.
    Following,
    Counting(Scan),
    Naming(Scan),
    Discarding,
    Deleting(Answer),
    Done,
}

impl Import {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self {
            verifier: None,
            verified: None,
            incoming: None,
            items: Items::new(),
            was_empty: false,
            blob: None,
            written: BTreeSet::new(),
            named: BTreeSet::new(),
            batch: Vec::new(),
            batch_bytes: 0,
            cursor: None,
            queued: Vec::new(),
            here: Vec::new(),
            imported: Imported::default(),
            state: State::Start,
        }
    }

    fn rewind(&mut self, cx: &Cx<'_>) -> Result<(), Error> {
        self.incoming = Some(Incoming::new(Some(cx.session.local()?.keys.export_mac())));
        Ok(())
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        let local = cx.session.local()?;
        self.verifier = Some(Verifier::new(local.user_id(), local.keys.clone()));
        self.rewind(cx)?;
        Ok(State::Verifying)
    }

    /// The next item of the second reading.
    fn take(&mut self, cx: &mut Cx<'_>) -> Result<Option<State>, Error> {
        while let Some(item) = self.items.next()? {
            match item {
                Item::KeyFile(..) | Item::State(_) => {}
                Item::Blob(blob) => return Ok(Some(State::Probing(blob, ask::read_blob(blob, 0, 1)))),
                Item::Part(bytes) => {
                    if let Some((blob, offset)) = &mut self.blob {
                        let at = *offset;
                        *offset = at.saturating_add(bytes.len() as u64);
                        return Ok(Some(State::Writing(ask::write_blob(*blob, at, bytes))));
                    }
                }
                Item::EndOfBlob => {
                    if let Some((blob, _)) = self.blob.take() {
                        self.imported.blobs += 1;
                        return Ok(Some(State::Sealing(ask::seal_blob(blob))));
                    }
                }
                Item::Record(name, value) => {
                    if let Some(state) = self.record(name, &value, cx)? {
                        return Ok(Some(state));
                    }
                }
            }
        }
        Ok(None)
    }

    fn record(&mut self, name: Vec<u8>, value: &[u8], cx: &mut Cx<'_>) -> Result<Option<State>, Error> {
        let local = cx.session.local()?;
        let (keys, user) = (local.keys.clone(), local.user_id());
        let kind = keys.kind_of(&name).ok_or(malformed("a record is another user's"))?;
        let data = open(&keys, &name, value)?;
        self.imported.records += 1;
        match decode(&keys, kind, &name, &data)? {
            // What waits to be created was shown by no broker yet.
            Record::Container(record) if record.pin.revision == 0 => {}
            Record::Container(record) => cx.session.recall_pin(user, record.container, record.pin),
            Record::Peer(record) => cx.session.recall_peer(record.chain, record.is_verified),
            Record::Cursor => {
                // Last of all: what it says was followed must be here first.
                self.cursor = Some(data);
                return Ok(None);
            }
            Record::Outbox(row) => {
                self.queued.push(row);
                return Ok(None);
            }
        }
        self.batch_bytes += data.len();
        self.batch.push((kind, name, data));
        let full = self.batch.len() >= BATCH || self.batch_bytes >= BATCH_BYTES;
        if full { self.merge(cx).map(Some) } else { Ok(None) }
    }

    /// Merges the records that were gathered.
    fn merge(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        self.batch_bytes = 0;
        let local = cx.session.local()?;
        let (user, now) = (local.user_id(), local.effective_time(cx.now.utc));
        let batch = core::mem::take(&mut self.batch);
        let names = batch.iter().map(|(kind, name, _)| (*kind, name.clone())).collect();
        self.transact(Transact::named(names, move |found| {
            let change = |((kind, _, new), old): (&Due, &Option<Zeroizing<Vec<u8>>>)| {
                merge(*kind, old.as_deref().map(Vec::as_slice), new, user, now)
            };
            batch.iter().zip(found).map(change).collect()
        }))
    }

    /// Every commit carries over what the other store knew of time and of loss.
    fn transact(&self, transact: Transact) -> Result<State, Error> {
        let totals = self.verified.as_ref().ok_or(Misuse::ResumedAfterDone)?.totals;
        Ok(State::Merging(transact.not_before(totals.time, totals.incomplete_since)))
    }

    /// The cursor, and what waits to be sent, in one commit.
    fn follow(&mut self, keys: &StoreKeys) -> Result<State, Error> {
        let (cursor, was_empty) = (self.cursor.take(), self.was_empty);
        let mut queued = core::mem::take(&mut self.queued);
        queued.sort_by_key(|row| row.sequence);
        let queued = queue(&self.here, queued);
        let mut names = vec![(Kind::Cursor, keys.name(Kind::Cursor, EVENTS))];
        let name = |row: &OutboxRow| (Kind::Outbox, keys.name(Kind::Outbox, &OutboxRow::id(row.sequence)));
        names.extend(queued.iter().map(name));
        self.transact(Transact::named(names, move |found| {
            let (old, new) = (found[0].as_deref().map(Vec::as_slice), cursor.as_deref().map(Vec::as_slice));
            let cursor = Change::Put(cursors(old, new, was_empty)?.encode()?);
            let rows = queued.iter().map(|row| Change::Put(row.encode()));
            Ok(core::iter::once(cursor).chain(rows).collect())
        }))
    }

    /// Blobs that came and that no record here took.
    fn discard(&mut self) -> Option<BlobId> {
        let blob = self.written.pop_first()?;
        if self.named.contains(&blob) { self.discard() } else { Some(blob) }
    }

    /// First of all: without it, nothing that is written opens.
    fn keep_key_file(&mut self, here: Option<&SealedKeyFile>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let file = &self.verified.as_ref().ok_or(Misuse::ResumedAfterDone)?.key_file;
        if here.is_some_and(|here| here.generation() >= file.generation()) {
            return look(cx);
        }
        self.imported.key_file = true;
        cx.session.recall_key_file(file);
        Ok(State::KeepingKeyFile(KeepKeyFile::new(file.clone())))
    }

    fn finish(&mut self) -> Step<Result<Imported, Error>> {
        self.state = State::Done;
        Step::Done(Ok(self.imported))
    }
}

fn look(cx: &Cx<'_>) -> Result<State, Error> {
    Ok(State::Looking(ask::get(vec![cx.session.local()?.keys.name(Kind::State, &[])])))
}

/// Whether there is no record in a store with this state.
fn is_empty(state: Option<Vec<u8>>, cx: &Cx<'_>) -> Result<bool, Error> {
    let Some(value) = state else { return Ok(true) };
    let keys = &cx.session.local()?.keys;
    let data = keys.open_record(&keys.name(Kind::State, &[]), &value);
    let damaged = || LocalError::Degraded { reason: "what was written last does not verify".into() };
    Ok(Totals::decode(&data.ok_or_else(damaged)?)?.count == 0)
}

impl Default for Import {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for Import {
    type Output = Imported;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Imported, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Verifying => {
                    let incoming = attempt!(self.incoming.as_mut().ok_or(Misuse::ResumedAfterDone));
                    let block = drive!(incoming, cx, reply);
                    let counts = incoming.counts();
                    let mut verifier = attempt!(self.verifier.take().ok_or(Misuse::ResumedAfterDone));
                    if let Some(block) = block {
                        attempt!(verifier.take(&block));
                        self.verifier = Some(verifier);
                        continue;
                    }
                    self.verified = Some(attempt!(verifier.finish(counts)));
                    State::LoadingKeyFile(LoadKeyFile::new(attempt!(cx.session.local()).user_id()))
                }
                State::LoadingKeyFile(load) => match load.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(here)) => attempt!(self.keep_key_file(here.as_ref(), cx)),
                    // What is damaged here is written anew.
                    Step::Done(Err(Error::Local(_))) => attempt!(self.keep_key_file(None, cx)),
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::KeepingKeyFile(keep) => {
                    drive!(keep, cx, reply);
                    attempt!(look(cx))
                }
                State::Looking(answer) => {
                    let values = attempt!(ask::values(drive!(answer, cx, reply), 1));
                    self.was_empty = attempt!(is_empty(values.into_iter().next().flatten(), cx));
                    attempt!(self.rewind(cx));
                    State::Taking
                }
                State::Taking => match attempt!(self.take(cx)) {
                    Some(state) => state,
                    None => {
                        let incoming = attempt!(self.incoming.as_mut().ok_or(Misuse::ResumedAfterDone));
                        if let Some(block) = drive!(incoming, cx, reply) {
                            self.items.feed(&block);
                            continue;
                        }
                        attempt!(self.items.end());
                        State::Following
                    }
                },
                State::Probing(blob, answer) => {
                    let blob = *blob;
                    match attempt!(ask::blob(drive!(answer, cx, reply))) {
                        // Names are random and blobs never change: it is the same one.
                        Some(_) => State::Taking,
                        None => {
                            self.blob = Some((blob, 0));
                            self.written.insert(blob);
                            State::Clearing(ask::delete_blob(blob))
                        }
                    }
                }
                State::Clearing(answer) | State::Writing(answer) | State::Sealing(answer) => {
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    State::Taking
                }
                State::Merging(transact) => {
                    drive!(transact, cx, reply);
                    match self.incoming {
                        Some(_) => State::Taking,
                        None => State::Naming(Scan::new(&[Kind::Container, Kind::Outbox])),
                    }
                }
                State::Following if !self.batch.is_empty() => attempt!(self.merge(cx)),
                State::Following => State::Counting(Scan::new(&[Kind::Outbox])),
                State::Counting(scan) => {
                    let page = drive!(scan, cx, reply);
                    let keys = attempt!(cx.session.local()).keys.clone();
                    let Some(page) = page else {
                        self.incoming = None;
                        self.state = attempt!(self.follow(&keys));
                        continue;
                    };
                    for (name, value) in &page.entries {
                        self.here.push(attempt!(OutboxRow::decode(&attempt!(open(&keys, name, value)))));
                    }
                    continue;
                }
                State::Naming(scan) => match drive!(scan, cx, reply) {
                    Some(page) => {
                        let keys = attempt!(cx.session.local()).keys.clone();
                        for (name, value) in &page.entries {
                            let data = attempt!(open(&keys, name, value));
                            self.named.extend(attempt!(blobs_of(page.kind, &data)));
                        }
                        continue;
                    }
                    None => State::Discarding,
                },
                State::Discarding => match self.discard() {
                    Some(blob) => State::Deleting(ask::delete_blob(blob)),
                    None => return self.finish(),
                },
                State::Deleting(answer) => {
                    attempt!(ask::done(drive!(answer, cx, reply)));
                    State::Discarding
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}

/// Reads the key file of `user` out of an export, still sealed: to sign in with on a device that has
/// none, before the import. What opens it with a password proves it.
pub struct ExportedKeyFile {
    user: UserId,
    incoming: Incoming,
    items: Items,
}

impl ExportedKeyFile {
    /// Of `user`.
    #[must_use]
    pub fn new(user: UserId) -> Self {
        Self { user, incoming: Incoming::new(None), items: Items::new() }
    }
}

impl Operation for ExportedKeyFile {
    type Output = SealedKeyFile;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<SealedKeyFile, Error>> {
        loop {
            if let Some(block) = drive!(&mut self.incoming, cx, reply) {
                self.items.feed(&block);
            } else {
                return Step::Done(Err(malformed("it has no key file").into()));
            }
            match attempt!(self.items.next()) {
                None => {}
                Some(Item::KeyFile(salt, cell)) => {
                    let file = salt.open(self.user, &cell);
                    let file = file.ok_or_else(|| malformed("it is of another user, or damaged").into());
                    return Step::Done(file);
                }
                Some(_) => return Step::Done(Err(malformed("it has no key file").into())),
            }
        }
    }
}
