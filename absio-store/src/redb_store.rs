//! Records in one redb file: copy-on-write pages, real `fdatasync`, instant opening, shrinks.

mod index_file;

use crate::bounds::ReplyBudget;
use crate::changes::Plan;
use crate::directory::{Directory, found};
use crate::engine::{Engine, Entries, Index};
use crate::failure::{Poison, failed, io_error};
use crate::group_commit::CommitResult;
use crate::quarantine::{self, OnDamage};
use crate::root::Root;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome};
use index_file::{IndexFile, Troubles};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, StorageError, TableDefinition};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const FILE: &str = "index.redb";
const NEW_FILE: &str = "index.redb.new";
/// Bytes of index pages kept in memory unless told otherwise.
const CACHE: usize = 64 << 20;

/// A durable store: records in redb, blobs in files.
pub struct RedbStore(Engine<RedbIndex>);

impl RedbStore {
    /// Opens the store at `root`, a directory that is made if it is absent. Blobs that were not
    /// sealed are gone.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] if the store is open elsewhere, or if `root` belongs to another
    /// user, may be written to by others, is itself a symbolic link or may not be used;
    /// [`StoreErrorKind::Invalid`] if another engine or a newer version wrote it;
    /// [`StoreErrorKind::Corrupt`] if its index is damaged.
    /// [`StoreErrorKind::Full`] if there is no room for an empty index.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(root, OnDamage::Refuse)
    }

    /// As [`open`](Self::open), with a choice of what happens to a damaged index.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(root: impl AsRef<Path>, on_damage: OnDamage) -> Result<Self, StoreError> {
        Self::open_as(root.as_ref(), on_damage, CACHE)
    }

    /// As [`open`](Self::open), keeping up to `cache` bytes of index pages in memory instead of 64 MiB.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_cache(root: impl AsRef<Path>, cache: usize) -> Result<Self, StoreError> {
        Self::open_as(root.as_ref(), OnDamage::Refuse, cache)
    }

    fn open_as(root: &Path, on_damage: OnDamage, cache: usize) -> Result<Self, StoreError> {
        let root = Root::open(root, "redb")?;
        let poison = Arc::new(Poison::default());
        let open = || RedbIndex::open(&root.directory, cache, Arc::clone(&poison));
        let (index, quarantined) = quarantine::open_index(&root, FILE, on_damage, open)?;
        Engine::new(root, index, poison, quarantined).map(Self)
    }

    /// Where the index lies in whose place this store's began empty, if opening moved one there, or if
    /// it was moved there since the store was last open. Nothing there is ever removed by a store.
    #[must_use]
    pub fn quarantined(&self) -> Option<&Path> {
        self.0.quarantined()
    }
}

impl Store for RedbStore {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.0.apply(op)
    }
}

struct RedbIndex {
    /// Empty only while it is being reopened.
    database: RwLock<Option<Database>>,
    file: File,
    cache: usize,
    troubles: Arc<Troubles>,
    poison: Arc<Poison>,
}

fn storage_error(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) => io_error("the index", &error),
        error @ (redb::Error::Corrupted(_)
        | redb::Error::UpgradeRequired(_)
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }) => {
            StoreError::new(StoreErrorKind::Corrupt, error.to_string())
        }
        error => StoreError::new(StoreErrorKind::Io, error.to_string()),
    }
}

fn value(
    found: Result<Option<redb::AccessGuard<'_, &'static [u8]>>, StorageError>,
) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(found.map_err(storage_error)?.map(|guard| guard.value().to_vec()))
}

impl RedbIndex {
    /// redb does not open a file that it had only begun to make: a new one gets its name when it is done.
    fn open(directory: &Directory, cache: usize, poison: Arc<Poison>) -> Result<Self, StoreError> {
        let failed = failed("opening the index");
        let troubles = Arc::new(Troubles::default());
        if let Some(file) = found(directory.edit(FILE)).map_err(&failed)? {
            if file.metadata().map_err(&failed)?.len() == 0 {
                // redb would begin anew in it, and nobody would hear of what is lost.
                return Err(StoreError::new(StoreErrorKind::Corrupt, "the index is an empty file"));
            }
            let database = guarded_open(&file, cache, &troubles)?;
            return Ok(Self { database: RwLock::new(Some(database)), file, cache, troubles, poison });
        }
        directory.remove(NEW_FILE).map_err(&failed)?;
        let file = directory.create(NEW_FILE).map_err(&failed)?;
        let database = guarded_open(&file, cache, &troubles)?;
        directory.rename(NEW_FILE, directory, FILE).map_err(&failed)?;
        directory.sync().map_err(failed)?;
        Ok(Self { database: RwLock::new(Some(database)), file, cache, troubles, poison })
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match &*database {
            Some(database) => work(database),
            None => Err(StoreError::new(StoreErrorKind::Unavailable, "the index is closed")),
        }
    }

