//! New keys for a user: what stays, who follows, and what is over (X-08).

use crate::altered::Altered;
use crate::people::{Device, PASSPHRASE, PASSWORD, assert_refused, broker, people, person};
use absio_broker::{Fault, SeededEntropy};
use absio_proto::crypto::{KeyRing, KeyState, SealedKeyFile};
use absio_proto::effect::TransportErrorKind;
use absio_proto::model::{AccessChange, ContainerId, Credentials, EventFilter, EventType, Grant, UserId};
use absio_proto::ops::container::{Get, List, Resign, Update};
use absio_proto::ops::key_file::Checksum;
use absio_proto::ops::user::{
    ChangeCredentials, Login, LoginWith, PublicKeys, Register, RevokeKeys, RotateKeys,
};
use absio_proto::wire::{ContainerAnswer, IDEMPOTENCY_KEY, KeysAnswer};
use absio_proto::{CryptoError, Error, InputError, RemoteCode, Session};

/// Another device of the same user: no pins.
fn fresh(device: &Device) -> Device {
    let other = Device::new(&device.broker);
    other.log_in(device.id());
    other
}

/// The number of the newest card of `user` that this device finds.
fn card(device: &Device, user: UserId) -> u64 {
    device.run(PublicKeys::new([user])).unwrap()[0].sequence()
}

fn sealed(device: &Device) -> SealedKeyFile {
    device.user().sealed_key_file().unwrap().clone()
}

#[track_caller]
fn assert_code<T: core::fmt::Debug>(result: Result<T, Error>, code: &str) {
    match result {
        Err(error) if error.code() == code => {}
        other => panic!("expected {code}, got {other:?}"),
    }
}

fn key_file_updates(device: &Device) -> usize {
    let filter = EventFilter { event_type: Some(EventType::KeyFile), ..EventFilter::default() };
    device.events(filter).iter().filter(|event| event.action.to_string() == "updated").count()
}

#[test]
fn x08_new_keys_take_one_round_trip_and_old_containers_open() {
    let [alice, bob] = people();
    let (mine, his) = (alice.create(b"mine", &[]), bob.create(b"his", &[alice.full(), bob.full()]));
    alice.get(his).unwrap();
    let before = sealed(&alice);
    let (user, requests) = alice.requests(|alice| alice.run(RotateKeys::new()).unwrap());
    assert_eq!(requests, 1);
    assert_eq!((user.id(), user.keys().chain().sequence()), (alice.id(), 2));
    assert_eq!(user.keys().chain().active_signing().unwrap().0, 2);
    assert_eq!(user.keys().chain().active_derivation().unwrap().0, 2);
    assert_eq!(user.sealed_key_file().unwrap().generation(), before.generation() + 1);
    assert_eq!(sealed(&alice), *user.sealed_key_file().unwrap(), "the session has the new keys");
    let (state, requests) = alice.requests(|alice| alice.run(Checksum::new()).unwrap());
    assert_eq!((state.generation, state.checksum), (2, sealed(&alice).checksum()));
    assert_eq!(requests, 1, "and its session goes on");
    assert_eq!(key_file_updates(&alice), 1);

    for device in [&alice, &fresh(&alice)] {
        assert_eq!(device.content(mine), Some(b"mine".to_vec()));
        assert_eq!(device.content(his), Some(b"his".to_vec()));
    }
    // On top of a revision of the old key, by the new one.
    alice.update(Update::new(his).content(b"ours".to_vec())).unwrap();
    for device in [&bob, &fresh(&bob), &fresh(&alice)] {
        assert_eq!(device.content(his), Some(b"ours".to_vec()));
    }
    // And again, as often as she likes.
    alice.run(RotateKeys::new()).unwrap();
    assert_eq!(card(&alice, alice.id()), 3);
    assert_eq!(fresh(&alice).content(mine), Some(b"mine".to_vec()));
}

