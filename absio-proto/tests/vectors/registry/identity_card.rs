//! Identity cards and chains (§3): valid ones, and chains with one fault each, signed rightly wherever
//! the fault is not the signature itself.

use super::{Script, array, bytes_of, cases, frame, hex, unhex};
use absio_proto::crypto::card::{CardKey, CardSignature, IdentityCard, KeyKind, KeyState};
use absio_proto::crypto::suite::{self, SignatureLabel};
use absio_proto::crypto::{CardChain, KeyRing};
use absio_proto::model::{Timestamp, UserId};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

/// Five moments of one identity: made, rotated, rotated after a theft, rotated with a key left out, closed.
struct Story {
    cards: Vec<IdentityCard>,
    user: UserId,
}

fn at(step: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + step * 60_000)
}

fn seed(step: u64) -> [u8; 32] {
    bytes_of(&format!("signing {step}"))
}

fn derivation(step: u64) -> [u8; 32] {
    bytes_of(&format!("derivation {step}"))
}

fn salt(step: u64) -> [u8; 32] {
    bytes_of(&format!("salt {step}"))
}

fn key(step: u64) -> SigningKey {
    SigningKey::from_bytes(&seed(step))
}

/// The ring of a new identity.
pub(super) fn ring() -> KeyRing {
    KeyRing::generate(&mut Script::new(&[&seed(1), &derivation(1), &salt(1)]), at(1)).unwrap()
}

fn rotated(ring: &KeyRing, step: u64, state: KeyState) -> KeyRing {
    let mut random = Script::new(&[&seed(step), &derivation(step), &salt(step)]);
    ring.rotated(state, &mut random, at(step)).unwrap()
}

fn story() -> Story {
    let first = ring();
    let third = rotated(&rotated(&first, 2, KeyState::Retired), 3, KeyState::Revoked);
    let mut cards: Vec<_> =
        third.chain().cards().iter().map(|card| IdentityCard::decode(card).unwrap()).collect();
    // The library leaves keys out only when a card is full; the protocol allows it at any time.
    let mut fourth = IdentityCard {
        sequence: 4,
        previous: cards[2].hash(),
        created_at: at(4),
        salt: salt(4),
        ..cards[2].clone()
    };
    fourth.keys.retain(|key| key.index != 1);
    sign(&mut fourth, &[3]);
    let mut fifth = IdentityCard {
        sequence: 5,
        previous: fourth.hash(),
        created_at: at(5),
        salt: salt(5),
        ..fourth.clone()
    };
    for key in fifth.keys.iter_mut().filter(|key| key.state == KeyState::Active) {
        (key.state, key.since) = (KeyState::Retired, at(5));
    }
    sign(&mut fifth, &[3]);
    cards.extend([fourth, fifth]);
    Story { cards, user: first.user_id() }
}

fn body(card: &IdentityCard) -> Vec<u8> {
    let mut bytes = IdentityCard { signatures: Vec::new(), ..card.clone() }.encode();
    assert_eq!(bytes.pop(), Some(0), "an unsigned card ends in a count of no signatures");
    bytes
}

/// Signs with the signing keys of `steps`, whose indices are the same numbers.
fn sign(card: &mut IdentityCard, steps: &[u64]) {
    let body = body(card);
    card.signatures = steps
        .iter()
        .map(|&step| CardSignature {
            index: step as u32,
            signature: suite::sign(&key(step), SignatureLabel::Card, &body),
        })
        .collect();
}

fn encode(cards: &[IdentityCard]) -> Vec<Vec<u8>> {
    cards.iter().map(IdentityCard::encode).collect()
}

fn hexes(cards: &[Vec<u8>]) -> Vec<String> {
    cards.iter().map(|card| hex(card)).collect()
}

pub(super) fn generate() -> Value {
    let story = story();
    let names = ["made", "rotated", "rotated after a theft", "with a key left out", "closed"];
    let valid = names.iter().enumerate().map(|(index, name)| {
        let cards = &story.cards[..=index];
        let chain = CardChain::verify(story.user, &encode(cards)).unwrap();
        json!({
            "name": name, "valid": true, "user_id": story.user.to_string(), "cards": hexes(&encode(cards)),
            "body": hex(&body(&cards[index])), "card_hash": hex(&chain.head()),
            "fingerprint": chain.fingerprint(), "sequence": chain.sequence(), "closed": chain.is_closed(),
            "active_signing_seed": chain.active_signing().map(|(index, _)| hex(&seed(index.into()))),
            "active_derivation_seed": chain.active_derivation().map(|(index, _)| hex(&derivation(index.into()))),
        })
    });
    frame("IDC1", "3", valid.chain(faults(&story)).collect())
}

fn fault(name: &str, error: &str, user: UserId, cards: &[Vec<u8>]) -> Value {
    json!({
        "name": name, "valid": false, "error": error, "user_id": user.to_string(), "cards": hexes(cards),
    })
}

fn faults(story: &Story) -> Vec<Value> {
    let mut faults = bytes_faults(story);
    faults.extend(first_card_faults());
    faults.extend(second_card_faults(story));
    faults.extend(later_card_faults(story));
    faults
}

