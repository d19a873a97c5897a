//! Nonces of login and retrieval: made without a row, accepted once (F26).
//!
//! Nonce: expiry u64 | id 16 | HMAC-SHA-384 under the deployment secret, first 16 bytes. What was used is
//! recorded until the expiry; what was never made here, or is too old, needs no record to be refused.

use absio_proto::crypto::Secret;
use absio_proto::limits::NONCE_LIFE_MS;
use absio_proto::model::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha384;

const LABEL: &[u8] = b"absio/v1/broker/nonce\0";

/// A nonce that was made here and is not too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonce {
    pub(crate) expires: Timestamp,
    pub(crate) id: [u8; 16],
}

fn mac(secret: &Secret<32>, clear: &[u8]) -> Hmac<Sha384> {
    let mut mac = Hmac::<Sha384>::new_from_slice(secret.expose()).expect("HMAC takes keys of any length");
    mac.update(LABEL);
    mac.update(clear);
    mac
}

/// A fresh nonce; `id` is random.
pub(crate) fn issue(secret: &Secret<32>, id: [u8; 16], now: Timestamp) -> Vec<u8> {
    let expires = now.plus_millis(NONCE_LIFE_MS);
    let mut bytes = [expires.as_millis().to_be_bytes().as_slice(), &id].concat();
    let tag = mac(secret, &bytes).finalize().into_bytes();
    bytes.extend_from_slice(&tag[..16]);
    bytes
}

/// The nonce, if it was made here and is not too old. Whether it was used is for the caller to look up.
pub(crate) fn verify(secret: &Secret<32>, bytes: &[u8], now: Timestamp) -> Option<Nonce> {
    let (clear, tag) = bytes.split_at_checked(24)?;
    if tag.len() != 16 {
        return None;
    }
    mac(secret, clear).verify_truncated_left(tag).ok()?;
    let (expires, id) = clear.split_first_chunk()?;
    let nonce =
        Nonce { expires: Timestamp::from_millis(u64::from_be_bytes(*expires)), id: id.try_into().ok()? };
    (nonce.expires > now).then_some(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f26_a_nonce_is_good_for_sixty_seconds_and_only_here() {
        let (secret, start) = (Secret::new([9; 32]), Timestamp::from_millis(1_000));
        let bytes = issue(&secret, [7; 16], start);
        assert_eq!(verify(&secret, &bytes, start.plus_millis(59_999)).map(|nonce| nonce.id), Some([7; 16]));
        assert_eq!(verify(&secret, &bytes, start.plus_millis(60_000)), None);
        assert_eq!(verify(&Secret::new([8; 32]), &bytes, start), None);
        for position in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[position] ^= 1;
            assert_eq!(verify(&secret, &altered, start), None);
            assert_eq!(verify(&secret, &bytes[..position], start), None);
        }
    }
}
