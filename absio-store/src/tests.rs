//! What the durable stores do when the disk or somebody else gets in their way.

mod cells;
mod crash_points;
mod damage;
mod faults;
mod quarantine;
mod roots;

use crate::OnDamage;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{BlobId, CellId, Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome, Write};
use std::path::{Path, PathBuf};

type Shared = Box<dyn Store + Send + Sync>;
type Open = fn(&Path) -> Result<Shared, StoreError>;

#[cfg(feature = "redb")]
const REDB: Open = |root| crate::RedbStore::open(root).map(|store| Box::new(store) as Shared);
#[cfg(feature = "sled")]
const SLED: Open = |root| crate::SledStore::open(root).map(|store| Box::new(store) as Shared);

/// Every durable engine that is compiled in.
const ENGINES: &[Open] = &[
    #[cfg(feature = "redb")]
    REDB,
    #[cfg(feature = "sled")]
    SLED,
];

/// Opens with a choice; gives what was moved aside, too.
type CarefulOpen = fn(&Path, OnDamage) -> Result<(Shared, Option<PathBuf>), StoreError>;

/// As [`ENGINES`].
const CAREFUL: &[CarefulOpen] = &[
    #[cfg(feature = "redb")]
    |root, on_damage| {
        let store = crate::RedbStore::open_with(root, on_damage)?;
        let place = store.quarantined().map(Path::to_owned);
        Ok((Box::new(store), place))
    },
    #[cfg(feature = "sled")]
    |root, on_damage| {
        let store = crate::SledStore::open_with(root, on_damage)?;
        let place = store.quarantined().map(Path::to_owned);
        Ok((Box::new(store), place))
    },
];

const BLOB: BlobId = BlobId([0x5a; 20]);

/// Where the file of [`BLOB`] lies, below `blobs`.
fn blob_name() -> (String, String) {
    let name = data_encoding::BASE32HEX_NOPAD.encode(&BLOB.0).to_ascii_lowercase();
    (name[..2].into(), name[2..].into())
}

fn root() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

fn put_op(key: &[u8], value: &[u8]) -> StoreOp {
    let writes = vec![Write::Put { key: key.to_vec(), value: value.to_vec() }];
    StoreOp::Commit(Commit { preconditions: Vec::new(), writes })
}

fn put(store: &Shared, key: &[u8], value: &[u8]) {
    store.apply(put_op(key, value)).expect("the put succeeds");
}

fn get(store: &Shared, key: &[u8]) -> Option<Vec<u8>> {
    match store.apply(StoreOp::Get { keys: vec![key.to_vec()] }) {
        Ok(StoreOutcome::Values(mut values)) => values.remove(0),
        Ok(_) => panic!("a get answers values"),
        Err(error) => panic!("the get failed: {error}"),
    }
}

const CELL: CellId = CellId([0xc3; 20]);

fn cell_op(bytes: &[u8]) -> StoreOp {
    StoreOp::CellWrite { cell: CELL, bytes: bytes.to_vec() }
}

fn write_cell(store: &Shared, bytes: &[u8]) {
    store.apply(cell_op(bytes)).expect("the cell is written");
}

fn read_cell(store: &Shared) -> Option<Vec<u8>> {
    match store.apply(StoreOp::CellRead { cell: CELL }) {
        Ok(StoreOutcome::Cell(bytes)) => bytes,
        Ok(_) => panic!("a cell read answers a cell"),
        Err(error) => panic!("the cell read failed: {error}"),
    }
}

fn write_op(bytes: &[u8]) -> StoreOp {
    StoreOp::BlobWrite { blob: BLOB, offset: 0, bytes: bytes.to_vec().into() }
}

fn seal(store: &Shared, bytes: &[u8]) {
    store.apply(write_op(bytes)).expect("the blob is written");
    store.apply(StoreOp::BlobSeal { blob: BLOB }).expect("the blob is sealed");
}

fn read(store: &Shared) -> Option<Vec<u8>> {
    match store.apply(StoreOp::BlobRead { blob: BLOB, offset: 0, length: 100 }) {
        Ok(StoreOutcome::Blob(bytes)) => bytes,
        Ok(_) => panic!("a blob read answers a blob"),
        Err(error) => panic!("the blob read failed: {error}"),
    }
}

fn list(store: &Shared) -> Vec<BlobId> {
    match store.apply(StoreOp::BlobList { after: None, limit: 10 }) {
        Ok(StoreOutcome::Blobs(ids)) => ids,
        _ => panic!("a list answers blobs"),
    }
}

#[track_caller]
fn kind<T>(result: Result<T, StoreError>) -> StoreErrorKind {
    match result {
        Err(error) => error.kind,
        Ok(_) => panic!("expected an error"),
    }
}
