//! Two who change the same container.

use super::wire::traffic;
use crate::people::{Device, assert_refused, people};
use absio_broker::Fault;
use absio_proto::crypto::Container;
use absio_proto::driver::blocking::{Host, perform};
use absio_proto::model::{AccessChange, AccessList, ContainerId, Grant, Portion};
use absio_proto::ops::container::{Create, Get, Update};
use absio_proto::{CryptoError, Error, Guard, InputError, Operation, RemoteCode, Step};
use serde_json::json;

/// A container that both have the manifest of.
fn shared(alice: &Device, bob: &Device) -> ContainerId {
    let id = alice.changed(
        Create::new(b"content".to_vec())
            .header(json!(0))
            .container_type("t0")
            .access(AccessList::of([alice.full(), bob.full()])),
    );
    bob.get(id).unwrap();
    id
}

fn set(grant: Grant) -> AccessChange {
    AccessChange::Set(vec![grant])
}

#[track_caller]
fn assert_changed_meanwhile<T: core::fmt::Debug>(result: Result<T, Error>, revisions: (u64, u64)) {
    match result {
        Err(Error::Input(InputError::ChangedMeanwhile { base, present, .. })) => {
            assert_eq!((base, present), revisions);
        }
        other => panic!("expected a conflict, got {other:?}"),
    }
}

#[test]
fn changes_of_different_parts_both_stand() {
    type Change = fn(ContainerId) -> Update;
    let changes: [Change; 3] = [
        |id| Update::new(id).content(b"new".to_vec()),
        |id| Update::new(id).header(json!("new")),
        |id| Update::new(id).container_type("new"),
    ];
    for first in 0..3 {
        for second in (0..3).filter(|second| *second != first) {
            let [alice, bob] = people();
            let id = shared(&alice, &bob);
            alice.update(changes[first](id)).unwrap();
            // Refused, fetched, made anew.
            let (result, requests) = bob.requests(|bob| bob.update(changes[second](id)));
            assert_eq!(requests, 3);
            assert_eq!(result.unwrap().container.metadata.unwrap().revision, 3);
            let got = alice.get(id).unwrap();
            let changed = [
                got.content.as_deref() == Some(b"new"),
                got.header == Some(json!("new")),
                got.container_type.as_deref() == Some("new"),
            ];
            assert_eq!(changed, [0, 1, 2].map(|part| part == first || part == second));
        }
    }
}

#[test]
fn changes_of_the_same_part_are_told_apart() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).content(b"alice".to_vec())).unwrap();
    assert_changed_meanwhile(bob.update(Update::new(id).content(b"bob".to_vec())), (1, 2));
    assert_eq!(alice.content(id), Some(b"alice".to_vec()));
    // Bob has seen it now, and decides.
    bob.update(Update::new(id).content(b"bob".to_vec())).unwrap();
    assert_changed_meanwhile(alice.update(Update::new(id).content(b"alice again".to_vec())), (2, 3));

    bob.update(Update::new(id).container_type("bob")).unwrap();
    assert_changed_meanwhile(alice.update(Update::new(id).container_type("alice")), (3, 4));
    alice.update(Update::new(id).header(json!("alice"))).unwrap();
    assert_changed_meanwhile(bob.update(Update::new(id).header(json!("bob"))), (4, 5));
}

#[test]
fn grants_to_different_users_both_stand() {
    let [alice, bob, carol, dave] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).access(set(Grant::recipient(carol.id())))).unwrap();
    bob.update(Update::new(id).access(set(Grant::recipient(dave.id())))).unwrap();
    for device in [&alice, &bob, &carol, &dave] {
        assert_eq!(device.get(id).unwrap().access().unwrap().len(), 4);
        assert_eq!(device.content(id), Some(b"content".to_vec()));
    }
}

#[test]
fn grants_to_the_same_user_are_told_apart() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).access(set(carol.rights(8)))).unwrap();
    assert_changed_meanwhile(bob.update(Update::new(id).access(set(carol.full()))), (1, 2));
    let rights = alice.get(id).unwrap().access().unwrap()[&carol.id()].permissions;
    assert_eq!(rights.as_int(), 8);

    alice.update(Update::new(id).access(AccessChange::Remove(vec![carol.id()]))).unwrap();
    assert_changed_meanwhile(bob.update(Update::new(id).access(set(carol.full()))), (2, 3));
    assert_refused(carol.get(id), RemoteCode::ContainerNotFound);
}

#[test]
fn the_same_grant_twice_is_no_conflict() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).access(set(carol.rights(11)))).unwrap();
    bob.update(Update::new(id).access(set(carol.rights(11)))).unwrap();
    assert_eq!(carol.content(id), Some(b"content".to_vec()));
}

#[test]
fn a_list_replaced_over_a_grant_is_told() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).access(set(carol.full()))).unwrap();
    assert_changed_meanwhile(bob.update(Update::new(id).access(AccessChange::OnlyMe)), (1, 2));
    assert_eq!(carol.get(id).unwrap().access().unwrap().len(), 3);
}

#[test]
fn a_list_replaced_over_an_upload_stands() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).content(b"new".to_vec())).unwrap();
    bob.update(Update::new(id).access(AccessChange::OnlyMe)).unwrap();
    assert_eq!(bob.content(id), Some(b"new".to_vec()));
    assert_refused(alice.get(id), RemoteCode::ContainerNotFound);
}

