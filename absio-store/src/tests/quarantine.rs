//! Damaged indexes: refused or moved aside whole, as the caller chose; blobs and cells stay.

use super::{
    BLOB, CAREFUL, CarefulOpen, ENGINES, cell_op, get, kind, list, put, read, read_cell, root, seal,
    write_cell,
};
use crate::{OnDamage, quarantine_index};
use absio_proto::effect::StoreErrorKind;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A root with a record, a blob and a cell, closed.
fn filled(open: CarefulOpen) -> tempfile::TempDir {
    let root = root();
    let (store, quarantined) = open(root.path(), OnDamage::Quarantine).expect("an empty root opens");
    assert_eq!(quarantined, None);
    for key in 0..50u8 {
        put(&store, &[key], &[key; 3000]);
    }
    seal(&store, b"sealed");
    write_cell(&store, b"anchor");
    drop(store);
    root
}

/// The index below `root`, file by file.
fn files_of(index: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    if index.is_file() {
        return [(PathBuf::new(), fs::read(index).expect("it is there"))].into();
    }
    let Ok(entries) = fs::read_dir(index) else { return BTreeMap::new() };
    let below = entries.map(|entry| entry.expect("it can be listed").path()).flat_map(|path| {
        let name = PathBuf::from(path.file_name().expect("an entry has a name"));
        let named =
            move |rest: PathBuf| if rest.as_os_str().is_empty() { name.clone() } else { name.join(rest) };
        files_of(&path).into_iter().map(move |(rest, bytes)| (named(rest), bytes))
    });
    below.collect()
}

fn index_of(root: &Path) -> PathBuf {
    let names = ["index.redb", "index.sled"].map(|name| root.join(name));
    names.into_iter().find(|index| index.exists()).expect("there is an index")
}

type Damage = fn(&mut Vec<u8>);

/// What is done to every file of an index.
const DAMAGES: &[(&str, Damage)] = &[
    ("garbage", |bytes| bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at * 7 % 253) as u8)),
    ("zeros", |bytes| bytes.fill(0)),
    ("half", |bytes| bytes.truncate(bytes.len() / 2)),
    ("one byte", |bytes| bytes.truncate(1)),
    ("nothing", Vec::clear),
    ("first byte", |bytes| bytes.iter_mut().take(1).for_each(|byte| *byte ^= 0x40)),
    ("last byte", |bytes| bytes.iter_mut().rev().take(1).for_each(|byte| *byte ^= 0x40)),
];

#[test]
fn ml_a_damaged_index_is_refused_or_moved_aside_whole() {
    for open in CAREFUL {
        let mut moved = 0;
        for (name, damage) in DAMAGES {
            let root = filled(*open);
            let index = index_of(root.path());
            for file in files_of(&index).keys() {
                let path = if file.as_os_str().is_empty() { index.clone() } else { index.join(file) };
                let mut bytes = fs::read(&path).expect("it is there");
                damage(&mut bytes);
                fs::write(&path, bytes).expect("damaged");
            }
            match open(root.path(), OnDamage::Refuse) {
                // The engine did not see it, or mended it.
                Ok(_) => continue,
                Err(error) => assert_eq!(error.kind, StoreErrorKind::Corrupt, "{name}: {error}"),
            }
            let found = files_of(&index);
            let (store, place) = open(root.path(), OnDamage::Quarantine).expect("an empty index begins");
            let place = place.expect("the store says where the damaged index lies");
            let aside = place.join(index.file_name().expect("an index has a name"));
            assert!(place.ends_with("quarantine/1"), "{}", place.display());
            let kept = files_of(&aside);
            assert!(
                found.iter().all(|(file, bytes)| unsnapped(&kept, file) == Some(bytes)),
                "{name}: not whole"
            );
            assert_eq!((get(&store, &[1]), read(&store)), (None, Some(b"sealed".to_vec())), "{name}");
            assert_eq!(read_cell(&store), Some(b"anchor".to_vec()), "{name}");
            put(&store, b"new", b"record");
            drop(store);
            let (store, place) = open(root.path(), OnDamage::Quarantine).expect("the new index opens");
            assert_eq!((get(&store, b"new"), place), (Some(b"record".to_vec()), None), "{name}");
            moved += 1;
        }
        assert!(moved >= 4, "only {moved} damages were seen by the engine");
    }
}

