//! Creating containers.

use super::wire::traffic;
use crate::people::{Device, assert_refused, people};
use absio_proto::crypto::Container;
use absio_proto::model::{AccessList, EventFilter, Grant, Permissions, Portion, UserId};
use absio_proto::ops::container::{Create, Get};
use absio_proto::{Error, InputError, RemoteCode};
use serde_json::{Value, json};

#[test]
fn s025_without_access_only_the_creator_has_it() {
    let [alice, bob] = people();
    let changed = alice.run(Create::new(b"secret".to_vec())).unwrap();
    assert!(changed.container.encrypted());
    let id = changed.container.id.unwrap();
    let got = alice.get(id).unwrap();
    assert_eq!(got.content.as_deref(), Some(&b"secret"[..]));
    let access = got.access().unwrap();
    assert_eq!(access.len(), 1);
    assert_eq!(access[&alice.id()].permissions.as_int(), 127);
    assert_refused(bob.get(id), RemoteCode::ContainerNotFound);
}

#[test]
fn s026_content_of_any_bytes_comes_back() {
    let [alice] = people();
    let large: Vec<u8> = (0..5 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for content in [vec![], vec![7], large] {
        assert_eq!(alice.content(alice.create(&content, &[])), Some(content));
    }
}

#[test]
fn s027_a_header_is_any_json_or_absent() {
    let [alice] = people();
    let headers = [
        json!({ "name": "Grüße 🗝", "nested": { "list": [1, 2.5, -3, true, null] } }),
        json!([1, [2, [3]]]),
        json!("text"),
        json!(12.25),
        json!(u64::MAX),
        json!({}),
        Value::Null,
    ];
    for header in headers {
        let id = alice.changed(Create::new(b"x".to_vec()).header(header.clone()));
        assert_eq!(alice.get(id).unwrap().header, Some(header));
    }
    assert_eq!(alice.get(alice.create(b"x", &[])).unwrap().header, None);
}

#[test]
fn s028_a_header_that_cannot_be_stored_is_refused_before_anything_is_sent() {
    let [alice] = people();
    let too_deep = (0..80).fold(json!(0), |inner, _| json!([inner]));
    let too_long = json!("x".repeat((1 << 20) + 1));
    for header in [too_deep, too_long] {
        let (result, requests) = alice.requests(|alice| alice.run(Create::new(vec![]).header(header)));
        assert!(
            matches!(
                result,
                Err(Error::Input(InputError::InvalidHeader { .. } | InputError::TooLarge { .. }))
            ),
            "{result:?}"
        );
        assert_eq!(requests, 0);
    }
}

#[test]
fn s029_the_type_is_shown_with_type_view_only_and_filters_events() {
    let [alice, bob, carol] = people();
    let rights = AccessList::of([
        alice.full(),
        bob.rights(Permissions::RECIPIENT_WITH_TYPE.as_int().into()),
        Grant::recipient(carol.id()),
    ]);
    let id = alice.changed(Create::new(b"x".to_vec()).container_type("t1").access(rights));
    alice.changed(Create::new(b"y".to_vec()).container_type("t2"));
    let shown = |device: &Device| device.get(id).unwrap().container_type;
    assert_eq!(shown(&alice).as_deref(), Some("t1"));
    assert_eq!(shown(&bob).as_deref(), Some("t1"));
    assert_eq!(shown(&carol), None);
    let of_type = |word: &str| EventFilter { container_type: Some(word.into()), ..EventFilter::default() };
    let events = alice.events(of_type("t1"));
    assert!(!events.is_empty() && events.iter().all(|event| event.container_id == Some(id)));
    assert!(alice.events(of_type("t3")).is_empty());
}

#[test]
fn s029_a_type_over_256_bytes_is_refused() {
    let [alice] = people();
    let typed = |length| alice.run(Create::new(vec![]).container_type("t".repeat(length)));
    assert!(typed(256).is_ok());
    assert!(matches!(typed(257), Err(Error::Input(InputError::TooLarge { limit: 256, .. }))));
}

#[test]
fn s036_the_creators_own_access_never_expires() {
    let [alice, bob] = people();
    let alone = alice.create(b"x", &[]);
    let listed =
        alice.changed(Create::new(b"x".to_vec()).access(AccessList::Users(vec![alice.id(), bob.id()])));
    for id in [alone, listed] {
        assert_eq!(alice.get(id).unwrap().access().unwrap()[&alice.id()].expiration, None);
    }
}

#[test]
fn s038_an_unknown_user_fails_the_whole_create() {
    let [alice, bob] = people();
    let nobody = UserId::from_bytes([0x5a; 16]);
    let users = AccessList::Users(vec![alice.id(), bob.id(), nobody]);
    assert_refused(alice.run(Create::new(b"x".to_vec()).access(users)), RemoteCode::UserNotFound);
    assert!(alice.run(absio_proto::ops::container::List::new()).unwrap().is_empty());
    assert!(bob.events(EventFilter::default()).iter().all(|event| event.container_id.is_none()));
}

#[test]
fn s040_nothing_is_made_when_the_broker_cannot_be_reached() {
    let [alice] = people();
    alice.broker.set_stopped(true);
    assert!(matches!(alice.run(Create::new(b"x".to_vec())), Err(Error::Transport(_))));
    alice.broker.set_stopped(false);
    assert!(alice.run(absio_proto::ops::container::List::new()).unwrap().is_empty());
}

#[test]
fn s041_the_same_content_twice_shares_no_key_and_no_byte_pattern() {
    let [alice] = people();
    let content = vec![0x55; 4096];
    let make = || {
        let header = json!({ "same": true });
        alice.run(Create::new(content.clone()).header(header)).unwrap().container
    };
    let (one, two) = (make(), make());
    let (first, second) = (one.container_keys().unwrap(), two.container_keys().unwrap());
    assert_ne!(first.header_secret().expose(), second.header_secret().expose());
    assert_ne!(first.content_secret().expose(), second.content_secret().expose());
    let windows = |container: &Container| {
        let data = container.data().unwrap().to_vec();
        data.chunks_exact(16).map(<[u8]>::to_vec).collect::<std::collections::BTreeSet<_>>()
    };
    // Only the clear magics and lengths may agree, never a block of ciphertext.
    let common = windows(&one).intersection(&windows(&two)).count();
    assert!(common <= 2, "{common} blocks are the same");
}

#[test]
fn s089_keys_from_the_broker_seal_again_with_fresh_salts() {
    let [alice] = people();
    let id = alice.create(b"content", &[]);
    let mut container = alice.run(Get::new(id, Portion::All).encrypted()).unwrap();
    let before = container.data().unwrap().to_vec();
    let keys = container.container_keys().unwrap().duplicate();
    container.decrypt(None).unwrap();
    assert_eq!(container.content.as_deref(), Some(&b"content"[..]));
    let mut entropy = absio_broker::SeededEntropy::new(5);
    let used = container.encrypt(Some(keys.duplicate()), &mut entropy).unwrap();
    assert!(*used == keys);
    assert_ne!(container.data().unwrap(), before);
    container.decrypt(Some(keys)).unwrap();
    assert_eq!(container.content.as_deref(), Some(&b"content"[..]));
}

#[test]
fn s185_all_traffic_goes_through_the_transport_and_carries_nothing_in_the_clear() {
    let [alice, bob] = people();
    alice.broker.record();
    let before = alice.broker.requests();
    let marks = ["canary-content-1f", "canary-header-2e", "canary-again-3d"];
    let grants = AccessList::of([alice.full(), Grant::recipient(bob.id())]);
    let id = alice.changed(Create::new(marks[0]).header(json!({ "k": marks[1] })).access(grants));
    alice.update(absio_proto::ops::container::Update::new(id).content(marks[2])).unwrap();
    assert_eq!(bob.content(id), Some(marks[2].into()));
    bob.delete(id).unwrap();
    alice.delete(id).unwrap();
    let all = traffic(&alice.broker);
    assert_eq!(all.len() as u64, alice.broker.requests() - before);
    for exchange in &all {
        assert_eq!(exchange.request.origin, alice.broker.origin());
        let bodies = [&exchange.request.body[..], &exchange.outcome.as_ref().unwrap().body[..]];
        for (mark, body) in marks.iter().flat_map(|mark| bodies.map(|body| (mark, body))) {
            assert!(!body.windows(mark.len()).any(|window| window == mark.as_bytes()));
        }
    }
}
