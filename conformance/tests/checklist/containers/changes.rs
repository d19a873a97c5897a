//! Updates and deletions: each part alone, who may, and what stays as it was.

use crate::people::{Device, assert_refused, people};
use absio_proto::model::{
    AccessChange, AccessList, ContainerId, EventAction, EventFilter, Grant, Portion, Timestamp,
};
use absio_proto::ops::container::{Create, Get, Update};
use absio_proto::{Error, InputError, RemoteCode};
use serde_json::json;

/// A container of Alice's, shared with Bob under these rights, with header and type.
fn shared(alice: &Device, bob: Grant) -> ContainerId {
    let create = Create::new(b"content".to_vec()).header(json!({"h": 1})).container_type("t1");
    alice.changed(create.access(AccessList::of([alice.full(), bob])))
}

fn all(device: &Device, id: ContainerId) -> (Option<serde_json::Value>, Option<Vec<u8>>, Option<String>) {
    let got = device.get(id).unwrap();
    (got.header, got.content, got.container_type)
}

#[test]
fn s070_an_update_needs_at_least_one_part() {
    let [alice] = people();
    let id = alice.create(b"x", &[]);
    for empty in [Update::new(id), Update::new(id).access(AccessChange::Replace(AccessList::Unspecified))] {
        let (result, requests) = alice.requests(|alice| alice.update(empty));
        assert_eq!(result.err(), Some(InputError::NothingToUpdate { container: id }.into()));
        assert_eq!(requests, 0);
    }
}

#[test]
fn s071_s072_content_and_header_alone_keep_the_rest_and_rekey() {
    let [alice, bob] = people();
    let id = shared(&alice, bob.rights(75));
    let blob =
        |device: &Device| device.get(id).unwrap().access().unwrap()[&device.id()].key_blob.clone().unwrap();
    let first = blob(&bob);
    alice.update(Update::new(id).content(b"new".to_vec())).unwrap();
    let second = blob(&bob);
    assert_eq!(all(&bob, id), (Some(json!({"h": 1})), Some(b"new".to_vec()), Some("t1".into())));
    alice.update(Update::new(id).header(json!([2]))).unwrap();
    let third = blob(&bob);
    assert_eq!(all(&bob, id), (Some(json!([2])), Some(b"new".to_vec()), Some("t1".into())));
    assert!(first != second && second != third, "s078: everybody gets a new blob");
}

#[test]
fn s073_s074_type_and_access_alone_upload_nothing() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, bob.rights(75 | 32));
    let content_at = alice.get(id).unwrap().metadata.unwrap().content_at;
    alice.broker.clock().advance(core::time::Duration::from_secs(5));
    alice.broker.record();
    bob.update(Update::new(id).container_type("t2")).unwrap();
    let grant = Grant::recipient(carol.id());
    alice.get(id).unwrap();
    alice.update(Update::new(id).access(AccessChange::Set(vec![grant]))).unwrap();
    for exchange in alice.broker.recorded() {
        let body = exchange.request.body;
        assert!(!body.windows(4).any(|bytes| bytes == b"SEG1"), "a segment was sent again");
    }
    let got = carol.get(id).unwrap();
    assert_eq!(got.content.as_deref(), Some(&b"content"[..]));
    let metadata = alice.get(id).unwrap().metadata.unwrap();
    assert_eq!((metadata.container_type.as_deref(), metadata.content_at), (Some("t2"), content_at));
    assert!(metadata.modified_at > content_at);
}

#[test]
fn s080_with_the_broker_down_an_update_fails_and_changes_nothing() {
    let [alice] = people();
    let id = alice.create(b"old", &[]);
    alice.broker.set_stopped(true);
    assert!(matches!(alice.update(Update::new(id).content(b"new".to_vec())), Err(Error::Transport(_))));
    assert!(matches!(alice.run(Create::new(b"x".to_vec())), Err(Error::Transport(_))));
    alice.broker.set_stopped(false);
    assert_eq!(alice.content(id), Some(b"old".to_vec()));
    assert_eq!(alice.get(id).unwrap().metadata.unwrap().revision, 1);
}

