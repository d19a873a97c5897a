use absio_proto::driver::blocking::Store;
use absio_proto::effect::{BlobId, CellId, Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome, Write};
use absio_proto::limits;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included};
use std::sync::{Mutex, PoisonError};

type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// One lock around everything: a commit is atomic, and readers see all of it or nothing.
#[derive(Default)]
pub struct MapStore(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    records: Records,
    blobs: BTreeMap<BlobId, (Vec<u8>, bool)>,
    cells: BTreeMap<CellId, Vec<u8>>,
}

fn require(holds: bool, reason: &str) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::new(StoreErrorKind::Invalid, reason)) }
}

/// What is beyond a limit is refused before anything is done for it.
fn sizes<'a>(items: impl IntoIterator<Item = (usize, &'a [u8])>, most: usize) -> Result<(), StoreError> {
    let mut bytes = 0usize;
    for (key, value) in items {
        require(key <= limits::STORE_KEY, "a key is too long")?;
        require(value.len() <= limits::STORE_VALUE, "a value is too long")?;
        bytes += key + value.len();
    }
    require(bytes <= most, "too many bytes at once")
}

fn commit(
    records: &mut Records,
    Commit { preconditions, writes }: Commit,
) -> Result<StoreOutcome, StoreError> {
    require(preconditions.len() + writes.len() <= limits::STORE_KEYS, "too many items")?;
    let asked = preconditions.iter().map(|item| (item.key.len(), item.value.as_deref().unwrap_or_default()));
    let written = writes.iter().map(|write| match write {
        Write::Put { key, value } => (key.len(), &value[..]),
        Write::Delete { key } => (key.len(), &[][..]),
        Write::Append { prefix, value } => (prefix.len() + 8, &value[..]),
    });
    sizes(asked.chain(written), limits::STORE_COMMIT)?;
    if let Some(broken) = preconditions.iter().position(|item| records.get(&item.key) != item.value.as_ref())
    {
        return Ok(StoreOutcome::Conflict(broken));
    }
    let (mut changed, mut numbers) = (BTreeMap::new(), Vec::new());
    for write in writes {
        match write {
            Write::Put { key, value } => drop(changed.insert(key, Some(value))),
            Write::Delete { key } => drop(changed.insert(key, None)),
            Write::Append { prefix, value } => {
                let last = changed.get(&prefix).cloned().unwrap_or_else(|| records.get(&prefix).cloned());
                let last = last.unwrap_or_else(|| vec![0; 8]);
                let broken = |_| StoreError::new(StoreErrorKind::Corrupt, "a counter is not 8 bytes long");
                let last = u64::from_be_bytes(last.try_into().map_err(broken)?);
                require(last < u64::MAX, "the sequence has no numbers left")?;
                let number = (last + 1).to_be_bytes();
                changed.insert([&prefix[..], &number].concat(), Some(value));
                changed.insert(prefix, Some(number.to_vec()));
                numbers.push(last + 1);
            }
        }
    }
    for (key, value) in changed {
        match value {
            Some(value) => records.insert(key, value),
            None => records.remove(&key),
        };
    }
    Ok(StoreOutcome::Committed(numbers))
}

fn scan(
    records: &Records,
    start: &[u8],
    end: &[u8],
    limit: usize,
    reverse: bool,
) -> Result<StoreOutcome, StoreError> {
    sizes([(start.len(), &[][..]), (end.len(), &[][..])], usize::MAX)?;
    require(limit <= limits::STORE_ENTRIES, "too many entries at once")?;
    if start >= end {
        return Ok(StoreOutcome::Entries(Vec::new()));
    }
    let range = records.range::<[u8], _>((Included(start), Excluded(end)));
    let own = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
    let entries: Vec<_> = if reverse {
        range.rev().take(limit).map(own).collect()
    } else {
        range.take(limit).map(own).collect()
    };
    sizes(entries.iter().map(|(key, value)| (key.len(), &value[..])), limits::STORE_REPLY)?;
    Ok(StoreOutcome::Entries(entries))
}

impl Store for MapStore {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let Kept { records, blobs, cells } = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match op {
            StoreOp::Get { keys } => {
                require(keys.len() <= limits::STORE_KEYS, "too many keys")?;
                let found = |key: &Vec<u8>| (key.len(), records.get(key).map_or(&[][..], |value| &value[..]));
                sizes(keys.iter().map(found), limits::STORE_REPLY)?;
                Ok(StoreOutcome::Values(keys.iter().map(|key| records.get(key).cloned()).collect()))
            }
            StoreOp::Scan { start, end, limit, reverse } => scan(records, &start, &end, limit, reverse),
            StoreOp::Commit(change) => commit(records, change),
            StoreOp::BlobWrite { blob, offset, bytes } => {
                require(bytes.len() <= limits::STORE_BLOB_PART, "the part is too long")?;
                let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= limits::STORE_BLOB);
                require(end.is_some(), "the blob is too long")?;
                require(!blobs.get(&blob).is_some_and(|blob| blob.1), "the blob is sealed")?;
                let (kept, _) = blobs.entry(blob).or_default();
                let (from, end) = (offset as usize, offset as usize + bytes.len());
                kept.resize(kept.len().max(end), 0);
                kept[from..end].copy_from_slice(&bytes);
                Ok(StoreOutcome::Done)
            }
            StoreOp::BlobSeal { blob } => match blobs.get_mut(&blob) {
                Some((_, sealed)) => {
                    *sealed = true;
                    Ok(StoreOutcome::Done)
                }
                None => Err(StoreError::new(StoreErrorKind::Invalid, "there is no such blob")),
            },
            StoreOp::BlobRead { blob, offset, length } => {
                require(length <= limits::STORE_BLOB_PART as u64, "too many bytes at once")?;
                let part = |(bytes, sealed): &(Vec<u8>, bool)| {
                    let from = (bytes.len() as u64).min(offset) as usize;
                    let to = (bytes.len() as u64).min(offset.saturating_add(length)) as usize;
                    sealed.then(|| bytes[from..to].to_vec())
                };
                Ok(StoreOutcome::Blob(blobs.get(&blob).and_then(part)))
            }
            StoreOp::BlobDelete { blob } => {
                blobs.remove(&blob);
                Ok(StoreOutcome::Done)
            }
            StoreOp::BlobList { after, limit } => {
                require(limit <= limits::STORE_ENTRIES, "too many ids at once")?;
                let later = blobs.keys().filter(|id| after.is_none_or(|after| **id > after));
                Ok(StoreOutcome::Blobs(later.take(limit).copied().collect()))
            }
            StoreOp::CellRead { cell } => Ok(StoreOutcome::Cell(cells.get(&cell).cloned())),
            StoreOp::CellWrite { cell, bytes } => {
                require(bytes.len() <= limits::STORE_CELL, "the cell is too long")?;
                if bytes.is_empty() {
                    cells.remove(&cell)
                } else {
                    cells.insert(cell, bytes)
                };
                Ok(StoreOutcome::Done)
            }
            StoreOp::CellList => Ok(StoreOutcome::Cells(cells.keys().copied().collect())),
        }
    }
}
