//! Public keys are attacker input: what is imported is canonical and of full strength
//! (`docs/protocol.md` §2, security cases 8 and 9).

use crate::error::CryptoError;
use ed25519_dalek::VerifyingKey;

/// 2^255 − 19 in little-endian, the prime of the field.
const PRIME: [u8; 32] = prime();

const fn prime() -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed;
    bytes[31] = 0x7f;
    bytes
}

/// The two u-coordinates of order 8. Those of order 1, 2 and 4 are 0, p − 1 and 1.
const ORDER_EIGHT: [[u8; 32]; 2] = [
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
];

/// An Ed25519 public key of 32 bytes, refused unless it is a point in its one canonical encoding
/// (RFC 8032) and not of small order.
///
/// # Errors
/// [`CryptoError::WeakKey`].
pub fn import_signing(bytes: &[u8; 32]) -> Result<VerifyingKey, CryptoError> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| CryptoError::WeakKey)?;
    let canonical = key.to_edwards().compress().to_bytes() == *bytes;
    if canonical && !key.is_weak() { Ok(key) } else { Err(CryptoError::WeakKey) }
}

/// An X25519 public key of 32 bytes, refused unless it is canonical (below p, top bit clear) and
/// not one of the points of low order (RFC 7748 §6.1).
///
/// # Errors
/// [`CryptoError::WeakKey`].
pub fn import_derivation(bytes: &[u8; 32]) -> Result<x25519_dalek::PublicKey, CryptoError> {
    let canonical = bytes.iter().rev().lt(PRIME.iter().rev());
    let mut below = PRIME;
    below[0] -= 1;
    let mut one = [0; 32];
    one[0] = 1;
    let low_order = [[0; 32], one, below].contains(bytes) || ORDER_EIGHT.contains(bytes);
    if canonical && !low_order { Ok((*bytes).into()) } else { Err(CryptoError::WeakKey) }
}
