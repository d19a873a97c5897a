//! What the caller should know although the operation succeeded.

use crate::crypto::container::Container;
use crate::effect::StoreErrorKind;
use crate::error::Error;
use core::fmt;

/// A container that was created or updated, with what the caller should know.
#[derive(Debug)]
pub struct Changed {
    /// The container, encrypted.
    pub container: Container,
    /// Usually empty.
    pub warnings: Vec<Warning>,
}

/// Something that was done as asked and may not have been meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The access list was given without the caller, who has no access now (AMB-05).
    CallerExcluded,
    /// The access list was replaced by somebody who cannot see it: others may have lost access
    /// (S-133).
    ReplacedUnseenAccess,
    /// It was not kept in the local store, which failed like this (S-175, S-234).
    NotKept(StoreErrorKind),
    /// The server could not be reached: the change waits in the outbox, under this number, and is seen
    /// on this device alone until it is sent.
    Queued {
        /// Its number.
        sequence: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotKept(kind) => {
                return write!(f, "it is not kept on this device: the local store failed ({kind:?})");
            }
            Self::Queued { sequence } => {
                return write!(f, "the server was not reached: the change waits in the outbox as {sequence}");
            }
            Self::CallerExcluded => "the access list does not name you: you have no access to this container",
            Self::ReplacedUnseenAccess => {
                "the access list was replaced without access.view: others may have lost their access"
            }
        })
    }
}

impl Warning {
    /// The number of the change in the outbox, if it waits there.
    pub(crate) fn queued(warnings: &[Self]) -> Option<u64> {
        warnings.iter().find_map(|warning| match warning {
            Self::Queued { sequence } => Some(*sequence),
            _ => None,
        })
    }

    /// That something was not kept, as a store's failure says it.
    pub(crate) const fn not_kept(error: &Error) -> Self {
        Self::NotKept(match error {
            Error::Store(error) => error.kind,
            Error::Local(_) | Error::Crypto(_) => StoreErrorKind::Corrupt,
            _ => StoreErrorKind::Invalid,
        })
    }
}
