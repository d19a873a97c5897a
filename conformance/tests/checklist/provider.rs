//! The server provider's own calls (checklist 1.11).

use crate::altered::Altered;
use crate::people::{Device, PASSPHRASE, PASSWORD, assert_refused, broker, people, person};
use absio_broker::{Fixture, SeededEntropy};
use absio_proto::crypto::segment::Padding;
use absio_proto::crypto::{
    Container, ContainerKeys, KdfPolicy, KeyFileContent, KeyRing, OpenKeyFile, Secret, WrapSecrets,
};
use absio_proto::effect::HttpRequest;
use absio_proto::model::{AccessChange, AccessList, ContainerId, Credentials, EventFilter, Portion};
use absio_proto::ops::container::{Changed, Create, Get, Update, UpdateOrCreate};
use absio_proto::ops::key_file::{self, Checksum};
use absio_proto::ops::user::{
    ChangeCredentials, Create as CreateUser, Delete, Login, LoginWith, Logout, Register,
};
use absio_proto::ops::{events, info};
use absio_proto::{CryptoError, Error, InputError, RemoteCode, User};
use serde_json::json;
use std::time::Duration;

/// A container encrypted here, of a header, a content and a type.
fn encrypted(container_type: Option<&str>) -> Container {
    let mut container = Container::new().with_header(json!({"h": 1})).with_content(b"content".to_vec());
    container.container_type = container_type.map(str::to_owned);
    container.encrypt(None, &mut SeededEntropy::new(21)).expect("it encrypts");
    container
}

/// The container as `device` fetches it, still encrypted.
fn fetched(device: &Device, id: ContainerId) -> Container {
    device.run(Get::new(id, Portion::All).encrypted()).expect("the container is shown")
}

fn id_of(changed: &Changed) -> ContainerId {
    changed.container.id.expect("it has an id now")
}

/// The bodies that `action` sends in changes.
fn uploaded(device: &Device, action: impl FnOnce(&Device)) -> usize {
    device.broker.record();
    action(device);
    let changes = |request: &HttpRequest| request.method != absio_proto::effect::Method::Get;
    device
        .broker
        .recorded()
        .iter()
        .map(|exchange| &exchange.request)
        .filter(|request| changes(request))
        .map(|request| request.body.len())
        .sum()
}

