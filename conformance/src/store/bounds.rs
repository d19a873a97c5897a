//! The `STORE_*` limits: at the limit, and one past it, with nothing changed.

use super::Backend;
use super::asking::{
    append, apply, blob, blob_list, blob_read, blob_seal, blob_write, delete, get, put, refused, scan,
    scan_op, write,
};
use crate::report::Verdict;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{BlobId, Commit, Precondition, StoreErrorKind, StoreOp, StoreOutcome, Write};
use absio_proto::limits::{
    STORE_BLOB, STORE_BLOB_PART, STORE_COMMIT, STORE_ENTRIES, STORE_KEY, STORE_KEYS, STORE_REPLY, STORE_VALUE,
};

const INVALID: StoreErrorKind = StoreErrorKind::Invalid;

fn commit_of(writes: Vec<Write>) -> StoreOp {
    StoreOp::Commit(Commit { preconditions: Vec::new(), writes })
}

/// In gets, scans, preconditions and writes; an append's key counts with its number.
pub fn keys_have_a_limit(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let (longest, longer) = (vec![7; STORE_KEY], vec![7; STORE_KEY + 1]);
    write(&store, vec![put(&longest, b"at the limit")]);
    assert_eq!(get(&store, &longest), Some(b"at the limit".to_vec()));
    write(&store, vec![append(&longest[8..], b"")]);
    refused(&store, commit_of(vec![put(b"a", b""), put(&longer, b"")]), INVALID);
    refused(&store, commit_of(vec![delete(&longer)]), INVALID);
    refused(&store, commit_of(vec![append(&longest[7..], b"")]), INVALID);
    let preconditions = vec![Precondition { key: longer.clone(), value: None }];
    refused(&store, StoreOp::Commit(Commit { preconditions, writes: Vec::new() }), INVALID);
    refused(&store, StoreOp::Get { keys: vec![longer.clone()] }, INVALID);
    refused(&store, scan_op(b"", &longer, 1, false), INVALID);
    refused(&store, scan_op(&longer, b"", 1, false), INVALID);
    assert_eq!(get(&store, b"a"), None);
    Verdict::Passed
}

/// A value of the longest length comes back whole, is replaced and removed; one byte more is refused.
pub fn values_have_a_limit(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let mut value: Vec<u8> = (0..STORE_VALUE).map(|index| (index % 251) as u8).collect();
    write(&store, vec![put(b"a", &value)]);
    assert!(get(&store, b"a").as_deref() == Some(&value), "the longest value must come back whole");
    write(&store, vec![put(b"a", b"short")]);
    assert_eq!(get(&store, b"a"), Some(b"short".to_vec()));
    value.push(0);
    refused(&store, commit_of(vec![put(b"a", &value)]), INVALID);
    refused(&store, commit_of(vec![append(b"s", &value)]), INVALID);
    assert_eq!((get(&store, b"a"), get(&store, b"s")), (Some(b"short".to_vec()), None));
    for length in [64 << 10, (64 << 10) + 1, 300_000] {
        write(&store, vec![put(b"b", &value[..length])]);
        assert!(get(&store, b"b").as_deref() == Some(&value[..length]), "a value of {length} bytes");
    }
    write(&store, vec![delete(b"b")]);
    assert_eq!(get(&store, b"b"), None);
    Verdict::Passed
}

/// In number of items and in bytes.
pub fn commits_have_a_limit(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let deletes = |count: usize| commit_of(vec![delete(b"k"); count]);
    assert!(apply(&store, deletes(STORE_KEYS)) == StoreOutcome::Committed(Vec::new()));
    refused(&store, deletes(STORE_KEYS + 1), INVALID);
    let large = |last: usize| {
        let lengths = [STORE_VALUE, STORE_VALUE, STORE_VALUE, last];
        commit_of((b'a'..).zip(lengths).map(|(key, length)| put(&[key], &vec![key; length])).collect())
    };
    let fits = STORE_COMMIT - 3 * STORE_VALUE - 4;
    refused(&store, large(fits + 1), INVALID);
    assert_eq!(get(&store, b"a"), None);
    assert!(apply(&store, large(fits)) == StoreOutcome::Committed(Vec::new()));
    assert_eq!(get(&store, b"d").map(|value| value.len()), Some(fits));
    Verdict::Passed
}

