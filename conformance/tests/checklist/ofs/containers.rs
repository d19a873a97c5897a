//! Containers under the default provider: the broker, with copies here (checklist 1.3, 1.10).

use super::{Both, Laptop, Ofs, account, assert_not_found, assert_unreachable, laptops};
use crate::people::{assert_refused, broker};
use crate::stores::Trouble;
use absio_proto::effect::StoreErrorKind;
use absio_proto::model::{EventAction, EventFilter, EventType, Portion};
use absio_proto::ops::container::{Create, Update, UpdateOrCreate, Warning};
use absio_proto::provider::container::Get;
use absio_proto::provider::{Options, Provider, Standard};
use absio_proto::{Error, RemoteCode};
use std::time::Duration;

#[test]
fn s030_s164_a_created_container_is_at_the_broker_and_here() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "text");
    assert_eq!(alice.content(id), Some(b"text".to_vec()), "the broker has it");
    alice.set_offline(true);
    assert_eq!(alice.text(Both, id), "text");
    let again = alice.restarted();
    again.set_offline(true);
    assert!(again.sign_in(Both, user).is_offline);
    assert_eq!(again.text(Both, id), "text");
    assert_eq!(again.text(Ofs, id), "text");
    // Without the copy it is not to be had.
    let empty = Laptop::new(&alice.broker);
    empty.sign_in(Both, user);
    empty.set_offline(true);
    assert_unreachable(empty.fetch(Both, id));
}

#[test]
fn s040_without_the_broker_nothing_is_created() {
    let [(alice, _)] = laptops();
    let before = alice.disk();
    alice.set_offline(true);
    assert_unreachable(alice.run(Both.create_container(Create::new(b"x".to_vec()))));
    let large = Create::new(vec![7; 5 << 20]);
    assert_unreachable(alice.run(Both.create_container(large)));
    assert!(alice.disk() == before, "nothing is written here");
}

#[test]
fn s044_s173_deleted_there_and_here() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "text");
    let large = alice.created(Both, Create::new(vec![7; 100_000]));
    assert_eq!(alice.disk().blobs.len(), 1);
    for id in [id, large] {
        alice.run(Both.delete_container(id)).unwrap();
        assert_refused(alice.get(id), RemoteCode::Deleted);
        assert_not_found(alice.fetch(Ofs, id));
    }
    assert!(alice.disk().blobs.is_empty(), "no file is left");
    // What is left is the pin: no server shows it again.
    let again = alice.restarted();
    again.sign_in(Both, user);
    assert_not_found(again.fetch(Ofs, id));
    assert!(again.run(Both.get_container(Get::new(id, Portion::All))).is_err());
}

#[test]
fn s044_what_others_keep_stays_with_them() {
    let [(alice, _), (bob, user)] = laptops();
    let id = alice.create(b"text", &[alice.full(), bob.full()]);
    bob.fetch(Both, id).unwrap();
    bob.run(Both.delete_container(id)).unwrap();
    assert_refused(bob.fetch(Both, id), RemoteCode::ContainerNotFound);
    assert_not_found(bob.fetch(Ofs, id));
    assert_eq!(alice.text(Both, id), "text");
    let again = bob.restarted();
    again.sign_in(Ofs, user);
    assert_not_found(again.fetch(Ofs, id));
}

#[test]
fn s173_deleted_elsewhere_the_callers_own_word_removes_the_copy() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "text");
    let other = Laptop::new(&alice.broker);
    other.sign_in(Both, user);
    other.run(Both.delete_container(id)).unwrap();
    assert_eq!(alice.text(Both, id), "text", "nobody asked");
    alice.run(Both.delete_container(id)).unwrap();
    assert_not_found(alice.fetch(Ofs, id));
}

#[test]
fn s046_an_unknown_id_is_not_found() {
    let [(alice, _), (bob, _)] = laptops();
    let id = bob.keep(Both, "text");
    assert_refused(alice.run(Both.delete_container(id)), RemoteCode::ContainerNotFound);
    assert_refused(alice.fetch(Both, id), RemoteCode::ContainerNotFound);
    assert_not_found(alice.fetch(Ofs, id));
}

