//! The `STORE_*` limits: at the limit, and one past it, with nothing changed.

use super::asking::{
    Desk, append, apply, blob, blob_list, blob_read, blob_seal, blob_write, delete, get, put, refused, scan,
    scan_op, with_room_for, write,
};
use absio_proto::effect::{BlobId, Commit, Precondition, StoreErrorKind, StoreOp, StoreOutcome, Write};
use absio_proto::limits::{
    STORE_BLOB, STORE_BLOB_PART, STORE_COMMIT, STORE_ENTRIES, STORE_KEY, STORE_KEYS, STORE_REPLY, STORE_VALUE,
};

const INVALID: StoreErrorKind = StoreErrorKind::Invalid;

fn commit_of(writes: Vec<Write>) -> StoreOp {
    StoreOp::Commit(Commit { preconditions: Vec::new(), writes })
}

/// In gets, scans, preconditions and writes; an append's key counts with its number.
pub(super) async fn keys_have_a_limit(store: Desk) {
    let (longest, longer) = (vec![7; STORE_KEY], vec![7; STORE_KEY + 1]);
    write(&store, vec![put(&longest, b"at the limit")]).await;
    assert_eq!(get(&store, &longest).await, Some(b"at the limit".to_vec()));
    write(&store, vec![append(&longest[8..], b"")]).await;
    refused(&store, commit_of(vec![put(b"a", b""), put(&longer, b"")]), INVALID).await;
    refused(&store, commit_of(vec![delete(&longer)]), INVALID).await;
    refused(&store, commit_of(vec![append(&longest[7..], b"")]), INVALID).await;
    let preconditions = vec![Precondition { key: longer.clone(), value: None }];
    refused(&store, StoreOp::Commit(Commit { preconditions, writes: Vec::new() }), INVALID).await;
    refused(&store, StoreOp::Get { keys: vec![longer.clone()] }, INVALID).await;
    refused(&store, scan_op(b"", &longer, 1, false), INVALID).await;
    refused(&store, scan_op(&longer, b"", 1, false), INVALID).await;
    assert_eq!(get(&store, b"a").await, None);
}

/// A value of the longest length comes back whole, is replaced and removed; one byte more is refused.
pub(super) async fn values_have_a_limit(store: Desk) {
    let mut value: Vec<u8> = (0..STORE_VALUE).map(|index| (index % 251) as u8).collect();
    write(&store, vec![put(b"a", &value)]).await;
    assert!(get(&store, b"a").await.as_deref() == Some(&value), "the longest value must come back whole");
    write(&store, vec![put(b"a", b"short")]).await;
    assert_eq!(get(&store, b"a").await, Some(b"short".to_vec()));
    value.push(0);
    refused(&store, commit_of(vec![put(b"a", &value)]), INVALID).await;
    refused(&store, commit_of(vec![append(b"s", &value)]), INVALID).await;
    assert_eq!((get(&store, b"a").await, get(&store, b"s").await), (Some(b"short".to_vec()), None));
    for length in [64 << 10, (64 << 10) + 1, 300_000] {
        write(&store, vec![put(b"b", &value[..length])]).await;
        assert!(get(&store, b"b").await.as_deref() == Some(&value[..length]), "a value of {length} bytes");
    }
    write(&store, vec![delete(b"b")]).await;
    assert_eq!(get(&store, b"b").await, None);
}

/// In number of items and in bytes.
pub(super) async fn commits_have_a_limit(store: Desk) {
    let deletes = |count: usize| commit_of(vec![delete(b"k"); count]);
    assert!(apply(&store, deletes(STORE_KEYS)).await == StoreOutcome::Committed(Vec::new()));
    refused(&store, deletes(STORE_KEYS + 1), INVALID).await;
    let large = |last: usize| {
        let lengths = [STORE_VALUE, STORE_VALUE, STORE_VALUE, last];
        commit_of((b'a'..).zip(lengths).map(|(key, length)| put(&[key], &vec![key; length])).collect())
    };
    let fits = STORE_COMMIT - 3 * STORE_VALUE - 4;
    refused(&store, large(fits + 1), INVALID).await;
    assert_eq!(get(&store, b"a").await, None);
    assert!(apply(&store, large(fits)).await == StoreOutcome::Committed(Vec::new()));
    assert_eq!(get(&store, b"d").await.map(|value| value.len()), Some(fits));
}

