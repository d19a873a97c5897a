//! What the caller should know although the operation succeeded.

use crate::crypto::container::Container;
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
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CallerExcluded => "the access list does not name you: you have no access to this container",
            Self::ReplacedUnseenAccess => {
                "the access list was replaced without access.view: others may have lost their access"
            }
        })
    }
}
