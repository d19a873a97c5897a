//! `absio-conformance store`: the store cases against the stores that Absio brings.

use absio_conformance::store;
use absio_store::MemoryStore;

/// What to check.
#[derive(clap::Args)]
pub(crate) struct Args {}

struct Memory;

impl store::Backend for Memory {
    type Store = MemoryStore;

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

/// Runs the cases; whether all of them held.
pub(crate) fn run(_: &Args) -> anyhow::Result<bool> {
    Ok(store::run(&Memory).failed().is_empty())
}
