//! Changes while the server cannot be reached: security case 64, and the default without an outbox
//! (S-040, S-080).

mod crashes;
mod decisions;
mod phone;

use crate::people::{broker, person};
use absio_broker::Fault;
use absio_proto::effect::{Method, StoreErrorKind, TransportErrorKind};
use absio_proto::model::{AccessChange, AccessList, Grant};
use absio_proto::ops::container::{Create, Update};
use absio_proto::provider::outbox::{QueuedKind, QueuedState};
use absio_proto::provider::{Provider, Standard};
use absio_proto::{Error, LocalError};
use phone::{DEFAULT, OUTBOX, Phone, number};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// From now on the answers to changes are lost.
fn lose_answers(phone: &Phone) {
    phone.broker.set_hook(|request| match request.method {
        Method::Get => Fault::None,
        _ => Fault::LoseAnswer(TransportErrorKind::Interrupted),
    });
}

#[test]
fn mn_lost_reply_create_makes_exactly_one_container() {
    let phone = Phone::new(&broker());
    lose_answers(&phone);
    let changed = phone.run(OUTBOX.create_container(Create::new(b"once".to_vec()))).unwrap();
    assert_eq!(number(&changed), Some(1));
    phone.broker.clear_hook();
    // The program ends, and the next one sends what it finds.
    let phone = phone.restarted();
    assert_eq!(phone.drain().sent, [1]);
    assert_eq!((phone.count_there(), phone.queued().len()), (1, 0));
    let id = changed.container.id.unwrap();
    assert_eq!((phone.content_there(id), phone.content(id)), (b"once".to_vec(), b"once".to_vec()));

    // Control: without the outbox, whoever was told of a failure makes it again, and there are two.
    let phone = Phone::new(&broker());
    lose_answers(&phone);
    let lost = phone.run(DEFAULT.create_container(Create::new(b"twice".to_vec())));
    assert!(matches!(lost, Err(Error::Transport(error)) if error.unconfirmed.is_some()));
    phone.broker.clear_hook();
    phone.run(DEFAULT.create_container(Create::new(b"twice".to_vec()))).unwrap();
    assert_eq!(phone.count_there(), 2);
}

#[test]
fn mn_lost_reply_create_is_one_container_after_the_key_is_forgotten() {
    let phone = Phone::new(&broker());
    lose_answers(&phone);
    let id = phone.create(b"once");
    phone.broker.clear_hook();
    phone.broker.clock().advance(std::time::Duration::from_secs(31 * 24 * 3600));
    phone.broker.housekeep();
    // Another device went on from it, so it is not even the present revision.
    let other = phone.second();
    other.run(DEFAULT.update_container(Update::new(id).header(json!("later")))).unwrap();
    let phone = phone.restarted();
    let drained = phone.drain();
    assert_eq!((drained.sent, drained.conflicts.len()), (vec![1], 0));
    assert_eq!((phone.count_there(), phone.revision_there(id)), (1, 2));
    let got = phone.get_under(DEFAULT, id).unwrap();
    assert_eq!((got.container.header, got.container.content), (Some(json!("later")), Some(b"once".to_vec())));
}

#[test]
fn s040_s080_without_an_outbox_nothing_is_queued_and_nothing_written() {
    let phone = Phone::new(&broker());
    let id = phone.create(b"old");
    phone.set_offline(true);
    let before = phone.stored();
    let create = phone.run(DEFAULT.create_container(Create::new(b"x".to_vec())));
    let update = phone.run(DEFAULT.update_container(Update::new(id).content(b"new".to_vec())));
    let delete = phone.run(DEFAULT.delete_container(id));
    assert!(matches!((create, update), (Err(Error::Transport(_)), Err(Error::Transport(_)))));
    assert!(matches!(delete, Err(Error::Transport(_))));
    assert!(phone.stored() == before, "nothing is written");
    assert_eq!((phone.queued().len(), phone.content(id)), (0, b"old".to_vec()));
}

