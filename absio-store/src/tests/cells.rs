//! Cells as files: their layout, what a torn one is, a full or broken disk, links in their place.

use super::{CELL, ENGINES, cell_op, get, kind, list, put, put_op, read_cell, root, write_cell};
use crate::fault::{DISK_FULL, IO_ERROR, arm};
use absio_proto::effect::{StoreErrorKind, StoreOp, StoreOutcome};
use absio_proto::limits::STORE_CELL;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn file_of(root: &Path) -> PathBuf {
    let name = data_encoding::BASE32HEX_NOPAD.encode(&CELL.0).to_ascii_lowercase();
    root.join("cells").join(name)
}

#[test]
fn a_cell_is_a_length_and_its_bytes() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        write_cell(&store, b"0123456789");
        assert_eq!(fs::read(file_of(root.path())).expect("it is there"), b"\0\0\0\x0a0123456789");
        write_cell(&store, b"abc");
        assert_eq!(fs::read(file_of(root.path())).expect("it is there"), b"\0\0\0\x03abc3456789");
        assert_eq!(read_cell(&store), Some(b"abc".to_vec()));
        write_cell(&store, b"");
        assert!(!file_of(root.path()).exists());
    }
}

#[test]
fn ml_a_torn_cell_is_corrupt_and_can_be_written_again() {
    let too_long = [&(STORE_CELL as u32 + 1).to_be_bytes()[..], &vec![0; STORE_CELL + 1]].concat();
    let torn: [&[u8]; 6] = [b"", b"\0\0\0", b"\0\0\0\0", b"\0\0\0\x04abc", b"\xff\xff\xff\xffabc", &too_long];
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        write_cell(&store, b"whole");
        for bytes in torn {
            fs::write(file_of(root.path()), bytes).expect("torn");
            let read = store.apply(StoreOp::CellRead { cell: CELL });
            assert_eq!(kind(read), StoreErrorKind::Corrupt, "{} bytes", bytes.len());
            assert!(store.apply(StoreOp::CellList) == Ok(StoreOutcome::Cells(vec![CELL])));
            write_cell(&store, b"whole");
            assert_eq!(read_cell(&store), Some(b"whole".to_vec()));
        }
    }
}

#[test]
fn ml_symlink_file_in_place_of_a_cell_is_not_followed() {
    for open in ENGINES {
        let (root, elsewhere) = (root(), root());
        let store = open(root.path()).expect("an empty root opens");
        let secret = elsewhere.path().join("secret");
        fs::write(&secret, b"\0\0\0\x09not yours").expect("planted");
        symlink(&secret, file_of(root.path())).expect("planted");
        assert_eq!(kind(store.apply(StoreOp::CellRead { cell: CELL })), StoreErrorKind::Corrupt);
        assert_eq!(kind(store.apply(cell_op(b"mine"))), StoreErrorKind::Corrupt);
        assert_eq!(fs::read(&secret).expect("still there"), b"\0\0\0\x09not yours");
        write_cell(&store, b"");
        assert!(secret.exists(), "only the link is removed");
        write_cell(&store, b"mine");
        assert_eq!(read_cell(&store), Some(b"mine".to_vec()));
    }
}

#[test]
fn a_full_disk_leaves_cells_as_they_were() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        for place in ["create", "grow cell", "write cell"] {
            arm(place, DISK_FULL);
            assert_eq!(kind(store.apply(cell_op(b"first"))), StoreErrorKind::Full, "{place}");
            assert_eq!(read_cell(&store), None, "{place}");
        }
        write_cell(&store, b"first");
        arm("grow cell", DISK_FULL);
        assert_eq!(kind(store.apply(cell_op(b"longer than the first"))), StoreErrorKind::Full);
        assert_eq!(read_cell(&store), Some(b"first".to_vec()));
        write_cell(&store, b"longer than the first");
        // What fits needs no room any more, and a write that began is never called "full".
        arm("grow cell", DISK_FULL);
        write_cell(&store, b"short");
        arm("write cell", DISK_FULL);
        assert_eq!(kind(store.apply(cell_op(b"other"))), StoreErrorKind::Io);
        put(&store, b"a", b"the store goes on");
    }
}

#[test]
fn a_failed_flush_of_a_cell_poisons() {
    for open in ENGINES {
        for (first, place) in [(true, "sync cell"), (true, "sync directory"), (false, "sync cell")] {
            let root = root();
            let store = open(root.path()).expect("an empty root opens");
            put(&store, b"a", b"before");
            if !first {
                write_cell(&store, b"old");
            }
            arm(place, IO_ERROR);
            assert_eq!(kind(store.apply(cell_op(b"new"))), StoreErrorKind::Io, "{place}");
            assert_eq!(kind(store.apply(put_op(b"a", b"after"))), StoreErrorKind::Io, "{place}");
            assert_eq!(kind(store.apply(StoreOp::CellRead { cell: CELL })), StoreErrorKind::Io, "{place}");
            drop(store);
            let store = open(root.path()).expect("the root opens again");
            assert_eq!(get(&store, b"a"), Some(b"before".to_vec()));
            let found = read_cell(&store).unwrap_or_default();
            assert!([&b""[..], b"old", b"new"].contains(&&found[..]), "{place}: {found:?}");
        }
    }
}

#[test]
fn writing_over_a_cell_flushes_once() {
    for open in ENGINES {
        let root = root();
        let store = open(root.path()).expect("an empty root opens");
        write_cell(&store, b"first");
        // A flush of anything else would fail.
        arm("sync directory", IO_ERROR);
        write_cell(&store, b"second");
        write_cell(&store, &[7; 10_000]);
        assert_eq!(list(&store), []);
        arm("sync cell", IO_ERROR);
        assert_eq!(kind(store.apply(cell_op(b"third"))), StoreErrorKind::Io);
    }
}
