//! `absio-conformance store`: the store cases against the stores that Absio brings.

use super::telling::Telling;
use absio_conformance::store::{self, Backend, Capabilities};
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{StoreError, StoreErrorKind, StoreOp, StoreOutcome};
use absio_store::{MemoryStore, RedbStore, SledStore};
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What to check.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which store.
    #[arg(value_enum, default_value = "memory")]
    store: Which,
    #[command(flatten)]
    telling: Telling,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Which {
    /// In memory.
    Memory,
    /// One file of redb, with blobs beside it.
    Redb,
    /// An index of sled, with blobs beside it.
    Sled,
}

struct Memory;

impl Backend for Memory {
    type Store = MemoryStore;

    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }

    fn fresh(&self) -> MemoryStore {
        MemoryStore::new()
    }

    fn reopen(&self, store: MemoryStore) -> Option<MemoryStore> {
        Some(store.clone())
    }

    fn with_room_for(&self, bytes: u64) -> Option<MemoryStore> {
        Some(MemoryStore::with_capacity(bytes))
    }
}

/// Stores below one directory, each in a directory of its own, all removed in the end.
struct Files<S> {
    open: fn(&Path) -> Result<S, StoreError>,
    root: PathBuf,
    made: AtomicU64,
}

/// A store, or why it did not open: then every case says so.
struct Placed<S> {
    store: Result<S, StoreError>,
    place: PathBuf,
}

impl<S: Store> Store for Placed<S> {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.store.as_ref().map_err(Clone::clone)?.apply(op)
    }
}

impl<S> Files<S> {
    fn below(open: fn(&Path) -> Result<S, StoreError>) -> anyhow::Result<Self> {
        let root = std::env::temp_dir().join(format!("absio-conformance-{}", std::process::id()));
        std::fs::create_dir(&root).with_context(|| format!("{} cannot be made", root.display()))?;
        Ok(Self { open, root, made: AtomicU64::new(0) })
    }

    fn open(&self, place: PathBuf) -> Placed<S> {
        Placed { store: (self.open)(&place), place }
    }
}

impl<S> Drop for Files<S> {
    fn drop(&mut self) {
        // What is left in the directory for temporary files is the system's to remove.
        drop(std::fs::remove_dir_all(&self.root));
    }
}

impl<S: Store + Send + Sync> Backend for Files<S> {
    type Store = Placed<S>;

    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: true, bounded: false, concurrent: true }
    }

    fn fresh(&self) -> Placed<S> {
        let place = self.root.join(self.made.fetch_add(1, Ordering::Relaxed).to_string());
        match std::fs::create_dir(&place) {
            Ok(()) => self.open(place),
            Err(error) => {
                let error = StoreError::new(StoreErrorKind::Io, error.to_string());
                Placed { store: Err(error), place }
            }
        }
    }

    fn reopen(&self, store: Placed<S>) -> Option<Placed<S>> {
        let Placed { store, place } = store;
        drop(store);
        Some(self.open(place))
    }
}

/// Runs the cases; whether all of them held.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let report = match args.store {
        Which::Memory => checked(&Memory, args),
        Which::Redb => checked(&Files::below(|root| RedbStore::open(root))?, args),
        Which::Sled => checked(&Files::below(|root| SledStore::open(root))?, args),
    };
    args.telling.tell("store", &report)
}

fn checked<B: Backend>(backend: &B, args: &Args) -> absio_conformance::Report {
    let mut report = args.telling.begin();
    for case in store::store_cases() {
        if args.telling.wants(case.name()) {
            report.case(case.name(), &[], || case.run(backend));
        }
    }
    report
}
