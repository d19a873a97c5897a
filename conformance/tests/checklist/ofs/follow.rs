//! Following events with what is kept here (S-067, S-172, S-176).

use super::{Both, Laptop, Ofs, Server, account, assert_not_found, assert_unreachable, laptops};
use crate::people::broker;
use crate::stores::{Death, Trouble};
use absio_broker::Fault;
use absio_proto::effect::{HttpRequest, TransportErrorKind};
use absio_proto::model::{AccessChange, ContainerId, EventFilter, Portion};
use absio_proto::ops::container::{Create, Update};
use absio_proto::provider::container::Get;
use absio_proto::provider::{Follow, Followed, Provider, Sync, What, WithOutbox, outbox};
use absio_proto::{Error, InputError};
use std::collections::BTreeMap;
use std::time::Duration;

pub fn follow(laptop: &Laptop) -> Followed {
    laptop.run(Both.follow_events(Follow::new())).expect("the broker and the store are there")
}

/// What became of `container` the last time.
#[track_caller]
pub fn what(followed: &Followed, container: ContainerId) -> What {
    let of = |applied: &&absio_proto::provider::Applied| applied.container == container;
    followed.applied.iter().rev().find(of).expect("it is named").what.clone()
}

/// A second device of the same user, signed in to both.
pub fn second(first: &Laptop) -> Laptop {
    let laptop = Laptop::new(&first.broker);
    laptop.sign_in(Both, first.id());
    laptop
}

/// Ids, revisions and texts that a device has.
fn kept(laptop: &Laptop) -> BTreeMap<ContainerId, (u64, String)> {
    let listed = laptop.run(Ofs.list_containers()).unwrap();
    let one = |id| (id, laptop.text(Ofs, id));
    listed.iter().map(|listed| (listed.container, (listed.revision, one(listed.container).1))).collect()
}

#[test]
fn s172_two_devices_are_equal_after_the_loop() {
    let [(first, _), (bob, _)] = laptops();
    let other = second(&first);
    let [one, two, three] = ["one", "two", "three"].map(|text| first.keep(Both, text));
    let large = first.created(Both, Create::new(vec![b'x'; 5 << 20]));
    let from_bob = bob.create(b"hello", &[bob.full(), first.full()]);
    let followed = follow(&other);
    for id in [one, two, three, large, from_bob] {
        assert_eq!(what(&followed, id), What::Refreshed);
    }
    assert!(!followed.more && followed.next > 0);
    // The device that made the changes has no more to fetch than what came from Bob.
    let followed = follow(&first);
    assert_eq!((what(&followed, one), what(&followed, from_bob)), (What::Unchanged, What::Refreshed));
    assert_eq!(kept(&first), kept(&other));

    first.change(Both, Update::new(one).content(b"newer".to_vec())).unwrap();
    first.run(Both.delete_container(two)).unwrap();
    other.change(Both, Update::new(three).container_type("typed")).unwrap();
    bob.update(Update::new(from_bob).content(b"bye".to_vec())).unwrap();
    let (on_first, on_other) = (follow(&first), follow(&other));
    assert_eq!(what(&on_other, one), What::Refreshed);
    assert_eq!(what(&on_other, two), What::Erased, "a tombstone proves it");
    assert_eq!((what(&on_first, two), what(&on_first, three)), (What::NotKept, What::Refreshed));
    let (mine, others) = (kept(&first), kept(&other));
    assert_eq!(mine, others);
    assert_eq!(mine.keys().copied().collect::<Vec<_>>().len(), 4);
    assert_eq!((&*mine[&one].1, &*mine[&from_bob].1), ("newer", "bye"));
    // All of it is on the device: no network is needed.
    other.set_offline(true);
    assert_eq!(kept(&other), mine);
    assert_not_found(other.fetch(Ofs, two));
}

#[test]
fn s172_what_is_unchanged_is_not_fetched_again() {
    let [(first, _)] = laptops();
    let other = second(&first);
    let id = first.created(Both, Create::new(vec![b'x'; 100_000]));
    follow(&other);
    first.change(Both, Update::new(id).container_type("typed")).unwrap();
    other.broker.record();
    assert_eq!(what(&follow(&other), id), What::Refreshed);
    let received = other.broker.recorded();
    let longest = received.iter().filter_map(|exchange| Some(exchange.outcome.as_ref().ok()?.body.len()));
    assert!(longest.max().unwrap() < 20_000, "the content is the same and stays");
    assert_eq!(other.text(Ofs, id).len(), 100_000);
}