#[test]
fn s185_all_traffic_goes_through_the_transport_that_is_given() {
    let [bob] = people();
    let device = Device::new(&bob.broker);
    let watched = Altered::new(&device);
    let before = device.broker.requests();
    let user = watched.run(CreateUser::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap();
    watched.run(Login::new(user.id(), LoginWith::nothing().passphrase(PASSPHRASE))).unwrap();
    let users = AccessList::Users(vec![user.id(), bob.id()]);
    let id = id_of(&watched.run(Create::new(vec![1; 5 << 20]).access(users)).unwrap());
    watched.run(Get::new(id, Portion::All)).unwrap();
    watched.run(events::Get::new(EventFilter::default())).unwrap();
    watched.run(info::Info::new()).unwrap();
    watched.run(Delete::new()).unwrap();
    assert_eq!(device.broker.requests() - before, watched.sent.borrow().len() as u64);
    assert!(watched.sent.borrow().iter().all(|request| request.origin == device.broker.origin()));
}

#[test]
fn s208_nothing_is_written_to_any_store() {
    let device = Device::new(&broker());
    let watched = Altered::new(&device);
    let user = watched.run(CreateUser::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap();
    watched.run(Login::new(user.id(), LoginWith::nothing().passphrase(PASSPHRASE))).unwrap();
    let id = id_of(&watched.run(Create::new(b"x".to_vec())).unwrap());
    watched.run(Get::new(id, Portion::All)).unwrap();
    watched.run(events::Get::of_containers(EventFilter::default(), None)).unwrap();
    watched.run(ChangeCredentials::new(Credentials::new("Another horse 3", "Another staple 4"))).unwrap();
    watched.run(Logout::new()).unwrap();
    assert_eq!(watched.stored.get(), 0);
}

#[test]
fn s192_an_upload_creates_with_access_and_type_whatever_the_flags() {
    let [alice, bob] = people();
    for (access_changed, type_changed) in [(false, false), (true, true)] {
        let write = UpdateOrCreate::new(encrypted(Some("t")))
            .access_changed(access_changed)
            .type_changed(type_changed)
            .access(AccessList::Users(vec![alice.id(), bob.id()]));
        let (changed, requests) = alice.requests(|alice| alice.run(write).unwrap());
        assert!(requests <= 2, "one, and one for keys not known yet");
        assert!(changed.container.encrypted() && changed.container.created_at().is_some());
        let id = id_of(&changed);
        let got = alice.get(id).unwrap();
        assert_eq!((got.header, got.container_type.as_deref()), (Some(json!({"h": 1})), Some("t")));
        assert_eq!(bob.content(id), Some(b"content".to_vec()));
    }
    // Without a list it is for the creator alone, and either part may be missing.
    let mut empty = Container::new();
    empty.encrypt(None, &mut SeededEntropy::new(5)).unwrap();
    let id = id_of(&alice.run(UpdateOrCreate::new(empty)).unwrap());
    let got = alice.get(id).unwrap();
    assert_eq!((got.header.clone(), got.content.clone(), got.access().unwrap().len()), (None, None, 1));
}

#[test]
fn s192_an_upload_updates_content_header_type_and_access() {
    let [alice, bob, carol] = people();
    let id = alice.changed(
        Create::new(b"old".to_vec())
            .container_type("old")
            .access(AccessList::Users(vec![alice.id(), bob.id()])),
    );
    let mut container = fetched(&alice, id);
    let keys = container.container_keys().unwrap().duplicate();
    container.decrypt(None).unwrap();
    container.content = Some(b"new".to_vec());
    container.header = Some(json!("new"));
    container.container_type = Some("new".into());
    container.content_padding = Padding::Padme;
    container.encrypt(Some(keys.duplicate()), &mut SeededEntropy::new(8)).unwrap();
    let access = AccessList::of([alice.full(), carol.rights(11)]);
    let write = UpdateOrCreate::new(container).access(access);
    let changed = alice.run(write).unwrap();
    assert_eq!(id_of(&changed), id);
    assert_eq!(changed.container.modified_by(), Some(alice.id()));
    assert!(changed.container.container_keys().unwrap() != &keys, "every upload re-keys");
    let got = carol.get(id).unwrap();
    assert_eq!((got.content.as_deref(), got.header), (Some(&b"new"[..]), Some(json!("new"))));
    assert_eq!(alice.get(id).unwrap().container_type.as_deref(), Some("new"));
    assert_refused(bob.get(id), RemoteCode::ContainerNotFound);

    // What is not there is removed; the list that was fetched is written back unchanged.
    let mut container = fetched(&alice, id);
    container.decrypt(None).unwrap();
    container.header = None;
    container.encrypt(None, &mut SeededEntropy::new(9)).unwrap();
    alice.run(UpdateOrCreate::new(container)).unwrap();
    let got = carol.get(id).unwrap();
    assert_eq!((got.content.as_deref(), got.header), (Some(&b"new"[..]), None));
}

#[test]
fn s192_what_an_upload_does_not_change_needs_no_right() {
    let [alice, bob] = people();
    // Everything an upload needs, and neither type.view nor type.modify.
    let id = alice.changed(
        Create::new(b"old".to_vec())
            .container_type("kept")
            .access(AccessList::of([alice.full(), bob.rights(1 + 2 + 4 + 8 + 16)])),
    );
    let mut container = fetched(&bob, id);
    assert_eq!(container.container_type, None);
    container.decrypt(None).unwrap();
    container.content = Some(b"by bob".to_vec());
    container.encrypt(None, &mut SeededEntropy::new(9)).unwrap();
    bob.run(UpdateOrCreate::new(container)).unwrap();
    let got = alice.get(id).unwrap();
    assert_eq!((got.content.as_deref(), got.container_type.as_deref()), (Some(&b"by bob"[..]), Some("kept")));
}

/// Alice's container as she fetched it, after Bob was taken off its list by another device of hers.
fn stale(alice: &Device, bob: &Device) -> (ContainerId, impl Fn() -> Container) {
    let access = AccessList::of([alice.full(), bob.full()]);
    let id = alice.changed(Create::new(b"old".to_vec()).container_type("t").access(access));
    let keys = fetched(alice, id).container_keys().unwrap().duplicate();
    let old = fetched(alice, id);
    let (metadata, data) = (old.metadata.clone(), old.into_data().unwrap());
    let other = Device::new(&alice.broker);
    other.log_in(alice.id());
    other.update(Update::new(id).access(AccessChange::OnlyMe)).unwrap();
    let container = move || {
        let mut container = Container::from_data(data.clone()).with_id(id).with_keys(keys.duplicate());
        (container.metadata, container.container_type) = (metadata.clone(), Some("t".into()));
        container
    };
    (id, container)
}

#[test]
fn s192_s193_mc_write_of_a_stale_container_cannot_undo_a_revocation() {
    let [alice, bob] = people();
    let (id, container) = stale(&alice, &bob);
    // Once with the old head still remembered, once with the new one.
    for _ in 0..2 {
        for write in [
            UpdateOrCreate::new(container()).requires_upload(false).access_changed(true),
            UpdateOrCreate::new(container()),
            UpdateOrCreate::new(container()).access_changed(true),
        ] {
            let refused = alice.run(write).unwrap_err();
            assert_eq!(refused, InputError::ChangedMeanwhile { container: id, base: 1, present: 2 }.into());
            assert_refused(bob.get(id), RemoteCode::ContainerNotFound);
        }
        alice.get(id).unwrap();
    }
    // Fetched anew it may be written; and a list that is given is the caller's word.
    alice.run(UpdateOrCreate::new(fetched(&alice, id))).unwrap();
    assert_refused(bob.get(id), RemoteCode::ContainerNotFound);
    let given = AccessList::of([alice.full(), bob.full()]);
    let write = UpdateOrCreate::new(container()).requires_upload(false).access_changed(true).access(given);
    let changed = alice.run(write).unwrap().container;
    assert!(changed.data().is_none(), "bytes of revision 1 are not those of this one");
    assert_eq!(bob.content(id), Some(b"old".to_vec()));
}

#[test]
fn s192_mc_upload_of_a_stale_container_is_no_lost_update() {
    let [alice, bob] = people();
    let id = alice.create(b"old", &[alice.full(), bob.full()]);
    let old = fetched(&alice, id);
    bob.update(Update::new(id).content(b"by bob".to_vec())).unwrap();
    alice.get(id).unwrap();
    let refused = alice.run(UpdateOrCreate::new(old)).unwrap_err();
    assert_eq!(refused, InputError::ChangedMeanwhile { container: id, base: 1, present: 2 }.into());
    assert_eq!(alice.content(id), Some(b"by bob".to_vec()));
}

#[test]
fn s192_of_a_container_made_by_hand_only_what_is_given_is_written() {
    let [alice, bob] = people();
    let access = AccessList::of([alice.full(), bob.full()]);
    let id = alice.changed(Create::new(b"old".to_vec()).container_type("kept").access(access));
    let by_hand = |container_type: Option<&str>| {
        let mut container = Container::new().with_id(id).with_content(b"content".to_vec());
        container.container_type = container_type.map(str::to_owned);
        container.encrypt(None, &mut SeededEntropy::new(22)).unwrap();
        UpdateOrCreate::new(container)
    };
    alice.run(by_hand(None)).unwrap();
    let got = bob.get(id).unwrap();
    assert_eq!(
        (got.content.as_deref(), got.container_type.as_deref()),
        (Some(&b"content"[..]), Some("kept"))
    );
    alice.run(by_hand(Some("given"))).unwrap();
    assert_eq!(bob.get(id).unwrap().container_type.as_deref(), Some("given"));
}

#[test]
fn s193_only_the_access_list_is_written() {
    let [alice, bob] = people();
    let id = alice.changed(Create::new(vec![7; 100_000]).container_type("t"));
    let container = fetched(&alice, id);
    let data = container.data().unwrap().to_vec();
    let mut changed = None;
    let bytes = uploaded(&alice, |alice| {
        let mut container = container;
        container.container_type = Some("not written".into());
        let access = AccessList::Users(vec![alice.id(), bob.id()]);
        let write = UpdateOrCreate::new(container).requires_upload(false).access_changed(true).access(access);
        changed = Some(alice.run(write).unwrap().container);
    });
    assert!(bytes < 10_000, "{bytes}");
    let changed = changed.unwrap();
    assert_eq!(changed.data(), Some(&data[..]), "the caller's own bytes are still the container's");
    assert_eq!(changed.access().unwrap().len(), 2);
    assert_eq!(changed.container_type.as_deref(), Some("t"));
    assert_eq!(bob.content(id), Some(vec![7; 100_000]));
    // There must be a list to write.
    let whole = UpdateOrCreate::new(encrypted(None).with_id(id)).requires_upload(false).access_changed(true);
    let (refused, requests) = alice.requests(|alice| alice.run(whole));
    assert_eq!((refused.unwrap_err().code(), requests), ("invalid_argument", 0));
}

#[test]
fn s194_only_the_type_is_written() {
    let [alice, bob] = people();
    let id = alice.changed(
        Create::new(vec![7; 100_000])
            .container_type("old")
            .access(AccessList::of([alice.full(), bob.full()])),
    );
    let write = |text: Option<&str>| {
        let mut container = fetched(&alice, id);
        container.container_type = text.map(str::to_owned);
        UpdateOrCreate::new(container).requires_upload(false).type_changed(true)
    };
    let content_at = alice.get(id).unwrap().metadata.unwrap().content_at;
    alice.broker.clock().advance(Duration::from_secs(5));
    let set = write(Some("new"));
    let bytes = uploaded(&alice, |alice| {
        let changed = alice.run(set).unwrap();
        assert_eq!(changed.container.container_type.as_deref(), Some("new"));
        assert_eq!(changed.container.modified_at(), Some(alice.now()));
    });
    assert!(bytes < 10_000, "{bytes}");
    let got = bob.get(id).unwrap();
    assert_eq!(
        (got.container_type.as_deref(), got.content.as_deref()),
        (Some("new"), Some(&[7; 100_000][..]))
    );
    let metadata = got.metadata.unwrap();
    assert_eq!((metadata.content_at, metadata.access.len()), (content_at, 2));
    alice.run(write(None)).unwrap();
    assert_eq!(bob.get(id).unwrap().container_type, None);
}

#[test]
fn s195_with_no_flag_nothing_is_sent() {
    let alice = person(&broker());
    let id = alice.create(b"x", &[]);
    let container = fetched(&alice, id);
    let data = container.data().unwrap().to_vec();
    let (changed, requests) =
        alice.requests(|alice| alice.run(UpdateOrCreate::new(container).requires_upload(false)).unwrap());
    assert_eq!(requests, 0);
    assert_eq!((changed.container.data(), changed.warnings.len()), (Some(&data[..]), 0));
}

#[test]
fn s196_a_container_that_is_not_encrypted_is_refused_and_nothing_is_sent() {
    let alice = person(&broker());
    let id = alice.create(b"x", &[]);
    let plain = || alice.get(id).unwrap();
    for write in [
        UpdateOrCreate::new(Container::new().with_content(b"x".to_vec())),
        UpdateOrCreate::new(Container::new().with_header(json!(1))),
        UpdateOrCreate::new(Container::new()),
        UpdateOrCreate::new(plain()),
        UpdateOrCreate::new(plain()).requires_upload(false).type_changed(true),
        UpdateOrCreate::new(plain()).requires_upload(false),
    ] {
        let (refused, requests) = alice.requests(|alice| alice.run(write));
        assert_eq!((refused.unwrap_err(), requests), (InputError::NotEncrypted.into(), 0));
    }
    // Encrypted, but without keys, with damaged bytes, or without an id where one is needed.
    let data = encrypted(None).into_data().unwrap();
    let keys = || ContainerKeys::new(Secret::new([1; 32]), Secret::new([2; 32]));
    for (write, code) in [
        (UpdateOrCreate::new(Container::from_data(data.clone())), "no_container_keys"),
        (UpdateOrCreate::new(Container::from_data(data.clone()).with_keys(keys())), "decrypt"),
        (UpdateOrCreate::new(Container::from_data(vec![1, 2, 3]).with_keys(keys())), "malformed"),
        (UpdateOrCreate::new(encrypted(None)).requires_upload(false).type_changed(true), "invalid_argument"),
    ] {
        let (refused, requests) = alice.requests(|alice| alice.run(write));
        assert_eq!((refused.unwrap_err().code(), requests), (code, 0));
    }
    assert_eq!(alice.run(absio_proto::ops::container::List::new()).unwrap().len(), 1);
}

#[test]
fn s192_an_id_that_the_caller_cannot_have_made_is_not_created() {
    let [alice, bob] = people();
    let of_bob = bob.create(b"x", &[]);
    for id in [ContainerId::from_bytes([4; 16]), of_bob] {
        let mut container = Container::new().with_id(id).with_content(b"mine".to_vec());
        container.encrypt(None, &mut SeededEntropy::new(2)).unwrap();
        assert_refused(alice.run(UpdateOrCreate::new(container)), RemoteCode::ContainerNotFound);
    }
}

#[test]
fn s197_the_answer_has_fresh_times_and_the_list_as_the_caller_sees_it() {
    let [alice, bob] = people();
    let retype = 1 + 2 + 32 + 64;
    let id =
        alice.changed(Create::new(b"x".to_vec()).access(AccessList::of([alice.full(), bob.rights(retype)])));
    let mut container = fetched(&bob, id);
    container.container_type = Some("by bob".into());
    bob.broker.clock().advance(Duration::from_secs(9));
    let write = UpdateOrCreate::new(container).requires_upload(false).type_changed(true);
    let changed = bob.run(write).unwrap().container;
    assert_eq!((changed.modified_at(), changed.modified_by()), (Some(bob.now()), Some(bob.id())));
    let metadata = changed.metadata.unwrap();
    assert_eq!(metadata.access.keys().collect::<Vec<_>>(), [&bob.id()]);
    assert!(!metadata.access_complete);
    assert_eq!(alice.get(id).unwrap().access().unwrap().len(), 2);
}

#[test]
fn s200_s201_a_key_file_opens_by_the_password_or_by_rescue_to_the_same_ring() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    let get = |passphrase: &str, password: Option<&str>| {
        device.run(key_file::Get::new(alice.id(), passphrase, password)).map(|(user, _)| user)
    };
    let rescued = get(PASSPHRASE, None).unwrap();
    let opened = get(PASSPHRASE, Some(PASSWORD)).unwrap();
    assert_eq!(rescued.keys().chain().cards(), opened.keys().chain().cards());
    let private = |user: &User| user.keys().derivation_secret(1).unwrap().to_bytes();
    assert_eq!(private(&rescued), private(&opened));
    // Which argument is which is said by their types, so that they cannot be taken for each other.
    assert_eq!(
        get(PASSPHRASE, Some(PASSPHRASE)).unwrap_err(),
        InputError::WrongPassword { user: alice.id() }.into()
    );
    assert_refused(get(PASSWORD, Some(PASSWORD)), RemoteCode::RetrievalRefused);
}

#[test]
fn s202_a_key_file_is_replaced_and_then_fetched_by_its_passphrase() {
    let alice = person(&broker());
    let file = alice.user();
    let open = file.key_file().unwrap();
    let mut content = open.content().duplicate();
    content.reminder = "inside and out".into();
    let new = || User::from(open.reseal(content.duplicate(), &mut SeededEntropy::new(4)).unwrap());
    // A retrieval key of another passphrase would lock out every new device.
    let (refused, requests) =
        alice.requests(|alice| alice.run(key_file::Update::new(new()).passphrase("Wrong staple 2")));
    assert_eq!(
        (refused.unwrap_err(), requests),
        (InputError::WrongPassphrase { user: alice.id() }.into(), 0)
    );
    let (updated, requests) =
        alice.requests(|alice| alice.run(key_file::Update::new(new()).passphrase(PASSPHRASE)).unwrap());
    assert_eq!(requests, 1);
    let stored = alice.run(Checksum::new()).unwrap();
    assert_eq!(stored.checksum, updated.sealed_key_file().unwrap().checksum());
    let fresh = Device::new(&alice.broker);
    fresh.log_in(alice.id());
    assert_eq!(fresh.user().key_file().unwrap().reminder(), "inside and out");
    assert_eq!(fresh.run(absio_proto::ops::user::Reminder::new(None)).unwrap(), "inside and out");
    // Another user's file is not taken.
    let bob = person(&alice.broker);
    let (refused, requests) = alice.requests(|alice| alice.run(key_file::Update::new(bob.user())));
    assert_eq!((refused.unwrap_err().code(), requests), ("invalid_argument", 0));
}

#[test]
fn s202_mc_key_file_of_another_card_chain_is_not_taken() {
    let alice = person(&broker());
    let file = alice.user();
    let open = file.key_file().unwrap();
    let with = |ring: KeyRing, seed| {
        let content = KeyFileContent { ring, ..open.content().duplicate() };
        User::from(open.reseal(content, &mut SeededEntropy::new(seed)).unwrap())
    };
    let rotated = |seed| {
        let (old, mut entropy) = (file.keys(), SeededEntropy::new(seed));
        old.rotated(absio_proto::crypto::KeyState::Retired, &mut entropy, alice.now()).unwrap()
    };
    // One that goes on from the session's own is taken; the session holds that chain now.
    alice.run(key_file::Update::new(with(rotated(41), 51))).unwrap();
    for (ring, what) in [(rotated(42), "a fork"), (file.keys().duplicate(), "an older one")] {
        let (refused, requests) = alice.requests(|alice| alice.run(key_file::Update::new(with(ring, 52))));
        assert_eq!((refused.unwrap_err().code(), requests), ("invalid_argument", 0), "{what}");
    }
    assert_eq!(alice.user().keys().chain().sequence(), 2);
}

#[test]
fn s202_s205_a_user_without_a_key_file_is_given_the_first_one() {
    let device = Device::new(&broker());
    let mut entropy = SeededEntropy::new(31);
    let (signing, derivation) = (Secret::new([11; 32]), Secret::new([12; 32]));
    let ring = KeyRing::from_seeds(signing, derivation, &mut entropy, device.now()).unwrap();
    let id = ring.user_id();
    let content = KeyFileContent {
        ring: ring.duplicate(),
        reminder: "later".into(),
        origin: device.broker.origin().into(),
        api_key: device.broker.api_key(),
        store_secret: Secret::new([13; 32]),
    };
    let registered = device.run(Register::new(ring)).unwrap();
    assert_eq!(registered.id(), id, "the id is the one that the keys imply, echoed");
    assert_eq!(registered.keys().derivation_secret(1).unwrap().to_bytes(), [12; 32]);
    device.run(Login::new(id, LoginWith::nothing().user(registered))).unwrap();

    let policy = KdfPolicy::insecure_for_tests();
    let wraps = WrapSecrets::draw(&mut entropy).unwrap().wrap(id, PASSWORD, PASSPHRASE, &policy).unwrap();
    let file = User::from(OpenKeyFile::seal_new(content, wraps, &mut entropy).unwrap());
    let without = device.run(key_file::Update::new(file.clone()));
    assert_refused(without, RemoteCode::BadRequest);
    device.run(key_file::Update::new(file).passphrase(PASSPHRASE)).unwrap();
    Device::new(&device.broker).log_in(id);
    // From here on the user is as any other.
    device.run(ChangeCredentials::new(Credentials::new("Another horse 3", "Another staple 4"))).unwrap();
}

#[test]
fn s205_an_id_that_is_echoed_differently_is_refused() {
    let device = Device::new(&broker());
    device.broker.fault_next(absio_broker::Fault::Alter(Box::new(|response| {
        response.body = br#"{"user_id":"00000000-0000-8000-8000-000000000000","server_time":1}"#.to_vec();
    })));
    let refused = device.run(CreateUser::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap_err();
    assert_eq!(refused.code(), "protocol");
}

#[test]
fn s205_a_ring_is_registered_once_and_before_its_keys_change() {
    let device = Device::new(&broker());
    let mut entropy = SeededEntropy::new(32);
    let ring = KeyRing::generate(&mut entropy, device.now()).unwrap();
    let rotated = ring.rotated(absio_proto::crypto::KeyState::Retired, &mut entropy, device.now()).unwrap();
    let (refused, requests) = device.requests(|device| device.run(Register::new(rotated)));
    assert_eq!((refused.unwrap_err().code(), requests), ("invalid_argument", 0));
    device.run(Register::new(ring.duplicate())).unwrap();
    assert_refused(device.run(Register::new(ring)), RemoteCode::AlreadyExists);
}

#[test]
fn ms_swap_own_card_is_refused() {
    let [alice, mallory] = people();
    let (own, foreign) = (alice.id(), mallory.user().keys().chain().cards()[0].clone());
    alice.broker.fault_next(absio_broker::Fault::Alter(Box::new(move |response| {
        let answer = absio_proto::wire::KeysAnswer { unknown: Vec::new(), cards: vec![(own, foreign)] };
        response.body = answer.encode();
    })));
    let ask = || alice.run(absio_proto::ops::user::PublicKeys::new([own]).refreshed());
    assert_eq!(ask().unwrap_err(), Error::Crypto(CryptoError::OwnIdentityMismatch { user: own }));
    assert_eq!(ask().unwrap()[0].user_id(), own, "the control");
}

/// The same fixture twice gives the same answers: what the tests above rest on.
#[test]
fn a_seeded_broker_repeats_itself() {
    let key = |seed| Fixture::seeded(seed).api_key();
    assert_eq!(key(3), key(3));
    assert_ne!(key(3), key(4));
}