/// In entries asked for, whatever is there.
pub fn scans_have_a_limit(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    assert_eq!(scan(&store, b"", b"z", STORE_ENTRIES, false).len(), 0);
    refused(&store, scan_op(b"", b"z", STORE_ENTRIES + 1, false), INVALID);
    assert_eq!(blob_list(&store, None, STORE_ENTRIES), []);
    refused(&store, StoreOp::BlobList { after: None, limit: STORE_ENTRIES + 1 }, INVALID);
    Verdict::Passed
}

/// An answer beyond the limit is an error, never a shorter answer.
pub fn answers_have_a_limit(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let size = STORE_REPLY / 4;
    for key in [b"a", b"b", b"c", b"d"] {
        write(&store, vec![put(key, &vec![key[0]; size - 1])]);
    }
    let values = |count: usize| StoreOp::Get { keys: vec![b"a".to_vec(); count] };
    match apply(&store, values(4)) {
        StoreOutcome::Values(values) => {
            assert_eq!(values.iter().flatten().map(Vec::len).sum::<usize>(), 4 * size - 4)
        }
        _ => panic!("a get must answer values"),
    }
    refused(&store, values(5), INVALID);
    assert_eq!(scan(&store, b"a", b"z", 4, true).len(), 4);
    write(&store, vec![put(b"e", b"")]);
    refused(&store, scan_op(b"a", b"z", 5, false), INVALID);
    assert_eq!(scan(&store, b"a", b"z", 3, false).len(), 3);
    let keys = |count: usize| StoreOp::Get { keys: vec![Vec::new(); count] };
    assert!(apply(&store, keys(STORE_KEYS)) == StoreOutcome::Values(vec![None; STORE_KEYS]));
    refused(&store, keys(STORE_KEYS + 1), INVALID);
    Verdict::Passed
}

/// In bytes read at once, bytes written at once, and the end of the blob, also near the end of u64.
pub fn blob_parts_have_a_limit(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let longest = STORE_BLOB_PART as u64;
    blob_write(&store, blob(1), 0, &vec![1; STORE_BLOB_PART]);
    blob_seal(&store, blob(1));
    assert_eq!(blob_read(&store, blob(1), 0, longest).map(|bytes| bytes.len()), Some(STORE_BLOB_PART));
    refused(&store, StoreOp::BlobRead { blob: blob(1), offset: 0, length: longest + 1 }, INVALID);
    refused(&store, write_at(blob(2), 0, vec![0; STORE_BLOB_PART + 1]), INVALID);
    for offset in [STORE_BLOB, STORE_BLOB - 1, u64::MAX, u64::MAX - 1] {
        refused(&store, write_at(blob(2), offset, vec![0; 2]), INVALID);
    }
    assert_eq!(blob_list(&store, None, 10), [blob(1)]);
    Verdict::Passed
}

fn write_at(blob: BlobId, offset: u64, bytes: Vec<u8>) -> StoreOp {
    StoreOp::BlobWrite { blob, offset, bytes: bytes.into() }
}

/// [`StoreErrorKind::Full`]: nothing of a commit or blob part that does not fit; what fits still does.
pub fn a_full_store_changes_nothing<B: Backend>(backend: &B) -> Verdict {
    const ROOM: usize = 1 << 20;
    let Some(store) = backend.with_room_for(ROOM as u64) else {
        return Verdict::Skipped("the backend cannot be told how much room it has");
    };
    write(&store, vec![put(b"a", b"before"), append(b"s", b"one")]);
    let too_much = vec![put(b"a", b"after"), append(b"s", b"two"), put(b"b", &vec![0; 2 * ROOM])];
    refused(&store, commit_of(too_much), StoreErrorKind::Full);
    refused(&store, write_at(blob(1), 0, vec![0; 2 * ROOM]), StoreErrorKind::Full);
    assert_unchanged(&store);
    assert_eq!(write(&store, vec![append(b"s", b"two")]), [2]);
    Verdict::Passed
}

fn assert_unchanged(store: &impl Store) {
    assert_eq!(get(store, b"a"), Some(b"before".to_vec()));
    assert_eq!(get(store, b"b"), None);
    assert_eq!(get(store, b"s"), Some(1u64.to_be_bytes().to_vec()));
    assert_eq!(blob_list(store, None, 10), []);
}