#[test]
fn x08_peers_who_know_the_old_keys_follow_the_chain() {
    let [alice, bob] = people();
    let old = alice.create(b"before", &[alice.full(), bob.full()]);
    bob.get(old).unwrap();
    bob.create(b"x", &[bob.full(), alice.full()]);
    assert_eq!(card(&bob, alice.id()), 1);
    alice.run(RotateKeys::new()).unwrap();

    // Bob still knows the old card only: he is told, asks once, and seals for the new key.
    let (new, requests) = bob.requests(|bob| bob.create(b"after", &[bob.full(), alice.full()]));
    assert_eq!(requests, 3, "refused, cards, created");
    assert_eq!(card(&bob, alice.id()), 2);
    assert_eq!(alice.content(new), Some(b"after".to_vec()));
    let (_, requests) = bob.requests(|bob| bob.create(b"x", &[bob.full(), alice.full()]));
    assert_eq!(requests, 1);
    // The same for an update, on a device of his that has not met her since.
    let second = fresh(&bob);
    let private = second.create(b"p", &[]);
    assert_eq!(card(&second, alice.id()), 2);
    alice.run(RotateKeys::new()).unwrap();
    let share = AccessChange::Set(vec![Grant::recipient(alice.id())]);
    second.update(Update::new(private).access(share)).unwrap();
    assert_eq!(alice.content(private), Some(b"p".to_vec()));
    second.update(Update::new(private).content(b"q".to_vec())).unwrap();
    assert_eq!(alice.content(private), Some(b"q".to_vec()));
    // What the old key signed before stands, for who has seen it and for who has not.
    assert_eq!(bob.content(old), Some(b"before".to_vec()));
    assert_eq!(fresh(&bob).content(old), Some(b"before".to_vec()));
}

#[test]
fn x08_cards_that_a_manifest_names_and_the_reader_lacks_are_fetched() {
    let [alice, bob] = people();
    let id = alice.create(b"one", &[alice.full(), bob.full()]);
    bob.get(id).unwrap();
    alice.run(RotateKeys::new()).unwrap();
    alice.update(Update::new(id).content(b"two".to_vec())).unwrap();
    let (reader, author) = (bob.id(), alice.id());
    let old = bob.session(|_| alice.user().keys().chain().cards()[..1].to_vec());
    for served in [Vec::new(), old] {
        let device = fresh(&bob);
        device.run(PublicKeys::new([author])).unwrap();
        let knows_old = Device::new(&bob.broker);
        knows_old.log_in(reader);
        // This one learns the old card first, then is shown no new one with the container.
        let first = alice.user().keys().chain().cards()[0].clone();
        knows_old.broker.fault_next(Fault::Alter(Box::new(move |response| {
            let answer = KeysAnswer { unknown: Vec::new(), cards: vec![(author, first)] };
            response.body = answer.encode();
        })));
        assert_eq!(card(&knows_old, author), 1);
        knows_old.broker.fault_next(Fault::Alter(Box::new(move |response| {
            let mut answer = ContainerAnswer::decode(&response.body, reader).unwrap();
            answer.cards.retain(|(user, _)| *user != author);
            answer.cards.extend(served.into_iter().map(|card| (author, card)));
            response.body = answer.encode(reader);
        })));
        let (content, requests) = knows_old.requests(|device| device.content(id));
        assert_eq!((content, requests), (Some(b"two".to_vec()), 2));
    }
}

#[test]
fn x08_a_device_with_the_old_key_file_is_refused_clearly_and_fetches_the_new() {
    let alice = person(&broker());
    let id = alice.create(b"x", &[]);
    let old = sealed(&alice);
    alice.run(RotateKeys::new()).unwrap();
    let device = Device::new(&alice.broker);
    let with_old = LoginWith::nothing().key_file(old).password(PASSWORD);
    assert_refused(device.run(Login::new(alice.id(), with_old)), RemoteCode::LoginRefused);
    assert!(device.session(|session| session.user().is_none()));
    device.log_in(alice.id());
    assert_eq!(device.content(id), Some(b"x".to_vec()));
    let with_new = LoginWith::nothing().key_file(sealed(&alice)).password(PASSWORD);
    Device::new(&alice.broker).run(Login::new(alice.id(), with_new)).unwrap();
}