#[test]
fn s049_s174_a_hit_asks_nobody() {
    let [(alice, _)] = laptops();
    let id = alice.keep(Both, "text");
    let (got, requests) = alice.requests(|alice| alice.fetch(Both, id).unwrap());
    assert_eq!(requests, 0);
    assert!(got.from_cache);
    assert_eq!(got.fresh_at, Some(alice.now()));
    assert_eq!(got.container.content, Some(b"text".to_vec()));
    assert_eq!(got.container.header, Some("text".into()));
    assert!(!got.container.encrypted());
    let (got, requests) = alice.requests(|alice| alice.fetch_anew(id).unwrap());
    assert_eq!((got.from_cache, requests), (false, 1));
}

#[test]
fn s050_a_miss_is_fetched_and_kept() {
    let [(alice, _), (bob, user)] = laptops();
    let id = alice.create(b"text", &[alice.full(), bob.full()]);
    let (got, requests) = bob.requests(|bob| bob.fetch(Both, id).unwrap());
    assert!(requests >= 1 && !got.from_cache && got.warnings.is_empty());
    bob.set_offline(true);
    assert_eq!(bob.text(Both, id), "text");
    let again = bob.restarted();
    again.set_offline(true);
    again.sign_in(Both, user);
    assert_eq!(again.text(Both, id), "text");
}

#[test]
fn s051_to_s054_each_portion_from_the_copy() {
    let [(alice, _)] = laptops();
    let id =
        alice.created(Both, Create::new(b"content".to_vec()).header("header".into()).container_type("type"));
    for place in [Both, Ofs] {
        alice.set_offline(true);
        for (portion, header, content) in [
            (Portion::All, true, true),
            (Portion::Header, true, false),
            (Portion::Content, false, true),
            (Portion::Metadata, false, false),
        ] {
            let got = alice.run(place.get_container(Get::new(id, portion))).unwrap().container;
            assert_eq!(got.header, header.then(|| "header".into()), "{portion:?}");
            assert_eq!(got.content, content.then(|| b"content".to_vec()), "{portion:?}");
            let metadata = got.metadata.unwrap();
            assert_eq!((metadata.revision, metadata.access.len()), (1, 1));
            assert!(metadata.length.is_some());
            assert_eq!(got.container_type.as_deref(), Some("type"));
        }
    }
}

#[test]
fn s052_s053_parts_come_together_in_the_copy() {
    let [(alice, _), (bob, _)] = laptops();
    let create = Create::new(b"content".to_vec()).header("header".into());
    let access = absio_proto::model::AccessList::of([alice.full(), bob.full()]);
    let id = alice.created(Both, create.access(access));
    let part = |portion| bob.run(Both.get_container(Get::new(id, portion)));
    assert_eq!(bob.requests(|_| part(Portion::Metadata).unwrap()).1, 1);
    assert_eq!(bob.requests(|_| part(Portion::Metadata).unwrap()).1, 0);
    assert_eq!(bob.requests(|_| part(Portion::Header).unwrap()).1, 1);
    assert_eq!(bob.requests(|_| part(Portion::Content).unwrap()).1, 1);
    bob.set_offline(true);
    let got = part(Portion::All).unwrap().container;
    assert_eq!((got.header, got.content), (Some("header".into()), Some(b"content".to_vec())));
}

#[test]
fn s052_the_local_store_alone_says_which_part_it_lacks() {
    let [(alice, _), (bob, _)] = laptops();
    let id = alice.create(b"content", &[alice.full(), bob.full()]);
    bob.run(Both.get_container(Get::new(id, Portion::Metadata))).unwrap();
    let missing = bob.fetch(Ofs, id);
    assert!(
        matches!(missing, Err(Error::Local(absio_proto::LocalError::PartNotFound { what: "content", .. }))),
        "{missing:?}"
    );
    assert!(bob.run(Ofs.get_container(Get::new(id, Portion::Metadata))).is_ok());
    assert!(bob.run(Ofs.get_container(Get::new(id, Portion::Header))).is_ok(), "there is none");
}

#[test]
fn s055_a_portion_is_one_of_four_words() {
    for (word, portion) in [
        ("all", Portion::All),
        ("content", Portion::Content),
        ("header", Portion::Header),
        ("metadata", Portion::Metadata),
    ] {
        assert_eq!(word.parse(), Ok(portion));
    }
    assert!("foo".parse::<Portion>().is_err());
    for (word, place) in [("server", Standard::Server), ("ofs", Ofs), ("server_cache_ofs", Both)] {
        assert_eq!((word.parse(), place.to_string()), (Ok(place), word.to_owned()));
    }
    assert!("foo".parse::<Standard>().is_err());
}

