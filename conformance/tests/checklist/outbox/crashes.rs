//! A device that dies at every effect: nothing acknowledged is lost, and nothing is made twice.

use super::phone::{DEFAULT, Death, OUTBOX, Phone};
use crate::people::broker;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{BlobId, StoreOp, StoreOutcome};
use absio_proto::model::ContainerId;
use absio_proto::ops::container::{Create, Update};
use absio_proto::ops::ofs::{Check, Sweep};
use absio_proto::provider::Provider;
use absio_proto::provider::outbox::Drain;

/// Runs `action` on fresh phones made by `setup` that die at each effect in turn, until one lives
/// through it; after each, a restarted phone is given to `judge` with whether it was acknowledged.
fn at_every_effect<T>(
    mut setup: impl FnMut() -> (Phone, T),
    action: impl Fn(&Phone, &T) -> bool,
    judge: impl Fn(&Phone, &T, bool, Death),
) -> u64 {
    for at in 0..200 {
        for death in [Death::Before(at), Death::After(at)] {
            let (phone, given) = setup();
            phone.set_death(death);
            let done = action(&phone, &given);
            let died = phone.is_dead();
            // Whoever is dead acknowledged nothing.
            judge(&phone.restarted(), &given, done && !died, death);
            if !died && matches!(death, Death::Before(_)) {
                return at;
            }
        }
    }
    panic!("it never ends")
}

/// The outbox is empty, the store is whole and without orphans, and reads here are the broker's.
fn assert_settled(phone: &Phone, ids: &[ContainerId], death: Death) {
    assert!(phone.queued().is_empty(), "{death:?}");
    for id in ids {
        assert_eq!(phone.content(*id), phone.content_there(*id), "{death:?}");
    }
    phone.run(Check::new()).unwrap();
    let swept = phone.restarted();
    assert_eq!(swept.run(Sweep::new()).unwrap(), 0, "{death:?}");
}

#[test]
fn mn_lost_reply_create_dying_at_every_effect_makes_one_or_none() {
    let effects = at_every_effect(
        || (Phone::new(&broker()), ()),
        |phone, ()| phone.run(OUTBOX.create_container(Create::new(b"once".to_vec()))).is_ok(),
        |phone, (), acknowledged, death| {
            let waited = phone.queued().len();
            let before = phone.count_there();
            assert!(before + waited >= usize::from(acknowledged), "{death:?}");
            let drained = phone.drain();
            assert!(drained.conflicts.is_empty() && drained.refused.is_empty(), "{death:?}");
            let count = phone.count_there();
            assert!(count <= 1 && count >= before.max(waited), "{death:?}: {count}");
            assert_settled(phone, &[], death);
        },
    );
    assert!(effects > 10, "{effects}");
}

#[test]
fn what_was_queued_survives_a_death_at_every_effect_of_the_drain() {
    let setup = || {
        let phone = Phone::new(&broker());
        let (kept, gone) = (phone.create(b"kept"), phone.create(b"gone"));
        phone.set_offline(true);
        let new = phone.create(b"new");
        phone.run(OUTBOX.update_container(Update::new(kept).content(b"kept 2".to_vec()))).unwrap();
        phone.run(OUTBOX.update_container(Update::new(kept).content(b"kept 3".to_vec()))).unwrap();
        phone.run(OUTBOX.delete(gone)).unwrap();
        phone.set_offline(false);
        (phone, [kept, new, gone])
    };
    let effects = at_every_effect(
        setup,
        |phone, _| phone.run(Drain::new()).is_ok_and(|drained| drained.stopped_by.is_none()),
        |phone, [kept, new, gone], drained, death| {
            assert!(!drained || phone.queued().is_empty(), "{death:?}");
            let again = phone.drain();
            assert!(again.conflicts.is_empty() && again.refused.is_empty(), "{death:?}: {again:?}");
            assert!(again.stopped_by.is_none(), "{death:?}: {again:?}");
            assert_eq!((phone.content_there(*kept), phone.revision_there(*kept)), (b"kept 3".to_vec(), 3));
            assert_eq!((phone.content_there(*new), phone.revision_there(*new)), (b"new".to_vec(), 1));
            assert_eq!(phone.count_there(), 2, "{death:?}");
            assert!(phone.get_under(DEFAULT, *gone).is_err());
            assert_settled(phone, &[*kept, *new], death);
        },
    );
    assert!(effects > 20, "{effects}");
}

