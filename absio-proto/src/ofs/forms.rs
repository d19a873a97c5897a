//! What records and envelopes hold, read and written again, so that another implementation can be held against
//! this one. Only with the feature `testing`: programs have no use for a record by itself.

use super::container::ContainerRecord;
use super::cursor::CursorRecord;
use super::envelope::{self, Enveloped};
use super::keys::{Kind, StoreKeys};
use super::outbox::OutboxRow;
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
