//! Envelopes: the record of a container once more, as a blob of its own. A container that nobody
//! else has gets one, so that the loss of the index is not the loss of the container.
//!
//! ```text
//! blob = lead: the length of the rest, sealed ‖ the record, sealed
//! ```

use super::container::ContainerRecord;
use super::keys::{StoreKeys, sealed_length};
use crate::effect::BlobId;
use crate::error::{CryptoError, Error};
use crate::limits;
use crate::operation::Entropy;

/// Bytes to read of a blob to learn whether it is an envelope.
pub(crate) fn lead_length() -> u64 {
    sealed_length(8)
}

/// The bytes of an envelope.
pub(crate) fn seal(
    keys: &StoreKeys,
    blob: &BlobId,
    record: &ContainerRecord,
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, Error> {
    let rest = keys.seal_envelope(blob, 1, &record.encode(), entropy)?;
    let mut bytes = keys.seal_envelope(blob, 0, &(rest.len() as u64).to_be_bytes(), entropy)?;
    bytes.extend_from_slice(&rest);
    Ok(bytes)
}

/// How long the rest is, if `lead` begins an envelope of this partition.
pub(crate) fn rest_length(keys: &StoreKeys, blob: &BlobId, lead: &[u8]) -> Option<u64> {
    let length = keys.open_envelope(blob, 0, lead)?;
    let length = u64::from_be_bytes(length.as_slice().try_into().ok()?);
    (length <= limits::STORE_BLOB_PART as u64).then_some(length)
}

/// The record in the rest.
pub(crate) fn open(keys: &StoreKeys, blob: &BlobId, rest: &[u8]) -> Result<ContainerRecord, CryptoError> {
    ContainerRecord::decode(&keys.open_envelope(blob, 1, rest).ok_or(CryptoError::Decrypt)?)
}