#[test]
fn x08_a_device_that_is_signed_in_elsewhere_reads_on_and_signs_nothing_more() {
    let [alice, bob] = people();
    let second = fresh(&alice);
    let id = alice.create(b"one", &[alice.full(), bob.full()]);
    second.get(id).unwrap();
    alice.run(RotateKeys::new()).unwrap();
    // Its session goes on; the key in it signs nothing new.
    assert!(second.run(List::new()).is_ok());
    assert_refused(second.update(Update::new(id).content(b"two".to_vec())), RemoteCode::InvalidObject);
    let change = || ChangeCredentials::new(Credentials::new("Another horse 3", "Another staple 4"));
    assert_refused(second.run(change()), RemoteCode::BadSignature);
    assert_refused(second.run(RotateKeys::new()), RemoteCode::BadSignature);
    // What the new key signed it reads, and learns of it by that.
    alice.update(Update::new(id).container_type("t")).unwrap();
    assert_eq!(second.content(id), Some(b"one".to_vec()));
    let changed =
        |error| matches!(error, Error::Input(InputError::KeysChanged { user }) if user == alice.id());
    let (refused, requests) = second.requests(|second| {
        [
            second.update(Update::new(id).content(b"two".to_vec())).map(|_| ()),
            second.run(change()).map(|_| ()),
            second.run(RotateKeys::new()).map(|_| ()),
            second.delete(id),
        ]
    });
    assert!(refused.into_iter().all(|result| changed(result.unwrap_err())));
    assert_eq!(requests, 0);
    // What is sealed for the new key it cannot open, and says why.
    let new = bob.create(b"new", &[bob.full(), alice.full()]);
    assert!(changed(second.get(new).unwrap_err()));
    second.log_in(alice.id());
    assert_eq!(second.content(new), Some(b"new".to_vec()));
    second.update(Update::new(id).content(b"two".to_vec())).unwrap();
}

#[test]
fn x08_a_revocation_ends_every_other_session_at_once() {
    let [alice, bob] = people();
    let (second, stolen) = (fresh(&alice), alice.user());
    alice.run(RotateKeys::revoking()).unwrap();
    let (refused, requests) = second.requests(|second| second.run(Checksum::new()));
    assert_refused(refused, RemoteCode::LoginRefused);
    assert_eq!(requests, 3, "not authenticated, challenge, login refused");
    let thief = Login::new(alice.id(), LoginWith::nothing().user(stolen));
    assert_refused(Device::new(&alice.broker).run(thief), RemoteCode::LoginRefused);
    // The device that did it logs in again by itself.
    let (state, requests) = alice.requests(|alice| alice.run(Checksum::new()).unwrap());
    assert_eq!((state.generation, requests), (2, 3));
    assert!(bob.run(List::new()).is_ok());
    // Retiring leaves them: that is what was different.
    let third = fresh(&alice);
    alice.run(RotateKeys::new()).unwrap();
    assert_eq!(third.requests(|third| third.run(Checksum::new()).unwrap()).1, 1);
}

fn refused_as_revoked<T: core::fmt::Debug>(result: Result<T, Error>, user: UserId) -> bool {
    matches!(result, Err(Error::Crypto(CryptoError::KeyNotValid { user: of, .. })) if of == user)
}

