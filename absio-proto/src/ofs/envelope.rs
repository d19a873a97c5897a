//! Envelopes: a record once more, as a blob of its own. A container that nobody else has gets one, and
//! a change that waits to be sent, so that the loss of the index is not theirs.
//!
//! ```text
//! blob = lead: the length of the rest, sealed ‖ the record, sealed
//! ```

use super::container::ContainerRecord;
use super::keys::{StoreKeys, sealed_length};
use super::outbox::{self, QueuedChange};
use crate::effect::BlobId;
use crate::error::{CryptoError, Error};
use crate::limits;
use crate::operation::{Cx, Entropy, EntropyError};

/// Bytes to read of a blob to learn whether it is an envelope.
pub(crate) fn lead_length() -> u64 {
    sealed_length(8)
}

/// What an envelope holds. The first byte of the record tells.
pub(crate) enum Enveloped {
    /// A container that nobody else has.
    Container(Box<ContainerRecord>),
    /// A change that the broker has not got yet.
    Change(Box<QueuedChange>),
}

/// The bytes of an envelope.
pub(crate) fn seal(
    keys: &StoreKeys,
    blob: &BlobId,
    record: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, Error> {
    let rest = keys.seal_envelope(blob, 1, record, entropy)?;
    let mut bytes = keys.seal_envelope(blob, 0, &(rest.len() as u64).to_be_bytes(), entropy)?;
    bytes.extend_from_slice(&rest);
    Ok(bytes)
}

/// The randomness of one envelope, drawn before, for [`seal`] inside a job.
pub(crate) struct Salts(Vec<[u8; 32]>);

impl Salts {
    pub(crate) fn draw(cx: &mut Cx<'_>) -> Result<Self, Error> {
        Ok(Self(vec![cx.random()?, cx.random()?]))
    }
}

impl Entropy for Salts {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        let salt = self.0.pop().filter(|salt| salt.len() == buffer.len()).ok_or(EntropyError)?;
        buffer.copy_from_slice(&salt);
        Ok(())
    }
}

/// How long the rest is, if `lead` begins an envelope of this partition.
pub(crate) fn rest_length(keys: &StoreKeys, blob: &BlobId, lead: &[u8]) -> Option<u64> {
    let length = keys.open_envelope(blob, 0, lead)?;
    let length = u64::from_be_bytes(length.as_slice().try_into().ok()?);
    (length <= limits::STORE_BLOB_PART as u64).then_some(length)
}

/// What is in the rest.
pub(crate) fn open(keys: &StoreKeys, blob: &BlobId, rest: &[u8]) -> Result<Enveloped, CryptoError> {
    let record = keys.open_envelope(blob, 1, rest).ok_or(CryptoError::Decrypt)?;
    if record.first() == Some(&outbox::CHANGE) {
        let change = QueuedChange::decode(&record)?;
        // A change names the blob it lies in: no other can stand for it.
        if change.row.blob != *blob {
            return Err(CryptoError::Decrypt);
        }
        return Ok(Enveloped::Change(Box::new(change)));
    }
    ContainerRecord::decode(&record).map(|record| Enveloped::Container(Box::new(record)))
}

#[cfg(test)]
mod tests {
    use super::super::container::tests::record;
    use super::*;
    use crate::crypto::Secret;
    use crate::crypto::test_entropy::TestEntropy;
    use crate::model::UserId;

    fn keys(secret: u8) -> StoreKeys {
        StoreKeys::derive(UserId::from_bytes([7; 16]), &Secret::new([secret; 32]))
    }

    /// The record in `bytes`, as a repair reads it.
    fn read(keys: &StoreKeys, blob: &BlobId, bytes: &[u8]) -> Option<ContainerRecord> {
        let (lead, rest) = bytes.split_at_checked(usize::try_from(lead_length()).unwrap())?;
        let length = usize::try_from(rest_length(keys, blob, lead)?).unwrap();
        match open(keys, blob, rest.get(..length)?).ok()? {
            Enveloped::Container(record) => Some(*record),
            Enveloped::Change(_) => None,
        }
    }

    #[test]
    fn an_envelope_is_known_by_its_lead_and_gives_the_record_back() {
        let (keys, mut entropy) = (keys(1), TestEntropy::new(4));
        let blob = keys.blob_id([1; 10]);
        let record = record();
        let bytes = seal(&keys, &blob, &record.encode(), &mut entropy).unwrap();
        assert_eq!(read(&keys, &blob, &bytes).unwrap().encode(), record.encode());
        assert!(read(&keys, &keys.blob_id([2; 10]), &bytes).is_none(), "in another blob");
        assert!(read(&self::keys(2), &blob, &bytes).is_none(), "of another partition");
        // Chunks of a content are no envelope.
        assert!(read(&keys, &blob, &vec![9; bytes.len()]).is_none());
    }

    #[test]
    fn ml_bitflip_every_byte_of_an_envelope() {
        let (keys, mut entropy) = (keys(1), TestEntropy::new(4));
        let blob = keys.blob_id([1; 10]);
        let bytes = seal(&keys, &blob, &record().encode(), &mut entropy).unwrap();
        for byte in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[byte] ^= 4;
            assert!(read(&keys, &blob, &flipped).is_none(), "byte {byte}");
            assert!(read(&keys, &blob, &bytes[..byte]).is_none(), "{byte} bytes");
        }
        // Nor do its two parts change places.
        let lead = usize::try_from(lead_length()).unwrap();
        let swapped = [&bytes[lead..], &bytes[..lead]].concat();
        assert!(read(&keys, &blob, &swapped).is_none());
    }
}
