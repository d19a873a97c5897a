//! What is on the disk, seen by somebody who has it and no key (S-208 to S-210, S-223).

use super::{Both, Laptop, Ofs, Server, account, laptops};
use crate::people::broker;
use absio_proto::model::{AccessList, Grant};
use absio_proto::ops::container::Create;
use absio_proto::provider::Provider;
use std::collections::{BTreeMap, BTreeSet};

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

/// Markers that are planted: two hundred, each found nowhere.
const MARKERS: usize = 200;

fn marker(number: usize) -> String {
    format!("marker-{number:03}-of-what-must-not-be-seen")
}

/// S-209 and security case 71: two hundred names and values in headers, types and contents short and long, and
/// everything that says whose they are.
#[test]
fn ml_disk_scan() {
    let [(alice, user), (_, other)] = laptops();
    let list = AccessList::of([Grant::full(user), Grant::recipient(other)]);
    let mut ids = Vec::new();
    for (turn, number) in (0..MARKERS).step_by(4).enumerate() {
        // A content that lies in a record, and every fifth time one that lies in a blob of its own.
        let room = if turn % 5 == 0 { 50_000 } else { 0 };
        let content = [marker(number).into_bytes(), vec![0; room], marker(number + 1).into_bytes()].concat();
        let create =
            Create::new(content).header(marker(number + 2).into()).container_type(marker(number + 3));
        let place = if turn % 2 == 0 { Both } else { Ofs };
        ids.push(alice.created(place, create.access(list.clone())));
    }
    let disk = alice.disk();
    assert!(disk.blobs.len() >= 10 && disk.records.len() >= 50, "records and blobs were scanned");
    let bytes = disk.bytes();
    let ring = alice.user();
    let mut needles: Vec<Vec<u8>> = (0..MARKERS).map(|number| marker(number).into_bytes()).collect();
    needles.extend([
        user.as_bytes().to_vec(),
        other.as_bytes().to_vec(),
        user.to_string().into(),
        other.to_string().into(),
        b"KEYF".to_vec(),
        b"SEG1".to_vec(),
        b"MAN1".to_vec(),
        b"IDC1".to_vec(),
        crate::people::PASSWORD.into(),
        crate::people::PASSPHRASE.into(),
        crate::people::REMINDER.into(),
    ]);
    for id in &ids {
        needles.push(id.as_bytes().to_vec());
        needles.push(id.to_string().into());
    }
    for card in ring.keys().chain().cards() {
        let telling = |chunk: &&[u8]| chunk.iter().collect::<BTreeSet<_>>().len() > 8;
        needles.extend(card.chunks(16).filter(telling).map(<[u8]>::to_vec));
    }
    let sealed = ring.sealed_key_file().unwrap().as_bytes()[..24].to_vec();
    needles.push(sealed);
    // One pass over the disk: a needle is known by its first four bytes.
    let found = |bytes: &[u8]| -> BTreeSet<usize> {
        let mut beginnings: BTreeMap<[u8; 4], Vec<usize>> = BTreeMap::new();
        for (index, needle) in needles.iter().enumerate() {
            beginnings.entry(needle[..4].try_into().unwrap()).or_default().push(index);
        }
        let mut found = BTreeSet::new();
        for (at, window) in bytes.windows(4).enumerate() {
            let Some(candidates) = beginnings.get(window) else { continue };
            found.extend(candidates.iter().filter(|index| bytes[at..].starts_with(&needles[**index])));
        }
        found
    };
    assert!(needles.len() > 300);
    let there = found(&bytes);
    let texts = there.iter().map(|index| String::from_utf8_lossy(&needles[*index]));
    assert_eq!(texts.collect::<Vec<_>>(), Vec::<String>::new(), "on the disk");
    // The control: each of them planted once is found, wherever it stands.
    for (number, needle) in needles.iter().enumerate() {
        let place = (number * 7919) % bytes.len();
        let planted = [&bytes[place.saturating_sub(64)..place], needle, &bytes[place..]].concat();
        assert!(found(&planted[..planted.len().min(1024)]).contains(&number), "{number}");
    }
    assert_eq!(ids.len(), MARKERS / 4);
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