#[test]
fn x08_what_a_revoked_key_signed_counts_again_once_signed_anew() {
    let [alice, bob] = people();
    let id = alice.create(b"hers", &[alice.full(), bob.full()]);
    bob.get(id).unwrap();
    let blind = alice.create(b"x", &[alice.full(), bob.rights(3)]);
    alice.run(RotateKeys::revoking()).unwrap();
    assert_eq!(bob.content(id), Some(b"hers".to_vec()), "who has seen it believes it");
    let newcomer = fresh(&bob);
    assert!(refused_as_revoked(newcomer.get(id), alice.id()));
    assert!(alice.run(Resign::new(id)).unwrap());
    assert!(!alice.run(Resign::new(id)).unwrap(), "once is enough");
    for device in [&bob, &newcomer, &fresh(&bob), &fresh(&alice)] {
        let container = device.get(id).unwrap();
        assert_eq!(container.content, Some(b"hers".to_vec()));
        assert_eq!(container.metadata.unwrap().revision, 2);
    }
    // Nobody is told of a revision that changes nothing.
    let filter = EventFilter { container_id: Some(id), ..EventFilter::default() };
    assert!(bob.events(filter).iter().all(|event| event.action.to_string() != "updated"));
    // A change of the container does as well.
    alice.update(Update::new(blind).container_type("t")).unwrap();
    assert_eq!(fresh(&bob).content(blind), Some(b"x".to_vec()));
    assert!(!bob.run(Resign::new(id)).unwrap(), "it is not his to sign anew");
}

#[test]
fn x08_revoking_signs_everything_anew_and_says_what_it_could_not() {
    let [alice, bob] = people();
    let own = alice.create(b"own", &[]);
    let shared = alice.create(b"shared", &[alice.full(), bob.full()]);
    let his = bob.create(b"his", &[alice.full(), bob.full()]);
    let edited = bob.create(b"his", &[alice.full(), bob.full()]);
    alice.get(edited).unwrap();
    alice.update(Update::new(edited).content(b"hers".to_vec())).unwrap();
    let given_up = alice.create(b"x", &[alice.full(), bob.full()]);
    alice.update(Update::new(given_up).access(AccessChange::Set(vec![alice.rights(11)]))).unwrap();
    // As the command line does: on a device that has seen nothing.
    let device = fresh(&alice);
    let revoked = device.run(RevokeKeys::new()).unwrap();
    assert_eq!(revoked.user.keys().chain().sequence(), 2);
    let sorted = |mut ids: Vec<ContainerId>| {
        ids.sort();
        ids
    };
    assert_eq!(sorted(revoked.resigned), sorted(vec![own, shared, edited]));
    let failed: Vec<_> = revoked.failed.iter().map(|(id, error)| (*id, error.code())).collect();
    assert_eq!(failed, [(given_up, "missing_right")]);
    for (id, content) in [(shared, "shared"), (his, "his"), (edited, "hers")] {
        assert_eq!(fresh(&bob).content(id), Some(content.into()));
        assert_eq!(fresh(&alice).content(id), Some(content.into()));
    }
    assert_eq!(fresh(&alice).content(own), Some(b"own".to_vec()));
    assert!(refused_as_revoked(fresh(&bob).get(given_up), alice.id()));
    // Whoever still may changes it, and it counts.
    bob.get(given_up).unwrap_err();
}

#[test]
fn x08_a_revocation_that_was_interrupted_has_a_way_out_that_must_be_chosen() {
    let alice = person(&broker());
    let id = alice.create(b"x", &[]);
    alice.run(RotateKeys::revoking()).unwrap();
    let device = fresh(&alice);
    assert!(refused_as_revoked(device.get(id), alice.id()));
    assert!(refused_as_revoked(device.run(Resign::new(id)), alice.id()), "a thief may have made it");
    assert!(device.run(Resign::new(id).trusting_unseen()).unwrap());
    assert_eq!(fresh(&alice).content(id), Some(b"x".to_vec()));
}

#[test]
fn mp_a_thief_of_a_revoked_key_is_not_signed_anew() {
    let alice = person(&broker());
    let thief = fresh(&alice);
    let id = alice.create(b"hers", &[]);
    thief.get(id).unwrap();
    // The thief writes after she has last looked, before she revokes.
    thief.update(Update::new(id).content(b"forged".to_vec())).unwrap();
    alice.run(RotateKeys::revoking()).unwrap();
    assert!(refused_as_revoked(alice.run(Resign::new(id)), alice.id()));
}