#[test]
fn an_upload_over_a_new_reader_gives_them_the_new_keys() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).access(set(Grant::recipient(carol.id())))).unwrap();
    bob.update(Update::new(id).content(b"new".to_vec())).unwrap();
    assert_eq!(carol.content(id), Some(b"new".to_vec()));
}

#[test]
fn an_upload_over_a_removal_keeps_the_reader_out() {
    let [alice, bob, carol] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full(), carol.full()]);
    bob.get(id).unwrap();
    alice.update(Update::new(id).access(AccessChange::Remove(vec![carol.id()]))).unwrap();
    bob.update(Update::new(id).content(b"new".to_vec())).unwrap();
    assert_refused(carol.get(id), RemoteCode::ContainerNotFound);
    assert_eq!(alice.content(id), Some(b"new".to_vec()));
}

#[test]
fn f12_each_attempt_is_sealed_anew() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).container_type("new")).unwrap();
    bob.broker.record();
    bob.update(Update::new(id).content(b"new".to_vec())).unwrap();
    let [first, second] = super::wire::changes(&traffic(&bob.broker)).try_into().unwrap();
    assert_ne!(first.content, second.content);
    for ((user, blob), (other, again)) in first.blobs.iter().zip(&second.blobs) {
        assert_eq!(user, other);
        // `enc`, the ephemeral public key, ends the clear part: 64 sealed bytes and a tag follow.
        let enc = |blob: &[u8]| blob[blob.len() - 48 - 64 - 32..][..32].to_vec();
        assert_ne!(enc(blob), enc(again));
    }
}

#[test]
fn a_delete_over_a_change_leaves_all_the_same() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).content(b"new".to_vec())).unwrap();
    bob.delete(id).unwrap();
    let got = alice.get(id).unwrap();
    assert_eq!((got.content, got.metadata.unwrap().revision), (Some(b"new".to_vec()), 3));
}

#[test]
fn the_last_two_who_leave_at_once_end_it() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    alice.delete(id).unwrap();
    // Bob thinks that Alice is still there; he is the last one.
    bob.delete(id).unwrap();
    assert_refused(bob.get(id), RemoteCode::Deleted);
}

#[test]
fn an_update_by_somebody_removed_meanwhile_is_refused() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    alice.update(Update::new(id).access(AccessChange::OnlyMe)).unwrap();
    assert_refused(bob.update(Update::new(id).content(b"bob".to_vec())), RemoteCode::ContainerNotFound);
    assert_eq!(alice.content(id), Some(b"content".to_vec()));
}

/// A get whose answer is held back while `meanwhile` happens, and is taken after that.
fn get_overtaken(device: &Device, id: ContainerId, meanwhile: impl FnOnce()) -> Result<Container, Error> {
    let mut get = Guard::new(Get::new(id, Portion::All));
    let (mut reply, mut meanwhile) = (None, Some(meanwhile));
    loop {
        match device.lend(|cx| get.resume(cx, reply.take())) {
            Step::Done(result) => return result,
            Step::Effect(effect) => reply = Some(perform(device, effect)),
        }
        if let Some(meanwhile) = meanwhile.take() {
            meanwhile();
        }
    }
}

#[test]
fn s059_an_answer_overtaken_by_another_operation_is_no_rollback() {
    let [alice, bob] = people();
    let id = shared(&alice, &bob);
    let newer = || {
        alice.update(Update::new(id).content(b"newer".to_vec())).unwrap();
        assert_eq!(bob.content(id), Some(b"newer".to_vec()));
    };
    let (got, requests) = bob.requests(|bob| get_overtaken(bob, id, newer).unwrap());
    assert_eq!((got.content.as_deref(), requests), (Some(&b"newer"[..]), 4));
    // The last reader deleted it meanwhile, on the same device.
    let own = bob.create(b"x", &[]);
    assert_refused(get_overtaken(&bob, own, || bob.delete(own).unwrap()), RemoteCode::Deleted);

    // The control: a server that answers the second time with the old revision too.
    let (seen, old) = (alice.get(id).unwrap().metadata.unwrap().revision, {
        bob.broker.record();
        bob.get(id).unwrap();
        traffic(&bob.broker).pop().unwrap().outcome.unwrap()
    });
    let result = get_overtaken(&bob, id, || {
        alice.update(Update::new(id).content(b"newest".to_vec())).unwrap();
        assert_eq!(bob.content(id), Some(b"newest".to_vec()));
        bob.broker.fault_next(Fault::Answer(old));
    });
    match result {
        Err(Error::Crypto(CryptoError::RollbackDetected { seen: pinned, offered, .. })) => {
            assert_eq!((pinned, offered), (seen + 1, seen));
        }
        other => panic!("expected a rollback, got {other:?}"),
    }
}

#[test]
fn of_two_real_threads_one_wins_and_the_other_is_told() {
    let [alice] = people();
    let id = alice.create(b"start", &[]);
    let (broker, user) = (alice.broker.clone(), alice.id());
    let writers: Vec<_> = (0..3u8)
        .map(|writer| {
            let broker = broker.clone();
            std::thread::spawn(move || {
                let device = Device::new(&broker).with_seed(u64::from(writer));
                device.log_in(user);
                let mut won = 0;
                for turn in 0..10u8 {
                    device.get(id).unwrap();
                    match device.update(Update::new(id).content(vec![writer, turn])) {
                        Ok(_) => won += 1,
                        Err(Error::Input(InputError::ChangedMeanwhile { .. })) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                won
            })
        })
        .collect();
    let won: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    assert!(won >= 10, "a round without a winner");
    assert_eq!(alice.get(id).unwrap().metadata.unwrap().revision, 1 + won);
}
