//! Stores, and contents in files, memory and streams: what a machine keeps, for both runtimes.
//!
//! [`content`] holds the sources and sinks, [`system`] the clock and the random source. The stores perform
//! [`StoreOp`](absio_proto::effect::StoreOp)s:
//!
//! | store | for | records | blobs and cells |
//! |---|---|---|---|
//! | [`MemoryStore`] | tests, fixtures, clients that keep nothing | in memory | in memory |
//! | [`RedbStore`] (feature `redb`, default) | the broker | a redb file | files |
//! | [`SledStore`] (feature `sled`) | a client's index | a sled directory | files |
//!
//! All stores are [`Sync`] and meant to be used by many threads; commits that wait for the same
//! flush share it. The durable ones hold a lock on their directory, refuse one that somebody else may
//! write into, refuse to go on after a failed flush, and follow no symbolic link from their root on.
//! An index that its engine cannot open is moved aside whole if the caller says so ([`OnDamage`],
//! [`quarantine_index`]); blobs and cells do not depend on it. Run
//! [`absio_conformance::store`](https://docs.rs/absio-conformance) against a store of your own.
//!
//! A root belongs to the engine that made it; the other one refuses it as
//! [`Invalid`](absio_proto::effect::StoreErrorKind::Invalid). Records move from one to the other by export
//! and import.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bounds;
mod changes;
pub mod content;
mod memory;
pub mod system;

#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod blob_files;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod cell_files;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod directory;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod engine;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod failure;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod fault;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod file_name;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod group_commit;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod quarantine;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod room;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
mod root;

#[cfg(all(unix, feature = "redb"))]
mod redb_store;
#[cfg(all(unix, feature = "sled"))]
mod sled_store;

pub use memory::MemoryStore;
#[cfg(all(unix, any(feature = "redb", feature = "sled")))]
pub use quarantine::{OnDamage, quarantine_index};
#[cfg(all(unix, feature = "redb"))]
pub use redb_store::RedbStore;
#[cfg(all(unix, feature = "sled"))]
pub use sled_store::SledStore;

#[cfg(all(test, unix, any(feature = "redb", feature = "sled")))]
mod tests;
