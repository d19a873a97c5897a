//! The story that is interrupted, and what must be true after it.

use super::super::{Open, Shared, get, kind, put};
use super::nothing_was_changed;
use absio_proto::effect::{BlobId, CellId, Commit, StoreErrorKind, StoreOp, StoreOutcome, Write};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const SIDES: [CellId; 2] = [CellId([0xa0; 20]), CellId([0xb1; 20])];
const PASSING: CellId = CellId([0xc2; 20]);
const BLOBS: [BlobId; 3] = [BlobId([0x11; 20]), BlobId([0x22; 20]), BlobId([0x33; 20])];
/// Bytes of a blob.
const BLOB_LENGTH: usize = 20_000;

/// How a step came out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    NotDone,
    Unknown,
}

/// What the caller of the store knows.
pub(super) struct Story {
    open: Open,
    root: PathBuf,
    store: Option<Shared>,
    /// The process is at its end with the first error.
    fragile: bool,
    ended: bool,
    /// Numbers of commits that are, or may be, in the log.
    commits: BTreeMap<u64, Fate>,
    /// Which blob a commit made the current one.
    currents: BTreeMap<u64, BlobId>,
    blobs: BTreeMap<BlobId, Fate>,
    /// Number and side of the last cell write that was answered.
    anchored: Option<(u64, usize)>,
    /// Later numbers that may lie on the other side.
    unanswered: BTreeSet<u64>,
}

/// A number as long as it takes to make cells grow and shrink.
fn anchor(number: u64) -> Vec<u8> {
    let words = [700, 5, 400, 1200, 3][number as usize % 5];
    number.to_be_bytes().repeat(words)
}

/// The number of a whole anchor.
fn number_of(bytes: &[u8]) -> Option<u64> {
    let number = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
    (anchor(number) == bytes).then_some(number)
}

fn blob_bytes(id: BlobId) -> Vec<u8> {
    (0..BLOB_LENGTH).map(|at| id.0[0] ^ (at % 251) as u8).collect()
}

impl Story {
    pub(super) fn new(open: Open, root: &Path) -> Self {
        Self {
            open,
            root: root.to_owned(),
            store: None,
            fragile: false,
            ended: false,
            commits: BTreeMap::new(),
            currents: BTreeMap::new(),
            blobs: BTreeMap::new(),
            anchored: None,
            unanswered: BTreeSet::new(),
        }
    }

    /// The process ends with the first error that does not say that nothing was changed.
    pub(super) fn tell_until_an_error(&mut self) {
        self.fragile = true;
        self.tell();
    }

    /// The process goes on after errors, with another handle if need be.
    pub(super) fn tell_to_its_end(&mut self) {
        self.tell();
        assert!(!self.ended, "the store could not be opened again");
    }

    fn tell(&mut self) {
        self.reopen();
        self.commit(1, vec![], None);
        for number in 1..=4 {
            self.anchor(number);
        }
        self.blob(BLOBS[0], 2);
        let large = Write::Put { key: b"large".to_vec(), value: vec![7; 150_000] };
        self.commit(3, vec![large], None);
        self.read();
        self.blob(BLOBS[1], 4);
        if self.commits.get(&4) == Some(&Fate::Done) {
            self.delete(BLOBS[0]);
        }
        self.anchor(5);
        self.anchor(6);
        self.apply(StoreOp::BlobWrite { blob: BLOBS[2], offset: 0, bytes: vec![1; 5000].into() });
        self.delete(BLOBS[2]);
        self.apply(StoreOp::CellWrite { cell: PASSING, bytes: b"not for long".to_vec() });
        self.apply(StoreOp::CellWrite { cell: PASSING, bytes: Vec::new() });
        self.commit(5, vec![Write::Delete { key: b"large".to_vec() }], None);
        self.read();
        self.store = None;
    }

    fn reopen(&mut self) {
        self.store = None;
        // A single failure may be met by one opening, not by the next.
        for _ in 0..if self.fragile { 1 } else { 2 } {
            if let Ok(store) = (self.open)(&self.root) {
                self.store = Some(store);
                return;
            }
        }
        self.ended = true;
    }

