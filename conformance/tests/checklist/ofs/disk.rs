//! What is on the disk, seen by somebody who has it and no key (S-208 to S-210, S-223).

use super::{Both, Laptop, Ofs, Server, account, laptops};
use crate::people::broker;
use absio_proto::model::{AccessList, Grant};
use absio_proto::ops::container::Create;
use absio_proto::provider::Provider;
use std::collections::BTreeSet;

/// Whether `needle` is anywhere in `haystack`.
fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn s208_the_server_alone_writes_nothing() {
    let broker = broker();
    let (laptop, user) = (Laptop::new(&broker), account(&broker));
    laptop.store.set(crate::stores::Trouble::None);
    laptop.sign_in(Server, user);
    let id = laptop.keep(Server, "text");
    laptop.text(Server, id);
    laptop.run(Server.public_keys(vec![user])).unwrap();
    laptop.run(Server.delete_container(id)).unwrap();
    laptop.run(Server.logout()).unwrap();
    assert_eq!(laptop.store.count(), 0, "the store was not even asked");
    // The default provider does.
    laptop.sign_in(Both, user);
    assert!(laptop.store.count() > 0 && !laptop.disk().bytes().is_empty());
}

#[test]
fn s209_ml_disk_scan_nothing_is_in_clear() {
    let [(alice, user), (_, other)] = laptops();
    let marker = "marker-of-what-must-not-be-seen";
    let list = AccessList::of([Grant::full(user), Grant::recipient(other)]);
    let create = |content: Vec<u8>| {
        Create::new(content).header(marker.into()).container_type(marker).access(list.clone())
    };
    let long = marker.repeat(10_000).into_bytes();
    let ids = [
        alice.created(Both, create(marker.into())),
        alice.created(Both, create(long.clone())),
        alice.created(Ofs, create(marker.into())),
        alice.created(Ofs, create(long)),
    ];
    let bytes = alice.disk().bytes();
    let ring = alice.user();
    let mut needles: Vec<Vec<u8>> = vec![
        marker.into(),
        user.as_bytes().to_vec(),
        other.as_bytes().to_vec(),
        user.to_string().into(),
        other.to_string().into(),
        b"KEYF".to_vec(),
        b"SEG1".to_vec(),
        b"MAN1".to_vec(),
        b"IDC1".to_vec(),
    ];
    for id in ids {
        needles.push(id.as_bytes().to_vec());
        needles.push(id.to_string().into());
    }
    for card in ring.keys().chain().cards() {
        let telling = |chunk: &&[u8]| chunk.iter().collect::<BTreeSet<_>>().len() > 8;
        needles.extend(card.chunks(16).filter(telling).map(<[u8]>::to_vec));
    }
    let sealed = ring.sealed_key_file().unwrap().as_bytes()[..24].to_vec();
    needles.push(sealed);
    for needle in &needles {
        assert!(!holds(&bytes, needle), "{:?} is on the disk", String::from_utf8_lossy(needle));
    }
    // The scan finds what is there: a stored name, and part of a stored value.
    let disk = alice.disk();
    let (name, value) = disk.records.first_key_value().unwrap();
    assert!(holds(&bytes, name) && holds(&bytes, &value[10..40]));
}

#[test]
fn s210_names_tell_nothing_and_have_one_form() {
    let [(alice, user)] = laptops();
    for number in 0..30 {
        alice.created(Both, Create::new(vec![number; 20_000]));
    }
    let disk = alice.disk();
    assert_eq!(disk.blobs.len(), 30);
    assert!(disk.records.keys().all(|name| name.len() == 40));
    // Blobs lie in no order of their making, and are cut where their content says nothing.
    let firsts: BTreeSet<_> = disk.blobs.values().map(|bytes| bytes[..16].to_vec()).collect();
    assert_eq!(firsts.len(), 30, "no two begin alike");
    let order: Vec<_> = disk.blobs.keys().collect();
    let other = Laptop::new(&alice.broker);
    other.sign_in(Both, user);
    assert!(order.iter().all(|blob| !other.disk().blobs.contains_key(blob)));
    let sizes: BTreeSet<_> = disk.records.values().map(Vec::len).collect();
    assert!(sizes.len() <= 4, "sizes are bucketed: {sizes:?}");
}

#[test]
fn s210_equal_things_are_stored_differently() {
    let [(alice, _)] = laptops();
    let before = alice.disk();
    let id = alice.created(Ofs, Create::new(vec![7; 20_000]));
    let first = alice.disk();
    alice.run(Ofs.delete_container(id)).unwrap();
    alice.created(Ofs, Create::new(vec![7; 20_000]));
    let second = alice.disk();
    let fresh = |disk: &crate::stores::Disk| -> BTreeSet<Vec<u8>> {
        let new = disk.records.iter().filter(|(name, value)| before.records.get(*name) != Some(value));
        new.flat_map(|(_, value)| value.chunks(32).map(<[u8]>::to_vec)).collect()
    };
    assert!(fresh(&first).is_disjoint(&fresh(&second)));
}
