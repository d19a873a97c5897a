//! Session tokens: verified without a look at the store, so that many brokers can serve one
//! deployment. Only whether a session was ended early is a row (F26).
//!
//! Token: version 1 | user 16 | token id 16 | card sequence u64 | API key 16 | issued u64 | expires u64 |
//! HMAC-SHA-384 under the deployment secret. Clients take it as opaque.

use absio_proto::crypto::Secret;
use absio_proto::model::{ApiKey, Timestamp, UserId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha384;

const VERSION: u8 = 1;
const LABEL: &[u8] = b"absio/v1/broker/session\0";
const CLEAR: usize = 1 + 16 + 16 + 8 + 16 + 8 + 8;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionToken {
    pub(crate) user: UserId,
    pub(crate) id: [u8; 16],
    /// Length of the user's card chain at login.
    pub(crate) sequence: u64,
    pub(crate) api_key: ApiKey,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// It was not made by this deployment, or for another API key.
    Invalid,
    /// It was, but its time is over.
    Expired,
}

fn mac(secret: &Secret<32>, clear: &[u8]) -> Hmac<Sha384> {
    let mut mac = Hmac::<Sha384>::new_from_slice(secret.expose()).expect("HMAC takes keys of any length");
    mac.update(LABEL);
    mac.update(clear);
    mac
}

/// The token's bytes.
pub(crate) fn issue(secret: &Secret<32>, token: &SessionToken) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(token.user.as_bytes());
    bytes.extend_from_slice(&token.id);
    bytes.extend_from_slice(&token.sequence.to_be_bytes());
    bytes.extend_from_slice(token.api_key.as_bytes());
    bytes.extend_from_slice(&token.issued.as_millis().to_be_bytes());
    bytes.extend_from_slice(&token.expires.as_millis().to_be_bytes());
    let tag = mac(secret, &bytes).finalize().into_bytes();
    bytes.extend_from_slice(&tag);
    bytes
}

/// What a token says, if this deployment issued it for `api_key` and its time is not over.
pub(crate) fn verify(
    secret: &Secret<32>,
    bytes: &[u8],
    api_key: ApiKey,
    now: Timestamp,
) -> Result<SessionToken, TokenError> {
    let (clear, tag) = bytes.split_at_checked(CLEAR).ok_or(TokenError::Invalid)?;
    mac(secret, clear).verify_slice(tag).map_err(|_| TokenError::Invalid)?;
    let token = parse(clear).filter(|token| token.api_key == api_key).ok_or(TokenError::Invalid)?;
    if token.expires <= now { Err(TokenError::Expired) } else { Ok(token) }
}

fn parse(clear: &[u8]) -> Option<SessionToken> {
    let (version, rest) = clear.split_first()?;
    let (user, rest) = rest.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (api_key, rest) = rest.split_first_chunk()?;
    let (issued, rest) = rest.split_first_chunk()?;
    let (expires, rest) = rest.split_first_chunk()?;
    (*version == VERSION && rest.is_empty()).then(|| SessionToken {
        user: UserId::from_bytes(*user),
        id: *id,
        sequence: u64::from_be_bytes(*sequence),
        api_key: ApiKey::from_bytes(*api_key),
        issued: Timestamp::from_millis(u64::from_be_bytes(*issued)),
        expires: Timestamp::from_millis(u64::from_be_bytes(*expires)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> SessionToken {
        SessionToken {
            user: UserId::from_bytes([1; 16]),
            id: [2; 16],
            sequence: 3,
            api_key: ApiKey::from_bytes([4; 16]),
            issued: Timestamp::from_millis(10),
            expires: Timestamp::from_millis(20),
        }
    }

    #[test]
    fn a_token_is_good_until_its_time_is_over() {
        let (secret, token) = (Secret::new([9; 32]), token());
        let bytes = issue(&secret, &token);
        let at = |now| verify(&secret, &bytes, token.api_key, Timestamp::from_millis(now));
        assert_eq!(at(19), Ok(token.clone()));
        assert_eq!(at(20), Err(TokenError::Expired));
    }

    /// Security case 63: nothing of a token can be altered, and no other deployment's is taken.
    #[test]
    fn ms_token_crossuse_is_refused() {
        let (secret, token) = (Secret::new([9; 32]), token());
        let bytes = issue(&secret, &token);
        let now = Timestamp::from_millis(15);
        assert!(verify(&secret, &bytes, token.api_key, now).is_ok(), "negative control");
        for position in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[position] ^= 1;
            assert_eq!(verify(&secret, &altered, token.api_key, now), Err(TokenError::Invalid));
        }
        for length in 0..bytes.len() {
            assert_eq!(verify(&secret, &bytes[..length], token.api_key, now), Err(TokenError::Invalid));
        }
        assert_eq!(verify(&Secret::new([8; 32]), &bytes, token.api_key, now), Err(TokenError::Invalid));
        let other = ApiKey::from_bytes([5; 16]);
        assert_eq!(verify(&secret, &bytes, other, now), Err(TokenError::Invalid));
    }
}
