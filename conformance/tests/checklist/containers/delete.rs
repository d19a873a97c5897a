//! Giving up access, and ending a container.

use crate::people::{Device, assert_refused, people};
use absio_proto::crypto::container_id;
use absio_proto::model::{AccessChange, AccessList, EventAction, EventFilter, Grant, Portion};
use absio_proto::ops::container::{Create, Get, List, Update};
use absio_proto::{Error, RemoteCode};

#[test]
fn s042_s190_delete_gives_up_the_callers_access_only() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    bob.delete(id).unwrap();
    assert_refused(bob.get(id), RemoteCode::ContainerNotFound);
    assert_eq!(alice.content(id), Some(b"x".to_vec()));
    assert_eq!(alice.get(id).unwrap().access().unwrap().len(), 1);
    assert!(bob.run(List::new()).unwrap().is_empty());
}

#[test]
fn s042_who_left_may_be_let_in_again() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), Grant::recipient(bob.id())]);
    bob.get(id).unwrap();
    bob.delete(id).unwrap();
    alice.get(id).unwrap();
    let share = AccessChange::Set(vec![Grant::recipient(bob.id())]);
    alice.update(Update::new(id).access(share)).unwrap();
    assert_eq!(bob.content(id), Some(b"x".to_vec()));
}

#[test]
fn s043_the_last_user_ends_the_container() {
    let [alice] = people();
    let id = alice.changed(Create::new(vec![3; 6 << 20]).header(serde_json::json!(1)));
    let laptop = Device::new(&alice.broker);
    laptop.log_in(alice.id());
    laptop.get(id).unwrap();
    let phone = Device::new(&alice.broker);
    phone.log_in(alice.id());
    alice.delete(id).unwrap();
    for device in [&alice, &laptop, &phone] {
        for portion in [Portion::All, Portion::Metadata] {
            assert_refused(device.run(Get::new(id, portion)), RemoteCode::Deleted);
        }
        assert_refused(device.delete(id), RemoteCode::Deleted);
        assert_refused(device.update(Update::new(id).content(b"y".to_vec())), RemoteCode::Deleted);
    }
    assert!(alice.run(List::new()).unwrap().is_empty());
    // The header went with it, the parts of the content with the next housekeeping.
    alice.broker.housekeep();
    assert_eq!(stored_blobs(&alice), 0);
}

#[test]
fn s043_the_bytes_of_a_small_container_go_at_once() {
    let [alice] = people();
    let id = alice.changed(Create::new(b"x".to_vec()).header(serde_json::json!(1)));
    assert_eq!(stored_blobs(&alice), 2);
    alice.delete(id).unwrap();
    assert_eq!(stored_blobs(&alice), 0);
}

fn stored_blobs(device: &Device) -> usize {
    use absio_proto::driver::blocking::Store;
    use absio_proto::effect::{StoreOp, StoreOutcome};
    match device.broker.store().apply(StoreOp::BlobList { after: None, limit: 1000 }) {
        Ok(StoreOutcome::Blobs(blobs)) => blobs.len(),
        _ => panic!("the store lists its blobs"),
    }
}

#[test]
fn s045_removing_everybody_else_and_then_oneself_removes_it_all() {
    let [alice, bob, carol] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full(), carol.full()]);
    alice.update(Update::new(id).access(AccessChange::OnlyMe)).unwrap();
    alice.delete(id).unwrap();
    assert_refused(alice.get(id), RemoteCode::Deleted);
    for device in [&bob, &carol] {
        assert_refused(device.get(id), RemoteCode::ContainerNotFound);
    }
}

#[test]
fn s046_an_unknown_id_is_not_found() {
    let [alice] = people();
    let id = container_id(alice.id(), &[7; 32]);
    assert_refused(alice.get(id), RemoteCode::ContainerNotFound);
    assert_refused(alice.delete(id), RemoteCode::ContainerNotFound);
    assert_refused(alice.update(Update::new(id).container_type("t")), RemoteCode::ContainerNotFound);
}

#[test]
fn s047_giving_up_access_needs_no_right_and_no_time() {
    let [alice, bob, carol] = people();
    let soon = alice.now().plus_millis(1000);
    let id = alice.create(b"x", &[alice.full(), bob.rights(0), carol.full().until(soon)]);
    bob.delete(id).unwrap();
    carol.get(id).unwrap();
    alice.broker.clock().advance(std::time::Duration::from_secs(2));
    carol.delete(id).unwrap();
    assert_eq!(alice.get(id).unwrap().access().unwrap().len(), 1);
}

#[test]
fn s047_the_last_one_may_end_it_without_any_right() {
    let [alice, bob] = people();
    let id = alice.changed(Create::new(b"x".to_vec()).access(AccessList::of([bob.rights(0)])));
    bob.delete(id).unwrap();
    assert_refused(bob.get(id), RemoteCode::Deleted);
}

#[test]
fn s048_those_concerned_are_told() {
    let [alice, bob, carol] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full(), carol.rights(11)]);
    bob.delete(id).unwrap();
    let deleted = |device: &Device| {
        let filter = EventFilter { action: Some(EventAction::Deleted), ..EventFilter::default() };
        device.events(filter).iter().filter(|event| event.container_id == Some(id)).count()
    };
    assert_eq!(deleted(&bob), 1);
    alice.update(Update::new(id).access(AccessChange::OnlyMe)).unwrap();
    assert_eq!(deleted(&carol), 1);
    alice.delete(id).unwrap();
    assert_eq!(deleted(&alice), 1);
    assert_eq!((deleted(&bob), deleted(&carol)), (1, 1));
}

#[test]
fn a_delete_without_the_broker_changes_nothing() {
    let [alice] = people();
    let id = alice.create(b"x", &[]);
    alice.broker.set_stopped(true);
    assert!(matches!(alice.delete(id), Err(Error::Transport(_))));
    alice.broker.set_stopped(false);
    assert_eq!(alice.content(id), Some(b"x".to_vec()));
    alice.delete(id).unwrap();
}
