//! What is still there after the store was closed and opened again.

use super::Backend;
use super::asking::{
    append, blob, blob_list, blob_read, blob_seal, blob_write, delete, get, put, scan, write,
};
use crate::report::Verdict;

const KEEPS_NOTHING: Verdict = Verdict::Skipped("the backend keeps nothing");

/// Puts, replaced values and deletes, short and long.
pub fn records_survive(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let long = vec![5; 200_000];
    write(&store, vec![put(b"a", b"1"), put(b"b", b"2"), put(b"long", &long)]);
    write(&store, vec![put(b"a", b"3"), delete(b"b")]);
    let Some(store) = backend.reopen(store) else { return KEEPS_NOTHING };
    assert_eq!((get(&store, b"a"), get(&store, b"b")), (Some(b"3".to_vec()), None));
    assert_eq!(get(&store, b"long"), Some(long));
    let Some(store) = backend.reopen(store) else { return KEEPS_NOTHING };
    assert_eq!(scan(&store, b"", b"z", 10, false).len(), 2);
    Verdict::Passed
}

/// Also when its entries were deleted.
pub fn the_number_of_a_sequence_survives(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    write(&store, vec![append(b"s", b"x"), append(b"s", b"y")]);
    write(&store, vec![delete(&[&b"s"[..], &2u64.to_be_bytes()].concat())]);
    let Some(store) = backend.reopen(store) else { return KEEPS_NOTHING };
    assert_eq!(write(&store, vec![append(b"s", b"z")]), [3]);
    Verdict::Passed
}

/// With their bytes, and still sealed.
pub fn sealed_blobs_survive(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    for number in 1..=5 {
        blob_write(&store, blob(number), 0, &vec![number; 10_000]);
        blob_seal(&store, blob(number));
    }
    let Some(store) = backend.reopen(store) else { return KEEPS_NOTHING };
    for number in 1..=5 {
        assert_eq!(blob_read(&store, blob(number), 0, 20_000), Some(vec![number; 10_000]));
        blob_seal(&store, blob(number));
    }
    Verdict::Passed
}

/// A blob that was not sealed may be gone; if it is not, it is listed so that it can be swept. Its
/// name can be written anew once it was deleted.
pub fn unsealed_blobs_leave_nothing_behind(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    blob_write(&store, blob(1), 0, b"half");
    let Some(store) = backend.reopen(store) else { return KEEPS_NOTHING };
    assert_eq!(blob_read(&store, blob(1), 0, 10), None);
    for left in blob_list(&store, None, 10) {
        super::asking::blob_delete(&store, left);
    }
    assert_eq!(blob_list(&store, None, 10), []);
    blob_write(&store, blob(1), 0, b"whole");
    blob_seal(&store, blob(1));
    assert_eq!(blob_read(&store, blob(1), 0, 10), Some(b"whole".to_vec()));
    Verdict::Passed
}
