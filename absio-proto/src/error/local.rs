//! What the local store of this device could not give.

use crate::effect::TransportError;
use crate::model::{ContainerId, UserId};

/// Why the local store had no answer. What it still holds stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The container is not kept on this device.
    #[error("container {container} is not on this device; get it from the server first")]
    ContainerNotFound {
        /// The container.
        container: ContainerId,
    },
    /// The container is known here, and what was asked of it is not kept.
    #[error("the {what} of container {container} is not on this device; get it from the server first")]
    PartNotFound {
        /// The container.
        container: ContainerId,
        /// Header or content.
        what: &'static str,
    },
    /// There is no key file of the user on this device (S-219).
    #[error("the key file of user {user} is not on this device; give the passphrase to fetch it")]
    KeyFileNotFound {
        /// The user.
        user: UserId,
    },
    /// The public keys of the user are not on this device (S-222).
    #[error("the public keys of user {user} are not on this device; fetch them from the server first")]
    KeysNotFound {
        /// The user.
        user: UserId,
    },
    /// The access to a container on this device has expired (S-058).
    #[error("your access to container {container} has expired; what was kept of it is erased")]
    AccessExpired {
        /// The container.
        container: ContainerId,
    },
    /// The container has changes that the broker has not got, and another was to be made without them.
    #[error(
        "changes of container {container} wait in the outbox; drain it first, or give up what was refused"
    )]
    Unsent {
        /// The container.
        container: ContainerId,
    },
    /// The deletion of the container waits to be sent.
    #[error("container {container} is deleted here; that waits in the outbox to be sent")]
    DeletionQueued {
        /// The container.
        container: ContainerId,
    },
    /// There is no such change in the outbox.
    #[error("there is no change {sequence} in the outbox; list it to see what waits")]
    NotQueued {
        /// The number asked for.
        sequence: u64,
    },
    /// The server could not be reached, and the change cannot wait for it. Nothing was queued.
    #[error(
        "the server could not be reached ({unreached}), and this change cannot wait in the outbox: {reason}"
    )]
    CannotQueue {
        /// Why.
        reason: &'static str,
        /// What the transport said; whether the change may have been made all the same is
        /// [`TransportError::unconfirmed`].
        unreached: TransportError,
    },
    /// Something that was kept is damaged or lost. Never told as "not found".
    #[error(
        "the local store is degraded: {reason}; check it with `absio ofs check`, and sync from the server"
    )]
    Degraded {
        /// What was noticed.
        reason: String,
    },
}

impl LocalError {
    /// A stable, machine-readable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ContainerNotFound { .. } | Self::PartNotFound { .. } => "not_on_device",
            Self::KeyFileNotFound { .. } => "key_file_not_on_device",
            Self::KeysNotFound { .. } => "keys_not_on_device",
            Self::AccessExpired { .. } => "access_expired",
            Self::Unsent { .. } => "unsent",
            Self::DeletionQueued { .. } => "deletion_queued",
            Self::NotQueued { .. } => "not_queued",
            Self::CannotQueue { .. } => "cannot_queue",
            Self::Degraded { .. } => "degraded",
        }
    }
}