/// Faults of the bytes themselves.
fn bytes_faults(story: &Story) -> Vec<Value> {
    let user = story.user;
    let good = encode(&story.cards[..2]);
    let changed = |index: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut cards = good.clone();
        change(&mut cards[index]);
        cards
    };
    let other = UserId::from_bytes([0x80; 16]);
    vec![
        fault("no card", "card_chain_invalid", user, &[]),
        fault("another user's id", "identity_mismatch", other, &good),
        fault("without the first card", "card_chain_invalid", user, &good[1..]),
        fault("the first card twice", "card_chain_invalid", user, &[good[0].clone(), good[0].clone()]),
        fault("magic", "malformed", user, &changed(0, &|card| card[3] = b'2')),
        fault("ends early", "malformed", user, &changed(1, &|card| card.truncate(card.len() - 1))),
        fault("a byte behind the end", "malformed", user, &changed(1, &|card| card.push(0))),
        fault(
            "salt of the first card altered",
            "identity_mismatch",
            user,
            &changed(0, &|card| card[84] ^= 1),
        ),
        fault(
            "salt of the second card altered",
            "card_chain_invalid",
            user,
            &changed(1, &|card| card[84] ^= 1),
        ),
        fault("user id on the first card", "malformed", user, &changed(0, &|card| card[19] = 1)),
        fault("sequence zero", "malformed", user, &changed(0, &|card| card[27] = 0)),
        fault("no suite", "malformed", user, &changed(0, &|card| card[116] = 0)),
        fault("more than 64 keys", "malformed", user, &changed(0, &|card| card[119] = 65)),
        fault("unknown key kind", "malformed", user, &changed(0, &|card| card[120] = 3)),
        fault("unknown key state", "malformed", user, &changed(0, &|card| card[121] = 4)),
        fault(
            "signature bit",
            "card_chain_invalid",
            user,
            &changed(0, &|card| *card.last_mut().unwrap() ^= 1),
        ),
        fault(
            "three signatures",
            "malformed",
            user,
            &changed(0, &|card| {
                let count = card.len() - 69;
                card[count] = 3;
            }),
        ),
    ]
}

/// A first card changed by `change`, signed by `signers`; the id is the one it implies, so only the rule
/// can refuse it.
fn first(name: &str, error: &str, signers: &[u64], change: impl FnOnce(&mut IdentityCard)) -> Value {
    let mut card = IdentityCard::decode(&ring().chain().cards()[0]).unwrap();
    change(&mut card);
    sign(&mut card, signers);
    fault(name, error, card.implied_user_id(), &[card.encode()])
}

fn low_order(last: u8) -> [u8; 32] {
    let mut point = [0; 32];
    point[0] = last;
    point
}

fn first_card_faults() -> Vec<Value> {
    let mut not_canonical = [0xff; 32];
    (not_canonical[0], not_canonical[31]) = (0xed + 9, 0x7f);
    let mut small_order = [0xff; 32];
    (small_order[0], small_order[31]) = (0xec, 0x7f);
    let extra = |index, public| CardKey {
        kind: KeyKind::Derive,
        state: KeyState::Active,
        index,
        since: at(1),
        public,
    };
    vec![
        first("not signed by its key", "card_chain_invalid", &[2], |_| ()),
        first("signed by a second key too", "card_chain_invalid", &[1, 2], |_| ()),
        first("first key has index 2", "card_chain_invalid", &[2], |card| card.keys[0].index = 2),
        first("key index zero", "malformed", &[1], |card| card.keys[1].index = 0),
        first("three keys", "card_chain_invalid", &[1], |card| card.keys.push(extra(2, [9; 32]))),
        first("one key", "card_chain_invalid", &[1], |card| card.keys.truncate(1)),
        first("keys in the wrong order", "malformed", &[1], |card| card.keys.reverse()),
        first("first key retired", "card_chain_invalid", &[1], |card| card.keys[1].state = KeyState::Retired),
        first("key older than the card", "card_chain_invalid", &[1], |card| card.keys[0].since = at(0)),
        first("key younger than the card", "malformed", &[1], |card| card.keys[0].since = at(2)),
        first("suites do not ascend", "malformed", &[1], |card| card.suites = vec![1, 1]),
        first("previous card on the first", "malformed", &[1], |card| card.previous[0] = 1),
        first("derivation key of order 1", "weak_key", &[1], |card| card.keys[1].public = low_order(0)),
        first("derivation key of order 4", "weak_key", &[1], |card| card.keys[1].public = low_order(1)),
        first("derivation key not canonical", "weak_key", &[1], |card| card.keys[1].public = not_canonical),
        first("derivation key with the top bit", "weak_key", &[1], |card| card.keys[1].public[31] |= 0x80),
        first("signing key of order 1", "weak_key", &[1], |card| card.keys[0].public = low_order(1)),
        first("signing key of order 2", "weak_key", &[1], |card| card.keys[0].public = small_order),
        first("signing key not on the curve", "weak_key", &[1], |card| card.keys[0].public = low_order(2)),
    ]
}

