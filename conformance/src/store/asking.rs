//! Short ways to ask a store, for the cases. An unexpected error is a failed case.

use crate::script;
use absio_proto::effect::{
    BlobId, CellId, Commit, Precondition, StoreError, StoreErrorKind, StoreOp, StoreOutcome, Write,
};

/// What a case asks of its runner.
pub(super) enum Question {
    /// An operation of the store.
    Op(StoreOp),
    /// To close the store and open what it kept.
    Reopen,
    /// A store without anything in it, apart from all others.
    Fresh,
    /// The same with room for about so many bytes.
    WithRoomFor(u64),
}

pub(super) type Answer = Result<StoreOutcome, StoreError>;
pub(super) type Desk = script::Desk<Question, Answer>;
pub(super) type Lane<T> = script::Lane<Question, Answer, T>;

async fn ask(store: &Desk, op: StoreOp) -> Answer {
    store.ask(Question::Op(op)).await
}

async fn change(store: &Desk, question: Question) {
    store.ask(question).await.unwrap_or_else(|error| panic!("{error}"));
}

pub(super) async fn reopen(store: &Desk) {
    change(store, Question::Reopen).await;
}

pub(super) async fn fresh(store: &Desk) {
    change(store, Question::Fresh).await;
}

pub(super) async fn with_room_for(store: &Desk, bytes: usize) {
    change(store, Question::WithRoomFor(bytes as u64)).await;
}

pub(super) async fn apply(store: &Desk, op: StoreOp) -> StoreOutcome {
    let shown = format!("{op:?}");
    ask(store, op).await.unwrap_or_else(|error| panic!("{shown} failed: {error}"))
}

pub(super) async fn refused(store: &Desk, op: StoreOp, kind: StoreErrorKind) {
    let shown = format!("{op:?}");
    match ask(store, op).await {
        Err(StoreError { kind: found, .. }) if found == kind => {}
        Err(error) => panic!("{shown}: expected {kind:?}, got {error}"),
        Ok(_) => panic!("{shown}: expected {kind:?}, but it was carried out"),
    }
}

pub(super) async fn get(store: &Desk, key: &[u8]) -> Option<Vec<u8>> {
    match apply(store, StoreOp::Get { keys: vec![key.to_vec()] }).await {
        StoreOutcome::Values(mut values) if values.len() == 1 => values.remove(0),
        _ => panic!("a get of one key must answer one value"),
    }
}

pub(super) async fn scan(
    store: &Desk,
    start: &[u8],
    end: &[u8],
    limit: usize,
    reverse: bool,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    match apply(store, scan_op(start, end, limit, reverse)).await {
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

pub(super) async fn commit(
    store: &Desk,
    preconditions: Vec<Precondition>,
    writes: Vec<Write>,
) -> StoreOutcome {
    match apply(store, StoreOp::Commit(Commit { preconditions, writes })).await {
        outcome @ (StoreOutcome::Committed(_) | StoreOutcome::Conflict(_)) => outcome,
        _ => panic!("a commit must answer committed or conflict"),
    }
}

/// Commits without preconditions and gives the numbers of the appends.
pub(super) async fn write(store: &Desk, writes: Vec<Write>) -> Vec<u64> {
    match commit(store, Vec::new(), writes).await {
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

pub(super) async fn blob_write(store: &Desk, blob: BlobId, offset: u64, bytes: &[u8]) {
    let done = apply(store, StoreOp::BlobWrite { blob, offset, bytes: bytes.to_vec().into() }).await;
    assert!(done == StoreOutcome::Done, "a blob write must answer done");
}

pub(super) async fn blob_seal(store: &Desk, blob: BlobId) {
    assert!(apply(store, StoreOp::BlobSeal { blob }).await == StoreOutcome::Done, "a seal must answer done");
}

pub(super) async fn blob_delete(store: &Desk, blob: BlobId) {
    assert!(
        apply(store, StoreOp::BlobDelete { blob }).await == StoreOutcome::Done,
        "a delete must answer done"
    );
}

pub(super) async fn blob_read(store: &Desk, blob: BlobId, offset: u64, length: u64) -> Option<Vec<u8>> {
    match apply(store, StoreOp::BlobRead { blob, offset, length }).await {
        StoreOutcome::Blob(bytes) => bytes,
        _ => panic!("a blob read must answer a blob"),
    }
}

pub(super) async fn blob_list(store: &Desk, after: Option<BlobId>, limit: usize) -> Vec<BlobId> {
    match apply(store, StoreOp::BlobList { after, limit }).await {
        StoreOutcome::Blobs(ids) => ids,
        _ => panic!("a list must answer blobs"),
    }
}

pub(super) fn cell(number: u8) -> CellId {
    let mut id = [number; 20];
    id[0] = number.wrapping_mul(37);
    CellId(id)
}

pub(super) async fn cell_write(store: &Desk, cell: CellId, bytes: &[u8]) {
    let done = apply(store, StoreOp::CellWrite { cell, bytes: bytes.to_vec() }).await;
    assert!(done == StoreOutcome::Done, "a cell write must answer done");
}

pub(super) async fn cell_read(store: &Desk, cell: CellId) -> Option<Vec<u8>> {
    match apply(store, StoreOp::CellRead { cell }).await {
        StoreOutcome::Cell(bytes) => bytes,
        _ => panic!("a cell read must answer a cell"),
    }
}

pub(super) async fn cell_list(store: &Desk) -> Vec<CellId> {
    match apply(store, StoreOp::CellList).await {
        StoreOutcome::Cells(ids) => ids,
        _ => panic!("a list of cells must answer cells"),
    }
}
