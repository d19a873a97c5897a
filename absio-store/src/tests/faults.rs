//! A disk that is full or broken, at every place where the stores touch it.

use super::{BLOB, ENGINES, get, kind, list, put, put_op, read, root, seal, write_op};
use crate::fault::{DISK_FULL, IO_ERROR, arm};
use absio_proto::effect::{StoreErrorKind, StoreOp};

#[test]
fn a_full_disk_leaves_blobs_as_they_were() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        for place in ["create", "write blob"] {
            arm(place, DISK_FULL);
            assert_eq!(kind(store.apply(write_op(b"no room"))), StoreErrorKind::Full, "{place}");
            assert_eq!(list(&store), [], "{place}");
        }
        store.apply(write_op(b"first part")).expect("there is room again");
        arm("write blob", DISK_FULL);
        let op = StoreOp::BlobWrite { blob: BLOB, offset: 10, bytes: vec![1].into() };
        assert_eq!(kind(store.apply(op)), StoreErrorKind::Full);
        for place in ["mkdir", "rename"] {
            arm(place, DISK_FULL);
            assert_eq!(kind(store.apply(StoreOp::BlobSeal { blob: BLOB })), StoreErrorKind::Full, "{place}");
            assert_eq!(read(&store), None, "{place}");
        }
        store.apply(StoreOp::BlobSeal { blob: BLOB }).expect("there is room again");
        assert_eq!(read(&store), Some(b"first part".to_vec()));
    }
}

/// redb grows its file before it writes; for sled the store looks at what is free.
const ROOM_IS_TAKEN: &[(super::Open, &str)] = &[
    #[cfg(feature = "redb")]
    (super::REDB, "grow index"),
    #[cfg(feature = "sled")]
    (super::SLED, "free space"),
];

#[test]
fn a_full_disk_leaves_records_as_they_were() {
    for (open, place) in ROOM_IS_TAKEN {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        put(&store, b"a", b"before");
        let large = vec![1; 15 << 20];
        arm(place, DISK_FULL);
        assert_eq!(kind(store.apply(put_op(b"a", &large))), StoreErrorKind::Full, "{place}");
        assert_eq!(get(&store, b"a"), Some(b"before".to_vec()), "{place}");
        put(&store, b"a", &large);
        put(&store, b"a", b"after");
        drop(store);
        let store = open(root.path()).expect("the root opens again");
        assert_eq!(get(&store, b"a"), Some(b"after".to_vec()), "{place}");
    }
}

#[test]
fn a_failed_flush_poisons_until_the_store_is_reopened() {
    for open in ENGINES {
        let root = root();
        let mut store = open(root.path()).expect("an empty root opens");
        put(&store, b"a", b"before");
        seal(&store, b"sealed");
        for place in ["sync index", "write index"] {
            arm(place, IO_ERROR);
            assert_eq!(kind(store.apply(put_op(b"a", b"after"))), StoreErrorKind::Io, "{place}");
            assert_eq!(kind(store.apply(put_op(b"b", b""))), StoreErrorKind::Io, "{place}");
            assert_eq!(kind(store.apply(StoreOp::Get { keys: Vec::new() })), StoreErrorKind::Io, "{place}");
            assert_eq!(kind(store.apply(StoreOp::BlobDelete { blob: BLOB })), StoreErrorKind::Io, "{place}");
            drop(store);
            store = open(root.path()).expect("the root opens again");
            let value = get(&store, b"a").expect("the key was there before");
            assert!(value == b"before" || value == b"after", "{place}: old or new, nothing else");
            assert_eq!((get(&store, b"b"), read(&store)), (None, Some(b"sealed".to_vec())), "{place}");
        }
    }
}

#[test]
fn a_failed_flush_of_a_blob_poisons_too() {
    for open in ENGINES {
        for place in ["sync blob", "sync directory"] {
            let root = root();
            let store = open(root.path()).expect("an empty root opens");
            // The directory is there already, so that only the flush of the name is left to fail.
            seal(&store, b"old");
            store.apply(StoreOp::BlobDelete { blob: BLOB }).expect("deleted");
            store.apply(write_op(b"new")).expect("written");
            arm(place, IO_ERROR);
            assert_eq!(kind(store.apply(StoreOp::BlobSeal { blob: BLOB })), StoreErrorKind::Io, "{place}");
            assert_eq!(kind(store.apply(put_op(b"a", b""))), StoreErrorKind::Io, "{place}");
            drop(store);
            let store = open(root.path()).expect("the root opens again");
            let found = read(&store);
            assert!(found.is_none() || found.as_deref() == Some(b"new"), "{place}: whole or not at all");
        }
    }
}

#[test]
fn a_failed_read_is_an_error_once() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        seal(&store, b"sealed");
        arm("read blob", IO_ERROR);
        let op = StoreOp::BlobRead { blob: BLOB, offset: 0, length: 100 };
        assert_eq!(kind(store.apply(op)), StoreErrorKind::Io);
        assert_eq!(read(&store), Some(b"sealed".to_vec()));
    }
}

#[cfg(feature = "redb")]
#[test]
fn a_failed_read_of_the_redb_index_is_an_error_once() {
    let root = root();
    let store = super::REDB(root.path()).expect("an empty root opens");
    // More than the cache below holds.
    for key in 0..100u8 {
        put(&store, &[key], &vec![key; 20_000]);
    }
    drop(store);
    let store = crate::RedbStore::open_with_cache(root.path(), 1 << 16).expect("the root opens again");
    let store: super::Shared = Box::new(store);
    arm("read index", IO_ERROR);
    assert_eq!(kind(store.apply(StoreOp::Get { keys: vec![vec![50]] })), StoreErrorKind::Io);
    assert_eq!(get(&store, &[50]), Some(vec![50; 20_000]));
    put(&store, b"a", b"1");
}
