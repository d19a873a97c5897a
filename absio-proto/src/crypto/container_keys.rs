//! The keys of one container: the seed's `ContainerKeys` (S-100 to S-105) and its byte form `CKY1`
//! (`docs/protocol.md`, section 7; F35).

use crate::crypto::algorithm::{CipherIndex, MacIndex};
use crate::crypto::encoding::Reader;
use crate::crypto::secret::Secret;
use crate::error::CryptoError;
use crate::operation::{Entropy, EntropyError};
use zeroize::Zeroizing;

const MAGIC: &[u8; 4] = b"CKY1";

/// Two secrets, one for each section of a container, and the algorithms a writer uses with them.
///
/// The seed's `cipher_key` and `mac_key` are here the content secret and the header secret: the
/// keys that encrypt and authenticate are derived from a secret and a fresh salt for each sealing,
/// so that giving the same `ContainerKeys` twice never repeats a keystream.
#[derive(PartialEq, Eq)]
pub struct ContainerKeys {
    cipher_index: CipherIndex,
    mac_index: MacIndex,
    header: Secret<32>,
    content: Secret<32>,
}

impl ContainerKeys {
    /// Bytes of the encoded form.
    pub const LENGTH: usize = 70;

    /// Keys of these secrets, with cipher index 0 and MAC index 0 (S-100).
    #[must_use]
    pub const fn new(header: Secret<32>, content: Secret<32>) -> Self {
        Self { cipher_index: CipherIndex::Aes256Ctr, mac_index: MacIndex::HmacSha256, header, content }
    }

    /// Random keys (S-100).
    ///
    /// # Errors
    /// [`EntropyError`] if the random source fails.
    pub fn generate(entropy: &mut dyn Entropy) -> Result<Self, EntropyError> {
        let header = Secret::filled(|bytes| entropy.fill(bytes))?;
        let content = Secret::filled(|bytes| entropy.fill(bytes))?;
        Ok(Self::new(header, content))
    }

    /// The same with another MAC for what is sealed from now on.
    #[must_use]
    pub fn with_mac_index(self, mac_index: MacIndex) -> Self {
        Self { mac_index, ..self }
    }

    /// The same with another header secret, for an update of the header alone.
    #[must_use]
    pub fn with_header_secret(self, header: Secret<32>) -> Self {
        Self { header, ..self }
    }

    /// The same with another content secret, for an update of the content alone.
    #[must_use]
    pub fn with_content_secret(self, content: Secret<32>) -> Self {
        Self { content, ..self }
    }

    /// Another copy, with its own wiping.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            cipher_index: self.cipher_index,
            mac_index: self.mac_index,
            header: self.header.duplicate(),
            content: self.content.duplicate(),
        }
    }

    /// `K_H`, from which the header's keys are derived.
    #[must_use]
    pub const fn header_secret(&self) -> &Secret<32> {
        &self.header
    }

    /// `K_C`, from which the content's keys are derived.
    #[must_use]
    pub const fn content_secret(&self) -> &Secret<32> {
        &self.content
    }

    /// The seed's `cipher_index` (S-104).
    #[must_use]
    pub const fn cipher_index(&self) -> CipherIndex {
        self.cipher_index
    }

    /// The seed's `mac_index` (S-104).
    #[must_use]
    pub const fn mac_index(&self) -> MacIndex {
        self.mac_index
    }

    /// The seed's `cipher_key`: the content secret `K_C` (S-104; see the type's notes).
    #[must_use]
    pub const fn cipher_key(&self) -> &Secret<32> {
        &self.content
    }

    /// The seed's `mac_key`: the header secret `K_H` (S-104; see the type's notes).
    #[must_use]
    pub const fn mac_key(&self) -> &Secret<32> {
        &self.header
    }

    /// The same secrets with the algorithms that a key blob names.
    pub(crate) const fn from_parts(
        cipher_index: CipherIndex,
        mac_index: MacIndex,
        header: Secret<32>,
        content: Secret<32>,
    ) -> Self {
        Self { cipher_index, mac_index, header, content }
    }

    /// `CKY1`, 70 bytes, wiped when dropped (S-102).
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::LENGTH));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[self.cipher_index.as_byte(), self.mac_index.as_byte()]);
        bytes.extend_from_slice(self.header.expose());
        bytes.extend_from_slice(self.content.expose());
        bytes
    }

    /// Reads `CKY1` (S-102, S-103).
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for another length or magic, [`CryptoError::Unknown`] for an
    /// index this version does not know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("set of container keys", bytes);
        reader.constant(MAGIC, "it does not begin with CKY1")?;
        let cipher_index = CipherIndex::from_byte(reader.u8()?)?;
        let mac_index = MacIndex::from_byte(reader.u8()?)?;
        let header = Secret::copied(reader.chunk()?);
        let content = Secret::copied(reader.chunk()?);
        reader.end()?;
        Ok(Self { cipher_index, mac_index, header, content })
    }
}

impl core::fmt::Debug for ContainerKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ContainerKeys")
            .field("cipher_index", &self.cipher_index)
            .field("mac_index", &self.mac_index)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_entropy::TestEntropy;

    #[test]
    fn s100_s104_new_keys_are_random_with_indexes_zero() {
        let mut entropy = TestEntropy::new(1);
        let first = ContainerKeys::generate(&mut entropy).unwrap();
        let second = ContainerKeys::generate(&mut entropy).unwrap();
        assert!(first != second);
        assert_eq!((first.cipher_index().as_byte(), first.mac_index().as_byte()), (0, 0));
        assert!(first.cipher_key() != second.cipher_key() && first.mac_key() != second.mac_key());
        assert!(first.cipher_key() != first.mac_key());
    }

    #[test]
    fn s102_bytes_round_trip_with_both_indexes() {
        for mac_index in [MacIndex::HmacSha256, MacIndex::HmacSha384] {
            let keys =
                ContainerKeys::new(Secret::new([1; 32]), Secret::new([2; 32])).with_mac_index(mac_index);
            let bytes = keys.to_bytes();
            assert_eq!(bytes.len(), ContainerKeys::LENGTH);
            assert!(ContainerKeys::from_bytes(&bytes).unwrap() == keys);
        }
    }

    #[test]
    fn s103_short_long_and_unknown_are_errors() {
        let bytes = ContainerKeys::new(Secret::new([1; 32]), Secret::new([2; 32])).to_bytes();
        for length in 0..bytes.len() {
            assert!(ContainerKeys::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
        }
        assert!(ContainerKeys::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        for (position, what) in [(4, "cipher index"), (5, "MAC index")] {
            let mut altered = bytes.to_vec();
            altered[position] = 9;
            let error = ContainerKeys::from_bytes(&altered).unwrap_err();
            assert_eq!(error, CryptoError::Unknown { what, value: 9 });
        }
        assert!(ContainerKeys::from_bytes(&bytes).is_ok());
    }

    #[test]
    fn s105_debug_shows_no_key() {
        let keys = ContainerKeys::new(Secret::new([0xa5; 32]), Secret::new([0x5a; 32]));
        let text = format!("{keys:?}");
        assert!(
            !text.contains("165") && !text.contains("90") && !text.to_lowercase().contains("a5"),
            "{text}"
        );
    }
}
