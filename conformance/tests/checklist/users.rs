//! Users (checklist 1.9, S-203 to S-207).

use crate::altered::Altered;
use crate::people::{Device, PASSPHRASE, PASSWORD, REMINDER, assert_refused, broker, people, person};
use absio_proto::crypto::{KeyKind, KeyState};
use absio_proto::model::{Credentials, EventAction, EventFilter, EventType, UserId};
use absio_proto::ops::container::List;
use absio_proto::ops::key_file::Checksum;
use absio_proto::ops::user::{Create, Delete, Login, LoginWith, PublicKeys, Reminder};
use absio_proto::{CryptoError, Error, InputError, RemoteCode};

#[test]
fn s152_another_users_ring_has_public_keys_only() {
    let [alice, bob] = people();
    let chains = alice.run(PublicKeys::new([bob.id()])).unwrap();
    // What is given out is the chain of public cards: private keys have no place in its type.
    assert_eq!(chains[0].cards(), bob.user().keys().chain().cards());
    let derivation = *bob.user().keys().derivation_secret(1).unwrap().as_bytes();
    assert!(!chains[0].cards().iter().any(|card| card.windows(32).any(|window| window == derivation)));
}

#[test]
fn s153_a_ring_has_keys_of_both_kinds_with_index_and_state() {
    let alice = person(&broker());
    let user = alice.user();
    let keys: Vec<_> =
        user.keys().chain().latest().keys.iter().map(|key| (key.kind, key.index, key.state)).collect();
    assert_eq!(keys, [(KeyKind::Sign, 1, KeyState::Active), (KeyKind::Derive, 1, KeyState::Active)]);
    assert_eq!(user.keys().signing_index(), 1);
    assert!(user.keys().derivation_secret(1).is_some() && user.keys().derivation_secret(2).is_none());
}