#[test]
fn s079_an_update_reaches_the_broker_and_the_copy() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "old");
    let (result, requests) =
        alice.requests(|alice| alice.change(Both, Update::new(id).content(b"new".to_vec())));
    result.unwrap();
    assert_eq!(requests, 1);
    assert_eq!(alice.content(id), Some(b"new".to_vec()));
    alice.set_offline(true);
    let got = alice.fetch(Both, id).unwrap().container;
    assert_eq!((got.content, got.header), (Some(b"new".to_vec()), Some("old".into())));
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Both, user);
    assert_eq!(again.text(Ofs, id), "new");
}

#[test]
fn s079_an_update_right_after_the_start_is_built_on_the_copy() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "old");
    let again = alice.restarted();
    again.sign_in(Both, user);
    let (result, requests) = again.requests(|again| again.change(Both, Update::new(id).header("new".into())));
    result.unwrap();
    assert_eq!(requests, 1);
    assert_eq!(again.fetch(Both, id).unwrap().container.header, Some("new".into()));
    assert_eq!(again.text(Both, id), "old");
}

#[test]
fn s080_without_the_broker_the_old_version_stands() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "old");
    let before = alice.disk();
    alice.set_offline(true);
    for update in [
        Update::new(id).content(b"new".to_vec()),
        Update::new(id).content(vec![7; 5 << 20]),
        Update::new(id).header("new".into()),
    ] {
        assert_unreachable(alice.change(Both, update));
    }
    assert!(alice.disk() == before);
    assert_eq!(alice.text(Both, id), "old");
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Both, user);
    assert_eq!(again.text(Both, id), "old");
}

#[test]
fn s169_s170_s230_a_forced_get_asks_and_keeps_the_answer() {
    assert!(!Options::default().force_refresh);
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "old");
    let other = Laptop::new(&alice.broker);
    other.sign_in(Both, user);
    other.change(Both, Update::new(id).content(b"new".to_vec())).unwrap();
    assert_eq!(alice.text(Both, id), "old", "it is kept, and nobody asked");
    assert_eq!(alice.fetch_anew(id).unwrap().container.content, Some(b"new".to_vec()));
    alice.set_offline(true);
    assert_eq!(alice.text(Both, id), "new");
    assert_unreachable(alice.fetch_anew(id));
    assert_eq!(alice.text(Both, id), "new");
}

#[test]
fn ms_freeze_a_copy_answers_only_as_long_as_it_may_be_old() {
    let [(alice, _)] = laptops();
    let id = alice.keep(Both, "text");
    let get = |limit| {
        let options = Options::new().max_staleness(Duration::from_secs(limit));
        alice.requests(|alice| {
            alice.run(Both.get_container(Get::new(id, Portion::All).with(options))).unwrap()
        })
    };
    alice.broker.clock().advance(Duration::from_secs(10));
    assert_eq!(get(10).1, 0);
    let (got, requests) = get(9);
    assert_eq!((requests, got.from_cache, got.fresh_at), (1, false, Some(alice.now())));
    assert_eq!(get(0).1, 0, "it was confirmed just now");
}

#[test]
fn s170_the_loop_of_the_faq_keeps_two_devices_alike_s172() {
    let [(first, user)] = laptops();
    let second = Laptop::new(&first.broker);
    second.sign_in(Both, user);
    let kept = first.keep(Both, "kept");
    let gone = first.keep(Both, "gone");
    let sync = |device: &Laptop| {
        let filter = EventFilter { event_type: Some(EventType::Container), ..Default::default() };
        for event in device.run(Both.events(filter)).unwrap() {
            let id = event.container_id.unwrap();
            match event.action {
                EventAction::Deleted => drop(device.run(Both.delete_container(id))),
                EventAction::Added | EventAction::Updated => drop(device.fetch_anew(id)),
                _ => {}
            }
        }
    };
    sync(&second);
    assert_eq!((second.text(Ofs, kept), second.text(Ofs, gone)), ("kept".into(), "gone".into()));
    first.change(Both, Update::new(kept).content(b"changed".to_vec())).unwrap();
    first.run(Both.delete_container(gone)).unwrap();
    sync(&second);
    for device in [&first, &second] {
        assert_eq!(device.text(Ofs, kept), "changed");
        assert_not_found(device.fetch(Ofs, gone));
    }
}

