//! How far the broker's events were followed, and what is still to be looked at.

use crate::crypto::encoding::{Reader, Writer};
use crate::error::{CryptoError, InputError};
use crate::model::ContainerId;
use std::collections::BTreeSet;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
/// Containers that may wait for another look.
const WAITING: usize = 10_000;
/// The id of the one record of its kind.
pub(crate) const EVENTS: &[u8] = b"events";

/// The record of the event cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CursorRecord {
    /// The first event id that was not followed yet.
    pub(crate) next: u64,
    /// Containers of events before it that could not be brought up to date: looked at again.
    pub(crate) waiting: BTreeSet<ContainerId>,
}

impl CursorRecord {
    /// The bytes, before they are sealed.
    ///
    /// # Errors
    /// [`InputError::TooLarge`] if more containers wait than a record holds.
    pub(crate) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, InputError> {
        let (actual, limit) = (self.waiting.len() as u64, WAITING as u64);
        if actual > limit {
            let what = "the list of containers that could not be brought up to date";
            return Err(InputError::TooLarge { what, actual, limit });
        }
        let count = u32::try_from(actual).unwrap_or(u32::MAX);
        let writer = Writer::new().u8(VERSION).u64(self.next).u32(count);
        let write = |writer: Writer, container: &ContainerId| writer.bytes(container.as_bytes());
        Ok(Zeroizing::new(self.waiting.iter().fold(writer, write).finish()))
    }

    /// Reads a record.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("stored event cursor", bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(CryptoError::Unknown {
                what: "version of a stored event cursor",
                value: version.into(),
            });
        }
        let next = reader.u64()?;
        let count = reader.u32()? as usize;
        if count > WAITING {
            return Err(reader.malformed("too many containers wait"));
        }
        let mut waiting = BTreeSet::new();
        for _ in 0..count {
            let container = ContainerId::from_bytes(reader.array()?);
            if waiting.last().is_some_and(|last| *last >= container) {
                return Err(reader.malformed("its containers are not in ascending order"));
            }
            waiting.insert(container);
        }
        reader.end()?;
        Ok(Self { next, waiting })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(waiting: usize) -> CursorRecord {
        let id = |number: usize| {
            let mut id = [0; 16];
            id[8..].copy_from_slice(&(number as u64).to_be_bytes());
            ContainerId::from_bytes(id)
        };
        CursorRecord { next: 77, waiting: (0..waiting).map(id).collect() }
    }

    #[test]
    fn a_cursor_is_read_back_up_to_its_limit() {
        for waiting in [0, 1, WAITING] {
            let record = cursor(waiting);
            assert_eq!(CursorRecord::decode(&record.encode().unwrap()), Ok(record));
        }
        assert_eq!(cursor(WAITING + 1).encode().unwrap_err().code(), "too_large");
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let bytes = cursor(2).encode().unwrap();
        for length in 0..bytes.len() {
            assert!(CursorRecord::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        let with = |place: usize, byte: u8| {
            let mut bytes = bytes.to_vec();
            bytes[place] = byte;
            CursorRecord::decode(&bytes)
        };
        assert!(matches!(with(0, 2), Err(CryptoError::Unknown { value: 2, .. })));
        assert!(with(9, 0xff).is_err(), "the count is over its limit");
        assert!(with(28, 9).is_err(), "not ascending");
    }
}
