//! Lists of containers: at the broker, and on this device.

use super::{Both, Laptop, Ofs, Server, assert_degraded, laptops};
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{Commit, StoreOp, Write};
use absio_proto::model::ContainerId;
use absio_proto::ops::container::Create;
use absio_proto::ops::ofs::{AcceptLoss, ListKept, Repair};
use absio_proto::provider::{Listed, Provider, Standard};
use std::collections::BTreeSet;

fn list(laptop: &Laptop, place: Standard) -> Vec<Listed> {
    laptop.run(place.list_containers()).expect("it is listed")
}

fn ids(listed: &[Listed]) -> BTreeSet<ContainerId> {
    listed.iter().map(|listed| listed.container).collect()
}

/// ids equal what was stored.
#[test]
fn x02_every_provider_lists_what_it_has() {
    let [(alice, _), (bob, _)] = laptops();
    let kept = [alice.keep(Both, "one"), alice.keep(Both, "two")];
    let typed = alice.created(Both, Create::new(b"x".to_vec()).container_type("letter"));
    let at_broker_only = alice.create(b"x", &[alice.full(), bob.full()]);
    let here_only = alice.keep(Ofs, "mine");
    let all_there: BTreeSet<_> = kept.into_iter().chain([typed, at_broker_only]).collect();
    let all_here: BTreeSet<_> = kept.into_iter().chain([typed, here_only]).collect();
    assert_eq!(ids(&list(&alice, Server)), all_there);
    assert_eq!(ids(&list(&alice, Both)), all_there);
    assert_eq!(ids(&list(&bob, Ofs)), BTreeSet::new());
    alice.set_offline(true);
    let (listed, requests) = alice.requests(|alice| alice.run(Ofs.list_containers()).unwrap());
    assert_eq!((ids(&listed), requests), (all_here, 0));
    assert!(listed.is_sorted_by_key(|listed| listed.container));
    let of = |container| listed.iter().find(|listed| listed.container == container).unwrap();
    assert_eq!(of(typed).container_type.as_deref(), Some("letter"));
    assert_eq!((of(typed).revision, of(typed).sole, of(typed).is_local), (1, true, false));
    assert_eq!((of(typed).fresh_at, of(here_only).fresh_at), (Some(alice.now()), None));
    assert!(of(here_only).is_local && !of(here_only).is_reported);
}

#[test]
fn x02_pages_make_up_the_list() {
    let [(alice, _)] = laptops();
    for text in ["1", "2", "3", "4", "5"] {
        alice.keep(Both, text);
    }
    alice.keep(Ofs, "6");
    for place in [Server, Both, Ofs] {
        for limit in [1, 2, 5, 1000] {
            let (mut after, mut found) = (None, Vec::new());
            loop {
                let page = alice.run(place.list_containers_page(after, limit)).unwrap();
                assert!(page.containers.len() <= limit);
                found.extend(page.containers);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found.len(), ids(&found).len(), "none comes twice");
            assert_eq!(ids(&found), ids(&list(&alice, place)), "{place}, pages of {limit}");
        }
    }
}

fn lose(laptop: &Laptop, key: &[u8]) {
    let writes = vec![Write::Delete { key: key.to_vec() }];
    laptop.store.disk().apply(StoreOp::Commit(Commit { preconditions: Vec::new(), writes })).unwrap();
}

/// X-02, and never "not found" for what was there.
#[test]
fn x02_ml_lost_record_is_never_left_out_in_silence() {
    let [(alice, user)] = laptops();
    alice.keep(Both, "one");
    alice.keep(Ofs, "two");
    let disk = alice.disk();
    for key in disk.records.keys() {
        let device = alice.restarted();
        device.set_offline(true);
        device.sign_in(Ofs, user);
        assert_eq!(list(&device, Ofs).len(), 2, "the control");
        lose(&device, key);
        assert_degraded(device.run(Ofs.list_containers()));
        assert_degraded(device.run(Ofs.list_containers_page(None, 10)));
    }
}

#[test]
fn x02_a_loss_is_told_until_it_is_settled() {
    let [(alice, user)] = laptops();
    alice.keep(Both, "one");
    let before = alice.disk();
    alice.keep(Both, "two");
    let new = alice.disk().records.into_keys().find(|key| !before.records.contains_key(key)).unwrap();
    lose(&alice, &new);
    let device = alice.restarted();
    device.set_offline(true);
    device.sign_in(Ofs, user);
    assert_degraded(device.run(Ofs.list_containers()));
    assert!(device.run(Repair::new()).unwrap().incomplete);
    assert_degraded(device.run(Ofs.list_containers()));
    assert_eq!(device.run(ListKept::new().despite_loss()).unwrap().len(), 1);
    device.run(AcceptLoss::new()).unwrap();
    assert_eq!(list(&device, Ofs).len(), 1);
}
