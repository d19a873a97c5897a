//! Bringing a device up to date (S-058, S-172).

use super::follow::{follow, second};
use super::{Both, Laptop, Ofs, Server, assert_degraded, assert_not_found, assert_unreachable, laptops};
use absio_broker::Fault;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{Commit, HttpRequest, StoreOp, Write};
use absio_proto::model::{AccessChange, Credentials};
use absio_proto::ops::container::Update;
use absio_proto::ops::ofs::Expire;
use absio_proto::ops::user::ChangeCredentials;
use absio_proto::provider::{Provider, Sync, SyncState, Synced};
use serde_json::{Value, json};
use std::time::Duration;

fn sync(laptop: &Laptop) -> Synced {
    laptop.run(Both.sync(Sync::new())).expect("the broker and the store are there")
}

/// The broker keeps every event to itself.
fn withhold_events(laptop: &Laptop) {
    laptop.broker.set_hook(|request: &HttpRequest| {
        if !request.path.starts_with("/v1/events") {
            return Fault::None;
        }
        Fault::Alter(Box::new(|response| {
            let mut body: Value = serde_json::from_slice(&response.body).unwrap();
            body["events"] = json!([]);
            response.body = body.to_string().into_bytes();
        }))
    });
}

#[test]
fn s172_a_sync_finds_what_events_did_not_tell() {
    let [(first, _)] = laptops();
    let other = second(&first);
    let [changed, gone, same] = ["changed", "gone", "same"].map(|text| first.keep(Both, text));
    follow(&other);
    first.change(Both, Update::new(changed).content(b"newer".to_vec())).unwrap();
    first.run(Both.delete_container(gone)).unwrap();
    let unknown = first.keep(Both, "unknown");
    withhold_events(&other);
    assert!(follow(&other).applied.is_empty(), "events tell nothing");
    assert_eq!(other.text(Ofs, changed), "changed");
    let synced = sync(&other);
    assert_eq!(synced.refreshed.iter().collect::<Vec<_>>(), [&changed]);
    assert_eq!(synced.erased.iter().collect::<Vec<_>>(), [&gone]);
    assert_eq!(synced.unknown.iter().collect::<Vec<_>>(), [&unknown]);
    assert_eq!((other.text(Ofs, changed).as_str(), other.text(Ofs, same).as_str()), ("newer", "same"));
    assert_not_found(other.fetch(Ofs, gone));
    let synced = other.run(Both.sync(Sync::new().fetching_all())).unwrap();
    assert!(synced.unknown.is_empty() && synced.refreshed.contains(&unknown) && synced.failed.is_empty());
    assert_eq!(other.text(Ofs, unknown), "unknown");
    other.broker.clear_hook();
    // Once more there is nothing to do.
    let synced = sync(&other);
    assert!(synced.refreshed.is_empty() && synced.erased.is_empty() && synced.reported.is_empty());
}

#[test]
fn s172_a_sync_reports_what_is_not_listed_any_more() {
    let [(alice, _), (bob, _)] = laptops();
    let id = alice.create(b"text", &[alice.full(), bob.full()]);
    follow(&bob);
    let mine = bob.keep(Ofs, "mine alone");
    alice.update(Update::new(id).access(AccessChange::OnlyMe)).unwrap();
    withhold_events(&bob);
    let synced = sync(&bob);
    assert_eq!(synced.reported.iter().collect::<Vec<_>>(), [&id]);
    assert_eq!((bob.text(Ofs, id).as_str(), bob.text(Ofs, mine).as_str()), ("text", "mine alone"));
}

#[test]
fn s172_a_sync_mends_what_was_lost_and_says_when_it_is_whole() {
    let [(alice, user)] = laptops();
    let kept = alice.keep(Both, "kept");
    let before = alice.disk();
    let lost = alice.keep(Both, "lost");
    let key = alice.disk().records.into_keys().find(|key| !before.records.contains_key(key)).unwrap();
    let commit = Commit { preconditions: Vec::new(), writes: vec![Write::Delete { key }] };
    alice.store.disk().apply(StoreOp::Commit(commit)).unwrap();
    let device = alice.restarted();
    device.sign_in(Both, user);
    assert_degraded(device.run(Ofs.list_containers()));
    let synced = device.run(Both.sync(Sync::new().kept_only())).unwrap();
    assert!(synced.incomplete_since.is_some() && synced.unknown.contains(&lost), "{synced:?}");
    assert_degraded(device.fetch(Ofs, lost));
    let synced = device.run(Both.sync(Sync::new().fetching_all())).unwrap();
    assert_eq!(synced.incomplete_since, None);
    device.set_offline(true);
    assert_eq!((device.text(Ofs, lost).as_str(), device.text(Ofs, kept).as_str()), ("lost", "kept"));
    assert_eq!(device.run(Ofs.list_containers()).unwrap().len(), 2);
}

#[test]
fn s172_a_sync_compares_the_key_file() {
    let [(first, _)] = laptops();
    let other = second(&first);
    assert_eq!(sync(&other).key_file, SyncState::InSync);
    first.run(ChangeCredentials::new(Credentials::new("Another horse 3", "Another staple 4"))).unwrap();
    assert_eq!(sync(&other).key_file, SyncState::Differs);
    other.set_offline(true);
    assert_unreachable(other.run(Both.sync(Sync::new())));
}

/// S-058: what nobody opens is erased at the next look, too.
#[test]
fn s058_what_has_expired_is_erased_by_a_sync() {
    let [(alice, _), (bob, _)] = laptops();
    let end = alice.now().plus_millis(5000);
    let ends = alice.create(&vec![7; 100_000], &[alice.full(), bob.full().until(end)]);
    let stays = alice.create(b"stays", &[alice.full(), bob.full().until(end.plus_millis(5000))]);
    follow(&bob);
    assert_eq!(bob.disk().blobs.len(), 1);
    assert_eq!(bob.run(Expire::new()).unwrap(), [], "the control");
    alice.broker.clock().advance(Duration::from_secs(5));
    let without_broker = bob.restarted();
    without_broker.set_offline(true);
    without_broker.sign_in(Ofs, bob.id());
    assert_eq!(without_broker.run(Expire::new()).unwrap(), [ends]);
    assert!(without_broker.disk().blobs.is_empty(), "no file is left");
    assert_not_found(without_broker.fetch(Ofs, ends));
    assert_eq!(without_broker.text(Ofs, stays), "stays");
    let synced = sync(&bob);
    assert!(synced.erased.contains(&ends) && !synced.erased.contains(&stays), "{synced:?}");
    assert!(bob.disk().blobs.is_empty());
    // F11: a clock that is set back does not keep what had ended from going.
    let clock_back = bob.restarted();
    alice.broker.clock().set(end.plus_millis(6000));
    clock_back.set_offline(true);
    clock_back.sign_in(Ofs, bob.id());
    clock_back.keep(Ofs, "written after the end");
    alice.broker.clock().set(end);
    assert_eq!(clock_back.run(Expire::new()).unwrap(), [stays]);
}

#[test]
fn a_sync_of_what_is_up_to_date_asks_three_times() {
    let [(alice, _)] = laptops();
    for text in ["one", "two", "three"] {
        alice.keep(Both, text);
    }
    sync(&alice);
    sync(&alice);
    let (_, requests) = alice.requests(|alice| alice.run(Both.sync(Sync::new())).unwrap());
    assert_eq!(requests, 3, "the checksum, the events, the list");
    assert_eq!(alice.run(Server.list_containers()).unwrap().len(), 3);
}
