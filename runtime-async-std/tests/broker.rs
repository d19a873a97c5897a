//! The methods of the client against a real broker in this process, called from every executor.
#![allow(clippy::unwrap_used)]

mod people;

use absio_async_std::{Client, FileSink, FileSource, MemorySink, MemorySource, SystemEntropy, Unblocked};
use absio_broker::http::{Server, ServerConfig};
use absio_broker::{Fixture, create_api_key};
use absio_proto::User;
use absio_proto::crypto::KdfPolicy;
use absio_proto::model::{AccessChange, AccessList, Credentials, EventAction, EventFilter, Grant, Portion};
use absio_proto::ops::container::{ContentInput, Create, Update};
use absio_proto::ops::key_file;
use absio_proto::ops::user::LoginWith;
use absio_store::MemoryStore;
use people::{PASSPHRASE, PASSWORD, builder, join, join_with, sign_up};
use serde_json::json;
use smol::block_on;
use std::sync::Arc;

#[test]
fn users_and_key_files() {
    let broker = Fixture::at_present();
    let device = async || builder(&broker).store(Unblocked::new(MemoryStore::new())).build().await.unwrap();
    block_on(async {
        let (client, user) = join(&broker).await;
        assert!(client.is_authenticated());
        assert_eq!(client.info().await.unwrap().protocol, 1);
        assert_eq!(client.user().reminder(None).await.unwrap(), "hint");
        let (_, other) = join(&broker).await;
        assert_eq!(client.user().public_keys([user.id(), other.id()]).await.unwrap().len(), 2);
        assert!(!client.key_file().needs_sync(None).await.unwrap());

        let second = device().await;
        let with = LoginWith::nothing().passphrase(PASSPHRASE).password(PASSWORD);
        assert_eq!(second.key_file().get(user.id(), with).await.unwrap().id(), user.id());
        assert!(second.signed_in().is_none());
        second.login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).await.unwrap();
        let to = Credentials::new("Password 3", "Passphrase 4");
        let changed = second.user().change_credentials(to).await.unwrap();
        assert!(client.key_file().needs_sync(None).await.unwrap());
        let wrong = device().await.login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).await;
        assert_eq!(wrong.unwrap_err().code(), "retrieval_refused");
        let open = changed.key_file().unwrap();
        let resealed = User::from(open.reseal(open.content().duplicate(), &mut SystemEntropy).unwrap());
        second.key_file().update(key_file::Update::new(resealed)).await.unwrap();
        second.user().rotate_keys().await.unwrap();
        second.user().delete().await.unwrap();
        assert!(second.signed_in().is_none());
        let with = LoginWith::nothing().passphrase("Passphrase 4");
        assert!(device().await.login(user.id(), with).await.is_err());
    });
}

/// Two users share a container, one is left out again: a whole story for one executor.
async fn a_shared_letter(broker: Fixture) {
    let ((alice, alices), (bob, bobs)) = (join(&broker).await, join(&broker).await);
    let access = AccessList::Users(vec![alices.id(), bobs.id()]);
    let create = Create::new(b"content".to_vec()).header(json!({"a": 1})).container_type("t").access(access);
    let id = alice.container().create(create).await.unwrap().container.id.unwrap();
    let got = bob.container().get(id, Portion::All).await.unwrap();
    assert_eq!(got.content.as_deref(), Some(&b"content"[..]));
    assert_eq!(got.header, Some(json!({"a": 1})));
    assert_eq!(bob.container().list().await.unwrap()[0].container, id);
    let new = bob.new_container_events(EventFilter::default(), None).await.unwrap();
    assert!(new.iter().any(|event| event.action == EventAction::Added && event.container_id == Some(id)));
    let filter = EventFilter { container_id: Some(id), ..EventFilter::default() };
    let page = alice.events_page(filter, 1, 0).await.unwrap();
    assert!(page.more && page.events.len() == 1);
    assert_eq!(page.events[0].client_app_name.as_deref(), Some("tests"));

    let without_bob = AccessChange::Remove(vec![bobs.id()]);
    let update = Update::new(id).content(b"new".to_vec()).access(without_bob);
    alice.container().update(update).await.unwrap();
    bob.follow(absio_proto::provider::Follow::new()).await.unwrap();
    assert!(bob.container().get(id, Portion::All).await.is_err());
    alice.container().delete(id).await.unwrap();
    assert!(alice.container().list().await.unwrap().is_empty());
    alice.logout().await.unwrap();
    assert!(alice.signed_in().is_none());
}

