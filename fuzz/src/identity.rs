//! Identity cards and key files.

use crate::{seeds, world};
use absio_proto::crypto::key_file::{open_with_passphrase, open_with_password};
use absio_proto::crypto::{
    CardChain, IdentityCard, KdfPolicy, KeyFileContent, KeyState, OpenKeyFile, SealedKeyFile, Secret,
    WrapSecrets,
};

/// Input: cards, each behind its length (u16). A card has one encoding; a chain that is accepted is
/// accepted again under the id it gave, and under no other.
///
/// # Panics
/// If that does not hold.
pub fn card_chain(data: &[u8]) {
    let mut cards = Vec::new();
    let mut rest = data;
    while let [high, low, behind @ ..] = rest {
        let (card, next) = behind.split_at(behind.len().min(usize::from(u16::from_be_bytes([*high, *low]))));
        cards.push(card.to_vec());
        rest = next;
    }
    for card in &cards {
        if let Ok(decoded) = IdentityCard::decode(card) {
            assert_eq!(&decoded.encode(), card, "a card has two encodings");
        }
    }
    if let Ok(chain) = CardChain::first_contact(&cards) {
        assert_eq!(chain.cards(), cards);
        assert!(CardChain::verify(chain.user_id(), &cards).is_ok());
        let other = world::ring(9).user_id();
        assert!(chain.user_id() == other || CardChain::verify(other, &cards).is_err());
        let _ = (chain.fingerprint(), chain.active_signing(), chain.active_derivation(), chain.is_closed());
    }
}

/// A user with a second card and a closing one, and the cards of the vectors.
pub fn card_chain_seeds() -> Vec<Vec<u8>> {
    let ring = world::ring(1);
    let ring = ring
        .rotated(KeyState::Retired, &mut world::Fixed(8), world::NOW)
        .expect("this randomness cannot fail");
    let closing = ring.closing_card(world::NOW, &mut world::Fixed(9)).expect("this randomness cannot fail");
    let mut chains = vec![ring.chain().cards().to_vec()];
    chains.push([ring.chain().cards(), &[closing]].concat());
    chains.extend(seeds::from_vectors(&["identity"]).into_iter().map(|card| vec![card]));
    chains
        .into_iter()
        .map(|cards| {
            let framed = cards.iter().map(|card| [&(card.len() as u16).to_be_bytes(), &card[..]].concat());
            framed.collect::<Vec<_>>().concat()
        })
        .collect()
}

const PASSWORD: &str = "Passw0rd of the fuzzer";
const PASSPHRASE: &str = "Passphrase of the fuzzer 1";

/// Nothing but the genuine file opens, and no count outside the limits is ever stretched (the limit
/// of this policy is 1,000, so an input that stretched more would show as a slow one).
///
/// # Panics
/// If that does not hold.
pub fn key_file(data: &[u8]) {
    let Ok(file) = SealedKeyFile::from_bytes(data.to_vec()) else { return };
    let policy = KdfPolicy::insecure_for_tests();
    let user = world::ring(1).user_id();
    let _ = (file.checksum(), file.generation());
    let opened = open_with_password(data, user, PASSWORD, &policy).is_ok()
        || open_with_passphrase(data, user, PASSPHRASE, &policy).is_ok();
    assert!(!opened || data == key_file_seeds()[0], "a forged key file was opened");
}

/// The genuine file, and those of the vectors.
pub fn key_file_seeds() -> Vec<Vec<u8>> {
    let ring = world::ring(1);
    let user = ring.user_id();
    let mut entropy = world::Fixed(3);
    let wraps = WrapSecrets::draw(&mut entropy)
        .and_then(|secrets| secrets.wrap(user, PASSWORD, PASSPHRASE, &KdfPolicy::insecure_for_tests()))
        .expect("password and passphrase differ");
    let content = KeyFileContent {
        ring,
        reminder: "none".into(),
        origin: "http://localhost:8600".into(),
        api_key: "00000000-0000-4000-8000-000000000001".parse().expect("the key is a UUID"),
        store_secret: Secret::new([4; 32]),
    };
    let (_, file) = OpenKeyFile::seal_new(content, wraps, &mut entropy).expect("the content is short");
    let mut seeds = seeds::from_vectors(&["key_file"]);
    seeds.insert(0, file.into_bytes());
    seeds
}
