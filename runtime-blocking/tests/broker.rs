//! Every method of the client against a real broker in this process.
#![allow(clippy::unwrap_used)]

use absio_blocking::{Client, FileSink, FileSource, MemorySink, MemorySource};
use absio_broker::{Fixture, SystemEntropy};
use absio_proto::User;
use absio_proto::crypto::KdfPolicy;
use absio_proto::model::{
    AccessChange, AccessList, Credentials, EventAction, EventFilter, Grant, Portion, Timestamp,
};
use absio_proto::ops::container::{ContentInput, Create, Update};
use absio_proto::ops::key_file;
use absio_proto::ops::user::LoginWith;
use absio_store::MemoryStore;
use serde_json::json;
use std::time::SystemTime;

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    fixture.clock().set(Timestamp::from_millis(now.as_millis() as u64));
    fixture
}

fn device(fixture: &Fixture) -> Client {
    Client::builder(fixture.api_key(), fixture.origin())
        .app_name("tests")
        .kdf_policy(KdfPolicy::insecure_for_tests())
        .transport(fixture.clone())
        .build()
        .unwrap()
}

/// The same with a local store in memory.
fn keeping_device(fixture: &Fixture) -> Client {
    let builder = Client::builder(fixture.api_key(), fixture.origin())
        .kdf_policy(KdfPolicy::insecure_for_tests())
        .transport(fixture.clone());
    builder.store(MemoryStore::new()).build().unwrap()
}

/// A new user, signed in on a device of their own.
fn join(fixture: &Fixture) -> (Client, User) {
    join_on(device(fixture))
}

fn join_on(client: Client) -> (Client, User) {
    let user = client.user().create(Credentials::new("Password 1", "Passphrase 2").reminder("hint")).unwrap();
    client.login(user.id(), LoginWith::nothing().user(user.clone())).unwrap();
    (client, user)
}

#[test]
fn users_and_key_files() {
    let fixture = fixture();
    let (client, user) = join_on(keeping_device(&fixture));
    assert!(client.is_authenticated());
    assert_eq!(client.info().unwrap().protocol, 1);
    assert_eq!(client.user().reminder(None).unwrap(), "hint");
    assert_eq!(device(&fixture).user().reminder(Some(user.id())).unwrap(), "hint");
    let (_, other) = join(&fixture);
    let chains = client.user().public_keys([user.id(), other.id()]).unwrap();
    assert_eq!(chains.len(), 2);
    assert_eq!(
        client.key_file().checksum(None).unwrap().checksum,
        user.sealed_key_file().unwrap().checksum()
    );
    assert!(!client.key_file().needs_sync(None).unwrap());

    let second = keeping_device(&fixture);
    let with = LoginWith::nothing().passphrase("Passphrase 2").password("Password 1");
    let fetched = second.key_file().get(user.id(), with).unwrap();
    assert_eq!(fetched.id(), user.id());
    assert!(second.signed_in().is_none());
    second.login(user.id(), LoginWith::nothing().passphrase("Passphrase 2")).unwrap();
    let changed = second.user().change_credentials(Credentials::new("Password 3", "Passphrase 4")).unwrap();
    assert!(client.key_file().needs_sync(None).unwrap());
    let wrong =
        device(&fixture).login(user.id(), LoginWith::nothing().passphrase("Passphrase 2")).unwrap_err();
    assert_eq!(wrong.code(), "retrieval_refused");
    let same = second.key_file().update(key_file::Update::new(changed.clone())).unwrap_err();
    assert_eq!(same.code(), "invalid_object", "a new version must count on");
    let open = changed.key_file().unwrap();
    let resealed = User::from(open.reseal(open.content().duplicate(), &mut SystemEntropy).unwrap());
    second.key_file().update(key_file::Update::new(resealed)).unwrap();

    second.user().delete().unwrap();
    assert!(second.signed_in().is_none());
    assert!(device(&fixture).login(user.id(), LoginWith::nothing().passphrase("Passphrase 4")).is_err());
}

