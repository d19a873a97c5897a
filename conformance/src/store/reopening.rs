//! What is still there after the store was closed and opened again.

use super::asking::{
    Desk, append, blob, blob_delete, blob_list, blob_read, blob_seal, blob_write, delete, get, put, reopen,
    scan, write,
};

/// Puts, replaced values and deletes, short and long.
pub(super) async fn records_survive(store: Desk) {
    let long = vec![5; 200_000];
    write(&store, vec![put(b"a", b"1"), put(b"b", b"2"), put(b"long", &long)]).await;
    write(&store, vec![put(b"a", b"3"), delete(b"b")]).await;
    reopen(&store).await;
    assert_eq!((get(&store, b"a").await, get(&store, b"b").await), (Some(b"3".to_vec()), None));
    assert_eq!(get(&store, b"long").await, Some(long));
    reopen(&store).await;
    assert_eq!(scan(&store, b"", b"z", 10, false).await.len(), 2);
}

/// Also when its entries were deleted.
pub(super) async fn the_number_of_a_sequence_survives(store: Desk) {
    write(&store, vec![append(b"s", b"x"), append(b"s", b"y")]).await;
    write(&store, vec![delete(&[&b"s"[..], &2u64.to_be_bytes()].concat())]).await;
    reopen(&store).await;
    assert_eq!(write(&store, vec![append(b"s", b"z")]).await, [3]);
}

/// With their bytes, and still sealed.
pub(super) async fn sealed_blobs_survive(store: Desk) {
    for number in 1..=5 {
        blob_write(&store, blob(number), 0, &vec![number; 10_000]).await;
        blob_seal(&store, blob(number)).await;
    }
    reopen(&store).await;
    for number in 1..=5 {
        assert_eq!(blob_read(&store, blob(number), 0, 20_000).await, Some(vec![number; 10_000]));
        blob_seal(&store, blob(number)).await;
    }
}

/// A blob that was not sealed may be gone; if it is not, it is listed so that it can be swept. Its
/// name can be written anew once it was deleted.
pub(super) async fn unsealed_blobs_leave_nothing_behind(store: Desk) {
    blob_write(&store, blob(1), 0, b"half").await;
    reopen(&store).await;
    assert_eq!(blob_read(&store, blob(1), 0, 10).await, None);
    for left in blob_list(&store, None, 10).await {
        blob_delete(&store, left).await;
    }
    assert_eq!(blob_list(&store, None, 10).await, []);
    blob_write(&store, blob(1), 0, b"whole").await;
    blob_seal(&store, blob(1)).await;
    assert_eq!(blob_read(&store, blob(1), 0, 10).await, Some(b"whole".to_vec()));
}
