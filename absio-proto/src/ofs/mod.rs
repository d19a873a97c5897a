//! The Obfuscating File System: what a user keeps on a device, encrypted before any store sees it
//! (`docs/protocol.md`, section 18).
//!
//! ```text
//!   key file (opened with password or passphrase) ──▶ store secret ──▶ StoreKeys
//!                                                                        │
//!   records of the index   name = HMAC, value = sealed, padded          ─┤  containers, peers, cursors,
//!     one of them: the state (sequence, count, digest of the others)     │  changes not sent yet
//!   cells outside of it    two anchors, by turns: the same state        ─┤
//!                          two copies of the key file                    │
//!   blobs                  contents (segments already), envelopes       ─┘
//! ```
//!
//! A write is one commit of the index that also replaces the state, then one anchor. So an index that
//! lost something, whole or in part, is found out: its state is behind the anchors, or its records do
//! not add up to the digest. The operations are in [`ops::ofs`](crate::ops::ofs); what is public here is for
//! programs that look into a root, and for the vectors.

pub(crate) mod container;
pub(crate) mod content_blob;
pub(crate) mod cursor;
pub(crate) mod envelope;
pub(crate) mod export;
#[cfg(feature = "testing")]
mod forms;
pub(crate) mod key_file;
pub(crate) mod keys;
pub(crate) mod outbox;
pub(crate) mod peer;
pub(crate) mod state;

#[cfg(feature = "testing")]
pub use forms::{recoded, recoded_change, recoded_envelope, recoded_export};
pub use key_file::{RootSalt, SALT_CELLS};
pub use keys::{Kind, StoreKeys};
pub use state::{State, Sum};
