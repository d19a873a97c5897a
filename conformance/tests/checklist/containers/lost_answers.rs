//! Answers that are lost on the way: every change happens exactly once.

use crate::people::{Device, people};
use absio_broker::{Exchange, Fault};
use absio_proto::effect::TransportErrorKind;
use absio_proto::model::{AccessChange, ContainerId, EventFilter, Grant};
use absio_proto::ops::container::{Create, List, Update};
use absio_proto::wire::IDEMPOTENCY_KEY;
use absio_proto::{Error, InputError};

const LOST: TransportErrorKind = TransportErrorKind::Interrupted;

/// Loses the next `count` answers, or whole requests.
fn lose(device: &Device, count: usize) {
    (0..count).for_each(|_| device.broker.fault_next(Fault::LoseAnswer(LOST)));
}

/// The same request was sent `times` times: same body, same key.
#[track_caller]
fn assert_repeated(traffic: &[Exchange], times: usize) {
    assert_eq!(traffic.len(), times);
    let sent = |exchange: &Exchange| {
        let headers = &exchange.request.headers;
        let key = headers.iter().find(|(name, _)| name == IDEMPOTENCY_KEY).expect("a change has a key");
        (key.1.clone(), exchange.request.path.clone(), exchange.request.body.clone())
    };
    assert!(traffic.iter().all(|exchange| sent(exchange) == sent(&traffic[0])));
}

fn events(device: &Device, id: ContainerId) -> usize {
    device.events(EventFilter { container_id: Some(id), ..EventFilter::default() }).len()
}

#[test]
fn mn_lost_reply_create() {
    for lost in [1, 2] {
        let [alice] = people();
        lose(&alice, lost);
        alice.broker.record();
        let id = alice.changed(Create::new(b"x".to_vec()));
        assert_repeated(&alice.broker.recorded(), lost + 1);
        let listed = alice.run(List::new()).unwrap();
        assert_eq!(listed.iter().map(|summary| summary.container_id).collect::<Vec<_>>(), [id]);
        assert_eq!(events(&alice, id), 1);
        assert_eq!(alice.content(id), Some(b"x".to_vec()));
    }
}

#[test]
fn mn_lost_request_create() {
    let [alice] = people();
    alice.broker.fault_next(Fault::Drop(LOST));
    let id = alice.changed(Create::new(b"x".to_vec()));
    assert_eq!(alice.run(List::new()).unwrap().len(), 1);
    assert_eq!(events(&alice, id), 1);
}

#[test]
fn mn_lost_reply_update() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[]);
    let share = AccessChange::Set(vec![Grant::recipient(bob.id())]);
    alice.update(Update::new(id).access(share)).unwrap();
    let before = events(&alice, id);
    lose(&alice, 2);
    alice.broker.record();
    let changed = alice.update(Update::new(id).content(b"y".to_vec())).unwrap();
    assert_repeated(&alice.broker.recorded(), 3);
    assert_eq!(changed.container.metadata.unwrap().revision, 3);
    assert_eq!(bob.content(id), Some(b"y".to_vec()));
    assert_eq!(alice.get(id).unwrap().metadata.unwrap().revision, 3);
    // One "updated" for the change, one "accessed" each for the two gets.
    assert_eq!(events(&alice, id), before + 3);
}

#[test]
fn mn_lost_reply_delete() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    bob.get(id).unwrap();
    lose(&bob, 2);
    bob.broker.record();
    bob.delete(id).unwrap();
    assert_repeated(&bob.broker.recorded(), 3);
    assert_eq!(alice.get(id).unwrap().metadata.unwrap().revision, 2);
    lose(&alice, 1);
    alice.delete(id).unwrap();
    assert!(alice.run(List::new()).unwrap().is_empty());
}

#[test]
fn answers_lost_for_good_are_told_and_the_change_happened_once() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    lose(&alice, 3);
    assert!(matches!(alice.update(Update::new(id).content(b"y".to_vec())), Err(Error::Transport(_))));
    assert_eq!(bob.content(id), Some(b"y".to_vec()));
    // Made again on what was known before, it meets its own effect instead of doubling it.
    let again = alice.update(Update::new(id).content(b"y".to_vec()));
    assert!(matches!(again, Err(Error::Input(InputError::ChangedMeanwhile { base: 1, present: 2, .. }))));
    assert_eq!(bob.get(id).unwrap().metadata.unwrap().revision, 2);
}

#[test]
fn mn_timed_out_change_is_repeated_and_made_once() {
    let [alice] = people();
    for fault in [Fault::LoseAnswer, Fault::Drop] {
        alice.broker.fault_next(fault(TransportErrorKind::TimedOut));
        alice.broker.record();
        let id = alice.create(b"x", &[]);
        assert_repeated(&alice.broker.recorded(), 2);
        assert_eq!(events(&alice, id), 1);
    }
    assert_eq!(alice.run(List::new()).unwrap().len(), 2);
    // A get that timed out is the caller's to repeat.
    alice.broker.fault_next(Fault::Drop(TransportErrorKind::TimedOut));
    let (result, requests) = alice.requests(|alice| alice.run(List::new()));
    match result {
        Err(Error::Transport(error)) => assert_eq!((error.unconfirmed, requests), (None, 1)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn mn_a_change_that_may_have_been_made_says_so() {
    let [alice] = people();
    let id = alice.create(b"x", &[]);
    let key = |exchange: &Exchange| {
        let key = exchange.request.headers.iter().find(|(name, _)| name == IDEMPOTENCY_KEY).unwrap();
        key.1.clone()
    };
    let busy = || {
        let code = absio_proto::RemoteCode::Unavailable;
        let status = code.status();
        let refusal =
            absio_proto::RemoteError { code, message: "not now".into(), subject: None, retry_after_ms: None };
        let body = absio_proto::wire::encode_error(&refusal);
        Fault::Answer(absio_proto::effect::HttpResponse { status, headers: Vec::new(), body })
    };
    let unreachable = || Fault::Drop(TransportErrorKind::Unreachable);
    let timed_out = || Fault::LoseAnswer(TransportErrorKind::TimedOut);
    for faults in [[timed_out(), timed_out(), timed_out()], [timed_out(), busy(), unreachable()]] {
        faults.into_iter().for_each(|fault| alice.broker.fault_next(fault));
        alice.broker.record();
        let error = alice.update(Update::new(id).content(b"y".to_vec())).unwrap_err();
        assert!(error.to_string().contains("it may have been made"), "{error}");
        let Error::Transport(error) = error else { panic!("{error:?}") };
        let sent = alice.broker.recorded();
        assert_repeated(&sent, 3);
        assert_eq!(error.unconfirmed.map(|key| data_encoding::HEXLOWER.encode(&key)), Some(key(&sent[0])));
        alice.get(id).unwrap();
    }
    // The control: nothing was sent, nothing can have been made.
    alice.broker.fault_next(unreachable());
    let error = alice.update(Update::new(id).content(b"z".to_vec())).unwrap_err();
    assert!(!error.to_string().contains("may have been made"), "{error}");
}

#[test]
fn a_lost_get_is_asked_again() {
    let [alice] = people();
    let id = alice.create(b"x", &[]);
    lose(&alice, 2);
    let (content, requests) = alice.requests(|alice| alice.content(id));
    assert_eq!((content, requests), (Some(b"x".to_vec()), 3));
}
