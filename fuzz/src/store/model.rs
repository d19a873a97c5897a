//! What a store must answer, written as simply as it can be: no engine, no plan, no accounting.

use absio_proto::effect::{BlobId, CellId, Commit, StoreErrorKind, StoreOp, StoreOutcome, Write};
use std::collections::BTreeMap;

/// An answer, as far as the storage language tells it.
pub(super) enum Answer {
    Outcome(StoreOutcome),
    Refused(StoreErrorKind),
}

/// All that is stored.
#[derive(Clone, Default)]
pub(super) struct Model {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Bytes, and whether they are sealed.
    blobs: BTreeMap<BlobId, (Vec<u8>, bool)>,
    cells: BTreeMap<CellId, Vec<u8>>,
}

impl Model {
    /// What is gone when a store is closed: blobs that were not sealed.
    pub(super) fn reopen(&mut self) {
        self.blobs.retain(|_, (_, sealed)| *sealed);
    }

    pub(super) fn apply(&mut self, op: &StoreOp) -> Answer {
        Answer::Outcome(match op {
            StoreOp::Get { keys } => {
                StoreOutcome::Values(keys.iter().map(|key| self.records.get(key).cloned()).collect())
            }
            StoreOp::Scan { start, end, limit, reverse } => {
                let mut entries: Vec<_> = self.records.clone().into_iter().collect();
                entries.retain(|(key, _)| key >= start && key < end);
                if *reverse {
                    entries.reverse();
                }
                entries.truncate(*limit);
                StoreOutcome::Entries(entries)
            }
            StoreOp::Commit(commit) => return self.commit(commit),
            StoreOp::BlobWrite { blob, offset, bytes } => {
                let (kept, sealed) = self.blobs.entry(*blob).or_default();
                if *sealed {
                    return Answer::Refused(StoreErrorKind::Invalid);
                }
                for (place, byte) in (*offset as usize..).zip(bytes.iter()) {
                    if kept.len() <= place {
                        kept.resize(place + 1, 0);
                    }
                    kept[place] = *byte;
                }
                StoreOutcome::Done
            }
            StoreOp::BlobSeal { blob } => match self.blobs.get_mut(blob) {
                Some((_, sealed)) => {
                    *sealed = true;
                    StoreOutcome::Done
                }
                None => return Answer::Refused(StoreErrorKind::Invalid),
            },
            StoreOp::BlobRead { blob, offset, length } => {
                let sealed = self.blobs.get(blob).filter(|(_, sealed)| *sealed);
                StoreOutcome::Blob(sealed.map(|(bytes, _)| {
                    bytes.iter().skip(*offset as usize).take(*length as usize).copied().collect()
                }))
            }
            StoreOp::BlobDelete { blob } => {
                self.blobs.remove(blob);
                StoreOutcome::Done
            }
            StoreOp::BlobList { after, limit } => {
                let later = self.blobs.keys().filter(|blob| after.is_none_or(|after| **blob > after));
                StoreOutcome::Blobs(later.take(*limit).copied().collect())
            }
            StoreOp::CellRead { cell } => StoreOutcome::Cell(self.cells.get(cell).cloned()),
            StoreOp::CellWrite { cell, bytes } => {
                self.cells.insert(*cell, bytes.clone());
                self.cells.retain(|_, bytes| !bytes.is_empty());
                StoreOutcome::Done
            }
            StoreOp::CellList => StoreOutcome::Cells(self.cells.keys().copied().collect()),
        })
    }

    fn commit(&mut self, commit: &Commit) -> Answer {
        for (index, precondition) in commit.preconditions.iter().enumerate() {
            if self.records.get(&precondition.key) != precondition.value.as_ref() {
                return Answer::Outcome(StoreOutcome::Conflict(index));
            }
        }
        let (mut records, mut numbers) = (self.records.clone(), Vec::new());
        for write in &commit.writes {
            match write {
                Write::Put { key, value } => drop(records.insert(key.clone(), value.clone())),
                Write::Delete { key } => drop(records.remove(key)),
                Write::Append { prefix, value } => {
                    let number = match records.get(prefix).map(|bytes| <[u8; 8]>::try_from(&bytes[..])) {
                        None => 1,
                        Some(Err(_)) => return Answer::Refused(StoreErrorKind::Corrupt),
                        Some(Ok(counter)) => match u64::from_be_bytes(counter).checked_add(1) {
                            None => return Answer::Refused(StoreErrorKind::Invalid),
                            Some(number) => number,
                        },
                    };
                    records.insert(prefix.clone(), number.to_be_bytes().to_vec());
                    records.insert([&prefix[..], &number.to_be_bytes()].concat(), value.clone());
                    numbers.push(number);
                }
            }
        }
        self.records = records;
        Answer::Outcome(StoreOutcome::Committed(numbers))
    }
}
