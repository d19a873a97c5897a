//! Cells: small values beside records and blobs, replaced as a whole.

use super::Backend;
use super::asking::{
    blob, blob_delete, blob_list, blob_read, blob_seal, blob_write, cell, cell_list, cell_read, cell_write,
    get, put, refused, write,
};
use crate::report::Verdict;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{CellId, StoreErrorKind, StoreOp};
use absio_proto::limits::STORE_CELL;

/// Byte for byte, whatever the bytes are.
pub fn a_cell_reads_back(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let every_byte: Vec<u8> = (0..=255).collect();
    for (number, bytes) in [&b"x"[..], &[0], &[0; 8], &[0xff; 300], &every_byte].into_iter().enumerate() {
        let id = cell(number as u8);
        cell_write(&store, id, bytes);
        assert_eq!(cell_read(&store, id).as_deref(), Some(bytes));
    }
    Verdict::Passed
}

/// It was never written.
pub fn an_unknown_cell_is_none(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    assert_eq!(cell_read(&store, cell(1)), None);
    cell_write(&store, cell(2), b"another");
    assert_eq!(cell_read(&store, cell(1)), None);
    Verdict::Passed
}

/// By longer and by shorter bytes; nothing of the old ones shows.
pub fn a_cell_is_replaced_whole(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    for (round, length) in [10, 5000, 1, 100_000, 99_999, 4, 5].into_iter().enumerate() {
        let bytes = vec![round as u8 + 1; length];
        cell_write(&store, cell(1), &bytes);
        assert!(cell_read(&store, cell(1)) == Some(bytes), "round {round}: {length} bytes");
    }
    assert_eq!(cell_list(&store), [cell(1)]);
    Verdict::Passed
}

/// Also a cell that is not there; the name can be written anew.
pub fn no_bytes_remove_a_cell(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    cell_write(&store, cell(1), b"");
    cell_write(&store, cell(1), b"long and old");
    cell_write(&store, cell(2), b"stays");
    cell_write(&store, cell(1), b"");
    cell_write(&store, cell(1), b"");
    assert_eq!(cell_read(&store, cell(1)), None);
    assert_eq!(cell_list(&store), [cell(2)]);
    cell_write(&store, cell(1), b"new");
    assert_eq!(cell_read(&store, cell(1)), Some(b"new".to_vec()));
    assert_eq!(cell_read(&store, cell(2)), Some(b"stays".to_vec()));
    Verdict::Passed
}

/// All of them, ascending by id.
pub fn cells_are_listed_in_order(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    assert_eq!(cell_list(&store), []);
    let mut ids: Vec<CellId> = (1..=20).map(cell).collect();
    // Neighbours that differ in the last bit only.
    let mut neighbour = cell(1);
    neighbour.0[19] ^= 1;
    ids.push(neighbour);
    for id in &ids {
        cell_write(&store, *id, b"x");
    }
    ids.sort_unstable();
    assert_eq!(cell_list(&store), ids);
    Verdict::Passed
}

/// The longest comes back whole; one byte more is refused and changes nothing.
pub fn cells_have_a_limit(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let longest: Vec<u8> = (0..STORE_CELL).map(|index| (index % 251) as u8).collect();
    cell_write(&store, cell(1), &longest);
    let longer = |cell| StoreOp::CellWrite { cell, bytes: vec![0; STORE_CELL + 1] };
    refused(&store, longer(cell(1)), StoreErrorKind::Invalid);
    refused(&store, longer(cell(2)), StoreErrorKind::Invalid);
    assert!(cell_read(&store, cell(1)) == Some(longest), "the longest cell must come back whole");
    assert_eq!(cell_list(&store), [cell(1)]);
    Verdict::Passed
}

