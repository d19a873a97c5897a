//! Cells: small values beside records and blobs, replaced as a whole.

use super::asking::{
    Desk, Lane, blob, blob_delete, blob_list, blob_read, blob_seal, blob_write, cell, cell_list, cell_read,
    cell_write, get, put, refused, reopen, with_room_for, write,
};
use absio_proto::effect::{CellId, StoreErrorKind, StoreOp};
use absio_proto::limits::STORE_CELL;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Byte for byte, whatever the bytes are.
pub(super) async fn a_cell_reads_back(store: Desk) {
    let every_byte: Vec<u8> = (0..=255).collect();
    for (number, bytes) in [&b"x"[..], &[0], &[0; 8], &[0xff; 300], &every_byte].into_iter().enumerate() {
        let id = cell(number as u8);
        cell_write(&store, id, bytes).await;
        assert_eq!(cell_read(&store, id).await.as_deref(), Some(bytes));
    }
}

/// It was never written.
pub(super) async fn an_unknown_cell_is_none(store: Desk) {
    assert_eq!(cell_read(&store, cell(1)).await, None);
    cell_write(&store, cell(2), b"another").await;
    assert_eq!(cell_read(&store, cell(1)).await, None);
}

/// By longer and by shorter bytes; nothing of the old ones shows.
pub(super) async fn a_cell_is_replaced_whole(store: Desk) {
    for (round, length) in [10, 5000, 1, 100_000, 99_999, 4, 5].into_iter().enumerate() {
        let bytes = vec![round as u8 + 1; length];
        cell_write(&store, cell(1), &bytes).await;
        assert!(cell_read(&store, cell(1)).await == Some(bytes), "round {round}: {length} bytes");
    }
    assert_eq!(cell_list(&store).await, [cell(1)]);
}

/// Also a cell that is not there; the name can be written anew.
pub(super) async fn no_bytes_remove_a_cell(store: Desk) {
    cell_write(&store, cell(1), b"").await;
    cell_write(&store, cell(1), b"long and old").await;
    cell_write(&store, cell(2), b"stays").await;
    cell_write(&store, cell(1), b"").await;
    cell_write(&store, cell(1), b"").await;
    assert_eq!(cell_read(&store, cell(1)).await, None);
    assert_eq!(cell_list(&store).await, [cell(2)]);
    cell_write(&store, cell(1), b"new").await;
    assert_eq!(cell_read(&store, cell(1)).await, Some(b"new".to_vec()));
    assert_eq!(cell_read(&store, cell(2)).await, Some(b"stays".to_vec()));
}

/// All of them, ascending by id.
pub(super) async fn cells_are_listed_in_order(store: Desk) {
    assert_eq!(cell_list(&store).await, []);
    let mut ids: Vec<CellId> = (1..=20).map(cell).collect();
    // Neighbours that differ in the last bit only.
    let mut neighbour = cell(1);
    neighbour.0[19] ^= 1;
    ids.push(neighbour);
    for id in &ids {
        cell_write(&store, *id, b"x").await;
    }
    ids.sort_unstable();
    assert_eq!(cell_list(&store).await, ids);
}

/// The longest comes back whole; one byte more is refused and changes nothing.
pub(super) async fn cells_have_a_limit(store: Desk) {
    let longest: Vec<u8> = (0..STORE_CELL).map(|index| (index % 251) as u8).collect();
    cell_write(&store, cell(1), &longest).await;
    let longer = |cell| StoreOp::CellWrite { cell, bytes: vec![0; STORE_CELL + 1] };
    refused(&store, longer(cell(1)), StoreErrorKind::Invalid).await;
    refused(&store, longer(cell(2)), StoreErrorKind::Invalid).await;
    assert!(cell_read(&store, cell(1)).await == Some(longest), "the longest cell must come back whole");
    assert_eq!(cell_list(&store).await, [cell(1)]);
}

