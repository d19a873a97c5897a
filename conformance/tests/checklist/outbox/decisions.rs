//! Conflicts and refusals: both sides are kept, and the caller decides.

use super::phone::{DEFAULT, OUTBOX, Phone, number};
use crate::people::broker;
use absio_proto::model::{AccessChange, AccessList, ContainerId, Grant, Permissions};
use absio_proto::ops::container::{Create, Update};
use absio_proto::provider::outbox::{Discard, Open, QueuedState, Retry};
use absio_proto::provider::{Provider, Standard};
use absio_proto::{LocalError, RemoteCode};
use serde_json::json;

fn queue(phone: &Phone, update: Update) -> u64 {
    number(&phone.run(OUTBOX.update_container(update)).unwrap()).expect("it waits")
}

/// A phone with two queued updates of a container that another device changed meanwhile.
fn conflict() -> (Phone, Phone, ContainerId) {
    let phone = Phone::new(&broker());
    let id = phone.create(b"old");
    let other = phone.second();
    phone.set_offline(true);
    queue(&phone, Update::new(id).content(b"ours".to_vec()).header(json!("our header")));
    queue(&phone, Update::new(id).content(b"ours, later".to_vec()));
    other.run(DEFAULT.update_container(Update::new(id).content(b"theirs".to_vec()))).unwrap();
    phone.set_offline(false);
    (phone, other, id)
}

#[test]
fn a_conflict_keeps_both_sides_and_holds_up_no_other() {
    let (phone, _, id) = conflict();
    phone.set_offline(true);
    let beside = phone.create(b"beside");
    phone.set_offline(false);
    let drained = phone.drain();
    assert_eq!((drained.sent, drained.conflicts), (vec![3], vec![1, 2]));
    assert_eq!(phone.content_there(beside), b"beside");
    // Theirs is what is kept, and offline too; ours is in the outbox, after a restart too.
    phone.set_offline(true);
    let phone = phone.restarted();
    assert_eq!(phone.content(id), b"theirs");
    let states: Vec<_> = phone.queued().into_iter().map(|row| row.state).collect();
    assert_eq!(states, [QueuedState::Conflict { present: 2 }, QueuedState::Conflict { present: 2 }]);
    let ours = phone.run(Open::new(1)).unwrap();
    assert_eq!((ours.content.as_deref(), ours.header), (Some(&b"ours"[..]), Some(json!("our header"))));
    assert_eq!(phone.run(Open::new(2)).unwrap().content.as_deref(), Some(&b"ours, later"[..]));
    // A drain leaves them alone, and they cannot be sent as they are.
    phone.set_offline(false);
    assert_eq!(phone.drain().conflicts.len(), 0);
    assert_eq!(phone.run(Retry::new(1)).unwrap_err().code(), "invalid_argument");
    // The caller decides: what is wanted of ours goes on top of theirs.
    phone.run(OUTBOX.update_container(Update::new(id).content(b"both".to_vec()))).unwrap();
    phone.run(Discard::new(1)).unwrap();
    phone.run(Discard::new(2)).unwrap();
    assert_eq!((phone.content_there(id), phone.content(id)), (b"both".to_vec(), b"both".to_vec()));
    assert_eq!((phone.queued().len(), phone.revision_there(id)), (0, 3));
    assert_eq!(phone.run(Discard::new(1)).unwrap_err(), LocalError::NotQueued { sequence: 1 }.into());
}

#[test]
fn a_deletion_of_what_changed_meanwhile_is_a_conflict_and_of_what_is_gone_is_none() {
    let phone = Phone::new(&broker());
    let (changed, gone) = (phone.create(b"old"), phone.create(b"x"));
    let other = phone.second();
    phone.set_offline(true);
    phone.run(OUTBOX.delete(changed)).unwrap();
    phone.run(OUTBOX.delete(gone)).unwrap();
    let again = phone.run(OUTBOX.delete(changed)).unwrap_err();
    assert_eq!(again, LocalError::DeletionQueued { container: changed }.into());
    other.run(DEFAULT.update_container(Update::new(changed).content(b"theirs".to_vec()))).unwrap();
    other.run(DEFAULT.delete_container(gone)).unwrap();
    phone.set_offline(false);
    let drained = phone.drain();
    assert_eq!((drained.conflicts, drained.sent), (vec![1], vec![2]));
    assert_eq!((phone.content(changed), phone.count_there()), (b"theirs".to_vec(), 1));
    assert_eq!(phone.run(Open::new(1)).unwrap_err().code(), "invalid_argument");
    phone.run(Discard::new(1)).unwrap();
    phone.run(OUTBOX.delete(changed)).unwrap();
    assert_eq!((phone.count_there(), phone.queued().len()), (0, 0));
}