#[test]
fn containers_in_memory_and_events() {
    let fixture = fixture();
    let (alice, alice_user) = join(&fixture);
    let (bob, bob_user) = join(&fixture);
    let access = AccessList::Users(vec![alice_user.id(), bob_user.id()]);
    let create = Create::new(b"content".to_vec()).header(json!({"a": 1})).container_type("t").access(access);
    let id = alice.container().create(create).unwrap().container.id.unwrap();
    let got = bob.container().get(id, Portion::All).unwrap();
    assert_eq!(got.content.as_deref(), Some(&b"content"[..]));
    assert_eq!(got.header, Some(json!({"a": 1})));
    assert_eq!(bob.container().list().unwrap()[0].container, id);
    let new = bob.new_container_events(EventFilter::default(), None).unwrap();
    assert!(new.iter().any(|event| event.action == EventAction::Added && event.container_id == Some(id)));
    assert!(bob.new_container_events(EventFilter::default(), None).unwrap().is_empty());
    let page =
        alice.events_page(EventFilter { container_id: Some(id), ..EventFilter::default() }, 1, 0).unwrap();
    assert!(page.more && page.events.len() == 1);
    assert_eq!(page.events[0].client_app_name.as_deref(), Some("tests"));

    let without_bob = AccessChange::Remove(vec![bob_user.id()]);
    alice.container().update(Update::new(id).content(b"new".to_vec()).access(without_bob)).unwrap();
    assert_eq!(bob.container().get(id, Portion::All).unwrap_err().code(), "container_not_found");
    alice.container().delete(id).unwrap();
    assert!(alice.container().list().unwrap().is_empty());
    // S-043: told as what it is, also to the session that did it.
    assert_eq!(alice.container().get(id, Portion::All).unwrap_err().code(), "deleted");
    assert!(!alice.events(EventFilter::default()).unwrap().is_empty());
    alice.logout().unwrap();
    assert!(alice.signed_in().is_none());
}

#[test]
fn contents_of_every_size_stream_through_files_and_memory() {
    let fixture = fixture();
    let (client, user) = join(&fixture);
    let directory = tempfile::tempdir().unwrap();
    for length in [0, 1, 4 << 20, (4 << 20) + 1, 21 << 20] {
        let bytes: Vec<u8> =
            (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        std::fs::write(&from, &bytes).unwrap();
        let mut source = FileSource::open(&from).unwrap();
        let create = Create::new(ContentInput::Streamed { length: source.length() })
            .access(AccessList::of([Grant::full(user.id())]));
        let id = client.container().create_from(create, &mut source).unwrap().container.id.unwrap();
        let mut sink = FileSink::create(&to).unwrap();
        let (_, written) = client.container().get_into(id, Portion::Content, &mut sink).unwrap();
        assert!(written);
        sink.commit().unwrap();
        assert!(std::fs::read(&to).unwrap() == bytes, "{length}");
        let mut memory = MemorySink::new();
        client.container().get_into(id, Portion::All, &mut memory).unwrap();
        assert!(memory.into_bytes() == bytes, "{length}");

        let update = Update::new(id).content(ContentInput::Streamed { length: 5 });
        client.container().update_from(update, &mut MemorySource::new(b"small")).unwrap();
        assert_eq!(client.container().get(id, Portion::All).unwrap().content.as_deref(), Some(&b"small"[..]));
    }
}

#[test]
fn a_source_that_ends_early_fails_and_stores_nothing() {
    let fixture = fixture();
    let (client, _) = join(&fixture);
    for length in [10, 9 << 20] {
        let create = Create::new(ContentInput::Streamed { length });
        let error = client.container().create_from(create, &mut MemorySource::new(b"short")).unwrap_err();
        assert_eq!(error.code(), "content");
    }
    assert!(client.container().list().unwrap().is_empty());
}