#[test]
fn s172_a_cursor_outlives_the_program() {
    let [(first, user)] = laptops();
    let other = second(&first);
    first.keep(Both, "one");
    let followed = follow(&other);
    let again = other.restarted();
    again.sign_in(Both, user);
    let (then, requests) = again.requests(|again| follow_quietly(again));
    assert_eq!((then.applied, requests), (Vec::new(), 1));
    assert!(then.next >= followed.next);
    // A device that never followed begins at the first event.
    assert_eq!(follow(&second(&first)).applied.len(), 1);
}

fn follow_quietly(device: &crate::people::Device) -> Followed {
    // Fetching made events of its own, which say nothing new.
    let followed = device.run(Follow::new()).unwrap();
    assert!(followed.applied.iter().all(|applied| applied.what == What::Unchanged));
    Followed { applied: Vec::new(), ..followed }
}

#[test]
fn s172_kept_only_leaves_new_containers_where_they_are() {
    let [(alice, _), (bob, _)] = laptops();
    let known = alice.keep(Both, "known");
    alice.update(Update::new(known).access(AccessChange::Set(vec![bob.full()]))).unwrap();
    bob.run(Both.get_container(Get::new(known, Portion::Header))).unwrap();
    let unknown = alice.create(b"new", &[alice.full(), bob.full()]);
    alice.update(Update::new(known).header("newer".into()).content(b"newer".to_vec())).unwrap();
    let run = || bob.run(Both.follow_events(Follow::new().kept_only())).unwrap();
    let followed = run();
    assert_eq!((what(&followed, known), what(&followed, unknown)), (What::Refreshed, What::NotKept));
    bob.set_offline(true);
    let header = bob.run(Ofs.get_container(Get::new(known, Portion::Header))).unwrap().container.header;
    assert_eq!(header, Some("newer".into()));
    assert!(bob.fetch(Ofs, known).is_err(), "the content was not here before");
    assert_not_found(bob.fetch(Ofs, unknown));
}

#[test]
fn s172_access_that_was_taken_away_is_reported_and_the_copy_stays() {
    let [(alice, _), (bob, _)] = laptops();
    let id = alice.create(b"text", &[alice.full(), bob.full()]);
    follow(&bob);
    alice.update(Update::new(id).access(AccessChange::OnlyMe)).unwrap();
    // Nobody proves to Bob that he was taken off the list: it may be the broker's invention.
    assert_eq!(what(&follow(&bob), id), What::Reported);
    assert!(bob.run(Ofs.list_containers()).unwrap()[0].is_reported);
    assert_eq!(bob.text(Ofs, id), "text");
    assert_eq!(bob.fetch(Both, id).unwrap_err().code(), "container_not_found");
    // Given back, it is as before.
    alice.update(Update::new(id).access(AccessChange::Set(vec![bob.full()]))).unwrap();
    assert_eq!(what(&follow(&bob), id), What::Refreshed);
    assert!(!bob.run(Ofs.list_containers()).unwrap()[0].is_reported);
}

#[test]
fn s172_a_container_that_fails_does_not_stop_the_others_and_is_tried_again() {
    let [(first, user)] = laptops();
    let other = second(&first);
    let ids = ["one", "two", "three"].map(|text| first.keep(Both, text));
    let broken = ids[1];
    let path = format!("/v1/containers/{broken}");
    other.broker.set_hook(move |request: &HttpRequest| {
        if !request.path.starts_with(&path) {
            return Fault::None;
        }
        Fault::Alter(Box::new(|response| {
            if let Some(byte) = response.body.last_mut() {
                *byte ^= 1;
            }
        }))
    });
    let followed = follow(&other);
    assert!(matches!(what(&followed, broken), What::Failed(_)), "{followed:?}");
    assert_eq!((what(&followed, ids[0]), what(&followed, ids[2])), (What::Refreshed, What::Refreshed));
    assert_eq!(kept(&other).len(), 2);
    // Still forged, after a restart, and with no new event of it; then mended.
    let again = other.restarted();
    again.sign_in(Both, user);
    let followed = follow(&again);
    assert!(matches!(what(&followed, broken), What::Failed(_)), "{followed:?}");
    again.broker.clear_hook();
    assert_eq!(what(&follow(&again), broken), What::Refreshed);
    assert_eq!(kept(&again), kept(&first));
    assert!(follow(&again).applied.iter().all(|applied| applied.what == What::Unchanged));
}

