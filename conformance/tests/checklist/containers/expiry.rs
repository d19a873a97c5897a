//! Access that ends (the clock is the test's).

use crate::people::{assert_refused, people};
use absio_proto::RemoteCode;
use absio_proto::model::{AccessChange, EventFilter, Grant, Portion};
use absio_proto::ops::container::{Get, Update};
use std::time::Duration;

#[test]
fn s037_access_ends_at_its_time() {
    let [alice, bob] = people();
    let end = alice.now().plus_millis(2000);
    let id = alice.create(b"x", &[alice.full(), Grant::recipient(bob.id()).until(end)]);
    alice.broker.clock().advance(Duration::from_millis(1999));
    assert_eq!(bob.content(id), Some(b"x".to_vec()));
    let expired_at = || {
        let events = bob.events(EventFilter { container_id: Some(id), ..EventFilter::default() });
        events.first().expect("bob was told of it").container_expired_at
    };
    assert_eq!(expired_at(), None);
    alice.broker.clock().advance(Duration::from_millis(1));
    assert_refused(bob.get(id), RemoteCode::AccessExpired);
    assert_eq!(expired_at(), Some(end));
    assert_eq!(alice.content(id), Some(b"x".to_vec()));
}

#[test]
fn s058_after_the_end_every_portion_and_every_change_is_denied() {
    let [alice, bob] = people();
    let end = alice.now().plus_millis(2000);
    let id = alice.create(b"x", &[alice.full(), bob.full().until(end)]);
    bob.get(id).unwrap();
    alice.broker.clock().advance(Duration::from_secs(2));
    for portion in [Portion::All, Portion::Header, Portion::Content, Portion::Metadata] {
        assert_refused(bob.run(Get::new(id, portion)), RemoteCode::AccessExpired);
    }
    for update in [
        Update::new(id).content(b"y".to_vec()),
        Update::new(id).container_type("t"),
        Update::new(id).access(AccessChange::Set(vec![bob.full()])),
    ] {
        assert_refused(bob.update(update), RemoteCode::AccessExpired);
    }
    assert_eq!(alice.get(id).unwrap().metadata.unwrap().revision, 1);
}

#[test]
fn s058_the_client_refuses_by_its_own_clock_too() {
    use absio_broker::Fault;
    let [alice, bob] = people();
    let end = alice.now().plus_millis(2000);
    let id = alice.create(b"x", &[alice.full(), bob.full().until(end)]);
    bob.broker.record();
    bob.get(id).unwrap();
    let answer = bob.broker.recorded().pop().unwrap().outcome.unwrap();
    alice.broker.clock().advance(Duration::from_secs(2));
    bob.broker.fault_next(Fault::Answer(answer));
    assert_refused(bob.get(id), RemoteCode::AccessExpired);
}

#[test]
fn s082_access_that_ended_can_be_given_again() {
    let [alice, bob] = people();
    let end = alice.now().plus_millis(2000);
    let id = alice.create(b"x", &[alice.full(), Grant::recipient(bob.id()).until(end)]);
    alice.broker.clock().advance(Duration::from_secs(3));
    // An upload makes no key for a row that is over (F40); extending the row does.
    alice.update(Update::new(id).content(b"y".to_vec())).unwrap();
    assert_refused(bob.get(id), RemoteCode::AccessExpired);
    let again = AccessChange::Set(vec![Grant::recipient(bob.id())]);
    alice.update(Update::new(id).access(again)).unwrap();
    assert_eq!(bob.content(id), Some(b"y".to_vec()));
}

#[test]
fn s110_the_dead_row_stays_without_a_key_through_other_changes() {
    let [alice, bob, carol] = people();
    let id = alice.create(b"x", &[alice.full(), Grant::recipient(bob.id()).until(alice.now())]);
    alice.update(Update::new(id).container_type("t")).unwrap();
    let share = AccessChange::Set(vec![Grant::recipient(carol.id())]);
    alice.update(Update::new(id).access(share)).unwrap();
    alice.update(Update::new(id).content(b"y".to_vec())).unwrap();
    assert_eq!(carol.content(id), Some(b"y".to_vec()));
    assert_refused(bob.get(id), RemoteCode::AccessExpired);
    assert_eq!(alice.get(id).unwrap().access().unwrap().len(), 3);
}
