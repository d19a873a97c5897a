//! What key blobs and sealed messages share: keys agreed with an ephemeral X25519 key and bound to
//! everything in the clear.

use crate::crypto::public_key::import_derivation;
use crate::crypto::secret::Secret;
use crate::crypto::suite::{HashLabel, KeyLabel, expand, extract};
use crate::crypto::wrap::WrapKeys;
use crate::error::CryptoError;
use x25519_dalek::{PublicKey, StaticSecret};

/// Which labels a format uses.
#[derive(Clone, Copy)]
pub(super) struct Labels {
    pub(super) extract: HashLabel,
    pub(super) expand: KeyLabel,
}

/// An ephemeral X25519 key, used for one sealing and all its recipients. Wiped when dropped.
pub struct Ephemeral {
    secret: StaticSecret,
    public: [u8; 32],
}

impl Ephemeral {
    /// From 32 fresh random bytes.
    #[must_use]
    pub fn new(random: &Secret<32>) -> Self {
        let secret = StaticSecret::from(*random.expose());
        let public = PublicKey::from(&secret).to_bytes();
        Self { secret, public }
    }

    /// `enc`: the public key that travels.
    #[must_use]
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// The keys shared with `recipient`. `context` is everything the keys are bound to.
    pub(super) fn keys_for(
        &self,
        labels: Labels,
        recipient: &[u8; 32],
        context: &[&[u8]],
    ) -> Result<WrapKeys, CryptoError> {
        agree(&self.secret, recipient, labels, [&self.public, recipient], context)
    }
}

/// The keys that the holder of `secret` shares with whoever made `enc`.
pub(super) fn keys_from(
    labels: Labels,
    secret: &StaticSecret,
    enc: &[u8; 32],
    context: &[&[u8]],
) -> Result<WrapKeys, CryptoError> {
    let own = PublicKey::from(secret).to_bytes();
    agree(secret, enc, labels, [enc, &own], context)
}

/// `prk = HMAC-SHA-384(SHA-384(label), ss ‖ enc ‖ pkR)`, then HKDF-Expand over the context.
fn agree(
    secret: &StaticSecret,
    peer: &[u8; 32],
    labels: Labels,
    [enc, recipient]: [&[u8; 32]; 2],
    context: &[&[u8]],
) -> Result<WrapKeys, CryptoError> {
    let shared = secret.diffie_hellman(&import_derivation(peer)?);
    if !shared.was_contributory() {
        return Err(CryptoError::WeakKey);
    }
    let prk = extract(labels.extract, &[shared.as_bytes(), enc, recipient]);
    Ok(WrapKeys::new(expand(&prk, labels.expand, context)))
}
