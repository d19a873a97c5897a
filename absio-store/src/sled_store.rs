//! Records in a sled directory, behind the same files, lock and poison as the other engine.
//!
//! What sled 0.34 does not do by itself: `flush` is only `sync_file_range`, so its file is fsynced
//! after it; a leftover `snap.*.generating` keeps it from opening, so that is removed first; values
//! of 256 KiB and more leak for ever, so values are kept in pieces of 64 KiB ([`records`]); a full
//! disk leaves its memory ahead of its file, so the room is looked at before every group.

mod opening;
mod records;

use crate::bounds::ReplyBudget;
use crate::changes::Plan;
use crate::directory::Directory;
use crate::engine::{Engine, Entries, Index};
use crate::failure::{Poison, io_error};
use crate::fault;
use crate::group_commit::CommitResult;
use crate::quarantine::{self, OnDamage};
use crate::root::Root;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome};
use records::Records;
use sled::Db;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes that must be free beside those of a group: sled writes whole segments of 512 KiB.
const RESERVE: u64 = 8 << 20;

/// A durable store: records in sled, blobs in files.
pub struct SledStore(Engine<SledIndex>);

impl SledStore {
    /// Opens the store at `root`, a directory that is made if it is absent. Blobs that were not
    /// sealed are gone.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] if the store is open elsewhere, or if `root` belongs to another
    /// user, may be written to by others, is itself a symbolic link or may not be used;
    /// [`StoreErrorKind::Invalid`] if another engine or a newer version wrote it;
    /// [`StoreErrorKind::Corrupt`] if its index is damaged beyond what opening without
    /// snapshots cures.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(root, OnDamage::Refuse)
    }

    /// As [`open`](Self::open), with a choice of what happens to a damaged index.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(root: impl AsRef<Path>, on_damage: OnDamage) -> Result<Self, StoreError> {
        let root = Root::open(root.as_ref(), "sled")?;
        let poison = Arc::new(Poison::default());
        let open = || opening::open(&root);
        let (opened, quarantined) = quarantine::open_index(&root, opening::DIRECTORY, on_damage, open)?;
        let index = SledIndex {
            records: RwLock::new(Records::new(&opened.database)),
            _database: opened.database,
            directory: opened.directory,
            file: opened.file,
            poison: Arc::clone(&poison),
        };
        Engine::new(root, index, poison, quarantined).map(Self)
    }

    /// Where the index lies in whose place this store's began empty, if opening moved one there, or if
    /// it was moved there since the store was last open. Nothing there is ever removed by a store.
    #[must_use]
    pub fn quarantined(&self) -> Option<&Path> {
        self.0.quarantined()
    }
}

impl Store for SledStore {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.0.apply(op)
    }
}

struct SledIndex {
    /// Locked for writing until a group is durable: nobody reads what a crash could take back.
    records: RwLock<Records>,
    _database: Db,
    directory: Directory,
    file: File,
    poison: Arc<Poison>,
}

pub(crate) fn sled_error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => io_error("the index", &error),
        // One version with one configuration reads what it wrote: the others are damage in disguise.
        error @ (sled::Error::Corruption { .. }
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)) => StoreError::new(StoreErrorKind::Corrupt, error.to_string()),
        error => StoreError::new(StoreErrorKind::Io, error.to_string()),
    }
}

impl SledIndex {
    fn require_room(&self, bytes: usize) -> Result<(), StoreError> {
        let free = self.directory.free_bytes().map_err(|error| io_error("the index", &error))?;
        if free >= (bytes as u64).saturating_mul(2).saturating_add(RESERVE) {
            return Ok(());
        }
        Err(StoreError::new(StoreErrorKind::Full, format!("{free} bytes are left on the disk of the index")))
    }

    fn write(&self, records: &Records, batch: sled::Batch) -> Result<(), StoreError> {
        let written = fault::place("write index").map_err(sled::Error::from);
        let written = written.and_then(|()| records.apply(batch)).map_err(|error| {
            // sled's memory may be ahead of its file now.
            self.poison.set();
            StoreError::new(StoreErrorKind::Io, error.to_string())
        });
        written?;
        let synced = fault::place("sync index").and_then(|()| self.file.sync_all());
        self.poison.flushed("the index", synced)
    }
}

impl Index for SledIndex {
    fn get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        let mut budget = ReplyBudget::new();
        keys.iter().map(|key| records.get(key, &mut budget)).collect()
    }

    fn scan(&self, start: &[u8], end: &[u8], limit: usize, reverse: bool) -> Result<Entries, StoreError> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records.scan(start, end, limit, reverse)
    }

    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitResult>, StoreError> {
        let records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        // Each value read here is compared or replaced, never gathered: no budget to keep.
        let mut plan = Plan::new(|key: &[u8]| records.get(key, &mut ReplyBudget::new()));
        let outcomes = commits.iter().map(|commit| plan.add(commit)).collect();
        let changes = plan.changes();
        if changes.is_empty() {
            return Ok(outcomes);
        }
        let (batch, bytes) = records.batch(changes)?;
        self.require_room(bytes)?;
        self.write(&records, batch)?;
        Ok(outcomes)
    }
}
