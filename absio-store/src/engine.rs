//! What the durable stores have in common: an index of records, files of blobs and cells, group
//! commit, poison.

use crate::blob_files::BlobFiles;
use crate::bounds;
use crate::cell_files::CellFiles;
use crate::failure::{Poison, failed};
use crate::group_commit::{CommitResult, GroupCommit};
use crate::root::Root;
use absio_proto::effect::{Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Keys and values.
pub(crate) type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// An ordered, transactional index of records. Limits are checked before it is asked.
pub(crate) trait Index {
    /// As [`StoreOp::Get`].
    fn get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// As [`StoreOp::Scan`], with `start < end`.
    fn scan(&self, start: &[u8], end: &[u8], limit: usize, reverse: bool) -> Result<Entries, StoreError>;

    /// Carries out all of `commits` in one durable transaction, each with its own outcome. An error
    /// means that nothing was written, or that the store is poisoned.
    fn commit(&self, commits: &[Commit]) -> Result<Vec<CommitResult>, StoreError>;
}

/// A store made of an index and files. Fields are dropped in order: the lock goes last.
pub(crate) struct Engine<I> {
    index: I,
    blobs: BlobFiles,
    cells: CellFiles,
    group: GroupCommit,
    poison: Arc<Poison>,
    quarantined: Option<PathBuf>,
    _root: Root,
}

impl<I: Index> Engine<I> {
    /// `quarantined`: where a damaged index lies in whose place `index` began.
    pub(crate) fn new(
        root: Root,
        index: I,
        poison: Arc<Poison>,
        quarantined: Option<PathBuf>,
    ) -> Result<Self, StoreError> {
        let blobs = BlobFiles::open(&root.directory, Arc::clone(&poison))?;
        let cells = CellFiles::open(&root.directory, Arc::clone(&poison))?;
        // What an opening made that ended before its own flush.
        root.directory.sync().map_err(failed("opening the store"))?;
        Ok(Self { index, blobs, cells, group: GroupCommit::default(), poison, quarantined, _root: root })
    }

    pub(crate) fn quarantined(&self) -> Option<&Path> {
        self.quarantined.as_deref()
    }

    pub(crate) fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        bounds::check(&op)?;
        self.poison.check()?;
        match op {
            StoreOp::Get { keys } => self.guarded(|| self.index.get(&keys)).map(StoreOutcome::Values),
            StoreOp::Scan { start, end, limit, .. } if limit == 0 || start >= end => {
                Ok(StoreOutcome::Entries(Vec::new()))
            }
            StoreOp::Scan { start, end, limit, reverse } => {
                self.guarded(|| self.index.scan(&start, &end, limit, reverse)).map(StoreOutcome::Entries)
            }
            StoreOp::Commit(commit) => self.group.submit(commit, |commits| {
                // Those that waited while the group before them failed must not go on.
                self.poison.check()?;
                self.guarded(|| self.index.commit(commits))
            }),
            StoreOp::BlobWrite { blob, offset, bytes } => {
                self.blobs.write(blob, offset, &bytes).map(|()| StoreOutcome::Done)
            }
            StoreOp::BlobSeal { blob } => self.blobs.seal(blob).map(|()| StoreOutcome::Done),
            StoreOp::BlobRead { blob, offset, length } => {
                self.blobs.read(blob, offset, length).map(StoreOutcome::Blob)
            }
            StoreOp::BlobDelete { blob } => self.blobs.delete(blob).map(|()| StoreOutcome::Done),
            StoreOp::BlobList { after, limit } => self.blobs.list(after, limit).map(StoreOutcome::Blobs),
            StoreOp::CellRead { cell } => self.cells.read(cell).map(StoreOutcome::Cell),
            StoreOp::CellWrite { cell, bytes } => self.cells.write(cell, &bytes).map(|()| StoreOutcome::Done),
            StoreOp::CellList => self.cells.list().map(StoreOutcome::Cells),
        }
    }

    /// Runs the engine's code. The engines answer some kinds of damage with a panic: that is an error
    /// here, and the end of the handle.
    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            self.poison.set();
            Err(StoreError::new(StoreErrorKind::Corrupt, "the index is damaged: its engine gave up"))
        })
    }
}