#[test]
fn changes_made_offline_are_read_here_and_sent_in_order() {
    let phone = Phone::new(&broker());
    let (kept, gone) = (phone.create(b"kept"), phone.create(b"gone"));
    phone.set_offline(true);
    let new = phone.create(b"new");
    let update = |update: Update| number(&phone.run(OUTBOX.update_container(update)).unwrap());
    assert_eq!(update(Update::new(kept).content(b"kept 2".to_vec())), Some(2));
    assert_eq!(update(Update::new(new).header(json!({"h": 1}))), Some(3));
    assert_eq!(update(Update::new(kept).container_type("t")), Some(4));
    assert_eq!(phone.run(OUTBOX.delete(gone)).unwrap().warnings.len(), 1);
    // Own changes are read, offline and after a restart, by both providers that read the store.
    let phone = phone.restarted();
    for place in [DEFAULT, Standard::Ofs] {
        let got = phone.get_under(place, new).unwrap();
        assert_eq!((got.container.header, got.fresh_at), (Some(json!({"h": 1})), None));
        assert_eq!(got.container.content.as_deref(), Some(&b"new"[..]));
        let got = phone.get_under(place, kept).unwrap().container;
        assert_eq!(
            (got.content.as_deref(), got.container_type.as_deref()),
            (Some(&b"kept 2"[..]), Some("t"))
        );
        let deleted = phone.get_under(place, gone).unwrap_err();
        assert_eq!(deleted, LocalError::DeletionQueued { container: gone }.into());
    }
    let queued = phone.queued();
    let seen: Vec<_> =
        queued.iter().map(|row| (row.sequence, row.kind, row.container, row.revision)).collect();
    assert_eq!(
        seen,
        [
            (1, QueuedKind::Create, new, 1),
            (2, QueuedKind::Update, kept, 2),
            (3, QueuedKind::Update, new, 2),
            (4, QueuedKind::Update, kept, 3),
            (5, QueuedKind::Delete, gone, 2),
        ]
    );
    let drained = phone.drain();
    assert_eq!((drained.sent.len(), drained.waiting), (0, vec![1, 2, 3, 4, 5]));
    assert!(matches!(drained.stopped_by, Some(Error::Transport(_))));

    phone.set_offline(false);
    phone.broker.record();
    let drained = phone.drain();
    assert_eq!((drained.sent, drained.stopped_by.is_none()), (vec![1, 2, 3, 4, 5], true));
    let sent: Vec<_> = phone
        .broker
        .recorded()
        .into_iter()
        .map(|exchange| exchange.request.path)
        .filter(|path| path.starts_with("/v1/containers"))
        .collect();
    let of = |id| format!("/v1/containers/{id}");
    assert_eq!(sent, ["/v1/containers".to_owned(), of(kept), of(new), of(kept), of(gone)]);
    for (id, content) in [(kept, &b"kept 2"[..]), (new, b"new")] {
        assert_eq!((phone.content_there(id), phone.content(id)), (content.to_vec(), content.to_vec()));
        assert!(phone.get_under(DEFAULT, id).unwrap().fresh_at.is_some());
    }
    assert_eq!((phone.count_there(), phone.queued().len()), (2, 0));
    assert!(phone.get_under(DEFAULT, gone).is_err());
    // What was queued goes on as if it had never been.
    phone.run(DEFAULT.update_container(Update::new(kept).content(b"kept 3".to_vec()))).unwrap();
    assert_eq!(phone.revision_there(kept), 4);
}

