//! Who has access: lists, maps, rows, key blobs (checklist 1.6).

use super::wire::{answer, newest, traffic};
use crate::people::{Device, assert_refused, people};
use absio_proto::crypto::key_blob::open_blob;
use absio_proto::model::{
    AccessChange, AccessList, ContainerId, EventFilter, Grant, Permissions, Timestamp, UserId,
};
use absio_proto::ops::container::{Create, Update, Warning};
use absio_proto::{Error, InputError, RemoteCode};
use std::collections::BTreeMap;
use std::time::Duration;

fn rows(device: &Device, id: ContainerId) -> BTreeMap<UserId, Grant> {
    let container = device.get(id).expect("the container is shown");
    container.access().expect("it has access").iter().map(|(user, access)| (*user, access.grant())).collect()
}

#[test]
fn s031_s123_s124_access_as_list_gives_role_defaults() {
    let [alice, bob] = people();
    let users = AccessList::Users(vec![alice.id(), bob.id()]);
    let id = alice.changed(Create::new(b"x".to_vec()).access(users));
    for device in [&alice, &bob] {
        let rows = rows(device, id);
        assert_eq!(rows[&alice.id()], Grant::full(alice.id()));
        assert_eq!(rows[&alice.id()].permissions.as_int(), 127);
        assert_eq!(rows[&bob.id()], Grant::recipient(bob.id()));
        assert_eq!(rows[&bob.id()].permissions.as_int(), 11);
    }
    assert_eq!(bob.content(id), Some(b"x".to_vec()));
}

#[test]
fn s032_access_as_map_is_stored_exactly() {
    let [alice, bob] = people();
    let limited = bob.rights(8).until(alice.now().plus_millis(60_000));
    let id = alice.create(b"x", &[alice.full(), limited]);
    assert_eq!(rows(&alice, id), BTreeMap::from([(alice.id(), alice.full()), (bob.id(), limited)]));
    assert_eq!(rows(&bob, id)[&bob.id()], limited);
}

#[test]
fn s033_a_key_that_disagrees_with_its_access_is_refused_unsent() {
    let [alice, bob] = people();
    let list = AccessList::Grants(BTreeMap::from([(bob.id(), alice.full())]));
    let (result, requests) = alice.requests(|alice| alice.run(Create::new(vec![]).access(list)));
    assert!(matches!(result, Err(Error::Input(InputError::InvalidArgument { argument: "access", .. }))));
    assert_eq!(requests, 0);
}

#[test]
fn s034_a_list_without_the_creator_leaves_them_out() {
    let [alice, bob] = people();
    let changed = alice.run(Create::new(b"x".to_vec()).access(AccessList::Users(vec![bob.id()]))).unwrap();
    assert_eq!(changed.warnings, [Warning::CallerExcluded]);
    let id = changed.container.id.unwrap();
    assert_refused(alice.get(id), RemoteCode::ContainerNotFound);
    assert_eq!(rows(&bob, id).keys().collect::<Vec<_>>(), [&bob.id()]);
    assert_eq!(bob.content(id), Some(b"x".to_vec()));
}

#[test]
fn s035_a_creator_may_limit_themself() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.rights(11)]);
    assert_eq!(alice.content(id), Some(b"x".to_vec()));
    assert_refused(alice.update(Update::new(id).content(b"y".to_vec())), RemoteCode::PermissionDenied);
    let share = AccessChange::Set(vec![Grant::recipient(bob.id())]);
    assert_refused(alice.update(Update::new(id).access(share)), RemoteCode::PermissionDenied);
    assert_eq!(alice.content(id), Some(b"x".to_vec()));
}

#[test]
fn s039_an_id_given_twice_is_one_row() {
    let [alice, bob] = people();
    let users = AccessList::Users(vec![alice.id(), bob.id(), bob.id()]);
    assert_eq!(rows(&alice, alice.changed(Create::new(vec![]).access(users))).len(), 2);
}

#[test]
fn s106_s107_s108_s109_an_access_and_its_defaults() {
    let [bob] = people();
    let text = bob.id().to_string();
    assert_eq!(text.parse::<UserId>().unwrap(), bob.id());
    let access = Grant::full(bob.id());
    assert_eq!((access.permissions.as_int(), access.expiration), (127, None));
    let number = Permissions::from_int(42).unwrap();
    let names = "container.decrypt+container.type.modify+access.view".parse().unwrap();
    assert_eq!(access.with_permissions(number), access.with_permissions(names));
}

