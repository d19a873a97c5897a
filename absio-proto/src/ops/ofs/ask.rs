//! Questions to the store, and their answers taken apart.

use crate::effect::{BlobId, Body, CellId, Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome};
use crate::error::Error;
use crate::operation::Leaf;

/// One question to the store.
pub(crate) type Answer = Leaf<Result<StoreOutcome, StoreError>>;

/// What the store gave.
pub(crate) type Given = Result<StoreOutcome, StoreError>;

pub(crate) fn get(keys: Vec<Vec<u8>>) -> Answer {
    Leaf::store(StoreOp::Get { keys })
}

pub(crate) fn scan(start: Vec<u8>, end: Vec<u8>, limit: usize) -> Answer {
    Leaf::store(StoreOp::Scan { start, end, limit, reverse: false })
}

pub(crate) fn commit(commit: Commit) -> Answer {
    Leaf::store(StoreOp::Commit(commit))
}

pub(crate) fn read_cell(cell: CellId) -> Answer {
    Leaf::store(StoreOp::CellRead { cell })
}

pub(crate) fn write_cell(cell: CellId, bytes: Vec<u8>) -> Answer {
    Leaf::store(StoreOp::CellWrite { cell, bytes })
}

pub(crate) fn list_cells() -> Answer {
    Leaf::store(StoreOp::CellList)
}

pub(crate) fn write_blob(blob: BlobId, offset: u64, bytes: impl Into<Body>) -> Answer {
    Leaf::store(StoreOp::BlobWrite { blob, offset, bytes: bytes.into() })
}

pub(crate) fn seal_blob(blob: BlobId) -> Answer {
    Leaf::store(StoreOp::BlobSeal { blob })
}

pub(crate) fn read_blob(blob: BlobId, offset: u64, length: u64) -> Answer {
    Leaf::store(StoreOp::BlobRead { blob, offset, length })
}

pub(crate) fn delete_blob(blob: BlobId) -> Answer {
    Leaf::store(StoreOp::BlobDelete { blob })
}

pub(crate) fn list_blobs(after: Option<BlobId>, limit: usize) -> Answer {
    Leaf::store(StoreOp::BlobList { after, limit })
}

fn wrong() -> Error {
    StoreError::new(StoreErrorKind::Invalid, "it answered another question than the one asked").into()
}

/// `count` values.
pub(crate) fn values(given: Given, count: usize) -> Result<Vec<Option<Vec<u8>>>, Error> {
    match given? {
        StoreOutcome::Values(values) if values.len() == count => Ok(values),
        _ => Err(wrong()),
    }
}

/// Names and values.
pub(crate) type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// The entries of a scan.
pub(crate) fn entries(given: Given) -> Result<Entries, Error> {
    match given? {
        StoreOutcome::Entries(entries) => Ok(entries),
        _ => Err(wrong()),
    }
}

/// Whether a commit was made; false if a precondition did not hold.
pub(crate) fn committed(given: Given) -> Result<bool, Error> {
    match given? {
        StoreOutcome::Committed(_) => Ok(true),
        StoreOutcome::Conflict(_) => Ok(false),
        _ => Err(wrong()),
    }
}

/// The bytes of a cell. A damaged one is as good as none: there are two.
pub(crate) fn cell(given: Given) -> Result<Option<Vec<u8>>, Error> {
    match given {
        Ok(StoreOutcome::Cell(bytes)) => Ok(bytes),
        Ok(_) => Err(wrong()),
        Err(error) if error.kind == StoreErrorKind::Corrupt => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The cells there are.
pub(crate) fn cells(given: Given) -> Result<Vec<CellId>, Error> {
    match given? {
        StoreOutcome::Cells(cells) => Ok(cells),
        _ => Err(wrong()),
    }
}

/// The bytes of a blob.
pub(crate) fn blob(given: Given) -> Result<Option<Vec<u8>>, Error> {
    match given? {
        StoreOutcome::Blob(bytes) => Ok(bytes),
        _ => Err(wrong()),
    }
}

/// The blobs of a list.
pub(crate) fn blobs(given: Given) -> Result<Vec<BlobId>, Error> {
    match given? {
        StoreOutcome::Blobs(blobs) => Ok(blobs),
        _ => Err(wrong()),
    }
}

/// Done.
pub(crate) fn done(given: Given) -> Result<(), Error> {
    match given? {
        StoreOutcome::Done => Ok(()),
        _ => Err(wrong()),
    }
}