#[test]
fn with_the_server_there_a_change_is_sent_at_once_and_leaves_nothing() {
    let phone = Phone::new(&broker());
    let created = phone.run(OUTBOX.create_container(Create::new(b"x".to_vec()))).unwrap();
    let id = created.container.id.unwrap();
    let updated = phone.run(OUTBOX.update_container(Update::new(id).content(b"y".to_vec()))).unwrap();
    assert_eq!((created.warnings.len(), updated.warnings.len(), phone.queued().len()), (0, 0, 0));
    assert_eq!((phone.content_there(id), phone.content(id)), (b"y".to_vec(), b"y".to_vec()));
    // Somebody else's change is taken in, as without the outbox.
    phone.second().run(DEFAULT.update_container(Update::new(id).header(json!(1)))).unwrap();
    let updated = phone.run(OUTBOX.update_container(Update::new(id).content(b"z".to_vec()))).unwrap();
    assert_eq!((updated.warnings.len(), phone.revision_there(id)), (0, 4));
    assert!(phone.run(OUTBOX.delete(id)).unwrap().warnings.is_empty());
    assert_eq!((phone.count_there(), phone.queued().len()), (0, 0));
    // A definite refusal is told, and nothing waits.
    let refused = phone.run(OUTBOX.update_container(Update::new(id).content(b"!".to_vec()))).unwrap_err();
    assert!(matches!(refused, Error::Remote(_) | Error::Crypto(_)), "{refused:?}");
    assert_eq!(phone.queued().len(), 0);
}

#[test]
fn a_change_behind_a_waiting_one_waits_too_and_others_do_not() {
    let phone = Phone::new(&broker());
    let (first, second) = (phone.create(b"1"), phone.create(b"2"));
    phone.set_offline(true);
    phone.run(OUTBOX.update_container(Update::new(first).content(b"1a".to_vec()))).unwrap();
    phone.set_offline(false);
    let behind = phone.run(OUTBOX.update_container(Update::new(first).content(b"1b".to_vec()))).unwrap();
    let beside = phone.run(OUTBOX.update_container(Update::new(second).content(b"2a".to_vec()))).unwrap();
    assert_eq!((number(&behind), number(&beside)), (Some(2), None));
    assert_eq!((phone.content_there(first), phone.content_there(second)), (b"1".to_vec(), b"2a".to_vec()));
    // Without the outbox it would become a conflict; so it is not made.
    let mixed = phone.run(DEFAULT.update_container(Update::new(first).content(b"1c".to_vec())));
    assert_eq!(mixed.unwrap_err(), LocalError::Unsent { container: first }.into());
    assert_eq!(phone.run(DEFAULT.delete_container(first)).unwrap_err().code(), "unsent");
    assert_eq!(phone.drain().sent, [1, 2]);
    assert_eq!((phone.content_there(first), phone.revision_there(first)), (b"1b".to_vec(), 3));
}

#[test]
fn what_cannot_wait_is_refused_by_name_and_nothing_is_queued() {
    let phone = Phone::new(&broker());
    let bob = person(&phone.broker);
    phone.set_offline(true);
    let large = phone.run(OUTBOX.create_container(Create::new(vec![7; 5 << 20]))).unwrap_err();
    assert!(matches!(large, Error::Local(LocalError::CannotQueue { .. })), "{large:?}");
    // Somebody whose keys are not on this device cannot be sealed for.
    let grants = AccessList::of([Grant::full(phone.id), bob.full()]);
    let shared = phone.run(OUTBOX.create_container(Create::new(b"x".to_vec()).access(grants.clone())));
    assert!(matches!(shared, Err(Error::Transport(_))));
    assert_eq!(phone.queued().len(), 0);
    phone.set_offline(false);
    // With the server there it is as ever; a lost answer to the last step says that it may be made.
    let id = phone.run(OUTBOX.create_container(Create::new(vec![7; 5 << 20]))).unwrap().container.id.unwrap();
    assert_eq!(phone.content(id), vec![7; 5 << 20]);
    let lost = Arc::new(AtomicBool::new(false));
    let seen = lost.clone();
    phone.broker.set_hook(move |request| {
        let is_last = request.method == Method::Put && request.path.starts_with("/v1/containers");
        seen.fetch_or(is_last, Ordering::Relaxed);
        if is_last { Fault::LoseAnswer(TransportErrorKind::Interrupted) } else { Fault::None }
    });
    let unsure = phone.run(OUTBOX.update_container(Update::new(id).content(vec![8; 5 << 20])));
    let Err(Error::Local(LocalError::CannotQueue { unreached, .. })) = unsure else { panic!("{unsure:?}") };
    assert!(unreached.unconfirmed.is_some() && lost.load(Ordering::Relaxed));
    phone.broker.clear_hook();
    // Somebody known can be sealed for, offline too.
    phone.run(OUTBOX.create_container(Create::new(b"x".to_vec()).access(grants))).unwrap();
    phone.set_offline(true);
    let access = AccessChange::Replace(AccessList::of([Grant::full(phone.id), bob.full()]));
    let own = phone.create(b"for two");
    phone.run(OUTBOX.update_container(Update::new(own).access(access))).unwrap();
    phone.set_offline(false);
    assert_eq!(phone.drain().sent, [1, 2]);
    assert_eq!(bob.content(own), Some(b"for two".to_vec()));
}

