//! Signed requests: changes that a stolen session token alone must not make (F25).

use super::{sign_as, verify_as};
use crate::crypto::card_chain::CardChain;
use crate::crypto::encoding::Writer;
use crate::crypto::key_ring::KeyRing;
use crate::crypto::suite::{self, Digest48, HashLabel, SignatureLabel};
use crate::error::CryptoError;
use crate::model::{Timestamp, UserId};

/// What is signed of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// The broker's origin, as each side knows it by itself.
    pub origin: String,
    /// Who asks.
    pub user_id: UserId,
    /// With which signing key: the one in use.
    pub key_index: u32,
    /// The request's idempotency key.
    pub idempotency_key: [u8; 16],
    /// The HTTP method in upper case.
    pub method: String,
    /// The path and query, as sent.
    pub path_and_query: String,
    /// [`SignedRequest::body_hash`] of the body.
    pub body_hash: Digest48,
    /// The client's clock.
    pub time: Timestamp,
}

impl SignedRequest {
    /// The hash of a body; no body hashes as empty.
    #[must_use]
    pub fn body_hash(body: &[u8]) -> Digest48 {
        suite::hash(HashLabel::RequestBody, &[body])
    }

    /// The payload under the label `request`.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        Writer::new()
            .bytes(self.user_id.as_bytes())
            .u32(self.key_index)
            .bytes(&self.idempotency_key)
            .u64(self.time.as_millis())
            .bytes(&self.body_hash)
            .prefixed(self.method.as_bytes())
            .prefixed(self.path_and_query.as_bytes())
            .prefixed(self.origin.as_bytes())
            .finish()
    }

    /// Signs as the user named, with the key named.
    ///
    /// # Errors
    /// [`CryptoError::KeyNotValid`] if `ring` is another user's or uses another key.
    pub fn sign(&self, ring: &KeyRing) -> Result<[u8; 64], CryptoError> {
        let signer = (self.user_id, self.key_index);
        sign_as(ring, signer, SignatureLabel::Request, &self.payload())
    }

    /// Verifies the signature by the key in use of the user named. Whether the time is near and the
    /// idempotency key unused is for the broker to say.
    ///
    /// # Errors
    /// [`CryptoError::KeyNotValid`], [`CryptoError::BadSignature`].
    pub fn verify(&self, chain: &CardChain, signature: &[u8; 64]) -> Result<(), CryptoError> {
        let signer = (self.user_id, self.key_index);
        verify_as(chain, signer, SignatureLabel::Request, &self.payload(), signature, "request")
    }
}
