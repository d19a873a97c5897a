//! Updating containers: each part alone, and what stays.

use super::wire::{changes, traffic};
use crate::people::{Device, assert_refused, people};
use absio_proto::crypto::Container;
use absio_proto::model::{AccessChange, AccessList, ContainerId, Grant, Permissions, Portion};
use absio_proto::ops::container::{Create, Get, Update, Warning};
use absio_proto::wire::ChangeContainer;
use absio_proto::{CryptoError, Error, InputError, RemoteCode};
use serde_json::{Value, json};
use std::time::Duration;

/// A container of header, content and type, shared in full with both.
fn shared(alice: &Device, bob: &Device) -> ContainerId {
    alice.changed(
        Create::new(b"old content".to_vec())
            .header(json!({ "old": 1 }))
            .container_type("old type")
            .access(AccessList::of([alice.full(), bob.full()])),
    )
}

fn blob(device: &Device, id: ContainerId) -> Vec<u8> {
    device.get(id).unwrap().access().unwrap()[&device.id()].key_blob.clone().unwrap()
}

/// The one revision that `update` sends.
fn sent(device: &Device, update: Update) -> ChangeContainer {
    device.broker.record();
    device.update(update).unwrap();
    let changes = changes(&traffic(&device.broker));
    let [change] = changes.try_into().unwrap_or_else(|_| panic!("one revision is sent"));
    change
}

#[test]
fn s070_an_update_of_nothing_is_refused_unsent() {
    let [alice] = people();
    let id = alice.create(b"x", &[]);
    let keep = [AccessChange::Keep, AccessChange::Replace(AccessList::Unspecified)];
    for access in keep {
        let (result, requests) = alice.requests(|alice| alice.update(Update::new(id).access(access)));
        assert!(
            matches!(result, Err(Error::Input(InputError::NothingToUpdate { container })) if container == id)
        );
        assert_eq!(requests, 0);
    }
}

#[test]
fn s071_content_only_re_keys_for_everybody_and_keeps_the_rest() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let before = (alice.get(id).unwrap(), blob(&alice, id), blob(&bob, id));
    let change = sent(&alice, Update::new(id).content(b"new content".to_vec()));
    assert!(change.content.is_some() && change.header.is_none() && change.type_opening.is_none());
    assert_eq!(change.blobs.len(), 2);
    for device in [&alice, &bob] {
        let got = device.get(id).unwrap();
        assert_eq!(got.content.as_deref(), Some(&b"new content"[..]));
        assert_eq!(got.header, Some(json!({ "old": 1 })));
        assert_eq!(got.container_type.as_deref(), Some("old type"));
        let grants = |container: &Container| {
            container.access().unwrap().values().map(|access| access.grant()).collect::<Vec<_>>()
        };
        assert_eq!(grants(&got), grants(&before.0));
        let (old, new) = (before.0.container_keys().unwrap(), got.container_keys().unwrap());
        assert_ne!(old.content_secret().expose(), new.content_secret().expose());
    }
    assert_ne!(blob(&alice, id), before.1);
    assert_ne!(blob(&bob, id), before.2);
}

#[test]
fn s072_header_only_is_an_upload_that_moves_no_content() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let large = vec![1; 300_000];
    alice.update(Update::new(id).content(large.clone())).unwrap();
    let before = (alice.get(id).unwrap(), blob(&bob, id));
    let change = sent(&alice, Update::new(id).header(json!(["new"])));
    assert!(change.header.is_some() && change.content.is_none() && change.content_upload.is_none());
    assert!(change.encode().len() < 16_384);
    assert_eq!(change.blobs.len(), 2);
    let got = bob.get(id).unwrap();
    assert_eq!((got.header, got.content), (Some(json!(["new"])), Some(large)));
    let old = before.0.container_keys().unwrap();
    let new = alice.get(id).unwrap();
    let new = new.container_keys().unwrap();
    assert_ne!(old.header_secret().expose(), new.header_secret().expose());
    assert_ne!(blob(&bob, id), before.1);
}

