//! The `STORE_*` limits of [`absio_proto::limits`], the same for every store.

use absio_proto::effect::{Commit, StoreError, StoreErrorKind, StoreOp, Write};
use absio_proto::limits::{
    STORE_BLOB, STORE_BLOB_PART, STORE_CELL, STORE_COMMIT, STORE_ENTRIES, STORE_KEY, STORE_KEYS, STORE_REPLY,
    STORE_VALUE,
};

fn at_most(what: &'static str, actual: u64, limit: u64) -> Result<(), StoreError> {
    if actual <= limit {
        return Ok(());
    }
    Err(StoreError::new(StoreErrorKind::Invalid, format!("{what}: {actual}, the limit is {limit}")))
}

/// Refuses an operation that is beyond the limits, before anything is done for it.
pub(crate) fn check(op: &StoreOp) -> Result<(), StoreError> {
    match op {
        StoreOp::Get { keys } => {
            at_most("keys of a get", keys.len() as u64, STORE_KEYS as u64)?;
            keys.iter().try_for_each(|key| check_key(key.len()))
        }
        StoreOp::Scan { start, end, limit, .. } => {
            at_most("entries of a scan", *limit as u64, STORE_ENTRIES as u64)?;
            check_key(start.len())?;
            check_key(end.len())
        }
        StoreOp::Commit(commit) => check_commit(commit),
        StoreOp::BlobWrite { offset, bytes, .. } => {
            at_most("bytes of a blob part", bytes.len() as u64, STORE_BLOB_PART as u64)?;
            at_most("bytes of a blob", offset.saturating_add(bytes.len() as u64), STORE_BLOB)
        }
        StoreOp::BlobRead { length, .. } => at_most("bytes of a blob part", *length, STORE_BLOB_PART as u64),
        StoreOp::BlobList { limit, .. } => at_most("ids of a list", *limit as u64, STORE_ENTRIES as u64),
        StoreOp::CellWrite { bytes, .. } => at_most("bytes of a cell", bytes.len() as u64, STORE_CELL as u64),
        StoreOp::BlobSeal { .. }
        | StoreOp::BlobDelete { .. }
        | StoreOp::CellRead { .. }
        | StoreOp::CellList => Ok(()),
    }
}

fn check_key(length: usize) -> Result<(), StoreError> {
    at_most("bytes of a key", length as u64, STORE_KEY as u64)
}

fn check_value(length: usize) -> Result<(), StoreError> {
    at_most("bytes of a value", length as u64, STORE_VALUE as u64)
}

fn check_commit(commit: &Commit) -> Result<(), StoreError> {
    let items = commit.preconditions.len().saturating_add(commit.writes.len());
    at_most("preconditions and writes of a commit", items as u64, STORE_KEYS as u64)?;
    for precondition in &commit.preconditions {
        check_key(precondition.key.len())?;
        check_value(precondition.value.as_ref().map_or(0, Vec::len))?;
    }
    for write in &commit.writes {
        match write {
            Write::Put { key, value } => {
                check_key(key.len())?;
                check_value(value.len())?;
            }
            Write::Delete { key } => check_key(key.len())?,
            Write::Append { prefix, value } => {
                check_key(prefix.len().saturating_add(8))?;
                check_value(value.len())?;
            }
        }
    }
    at_most("bytes of a commit", commit_size(commit) as u64, STORE_COMMIT as u64)
}

/// Bytes of keys and values in `commit`.
pub(crate) fn commit_size(commit: &Commit) -> usize {
    let preconditions = commit
        .preconditions
        .iter()
        .map(|precondition| precondition.key.len() + precondition.value.as_ref().map_or(0, Vec::len));
    let writes = commit.writes.iter().map(|write| match write {
        Write::Put { key, value } => key.len() + value.len(),
        Write::Delete { key } => key.len(),
        Write::Append { prefix, value } => prefix.len() + 8 + value.len(),
    });
    preconditions.chain(writes).fold(0, usize::saturating_add)
}

/// Counts the bytes of an answer against [`STORE_REPLY`].
pub(crate) struct ReplyBudget(u64);

impl ReplyBudget {
    pub(crate) fn new() -> Self {
        Self(0)
    }

    /// Takes `bytes` out of the budget.
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`] if the answer grows beyond the limit: ask for less at once.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), StoreError> {
        self.0 = self.0.saturating_add(bytes as u64);
        at_most("bytes of an answer", self.0, STORE_REPLY as u64)
    }
}
