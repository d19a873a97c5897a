//! Keys that a server hands out for somebody (security cases 1, 2 and 7).

use crate::people::{Device, people};
use crate::staging::{crypto, fresh, is_change, sent, serve_cards};
use absio_broker::SeededEntropy;
use absio_proto::crypto::{KeyRing, KeyState};
use absio_proto::model::{AccessList, Grant};
use absio_proto::ops::container::Create;
use absio_proto::ops::user::{PublicKeys, RotateKeys};
use absio_proto::{CryptoError, Error};

/// A share with `peer`, and how many blobs were sent for it.
fn share(device: &Device, peer: &Device) -> (Result<(), Error>, usize) {
    let list = AccessList::of([device.full(), Grant::recipient(peer.id())]);
    device.broker.record();
    let result = device.run(Create::new(b"x".to_vec()).access(list)).map(drop);
    (result, sent(device).iter().filter(|request| is_change(request)).count())
}

fn ask(device: &Device, peer: &Device) -> Result<u64, Error> {
    device.run(PublicKeys::new([peer.id()]).refreshed()).map(|chains| chains[0].sequence())
}

fn another_second_card(ring: &KeyRing, device: &Device, seed: u64) -> Vec<Vec<u8>> {
    let later = device.now().plus_millis(1);
    let fork = ring.rotated(KeyState::Retired, &mut SeededEntropy::new(seed), later).unwrap();
    fork.chain().cards().to_vec()
}

/// Bob's first key is in the server's hands, and Bob is known at his second card: another second card,
/// signed by the right first key, with keys of the server's on it.
#[test]
fn ms_swap_pinned_key_is_noticed_and_nothing_is_sealed_for_it() {
    let [alice, bob] = people();
    let stolen = bob.user();
    bob.run(RotateKeys::new()).unwrap();
    assert_eq!(ask(&alice, &bob), Ok(2));
    let forged = another_second_card(stolen.keys(), &alice, 61);
    serve_cards(&alice, bob.id(), forged.clone());
    assert_eq!(crypto(ask(&alice, &bob)), CryptoError::PeerIdentityChanged { user: bob.id() });
    // What is pinned stays, and what is sealed is sealed for it: Bob opens it.
    assert_eq!(share(&alice, &bob), (Ok(()), 1));
    assert_eq!(ask(&alice, &bob), Ok(2));
    // The control: without a pin the chain is as good as any, since the stolen key did sign it.
    let stranger = fresh(&alice);
    serve_cards(&stranger, bob.id(), forged);
    assert_eq!(ask(&stranger, &bob), Ok(2));
}

/// The same before a share: the server says that the pinned card is old, and shows its own as the new one.
#[test]
fn ms_swap_pinned_key_in_the_middle_of_a_share() {
    let [alice, bob] = people();
    let stolen = bob.user();
    bob.run(RotateKeys::new()).unwrap();
    ask(&alice, &bob).unwrap();
    bob.run(RotateKeys::new()).unwrap();
    let forged = another_second_card(stolen.keys(), &alice, 62);
    let peer = bob.id();
    // The create is refused for its old card; the answer that follows is the server's invention.
    alice.broker.set_hook(move |request| {
        if request.path != "/v1/public-keys" && !request.path.starts_with("/v1/keys") {
            return absio_broker::Fault::None;
        }
        let cards = forged.iter().map(|card| (peer, card.clone())).collect();
        let answer = absio_proto::wire::KeysAnswer { unknown: Vec::new(), cards };
        absio_broker::Fault::Alter(Box::new(move |response| response.body = answer.encode()))
    });
    let (result, changes) = share(&alice, &bob);
    assert_eq!(crypto(result), CryptoError::PeerIdentityChanged { user: bob.id() });
    assert_eq!(changes, 1, "the one that was refused, sealed for Bob's own second card");
    alice.broker.clear_hook();
    // The control: with the truth it goes on.
    assert_eq!(share(&alice, &bob).0, Ok(()));
}

/// Mallory puts Bob's derivation key on a card of her own, and the server serves it.
#[test]
fn mp_claim_foreign_deriv_key_gets_no_blob() {
    let [alice, bob, mallory] = people();
    let ring = mallory.user();
    let (_, foreign) = bob.user().keys().chain().active_derivation().unwrap();
    let mut card = ring.keys().chain().latest().clone();
    let own = card.keys.iter().position(|key| key.kind == absio_proto::crypto::KeyKind::Derive).unwrap();
    card.keys[own].public = foreign;
    serve_cards(&alice, mallory.id(), vec![card.encode()]);
    let (result, changes) = share(&alice, &mallory);
    assert_eq!(crypto(result), CryptoError::IdentityMismatch { user: mallory.id() });
    assert_eq!(changes, 0, "no blob was sent");
    // The control: her own card is taken.
    assert_eq!(share(&alice, &mallory), (Ok(()), 1));
}