#[test]
fn s073_type_only_touches_no_byte_and_needs_no_upload() {
    let [alice, bob] = people();
    let rights = Permissions::RECIPIENT_WITH_TYPE | Permissions::CONTAINER_TYPE_MODIFY;
    let grants = AccessList::of([alice.full(), Grant::recipient(bob.id()).with_permissions(rights)]);
    let id = alice.changed(Create::new(b"content".to_vec()).container_type("t1").access(grants));
    let before = alice.get(id).unwrap().metadata.unwrap();
    for (device, word) in [(&alice, "t2"), (&bob, "t3")] {
        alice.broker.clock().advance(Duration::from_secs(1));
        device.get(id).unwrap();
        let change = sent(device, Update::new(id).container_type(word));
        assert_eq!((&change.header, &change.content, change.content_upload), (&None, &None, None));
        assert!(change.blobs.is_empty());
        let after = alice.get(id).unwrap().metadata.unwrap();
        assert_eq!(after.container_type.as_deref(), Some(word));
        assert_eq!(after.content_at, before.content_at);
        assert_eq!(after.modified_by, Some(device.id()));
    }
    assert_eq!(bob.content(id), Some(b"content".to_vec()));
    alice.update(Update::new(id).container_type("")).unwrap();
    assert_eq!(alice.get(id).unwrap().container_type, None);
}

#[test]
fn s074_access_only_gives_the_new_reader_a_key_and_moves_no_byte() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &bob);
    let before = blob(&bob, id);
    let share = AccessChange::Set(vec![Grant::recipient(carol.id())]);
    let change = sent(&alice, Update::new(id).access(share));
    assert_eq!((&change.header, &change.content, change.content_upload), (&None, &None, None));
    assert_eq!(change.blobs.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [carol.id()]);
    assert_eq!(carol.content(id), Some(b"old content".to_vec()));
    assert_eq!(blob(&bob, id), before);
}

#[test]
fn s075_access_omitted_is_access_kept() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let rows = |device: &Device| device.get(id).unwrap().access().unwrap().clone();
    let before = rows(&alice);
    alice.update(Update::new(id).container_type("t")).unwrap();
    assert_eq!(rows(&alice), before);
    alice.update(Update::new(id).header(json!(1))).unwrap();
    let kept: Vec<_> = rows(&alice).values().map(|access| access.grant()).collect();
    assert_eq!(kept, before.values().map(|access| access.grant()).collect::<Vec<_>>());
}

#[test]
fn s076_a_list_without_the_updater_leaves_them_out() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let list = AccessChange::Replace(AccessList::of([bob.full()]));
    let changed = alice.update(Update::new(id).access(list)).unwrap();
    assert_eq!(changed.warnings, [Warning::CallerExcluded]);
    assert_refused(alice.get(id), RemoteCode::ContainerNotFound);
    assert_eq!(bob.get(id).unwrap().access().unwrap().len(), 1);
}

#[test]
fn s077_a_list_of_ids_gives_the_updater_everything_and_others_the_default() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &bob);
    let list = AccessList::Users(vec![bob.id(), alice.id(), carol.id()]);
    bob.update(Update::new(id).access(AccessChange::Replace(list))).unwrap();
    let got = bob.get(id).unwrap();
    let access = got.access().unwrap();
    let rights = [&alice, &bob, &carol].map(|device| access[&device.id()].permissions.as_int());
    assert_eq!(rights, [11, 127, 11]);
}

#[test]
fn s077_only_me_and_remove() {
    let [alice, bob, carol] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full(), carol.full()]);
    alice.update(Update::new(id).access(AccessChange::Remove(vec![bob.id()]))).unwrap();
    assert_refused(bob.get(id), RemoteCode::ContainerNotFound);
    assert_eq!(carol.content(id), Some(b"x".to_vec()));
    alice.update(Update::new(id).access(AccessChange::OnlyMe)).unwrap();
    assert_refused(carol.get(id), RemoteCode::ContainerNotFound);
    assert_eq!(alice.get(id).unwrap().access().unwrap().len(), 1);
}

#[test]
fn s078_keys_from_before_an_upload_do_not_open_what_came_after() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let old = bob.get(id).unwrap().container_keys().unwrap().duplicate();
    alice.update(Update::new(id).content(b"new".to_vec()).header(json!(2))).unwrap();
    let mut got = bob.run(Get::new(id, Portion::All).encrypted()).unwrap();
    assert!(matches!(got.decrypt(Some(old)), Err(Error::Crypto(CryptoError::Decrypt))));
    assert!(got.encrypted() && got.content.is_none());
    got = bob.get(id).unwrap();
    assert_eq!(got.content.as_deref(), Some(&b"new"[..]));
}

#[test]
fn mp_removed_reader_next_epoch_cannot_open() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let old = bob.get(id).unwrap().container_keys().unwrap().duplicate();
    let update = Update::new(id).access(AccessChange::Remove(vec![bob.id()])).content(b"new".to_vec());
    let change = sent(&alice, update);
    assert_eq!(change.blobs.iter().map(|(user, _)| *user).collect::<Vec<_>>(), [alice.id()]);
    let mut stolen = alice.run(Get::new(id, Portion::All).encrypted()).unwrap();
    assert!(matches!(stolen.decrypt(Some(old)), Err(Error::Crypto(CryptoError::Decrypt))));
    // The control: it is the keys that Bob lacks.
    let new = alice.get(id).unwrap().container_keys().unwrap().duplicate();
    stolen.decrypt(Some(new)).unwrap();
    assert_eq!(stolen.content.as_deref(), Some(&b"new"[..]));
}

