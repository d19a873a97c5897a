//! The store suite in its asynchronous form. Its blocking form is in `absio-store/tests/conformance.rs`.

use absio_async_std::Unblocked;
use absio_conformance::store::{AsyncBackend, Capabilities, store_cases};
use absio_store::MemoryStore;
use std::future::Future;

pub(crate) struct AsyncMemory;

impl AsyncBackend for AsyncMemory {
    type Store = Unblocked<MemoryStore>;

    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    fn fresh(&self) -> Self::Store {
        Unblocked::new(MemoryStore::new())
    }

    fn reopen(&self, store: Self::Store) -> Option<Self::Store> {
        Some(store)
    }

    fn with_room_for(&self, bytes: u64) -> Option<Self::Store> {
        Some(Unblocked::new(MemoryStore::with_capacity(bytes)))
    }
}

absio_conformance::store_suite!(async AsyncMemory);

#[test]
fn names_are_each_there_once() {
    let mut names: Vec<&str> = store_cases().iter().map(|case| case.name()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() == count && count >= 55, "{count} cases");
}
