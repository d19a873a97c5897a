//! Rings that are made, rotated, closed and put together wrongly.

use super::*;
use crate::crypto::test_entropy::TestEntropy;

fn ring(seed: u64) -> KeyRing {
    KeyRing::generate(&mut TestEntropy::new(seed), Timestamp::from_millis(1_000)).unwrap()
}

#[test]
fn s153_a_ring_has_both_kinds_with_index_and_state() {
    let ring = ring(1);
    let keys = &ring.chain().latest().keys;
    let shape: Vec<_> = keys.iter().map(|key| (key.kind, key.state, key.index)).collect();
    assert_eq!(shape, [(KeyKind::Sign, KeyState::Active, 1), (KeyKind::Derive, KeyState::Active, 1)]);
    assert!(ring.derivation_secret(1).is_some());
    assert!(ring.derivation_secret(2).is_none());
}

#[test]
fn s152_another_users_ring_has_public_keys_only() {
    let ring = ring(1);
    let seen = CardChain::verify(ring.user_id(), ring.chain().cards()).unwrap();
    assert_eq!(&seen, ring.chain());
    let cards = seen.cards().concat();
    let (signing, derivation) = ring.seeds();
    for seed in signing.values().chain(derivation.values()) {
        assert!(!cards.windows(32).any(|window| window == seed.expose()), "a card shows a seed");
    }
}

#[test]
fn x08_a_rotated_ring_keeps_old_derivation_keys() {
    let old = ring(1);
    let new =
        old.rotated(KeyState::Retired, &mut TestEntropy::new(2), Timestamp::from_millis(2_000)).unwrap();
    assert_eq!(new.user_id(), old.user_id());
    assert_eq!(new.signing_index(), 2);
    assert!(new.derivation_secret(1).is_some() && new.derivation_secret(2).is_some());
    assert_eq!(new.chain().extends(old.chain().sequence(), &old.chain().head()), Ok(()));
    let (index, signature) = new.sign(SignatureLabel::Manifest, b"text");
    let key = new.chain().signing_key_valid_at(index, Timestamp::from_millis(3_000)).unwrap();
    assert_eq!(suite::verify(&key, SignatureLabel::Manifest, b"text", &signature, "text"), Ok(()));
}

#[test]
fn x08_a_ring_rotates_on_past_a_full_card_and_reuses_no_index() {
    let mut ring = ring(1);
    for round in 2..=40 {
        let now = Timestamp::from_millis(1_000 * round);
        ring = ring.rotated(KeyState::Retired, &mut TestEntropy::new(round), now).unwrap();
    }
    assert_eq!(ring.signing_index(), 40);
    assert_eq!(ring.chain().latest().keys.len(), limits::CARD_KEYS);
    let again = CardChain::verify(ring.user_id(), ring.chain().cards()).unwrap();
    assert_eq!(&again, ring.chain());
    assert!(again.derivation_key(1).is_some(), "the chain forgot a key that the card left out");
}

#[test]
fn f22_a_closing_card_ends_the_chain_and_revokes_nothing() {
    let ring = ring(1);
    let card = ring.closing_card(Timestamp::from_millis(2_000), &mut TestEntropy::new(2)).unwrap();
    let mut chain = ring.chain().clone();
    chain.append(&card).unwrap();
    assert!(chain.is_closed());
    assert!(chain.active_signing().is_none() && chain.active_derivation().is_none());
    assert!(chain.signing_key_valid_at(1, Timestamp::from_millis(1_999)).is_ok());
    assert!(chain.signing_key_valid_at(1, Timestamp::from_millis(2_000)).is_err());
    assert!(matches!(chain.append(&card), Err(CryptoError::CardChainInvalid { .. })));
}

#[test]
fn ms_swap_own_card() {
    let (own, other) = (ring(1), ring(2));
    let mismatch = CryptoError::OwnIdentityMismatch { user: own.user_id() };
    assert_eq!(own.check_served(own.chain().cards()), Ok(false));
    assert_eq!(own.check_served(other.chain().cards()), Err(mismatch.clone()));
    assert_eq!(own.check_served(&[]), Err(mismatch.clone()));

    let next =
        own.rotated(KeyState::Retired, &mut TestEntropy::new(3), Timestamp::from_millis(2_000)).unwrap();
    assert_eq!(own.check_served(next.chain().cards()), Ok(true));
    assert_eq!(next.check_served(own.chain().cards()), Err(mismatch.clone()), "a card was held back");

    let (signing, _) = own.seeds();
    let (_, foreign) = other.seeds();
    let mixed = KeyRing::from_parts(own.chain().clone(), duplicate(signing), duplicate(foreign));
    assert_eq!(mixed.err(), Some(mismatch.clone()), "a card named a key that its seed does not make");
    let without = KeyRing::from_parts(own.chain().clone(), Seeds::new(), duplicate(own.seeds().1));
    assert_eq!(without.err(), Some(mismatch), "a key in use has no seed");
}

#[test]
fn mc_keypair_bytes_rejected() {
    // A private key enters as a 32-byte seed; the type leaves no room for a public half beside it,
    // and one out of step with the cards is refused (RUSTSEC-2022-0093).
    let (own, other) = (ring(1), ring(2));
    let (foreign, _) = other.seeds();
    let result = KeyRing::from_parts(own.chain().clone(), duplicate(foreign), duplicate(own.seeds().1));
    assert_eq!(result.err(), Some(CryptoError::OwnIdentityMismatch { user: own.user_id() }));
    let (signing, derivation) = own.seeds();
    let control = KeyRing::from_parts(own.chain().clone(), duplicate(signing), duplicate(derivation));
    assert!(control.is_ok(), "negative control");
    let workspace = include_str!("../../../../Cargo.toml");
    let features = workspace.lines().find(|line| line.starts_with("ed25519-dalek")).unwrap();
    assert!(!features.contains("hazmat"), "the feature that signs with loose halves is switched on");
}

#[test]
fn s105_a_ring_shows_no_secret_in_debug() {
    let ring = ring(1);
    let shown = format!("{ring:?}");
    assert_eq!(shown, format!("KeyRing({}, card 1)", ring.user_id()));
}