#[test]
fn s080_an_update_without_the_broker_changes_nothing() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    alice.get(id).unwrap();
    alice.broker.set_stopped(true);
    let result = alice.update(Update::new(id).content(b"new".to_vec()));
    assert!(matches!(result, Err(Error::Transport(_))));
    alice.broker.set_stopped(false);
    for device in [&alice, &bob] {
        assert_eq!(device.content(id), Some(b"old content".to_vec()));
        assert_eq!(device.get(id).unwrap().metadata.unwrap().revision, 1);
    }
}

#[test]
fn s081_clearing_the_header_is_explicit() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let header = |device: &Device| device.get(id).unwrap().header;
    alice.update(Update::new(id).content(b"y".to_vec())).unwrap();
    assert_eq!(header(&bob), Some(json!({ "old": 1 })));
    alice.update(Update::new(id).header(json!({}))).unwrap();
    assert_eq!(header(&bob), Some(json!({})));
    alice.update(Update::new(id).header(Value::Null)).unwrap();
    assert_eq!(header(&bob), None);
    assert_eq!(bob.content(id), Some(b"y".to_vec()));
    alice.update(Update::new(id).header(json!("again"))).unwrap();
    assert_eq!(header(&bob), Some(json!("again")));
}

#[test]
fn s082_an_expiry_moves_and_goes_without_another_key() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let before = blob(&bob, id);
    let soon = alice.now().plus_millis(60_000);
    for expiration in [Some(soon), Some(soon.plus_millis(5)), None] {
        let grant = Grant { expiration, ..bob.full() };
        let change = sent(&alice, Update::new(id).access(AccessChange::Set(vec![grant])));
        assert!(change.blobs.is_empty());
        assert_eq!(bob.get(id).unwrap().access().unwrap()[&bob.id()].expiration, expiration);
        assert_eq!(blob(&bob, id), before);
    }
}

#[test]
fn s083_who_changed_it_and_when() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let made = alice.now();
    let got = alice.get(id).unwrap();
    assert_eq!((got.created_by(), got.created_at()), (Some(alice.id()), Some(made)));
    assert_eq!((got.modified_by(), got.modified_at()), (None, None));
    alice.broker.clock().advance(Duration::from_secs(30));
    bob.update(Update::new(id).content(b"y".to_vec())).unwrap();
    for device in [&alice, &bob] {
        let got = device.get(id).unwrap();
        assert_eq!((got.modified_by(), got.modified_at()), (Some(bob.id()), Some(bob.now())));
        assert_eq!((got.created_by(), got.created_at()), (Some(alice.id()), Some(made)));
    }
}

#[test]
fn f18_without_decrypt_both_sections_must_be_replaced() {
    let [alice, bob] = people();
    let grants = AccessList::of([alice.full(), bob.rights(127 - 2)]);
    let id = alice.changed(Create::new(b"old".to_vec()).header(json!(1)).access(grants));
    bob.get(id).unwrap();
    let missing = |result: Result<_, Error>| match result {
        Err(Error::Input(InputError::MissingRight { right, .. })) => right,
        other => panic!("{:?}", other.map(|_: absio_proto::ops::container::Changed| ())),
    };
    assert_eq!(missing(bob.update(Update::new(id).content(b"new".to_vec()))), "container.decrypt");
    assert_eq!(missing(bob.update(Update::new(id).header(json!(2)))), "container.decrypt");
    bob.update(Update::new(id).content(b"new".to_vec()).header(json!(2))).unwrap();
    let got = alice.get(id).unwrap();
    assert_eq!((got.content, got.header), (Some(b"new".to_vec()), Some(json!(2))));
    assert_eq!(bob.get(id).unwrap().content, None);
}

#[test]
fn f22_an_upload_drops_users_whose_account_is_closed() {
    let [alice, bob, carol] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full(), carol.full()]);
    let closed = bob.id();
    bob.run(absio_proto::ops::user::Delete::new()).unwrap();
    for (device, word) in [(&alice, b"y"), (&carol, b"z")] {
        device.update(Update::new(id).content(word.to_vec())).unwrap();
        assert_eq!(alice.content(id), Some(word.to_vec()));
    }
    assert!(!alice.get(id).unwrap().access().unwrap().contains_key(&closed));
}