#[test]
fn mn_lost_reply_rotate() {
    for revoking in [false, true] {
        for lost in [1, 2] {
            let alice = person(&broker());
            let id = alice.create(b"x", &[]);
            for _ in 0..lost {
                alice.broker.fault_next(Fault::LoseAnswer(TransportErrorKind::Interrupted));
            }
            alice.broker.record();
            let user = alice.run(if revoking { RotateKeys::revoking() } else { RotateKeys::new() }).unwrap();
            let sent = alice.broker.recorded();
            assert_eq!(sent.len(), lost + 1);
            let key = |at: usize| {
                let headers = &sent[at].request.headers;
                headers.iter().find(|(name, _)| name == IDEMPOTENCY_KEY).unwrap().1.clone()
            };
            assert!((0..=lost).all(|at| key(at) == key(0) && sent[at].request.body == sent[0].request.body));
            assert_eq!((user.keys().chain().sequence(), card(&fresh(&alice), alice.id())), (2, 2));
            assert_eq!(alice.run(Checksum::new()).unwrap().generation, 2);
            assert_eq!(key_file_updates(&alice), 1);
            assert_eq!(alice.content(id), Some(b"x".to_vec()));
        }
    }
}

#[test]
fn mn_lost_reply_rotate_for_good_locks_nobody_out() {
    let alice = person(&broker());
    let id = alice.create(b"x", &[]);
    for _ in 0..3 {
        alice.broker.fault_next(Fault::LoseAnswer(TransportErrorKind::Interrupted));
    }
    assert_code(alice.run(RotateKeys::new()), "transport");
    alice.log_in(alice.id());
    assert_eq!(alice.user().keys().chain().sequence(), 2);
    assert_eq!(alice.content(id), Some(b"x".to_vec()));
    // A request that never arrived changed nothing.
    for _ in 0..3 {
        alice.broker.fault_next(Fault::Drop(TransportErrorKind::TimedOut));
    }
    assert_code(alice.run(RotateKeys::new()), "transport");
    assert_eq!(alice.run(RotateKeys::new()).unwrap().keys().chain().sequence(), 3);
}

#[test]
fn x08_a_key_file_changed_elsewhere_first_is_a_conflict_and_nothing_changes() {
    let first = person(&broker());
    let second = fresh(&first);
    second.run(ChangeCredentials::new(Credentials::new("Another horse 3", "Another staple 4"))).unwrap();
    assert_refused(first.run(RotateKeys::new()), RemoteCode::Conflict);
    assert_eq!(first.user().keys().chain().sequence(), 1);
    assert_eq!(card(&fresh_with(&first, "Another staple 4"), first.id()), 1);
    first.run(Login::new(first.id(), LoginWith::nothing().passphrase("Another staple 4"))).unwrap();
    assert_eq!(first.run(RotateKeys::new()).unwrap().keys().chain().sequence(), 2);
    // The credentials stay what they were.
    fresh_with(&first, "Another staple 4");
}

fn fresh_with(device: &Device, passphrase: &str) -> Device {
    let other = Device::new(&device.broker);
    other.run(Login::new(device.id(), LoginWith::nothing().passphrase(passphrase))).unwrap();
    other
}

