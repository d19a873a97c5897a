//! Rights and times, with a copy here and without (S-056, S-058, S-132, S-138, F11).

use super::{Both, Ofs, assert_not_found, laptops};
use crate::people::assert_refused;
use absio_proto::model::{AccessChange, AccessList, Grant, Permissions, Portion};
use absio_proto::ops::container::{Create, Update};
use absio_proto::provider::Provider;
use absio_proto::provider::container::Get;
use absio_proto::{Error, LocalError, RemoteCode};
use std::time::Duration;

#[track_caller]
fn assert_expired<T: core::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::Local(LocalError::AccessExpired { .. }))), "{result:?}");
}

#[test]
fn s058_a_copy_goes_when_the_access_to_it_ends() {
    let [(alice, _), (bob, user)] = laptops();
    let end = alice.now().plus_millis(5000);
    let id = alice.create(b"secret text", &[alice.full(), bob.full().until(end)]);
    bob.fetch(Both, id).unwrap();
    alice.broker.clock().advance(Duration::from_millis(4999));
    bob.set_offline(true);
    assert_eq!(bob.text(Both, id), "secret text");
    assert_eq!(bob.text(Ofs, id), "secret text");
    alice.broker.clock().advance(Duration::from_millis(1));
    super::assert_unreachable(bob.fetch(Both, id));
    assert_expired(bob.fetch(Ofs, id));
    assert!(bob.fetch(Ofs, id).is_err());
    // F11: a clock that is set back does not bring it again.
    alice.broker.clock().set(end.plus_millis(0));
    let again = bob.restarted();
    again.set_offline(true);
    again.sign_in(Both, user);
    assert_not_found(again.fetch(Ofs, id));
}

#[test]
fn s058_the_default_provider_drops_it_at_the_next_contact() {
    let [(alice, _), (bob, _)] = laptops();
    let end = alice.now().plus_millis(5000);
    let id = alice.create(b"secret text", &[alice.full(), bob.full().until(end)]);
    bob.fetch(Both, id).unwrap();
    alice.broker.clock().advance(Duration::from_secs(5));
    assert_refused(bob.fetch(Both, id), RemoteCode::AccessExpired);
    assert_not_found(bob.fetch(Ofs, id));
}

#[test]
fn ml_clock_back_ended_access_stays_ended() {
    let [(alice, _), (bob, user)] = laptops();
    let (start, end) = (alice.now(), alice.now().plus_millis(5000));
    let id = alice.create(b"secret text", &[alice.full(), bob.full().until(end)]);
    bob.fetch(Both, id).unwrap();
    let control = bob.restarted();
    alice.broker.clock().advance(Duration::from_secs(6));
    // Something else is written after the end.
    bob.keep(Both, "another");
    alice.broker.clock().set(start);
    let again = bob.restarted();
    for device in [&*bob, &*again] {
        device.set_offline(true);
    }
    again.sign_in(Ofs, user);
    assert_expired(bob.fetch(Ofs, id));
    assert_expired(again.fetch(Ofs, id));
    // On the disk as it was before the end, the access had not ended.
    control.set_offline(true);
    control.sign_in(Ofs, user);
    assert_eq!(control.text(Ofs, id), "secret text");
}

#[test]
fn s082_access_that_is_given_again_is_fetched_again() {
    let [(alice, _), (bob, _)] = laptops();
    let end = alice.now().plus_millis(5000);
    let id = alice.create(b"text", &[alice.full(), bob.full().until(end)]);
    bob.fetch(Both, id).unwrap();
    alice.broker.clock().advance(Duration::from_secs(5));
    assert_expired(bob.fetch(Ofs, id));
    alice.update(Update::new(id).access(AccessChange::Set(vec![bob.full()]))).unwrap();
    assert_eq!(bob.text(Both, id), "text");
    assert_eq!(bob.text(Ofs, id), "text");
}