#[test]
fn s172_a_broker_that_goes_away_in_the_middle_is_gone_on_with() {
    let [(first, _)] = laptops();
    for text in ["one", "two", "three", "four"] {
        first.keep(Both, text);
    }
    let mut reached = 0;
    for allowed in 0.. {
        let other = second(&first);
        let mut left = allowed;
        other.broker.set_hook(move |_: &HttpRequest| {
            if left == 0 {
                return Fault::Drop(TransportErrorKind::Unreachable);
            }
            left -= 1;
            Fault::None
        });
        let cut = other.run(Both.follow_events(Follow::new()));
        other.broker.clear_hook();
        if cut.is_ok() {
            reached = allowed;
            break;
        }
        assert_unreachable(cut);
        follow(&other);
        assert_eq!(kept(&other), kept(&first), "{allowed} requests");
    }
    assert!(reached > 4);
}

/// Exactly once over crashes: whatever was written when the device died, the next run ends where one
/// without a crash does.
#[test]
fn s172_a_crash_at_every_operation_of_the_store() {
    let [(first, user)] = laptops();
    let other = second(&first);
    let ids = ["one", "two", "three"].map(|text| first.keep(Both, text));
    follow(&other);
    first.change(Both, Update::new(ids[0]).content(b"newer".to_vec())).unwrap();
    first.run(Both.delete_container(ids[1])).unwrap();
    first.change(Both, Update::new(ids[2]).content(vec![b'x'; 40_000])).unwrap();
    first.keep(Both, "four");
    let expected = kept(&first);
    let mut crashes = 0;
    for death in Death::ALL {
        for at in 0.. {
            let device = other.restarted();
            device.sign_in(Both, user);
            device.store.set(Trouble::Die(at, death));
            let died = device.run(Both.follow_events(Follow::new()));
            if device.store.count() <= at {
                died.expect("nothing went wrong");
                break;
            }
            crashes += 1;
            let again = device.restarted();
            again.sign_in(Both, user);
            let followed = follow(&again);
            assert!(!followed.applied.iter().any(|applied| matches!(applied.what, What::Failed(_))));
            assert_eq!(kept(&again), expected, "{death:?} at {at}");
            again.run(absio_proto::ops::ofs::Check::new()).unwrap();
            again.run(absio_proto::ops::ofs::Sweep::new()).unwrap();
            assert_eq!(again.disk().blobs.len(), first.disk().blobs.len(), "{death:?} at {at}");
        }
    }
    assert!(crashes > 60, "{crashes}");
}

#[test]
fn s172_what_waits_to_be_sent_is_looked_at_after_it_was() {
    let [(first, _)] = laptops();
    let other = second(&first);
    let id = first.keep(Both, "text");
    follow(&other);
    other.set_offline(true);
    other.run(WithOutbox.update_container(Update::new(id).content(b"mine".to_vec()))).unwrap();
    other.set_offline(false);
    first.change(Both, Update::new(id).container_type("typed")).unwrap();
    assert_eq!(what(&follow(&other), id), What::Held);
    assert!(other.run(Both.sync(Sync::new())).unwrap().held.contains(&id));
    assert_eq!(other.text(Ofs, id), "mine");
    other.run(outbox::Drain::new()).unwrap();
    for queued in other.run(outbox::List::new()).unwrap() {
        other.run(outbox::Discard::new(queued.sequence)).unwrap();
    }
    assert!(!matches!(what(&follow(&other), id), What::Held | What::Failed(_)));
    assert_eq!(kept(&other), {
        follow(&first);
        kept(&first)
    });
}

