//! `KBL1`: a container's keys, wrapped for one user; the seed's "recipient key blob"
//! (`docs/protocol.md`, section 7; S-111 to S-113).

use crate::crypto::agreement::{Ephemeral, Labels, keys_from};
use crate::crypto::algorithm::{CipherIndex, MacIndex};
use crate::crypto::container_keys::ContainerKeys;
use crate::crypto::encoding::Writer;
use crate::crypto::secret::Secret;
use crate::crypto::suite::{Digest48, HashLabel, KeyLabel, SUITE_1, hash};
use crate::crypto::wrap::TAG;
use crate::error::CryptoError;
use crate::model::{ContainerId, UserId};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

const MAGIC: &[u8; 4] = b"KBL1";
const LABELS: Labels = Labels { extract: HashLabel::KeyBlob, expand: KeyLabel::KeyBlob };
/// Bytes in the clear, `enc` included.
const CLEAR: usize = 112;
/// Bytes of the two encrypted secrets.
const SECRETS: usize = 64;
/// Bytes of a key blob.
pub const KEY_BLOB_LENGTH: usize = CLEAR + SECRETS + TAG;

/// Everything a blob is bound to. An opener takes all of it from the verified manifest and cards,
/// never from the blob: a blob of another place is consistent in itself, and only this rejects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobContext {
    /// Whose keys.
    pub container: ContainerId,
    /// Epoch of the header secret.
    pub header_epoch: u64,
    /// Epoch of the content secret.
    pub content_epoch: u64,
    /// Who wrapped (`sealed_by` of the access entry).
    pub sender: UserId,
    /// Index of the sender's signing key.
    pub sender_index: u32,
    /// The sender's public signing key.
    pub sender_public: [u8; 32],
    /// For whom.
    pub recipient: UserId,
    /// Index of the recipient's derivation key.
    pub recipient_index: u32,
    /// The recipient's public derivation key.
    pub recipient_public: [u8; 32],
}

impl BlobContext {
    /// The clear part of the blob, 112 bytes.
    fn clear(&self, cipher_index: CipherIndex, mac_index: MacIndex, enc: &[u8; 32]) -> Vec<u8> {
        Writer::new()
            .bytes(MAGIC)
            .u16(SUITE_1)
            .u8(cipher_index.as_byte())
            .u8(mac_index.as_byte())
            .bytes(self.container.as_bytes())
            .u64(self.header_epoch)
            .u64(self.content_epoch)
            .bytes(self.sender.as_bytes())
            .u32(self.sender_index)
            .bytes(self.recipient.as_bytes())
            .u32(self.recipient_index)
            .bytes(enc)
            .finish()
    }
}

/// Wraps `keys` for one recipient. All recipients of one sealing share one `ephemeral`; the next
/// sealing draws another (F12).
///
/// # Errors
/// [`CryptoError::WeakKey`] if the recipient's key is of low order or not canonical.
pub fn seal_blob(
    keys: &ContainerKeys,
    ephemeral: &Ephemeral,
    context: &BlobContext,
) -> Result<Vec<u8>, CryptoError> {
    let clear = context.clear(keys.cipher_index(), keys.mac_index(), ephemeral.public());
    let wrap = ephemeral.keys_for(LABELS, &context.recipient_public, &bound(&clear, context))?;
    let mut secrets = Zeroizing::new([0; SECRETS]);
    secrets[..32].copy_from_slice(keys.header_secret().expose());
    secrets[32..].copy_from_slice(keys.content_secret().expose());
    let sealed = wrap.seal(&clear, &*secrets);
    Ok([clear, sealed].concat())
}

/// Wraps `keys` for every context, in their order, under one ephemeral key.
///
/// # Errors
/// As [`seal_blob`]; no blob is given out then.
pub fn seal_blobs(
    keys: &ContainerKeys,
    ephemeral: &Secret<32>,
    contexts: &[BlobContext],
) -> Result<Vec<Vec<u8>>, CryptoError> {
    let ephemeral = Ephemeral::new(ephemeral);
    contexts.iter().map(|context| seal_blob(keys, &ephemeral, context)).collect()
}

/// Opens a blob with the recipient's derivation secret.
///
/// # Errors
/// [`CryptoError::Decrypt`] for every cause: length, context, algorithm, key or tag.
pub fn open_blob(
    blob: &[u8],
    context: &BlobContext,
    recipient_secret: &StaticSecret,
) -> Result<ContainerKeys, CryptoError> {
    open(blob, context, recipient_secret).map_err(|_| CryptoError::Decrypt)
}

fn open(
    blob: &[u8],
    context: &BlobContext,
    recipient_secret: &StaticSecret,
) -> Result<ContainerKeys, CryptoError> {
    let (served, sealed) = blob.split_first_chunk::<CLEAR>().ok_or(CryptoError::Decrypt)?;
    if sealed.len() != SECRETS + TAG {
        return Err(CryptoError::Decrypt);
    }
    // Only the algorithms and `enc` come from the blob; both are under its MAC.
    let cipher_index = CipherIndex::from_byte(served[6])?;
    let mac_index = MacIndex::from_byte(served[7])?;
    let enc = served.last_chunk::<32>().expect("the clear part ends with enc");
    let clear = context.clear(cipher_index, mac_index, enc);
    if clear != *served {
        return Err(CryptoError::Decrypt);
    }
    let wrap = keys_from(LABELS, recipient_secret, enc, &bound(&clear, context))?;
    let secrets = wrap.open(&clear, sealed).ok_or(CryptoError::Decrypt)?;
    let (header, content) = secrets.split_first_chunk().ok_or(CryptoError::Decrypt)?;
    let content = content.first_chunk().ok_or(CryptoError::Decrypt)?;
    Ok(ContainerKeys::from_parts(cipher_index, mac_index, Secret::copied(header), Secret::copied(content)))
}

/// What the keys are bound to besides the agreement: the clear part and both public keys.
fn bound<'a>(clear: &'a [u8], context: &'a BlobContext) -> [&'a [u8]; 3] {
    [clear, &context.recipient_public, &context.sender_public]
}

/// The hash by which an access entry names a blob.
#[must_use]
pub fn blob_hash(blob: &[u8]) -> Digest48 {
    hash(HashLabel::Blob, &[blob])
}

#[cfg(test)]
mod tests;
