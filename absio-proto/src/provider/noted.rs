//! Results of providers.

use crate::model::{ContainerId, Timestamp};
use crate::ops::container::Warning;

/// A result, with what the caller should know although it succeeded.
#[derive(Clone, Debug)]
pub struct Noted<T> {
    /// The result.
    pub value: T,
    /// Usually empty.
    pub warnings: Vec<Warning>,
}

/// How the key file on this device and the one at the broker stand to each other (AMB-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    /// They are the same.
    InSync,
    /// They differ.
    Differs,
    /// There is none on this device.
    LocalMissing,
    /// There is none at the broker.
    RemoteMissing,
}

impl SyncState {
    /// The seed's `needs_sync`: true unless they are the same (S-178).
    #[must_use]
    pub const fn needs_sync(self) -> bool {
        !matches!(self, Self::InSync)
    }
}

/// A container of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub container: ContainerId,
    /// Its revision.
    pub revision: u64,
    /// The type, if there is one and the caller may see it.
    pub container_type: Option<String>,
    /// Whether the caller's is the only access.
    pub sole: bool,
    /// When the broker last confirmed what is kept; none if it never did, or if this is the broker's
    /// own list.
    pub fresh_at: Option<Timestamp>,
    /// Whether nothing but this device has it.
    pub is_local: bool,
    /// Whether the broker said, without proof, that it is gone or no longer shared.
    pub is_reported: bool,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPage {
    /// In ascending order of id at the broker, in the store's own order in the local store.
    pub containers: Vec<Listed>,
    /// After which the next page begins; none if this was the last.
    pub next: Option<ContainerId>,
}
