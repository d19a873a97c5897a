//! The type of a container: committed to in the manifest, shown only with `container.type.view`
//! (S-129).

use super::body::ManifestBody;
use crate::crypto::encoding::Reader;
use crate::crypto::suite::{Digest48, HashLabel, hash};
use crate::error::{CryptoError, InputError};
use crate::limits;
use crate::model::ContainerId;

/// The commitment of a container without a type.
#[must_use]
pub const fn no_type() -> Digest48 {
    [0; 48]
}

/// The clear type and the salt that opens the commitment. A changed type draws a fresh salt (F17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeOpening {
    salt: [u8; 32],
    text: String,
}

impl TypeOpening {
    /// A type of 1 to 256 bytes of UTF-8, with 32 fresh random bytes.
    ///
    /// # Errors
    /// [`InputError::TooLarge`] over 256 bytes, [`InputError::InvalidArgument`] if empty: no type
    /// has no opening.
    pub fn new(text: impl Into<String>, salt: [u8; 32]) -> Result<Self, InputError> {
        let text = text.into();
        if text.is_empty() {
            let reason = "it is empty; leave it out instead".into();
            return Err(InputError::InvalidArgument { argument: "type", reason });
        }
        if text.len() > limits::TYPE {
            let (actual, limit) = (text.len() as u64, limits::TYPE as u64);
            return Err(InputError::TooLarge { what: "type", actual, limit });
        }
        Ok(Self { salt, text })
    }

    /// The type.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `SHA-384("absio/v1/type" ‖ 0x00 ‖ container ‖ salt ‖ text)`.
    #[must_use]
    pub fn commitment(&self, container: ContainerId) -> Digest48 {
        hash(HashLabel::TypeCommitment, &[container.as_bytes(), &self.salt, self.text.as_bytes()])
    }

    /// `salt 32 ‖ text`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&self.salt[..], self.text.as_bytes()].concat()
    }

    /// Reads `salt 32 ‖ text`.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("type opening", bytes);
        let salt = reader.array()?;
        let text = reader.bytes(reader.remaining())?;
        let text = core::str::from_utf8(text).map_err(|_| reader.malformed("it is not UTF-8"))?;
        Self::new(text, salt).map_err(|_| reader.malformed("its text is empty or too long"))
    }

    /// Compares with the commitment that `manifest` signs.
    ///
    /// # Errors
    /// [`CryptoError::ManifestMismatch`].
    pub fn check(&self, manifest: &ManifestBody) -> Result<(), CryptoError> {
        if self.commitment(manifest.container) == manifest.type_commitment {
            Ok(())
        } else {
            Err(manifest.mismatch("type"))
        }
    }
}
