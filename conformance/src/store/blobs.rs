//! The life of a blob: written in parts, sealed once, read, listed, deleted.

use super::asking::{Desk, Lane, blob, blob_delete, blob_list, blob_read, blob_seal, blob_write, refused};
use absio_proto::effect::{BlobId, StoreErrorKind, StoreOp};

/// Before that it does not exist for readers.
pub(super) async fn a_blob_is_readable_once_sealed(store: Desk) {
    let id = blob(1);
    assert_eq!(blob_read(&store, id, 0, 9).await, None);
    blob_write(&store, id, 0, b"hello").await;
    assert_eq!(blob_read(&store, id, 0, 9).await, None);
    blob_seal(&store, id).await;
    assert_eq!(blob_read(&store, id, 0, 9).await, Some(b"hello".to_vec()));
}

/// The last part first, several blobs at once.
pub(super) async fn parts_may_come_in_any_order(store: Desk) {
    blob_write(&store, blob(1), 6, b"world").await;
    blob_write(&store, blob(2), 2, b"o").await;
    blob_write(&store, blob(1), 0, b"hello ").await;
    blob_write(&store, blob(2), 0, b"tw").await;
    blob_seal(&store, blob(1)).await;
    blob_seal(&store, blob(2)).await;
    assert_eq!(blob_read(&store, blob(1), 0, 100).await, Some(b"hello world".to_vec()));
    assert_eq!(blob_read(&store, blob(2), 0, 100).await, Some(b"two".to_vec()));
}

/// A repeated part (a retry) replaces what was there and does not cut what lies behind it.
pub(super) async fn a_part_may_be_written_again(store: Desk) {
    blob_write(&store, blob(1), 0, b"aaaabbbb").await;
    blob_write(&store, blob(1), 0, b"cccc").await;
    blob_write(&store, blob(1), 2, b"").await;
    blob_seal(&store, blob(1)).await;
    assert_eq!(blob_read(&store, blob(1), 0, 100).await, Some(b"ccccbbbb".to_vec()));
}

/// Bytes that nobody wrote, between those that somebody did.
pub(super) async fn a_gap_reads_as_zeros(store: Desk) {
    blob_write(&store, blob(1), 4, b"x").await;
    blob_seal(&store, blob(1)).await;
    assert_eq!(blob_read(&store, blob(1), 0, 100).await, Some(b"\0\0\0\0x".to_vec()));
}

/// Fewer bytes at the end, none behind it, and no arithmetic trap at the end of u64.
pub(super) async fn reads_are_cut_at_the_end(store: Desk) {
    blob_write(&store, blob(1), 0, b"0123456789").await;
    blob_seal(&store, blob(1)).await;
    let cases: [(u64, u64, &[u8]); 7] = [
        (0, 4, b"0123"),
        (4, 6, b"456789"),
        (4, 7, b"456789"),
        (9, 100, b"9"),
        (10, 1, b""),
        (u64::MAX, 1, b""),
        (3, 0, b""),
    ];
    for (offset, length, expected) in cases {
        let found = blob_read(&store, blob(1), offset, length).await;
        assert_eq!(found.as_deref(), Some(expected), "{length} at {offset}");
    }
}

/// Writing to it is refused and leaves it as it is.
pub(super) async fn a_sealed_blob_never_changes(store: Desk) {
    blob_write(&store, blob(1), 0, b"fixed").await;
    blob_seal(&store, blob(1)).await;
    for bytes in [&b"other"[..], b""] {
        let op = StoreOp::BlobWrite { blob: blob(1), offset: 0, bytes: bytes.to_vec().into() };
        refused(&store, op, StoreErrorKind::Invalid).await;
    }
    assert_eq!(blob_read(&store, blob(1), 0, 100).await, Some(b"fixed".to_vec()));
}

/// A repeat after a lost answer.
pub(super) async fn sealing_twice_is_no_error(store: Desk) {
    blob_write(&store, blob(1), 0, b"x").await;
    blob_seal(&store, blob(1)).await;
    blob_seal(&store, blob(1)).await;
    assert_eq!(blob_read(&store, blob(1), 0, 100).await, Some(b"x".to_vec()));
}

/// There is nothing that could be made durable.
pub(super) async fn sealing_the_unknown_is_refused(store: Desk) {
    refused(&store, StoreOp::BlobSeal { blob: blob(1) }, StoreErrorKind::Invalid).await;
    assert_eq!(blob_list(&store, None, 10).await, []);
}

/// A write of no bytes creates the blob too.
pub(super) async fn an_empty_blob_exists(store: Desk) {
    blob_write(&store, blob(1), 0, b"").await;
    blob_seal(&store, blob(1)).await;
    assert_eq!(blob_read(&store, blob(1), 0, 100).await, Some(Vec::new()));
}

/// Sealed or not, a deleted blob is gone, and its name can be written anew.
pub(super) async fn deleting_frees_the_name(store: Desk) {
    for seal_first in [false, true] {
        blob_write(&store, blob(1), 0, b"long and old").await;
        if seal_first {
            blob_seal(&store, blob(1)).await;
        }
        blob_delete(&store, blob(1)).await;
        assert_eq!(blob_read(&store, blob(1), 0, 100).await, None);
        assert_eq!(blob_list(&store, None, 10).await, []);
    }
    blob_write(&store, blob(1), 0, b"new").await;
    blob_seal(&store, blob(1)).await;
    assert_eq!(blob_read(&store, blob(1), 0, 100).await, Some(b"new".to_vec()));
}

/// As the language says.
pub(super) async fn deleting_the_unknown_is_no_error(store: Desk) {
    blob_delete(&store, blob(1)).await;
}

/// Ascending, sealed and not, beginning behind `after`, at most as many as asked for.
pub(super) async fn the_list_is_ordered_and_paged(store: Desk) {
    let mut ids: Vec<BlobId> = (1..=20).map(blob).collect();
    // Neighbours that differ in the last bit only.
    let mut neighbour = blob(1);
    neighbour.0[19] ^= 1;
    ids.push(neighbour);
    for (index, id) in ids.iter().enumerate() {
        blob_write(&store, *id, 0, b"x").await;
        if index % 3 != 0 {
            blob_seal(&store, *id).await;
        }
    }
    ids.sort_unstable();
    assert_eq!(blob_list(&store, None, 100).await, ids);
    assert_eq!(blob_list(&store, None, 0).await, []);
    for size in [1, 7] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = blob_list(&store, after, size).await;
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(*last);
            seen.extend(page);
        }
        assert_eq!(seen, ids, "in pages of {size}");
    }
    assert_eq!(blob_list(&store, Some(BlobId([0xff; 20])), 10).await, []);
}

/// Threads write parts of one blob and whole blobs of their own at the same time.
pub(super) async fn parts_of_many_threads_come_together(store: Desk) {
    const PART: usize = 4096;
    let lane = |thread: u8| {
        Lane::new(move |store| async move {
            blob_write(&store, blob(100), u64::from(thread) * PART as u64, &[thread; PART]).await;
            blob_write(&store, blob(thread), 0, &[thread; 10]).await;
            blob_seal(&store, blob(thread)).await;
        })
    };
    store.together((0..8).map(lane).collect()).await;
    blob_seal(&store, blob(100)).await;
    for thread in 0u8..8 {
        let part = blob_read(&store, blob(100), u64::from(thread) * PART as u64, PART as u64).await;
        assert!(part == Some(vec![thread; PART]), "the part of thread {thread}");
        assert_eq!(blob_read(&store, blob(thread), 0, 100).await, Some(vec![thread; 10]));
    }
}