fn second_card_faults(story: &Story) -> Vec<Value> {
    let second = |name: &str, signers: &[u64], change: &dyn Fn(&mut IdentityCard)| {
        next(story, 1, name, "card_chain_invalid", signers, change)
    };
    let both: &[u64] = &[1, 2];
    vec![
        second("sequence skips one", both, &|card| card.sequence = 3),
        second("another user's card", both, &|card| card.user_id = UserId::from_bytes([0x80; 16])),
        second("does not follow the card before", both, &|card| card.previous[47] ^= 1),
        second("older than the card before", both, &|card| {
            card.created_at = at(0);
            for key in &mut card.keys {
                key.since = key.since.min(at(0));
            }
        }),
        second("key appended by a server", &[2], &|_| ()),
        second("not signed by the new key", &[1], &|_| ()),
        second("new key skips an index", &[1], &|card| card.keys[3].index = 3),
        second("new key retired", both, &|card| card.keys[3].state = KeyState::Retired),
        second("new key is an old one", both, &|card| card.keys[3].public = card.keys[2].public),
        second("new key not dated as its card", both, &|card| card.keys[3].since = at(1)),
        second("old key changes under its index", both, &|card| card.keys[2].public[0] ^= 1),
        second("retirement dated back", both, &|card| card.keys[0].since = at(1)),
        second("key in use left out", both, &|card| card.keys = card.keys.split_off(1)),
        second("two derivation keys in use", both, &|card| {
            (card.keys[2].state, card.keys[2].since) = (KeyState::Active, at(1));
        }),
        second("only the derivation key retired", &[1], &|card| {
            card.keys.truncate(3);
            card.keys.remove(1);
            (card.keys[0].state, card.keys[0].since) = (KeyState::Active, at(1));
        }),
        next(story, 1, "signatures in the wrong order", "malformed", &[2, 1], &|_| ()),
    ]
}

fn later_card_faults(story: &Story) -> Vec<Value> {
    let later = |place: usize, name: &str, signers: &[u64], change: &dyn Fn(&mut IdentityCard)| {
        next(story, place, name, "card_chain_invalid", signers, change)
    };
    let mut after_closing = story.cards[4].clone();
    (after_closing.sequence, after_closing.previous) = (6, story.cards[4].hash());
    sign(&mut after_closing, &[3]);
    let mut reopened = encode(&story.cards);
    reopened.push(after_closing.encode());
    vec![
        later(2, "signed by a retired key", &[1, 3], &|_| ()),
        later(2, "retired key comes back into use", &[2, 3], &|card| card.keys[0].state = KeyState::Active),
        later(3, "newest suite lowered", &[3], &|card| card.suites = vec![0]),
        later(4, "key that was left out comes back", &[3], &|card| {
            card.keys.insert(0, story.cards[2].keys[0].clone());
        }),
        later(4, "closing card revokes a key", &[3], &|card| {
            card.keys.last_mut().unwrap().state = KeyState::Revoked;
        }),
        fault("card after the closing one", "card_chain_invalid", story.user, &reopened),
    ]
}

/// The chain up to `place` with its last card changed and signed again.
fn next(
    story: &Story,
    place: usize,
    name: &str,
    error: &str,
    signers: &[u64],
    change: &dyn Fn(&mut IdentityCard),
) -> Value {
    let mut cards = story.cards[..=place].to_vec();
    let last = &mut cards[place];
    change(last);
    sign(last, signers);
    fault(name, error, story.user, &encode(&cards))
}

fn cards_of(case: &Value) -> Vec<Vec<u8>> {
    case["cards"].as_array().unwrap().iter().map(unhex).collect()
}

pub(super) fn check(file: &Value) {
    let verify =
        |case: &Value| CardChain::verify(case["user_id"].as_str().unwrap().parse().unwrap(), &cards_of(case));
    for case in cases(file, true) {
        let chain = verify(case).unwrap_or_else(|error| panic!("{}: {error}", case["name"]));
        assert_eq!(chain.head(), array(&case["card_hash"]));
        assert_eq!(suite::hash(suite::HashLabel::Card, &[&unhex(&case["body"])]), chain.head());
        assert_eq!(chain.fingerprint(), case["fingerprint"].as_str().unwrap());
        assert_eq!(chain.sequence(), case["sequence"].as_u64().unwrap());
        assert_eq!(chain.is_closed(), case["closed"].as_bool().unwrap());
        if let Some((_, public)) = chain.active_signing() {
            let seed = SigningKey::from_bytes(&array(&case["active_signing_seed"]));
            assert_eq!(seed.verifying_key(), public);
        }
        if let Some((_, public)) = chain.active_derivation() {
            let seed = x25519_dalek::StaticSecret::from(array::<32>(&case["active_derivation_seed"]));
            assert_eq!(x25519_dalek::PublicKey::from(&seed).to_bytes(), public);
        }
        for card in cards_of(case) {
            assert_eq!(IdentityCard::decode(&card).unwrap().encode(), card);
        }
    }
    for case in cases(file, false) {
        let error = verify(case).map(|_| ()).map_err(|error| error.code());
        assert_eq!(error, Err(case["error"].as_str().unwrap()), "{}", case["name"]);
    }
}
