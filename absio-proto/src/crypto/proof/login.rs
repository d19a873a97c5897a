//! The login proof: a signature that opens a session.

use super::{sign_as, verify_as};
use crate::crypto::card_chain::CardChain;
use crate::crypto::encoding::Writer;
use crate::crypto::key_ring::KeyRing;
use crate::crypto::suite::SignatureLabel;
use crate::error::CryptoError;
use crate::model::{ApiKey, Timestamp, UserId};

/// What is signed to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginProof {
    /// The broker's origin, as each side knows it by itself.
    pub origin: String,
    /// The API key of the request.
    pub api_key: ApiKey,
    /// Who logs in.
    pub user_id: UserId,
    /// With which signing key: the one in use.
    pub key_index: u32,
    /// The broker's nonce, as it came.
    pub server_nonce: Vec<u8>,
    /// The client's nonce.
    pub client_nonce: [u8; 32],
    /// The client's clock.
    pub time: Timestamp,
}

impl LoginProof {
    /// The payload under the label `login`.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        Writer::new()
            .bytes(self.user_id.as_bytes())
            .u32(self.key_index)
            .bytes(self.api_key.as_bytes())
            .u64(self.time.as_millis())
            .bytes(&self.client_nonce)
            .prefixed(&self.server_nonce)
            .prefixed(self.origin.as_bytes())
            .finish()
    }

    /// Signs as the user named, with the key named.
    ///
    /// # Errors
    /// [`CryptoError::KeyNotValid`] if `ring` is another user's or uses another key.
    pub fn sign(&self, ring: &KeyRing) -> Result<[u8; 64], CryptoError> {
        let signer = (self.user_id, self.key_index);
        sign_as(ring, signer, SignatureLabel::Login, &self.payload())
    }

    /// Verifies the signature by the key in use of the user named. Whether nonce and time are fresh is
    /// for the broker to say.
    ///
    /// # Errors
    /// [`CryptoError::KeyNotValid`], [`CryptoError::BadSignature`].
    pub fn verify(&self, chain: &CardChain, signature: &[u8; 64]) -> Result<(), CryptoError> {
        let signer = (self.user_id, self.key_index);
        verify_as(chain, signer, SignatureLabel::Login, &self.payload(), signature, "login")
    }
}
