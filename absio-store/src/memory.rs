//! A store in memory: for tests, fixtures and clients that keep nothing.

use crate::bounds::{self, ReplyBudget};
use crate::changes::Plan;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{BlobId, CellId, Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

/// Keeps everything in memory, up to a capacity. Clones share what is stored, so that a clone kept
/// by a test is the "disk" that a store opened later finds.
#[derive(Clone)]
pub struct MemoryStore {
    state: Arc<RwLock<State>>,
    capacity: u64,
}

#[derive(Default)]
struct State {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    blobs: BTreeMap<BlobId, Blob>,
    cells: BTreeMap<CellId, Vec<u8>>,
    used: u64,
}

#[derive(Default)]
struct Blob {
    bytes: Vec<u8>,
    sealed: bool,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store that holds up to 1 GiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(1 << 30)
    }

    /// An empty store that holds up to `capacity` bytes of keys, values, blobs and cells, and answers
    /// [`StoreErrorKind::Full`] beyond.
    #[must_use]
    pub fn with_capacity(capacity: u64) -> Self {
        Self { state: Arc::default(), capacity }
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for MemoryStore {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        bounds::check(&op)?;
        match op {
            StoreOp::Get { keys } => self.read(|state| state.get(&keys)),
            StoreOp::Scan { start, end, limit, reverse } => {
                self.read(|state| state.scan(&start, &end, limit, reverse))
            }
            StoreOp::Commit(commit) => self.change(|state| state.commit(&commit, self.capacity)),
            StoreOp::BlobWrite { blob, offset, bytes } => {
                self.change(|state| state.write_blob(blob, offset, &bytes, self.capacity))
            }
            StoreOp::BlobSeal { blob } => self.change(|state| state.seal_blob(blob)),
            StoreOp::BlobRead { blob, offset, length } => {
                Ok(StoreOutcome::Blob(self.read(|state| state.read_blob(blob, offset, length))))
            }
            StoreOp::BlobDelete { blob } => {
                self.change(|state| {
                    let removed = state.blobs.remove(&blob);
                    state.used -= removed.map_or(0, |blob| blob.bytes.len() as u64);
                });
                Ok(StoreOutcome::Done)
            }
            StoreOp::BlobList { after, limit } => {
                let start = after.map_or(Bound::Unbounded, Bound::Excluded);
                let ids = self.read(|state| {
                    state.blobs.range((start, Bound::Unbounded)).take(limit).map(|(id, _)| *id).collect()
                });
                Ok(StoreOutcome::Blobs(ids))
            }
            StoreOp::CellRead { cell } => {
                Ok(StoreOutcome::Cell(self.read(|state| state.cells.get(&cell).cloned())))
            }
            StoreOp::CellWrite { cell, bytes } => {
                self.change(|state| state.write_cell(cell, bytes, self.capacity))
            }
            StoreOp::CellList => {
                Ok(StoreOutcome::Cells(self.read(|state| state.cells.keys().copied().collect())))
            }
        }
    }
}

fn full() -> StoreError {
    StoreError::new(StoreErrorKind::Full, "the memory store is at its capacity")
}

impl State {
    fn get(&self, keys: &[Vec<u8>]) -> Result<StoreOutcome, StoreError> {
        let mut budget = ReplyBudget::new();
        let values = keys.iter().map(|key| {
            let value = self.records.get(key);
            budget.take(value.map_or(0, Vec::len))?;
            Ok(value.cloned())
        });
        values.collect::<Result<_, _>>().map(StoreOutcome::Values)
    }

    fn scan(
        &self,
        start: &[u8],
        end: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<StoreOutcome, StoreError> {
        if start >= end {
            return Ok(StoreOutcome::Entries(Vec::new()));
        }
        let mut budget = ReplyBudget::new();
        let mut range = self.records.range::<[u8], _>((Bound::Included(start), Bound::Excluded(end)));
        let mut entries = Vec::new();
        while entries.len() < limit {
            let Some((key, value)) = (if reverse { range.next_back() } else { range.next() }) else { break };
            budget.take(key.len() + value.len())?;
            entries.push((key.clone(), value.clone()));
        }
        Ok(StoreOutcome::Entries(entries))
    }

    fn commit(&mut self, commit: &Commit, capacity: u64) -> Result<StoreOutcome, StoreError> {
        let mut plan = Plan::new(|key: &[u8]| Ok(self.records.get(key).cloned()));
        let outcome = plan.add(commit)?;
        let changes = plan.changes();
        let size = |key: &[u8], value: &[u8]| (key.len() + value.len()) as u64;
        let mut used = self.used;
        for (key, value) in &changes {
            used -= self.records.get(key).map_or(0, |old| size(key, old));
            used += value.as_ref().map_or(0, |new| size(key, new));
        }
        if used > capacity && used > self.used {
            return Err(full());
        }
        self.used = used;
        for (key, value) in changes {
            match value {
                Some(value) => self.records.insert(key, value),
                None => self.records.remove(&key),
            };
        }
        Ok(outcome)
    }

    fn write_blob(
        &mut self,
        id: BlobId,
        offset: u64,
        bytes: &[u8],
        capacity: u64,
    ) -> Result<StoreOutcome, StoreError> {
        let length = self.blobs.get(&id).map_or(0, |blob| blob.bytes.len() as u64);
        if self.blobs.get(&id).is_some_and(|blob| blob.sealed) {
            return Err(StoreError::new(StoreErrorKind::Invalid, "the blob is sealed"));
        }
        // An empty write at an offset does not extend a file either.
        let end = if bytes.is_empty() { length } else { offset + bytes.len() as u64 };
        let growth = end.saturating_sub(length);
        if growth > 0 && self.used.saturating_add(growth) > capacity {
            return Err(full());
        }
        let (Ok(from), Ok(to)) = (usize::try_from(offset), usize::try_from(end)) else { return Err(full()) };
        self.used += growth;
        let blob = self.blobs.entry(id).or_default();
        if !bytes.is_empty() {
            if blob.bytes.len() < to {
                blob.bytes.resize(to, 0);
            }
            blob.bytes[from..to].copy_from_slice(bytes);
        }
        Ok(StoreOutcome::Done)
    }

    fn seal_blob(&mut self, id: BlobId) -> Result<StoreOutcome, StoreError> {
        let blob = self
            .blobs
            .get_mut(&id)
            .ok_or_else(|| StoreError::new(StoreErrorKind::Invalid, "there is no such blob to seal"))?;
        blob.sealed = true;
        Ok(StoreOutcome::Done)
    }

    fn write_cell(&mut self, id: CellId, bytes: Vec<u8>, capacity: u64) -> Result<StoreOutcome, StoreError> {
        let before = self.cells.get(&id).map_or(0, |old| old.len() as u64);
        let used = self.used - before + bytes.len() as u64;
        if used > capacity && used > self.used {
            return Err(full());
        }
        self.used = used;
        match bytes.is_empty() {
            true => self.cells.remove(&id),
            false => self.cells.insert(id, bytes),
        };
        Ok(StoreOutcome::Done)
    }

    fn read_blob(&self, id: BlobId, offset: u64, length: u64) -> Option<Vec<u8>> {
        let blob = self.blobs.get(&id).filter(|blob| blob.sealed)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(blob.bytes.len());
        let rest = &blob.bytes[from..];
        let taken = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
        Some(rest[..taken].to_vec())
    }
}