/// A cell, a blob and a record may have the same twenty bytes as their name.
pub fn cells_are_apart_from_records_and_blobs(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    assert_eq!(cell(1).0, blob(1).0);
    cell_write(&store, cell(1), b"cell");
    assert_eq!((blob_list(&store, None, 10), get(&store, &cell(1).0)), (vec![], None));
    blob_write(&store, blob(1), 0, b"blob");
    blob_seal(&store, blob(1));
    write(&store, vec![put(&cell(1).0, b"record")]);
    assert_eq!(cell_read(&store, cell(1)), Some(b"cell".to_vec()));
    blob_delete(&store, blob(1));
    assert_eq!(cell_read(&store, cell(1)), Some(b"cell".to_vec()));
    blob_write(&store, blob(1), 0, b"blob");
    blob_seal(&store, blob(1));
    cell_write(&store, cell(1), b"");
    assert_eq!(blob_read(&store, blob(1), 0, 10), Some(b"blob".to_vec()));
    assert_eq!(get(&store, &cell(1).0), Some(b"record".to_vec()));
    Verdict::Passed
}

/// What they hold, and that they were removed.
pub fn cells_survive(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    cell_write(&store, cell(1), &[7; 100_000]);
    cell_write(&store, cell(1), b"shorter");
    cell_write(&store, cell(2), b"short");
    cell_write(&store, cell(2), &[8; 100_000]);
    cell_write(&store, cell(3), b"removed");
    cell_write(&store, cell(3), b"");
    let Some(store) = backend.reopen(store) else {
        return Verdict::Skipped("the backend keeps nothing");
    };
    assert_eq!(cell_read(&store, cell(1)), Some(b"shorter".to_vec()));
    assert_eq!(cell_read(&store, cell(2)), Some(vec![8; 100_000]));
    assert_eq!(cell_read(&store, cell(3)), None);
    let mut left = [cell(1), cell(2)];
    left.sort_unstable();
    assert_eq!(cell_list(&store), left);
    Verdict::Passed
}

/// Each thread reads what it wrote last.
pub fn cells_of_many_threads_are_apart(backend: &impl Backend) -> Verdict {
    let store = &backend.fresh();
    std::thread::scope(|scope| {
        for thread in 0u8..8 {
            scope.spawn(move || {
                for round in 1..10usize {
                    let bytes = vec![thread; round * 100 % 700 + 1];
                    cell_write(store, cell(thread), &bytes);
                    assert_eq!(cell_read(store, cell(thread)), Some(bytes));
                }
            });
        }
    });
    assert_eq!(cell_list(store).len(), 8);
    Verdict::Passed
}

/// Never one half of a write and one of another.
pub fn readers_see_whole_cells(backend: &impl Backend) -> Verdict {
    let store = &backend.fresh();
    let bytes_of = |round: u8| vec![round; 1000 * (1 + usize::from(round % 3))];
    cell_write(store, cell(1), &bytes_of(0));
    std::thread::scope(|scope| {
        scope.spawn(move || (1..30).for_each(|round| cell_write(store, cell(1), &bytes_of(round))));
        for _ in 0..3 {
            scope.spawn(move || {
                let mut last = 0;
                while last < 29 {
                    let found = cell_read(store, cell(1)).expect("it is never removed");
                    let round = *found.first().expect("it is never empty");
                    assert!(found == bytes_of(round) && round >= last, "round {last}, then a mixture");
                    last = round;
                }
            });
        }
    });
    Verdict::Passed
}

/// [`StoreErrorKind::Full`]: the cell holds what it held; what fits still does.
pub fn a_full_store_keeps_its_cells<B: Backend>(backend: &B) -> Verdict {
    const ROOM: usize = STORE_CELL + 1000;
    let Some(store) = backend.with_room_for(ROOM as u64) else {
        return Verdict::Skipped("the backend cannot be told how much room it has");
    };
    cell_write(&store, cell(1), &[1; 1000]);
    cell_write(&store, cell(2), &[2; STORE_CELL - 1000]);
    full(&store, cell(1), STORE_CELL);
    full(&store, cell(3), STORE_CELL);
    assert_eq!(cell_read(&store, cell(1)), Some(vec![1; 1000]));
    assert_eq!(cell_read(&store, cell(3)), None);
    // What is written over or removed gives its room back.
    cell_write(&store, cell(2), b"short");
    cell_write(&store, cell(1), &[3; STORE_CELL]);
    cell_write(&store, cell(1), b"");
    cell_write(&store, cell(3), &[4; STORE_CELL]);
    Verdict::Passed
}

fn full(store: &impl Store, cell: CellId, length: usize) {
    refused(store, StoreOp::CellWrite { cell, bytes: vec![9; length] }, StoreErrorKind::Full);
}