#[test]
fn x08_a_ring_kept_elsewhere_is_changed_for_one_that_was_made_before() {
    let broker = broker();
    let (device, mut entropy) = (Device::new(&broker), SeededEntropy::new(41));
    let ring = KeyRing::generate(&mut entropy, device.now()).unwrap();
    let user = device.run(Register::new(ring.duplicate())).unwrap();
    device.run(Login::new(user.id(), LoginWith::nothing().user(user.clone()))).unwrap();
    let id = device.create(b"x", &[]);
    let later = device.now().plus_millis(1);
    let next = ring.rotated(KeyState::Retired, &mut entropy, later).unwrap();
    let after_next = next.rotated(KeyState::Retired, &mut entropy, later).unwrap();
    let foreign = KeyRing::generate(&mut entropy, later).unwrap();
    for refused in [RotateKeys::new(), RotateKeys::revoking()]
        .into_iter()
        .chain([ring, after_next, foreign].map(RotateKeys::to))
    {
        let (result, requests) = device.requests(|device| device.run(refused));
        assert_code(result, "invalid_argument");
        assert_eq!(requests, 0);
    }
    let rotated = device.run(RotateKeys::to(next.duplicate())).unwrap();
    assert_eq!(rotated.keys().chain().cards(), next.chain().cards());
    assert_eq!(device.content(id), Some(b"x".to_vec()));
    let other = Device::new(&broker);
    assert_refused(
        other.run(Login::new(user.id(), LoginWith::nothing().user(user.clone()))),
        RemoteCode::LoginRefused,
    );
    other.run(Login::new(user.id(), LoginWith::nothing().user(next.duplicate().into()))).unwrap();
    assert_eq!(other.content(id), Some(b"x".to_vec()));
    let last = next.rotated(KeyState::Revoked, &mut entropy, later).unwrap();
    let revoked = other.run(RevokeKeys::to(last)).unwrap();
    // The first key was retired, not revoked: what it signed stands.
    assert!(revoked.resigned.is_empty() && revoked.failed.is_empty(), "{revoked:?}");
}

#[test]
fn x08_nothing_is_sent_when_nobody_is_signed_in() {
    let device = Device::new(&broker());
    let id = ContainerId::from_bytes([1; 16]);
    let (results, requests) = device.requests(|device| {
        [
            device.run(RotateKeys::new()).map(|_| ()),
            device.run(RevokeKeys::new()).map(|_| ()),
            device.run(Resign::new(id)).map(|_| ()),
        ]
    });
    assert!(results.into_iter().all(|result| result.unwrap_err().code() == "not_logged_in"));
    assert_eq!(requests, 0);
    let unset = Device::with_session(&device.broker, Session::default());
    assert_code(unset.run(RotateKeys::new()), "not_initialized");
}

#[test]
fn x08_what_was_signed_after_another_readers_fast_clock_outlives_the_key() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    bob.get(id).unwrap();
    let mut fast = Altered::new(&bob);
    fast.skew = 4 * 60 * 1000;
    fast.run(Update::new(id).content(b"from ahead".to_vec())).unwrap();
    alice.get(id).unwrap();
    alice.update(Update::new(id).content(b"after that".to_vec())).unwrap();
    alice.run(RotateKeys::new()).unwrap();
    assert_eq!(fresh(&bob).content(id), Some(b"after that".to_vec()));
}

/// What a server tries with the chain of somebody who was met before.
#[test]
fn ms_append_key_and_ms_rollback_card_and_ms_fork_card_of_a_peer() {
    let [alice, bob, mallory] = people();
    let id = alice.id();
    let genuine_old = alice.user();
    let later = alice.now().plus_millis(1);
    let rotate = |ring: &KeyRing, seed| {
        ring.rotated(KeyState::Retired, &mut SeededEntropy::new(seed), later)
            .unwrap()
            .chain()
            .cards()
            .to_vec()
    };
    let ask = |cards: Vec<Vec<u8>>| {
        bob.broker.fault_next(Fault::Alter(Box::new(move |response| {
            let cards = cards.into_iter().map(|card| (id, card)).collect();
            response.body = KeysAnswer { unknown: Vec::new(), cards }.encode();
        })));
        bob.run(PublicKeys::new([id]).refreshed()).map(|chains| chains[0].sequence())
    };
    assert_eq!(card(&bob, id), 1);
    // A card of the server's own making: another user's key on it, or another user's card.
    let mut appended = genuine_old.keys().chain().cards().to_vec();
    appended.push(rotate(mallory.user().keys(), 51)[1].clone());
    assert_code(ask(appended), "card_chain_invalid");
    alice.run(RotateKeys::new()).unwrap();
    let present = alice.user().keys().chain().cards().to_vec();
    assert_eq!(ask(present.clone()), Ok(2), "the genuine chain");
    // The old card again, and another second card signed by the old key.
    assert_code(ask(genuine_old.keys().chain().cards().to_vec()), "peer_identity_changed");
    assert_code(ask(rotate(genuine_old.keys(), 52)), "peer_identity_changed");
    assert_eq!(ask(present), Ok(2));
}