/// In entries asked for, whatever is there.
pub(super) async fn scans_have_a_limit(store: Desk) {
    assert_eq!(scan(&store, b"", b"z", STORE_ENTRIES, false).await.len(), 0);
    refused(&store, scan_op(b"", b"z", STORE_ENTRIES + 1, false), INVALID).await;
    assert_eq!(blob_list(&store, None, STORE_ENTRIES).await, []);
    refused(&store, StoreOp::BlobList { after: None, limit: STORE_ENTRIES + 1 }, INVALID).await;
}

/// An answer beyond the limit is an error, never a shorter answer.
pub(super) async fn answers_have_a_limit(store: Desk) {
    let size = STORE_REPLY / 4;
    for key in [b"a", b"b", b"c", b"d"] {
        write(&store, vec![put(key, &vec![key[0]; size - 1])]).await;
    }
    let values = |count: usize| StoreOp::Get { keys: vec![b"a".to_vec(); count] };
    match apply(&store, values(4)).await {
        StoreOutcome::Values(values) => {
            assert_eq!(values.iter().flatten().map(Vec::len).sum::<usize>(), 4 * size - 4)
        }
        _ => panic!("a get must answer values"),
    }
    refused(&store, values(5), INVALID).await;
    assert_eq!(scan(&store, b"a", b"z", 4, true).await.len(), 4);
    write(&store, vec![put(b"e", b"")]).await;
    refused(&store, scan_op(b"a", b"z", 5, false), INVALID).await;
    assert_eq!(scan(&store, b"a", b"z", 3, false).await.len(), 3);
    let keys = |count: usize| StoreOp::Get { keys: vec![Vec::new(); count] };
    assert!(apply(&store, keys(STORE_KEYS)).await == StoreOutcome::Values(vec![None; STORE_KEYS]));
    refused(&store, keys(STORE_KEYS + 1), INVALID).await;
}

/// In bytes read at once, bytes written at once, and the end of the blob, also near the end of u64.
pub(super) async fn blob_parts_have_a_limit(store: Desk) {
    let longest = STORE_BLOB_PART as u64;
    blob_write(&store, blob(1), 0, &vec![1; STORE_BLOB_PART]).await;
    blob_seal(&store, blob(1)).await;
    assert_eq!(blob_read(&store, blob(1), 0, longest).await.map(|bytes| bytes.len()), Some(STORE_BLOB_PART));
    refused(&store, StoreOp::BlobRead { blob: blob(1), offset: 0, length: longest + 1 }, INVALID).await;
    refused(&store, write_at(blob(2), 0, vec![0; STORE_BLOB_PART + 1]), INVALID).await;
    for offset in [STORE_BLOB, STORE_BLOB - 1, u64::MAX, u64::MAX - 1] {
        refused(&store, write_at(blob(2), offset, vec![0; 2]), INVALID).await;
    }
    assert_eq!(blob_list(&store, None, 10).await, [blob(1)]);
}

fn write_at(blob: BlobId, offset: u64, bytes: Vec<u8>) -> StoreOp {
    StoreOp::BlobWrite { blob, offset, bytes: bytes.into() }
}

/// [`StoreErrorKind::Full`]: nothing of a commit or blob part that does not fit; what fits still does.
pub(super) async fn a_full_store_changes_nothing(store: Desk) {
    const ROOM: usize = 1 << 20;
    with_room_for(&store, ROOM).await;
    write(&store, vec![put(b"a", b"before"), append(b"s", b"one")]).await;
    let too_much = vec![put(b"a", b"after"), append(b"s", b"two"), put(b"b", &vec![0; 2 * ROOM])];
    refused(&store, commit_of(too_much), StoreErrorKind::Full).await;
    refused(&store, write_at(blob(1), 0, vec![0; 2 * ROOM]), StoreErrorKind::Full).await;
    assert_unchanged(&store).await;
    assert_eq!(write(&store, vec![append(b"s", b"two")]).await, [2]);
}

async fn assert_unchanged(store: &Desk) {
    assert_eq!(get(store, b"a").await, Some(b"before".to_vec()));
    assert_eq!(get(store, b"b").await, None);
    assert_eq!(get(store, b"s").await, Some(1u64.to_be_bytes().to_vec()));
    assert_eq!(blob_list(store, None, 10).await, []);
}