/// Bob, who may change Alice's container until she takes that right away while he is off the net.
fn refused() -> (Phone, Phone, ContainerId) {
    let alice = Phone::new(&broker());
    let bob = Phone::new(&alice.broker);
    let grants = AccessList::of([Grant::full(alice.id), Grant::full(bob.id)]);
    let created = alice.run(DEFAULT.create_container(Create::new(b"old".to_vec()).access(grants))).unwrap();
    let id = created.container.id.unwrap();
    assert_eq!(bob.content(id), b"old");
    bob.set_offline(true);
    queue(&bob, Update::new(id).container_type("by bob"));
    queue(&bob, Update::new(id).container_type("by bob, later"));
    bob.set_offline(false);
    (alice, bob, id)
}

#[test]
fn a_refused_change_stays_with_its_code_until_the_caller_decides() {
    let (_alice, bob, id) = refused();
    let refusal = br#"{"error":{"code":"permission_denied","message":"container.type.modify"}}"#;
    bob.broker.set_hook(move |request| {
        let answer =
            absio_proto::effect::HttpResponse { status: 403, headers: Vec::new(), body: refusal.to_vec() };
        match request.method {
            absio_proto::effect::Method::Put => absio_broker::Fault::Answer(answer),
            _ => absio_broker::Fault::None,
        }
    });
    let drained = bob.drain();
    assert_eq!((drained.refused, drained.sent.len()), (vec![1, 2], 0));
    let state = QueuedState::Refused { code: RemoteCode::PermissionDenied.as_str().into() };
    assert!(bob.queued().iter().all(|row| row.state == state));
    // It is still what is read here, and nothing is built on it.
    let type_here = |phone: &Phone| phone.get_under(DEFAULT, id).unwrap().container.container_type;
    assert_eq!(type_here(&bob).as_deref(), Some("by bob, later"));
    for place in [0, 1] {
        let update = Update::new(id).container_type("more");
        let more = match place {
            0 => bob.run(OUTBOX.update_container(update)),
            _ => bob.run(DEFAULT.update_container(update)),
        };
        assert_eq!(more.unwrap_err(), LocalError::Unsent { container: id }.into());
    }
    assert_eq!(bob.drain().refused.len(), 0, "a drain leaves it alone");
    // With the right given back, it is sent as it is.
    bob.broker.clear_hook();
    bob.run(Retry::new(1)).unwrap();
    assert_eq!(bob.drain().sent, [1, 2]);
    assert_eq!((type_here(&bob).as_deref(), bob.revision_there(id)), (Some("by bob, later"), 3));
}

#[test]
fn what_is_given_up_comes_from_the_broker_again() {
    let (_alice, bob, id) = refused();
    bob.run(Discard::new(2)).unwrap();
    // The earlier one still waits, and is what is read.
    let type_here = |phone: &Phone| phone.get_under(DEFAULT, id).unwrap().container.container_type;
    assert_eq!(type_here(&bob).as_deref(), Some("by bob"));
    bob.run(Discard::new(1)).unwrap();
    assert_eq!((type_here(&bob), bob.queued().len()), (None, 0));
    assert_eq!((bob.content(id), bob.drain().sent.len()), (b"old".to_vec(), 0));
    // Of a container that was never sent, nothing is left; of a deletion, what was hidden.
    bob.set_offline(true);
    let new = bob.create(b"new");
    bob.run(OUTBOX.delete(id)).unwrap();
    bob.run(Discard::new(1)).unwrap();
    bob.run(Discard::new(2)).unwrap();
    assert_eq!(bob.content(id), b"old");
    let gone = bob.get_under(Standard::Ofs, new).unwrap_err();
    assert_eq!(gone, LocalError::ContainerNotFound { container: new }.into());
    assert_eq!(bob.restarted().run(absio_proto::ops::ofs::Sweep::new()).unwrap(), 0);
}

#[test]
fn s048_a_claim_that_it_is_gone_takes_nothing_of_what_is_here() {
    let (alice, bob, id) = refused();
    alice.run(DEFAULT.update_container(Update::new(id).access(AccessChange::OnlyMe))).unwrap();
    let drained = bob.drain();
    assert_eq!(drained.refused, [1, 2]);
    let code = RemoteCode::ContainerNotFound.as_str().into();
    assert_eq!(bob.queued()[0].state, QueuedState::Refused { code });
    assert_eq!(bob.get_under(Standard::Ofs, id).unwrap().container.content.as_deref(), Some(&b"old"[..]));
    // Given back fewer rights, the rest is told by the broker's own code.
    let grant = Grant::full(bob.id).with_permissions(Permissions::from_int(1 + 2).unwrap());
    let access = AccessChange::Replace(AccessList::of([Grant::full(alice.id), grant]));
    alice.run(DEFAULT.update_container(Update::new(id).access(access))).unwrap();
    bob.run(Retry::new(2)).unwrap();
    let drained = bob.drain();
    assert_eq!((drained.conflicts, drained.refused.len()), (vec![1, 2], 0), "the list was changed since");
    assert_eq!(bob.get_under(DEFAULT, id).unwrap().container.content.as_deref(), Some(&b"old"[..]));
}
