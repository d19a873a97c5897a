//! What records, envelopes and exports hold, read and written again: so that another implementation can be held
//! against this one, and for programs that try what is none (fuzz targets). A record is reached only behind its
//! tag; these are reached at once. Only with the feature `testing`: programs have no use for a record by itself.

use super::container::ContainerRecord;
use super::cursor::CursorRecord;
use super::envelope::{self, Enveloped};
use super::export::{self, Item, Items};
use super::keys::{Kind, StoreKeys};
use super::outbox::{OutboxRow, QueuedChange};
use super::peer::PeerRecord;
use super::state::State;
use crate::effect::BlobId;
use crate::error::{CryptoError, Error};

/// Reads an opened record and writes it again.
///
/// # Errors
/// [`CryptoError`] if it is no record of this kind.
pub fn recoded(kind: Kind, record: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(match kind {
        Kind::State => State::decode(record)?.encode(),
        Kind::Container => ContainerRecord::decode(record)?.encode().to_vec(),
        Kind::Peer => PeerRecord::decode(record)?.encode(),
        Kind::Cursor => CursorRecord::decode(record)?.encode()?.to_vec(),
        Kind::Outbox => OutboxRow::decode(record)?.encode().to_vec(),
    })
}

/// Opens an envelope, and gives what it holds, written again.
///
/// # Errors
/// [`CryptoError::Decrypt`] if it does not open as the envelope in `blob`, otherwise as [`recoded`].
pub fn recoded_envelope(keys: &StoreKeys, blob: &BlobId, bytes: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let lead = usize::try_from(envelope::lead_length()).map_err(|_| CryptoError::Decrypt)?;
    let (lead, rest) = bytes.split_at_checked(lead).ok_or(CryptoError::Decrypt)?;
    let length = envelope::rest_length(keys, blob, lead).ok_or(CryptoError::Decrypt)?;
    let rest = usize::try_from(length).ok().and_then(|length| rest.get(..length));
    Ok(match envelope::open(keys, blob, rest.ok_or(CryptoError::Decrypt)?)? {
        Enveloped::Container(record) => record.encode().to_vec(),
        Enveloped::Change(change) => change.encode().to_vec(),
    })
}

/// Reads a change that waits for the broker, and writes it again.
///
/// # Errors
/// [`CryptoError`] if it is none.
pub fn recoded_change(change: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(QueuedChange::decode(change)?.encode().to_vec())
}

/// Reads the joined blocks of an export, given in blocks of `step` bytes, and writes what was read.
///
/// # Errors
/// [`CryptoError::Malformed`].
pub fn recoded_export(bytes: &[u8], step: usize) -> Result<Vec<u8>, CryptoError> {
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