    fn transact(database: &Database, commits: &[Commit]) -> Result<Vec<CommitResult>, StoreError> {
        let transaction = database.begin_write().map_err(storage_error)?;
        let mut table = transaction.open_table(RECORDS).map_err(storage_error)?;
        let mut plan = Plan::new(|key: &[u8]| value(table.get(key)));
        let outcomes: Vec<CommitResult> = commits.iter().map(|commit| plan.add(commit)).collect();
        let changes = plan.changes();
        if changes.is_empty() {
            drop(table);
            transaction.abort().map_err(storage_error)?;
            return Ok(outcomes);
        }
        for (key, value) in changes {
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice()).map(drop),
                None => table.remove(key.as_slice()).map(drop),
            }
            .map_err(storage_error)?;
        }
        drop(table);
        transaction.commit().map_err(storage_error)?;
        Ok(outcomes)
    }

    /// After a failed read or growth nothing of the transaction is in the file, but redb refuses to
    /// go on: a fresh handle finds the state before. After a failed write or flush nobody knows.
    fn recover(&self, error: StoreError) -> StoreError {
        if self.troubles.file_is_uncertain() {
            self.poison.set();
            return StoreError::new(StoreErrorKind::Io, error.reason);
        }
        if self.troubles.take_harmless() {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            *database = None;
            match guarded_open(&self.file, self.cache, &self.troubles) {
                Ok(reopened) => *database = Some(reopened),
                Err(_) => self.poison.set(),
            }
        }
        error
    }
}

/// redb answers some kinds of damage with a panic.
fn guarded_open(file: &File, cache: usize, troubles: &Arc<Troubles>) -> Result<Database, StoreError> {
    catch_unwind(AssertUnwindSafe(|| open_database(file, cache, troubles))).unwrap_or_else(|_| {
        Err(StoreError::new(StoreErrorKind::Corrupt, "the index is damaged: its engine gave up"))
    })
}

fn open_database(file: &File, cache: usize, troubles: &Arc<Troubles>) -> Result<Database, StoreError> {
    let file = IndexFile::new(file, Arc::clone(troubles)).map_err(|error| io_error("the index", &error))?;
    let database = Builder::new().set_cache_size(cache).create_with_backend(file).map_err(storage_error)?;
    let transaction = database.begin_read().map_err(storage_error)?;
    if transaction.open_table(RECORDS).is_err() {
        let transaction = database.begin_write().map_err(storage_error)?;
        transaction.open_table(RECORDS).map_err(storage_error)?;
        transaction.commit().map_err(storage_error)?;
    }
    drop(transaction);
    Ok(database)
}

impl Index for RedbIndex {
    fn get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let look = |database: &Database| {
            let transaction = database.begin_read().map_err(storage_error)?;
            let table = transaction.open_table(RECORDS).map_err(storage_error)?;
            let mut budget = ReplyBudget::new();
            let values = keys.iter().map(|key| {
                let found = table.get(key.as_slice()).map_err(storage_error)?;
                budget.take(found.as_ref().map_or(0, |guard| guard.value().len()))?;
                Ok(found.map(|guard| guard.value().to_vec()))
            });
            values.collect()
        };
        self.with(look).map_err(|error| self.recover(error))
    }

    fn scan(&self, start: &[u8], end: &[u8], limit: usize, reverse: bool) -> Result<Entries, StoreError> {
        let look = |database: &Database| {
            let transaction = database.begin_read().map_err(storage_error)?;
            let table = transaction.open_table(RECORDS).map_err(storage_error)?;
            let mut range = table.range::<&[u8]>(start..end).map_err(storage_error)?;
            let mut budget = ReplyBudget::new();
            let mut entries = Vec::new();
            while entries.len() < limit {
                let Some(entry) = (if reverse { range.next_back() } else { range.next() }) else { break };
                let (key, value) = entry.map_err(storage_error)?;
                budget.take(key.value().len() + value.value().len())?;
                entries.push((key.value().to_vec(), value.value().to_vec()));
            }
            Ok(entries)
        };
        self.with(look).map_err(|error| self.recover(error))
    }

    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitResult>, StoreError> {
        self.with(|database| Self::transact(database, commits)).map_err(|error| self.recover(error))
    }
}