#[test]
fn s067_s176_events_are_the_brokers_alone() {
    let [(alice, _)] = laptops();
    let id = alice.keep(Both, "text");
    let filter = EventFilter { container_id: Some(id), ..EventFilter::default() };
    let refused = alice.run(Ofs.events(filter.clone()));
    assert!(matches!(refused, Err(Error::Input(absio_proto::InputError::Unsupported { .. }))), "{refused:?}");
    let (events, requests) = alice.requests(|alice| alice.run(Both.events(filter.clone())).unwrap());
    assert!(events.len() == 1 && requests >= 1);
    alice.set_offline(true);
    assert_unreachable(alice.run(Both.events(filter)));
}

#[test]
fn s175_a_caller_encrypted_container_goes_to_both() {
    let [(alice, _)] = laptops();
    let id = alice.keep(Both, "old");
    let get = || alice.run(Both.get_container(Get::new(id, Portion::All).encrypted()));
    let mut container = get().unwrap().container;
    assert!(container.encrypted());
    container.decrypt(None).unwrap();
    container.content = Some(b"new".to_vec());
    let mut entropy = absio_broker::SeededEntropy::new(1);
    container.encrypt(None, &mut entropy).unwrap();
    alice.run(Both.update_or_create_container(UpdateOrCreate::new(container))).unwrap();
    assert_eq!(alice.content(id), Some(b"new".to_vec()));
    alice.set_offline(true);
    assert_eq!(alice.text(Both, id), "new");
    // Refused there, untouched here.
    let before = alice.disk();
    let container = get().unwrap().container;
    assert_unreachable(alice.run(Both.update_or_create_container(UpdateOrCreate::new(container))));
    assert!(alice.disk() == before);
}

#[test]
fn s175_s234_a_store_that_fails_is_a_warning_and_no_failure() {
    let [(alice, _), (bob, _)] = laptops();
    let shared = alice.create(b"shared", &[alice.full(), bob.full()]);
    for (trouble, kind) in [
        (Trouble::FullFrom(0), StoreErrorKind::Full),
        (Trouble::Always(StoreErrorKind::Io), StoreErrorKind::Io),
        (Trouble::Always(StoreErrorKind::Unavailable), StoreErrorKind::Unavailable),
    ] {
        bob.store.set(trouble);
        let got = bob.fetch(Both, shared).unwrap();
        assert_eq!(got.container.content, Some(b"shared".to_vec()));
        assert_eq!(got.warnings, [Warning::NotKept(kind)], "{trouble:?}");
        let changed = bob.run(Both.create_container(Create::new(b"own".to_vec()))).unwrap();
        assert_eq!(changed.warnings, [Warning::NotKept(kind)]);
        bob.store.set(Trouble::None);
        let id = changed.container.id.unwrap();
        assert_not_found(bob.fetch(Ofs, id));
        assert_eq!(bob.text(Both, id), "own");
        assert_eq!(bob.text(Ofs, id), "own", "now it is kept");
        bob.store.set(trouble);
        let changed = bob.run(Both.update_container(Update::new(id).content(b"changed".to_vec()))).unwrap();
        assert_eq!(changed.warnings, [Warning::NotKept(kind)]);
        bob.store.set(Trouble::None);
        assert_eq!(bob.text(Both, id), "changed", "never older than what this session wrote");
    }
}

#[test]
fn s229_another_user_at_the_server_fills_nobodys_cache() {
    let broker = broker();
    let (first, second) = (account(&broker), account(&broker));
    let laptop = Laptop::new(&broker);
    laptop.sign_in(Both, first);
    let kept = laptop.keep(Both, "of the first");
    laptop.sign_in(Standard::Server, second);
    let id = laptop.created(Both, Create::new(b"of the second".to_vec()));
    let before = laptop.disk();
    assert_eq!(laptop.text(Both, id), "of the second");
    assert_refused(laptop.fetch(Both, kept), RemoteCode::ContainerNotFound);
    assert_not_found(laptop.fetch(Ofs, id));
    assert_eq!(laptop.text(Ofs, kept), "of the first");
    assert!(laptop.disk() == before);
}