#[test]
fn without_a_store_that_takes_it_nothing_is_sent() {
    let phone = Phone::new(&broker());
    let requests = phone.broker.requests();
    phone.set_death(phone::Death::Before(0));
    let failed = phone.run(OUTBOX.create_container(Create::new(b"x".to_vec()))).unwrap_err();
    assert!(matches!(failed, Error::Store(error) if error.kind == StoreErrorKind::Unavailable));
    assert_eq!(phone.broker.requests(), requests, "it is in the outbox first, or it is not sent");
}

#[test]
fn a_broker_that_says_nothing_of_the_change_leaves_it_waiting() {
    let phone = Phone::new(&broker());
    phone.set_offline(true);
    let id = phone.create(b"x");
    phone.set_offline(false);
    for (status, body) in
        [(503, &br#"{"error":{"code":"unavailable","message":"later"}}"#[..]), (200, b"<html>")]
    {
        phone.broker.set_hook(move |request| {
            let answer =
                absio_proto::effect::HttpResponse { status, headers: Vec::new(), body: body.to_vec() };
            if request.path == "/v1/containers" { Fault::Answer(answer) } else { Fault::None }
        });
        let drained = phone.drain();
        assert_eq!((drained.waiting, drained.stopped_by.is_some()), (vec![1], true), "{status}");
        assert_eq!(phone.queued()[0].state, QueuedState::Waiting);
    }
    phone.broker.clear_hook();
    assert_eq!(phone.drain().sent, [1]);
    assert_eq!(phone.content_there(id), b"x");
}

#[test]
fn s209_f27_nothing_in_the_outbox_can_be_read_at_rest() {
    let phone = Phone::new(&broker());
    phone.broker.record();
    phone.set_offline(true);
    let content = b"a content that nobody reads on the disk".repeat(10);
    let create = Create::new(content.clone()).header(json!("a header")).container_type("a type in clear");
    let id = phone.run(OUTBOX.create_container(create)).unwrap().container.id.unwrap();
    let stored = phone.stored();
    let holds = |bytes: &[u8]| stored.windows(bytes.len()).any(|window| window == bytes);
    for marker in [b"a content", &b"a header"[..], b"a type", b"SEG1", b"MAN1", b"BND1", b"KBL1", b"CKY1"] {
        assert!(!holds(marker), "{}", String::from_utf8_lossy(marker));
    }
    assert!(!holds(id.as_bytes()) && !holds(phone.id.as_bytes()));
    // What is sent for it then, its key included, was nowhere to be read; nor is the token now.
    phone.set_offline(false);
    assert_eq!(phone.drain().sent, [1]);
    let recorded = phone.broker.recorded();
    let request =
        &recorded.iter().find(|exchange| exchange.request.path == "/v1/containers").unwrap().request;
    let header = |name: &str| {
        let found = request.headers.iter().find(|(header, _)| header == name);
        found.unwrap().1.clone()
    };
    let key = data_encoding::HEXLOWER.decode(header("absio-idempotency-key").as_bytes()).unwrap();
    let token = header("authorization").replace("Bearer ", "");
    let token = data_encoding::BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
    let now = phone.stored();
    for stored in [&stored, &now] {
        for secret in [&key, &token, &request.body[64..96].to_vec()] {
            assert!(!stored.windows(secret.len()).any(|window| window == &secret[..]));
        }
    }
}
