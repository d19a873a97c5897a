//! The life of a blob: written in parts, sealed once, read, listed, deleted.

use super::Backend;
use super::asking::{blob, blob_delete, blob_list, blob_read, blob_seal, blob_write, refused};
use crate::report::Verdict;
use absio_proto::effect::{BlobId, StoreErrorKind, StoreOp};

/// Before that it does not exist for readers.
pub fn a_blob_is_readable_once_sealed(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let id = blob(1);
    assert_eq!(blob_read(&store, id, 0, 9), None);
    blob_write(&store, id, 0, b"hello");
    assert_eq!(blob_read(&store, id, 0, 9), None);
    blob_seal(&store, id);
    assert_eq!(blob_read(&store, id, 0, 9), Some(b"hello".to_vec()));
    Verdict::Passed
}

/// The last part first, several blobs at once.
pub fn parts_may_come_in_any_order(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    blob_write(&store, blob(1), 6, b"world");
    blob_write(&store, blob(2), 2, b"o");
    blob_write(&store, blob(1), 0, b"hello ");
    blob_write(&store, blob(2), 0, b"tw");
    blob_seal(&store, blob(1));
    blob_seal(&store, blob(2));
    assert_eq!(blob_read(&store, blob(1), 0, 100), Some(b"hello world".to_vec()));
    assert_eq!(blob_read(&store, blob(2), 0, 100), Some(b"two".to_vec()));
    Verdict::Passed
}

/// A repeated part (a retry) replaces what was there and does not cut what lies behind it.
pub fn a_part_may_be_written_again(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    blob_write(&store, blob(1), 0, b"aaaabbbb");
    blob_write(&store, blob(1), 0, b"cccc");
    blob_write(&store, blob(1), 2, b"");
    blob_seal(&store, blob(1));
    assert_eq!(blob_read(&store, blob(1), 0, 100), Some(b"ccccbbbb".to_vec()));
    Verdict::Passed
}

/// Bytes that nobody wrote, between those that somebody did.
pub fn a_gap_reads_as_zeros(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    blob_write(&store, blob(1), 4, b"x");
    blob_seal(&store, blob(1));
    assert_eq!(blob_read(&store, blob(1), 0, 100), Some(b"\0\0\0\0x".to_vec()));
    Verdict::Passed
}

/// Fewer bytes at the end, none behind it, and no arithmetic trap at the end of u64.
pub fn reads_are_cut_at_the_end(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    blob_write(&store, blob(1), 0, b"0123456789");
    blob_seal(&store, blob(1));
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
        let found = blob_read(&store, blob(1), offset, length);
        assert_eq!(found.as_deref(), Some(expected), "{length} at {offset}");
    }
    Verdict::Passed
}

/// Writing to it is refused and leaves it as it is.
pub fn a_sealed_blob_never_changes(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    blob_write(&store, blob(1), 0, b"fixed");
    blob_seal(&store, blob(1));
    for bytes in [&b"other"[..], b""] {
        let op = StoreOp::BlobWrite { blob: blob(1), offset: 0, bytes: bytes.to_vec().into() };
        refused(&store, op, StoreErrorKind::Invalid);
    }
    assert_eq!(blob_read(&store, blob(1), 0, 100), Some(b"fixed".to_vec()));
    Verdict::Passed
}

/// A repeat after a lost answer.
pub fn sealing_twice_is_no_error(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    blob_write(&store, blob(1), 0, b"x");
    blob_seal(&store, blob(1));
    blob_seal(&store, blob(1));
    assert_eq!(blob_read(&store, blob(1), 0, 100), Some(b"x".to_vec()));
    Verdict::Passed
}

/// There is nothing that could be made durable.
pub fn sealing_the_unknown_is_refused(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    refused(&store, StoreOp::BlobSeal { blob: blob(1) }, StoreErrorKind::Invalid);
    assert_eq!(blob_list(&store, None, 10), []);
    Verdict::Passed
}

/// A write of no bytes creates the blob too.
pub fn an_empty_blob_exists(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    blob_write(&store, blob(1), 0, b"");
    blob_seal(&store, blob(1));
    assert_eq!(blob_read(&store, blob(1), 0, 100), Some(Vec::new()));
    Verdict::Passed
}

/// Sealed or not, a deleted blob is gone, and its name can be written anew.
pub fn deleting_frees_the_name(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    for seal_first in [false, true] {
        blob_write(&store, blob(1), 0, b"long and old");
        if seal_first {
            blob_seal(&store, blob(1));
        }
        blob_delete(&store, blob(1));
        assert_eq!(blob_read(&store, blob(1), 0, 100), None);
        assert_eq!(blob_list(&store, None, 10), []);
    }
    blob_write(&store, blob(1), 0, b"new");
    blob_seal(&store, blob(1));
    assert_eq!(blob_read(&store, blob(1), 0, 100), Some(b"new".to_vec()));
    Verdict::Passed
}

/// As the language says.
pub fn deleting_the_unknown_is_no_error(backend: &impl Backend) -> Verdict {
    blob_delete(&backend.fresh(), blob(1));
    Verdict::Passed
}

/// Ascending, sealed and not, beginning behind `after`, at most as many as asked for.
pub fn the_list_is_ordered_and_paged(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let mut ids: Vec<BlobId> = (1..=20).map(blob).collect();
    // Neighbours that differ in the last bit only.
    let mut neighbour = blob(1);
    neighbour.0[19] ^= 1;
    ids.push(neighbour);
    for (index, id) in ids.iter().enumerate() {
        blob_write(&store, *id, 0, b"x");
        if index % 3 != 0 {
            blob_seal(&store, *id);
        }
    }
    ids.sort_unstable();
    assert_eq!(blob_list(&store, None, 100), ids);
    assert_eq!(blob_list(&store, None, 0), []);
    for size in [1, 7] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = blob_list(&store, after, size);
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            after = Some(*last);
            seen.extend(page);
        }
        assert_eq!(seen, ids, "in pages of {size}");
    }
    assert_eq!(blob_list(&store, Some(BlobId([0xff; 20])), 10), []);
    Verdict::Passed
}

/// Threads write parts of one blob and whole blobs of their own at the same time.
pub fn parts_of_many_threads_come_together(backend: &impl Backend) -> Verdict {
    const PART: usize = 4096;
    let store = &backend.fresh();
    std::thread::scope(|scope| {
        for thread in 0u8..8 {
            scope.spawn(move || {
                blob_write(store, blob(100), u64::from(thread) * PART as u64, &[thread; PART]);
                blob_write(store, blob(thread), 0, &[thread; 10]);
                blob_seal(store, blob(thread));
            });
        }
    });
    blob_seal(store, blob(100));
    for thread in 0u8..8 {
        let part = blob_read(store, blob(100), u64::from(thread) * PART as u64, PART as u64);
        assert_eq!(part, Some(vec![thread; PART]));
        assert_eq!(blob_read(store, blob(thread), 0, 100), Some(vec![thread; 10]));
    }
    Verdict::Passed
}
