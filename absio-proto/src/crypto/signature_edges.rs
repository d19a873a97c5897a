//! Signatures at the edges of Ed25519 (security case 9): keys and nonces of small order, with a part of
//! small order, and in encodings that are not canonical, each crossed with each.
//!
//! For every pair of a key `A` and a nonce point `R` a scalar is computed so that the signature is good by
//! the laxest rule there is, `8SB = 8R + 8kA`. So whatever is refused is refused by a stricter rule, and the
//! figures below say how many each rule lets through.

use super::public_vectors::{ed25519_accepts, unhex_32};
use super::test_entropy::TestEntropy;
use crate::Entropy;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use sha2::{Digest, Sha512};
use std::collections::BTreeSet;

/// The eight points of small order, then the six other encodings of them.
const SMALL: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// A point as it is written down, with its part in the group of the base point and the one of small order.
struct Edge {
    bytes: [u8; 32],
    point: EdwardsPoint,
    scalar: Scalar,
    torsion: EdwardsPoint,
    is_small: bool,
    is_canonical: bool,
}

/// The 14 encodings, and a point of full order plus each of the eight of small order: 22.
fn edges(seed: u64) -> Vec<Edge> {
    let small = SMALL.iter().map(|text| {
        let bytes = unhex_32(text);
        let point = CompressedEdwardsY(bytes).decompress().unwrap();
        let is_canonical = point.compress().to_bytes() == bytes;
        Edge { bytes, point, scalar: Scalar::ZERO, torsion: point, is_small: true, is_canonical }
    });
    let mut wide = [0; 64];
    TestEntropy::new(seed).fill(&mut wide).unwrap();
    let scalar = Scalar::from_bytes_mod_order_wide(&wide);
    let mixed = EIGHT_TORSION.iter().map(move |torsion| {
        let point = ED25519_BASEPOINT_POINT * scalar + torsion;
        let bytes = point.compress().to_bytes();
        Edge { bytes, point, scalar, torsion: *torsion, is_small: false, is_canonical: true }
    });
    small.chain(mixed).collect()
}

fn challenge(nonce: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(nonce).chain_update(key).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// One signature, and what it is an edge of.
struct Case {
    key: [u8; 32],
    message: [u8; 4],
    signature: [u8; 64],
    /// Whether `SB = R + kA` holds without the cofactor.
    is_exact: bool,
    is_small: bool,
    is_canonical: bool,
}

/// For each pair a message for which the parts of small order cancel out and one for which they do not, as
/// far as there are such; both again with the challenge of the canonical encodings where they differ.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for key in &edges(1) {
        for nonce in &edges(2) {
            let plain = (nonce.bytes, key.bytes);
            let canonical = (nonce.point.compress().to_bytes(), key.point.compress().to_bytes());
            for (r, a) in BTreeSet::from([plain, canonical]) {
                let mut wanted = BTreeSet::from([false, true]);
                for number in 0..64_u32 {
                    let message = number.to_be_bytes();
                    let k = challenge(&r, &a, &message);
                    // Of the part of small order only the remainder by eight counts.
                    let turns = Scalar::from(k.as_bytes()[0] & 7);
                    let cancels = (nonce.torsion + key.torsion * turns).is_identity();
                    if wanted.remove(&cancels) {
                        let s = nonce.scalar + k * key.scalar;
                        let (left, right) = (ED25519_BASEPOINT_POINT * s, nonce.point + key.point * k);
                        assert_eq!(left.mul_by_cofactor(), right.mul_by_cofactor(), "by the laxest rule");
                        assert_eq!(left == right, cancels);
                        let mut signature = [0; 64];
                        signature[..32].copy_from_slice(&nonce.bytes);
                        signature[32..].copy_from_slice(s.as_bytes());
                        cases.push(Case {
                            key: key.bytes,
                            message,
                            signature,
                            is_exact: cancels && (r, a) == plain,
                            is_small: key.is_small || nonce.is_small,
                            is_canonical: key.is_canonical && nonce.is_canonical,
                        });
                    }
                }
            }
        }
    }
    cases
}

/// What a check without the strict rules makes of `case`.
#[expect(clippy::disallowed_methods, reason = "the weakened check is the point of the control")]
fn weakened(case: &Case) -> bool {
    VerifyingKey::from_bytes(&case.key)
        .is_ok_and(|key| key.verify(&case.message, &Signature::from_bytes(&case.signature)).is_ok())
}

#[test]
fn mp_weak_signing_key() {
    let (mut accepted, mut by_the_weakened) = (0, 0);
    let cases = cases();
    for case in &cases {
        let is_accepted = ed25519_accepts(&case.key, &case.message, &case.signature);
        // Neither a point of small order nor an encoding of one's own choice, and an equation that holds
        // as it stands: nothing else counts.
        assert_eq!(is_accepted, case.is_exact && !case.is_small && case.is_canonical);
        accepted += usize::from(is_accepted);
        by_the_weakened += usize::from(weakened(case));
    }
    assert_eq!((cases.len(), accepted), (1112, 43));
    assert_eq!(by_the_weakened, 216, "negative control");
}

/// Keys of small order are not even imported: one signature of theirs would fit many messages.
#[test]
fn mp_weak_signing_key_is_not_imported() {
    let mut fits = 0;
    for text in SMALL {
        let key = unhex_32(text);
        assert!(super::public_key::import_signing(&key).is_err(), "{text} was imported");
        for r in SMALL {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&unhex_32(r));
            for message in 0..16_u8 {
                assert!(!ed25519_accepts(&key, &[message], &signature));
                let case = Case {
                    key,
                    message: u32::from(message).to_be_bytes(),
                    signature,
                    is_exact: true,
                    is_small: true,
                    is_canonical: true,
                };
                fits += usize::from(weakened(&case));
            }
        }
    }
    assert!(fits > 100, "negative control: without the strict rules such signatures fit, {fits} of them");
}