#[test]
fn s172_a_full_store_is_told_and_made_good() {
    let [(first, _)] = laptops();
    let other = second(&first);
    first.keep(Both, "one");
    first.created(Both, Create::new(vec![b'x'; 40_000]));
    for at in 0..40 {
        let device = second(&first);
        device.store.set(Trouble::FullFrom(at));
        let full = device.run(Both.follow_events(Follow::new()));
        device.store.set(Trouble::None);
        let is_told = match &full {
            Err(_) => true,
            Ok(followed) => followed.applied.iter().any(|applied| matches!(applied.what, What::Failed(_))),
        };
        follow(&device);
        assert_eq!(kept(&device), kept(&first), "full from {at}, told: {is_told}");
    }
    assert_eq!(kept(&other).len(), 0);
}

#[test]
fn s172_following_waits_for_the_first_event() {
    let [(alice, _)] = laptops();
    follow(&alice);
    follow(&alice);
    let before = alice.now();
    let followed = alice.run(Both.follow_events(Follow::new().wait(5))).unwrap();
    assert!(alice.now() >= before.plus_millis(5000) && followed.applied.is_empty());
    // What waits already is not waited for.
    second(&alice).keep(Both, "one");
    let before = alice.now();
    assert_eq!(alice.run(Both.follow_events(Follow::new().wait(5))).unwrap().applied.len(), 1);
    assert!(alice.now() < before.plus_millis(5000));
}

#[test]
fn s172_page_after_page() {
    let [(first, _)] = laptops();
    let id = first.create(b"0", &[]);
    for round in 0..1100u32 {
        first.update(Update::new(id).container_type(format!("{round}"))).unwrap();
    }
    let other = second(&first);
    let page = other.run(Both.follow_events(Follow::new().one_page())).unwrap();
    assert!(page.more);
    assert_eq!(page.applied.len(), 1, "a thousand events of one container are one look");
    let rest = other.run(Both.follow_events(Follow::new().one_page())).unwrap();
    assert!(!rest.more && rest.next > page.next);
    assert_eq!(kept(&other)[&id].0, 1101);
}

#[test]
fn s172_a_key_file_that_changed_elsewhere_is_told() {
    let [(first, _)] = laptops();
    let other = second(&first);
    follow(&other);
    first.keep(Both, "one");
    assert!(!follow(&other).key_file_changed, "the control");
    let new = absio_proto::model::Credentials::new("Another horse 3", "Another staple 4");
    first.run(absio_proto::ops::user::ChangeCredentials::new(new)).unwrap();
    assert!(follow(&other).key_file_changed);
    assert!(!follow(&other).key_file_changed);
}

#[test]
fn s067_s176_events_come_from_the_broker_and_never_from_the_store() {
    let [(alice, _)] = laptops();
    alice.keep(Both, "one");
    follow(&alice);
    let disk = alice.disk();
    for place in [Server, Both] {
        let (events, requests) = alice.requests(|alice| alice.run(place.events(EventFilter::default())));
        assert!(!events.unwrap().is_empty());
        assert_eq!(requests, 1, "asked for each time");
    }
    assert!(alice.disk() == disk, "nothing of them is kept");
    let unsupported = |result: Result<(), Error>| {
        assert!(matches!(result, Err(Error::Input(InputError::Unsupported { .. }))), "{result:?}");
    };
    let ((), requests) = alice.requests(|alice| {
        unsupported(alice.run(Ofs.events(EventFilter::default())).map(drop));
        for place in [Ofs, Server] {
            unsupported(alice.run(place.follow_events(Follow::new())).map(drop));
            unsupported(alice.run(place.sync(Sync::new())).map(drop));
        }
    });
    assert_eq!(requests, 0);
    // Without the network there are none, whatever is kept.
    alice.set_offline(true);
    assert_unreachable(alice.run(Both.events(EventFilter::default())));
    assert_unreachable(alice.run(Both.follow_events(Follow::new())));
}

#[test]
fn mc_follow_needs_a_user_who_is_signed_in_to_both() {
    let broker = broker();
    let (alice, bob) = (account(&broker), account(&broker));
    let laptop = Laptop::new(&broker);
    let refused = |laptop: &Laptop| {
        assert_eq!(laptop.run(Follow::new()).unwrap_err(), InputError::NotAuthenticated.into());
        assert_eq!(laptop.run(Sync::new()).unwrap_err(), InputError::NotAuthenticated.into());
    };
    refused(&laptop);
    laptop.sign_in(Both, alice);
    laptop.run(Follow::new()).unwrap();
    laptop.sign_in(Server, bob);
    refused(&laptop);
    laptop.broker.clock().advance(Duration::from_secs(1));
}
