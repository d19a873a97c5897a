//! How records lie in sled's tree, so that no value reaches the size that leaks.
//!
//! ```text
//! 00 ‖ key                       00 ‖ value                        short: up to 64 KiB
//!                                01 ‖ number u64 ‖ length u64      long: in pieces under its number
//! 01 ‖ number u64 ‖ piece u32    up to 64 KiB
//! 02                             the last number given, u64
//! ```

use super::sled_error;
use crate::bounds::ReplyBudget;
use crate::changes::Changes;
use crate::engine::Entries;
use absio_proto::effect::{StoreError, StoreErrorKind};
use absio_proto::limits::STORE_VALUE;
use sled::{Batch, Db, IVec, Tree};

const RECORD: u8 = 0;
const PIECE: u8 = 1;
const LAST_NUMBER: [u8; 1] = [2];
const SHORT: u8 = 0;
const LONG: u8 = 1;
/// Bytes of a piece, and of the longest value that is kept whole.
const PIECE_SIZE: usize = 64 << 10;

/// The records of one sled database.
pub(crate) struct Records(Tree);

/// A stored value as its record describes it.
enum Stored<'a> {
    Short(&'a [u8]),
    Long { number: u64, length: usize },
}

fn damaged() -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, "a record of the index is damaged")
}

fn record_key(key: &[u8]) -> Vec<u8> {
    [&[RECORD], key].concat()
}

fn piece_key(number: u64, piece: u32) -> Vec<u8> {
    [&[PIECE][..], &number.to_be_bytes(), &piece.to_be_bytes()].concat()
}

fn read_u64(bytes: &[u8]) -> Result<u64, StoreError> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| damaged())
}

fn parse(record: &[u8]) -> Result<Stored<'_>, StoreError> {
    match record.split_first() {
        Some((&SHORT, value)) => Ok(Stored::Short(value)),
        Some((&LONG, rest)) if rest.len() == 16 => {
            let length = usize::try_from(read_u64(&rest[8..])?).map_err(|_| damaged())?;
            if length > STORE_VALUE {
                return Err(damaged());
            }
            Ok(Stored::Long { number: read_u64(&rest[..8])?, length })
        }
        _ => Err(damaged()),
    }
}

impl Records {
    pub(crate) fn new(database: &Db) -> Self {
        Self((**database).clone())
    }

    pub(crate) fn get(&self, key: &[u8], budget: &mut ReplyBudget) -> Result<Option<Vec<u8>>, StoreError> {
        match self.0.get(record_key(key)).map_err(sled_error)? {
            Some(record) => self.value(&record, budget).map(Some),
            None => Ok(None),
        }
    }

    fn value(&self, record: &IVec, budget: &mut ReplyBudget) -> Result<Vec<u8>, StoreError> {
        match parse(record)? {
            Stored::Short(value) => {
                budget.take(value.len())?;
                Ok(value.to_vec())
            }
            Stored::Long { number, length } => {
                budget.take(length)?;
                let mut value = Vec::with_capacity(length);
                for piece in self.0.scan_prefix([&[PIECE][..], &number.to_be_bytes()].concat()).values() {
                    value.extend_from_slice(&piece.map_err(sled_error)?);
                    if value.len() > length {
                        return Err(damaged());
                    }
                }
                if value.len() == length { Ok(value) } else { Err(damaged()) }
            }
        }
    }

    pub(crate) fn scan(
        &self,
        start: &[u8],
        end: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Entries, StoreError> {
        let mut range = self.0.range(record_key(start)..record_key(end));
        let mut budget = ReplyBudget::new();
        let mut entries = Vec::new();
        while entries.len() < limit {
            let Some(entry) = (if reverse { range.next_back() } else { range.next() }) else { break };
            let (key, record) = entry.map_err(sled_error)?;
            let key = key.get(1..).ok_or_else(damaged)?.to_vec();
            budget.take(key.len())?;
            let value = self.value(&record, &mut budget)?;
            entries.push((key, value));
        }
        Ok(entries)
    }

    /// `changes` as one batch, and about how many bytes it holds.
    pub(crate) fn batch(&self, changes: Changes) -> Result<(Batch, usize), StoreError> {
        let mut batch = Batch::default();
        let mut bytes = 0usize;
        let last = self.0.get(LAST_NUMBER).map_err(sled_error)?;
        let mut number = last.map_or(Ok(0), |last| read_u64(&last))?;
        let before = number;
        for (key, value) in changes {
            let record = record_key(&key);
            self.remove_pieces(&record, &mut batch)?;
            bytes = bytes.saturating_add(record.len() + value.as_ref().map_or(0, Vec::len));
            match value {
                None => batch.remove(record),
                Some(value) if value.len() <= PIECE_SIZE => {
                    batch.insert(record, [&[SHORT], value.as_slice()].concat());
                }
                Some(value) => {
                    number = number.checked_add(1).ok_or_else(damaged)?;
                    for (piece, part) in (0u32..).zip(value.chunks(PIECE_SIZE)) {
                        batch.insert(piece_key(number, piece), part);
                    }
                    let length = (value.len() as u64).to_be_bytes();
                    batch.insert(record, [&[LONG][..], &number.to_be_bytes(), &length].concat());
                }
            }
        }
        if number != before {
            batch.insert(&LAST_NUMBER, &number.to_be_bytes());
        }
        Ok((batch, bytes))
    }

    fn remove_pieces(&self, record: &[u8], batch: &mut Batch) -> Result<(), StoreError> {
        let Some(found) = self.0.get(record).map_err(sled_error)? else { return Ok(()) };
        if let Stored::Long { number, length } = parse(&found)? {
            for (piece, _) in (0u32..).zip((0..length).step_by(PIECE_SIZE)) {
                batch.remove(piece_key(number, piece));
            }
        }
        Ok(())
    }

    /// Applies `batch` at once and hands it to the system. It is durable once the file is fsynced.
    pub(crate) fn apply(&self, batch: Batch) -> sled::Result<()> {
        self.0.apply_batch(batch)?;
        self.0.flush().map(drop)
    }
}
