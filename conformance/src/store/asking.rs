//! Short ways to ask a store, for the cases. An unexpected error is a failed case.

use absio_proto::driver::blocking::Store;
use absio_proto::effect::{
    BlobId, CellId, Commit, Precondition, StoreError, StoreErrorKind, StoreOp, StoreOutcome, Write,
};

pub(super) fn apply(store: &impl Store, op: StoreOp) -> StoreOutcome {
    let shown = format!("{op:?}");
    store.apply(op).unwrap_or_else(|error| panic!("{shown} failed: {error}"))
}

#[track_caller]
pub(super) fn refused(store: &impl Store, op: StoreOp, kind: StoreErrorKind) {
    let shown = format!("{op:?}");
    match store.apply(op) {
        Err(StoreError { kind: found, .. }) if found == kind => {}
        Err(error) => panic!("{shown}: expected {kind:?}, got {error}"),
        Ok(_) => panic!("{shown}: expected {kind:?}, but it was carried out"),
    }
}

pub(super) fn get(store: &impl Store, key: &[u8]) -> Option<Vec<u8>> {
    match apply(store, StoreOp::Get { keys: vec![key.to_vec()] }) {
        StoreOutcome::Values(mut values) if values.len() == 1 => values.remove(0),
        _ => panic!("a get of one key must answer one value"),
    }
}

pub(super) fn scan(
    store: &impl Store,
    start: &[u8],
    end: &[u8],
    limit: usize,
    reverse: bool,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    match apply(store, scan_op(start, end, limit, reverse)) {
        StoreOutcome::Entries(entries) => entries,
        _ => panic!("a scan must answer entries"),
    }
}

pub(super) fn scan_op(start: &[u8], end: &[u8], limit: usize, reverse: bool) -> StoreOp {
    StoreOp::Scan { start: start.to_vec(), end: end.to_vec(), limit, reverse }
}

pub(super) fn put(key: &[u8], value: &[u8]) -> Write {
    Write::Put { key: key.to_vec(), value: value.to_vec() }
}

pub(super) fn delete(key: &[u8]) -> Write {
    Write::Delete { key: key.to_vec() }
}

pub(super) fn append(prefix: &[u8], value: &[u8]) -> Write {
    Write::Append { prefix: prefix.to_vec(), value: value.to_vec() }
}

pub(super) fn holds(key: &[u8], value: &[u8]) -> Precondition {
    Precondition { key: key.to_vec(), value: Some(value.to_vec()) }
}

pub(super) fn absent(key: &[u8]) -> Precondition {
    Precondition { key: key.to_vec(), value: None }
}

pub(super) fn commit(
    store: &impl Store,
    preconditions: Vec<Precondition>,
    writes: Vec<Write>,
) -> StoreOutcome {
    match apply(store, StoreOp::Commit(Commit { preconditions, writes })) {
        outcome @ (StoreOutcome::Committed(_) | StoreOutcome::Conflict(_)) => outcome,
        _ => panic!("a commit must answer committed or conflict"),
    }
}

/// Commits without preconditions and gives the numbers of the appends.
pub(super) fn write(store: &impl Store, writes: Vec<Write>) -> Vec<u64> {
    match commit(store, Vec::new(), writes) {
        StoreOutcome::Committed(numbers) => numbers,
        _ => panic!("a commit without preconditions cannot conflict"),
    }
}

pub(super) fn blob(number: u8) -> BlobId {
    // Spread over the whole range, so that file stores use several directories.
    let mut id = [number; 20];
    id[0] = number.wrapping_mul(37);
    BlobId(id)
}

pub(super) fn blob_write(store: &impl Store, blob: BlobId, offset: u64, bytes: &[u8]) {
    let done = apply(store, StoreOp::BlobWrite { blob, offset, bytes: bytes.to_vec().into() });
    assert!(done == StoreOutcome::Done, "a blob write must answer done");
}

pub(super) fn blob_seal(store: &impl Store, blob: BlobId) {
    assert!(apply(store, StoreOp::BlobSeal { blob }) == StoreOutcome::Done, "a seal must answer done");
}

pub(super) fn blob_delete(store: &impl Store, blob: BlobId) {
    assert!(apply(store, StoreOp::BlobDelete { blob }) == StoreOutcome::Done, "a delete must answer done");
}

pub(super) fn blob_read(store: &impl Store, blob: BlobId, offset: u64, length: u64) -> Option<Vec<u8>> {
    match apply(store, StoreOp::BlobRead { blob, offset, length }) {
        StoreOutcome::Blob(bytes) => bytes,
        _ => panic!("a blob read must answer a blob"),
    }
}

pub(super) fn blob_list(store: &impl Store, after: Option<BlobId>, limit: usize) -> Vec<BlobId> {
    match apply(store, StoreOp::BlobList { after, limit }) {
        StoreOutcome::Blobs(ids) => ids,
        _ => panic!("a list must answer blobs"),
    }
}

pub(super) fn cell(number: u8) -> CellId {
    let mut id = [number; 20];
    id[0] = number.wrapping_mul(37);
    CellId(id)
}

pub(super) fn cell_write(store: &impl Store, cell: CellId, bytes: &[u8]) {
    let done = apply(store, StoreOp::CellWrite { cell, bytes: bytes.to_vec() });
    assert!(done == StoreOutcome::Done, "a cell write must answer done");
}

pub(super) fn cell_read(store: &impl Store, cell: CellId) -> Option<Vec<u8>> {
    match apply(store, StoreOp::CellRead { cell }) {
        StoreOutcome::Cell(bytes) => bytes,
        _ => panic!("a cell read must answer a cell"),
    }
}

pub(super) fn cell_list(store: &impl Store) -> Vec<CellId> {
    match apply(store, StoreOp::CellList) {
        StoreOutcome::Cells(ids) => ids,
        _ => panic!("a list of cells must answer cells"),
    }
}