#[test]
fn s132_s138_a_copy_outlives_the_right_until_the_next_contact() {
    for lost in [Permissions::CONTAINER_DOWNLOAD, Permissions::CONTAINER_DECRYPT] {
        let [(alice, _), (bob, user)] = laptops();
        let id = alice.create(b"text", &[alice.full(), bob.full()]);
        let large = alice.create(&vec![5; 100_000], &[alice.full(), bob.full()]);
        for id in [id, large] {
            bob.fetch(Both, id).unwrap();
            let less = bob.full().with_permissions(Permissions::CREATOR - lost);
            alice.update(Update::new(id).access(AccessChange::Set(vec![less]))).unwrap();
        }
        assert_eq!(bob.text(Both, id), "text", "S-138: it was cached before");
        assert_eq!(bob.text(Ofs, id), "text", "S-132: the local store does not enforce rights");
        for id in [id, large] {
            let got = bob.fetch_anew(id).unwrap().container;
            assert_eq!(got.content, None, "S-056: no right, no error");
        }
        // S-132: what was kept went with that contact.
        assert!(bob.disk().blobs.is_empty());
        let again = bob.restarted();
        again.set_offline(true);
        again.sign_in(Both, user);
        let (got, requests) = again.requests(|again| again.fetch(Both, id).unwrap());
        assert_eq!((got.container.content, got.from_cache, requests), (None, true, 0));
        assert_eq!(got.container.metadata.unwrap().revision, 2);
    }
}

#[test]
fn s034_whoever_shuts_themselves_out_keeps_nothing() {
    let [(alice, _), (bob, _)] = laptops();
    let create = Create::new(vec![1; 100_000]).access(AccessList::of([bob.full()]));
    let id = alice.created(Both, create);
    let then = alice.keep(Both, "text");
    alice
        .change(Both, Update::new(then).access(AccessChange::Replace(AccessList::of([bob.full()]))))
        .unwrap();
    for id in [id, then] {
        assert_refused(alice.fetch(Both, id), RemoteCode::ContainerNotFound);
        assert_not_found(alice.fetch(Ofs, id));
    }
    assert!(alice.disk().blobs.is_empty());
    assert_eq!(bob.text(Both, then), "text");
}

#[test]
fn s035_whoever_limits_themselves_keeps_what_they_may_have() {
    let [(alice, _), (bob, _)] = laptops();
    let list = AccessList::of([alice.rights(8), bob.full()]);
    let id = alice.created(Both, Create::new(b"text".to_vec()).access(list));
    let got = alice.fetch(Both, id).unwrap();
    assert_eq!((got.container.content, got.from_cache), (None, true));
    assert_eq!(alice.fetch(Ofs, id).unwrap().container.content, None);
}

#[test]
fn ms_event_fake_delete_a_refusal_without_proof_erases_nothing() {
    let [(alice, _), (bob, _)] = laptops();
    let id = alice.create(b"text", &[alice.full(), bob.full()]);
    bob.fetch(Both, id).unwrap();
    alice.update(Update::new(id).access(AccessChange::Remove(vec![bob.id()]))).unwrap();
    assert_eq!(bob.text(Both, id), "text");
    assert_refused(bob.fetch_anew(id), RemoteCode::ContainerNotFound);
    // From now on the broker is asked each time; what is here stays.
    assert_refused(bob.fetch(Both, id), RemoteCode::ContainerNotFound);
    assert_eq!(bob.text(Ofs, id), "text");
    alice.update(Update::new(id).access(AccessChange::Set(vec![bob.full()]))).unwrap();
    assert_eq!(bob.text(Both, id), "text");
    assert_eq!(bob.requests(|bob| bob.text(Both, id)).1, 0, "confirmed again");
    // A tombstone is proof.
    alice.update(Update::new(id).access(AccessChange::Set(vec![Grant::recipient(bob.id())]))).unwrap();
    bob.fetch_anew(id).unwrap();
    alice.delete(id).unwrap();
    assert_eq!(bob.text(Both, id), "text", "bob has access still");
}

#[test]
fn s043_a_tombstone_erases_the_copy() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "text");
    let other = super::Laptop::new(&alice.broker);
    other.sign_in(Both, user);
    other.run(Both.delete_container(id)).unwrap();
    assert_eq!(alice.text(Both, id), "text");
    assert_refused(alice.fetch_anew(id), RemoteCode::Deleted);
    assert_not_found(alice.fetch(Ofs, id));
    assert!(alice.run(Ofs.get_container(Get::new(id, Portion::Metadata))).is_err());
}