#[test]
fn s081_a_header_is_cleared_only_by_asking() {
    let [alice, bob] = people();
    let id = shared(&alice, bob.rights(75));
    alice.update(Update::new(id).container_type("t2")).unwrap();
    assert_eq!(alice.get(id).unwrap().header, Some(json!({"h": 1})));
    alice.update(Update::new(id).header(json!(null)).container_type("")).unwrap();
    assert_eq!(all(&bob, id), (None, Some(b"content".to_vec()), None));
}

#[test]
fn s082_an_expiration_is_moved_and_removed_without_a_new_blob() {
    let [alice, bob] = people();
    let id = shared(&alice, bob.rights(11).until(alice.now().plus_millis(1000)));
    let row = || alice.get(id).unwrap().access().unwrap()[&bob.id()].clone();
    let blob = bob.get(id).unwrap().access().unwrap()[&bob.id()].key_blob.clone();
    let later = alice.now().plus_millis(60_000);
    for expiration in [Some(later), None] {
        let grant = Grant { expiration, ..bob.rights(11) };
        alice.update(Update::new(id).access(AccessChange::Set(vec![grant]))).unwrap();
        assert_eq!(row().expiration, expiration);
        assert_eq!(bob.get(id).unwrap().access().unwrap()[&bob.id()].key_blob, blob);
    }
    assert_eq!((row().modified_by, row().created_by), (Some(alice.id()), alice.id()), "s114");
}

#[test]
fn s083_modified_names_who_and_when_and_is_none_before() {
    let [alice, bob] = people();
    let id = shared(&alice, bob.rights(127));
    let got = alice.get(id).unwrap();
    assert_eq!((got.modified_at(), got.modified_by(), got.created_by()), (None, None, Some(alice.id())));
    bob.update(Update::new(id).content(b"bob's".to_vec())).unwrap();
    let got = alice.get(id).unwrap();
    assert_eq!((got.modified_at(), got.modified_by()), (Some(bob.now()), Some(bob.id())));
}

#[test]
fn s045_s046_s048_s190_giving_up_access_and_full_removal() {
    let [alice, bob, carol] = people();
    let grants = [alice.full(), Grant::recipient(bob.id()), Grant::recipient(carol.id())];
    let id = alice.create(b"x", &grants);
    bob.delete(id).unwrap();
    assert_refused(bob.get(id), RemoteCode::ContainerNotFound);
    assert_eq!(carol.content(id), Some(b"x".to_vec()), "the others keep theirs");
    let gone = |device: &Device| {
        let filter = EventFilter { action: Some(EventAction::Deleted), ..EventFilter::default() };
        device.events(filter).into_iter().filter(|event| event.container_id == Some(id)).count()
    };
    assert_eq!((gone(&bob), gone(&carol)), (1, 0));
    alice.get(id).unwrap();
    alice.update(Update::new(id).access(AccessChange::OnlyMe)).unwrap();
    assert_refused(carol.get(id), RemoteCode::ContainerNotFound);
    alice.delete(id).unwrap();
    assert_refused(alice.get(id), RemoteCode::Deleted);
    assert_eq!((gone(&alice), gone(&carol)), (1, 1));
    let unknown = ContainerId::from_bytes([9; 16]);
    assert_refused(alice.get(unknown), RemoteCode::ContainerNotFound);
    assert_refused(alice.delete(unknown), RemoteCode::ContainerNotFound);
}

#[test]
fn s029_s035_s038_types_limited_creators_and_unknown_users() {
    let [alice, bob, carol] = people();
    let grants = [alice.rights(75), bob.rights(11), carol.rights(75)];
    let create = Create::new(b"x".to_vec()).container_type("t1").access(AccessList::of(grants));
    let id = alice.changed(create);
    let shown = |device: &Device| device.get(id).unwrap().container_type;
    assert_eq!((shown(&alice), shown(&bob), shown(&carol)), (Some("t1".into()), None, Some("t1".into())));
    assert_refused(alice.update(Update::new(id).content(b"y".to_vec())), RemoteCode::PermissionDenied);
    let stranger = absio_proto::model::UserId::from_bytes([9; 16]);
    let list = AccessList::Users(vec![alice.id(), stranger]);
    let listed = |device: &Device| device.run(absio_proto::ops::container::List::new()).unwrap().len();
    let before = listed(&alice);
    assert_refused(alice.run(Create::new(b"x".to_vec()).access(list)), RemoteCode::UserNotFound);
    assert_eq!(listed(&alice), before, "nothing was stored");
}