/// A file by its name, or the name that it gets when sled's snapshots are set aside.
fn unsnapped<'a>(kept: &'a BTreeMap<PathBuf, Vec<u8>>, file: &Path) -> Option<&'a Vec<u8>> {
    kept.get(file).or_else(|| kept.get(&PathBuf::from(format!("aside.{}", file.display()))))
}

#[test]
fn a_healthy_index_is_not_moved() {
    for open in CAREFUL {
        let root = filled(*open);
        let (store, place) = open(root.path(), OnDamage::Quarantine).expect("the root opens again");
        assert_eq!((get(&store, &[1]), place), (Some(vec![1; 3000]), None));
        assert!(!root.path().join("quarantine").exists());
    }
}

#[test]
fn damage_of_something_else_moves_no_index() {
    for open in CAREFUL {
        let (root, elsewhere) = (filled(*open), root());
        fs::rename(root.path().join("blobs"), elsewhere.path().join("blobs")).expect("moved");
        std::os::unix::fs::symlink(elsewhere.path().join("blobs"), root.path().join("blobs"))
            .expect("planted");
        assert_eq!(kind(open(root.path(), OnDamage::Quarantine)), StoreErrorKind::Corrupt);
        assert!(index_of(root.path()).exists() && !root.path().join("quarantine").exists());
    }
}

#[test]
fn ml_whatever_lies_in_place_of_the_index_is_moved_as_it_is() {
    for open in CAREFUL {
        let (root, elsewhere) = (filled(*open), root());
        let index = index_of(root.path());
        let outside = elsewhere.path().join("index");
        fs::rename(&index, &outside).expect("moved");
        let before = files_of(&outside);
        std::os::unix::fs::symlink(&outside, &index).expect("planted");
        let (store, place) = open(root.path(), OnDamage::Quarantine).expect("an empty index begins");
        let aside = place.expect("the link was moved").join(index.file_name().expect("a name"));
        assert!(aside.symlink_metadata().expect("it is there").is_symlink());
        assert_eq!(get(&store, &[1]), None);
        assert!(files_of(&outside) == before, "what the link points at is left alone");
    }
}

#[test]
fn the_caller_may_put_an_index_into_quarantine() {
    for open in CAREFUL {
        let root = filled(*open);
        let (store, _) = open(root.path(), OnDamage::Refuse).expect("the root opens again");
        assert_eq!(kind(quarantine_index(root.path())), StoreErrorKind::Unavailable, "it is open");
        drop(store);
        for number in ["1", "2"] {
            let place = quarantine_index(root.path()).expect("it is moved").expect("there is an index");
            assert!(place.ends_with(number) && place.read_dir().expect("a directory").count() == 1);
            assert_eq!(quarantine_index(root.path()), Ok(None), "there is none now");
            let (store, told) = open(root.path(), OnDamage::Refuse).expect("an empty index begins");
            assert_eq!(told, Some(place));
            assert_eq!((get(&store, &[1]), list(&store)), (None, vec![BLOB]));
            assert_eq!(read_cell(&store), Some(b"anchor".to_vec()));
            drop(store);
            let (_, told) = open(root.path(), OnDamage::Refuse).expect("the new index opens");
            assert_eq!(told, None, "it is told once");
        }
    }
}

#[test]
fn only_a_store_has_an_index_to_put_into_quarantine() {
    let empty = root();
    assert_eq!(kind(quarantine_index(empty.path())), StoreErrorKind::Invalid);
    fs::write(empty.path().join("format"), "absio-store 1 ../../elsewhere\n").expect("planted");
    assert_eq!(kind(quarantine_index(empty.path())), StoreErrorKind::Invalid);
    fs::write(empty.path().join("format"), "absio-store 2 redb\n").expect("planted");
    assert_eq!(kind(quarantine_index(empty.path())), StoreErrorKind::Invalid);
    assert!(quarantine_index(empty.path().join("absent")).is_err());
    assert!(!empty.path().join("absent").exists());
}

#[test]
fn a_store_that_was_closed_opens_at_once() {
    for open in ENGINES {
        let root = root();
        for round in 1..20u8 {
            let store = open(root.path()).expect("a closed root opens again");
            put(&store, b"round", &[round; 5000]);
            store.apply(cell_op(&[round])).expect("the cell is written");
        }
    }
}