#[test]
fn s154_create_registers_keys_and_key_file_in_one_round_trip() {
    let [observer] = people();
    let device = Device::new(&observer.broker);
    let credentials = Credentials::new(PASSWORD, PASSPHRASE).reminder(REMINDER);
    let (user, requests) = device.requests(|device| device.run(Create::new(credentials)).unwrap());
    assert_eq!(requests, 1);
    assert!(device.session(|session| session.user().is_none()), "nobody is signed in by it");
    let chains = observer.run(PublicKeys::new([user.id()])).unwrap();
    assert_eq!(chains[0].cards(), user.keys().chain().cards());
    device.log_in(user.id());
    let stored = device.run(Checksum::new()).unwrap();
    assert_eq!((stored.checksum, stored.generation), (user.sealed_key_file().unwrap().checksum(), 1));
    assert_eq!(device.user().key_file().unwrap().reminder(), REMINDER);
    assert_eq!(device.user().key_file().unwrap().origin(), device.broker.origin());
    // Each user is another.
    let again = device.run(Create::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap();
    assert_ne!(again.id(), user.id());
}

#[test]
fn s156_validators_run_before_any_key_is_made() {
    let device = Device::new(&broker());
    let watched = Altered::new(&device);
    let weak = Create::new(Credentials::new("weak", PASSPHRASE));
    assert_eq!(watched.run(weak).unwrap_err().code(), "credential_refused");
    // The driver's own token is all that was drawn.
    assert_eq!(watched.drawn.borrow().iter().map(Vec::len).collect::<Vec<_>>(), [8]);
    assert_eq!(device.broker.requests(), 0);
    watched.run(Create::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap();
    assert!(watched.drawn.borrow().len() > 5);
}

#[test]
fn s160_delete_is_for_ever_and_leaves_what_others_share() {
    let [alice, bob] = people();
    let id = alice.id();
    let own = alice.create(b"hers alone", &[]);
    let shared = alice.create(b"for both", &[alice.full(), bob.full()]);
    let by_bob = bob.create(b"from bob", &[alice.full(), bob.full()]);
    let user = alice.user();
    alice.run(Delete::new()).unwrap();
    assert!(alice.session(|session| session.user().is_none()));

    let fresh = Device::new(&bob.broker);
    let with = LoginWith::nothing().passphrase(PASSPHRASE);
    assert_refused(fresh.run(Login::new(id, with)), RemoteCode::RetrievalRefused);
    let sealed = user.sealed_key_file().unwrap().clone();
    let with = LoginWith::nothing().key_file(sealed).password(PASSWORD);
    assert_refused(fresh.run(Login::new(id, with)), RemoteCode::LoginRefused);
    assert_refused(fresh.run(Login::new(id, LoginWith::nothing().user(user))), RemoteCode::LoginRefused);
    assert_eq!(fresh.run(Reminder::new(Some(id))).unwrap(), "");

    assert_eq!(bob.content(shared), Some(b"for both".to_vec()));
    assert_eq!(bob.content(by_bob), Some(b"from bob".to_vec()));
    assert_eq!(bob.run(List::new()).unwrap().len(), 2);
    assert_refused(bob.get(own), RemoteCode::ContainerNotFound);
    // The id stays taken by a closed chain: nothing can be shared with it.
    let chain = &bob.run(PublicKeys::new([id]).refreshed()).unwrap()[0];
    assert!(chain.is_closed() && chain.active_derivation().is_none());
    let grant = absio_proto::model::Grant::full(id);
    let share = absio_proto::ops::container::Create::new(b"x".to_vec());
    let share = share.access(absio_proto::model::AccessList::of([bob.full(), grant]));
    assert_refused(bob.run(share), RemoteCode::UserNotFound);
}

#[test]
fn s206_nobody_else_can_be_deleted() {
    let [alice, bob] = people();
    let (refused, requests) = alice.requests(|alice| alice.run(Delete::of(bob.id())));
    assert!(matches!(refused, Err(Error::Input(InputError::InvalidArgument { argument: "user", .. }))));
    assert_eq!(requests, 0);
    Device::new(&alice.broker).log_in(bob.id());
    alice.run(Delete::of(alice.id())).unwrap();
}

#[test]
fn s161_s162_s207_the_reminder_is_public() {
    let alice = person(&broker());
    let stranger = Device::new(&alice.broker);
    let (reminder, requests) = stranger.requests(|stranger| stranger.run(Reminder::new(Some(alice.id()))));
    assert_eq!((reminder.unwrap().as_str(), requests), (REMINDER, 1));
    assert_eq!(alice.run(Reminder::new(None)).unwrap(), REMINDER);
    assert_eq!(stranger.run(Reminder::new(None)).unwrap_err(), InputError::NotAuthenticated.into());
    // Nobody learns from it who exists.
    assert_eq!(stranger.run(Reminder::new(Some(UserId::from_bytes([9; 16])))).unwrap(), "");
}

#[test]
fn s163_reading_a_reminder_changes_nothing() {
    let alice = person(&broker());
    let filter = EventFilter { event_type: Some(EventType::KeyFile), ..EventFilter::default() };
    let before = (alice.run(Checksum::new()).unwrap(), alice.events(filter.clone()));
    for _ in 0..2 {
        alice.run(Reminder::new(None)).unwrap();
    }
    assert_eq!((alice.run(Checksum::new()).unwrap(), alice.events(filter)), before);
    assert!(before.1.iter().all(|event| event.action != EventAction::Updated));
}

#[test]
fn s203_public_keys_of_unknown_users_are_an_error_that_names_them() {
    let [alice, bob] = people();
    let unknown = UserId::from_bytes([9; 16]);
    match alice.run(PublicKeys::new([bob.id(), unknown])) {
        Err(Error::Remote(error)) => {
            assert_eq!(error.code, RemoteCode::UserNotFound);
            assert_eq!(error.subject, Some(unknown.to_string()));
        }
        other => panic!("{:?}", other.map(|chains| chains.len())),
    }
    // One request for all that are not known yet, none for those that are.
    let (chains, requests) =
        alice.requests(|alice| alice.run(PublicKeys::new([alice.id(), bob.id()])).unwrap());
    assert_eq!(chains.len(), 2);
    assert!(requests <= 1);
    let (_, requests) = alice.requests(|alice| alice.run(PublicKeys::new([bob.id(), alice.id()])).unwrap());
    assert_eq!(requests, 0);
}

/// Security case 1: a server that hands out another user's keys under this id is found out.
#[test]
fn s203_keys_that_do_not_belong_to_the_id_are_refused() {
    let [alice, bob, mallory] = people();
    let (victim, evil) = (bob.id(), mallory.user().keys().chain().cards()[0].clone());
    alice.broker.fault_next(absio_broker::Fault::Alter(Box::new(move |response| {
        let answer = absio_proto::wire::KeysAnswer { unknown: Vec::new(), cards: vec![(victim, evil)] };
        response.body = answer.encode();
    })));
    let refused = alice.run(PublicKeys::new([victim])).unwrap_err();
    assert_eq!(refused, CryptoError::IdentityMismatch { user: victim }.into());
}