#[test]
fn s056_s057_s128_s136_s137_missing_rights_leave_out_what_they_guard() {
    let [alice, bob] = people();
    for (rights, has_blob, encrypted) in [(8 + 2, true, false), (8 + 1, false, true)] {
        let id = shared(&alice, bob.rights(rights));
        let got = bob.get(id).unwrap();
        assert_eq!((got.header.as_ref(), got.content.as_ref()), (None, None), "rights {rights}");
        assert_eq!(got.access().unwrap()[&bob.id()].key_blob.is_some(), has_blob);
        assert_eq!(got.encrypted(), encrypted);
        assert_eq!(got.created_by(), Some(alice.id()), "metadata is answered all the same");
        assert_refused(bob.update(Update::new(id).container_type("t")), RemoteCode::PermissionDenied);
    }
    let id = alice.changed(Create::new(Vec::new()).header(json!(1)));
    alice.update(Update::new(id).header(json!(null))).unwrap();
    assert_eq!(alice.get(id).unwrap().header, None);
}

#[test]
fn s052_s053_s054_s191_portions_bring_what_was_asked_for() {
    let [alice, bob] = people();
    let id = shared(&alice, bob.rights(75));
    for portion in [Portion::All, Portion::Header, Portion::Content, Portion::Metadata] {
        let got = bob.run(Get::new(id, portion)).unwrap();
        assert_eq!(got.header.is_some(), portion.wants_header());
        assert_eq!(got.content.is_some(), portion.wants_content());
        assert!(got.metadata.is_some() && got.container_type.is_some());
    }
    let mut sealed = bob.run(Get::new(id, Portion::All).encrypted()).unwrap();
    assert!(sealed.encrypted() && sealed.content.is_none() && sealed.container_keys().is_some());
    sealed.decrypt(None).unwrap();
    assert_eq!(sealed.content.as_deref(), Some(&b"content"[..]));
}

#[test]
fn s058_expired_access_is_refused_and_the_past_is_over_at_once() {
    let [alice, bob] = people();
    let id = shared(&alice, bob.rights(11).until(alice.now().plus_millis(2000)));
    assert_eq!(bob.content(id), Some(b"content".to_vec()));
    bob.broker.clock().advance(core::time::Duration::from_secs(3));
    assert_refused(bob.get(id), RemoteCode::AccessExpired);
    let dead = shared(&alice, bob.rights(11).until(Timestamp::from_millis(1)));
    assert_refused(bob.get(dead), RemoteCode::AccessExpired);
}

#[test]
fn overlapping_updates_conflict_and_others_are_rebased() {
    let [alice, bob] = people();
    let id = shared(&alice, bob.rights(127));
    bob.get(id).unwrap();
    alice.update(Update::new(id).content(b"alice's".to_vec())).unwrap();
    bob.update(Update::new(id).container_type("bob's")).unwrap();
    assert_eq!(all(&alice, id).1, Some(b"alice's".to_vec()), "a rebased update loses nothing");
    assert_eq!(all(&alice, id).2, Some("bob's".into()));
    bob.get(id).unwrap();
    alice.update(Update::new(id).content(b"alice again".to_vec())).unwrap();
    let lost = bob.update(Update::new(id).content(b"bob's".to_vec()));
    let (base, present) = (3, 4);
    assert_eq!(lost.err(), Some(InputError::ChangedMeanwhile { container: id, base, present }.into()));
    assert_eq!(all(&bob, id).1, Some(b"alice again".to_vec()));
}