/// The same with one's own chain: a server's word counts for nothing.
#[test]
fn ms_rollback_card_and_ms_fork_card_of_ones_own() {
    let alice = person(&broker());
    let second = fresh(&alice);
    let (id, old) = (alice.id(), alice.user());
    let later = alice.now().plus_millis(1);
    let fork = old.keys().rotated(KeyState::Retired, &mut SeededEntropy::new(53), later).unwrap();
    alice.run(RotateKeys::new()).unwrap();
    let ask = |device: &Device, cards: Vec<Vec<u8>>| {
        device.broker.fault_next(Fault::Alter(Box::new(move |response| {
            let cards = cards.into_iter().map(|card| (id, card)).collect();
            response.body = KeysAnswer { unknown: Vec::new(), cards }.encode();
        })));
        device.run(PublicKeys::new([id]).refreshed()).map(|chains| chains[0].sequence())
    };
    let (first, forked) = (old.keys().chain().cards().to_vec(), fork.chain().cards().to_vec());
    let present = alice.user().keys().chain().cards().to_vec();
    assert_code(ask(&alice, first.clone()), "own_identity_mismatch");
    assert_code(ask(&alice, forked.clone()), "own_identity_mismatch");
    assert_eq!(ask(&alice, present.clone()), Ok(2));
    // A device with the old key file takes more cards for genuine, and holds on to them.
    assert_eq!(ask(&second, first.clone()), Ok(1));
    assert_eq!(ask(&second, present), Ok(2));
    assert_code(ask(&second, first), "own_identity_mismatch");
    assert_code(ask(&second, forked), "own_identity_mismatch");
}

/// What comes back must be what was sent.
#[test]
fn ms_answers_to_new_keys_that_are_not_theirs_are_refused() {
    for body in [
        br#"{"user_id":"00000000-0000-8000-8000-000000000000","sequence":2,"server_time":1}"#.to_vec(),
        br#"{}"#.to_vec(),
    ] {
        let alice = person(&broker());
        alice.broker.fault_next(Fault::Alter(Box::new(move |response| response.body = body)));
        assert_code(alice.run(RotateKeys::new()), "protocol");
    }
    let alice = person(&broker());
    let own = alice.id();
    alice.broker.fault_next(Fault::Alter(Box::new(move |response| {
        response.body = format!(r#"{{"user_id":"{own}","sequence":2,"server_time":1}}"#).into_bytes();
    })));
    assert_code(alice.run(RotateKeys::new()), "key_file_invalid");
    Device::new(&alice.broker).run(Login::new(own, LoginWith::nothing().passphrase(PASSPHRASE))).unwrap();
}

#[test]
fn x08_containers_in_both_portions_open_on_a_second_device_after_many_changes() {
    let [alice, bob] = people();
    let mut ids = Vec::new();
    for round in 0..4u8 {
        ids.push((alice.create(&[round], &[alice.full(), bob.full()]), round));
        ids.push((bob.create(&[round], &[alice.full(), bob.full()]), round));
        alice.run(RotateKeys::new()).unwrap();
    }
    let (second, newcomer) = (fresh(&alice), fresh(&bob));
    for (id, round) in ids {
        for device in [&alice, &bob, &second, &newcomer] {
            let get = Get::new(id, absio_proto::model::Portion::Content);
            assert_eq!(device.run(get).unwrap().content, Some(vec![round]));
        }
    }
}