    fn apply(&mut self, op: StoreOp) -> Fate {
        let Some(store) = self.store.as_ref().filter(|_| !self.ended) else { return Fate::NotDone };
        let Err(error) = store.apply(op) else { return Fate::Done };
        if self.fragile {
            self.ended = true;
        } else if store.apply(StoreOp::Get { keys: Vec::new() }).is_err() {
            self.reopen();
        }
        if nothing_was_changed(error.kind) { Fate::NotDone } else { Fate::Unknown }
    }

    fn commit(&mut self, number: u64, mut writes: Vec<Write>, current: Option<BlobId>) -> Fate {
        let value = number.to_be_bytes().to_vec();
        writes.insert(0, Write::Put { key: b"left".to_vec(), value: value.clone() });
        writes.push(Write::Append { prefix: b"log".to_vec(), value: value.clone() });
        writes.push(Write::Put { key: b"right".to_vec(), value });
        if let Some(blob) = current {
            writes.push(Write::Put { key: b"current".to_vec(), value: blob.0.to_vec() });
            self.currents.insert(number, blob);
        }
        let fate = self.apply(StoreOp::Commit(Commit { preconditions: Vec::new(), writes }));
        self.commits.insert(number, fate);
        fate
    }

    /// Into the cell that does not hold the last number that was answered.
    fn anchor(&mut self, number: u64) {
        let side = self.anchored.map_or(0, |(_, side)| 1 - side);
        match self.apply(StoreOp::CellWrite { cell: SIDES[side], bytes: anchor(number) }) {
            Fate::Done => {
                self.anchored = Some((number, side));
                self.unanswered.clear();
            }
            Fate::Unknown => drop(self.unanswered.insert(number)),
            Fate::NotDone => {}
        }
    }

    /// Writes and seals `id`, once more if that fails, and makes it the current one by commit `number`.
    fn blob(&mut self, id: BlobId, number: u64) {
        for _ in 0..2 {
            let bytes = blob_bytes(id);
            let (front, back) = bytes.split_at(BLOB_LENGTH / 3);
            let parts = [(front.len() as u64, back), (0, front)];
            let written = parts.map(|(offset, bytes)| {
                self.apply(StoreOp::BlobWrite { blob: id, offset, bytes: bytes.to_vec().into() })
            });
            // Sealed already, if the attempt before came that far: then the writes are refused.
            if written != [Fate::Done; 2] && self.blobs.get(&id) != Some(&Fate::Unknown) {
                continue;
            }
            let sealed = self.apply(StoreOp::BlobSeal { blob: id });
            if sealed != Fate::NotDone {
                self.blobs.insert(id, sealed);
            }
            if sealed == Fate::Done {
                self.commit(number, Vec::new(), Some(id));
                return;
            }
        }
        assert!(self.fragile, "one failure keeps {id:?} from being sealed for good");
    }

    fn delete(&mut self, id: BlobId) {
        match self.apply(StoreOp::BlobDelete { blob: id }) {
            Fate::Done => drop(self.blobs.insert(id, Fate::NotDone)),
            Fate::Unknown if self.blobs.contains_key(&id) => drop(self.blobs.insert(id, Fate::Unknown)),
            Fate::Unknown | Fate::NotDone => {}
        }
    }

    /// A failed read is no harm, a wrong one is.
    fn read(&self) {
        let Some(store) = self.store.as_ref().filter(|_| !self.ended) else { return };
        for id in BLOBS {
            let op = StoreOp::BlobRead { blob: id, offset: 0, length: BLOB_LENGTH as u64 + 1 };
            if let Ok(StoreOutcome::Blob(Some(found))) = store.apply(op) {
                assert!(found == blob_bytes(id), "a blob that is not as it was written");
            }
        }
        if let (Some((number, side)), Ok(StoreOutcome::Cell(found))) = (
            self.anchored,
            store.apply(StoreOp::CellRead { cell: SIDES[self.anchored.map_or(0, |(_, side)| side)] }),
        ) {
            assert_eq!(found, Some(anchor(number)), "side {side}");
        }
    }

