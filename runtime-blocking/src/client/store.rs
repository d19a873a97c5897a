//! The local store of a client: none, the caller's own, or a durable one below a directory.

use crate::host::SharedStore;
use absio_proto::effect::StoreError;
use std::path::PathBuf;

/// The durable store of a client: redb, or sled where that is asked for by name. The choice is this
/// crate's, so that no other part of a program changes it by needing an engine itself. A root belongs to
/// the engine that made it.
#[cfg(all(unix, feature = "store", not(feature = "sled")))]
type OfsStore = absio_store::RedbStore;
#[cfg(all(unix, feature = "sled"))]
type OfsStore = absio_store::SledStore;

/// What the builder was told.
pub(super) enum Chosen {
    /// Nothing is kept.
    None,
    /// The caller's.
    Own(SharedStore),
    /// A durable one below this directory.
    #[cfg(all(unix, feature = "store"))]
    Root(PathBuf),
}

/// An open store.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) store: Option<SharedStore>,
    /// Where a damaged index was moved to.
    pub(super) quarantined: Option<PathBuf>,
}

/// Opens the store that was chosen. A damaged index is moved aside whole: what is kept besides it is
/// found again when a user signs in, and the rest comes from the broker.
///
/// # Errors
/// The store's.
pub(super) fn open(chosen: Chosen) -> Result<Opened, StoreError> {
    match chosen {
        Chosen::None => Ok(Opened::default()),
        Chosen::Own(store) => Ok(Opened { store: Some(store), quarantined: None }),
        #[cfg(all(unix, feature = "store"))]
        Chosen::Root(path) => {
            let store = OfsStore::open_with(path, absio_store::OnDamage::Quarantine)?;
            let quarantined = store.quarantined().map(ToOwned::to_owned);
            Ok(Opened { store: Some(std::sync::Arc::new(store)), quarantined })
        }
    }
}
