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
fn ms_swap_pinned_key() {
    let (seen, served) = (ring(1), ring(2));
    let pin = (seen.chain().sequence(), seen.chain().head());
    let changed = CryptoError::PeerIdentityChanged { user: served.user_id() };
    assert_eq!(served.chain().extends(pin.0, &pin.1), Err(changed));
    assert_eq!(seen.chain().extends(pin.0, &pin.1), Ok(()));
}

#[test]
fn ms_rollback_card() {
    let first = ring(1);
    let second = rotated(&first, 2, KeyState::Retired);
    let changed = Err(CryptoError::PeerIdentityChanged { user: first.user_id() });
    let pin = (second.chain().sequence(), second.chain().head());
    assert_eq!(first.chain().extends(pin.0, &pin.1), changed);
    assert_eq!(second.chain().extends(pin.0, &pin.1), Ok(()));
    assert_eq!(
        second.chain().extends(1, &first.chain().head()),
        Ok(()),
        "an older pin is a place on the way"
    );
    assert_eq!(first.chain().extends(0, &first.chain().head()), changed);
    assert_eq!(first.chain().extends(u64::MAX, &first.chain().head()), changed);
}

#[test]
fn ms_fork_card() {
    let first = ring(1);
    let (one, other) = (rotated(&first, 2, KeyState::Retired), rotated(&first, 3, KeyState::Retired));
    assert_eq!(one.chain().sequence(), other.chain().sequence());
    let pin = (one.chain().sequence(), one.chain().head());
    let changed = Err(CryptoError::PeerIdentityChanged { user: first.user_id() });
    assert_eq!(other.chain().extends(pin.0, &pin.1), changed);
    assert_eq!(one.chain().extends(pin.0, &pin.1), Ok(()), "negative control");
    let longer = rotated(&other, 4, KeyState::Retired);
    assert_eq!(longer.chain().extends(pin.0, &pin.1), changed, "a longer fork is a fork");
}

#[test]
fn ms_append_key() {
    let (bob, eve) = (ring(1), ring(2));
    let genuine = rotated(&bob, 3, KeyState::Retired);
    // A card that follows Bob's first in every respect, with Eve's keys, signed by whom she can.
    let mut card = genuine.chain().latest().clone();
    let (_, key) = eve.chain().active_signing().unwrap();
    card.keys[1].public = key.to_bytes();
    let (eve_seeds, _) = eve.seeds();
    let eve_key = crate::crypto::key_ring::signing_key(&eve_seeds[&1]);
    for signers in [&[(2, &eve_key)][..], &[(1, &eve_key), (2, &eve_key)]] {
        card.sign(signers);
        let mut chain = bob.chain().clone();
        let reason = invalid(chain.append(&card.encode()));
        assert!(reason.contains("sign"), "{reason}");
        assert_eq!(&chain, bob.chain(), "a refused card changed the chain");
    }
    let mut chain = bob.chain().clone();
    let latest = genuine.chain().cards().last().unwrap();
    assert_eq!(chain.append(latest), Ok(()), "control: the genuine card is taken");
}

#[test]
fn ms_card_bitflip_all() {
    let chain = rotated(&ring(1), 2, KeyState::Retired).chain().clone();
    for place in 0..2 {
        for bit in 0..chain.cards()[place].len() * 8 {
            let mut cards = chain.cards().to_vec();
            cards[place][bit / 8] ^= 1 << (bit % 8);
            assert!(CardChain::verify(chain.user_id(), &cards).is_err(), "card {place}, bit {bit}");
        }
        for length in 0..chain.cards()[place].len() {
            let mut cards = chain.cards().to_vec();
            cards[place].truncate(length);
            assert!(CardChain::verify(chain.user_id(), &cards).is_err(), "card {place}, {length} bytes");
        }
    }
}

#[test]
fn mp_claim_foreign_deriv_key() {
    // A card binds both keys under its signature: a key put into somebody's card breaks it, and with a
    // new signature it is the card of another id.
    let (bob, eve) = (ring(1), ring(2));
    let (_, foreign) = bob.chain().active_derivation().unwrap();
    let mut card = eve.chain().latest().clone();
    card.keys[1].public = foreign;
    let served = CardChain::verify(eve.user_id(), &[card.encode()]);
    assert_eq!(served, Err(CryptoError::IdentityMismatch { user: eve.user_id() }));
    let own = eve.chain().latest().encode();
    assert!(CardChain::verify(eve.user_id(), &[own]).is_ok(), "negative control");
    assert!(invalid(CardChain::first_contact(&[card.encode()])).contains("signature"));
}

#[test]
fn a_chain_has_at_most_1024_cards() {
    let ring = ring(1);
    let first = ring.chain().cards()[0].clone();
    let reason = invalid(CardChain::verify(ring.user_id(), &vec![first; limits::CARDS + 1]));
    assert_eq!(reason, "there are too many cards");
}

macro_rules! converts {
    ($from:ty, $into:ty) => {{
        // The inherent constant hides the trait's only where the conversion exists.
        #[allow(dead_code, reason = "a probe is a type")]
        struct Probe<A, B>(A, B);
        #[allow(dead_code, reason = "used where the bound does not hold")]
        trait Otherwise {
            const CONVERTS: bool = false;
        }
        impl<A, B> Otherwise for Probe<A, B> {}
        #[allow(dead_code, reason = "used where the bound holds")]
        impl<A: Into<B>, B> Probe<A, B> {
            const CONVERTS: bool = true;
        }
        Probe::<$from, $into>::CONVERTS
    }};
}

#[test]
fn ms_id_confusion() {
    use crate::model::{ApiKey, ContainerId};
    assert!(
        converts!(UserId, UserId) && converts!(UserId, uuid::Uuid),
        "control: the probe sees conversions"
    );
    let swaps = [
        converts!(UserId, ContainerId),
        converts!(UserId, ApiKey),
        converts!(UserId, u32),
        converts!(ContainerId, UserId),
        converts!(ContainerId, ApiKey),
        converts!(ContainerId, u32),
        converts!(ApiKey, UserId),
        converts!(ApiKey, ContainerId),
        converts!(ApiKey, u32),
        converts!(u32, UserId),
        converts!(u32, ContainerId),
        converts!(u32, ApiKey),
    ];
    assert_eq!(swaps, [false; 12], "an id is taken for another kind of id");
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
    assert_ne!(self::ring(9).chain().fingerprint(), fingerprint, "negative control");
}
