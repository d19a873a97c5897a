//! The stores of this crate against the suite that any store runs: a test for each case.

mod memory {
    use absio_conformance::store::{Backend, Capabilities};
    use absio_store::MemoryStore;

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

    absio_conformance::store_suite!(Memory);
}

#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod durable {
    use absio_conformance::store::{Backend, Capabilities};
    use absio_proto::driver::blocking::Store;
    use absio_proto::effect::{StoreError, StoreOp, StoreOutcome};
    use tempfile::TempDir;

    /// A store and the directory it lives in, which is removed after it.
    struct Placed<S> {
        store: S,
        root: TempDir,
    }

    impl<S: Store> Store for Placed<S> {
        fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
            self.store.apply(op)
        }
    }

    struct Files<S>(fn(&std::path::Path) -> Result<S, StoreError>);

    impl<S: Store + Send + Sync> Backend for Files<S> {
        type Store = Placed<S>;

        fn capabilities(&self) -> Capabilities {
            Capabilities { durable: true, bounded: false, concurrent: true }
        }

        fn fresh(&self) -> Placed<S> {
            let root = TempDir::new().expect("a temporary directory can be made");
            Placed { store: self.0(root.path()).expect("an empty store opens"), root }
        }

        fn reopen(&self, store: Placed<S>) -> Option<Placed<S>> {
            let Placed { store, root } = store;
            drop(store);
            Some(Placed { store: self.0(root.path()).expect("a closed store opens again"), root })
        }
    }

    #[cfg(feature = "redb")]
    mod redb {
        use super::Files;

        absio_conformance::store_suite!(Files(|root| absio_store::RedbStore::open(root)));
    }

    #[cfg(feature = "sled")]
    mod sled {
        use super::Files;

        absio_conformance::store_suite!(Files(|root| absio_store::SledStore::open(root)));
    }
}