    /// Opens the store, which has no more faults, and compares it with what is known.
    pub(super) fn check(&self, context: &str) {
        let store = match (self.open)(&self.root) {
            Ok(store) => store,
            Err(error) => panic!("{context}: does not open: {error}"),
        };
        self.check_commits(&store, context);
        self.check_blobs(&store, context);
        self.check_cells(&store, context);
        // And it goes on.
        put(&store, b"later", b"record");
        let blob = BlobId([0x44; 20]);
        let write = StoreOp::BlobWrite { blob, offset: 0, bytes: vec![4].into() };
        for op in [write, StoreOp::BlobSeal { blob }, StoreOp::CellWrite { cell: PASSING, bytes: vec![4] }] {
            assert!(store.apply(op) == Ok(StoreOutcome::Done), "{context}");
        }
    }

    fn check_commits(&self, store: &Shared, context: &str) {
        let number =
            |key: &[u8]| get(store, key).map(|value| u64::from_be_bytes(value.try_into().expect("8 bytes")));
        let count = number(b"log").unwrap_or(0);
        let entries: Vec<u64> = (1..=count)
            .map(|entry| {
                number(&[&b"log"[..], &entry.to_be_bytes()].concat()).expect("an entry for each number")
            })
            .collect();
        assert!(entries.is_sorted_by(|a, b| a < b), "{context}: {entries:?}");
        for (number, fate) in &self.commits {
            match fate {
                Fate::Done => assert!(entries.contains(number), "{context}: commit {number} is lost"),
                Fate::NotDone => assert!(!entries.contains(number), "{context}: commit {number} was refused"),
                Fate::Unknown => {}
            }
        }
        assert!(entries.iter().all(|entry| self.commits.contains_key(entry)), "{context}: {entries:?}");
        let last = entries.last().copied();
        assert_eq!((number(b"left"), number(b"right")), (last, last), "{context}: half a commit");
        let large = entries.contains(&3) && !entries.contains(&5);
        assert!(get(store, b"large") == large.then(|| vec![7; 150_000]), "{context}: half a commit");
        let current = entries.iter().rev().find_map(|entry| self.currents.get(entry));
        assert_eq!(get(store, b"current"), current.map(|id| id.0.to_vec()), "{context}");
        if let Some(id) = current {
            assert!(blob(store, *id) == Some(blob_bytes(*id)), "{context}: a record without its blob");
        }
    }

    fn check_blobs(&self, store: &Shared, context: &str) {
        let mut there = Vec::new();
        for id in BLOBS {
            let found = blob(store, id);
            assert!(
                found.as_ref().is_none_or(|bytes| *bytes == blob_bytes(id)),
                "{context}: {id:?} is mixed"
            );
            match self.blobs.get(&id).unwrap_or(&Fate::NotDone) {
                Fate::Done => assert!(found.is_some(), "{context}: {id:?} is lost"),
                Fate::NotDone => assert!(found.is_none(), "{context}: {id:?} is there"),
                Fate::Unknown => {}
            }
            there.extend(found.map(|_| id));
        }
        assert_eq!(super::super::list(store), there, "{context}: orphans");
    }

    fn check_cells(&self, store: &Shared, context: &str) {
        let sides = SIDES.map(|cell| match store.apply(StoreOp::CellRead { cell }) {
            Ok(StoreOutcome::Cell(found)) => found.as_deref().and_then(number_of),
            found => {
                assert_eq!(kind(found), StoreErrorKind::Corrupt, "{context}");
                None
            }
        });
        if let Some((number, side)) = self.anchored {
            assert_eq!(sides[side], Some(number), "{context}: the answered anchor is lost");
            let other = sides[1 - side];
            let fits = other.is_none_or(|found| found < number || self.unanswered.contains(&found));
            assert!(fits, "{context}: {sides:?} beside {:?}", self.unanswered);
            assert!(
                other.is_some() || number == 1 || !self.unanswered.is_empty(),
                "{context}: a side is torn that nobody wrote to"
            );
        }
    }
}

fn blob(store: &Shared, id: BlobId) -> Option<Vec<u8>> {
    match store.apply(StoreOp::BlobRead { blob: id, offset: 0, length: BLOB_LENGTH as u64 + 1 }) {
        Ok(StoreOutcome::Blob(bytes)) => bytes,
        _ => panic!("a sealed blob can be read"),
    }
}