#[test]
fn s110_an_expiration_in_the_past_is_taken_and_the_access_is_dead_at_once() {
    let [alice, bob, carol] = people();
    let now = alice.now();
    let past = Grant::recipient(carol.id()).until(Timestamp::from_millis(now.as_millis() - 60_000));
    let id = alice.create(b"x", &[alice.full(), Grant::recipient(bob.id()).until(now), past]);
    assert_eq!(rows(&alice, id)[&bob.id()].expiration, Some(now));
    for device in [&bob, &carol] {
        assert_refused(device.get(id), RemoteCode::AccessExpired);
    }
}

#[test]
fn s111_s112_a_key_blob_opens_for_its_user_only_under_a_manifest_its_writer_signed() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), Grant::recipient(bob.id())]);
    bob.broker.record();
    let got = bob.get(id).unwrap();
    let row = &got.access().unwrap()[&bob.id()];
    let blob = row.key_blob.as_ref().expect("bob may decrypt");
    assert_eq!(data_encoding::BASE64.decode(row.key().unwrap().as_bytes()).unwrap(), *blob);

    let view = newest(&answer(&traffic(&bob.broker), id, bob.id()));
    let writer = alice.user();
    let (index, signing) = writer.keys().chain().active_signing().unwrap();
    view.manifest().verify_signature(&signing).unwrap();
    let (_, other) = bob.user().keys().chain().active_signing().unwrap();
    assert!(view.manifest().verify_signature(&other).is_err());

    let entry = view.entry(bob.id()).unwrap();
    view.manifest().check_blob(entry, blob).unwrap();
    let sender = writer.keys().chain().signing_key(index).unwrap().public;
    let open = |device: &Device| {
        let ring = device.user();
        let (index, public) = ring.keys().chain().active_derivation().unwrap();
        let secret = ring.keys().derivation_secret(index).unwrap();
        open_blob(blob, &view.body().blob_context(entry, sender, public).unwrap(), &secret)
    };
    assert!(open(&bob).unwrap() == *got.container_keys().unwrap());
    assert!(open(&alice).is_err());
}

#[test]
fn s113_there_is_no_key_blob_without_decrypt() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.rights(9)]);
    let got = bob.get(id).unwrap();
    assert_eq!(got.access().unwrap()[&bob.id()].key_blob, None);
    assert_eq!(got.access().unwrap()[&bob.id()].key(), None);
    assert!(got.container_keys().is_none());
}

#[test]
fn s114_a_row_tells_who_gave_it_and_who_changed_it() {
    let [alice, bob, carol] = people();
    let given = alice.now();
    let id = alice.create(b"x", &[alice.full(), Grant::recipient(bob.id()), carol.full()]);
    let row = |device: &Device| device.get(id).unwrap().access().unwrap()[&bob.id()].clone();
    let before = row(&bob);
    assert_eq!((before.created_by, before.created_at), (alice.id(), given));
    assert_eq!((before.modified_by, before.modified_at), (None, None));

    alice.broker.clock().advance(Duration::from_secs(5));
    let changed = carol.now();
    carol.update(Update::new(id).access(AccessChange::Set(vec![bob.rights(75)]))).unwrap();
    let after = row(&bob);
    assert_eq!((after.created_by, after.created_at), (alice.id(), given));
    assert_eq!((after.modified_by, after.modified_at), (Some(carol.id()), Some(changed)));
    // A re-key does not count as a change of the row.
    alice.broker.clock().advance(Duration::from_secs(5));
    alice.update(Update::new(id).content(b"y".to_vec())).unwrap();
    assert_eq!(row(&bob).modified_at, Some(changed));
}

#[test]
fn s068_a_stranger_hears_nothing() {
    let [alice, bob, stranger] = people();
    let id = alice.create(b"x", &[alice.full(), Grant::recipient(bob.id())]);
    alice.update(Update::new(id).content(b"y".to_vec())).unwrap();
    assert!(stranger.events(EventFilter::default()).iter().all(|event| event.container_id.is_none()));
}
