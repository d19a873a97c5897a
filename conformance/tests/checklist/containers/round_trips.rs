//! Round trips are promises: counted exactly (docs/protocol.md, "Round trips").

use crate::people::{Device, people};
use absio_proto::model::{AccessChange, AccessList, ContainerId, Grant, Portion};
use absio_proto::ops::container::{Create, Delete, Get, List, Update};
use absio_proto::{Error, Operation};

#[track_caller]
fn costs<O: Operation>(device: &Device, trips: u64, operation: O) -> O::Output {
    let (result, requests) = device.requests(|device| device.run(operation));
    assert_eq!(requests, trips);
    result.unwrap_or_else(|error: Error| panic!("{error}"))
}

/// Another device of the same user, which knows nothing but is signed in.
fn fresh(device: &Device) -> Device {
    let other = Device::new(&device.broker);
    other.log_in(device.id());
    other
}

fn create(device: &Device, trips: u64, users: &[&Device]) -> ContainerId {
    let grants = users.iter().map(|user| Grant::recipient(user.id())).chain([device.full()]);
    let operation = Create::new(b"x".to_vec()).access(AccessList::of(grants.collect::<Vec<_>>()));
    costs(device, trips, operation).container.id.unwrap()
}

#[test]
fn f43_a_create_is_one_and_one_more_for_all_unknown_recipients() {
    let [alice, bob, carol, dave] = people();
    create(&alice, 1, &[]);
    create(&alice, 2, &[&bob, &carol, &dave]);
    create(&alice, 1, &[&bob, &carol, &dave]);
}

#[test]
fn f43_a_get_is_one_for_whoever_wrote_it() {
    let [alice, bob] = people();
    let id = create(&alice, 2, &[&bob]);
    for portion in [Portion::All, Portion::Header, Portion::Content, Portion::Metadata] {
        costs(&alice, 1, Get::new(id, portion));
        costs(&bob, 1, Get::new(id, portion));
        costs(&fresh(&bob), 1, Get::new(id, portion));
    }
    for word in ["a", "b", "c"] {
        costs(&alice, 1, Update::new(id).container_type(word));
    }
    costs(&bob, 1, Get::new(id, Portion::All));
    costs(&fresh(&bob), 1, Get::new(id, Portion::All));
}

#[test]
fn f43_an_update_is_one_with_the_manifest_at_hand_and_two_without() {
    let [alice, bob, carol] = people();
    let id = create(&alice, 2, &[&bob]);
    costs(&alice, 1, Update::new(id).container_type("t"));
    costs(&alice, 1, Update::new(id).content(b"y".to_vec()));
    costs(&alice, 1, Update::new(id).access(AccessChange::Remove(vec![bob.id()])));
    let other = fresh(&alice);
    costs(&other, 2, Update::new(id).container_type("u"));
    costs(&other, 1, Update::new(id).container_type("v"));
    let share = |device: &Device| AccessChange::Set(vec![Grant::recipient(device.id())]);
    costs(&other, 2, Update::new(id).access(share(&carol)));
    costs(&fresh(&alice), 3, Update::new(id).access(share(&bob)));
    // Two users to be re-keyed for, whose cards this device never saw.
    costs(&fresh(&alice), 3, Update::new(id).content(b"z".to_vec()));
}

#[test]
fn f43_a_delete_is_one_with_the_manifest_at_hand_and_two_without() {
    let [alice, bob] = people();
    let ids: Vec<_> = (0..2).map(|_| alice.create(b"x", &[alice.full(), bob.full()])).collect();
    costs(&fresh(&bob), 2, Delete::new(ids[0]));
    bob.get(ids[1]).unwrap();
    costs(&bob, 1, Delete::new(ids[1]));
    costs(&alice, 1, Get::new(ids[0], Portion::Metadata));
    costs(&alice, 1, Delete::new(ids[0]));
}

#[test]
fn f43_a_list_is_one_a_page() {
    let [alice] = people();
    for _ in 0..3 {
        create(&alice, 1, &[]);
    }
    assert_eq!(costs(&alice, 1, List::new()).len(), 3);
}

#[test]
fn f43_an_expired_session_costs_its_renewal_once() {
    let [alice] = people();
    let id = create(&alice, 1, &[]);
    alice.broker.clock().advance(std::time::Duration::from_secs(3600));
    costs(&alice, 3, Get::new(id, Portion::All));
    costs(&alice, 1, Get::new(id, Portion::All));
}

#[test]
fn f43_a_long_history_costs_one_more_a_page() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    bob.get(id).unwrap();
    let sleeper = fresh(&bob);
    sleeper.get(id).unwrap();
    for turn in 0..70 {
        bob.update(Update::new(id).container_type(format!("t{turn}"))).unwrap();
    }
    // Pinned at 1, present is 71: the newest view, then two pages of 64 from the pin.
    let got = costs(&sleeper, 3, Get::new(id, Portion::All));
    assert_eq!(got.metadata.unwrap().revision, 71);
    costs(&sleeper, 1, Get::new(id, Portion::All));
    // First contact begins at the creator's revision.
    costs(&fresh(&bob), 3, Get::new(id, Portion::All));
    alice.get(id).unwrap();
    alice.update(Update::new(id).container_type("mine")).unwrap();
    costs(&fresh(&bob), 1, Get::new(id, Portion::All));
}