#[test]
fn queueing_and_dying_at_every_effect_is_all_or_nothing() {
    for content in [b"short".to_vec(), vec![3; 100_000]] {
        let setup = || {
            let phone = Phone::new(&broker());
            let id = phone.create(b"old");
            phone.set_offline(true);
            (phone, id)
        };
        let update = |id| Update::new(id).content(content.clone());
        at_every_effect(
            setup,
            |phone, id| phone.run(OUTBOX.update_container(update(*id))).is_ok(),
            |phone, id, acknowledged, death| {
                let here = phone.content(*id);
                assert!(here == b"old" || here == content, "{death:?}");
                assert!(!acknowledged || here == content, "{death:?}");
                let waits = phone.queued().len();
                // The next change builds on what waits, whether or not it was acknowledged.
                let next = Update::new(*id).container_type("next");
                phone.run(OUTBOX.update_container(next)).unwrap();
                phone.set_offline(false);
                let drained = phone.drain();
                assert_eq!(drained.sent.len(), waits + 1, "{death:?}: {drained:?}");
                let expected = if waits == 1 { content.clone() } else { b"old".to_vec() };
                assert_eq!(phone.content_there(*id), expected, "{death:?}");
                assert_settled(phone, &[*id], death);
            },
        );
    }
}

fn blobs(phone: &Phone) -> Vec<BlobId> {
    let Ok(StoreOutcome::Blobs(blobs)) = phone.store.apply(StoreOp::BlobList { after: None, limit: 1000 })
    else {
        panic!("no list")
    };
    blobs
}

#[test]
fn ml_outbox_survives_the_loss_of_the_index() {
    let phone = Phone::new(&broker());
    let kept = phone.create(b"kept");
    phone.set_offline(true);
    let new = phone.create(b"new");
    phone.run(OUTBOX.update_container(Update::new(kept).content(b"kept 2".to_vec()))).unwrap();
    let before = phone.queued();
    let scan = StoreOp::Scan { start: Vec::new(), end: vec![0xff; 64], limit: 1000, reverse: false };
    let Ok(StoreOutcome::Entries(entries)) = phone.store.apply(scan) else { panic!() };
    let writes = entries.into_iter().map(|(key, _)| absio_proto::effect::Write::Delete { key }).collect();
    let commit = absio_proto::effect::Commit { preconditions: Vec::new(), writes };
    phone.store.apply(StoreOp::Commit(commit)).unwrap();
    let phone = phone.restarted();
    assert_eq!(phone.queued(), before, "they come back from their envelopes");
    phone.set_offline(false);
    assert_eq!(phone.drain().sent, [1, 2]);
    assert_eq!((phone.content_there(new), phone.content_there(kept)), (b"new".to_vec(), b"kept 2".to_vec()));
}

#[test]
fn ml_bitflip_in_the_envelope_of_a_change_is_told_and_holds_up_no_other() {
    let phone = Phone::new(&broker());
    phone.set_offline(true);
    let lost = phone.create(b"lost");
    let damaged = blobs(&phone)[0];
    let kept = phone.create(b"kept");
    let read = StoreOp::BlobRead { blob: damaged, offset: 0, length: 1 << 20 };
    let Ok(StoreOutcome::Blob(Some(mut bytes))) = phone.store.apply(read) else { panic!() };
    *bytes.last_mut().unwrap() ^= 1;
    phone.store.apply(StoreOp::BlobDelete { blob: damaged }).unwrap();
    phone.store.apply(StoreOp::BlobWrite { blob: damaged, offset: 0, bytes: bytes.into() }).unwrap();
    phone.store.apply(StoreOp::BlobSeal { blob: damaged }).unwrap();
    phone.set_offline(false);
    let drained = phone.drain();
    assert_eq!((drained.sent, drained.refused), (vec![2], vec![1]));
    let code = absio_proto::provider::outbox::QueuedState::Refused { code: "degraded".into() };
    assert_eq!(phone.queued()[0].state, code);
    assert_eq!((phone.content_there(kept), phone.content(lost)), (b"kept".to_vec(), b"lost".to_vec()));
}
