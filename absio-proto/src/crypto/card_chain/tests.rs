//! Chains that a server or a peer tampered with.

use super::*;
use crate::crypto::key_ring::KeyRing;
use crate::crypto::test_entropy::TestEntropy;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn ring(seed: u64) -> KeyRing {
    KeyRing::generate(&mut TestEntropy::new(seed), at(1_000)).unwrap()
}

fn rotated(ring: &KeyRing, seed: u64, state: KeyState) -> KeyRing {
    ring.rotated(state, &mut TestEntropy::new(seed), at(1_000 * seed)).unwrap()
}

fn invalid(result: Result<impl Sized, CryptoError>) -> &'static str {
    match result {
        Err(CryptoError::CardChainInvalid { reason, .. }) => reason,
        Err(other) => panic!("another error: {other:?}"),
        Ok(_) => panic!("it was accepted"),
    }
}

#[test]
fn ms_swap_recipient_key() {
    let (bob, eve) = (ring(1), ring(2));
    let served = CardChain::verify(bob.user_id(), eve.chain().cards());
    assert_eq!(served, Err(CryptoError::IdentityMismatch { user: bob.user_id() }));
    assert!(CardChain::verify(bob.user_id(), bob.chain().cards()).is_ok());
}

#[test]
fn ms_swap_pinned_key_rollback_card_fork_card() {
    let first = ring(1);
    let (second, other) = (rotated(&first, 2, KeyState::Retired), rotated(&first, 3, KeyState::Retired));
    let changed = Err(CryptoError::PeerIdentityChanged { user: first.user_id() });
    let pin = (second.chain().sequence(), second.chain().head());
    assert_eq!(second.chain().extends(pin.0, &pin.1), Ok(()));
    assert_eq!(first.chain().extends(pin.0, &pin.1), changed, "ms_rollback_card");
    assert_eq!(other.chain().extends(pin.0, &pin.1), changed, "ms_fork_card");
    assert_eq!(ring(9).chain().extends(1, &first.chain().head()).is_err(), true, "ms_swap_pinned_key");
    assert_eq!(first.chain().extends(0, &first.chain().head()), changed);
    assert_eq!(first.chain().extends(u64::MAX, &first.chain().head()), changed);
}

#[test]
fn x08_a_retired_key_counts_for_the_past_only_a_revoked_one_for_nothing() {
    let first = ring(1);
    let retired = rotated(&first, 2, KeyState::Retired);
    assert!(retired.chain().signing_key_valid_at(1, at(1_999)).is_ok());
    assert!(retired.chain().signing_key_valid_at(1, at(2_000)).is_err());
    assert!(retired.chain().signing_key_valid_at(2, at(2_000)).is_ok());
    assert!(retired.chain().signing_key_valid_at(3, at(2_000)).is_err());
    let revoked = rotated(&first, 2, KeyState::Revoked);
    assert!(matches!(
        revoked.chain().signing_key_valid_at(1, at(1_500)),
        Err(CryptoError::KeyNotValid { index: 1, .. })
    ));
    assert!(revoked.chain().signing_key(1).is_some(), "pinned manifests still need the key itself");
}

#[test]
fn mc_fingerprint_len() {
    let ring = ring(1);
    let fingerprint = ring.chain().fingerprint();
    let characters: String = fingerprint.split('-').collect();
    assert_eq!((characters.len(), fingerprint.len()), (26, 30));
    assert!(characters.bytes().all(|b| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&b)));
    assert_eq!(characters.len() * 5, 130);
    assert_eq!(rotated(&ring, 2, KeyState::Retired).chain().fingerprint(), fingerprint, "it never changes");
    let digits = data_encoding::Specification {
        symbols: "0123456789ABCDEFGHJKMNPQRSTVWXYZ".into(),
        ..data_encoding::Specification::new()
    };
    let whole = digits.encoding().unwrap().encode(&ring.chain().card_hash(1).unwrap());
    assert_eq!(whole[..26], characters, "it is the beginning of the first card's hash");
}
