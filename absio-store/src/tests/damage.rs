//! Things in the root that the store did not put there, or that are no longer as it left them.

use super::{BLOB, ENGINES, blob_name, get, kind, put, read, root, seal, write_op};
use absio_proto::effect::{StoreErrorKind, StoreOp};
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn ml_symlink_dir_in_place_of_a_blob_directory_is_not_followed() {
    for open in ENGINES {
        let (root, elsewhere) = (root(), root());
        let store = open(root.path()).expect("an empty root opens");
        let (shard, rest) = blob_name();
        symlink(elsewhere.path(), root.path().join("blobs").join(shard)).expect("planted");
        fs::write(elsewhere.path().join(&rest), b"planted").expect("planted");
        let op = StoreOp::BlobRead { blob: BLOB, offset: 0, length: 100 };
        assert_eq!(kind(store.apply(op)), StoreErrorKind::Corrupt);
        assert_eq!(kind(store.apply(write_op(b"mine"))), StoreErrorKind::Corrupt);
        assert_eq!(kind(store.apply(StoreOp::BlobDelete { blob: BLOB })), StoreErrorKind::Corrupt);
        assert_eq!(fs::read(elsewhere.path().join(&rest)).expect("still there"), b"planted");
        // Negative control: the same in a directory of its own is read.
        let (shard, _) = blob_name();
        let place = root.path().join("blobs").join(shard);
        fs::remove_file(&place).expect("removed");
        fs::create_dir(&place).expect("made");
        fs::write(place.join(rest), b"planted").expect("planted");
        assert_eq!(read(&store).as_deref(), Some(&b"planted"[..]));
    }
}

#[test]
fn ml_symlink_file_in_place_of_a_blob_is_not_followed() {
    for open in ENGINES {
        let (root, elsewhere) = (root(), root());
        let store = open(root.path()).expect("an empty root opens");
        seal(&store, b"sealed");
        assert_eq!(read(&store).as_deref(), Some(&b"sealed"[..]), "negative control");
        let secret = elsewhere.path().join("secret");
        fs::write(&secret, b"not yours").expect("planted");
        let (shard, rest) = blob_name();
        let file = root.path().join("blobs").join(shard).join(rest);
        fs::remove_file(&file).expect("removed");
        symlink(&secret, &file).expect("planted");
        let op = StoreOp::BlobRead { blob: BLOB, offset: 0, length: 100 };
        assert_eq!(kind(store.apply(op)), StoreErrorKind::Corrupt);
        store.apply(StoreOp::BlobDelete { blob: BLOB }).expect("the link itself is removed");
        assert_eq!(fs::read(&secret).expect("still there"), b"not yours");
    }
}

#[test]
fn a_planted_link_in_staging_is_not_written_through() {
    for open in ENGINES {
        let (root, elsewhere) = (root(), root());
        let store = open(root.path()).expect("an empty root opens");
        let (shard, rest) = blob_name();
        let target = elsewhere.path().join("target");
        symlink(&target, root.path().join("staging").join(format!("{shard}{rest}"))).expect("planted");
        assert_eq!(kind(store.apply(write_op(b"mine"))), StoreErrorKind::Io);
        assert!(!target.exists());
    }
}

#[test]
fn links_in_place_of_the_stores_own_files_keep_it_from_opening() {
    for open in ENGINES {
        for name in ["lock", "format", "blobs", "staging", "cells", "index.redb", "index.sled"] {
            let (root, elsewhere) = (root(), root());
            drop(open(root.path()).expect("an empty root opens"));
            let place = root.path().join(name);
            if !place.exists() {
                continue; // the other engine's index
            }
            let moved = elsewhere.path().join(name);
            fs::rename(&place, &moved).expect("moved");
            symlink(&moved, &place).expect("planted");
            assert_eq!(kind(open(root.path())), StoreErrorKind::Corrupt, "{name}");
        }
    }
}

#[test]
fn an_unknown_format_is_refused() {
    for open in ENGINES {
        for text in ["", "absio-store 2 redb\n", "absio-store 1 redb", "\u{0}\u{0}"] {
            let root = root();
            drop(open(root.path()).expect("an empty root opens"));
            fs::write(root.path().join("format"), text).expect("replaced");
            assert_eq!(kind(open(root.path())), StoreErrorKind::Invalid, "{text:?}");
        }
    }
}

#[test]
fn an_index_of_garbage_is_an_error_or_shows_nothing() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        put(&store, b"a", b"1");
        drop(store);
        for name in ["index.redb", "index.sled/db"] {
            let index = root.path().join(name);
            if let Ok(length) = fs::metadata(&index).map(|metadata| metadata.len()) {
                let garbage: Vec<u8> = (0..length).map(|byte| (byte * 7 % 253) as u8).collect();
                fs::write(index, garbage).expect("overwritten");
            }
        }
        if let Ok(store) = open(root.path()) {
            assert_eq!(get(&store, b"a"), None);
            assert_eq!(read(&store), None);
        }
    }
}

#[cfg(feature = "sled")]
#[test]
fn an_unfinished_snapshot_does_not_keep_sled_from_opening() {
    let root = root();
    let store = super::SLED(root.path()).expect("an empty root opens");
    put(&store, b"a", b"1");
    drop(store);
    fs::write(root.path().join("index.sled/snap.0000000000000100.generating"), b"half").expect("planted");
    let store = super::SLED(root.path()).expect("the root opens again");
    assert_eq!(get(&store, b"a"), Some(b"1".to_vec()));
}
