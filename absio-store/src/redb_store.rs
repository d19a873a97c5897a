//! Records in one redb file: copy-on-write pages, real `fdatasync`, instant opening, shrinks.

mod index_file;

use crate::bounds::ReplyBudget;
use crate::changes::Plan;
use crate::engine::{Engine, Entries, Index};
use crate::failure::{Poison, io_error};
use crate::group_commit::CommitResult;
use crate::root::Root;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome};
use index_file::{IndexFile, Troubles};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, StorageError, TableDefinition};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const FILE: &str = "index.redb";
/// Bytes of index pages kept in memory unless told otherwise.
const CACHE: usize = 64 << 20;

/// A durable store: records in redb, blobs in files.
pub struct RedbStore(Engine<RedbIndex>);

impl RedbStore {
    /// Opens the store at `root`, a directory that is made if it is absent. Blobs that were not
    /// sealed are gone.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unavailable`] if the store is open elsewhere or may not be used,
    /// [`StoreErrorKind::Invalid`] if another engine wrote it, [`StoreErrorKind::Corrupt`] if it is
    /// damaged, [`StoreErrorKind::Full`] if there is no room for an empty index.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with_cache(root, CACHE)
    }

    /// As [`open`](Self::open), keeping up to `cache` bytes of index pages in memory instead of 64 MiB.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_cache(root: impl AsRef<Path>, cache: usize) -> Result<Self, StoreError> {
        let root = Root::open(root.as_ref(), "redb")?;
        let poison = Arc::new(Poison::default());
        let file =
            root.directory.edit_or_create(FILE).map_err(|error| io_error("opening the index", &error))?;
        let index = RedbIndex::open(file, cache, Arc::clone(&poison))?;
        Engine::new(root, index, poison).map(Self)
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
    fn open(file: File, cache: usize, poison: Arc<Poison>) -> Result<Self, StoreError> {
        let troubles = Arc::new(Troubles::default());
        let database = open_database(&file, cache, &troubles)?;
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
            match open_database(&self.file, self.cache, &self.troubles) {
                Ok(reopened) => *database = Some(reopened),
                Err(_) => self.poison.set(),
            }
        }
        error
    }
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