/// A cell, a blob and a record may have the same twenty bytes as their name.
pub(super) async fn cells_are_apart_from_records_and_blobs(store: Desk) {
    assert_eq!(cell(1).0, blob(1).0);
    cell_write(&store, cell(1), b"cell").await;
    assert_eq!((blob_list(&store, None, 10).await, get(&store, &cell(1).0).await), (vec![], None));
    blob_write(&store, blob(1), 0, b"blob").await;
    blob_seal(&store, blob(1)).await;
    write(&store, vec![put(&cell(1).0, b"record")]).await;
    assert_eq!(cell_read(&store, cell(1)).await, Some(b"cell".to_vec()));
    blob_delete(&store, blob(1)).await;
    assert_eq!(cell_read(&store, cell(1)).await, Some(b"cell".to_vec()));
    blob_write(&store, blob(1), 0, b"blob").await;
    blob_seal(&store, blob(1)).await;
    cell_write(&store, cell(1), b"").await;
    assert_eq!(blob_read(&store, blob(1), 0, 10).await, Some(b"blob".to_vec()));
    assert_eq!(get(&store, &cell(1).0).await, Some(b"record".to_vec()));
}

/// What they hold, and that they were removed.
pub(super) async fn cells_survive(store: Desk) {
    cell_write(&store, cell(1), &[7; 100_000]).await;
    cell_write(&store, cell(1), b"shorter").await;
    cell_write(&store, cell(2), b"short").await;
    cell_write(&store, cell(2), &[8; 100_000]).await;
    cell_write(&store, cell(3), b"removed").await;
    cell_write(&store, cell(3), b"").await;
    reopen(&store).await;
    assert_eq!(cell_read(&store, cell(1)).await, Some(b"shorter".to_vec()));
    assert_eq!(cell_read(&store, cell(2)).await, Some(vec![8; 100_000]));
    assert_eq!(cell_read(&store, cell(3)).await, None);
    let mut left = [cell(1), cell(2)];
    left.sort_unstable();
    assert_eq!(cell_list(&store).await, left);
}

/// Each thread reads what it wrote last.
pub(super) async fn cells_of_many_threads_are_apart(store: Desk) {
    let lane = |thread: u8| {
        Lane::new(move |store| async move {
            for round in 1..10usize {
                let bytes = vec![thread; round * 100 % 700 + 1];
                cell_write(&store, cell(thread), &bytes).await;
                assert_eq!(cell_read(&store, cell(thread)).await, Some(bytes));
            }
        })
    };
    store.together((0..8).map(lane).collect()).await;
    assert_eq!(cell_list(&store).await.len(), 8);
}

/// Never one half of a write and one of another.
pub(super) async fn readers_see_whole_cells(store: Desk) {
    fn bytes_of(round: u8) -> Vec<u8> {
        vec![round; 1000 * (1 + usize::from(round % 3))]
    }
    cell_write(&store, cell(1), &bytes_of(0)).await;
    let over = Arc::new(AtomicBool::new(false));
    let written = Arc::clone(&over);
    let mut lanes = vec![Lane::new(move |store: Desk| async move {
        for round in 1..30 {
            cell_write(&store, cell(1), &bytes_of(round)).await;
        }
        written.store(true, Ordering::Release);
    })];
    for _ in 0..3 {
        let over = Arc::clone(&over);
        lanes.push(Lane::new(move |store| async move {
            let (mut last, mut last_look) = (0, false);
            while !last_look {
                last_look = over.load(Ordering::Acquire);
                let found = cell_read(&store, cell(1)).await.expect("it is never removed");
                let round = *found.first().expect("it is never empty");
                assert!(found == bytes_of(round) && round >= last, "round {last}, then a mixture");
                last = round;
            }
            assert_eq!(last, 29, "the last write is seen by whoever looks after it");
        }));
    }
    store.together(lanes).await;
}

/// [`StoreErrorKind::Full`]: the cell holds what it held; what fits still does.
pub(super) async fn a_full_store_keeps_its_cells(store: Desk) {
    const ROOM: usize = STORE_CELL + 1000;
    with_room_for(&store, ROOM).await;
    cell_write(&store, cell(1), &[1; 1000]).await;
    cell_write(&store, cell(2), &[2; STORE_CELL - 1000]).await;
    full(&store, cell(1), STORE_CELL).await;
    full(&store, cell(3), STORE_CELL).await;
    assert_eq!(cell_read(&store, cell(1)).await, Some(vec![1; 1000]));
    assert_eq!(cell_read(&store, cell(3)).await, None);
    // What is written over or removed gives its room back.
    cell_write(&store, cell(2), b"short").await;
    cell_write(&store, cell(1), &[3; STORE_CELL]).await;
    cell_write(&store, cell(1), b"").await;
    cell_write(&store, cell(3), &[4; STORE_CELL]).await;
}

async fn full(store: &Desk, cell: CellId, length: usize) {
    refused(store, StoreOp::CellWrite { cell, bytes: vec![9; length] }, StoreErrorKind::Full).await;
}
