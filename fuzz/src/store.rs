//! Stores, under any sequence of operations, beside a small model that says what each must answer.

mod model;

use absio_proto::driver::blocking::Store;
use absio_proto::effect::{BlobId, CellId, Commit, Precondition, StoreOp, Write};
use absio_store::{MemoryStore, RedbStore};
use model::{Answer, Model};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Operations of one input at most.
const OPERATIONS: usize = 256;

/// Input: operations, as [`Bytes::operation`] reads them. A store in memory answers each as the model does.
///
/// # Panics
/// If it does not.
pub fn memory(data: &[u8]) {
    let (store, mut model) = (MemoryStore::new(), Model::default());
    let mut bytes = Bytes(data);
    for _ in 0..OPERATIONS {
        match bytes.operation() {
            Some(Asked::Operation(op)) => compare(&store, &mut model, op),
            Some(Asked::Reopening) => {}
            None => break,
        }
    }
    compare_all(&store, &mut model);
}

/// The same of a durable store, which is also closed and opened again in between.
///
/// # Panics
/// If it does not answer as the model does.
pub fn redb(data: &[u8]) {
    let folder = Folder::new();
    let open = || RedbStore::open_with_cache(&folder.0, 1 << 20).expect("the folder is ours");
    let (mut store, mut model) = (open(), Model::default());
    let mut bytes = Bytes(data);
    // Each commit is flushed: fewer of them keep an input short.
    for _ in 0..OPERATIONS / 8 {
        match bytes.operation() {
            Some(Asked::Operation(op)) => compare(&store, &mut model, op),
            Some(Asked::Reopening) => {
                drop(store);
                store = open();
                model.reopen();
            }
            None => break,
        }
    }
    compare_all(&store, &mut model);
}

/// Commits, sequences, blobs and cells, a few of each.
pub fn seeds() -> Vec<Vec<u8>> {
    let put = |key: u8, value: u8| [4, 0, 1, 0, key, 1, value].to_vec();
    let append = |key: u8| [4, 0, 1, 2, key, 1, 9].to_vec();
    let blob = |blob: u8| [[5, blob, 0, 3].to_vec(), vec![6, blob], vec![7, blob, 1, 9]].concat();
    let cell = |cell: u8| [[9, cell, 5].to_vec(), vec![10, cell], vec![11]].concat();
    let scan = vec![1, 0, 0, 5, 5, 3, 0];
    vec![
        [put(1, 2), put(2, 3), scan.clone(), vec![0, 2, 1, 2]].concat(),
        [append(1), append(1), vec![4, 0, 1, 1, 1, 1, 1], append(1), scan].concat(),
        // A precondition that holds, and one that does not; a sequence whose counter is no number.
        [put(1, 2), vec![4, 1, 1, 1, 1, 2, 0, 3, 1, 4], put(3, 1), append(3)].concat(),
        [blob(0), vec![5, 0, 0, 3, 8, 0], blob(0), vec![12], blob(1)].concat(),
        [cell(0), cell(1), vec![12], cell(0), vec![9, 0, 0, 11]].concat(),
    ]
}

fn compare(store: &impl Store, model: &mut Model, op: StoreOp) {
    let expected = model.apply(&op);
    let asked = format!("{op:?}");
    match (store.apply(op), expected) {
        (Ok(outcome), Answer::Outcome(expected)) => {
            assert!(outcome == expected, "{asked}: not what the model answers");
        }
        (Err(error), Answer::Refused(kind)) => assert_eq!(error.kind, kind, "{asked}"),
        (Ok(_), Answer::Refused(kind)) => panic!("{asked} was done, and had to be refused as {kind:?}"),
        (Err(error), Answer::Outcome(_)) => panic!("{asked}: {error}"),
    }
}

/// Everything that is left at the end.
fn compare_all(store: &impl Store, model: &mut Model) {
    let everything = StoreOp::Scan { start: Vec::new(), end: vec![0xff; 8], limit: 1000, reverse: false };
    compare(store, model, everything);
    compare(store, model, StoreOp::BlobList { after: None, limit: 1000 });
    compare(store, model, StoreOp::CellList);
    for number in 0..FEW {
        compare(store, model, StoreOp::BlobRead { blob: BlobId([number; 20]), offset: 0, length: 4096 });
        compare(store, model, StoreOp::CellRead { cell: CellId([number; 20]) });
    }
}

/// Names of each kind: few, so that operations meet.
const FEW: u8 = 4;

enum Asked {
    Operation(StoreOp),
    /// The store is closed and opened again.
    Reopening,
}

/// What is left of an input.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A key of one or two bytes out of few; the empty one is among them.
    fn key(&mut self) -> Option<Vec<u8>> {
        let byte = self.byte()?;
        Some(match byte % 6 {
            0 => Vec::new(),
            5 => vec![byte % 3, 0xff],
            number => vec![number],
        })
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let (length, fill) = (self.byte()?, self.byte()?);
        // Eight bytes are a counter.
        Some(if length == 255 { vec![0xff; 8] } else { vec![fill; usize::from(length % 12)] })
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.byte()? % 5;
        (0..count).map(|_| item(self)).collect()
    }

    fn blob(&mut self) -> Option<BlobId> {
        Some(BlobId([self.byte()? % FEW; 20]))
    }

    fn cell(&mut self) -> Option<CellId> {
        Some(CellId([self.byte()? % FEW; 20]))
    }

    fn precondition(&mut self) -> Option<Precondition> {
        let key = self.key()?;
        let value = if self.byte()? % 2 == 0 { None } else { Some(self.value()?) };
        Some(Precondition { key, value })
    }

    fn write(&mut self) -> Option<Write> {
        Some(match self.byte()? % 3 {
            0 => Write::Put { key: self.key()?, value: self.value()? },
            1 => Write::Delete { key: self.key()? },
            _ => Write::Append { prefix: self.key()?, value: self.value()? },
        })
    }

    fn operation(&mut self) -> Option<Asked> {
        let op = match self.byte()? % 13 {
            0 => StoreOp::Get { keys: self.list(Self::key)? },
            1..=3 => StoreOp::Scan {
                start: self.key()?,
                end: if self.byte()? % 4 == 0 { self.key()? } else { vec![0xff; 3] },
                limit: usize::from(self.byte()? % 6),
                reverse: self.byte()? % 2 == 1,
            },
            4 => StoreOp::Commit(Commit {
                preconditions: self.list(Self::precondition)?,
                writes: self.list(Self::write)?,
            }),
            5 => StoreOp::BlobWrite {
                blob: self.blob()?,
                offset: u64::from(self.byte()?),
                bytes: vec![7; usize::from(self.byte()? % 100)].into(),
            },
            6 => StoreOp::BlobSeal { blob: self.blob()? },
            7 => StoreOp::BlobRead {
                blob: self.blob()?,
                offset: u64::from(self.byte()?),
                length: u64::from(self.byte()?),
            },
            8 if self.0.first().is_some_and(|byte| byte % 2 == 1) => {
                StoreOp::BlobList { after: Some(self.blob()?), limit: usize::from(self.byte()? % 6) }
            }
            8 => StoreOp::BlobDelete { blob: self.blob()? },
            9 => StoreOp::CellWrite {
                cell: self.cell()?,
                bytes: vec![self.0.len() as u8; usize::from(self.byte()? % 9)],
            },
            10 => StoreOp::CellRead { cell: self.cell()? },
            11 => StoreOp::CellList,
            _ => return Some(Asked::Reopening),
        };
        Some(Asked::Operation(op))
    }
}

/// A folder of one input, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("absio-fuzz-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
