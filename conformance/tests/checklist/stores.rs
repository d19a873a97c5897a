//! Stores that fail when they are told to, and disks that can be looked at, damaged and put back.

use absio_proto::driver::blocking::Store;
use absio_proto::effect::{BlobId, CellId, Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome, Write};
use absio_store::MemoryStore;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Everything durable in a store.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Disk {
    pub records: BTreeMap<Vec<u8>, Vec<u8>>,
    pub blobs: BTreeMap<BlobId, Vec<u8>>,
    pub cells: BTreeMap<CellId, Vec<u8>>,
}

impl Disk {
    /// What a crash would leave of `store`: what was not sealed is gone.
    pub fn of(store: &impl Store) -> Self {
        let mut disk = Self::default();
        let mut start = Vec::new();
        loop {
            let (end, limit) = (vec![0xff; 64], 100);
            let scan = StoreOp::Scan { start, end, limit, reverse: false };
            let StoreOutcome::Entries(entries) = store.apply(scan).unwrap() else { panic!("no entries") };
            let Some((last, _)) = entries.last() else { break };
            start = [last.as_slice(), &[0]].concat();
            disk.records.extend(entries);
        }
        for blob in blobs_in(store) {
            let mut bytes = Vec::new();
            loop {
                let read = StoreOp::BlobRead { blob, offset: bytes.len() as u64, length: 16 << 20 };
                match store.apply(read).unwrap() {
                    StoreOutcome::Blob(Some(part)) if part.is_empty() => {
                        disk.blobs.insert(blob, bytes);
                        break;
                    }
                    StoreOutcome::Blob(Some(part)) => bytes.extend(part),
                    _ => break,
                }
            }
        }
        let StoreOutcome::Cells(cells) = store.apply(StoreOp::CellList).unwrap() else { panic!("no cells") };
        for cell in cells {
            if let StoreOutcome::Cell(Some(bytes)) = store.apply(StoreOp::CellRead { cell }).unwrap() {
                disk.cells.insert(cell, bytes);
            }
        }
        disk
    }

    /// A store that holds this.
    pub fn store(&self) -> MemoryStore {
        let store = MemoryStore::new();
        let apply = |op| drop(store.apply(op).unwrap());
        for (key, value) in self.records.clone() {
            let writes = vec![Write::Put { key, value }];
            apply(StoreOp::Commit(Commit { preconditions: Vec::new(), writes }));
        }
        for (blob, bytes) in &self.blobs {
            let mut offset = 0;
            for part in bytes.chunks(16 << 20) {
                apply(StoreOp::BlobWrite { blob: *blob, offset, bytes: part.to_vec().into() });
                offset += part.len() as u64;
            }
            if bytes.is_empty() {
                apply(StoreOp::BlobWrite { blob: *blob, offset, bytes: Vec::new().into() });
            }
            apply(StoreOp::BlobSeal { blob: *blob });
        }
        for (cell, bytes) in self.cells.clone() {
            apply(StoreOp::CellWrite { cell, bytes });
        }
        store
    }

    /// Every name and every byte, one after the other.
    pub fn bytes(&self) -> Vec<u8> {
        let records = self.records.iter().map(|(key, value)| (key.as_slice(), value));
        let blobs = self.blobs.iter().map(|(id, bytes)| (&id.0[..], bytes));
        let cells = self.cells.iter().map(|(id, bytes)| (&id.0[..], bytes));
        let all = records.chain(blobs).chain(cells);
        all.flat_map(|(name, bytes)| [name, b"\n", bytes, b"\n"].concat()).collect()
    }
}

/// The blobs in a store, sealed or not.
pub fn blobs_in(store: &impl Store) -> Vec<BlobId> {
    match store.apply(StoreOp::BlobList { after: None, limit: 10_000 }).unwrap() {
        StoreOutcome::Blobs(blobs) => blobs,
        _ => panic!("no blobs"),
    }
}

/// How a store ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The operation is not carried out.
    Before,
    /// It is carried out, and its answer never comes.
    After,
    /// Half of the bytes of a blob or cell are written; anything else is not carried out.
    Torn,
}

impl Death {
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::Torn];
}

/// What goes wrong. Operations count from 0, from the moment this is set.
#[derive(Clone, Copy, Debug, Default)]
pub enum Trouble {
    #[default]
    None,
    /// At this operation; nothing is carried out after it.
    Die(u64, Death),
    /// This operation alone fails.
    Fail(u64, StoreErrorKind),
    /// This operation alone is carried out, and told to have failed.
    Lose(u64, StoreErrorKind),
    /// Every so many operations, one fails.
    Every(u64, StoreErrorKind),
    /// From this operation on, nothing can be written.
    FullFrom(u64),
    /// Nothing at all works.
    Always(StoreErrorKind),
}

/// A store on a disk that a test holds on to, and that fails as it is told. Clones share everything.
#[derive(Clone)]
pub struct FaultyStore {
    disk: MemoryStore,
    state: Arc<Mutex<(Trouble, u64)>>,
}

impl FaultyStore {
    pub fn on(disk: MemoryStore) -> Self {
        Self { disk, state: Arc::default() }
    }

    /// What is to go wrong from now on.
    pub fn set(&self, trouble: Trouble) {
        *self.state.lock().unwrap() = (trouble, 0);
    }

    /// How many operations were asked for since [`set`](Self::set).
    pub fn count(&self) -> u64 {
        self.state.lock().unwrap().1
    }

    /// What it stands on.
    pub fn disk(&self) -> &MemoryStore {
        &self.disk
    }

    fn tear(&self, op: StoreOp) {
        let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
        let torn = match op {
            StoreOp::BlobWrite { blob, offset, bytes } => {
                StoreOp::BlobWrite { blob, offset, bytes: half(bytes.into()).into() }
            }
            StoreOp::CellWrite { cell, bytes } => {
                let old = match self.disk.apply(StoreOp::CellRead { cell }) {
                    Ok(StoreOutcome::Cell(Some(old))) => old,
                    _ => Vec::new(),
                };
                let new = half(bytes);
                let rest = old.get(new.len()..).unwrap_or_default();
                StoreOp::CellWrite { cell, bytes: [&new, rest].concat() }
            }
            _ => return,
        };
        let _ = self.disk.apply(torn);
    }
}

fn writes(op: &StoreOp) -> bool {
    matches!(op, StoreOp::Commit(_) | StoreOp::BlobWrite { .. } | StoreOp::BlobSeal { .. })
        || matches!(op, StoreOp::CellWrite { bytes, .. } if !bytes.is_empty())
}

impl Store for FaultyStore {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let (trouble, index) = {
            let mut state = self.state.lock().unwrap();
            state.1 += 1;
            (state.0, state.1 - 1)
        };
        let kind = match trouble {
            Trouble::Die(at, Death::After) if index == at => {
                let _ = self.disk.apply(op);
                StoreErrorKind::Io
            }
            Trouble::Die(at, Death::Torn) if index == at => {
                self.tear(op);
                StoreErrorKind::Io
            }
            Trouble::Die(at, _) if index >= at => StoreErrorKind::Io,
            Trouble::Fail(at, kind) if index == at => kind,
            Trouble::Lose(at, kind) if index == at => {
                let _ = self.disk.apply(op);
                kind
            }
            Trouble::Every(n, kind) if index % n == n - 1 => kind,
            Trouble::FullFrom(at) if index >= at && writes(&op) => StoreErrorKind::Full,
            Trouble::Always(kind) => kind,
            _ => return self.disk.apply(op),
        };
        Err(StoreError::new(kind, "as the test wants it"))
    }
}