#[test]
fn works_on_a_plain_thread() {
    futures_lite::future::block_on(a_shared_letter(Fixture::at_present()));
}

#[test]
fn works_inside_smol() {
    block_on(smol::spawn(a_shared_letter(Fixture::at_present())));
}

#[test]
fn works_inside_async_std() {
    async_std::task::block_on(async_std::task::spawn(a_shared_letter(Fixture::at_present())));
}

#[test]
fn works_inside_tokio() {
    for runtime in [
        tokio::runtime::Builder::new_current_thread().build().unwrap(),
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap(),
    ] {
        let task = runtime.spawn(a_shared_letter(Fixture::at_present()));
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn the_default_transport_reaches_a_broker_over_sockets() {
    let store = Arc::new(MemoryStore::new());
    let server = Server::bind("127.0.0.1:0", store.clone(), ServerConfig::default()).unwrap();
    let server = server.start().unwrap();
    let api_key = create_api_key(&*store, "tests").unwrap();
    block_on(async {
        let builder = Client::builder(api_key, server.origin()).kdf_policy(KdfPolicy::insecure_for_tests());
        let (client, _) = join_with(builder).await;
        let film = vec![7; 9 << 20]; // three parts, sent at once
        let made = client.container().create(Create::new(film.clone())).await.unwrap();
        let got = client.container().get(made.container.id.unwrap(), Portion::All).await.unwrap();
        assert!(got.content == Some(film));
        client.logout().await.unwrap();
    });
    server.stop().unwrap();
}

#[test]
fn contents_of_every_size_stream_through_files_and_memory() {
    let broker = Fixture::at_present();
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    block_on(async {
        let (client, user) = join_with(builder(&broker)).await;
        for length in [0, 1, (4 << 20) + 1, 21 << 20] {
            let bytes: Vec<u8> =
                (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
            std::fs::write(&from, &bytes).unwrap();
            let mut source = FileSource::open(&from).await.unwrap();
            let create = Create::new(ContentInput::Streamed { length: source.length() })
                .access(AccessList::of([Grant::full(user.id())]));
            let made = client.container().create_from(create, &mut source).await.unwrap();
            let id = made.container.id.unwrap();
            let mut sink = FileSink::create(&to).await.unwrap();
            let (_, written) = client.container().get_into(id, Portion::Content, &mut sink).await.unwrap();
            assert!(written);
            sink.commit().await.unwrap();
            assert!(std::fs::read(&to).unwrap() == bytes, "{length}");
            let mut memory = MemorySink::new();
            client.container().get_into(id, Portion::All, &mut memory).await.unwrap();
            assert!(memory.into_bytes() == bytes, "{length}");

            let update = Update::new(id).content(ContentInput::Streamed { length: 5 });
            client.container().update_from(update, &mut MemorySource::new(b"small")).await.unwrap();
            let got = client.container().get(id, Portion::All).await.unwrap();
            assert_eq!(got.content.as_deref(), Some(&b"small"[..]));
        }
    });
}

#[test]
fn large_contents_are_kept_on_the_way_up_and_down() {
    let broker = Fixture::at_present();
    let bytes: Vec<u8> = (0..(9_u32 << 20)).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    block_on(async {
        let ((alice, user), (bob, bobs)) = (join(&broker).await, join(&broker).await);
        let create = Create::new(ContentInput::Streamed { length: bytes.len() as u64 })
            .access(AccessList::Users(vec![user.id(), bobs.id()]));
        let made = alice.container().create_from(create, &mut MemorySource::new(&bytes)).await.unwrap();
        let id = made.container.id.unwrap();
        let read = async |client: &Client| {
            let mut sink = MemorySink::new();
            let (got, written) = client.container().fetch_into(id, Portion::All, &mut sink).await.unwrap();
            assert!(written && got.warnings.is_empty() && sink.into_bytes() == bytes);
            got.from_cache
        };
        assert_eq!((read(&alice).await, read(&bob).await), (true, false));
        broker.set_stopped(true);
        assert_eq!((read(&alice).await, read(&bob).await), (true, true));
    });
}

#[test]
fn a_source_that_ends_early_fails_and_stores_nothing() {
    let broker = Fixture::at_present();
    block_on(async {
        let client = builder(&broker).build().await.unwrap();
        sign_up(&client).await;
        for length in [10, 9 << 20] {
            let create = Create::new(ContentInput::Streamed { length });
            let made = client.container().create_from(create, &mut MemorySource::new(b"short")).await;
            assert_eq!(made.unwrap_err().code(), "content");
        }
        assert!(client.container().list().await.unwrap().is_empty());
    });
}
