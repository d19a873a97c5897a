//! Proofs: what a user signs towards a broker (`docs/protocol.md` §5).
//!
//! Each is a fixed structure under its own label with the client's own nonce or id in it, so that a
//! broker never gets a signature over bytes of its choice, and what is signed for one origin is
//! worth nothing at another (security cases 55, 56, 61, 62). The origin never travels: each side puts
//! its own.

mod login;
mod request;
mod retrieval;
#[cfg(test)]
mod tests;

pub use login::LoginProof;
pub use request::SignedRequest;
pub use retrieval::{RetrievalKey, RetrievalProof};

use crate::crypto::card_chain::CardChain;
use crate::crypto::key_ring::KeyRing;
use crate::crypto::suite::{self, SignatureLabel};
use crate::error::CryptoError;
use crate::model::UserId;

/// Signs `payload`, which names `user` and `index`: they must be those of the ring.
fn sign_as(
    ring: &KeyRing,
    (user, index): (UserId, u32),
    label: SignatureLabel,
    payload: &[u8],
) -> Result<[u8; 64], CryptoError> {
    if user != ring.user_id() || index != ring.signing_index() {
        return Err(CryptoError::KeyNotValid { user, index, reason: "it is not the key that signs" });
    }
    Ok(ring.sign(label, payload).1)
}

/// Verifies `payload`, which names `user` and `index`: only the key in use signs proofs.
fn verify_as(
    chain: &CardChain,
    (user, index): (UserId, u32),
    label: SignatureLabel,
    payload: &[u8],
    signature: &[u8; 64],
    what: &'static str,
) -> Result<(), CryptoError> {
    match chain.active_signing() {
        Some((active, key)) if active == index && chain.user_id() == user => {
            suite::verify(&key, label, payload, signature, what)
        }
        _ => Err(CryptoError::KeyNotValid { user, index, reason: "it is not the key in use" }),
    }
}
