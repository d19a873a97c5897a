//! The operations on the local store, one file a verb. The formats are in the crate's `ofs` module and
//! in `docs/protocol.md`, section 18; the store itself is whatever performs
//! [`Effect::Store`](crate::effect::Effect::Store).
//!
//! ```text
//!            Enter ──▶ (Repair)                       one partition is open in the session
//!  Recall ◀────┼────▶ Keep ──▶ blobs, then Transact   a container read; a container written
//!            Leave                                    keys wiped
//!            Erase                                    the partition and its key file removed
//! ```

mod accept;
pub(crate) mod ask;
mod check;
mod checkpoint;
mod enter;
mod erase;
mod expire;
mod export;
mod import;
mod keep;
mod key_file;
mod list;
mod peers;
mod purge;
mod recall;
mod repair;
mod scan;
mod stream;
mod sweep;
mod transact;
mod write_blob;

pub use accept::AcceptLoss;
pub use check::{Check, Checked};
pub use checkpoint::{Checkpoint, Checkpointed};
pub use enter::{Enter, Leave};
pub(crate) use erase::Erase;
pub use expire::Expire;
pub use export::{Export, Exported};
#[cfg(feature = "testing")]
pub use import::VerifyExport;
pub use import::{ExportedKeyFile, Import, Imported};
pub(crate) use keep::{Keep, NewContent};
pub(crate) use key_file::{KeepKeyFile, LoadKeyFile};
pub use list::{ListKept, ListKeptPage};
pub use peers::{Peer, Peers, VerifyPeer};
pub use purge::PurgeRoot;
pub(crate) use recall::Recall;
pub use repair::{Repair, Repaired};
pub(crate) use scan::Scan;
pub use sweep::Sweep;
pub(crate) use transact::{Change, Transact};
pub(crate) use write_blob::WriteBlob;
