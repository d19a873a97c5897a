//! Fingerprints compared by hand, and checkpoints (security cases 12 and 45; F45).

use super::follow::{follow, second};
use super::{Both, Laptop, Ofs, assert_not_found, laptops};
use absio_proto::model::UserId;
use absio_proto::ops::container::Update;
use absio_proto::ops::ofs::{Checkpoint, Peers, VerifyPeer};
use absio_proto::provider::Provider;
use absio_proto::{Error, InputError, LocalError};

fn verify(laptop: &Laptop, user: UserId, given: &str) -> Result<bool, Error> {
    laptop.run(VerifyPeer::new(user, given)).map(|peer| peer.is_verified)
}

fn is_verified(laptop: &Laptop, user: UserId) -> bool {
    let peers = laptop.run(Peers::new()).unwrap();
    peers.iter().find(|peer| peer.user == user).expect("the keys are here").is_verified
}

#[test]
fn ms_swap_fingerprint_is_compared_by_hand() {
    let [(alice, user), (bob, _), (mallory, _)] = laptops();
    let fingerprint = bob.user().keys().chain().fingerprint();
    let unknown = verify(&alice, bob.id(), &fingerprint);
    assert_eq!(unknown, Err(LocalError::KeysNotFound { user: bob.id() }.into()));
    bob.create(b"hello", &[bob.full(), alice.full()]);
    mallory.create(b"hello", &[mallory.full(), alice.full()]);
    follow(&alice);
    assert!(!is_verified(&alice, bob.id()));
    let (_, requests) = alice.requests(|_| {
        let other = mallory.user().keys().chain().fingerprint();
        let differs = verify(&alice, bob.id(), &other);
        let (seen, given) = (fingerprint.clone(), other);
        assert_eq!(differs, Err(InputError::FingerprintDiffers { user: bob.id(), seen, given }.into()));
        assert!(verify(&alice, bob.id(), &fingerprint[..29]).is_err(), "all of it");
        assert!(!is_verified(&alice, bob.id()));
        assert_eq!(verify(&alice, bob.id(), &fingerprint.to_lowercase().replace('-', " ")), Ok(true));
    });
    assert_eq!(requests, 0);
    assert!(is_verified(&alice, bob.id()) && !is_verified(&alice, mallory.id()));
    // It is kept, beside the network and over restarts.
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Ofs, user);
    assert!(is_verified(&again, bob.id()) && !is_verified(&again, mallory.id()));
    let shown = again.run(Peers::new()).unwrap();
    assert_eq!(shown.iter().find(|peer| peer.user == bob.id()).unwrap().fingerprint, fingerprint);
    // One's own may be compared too.
    let own = alice.user().keys().chain().fingerprint();
    assert_eq!((verify(&alice, user, &own), verify(&alice, user, &fingerprint).is_err()), (Ok(true), true));
}

#[test]
fn mc_verified_by_one_user_is_not_verified_for_another() {
    let [(alice, _), (bob, other)] = laptops();
    let carol = super::account(&alice.broker);
    let chains = alice.run(Both.public_keys(vec![carol])).unwrap();
    verify(&alice, carol, &chains[0].fingerprint()).unwrap();
    assert!(is_verified(&alice, carol));
    // Bob signs in on the same device, with the same program running.
    alice.sign_in(Both, other);
    alice.run(Both.public_keys(vec![carol])).unwrap();
    let container = bob.create(b"x", &[bob.full()]);
    alice.fetch(Both, container).unwrap();
    let peers = alice.run(Peers::new()).unwrap();
    assert!(!peers.iter().any(|peer| peer.is_verified), "{peers:?}");
}

#[test]
fn f45_a_checkpoint_is_equal_for_those_who_saw_the_same() {
    let [(alice, _), (bob, _)] = laptops();
    let other = second(&alice);
    let shared = alice.create(b"shared", &[alice.full(), bob.full()]);
    alice.keep(Both, "for alice");
    for device in [&alice, &bob, &other] {
        follow(device);
    }
    let all = |laptop: &Laptop| laptop.run(Checkpoint::of_all()).unwrap();
    let of_shared = |laptop: &Laptop| laptop.run(Checkpoint::of([shared])).unwrap().text;
    assert_eq!((all(&alice).text.len(), all(&alice).containers), (26, 2));
    assert_eq!(all(&alice), all(&other));
    assert_ne!(all(&alice), all(&bob));
    assert_eq!(of_shared(&alice), of_shared(&bob));
    // What is on one device alone does not count.
    other.keep(Ofs, "mine alone");
    assert_eq!(all(&alice), all(&other));
    // Whoever was not shown the newest revision has another.
    alice.change(Both, Update::new(shared).content(b"newer".to_vec())).unwrap();
    assert_ne!(of_shared(&alice), of_shared(&bob));
    follow(&bob);
    assert_eq!(of_shared(&alice), of_shared(&bob));
    let unknown = bob.keep(Both, "for bob");
    assert_not_found(alice.run(Checkpoint::of([shared, unknown])));
}
