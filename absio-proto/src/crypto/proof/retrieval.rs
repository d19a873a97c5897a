//! Fetching a key file on a new device: a signature by a key made of the passphrase (security cases
//! 55 to 57). The broker knows only its public half.

use crate::crypto::encoding::Writer;
use crate::crypto::public_key;
use crate::crypto::stretch::{KdfPolicy, stretch};
use crate::crypto::suite::{self, HashLabel, SignatureLabel};
use crate::error::CryptoError;
use crate::model::{ApiKey, Timestamp, UserId};
use ed25519_dalek::SigningKey;

/// The Ed25519 key made of a passphrase for one origin and one user (F38).
pub struct RetrievalKey(SigningKey);

impl RetrievalKey {
    /// Stretches the passphrase: run inside a [`Job`](crate::effect::Job). The count is fixed for the
    /// protocol version, so no server can lower it.
    #[must_use]
    pub fn derive(passphrase: &str, origin: &str, user: UserId, policy: &KdfPolicy) -> Self {
        let salt = suite::hash(HashLabel::Retrieval, &[origin.as_bytes(), user.as_bytes()]);
        let stretched = stretch(passphrase, &salt, policy.retrieval_iterations());
        let (seed, _) = stretched.expose().split_first_chunk().expect("48 bytes begin with 32");
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half, which the broker stores: 32 bytes.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
}

impl core::fmt::Debug for RetrievalKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("RetrievalKey(redacted)")
    }
}

/// What is signed to fetch a key file without a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrievalProof {
    /// The broker's origin, as each side knows it by itself.
    pub origin: String,
    /// The API key of the request.
    pub api_key: ApiKey,
    /// Whose key file.
    pub user_id: UserId,
    /// The broker's nonce, as it came.
    pub server_nonce: Vec<u8>,
    /// The client's nonce.
    pub client_nonce: [u8; 32],
    /// The client's clock.
    pub time: Timestamp,
}

impl RetrievalProof {
    /// The payload under the label `retrieval`.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        Writer::new()
            .bytes(self.user_id.as_bytes())
            .bytes(self.api_key.as_bytes())
            .u64(self.time.as_millis())
            .bytes(&self.client_nonce)
            .prefixed(&self.server_nonce)
            .prefixed(self.origin.as_bytes())
            .finish()
    }

    /// Signs with the key of the passphrase.
    #[must_use]
    pub fn sign(&self, key: &RetrievalKey) -> [u8; 64] {
        suite::sign(&key.0, SignatureLabel::Retrieval, &self.payload())
    }

    /// Verifies the signature by the registered public half. Whether nonce and time are fresh is for
    /// the broker to say.
    ///
    /// # Errors
    /// [`CryptoError::WeakKey`], [`CryptoError::BadSignature`].
    pub fn verify(&self, public: &[u8; 32], signature: &[u8; 64]) -> Result<(), CryptoError> {
        let key = public_key::import_signing(public)?;
        suite::verify(&key, SignatureLabel::Retrieval, &self.payload(), signature, "retrieval")
    }
}
