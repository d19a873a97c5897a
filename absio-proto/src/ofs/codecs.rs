//! The plain bytes of what a device keeps, read and written again: for programs that try what is no
//! record (fuzz targets). A record is reached only behind its tag; these are reached at once.

use super::container::ContainerRecord;
use super::cursor::CursorRecord;
use super::export::{self, Item, Items};
use super::outbox::{OutboxRow, QueuedChange};
use super::peer::PeerRecord;
use super::state::State;
use crate::error::{CryptoError, Error};

/// What is kept under a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// The state of a partition.
    State,
    /// A container.
    Container,
    /// The public keys of a user.
    Peer,
    /// How far events were followed.
    Cursor,
    /// The row of a change that is not at the broker yet.
    Row,
    /// Such a change.
    Change,
}

impl Plain {
    /// Every one of them.
    pub const ALL: [Self; 6] =
        [Self::State, Self::Container, Self::Peer, Self::Cursor, Self::Row, Self::Change];

    /// Reads `bytes`, and writes what was read.
    ///
    /// # Errors
    /// Those of reading; and of writing, if what was read could not be written.
    pub fn again(self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(match self {
            Self::State => State::decode(bytes)?.encode(),
            Self::Container => ContainerRecord::decode(bytes)?.encode().to_vec(),
            Self::Peer => PeerRecord::decode(bytes)?.encode(),
            Self::Cursor => CursorRecord::decode(bytes)?.encode()?.to_vec(),
            Self::Row => OutboxRow::decode(bytes)?.encode().to_vec(),
            Self::Change => QueuedChange::decode(bytes)?.encode().to_vec(),
        })
    }
}

/// Reads the joined blocks of an export, given in blocks of `step` bytes, and writes what was read.
///
/// # Errors
/// [`CryptoError::Malformed`].
pub fn export_again(bytes: &[u8], step: usize) -> Result<Vec<u8>, CryptoError> {
    let (mut items, mut again) = (Items::new(), Vec::new());
    for block in bytes.chunks(step.max(1)) {
        items.feed(block);
        while let Some(item) = items.next()? {
            again.extend(match item {
                Item::KeyFile(salt, cell) => export::key_file(&salt, &cell),
                Item::State(value) => export::state(&value),
                Item::Blob(id) => export::blob(&id),
                Item::Part(part) => export::blob_part(&part),
                Item::EndOfBlob => export::blob_part(&[]),
                Item::Record(name, value) => export::record(&name, &value),
            });
        }
    }
    items.end().map(|()| again)
}
