//! What commits mean, for every engine: preconditions, order, and the numbers of appends.
//!
//! Engines read through [`Plan`] and then write [`Plan::changes`] in one transaction of their own.

use absio_proto::effect::{Commit, StoreError, StoreErrorKind, StoreOutcome, Write};
use absio_proto::planted;
use std::collections::BTreeMap;

/// Values to put and keys to delete (`None`), by key.
pub(crate) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What several commits, one after another, would change.
pub(crate) struct Plan<F> {
    read: F,
    changes: Changes,
}

impl<F: Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>> Plan<F> {
    /// A plan over what `read` finds stored.
    pub(crate) fn new(read: F) -> Self {
        Self { read, changes: Changes::new() }
    }

    /// Adds `commit` behind those before it; they count as done. A conflict or an error adds nothing.
    pub(crate) fn add(&mut self, commit: &Commit) -> Result<StoreOutcome, StoreError> {
        for (index, precondition) in commit.preconditions.iter().enumerate() {
            let holds = self.current(&Changes::new(), &precondition.key)? == precondition.value;
            if planted!(PreconditionForgotten, false, !holds) {
                return Ok(StoreOutcome::Conflict(index));
            }
        }
        let mut own = Changes::new();
        let mut numbers = Vec::new();
        for write in &commit.writes {
            match write {
                Write::Put { key, value } => {
                    own.insert(key.clone(), Some(value.clone()));
                }
                Write::Delete { key } => {
                    own.insert(key.clone(), None);
                }
                Write::Append { prefix, value } => {
                    let next = next_number(self.current(&own, prefix)?)?;
                    let number = planted!(AppendOverwrites, next.div_ceil(2), next);
                    own.insert(prefix.clone(), Some(number.to_be_bytes().to_vec()));
                    own.insert([&prefix[..], &number.to_be_bytes()].concat(), Some(value.clone()));
                    numbers.push(number);
                }
            }
        }
        self.changes.append(&mut own);
        Ok(StoreOutcome::Committed(numbers))
    }

    fn current(&self, own: &Changes, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match own.get(key).or_else(|| self.changes.get(key)) {
            Some(value) => Ok(value.clone()),
            None => (self.read)(key),
        }
    }

    /// All that is to be written.
    pub(crate) fn changes(self) -> Changes {
        self.changes
    }
}

fn next_number(counter: Option<Vec<u8>>) -> Result<u64, StoreError> {
    let Some(counter) = counter else { return Ok(1) };
    let bytes: [u8; 8] = counter.as_slice().try_into().map_err(|_| {
        StoreError::new(StoreErrorKind::Corrupt, "the counter of a sequence is not 8 bytes long")
    })?;
    u64::from_be_bytes(bytes)
        .checked_add(1)
        .ok_or_else(|| StoreError::new(StoreErrorKind::Invalid, "the sequence has no numbers left"))
}
