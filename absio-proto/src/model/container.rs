//! What is known of a container besides its header and content.

use super::{Access, ContainerId, Timestamp, UserId};
use crate::error::InputError;
use core::fmt;
use core::str::FromStr;
use std::collections::BTreeMap;

/// Which sections of a container to fetch (S-051 to S-055). Metadata always comes along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Portion {
    /// Header and content.
    #[default]
    All,
    /// The content only.
    Content,
    /// The header only.
    Header,
    /// Neither.
    Metadata,
}

impl Portion {
    /// Whether the header is wanted.
    #[must_use]
    pub const fn wants_header(self) -> bool {
        matches!(self, Self::All | Self::Header)
    }

    /// Whether the content is wanted.
    #[must_use]
    pub const fn wants_content(self) -> bool {
        matches!(self, Self::All | Self::Content)
    }

    /// The word on the wire and in the seed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Content => "content",
            Self::Header => "header",
            Self::Metadata => "metadata",
        }
    }
}

impl fmt::Display for Portion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Portion {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        [Self::All, Self::Content, Self::Header, Self::Metadata]
            .into_iter()
            .find(|portion| portion.as_str() == text)
            .ok_or_else(|| InputError::InvalidArgument {
                argument: "portion",
                reason: format!("{text:?} is none of all, content, header, metadata"),
            })
    }
}

/// The verified metadata of a container (S-093, S-096, S-097).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// The container.
    pub id: ContainerId,
    /// The revision these data are of; 1 is the creation.
    pub revision: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: UserId,
    /// When it was last changed; none while it is at revision 1.
    pub modified_at: Option<Timestamp>,
    /// By whom; none while it is at revision 1.
    pub modified_by: Option<UserId>,
    /// When the content was last uploaded, as claimed by the signer.
    pub content_at: Option<Timestamp>,
    /// The clear type, if there is one and the caller may see it (S-129).
    pub container_type: Option<String>,
    /// Access by user: everybody's with access.view, otherwise the caller's own (S-125).
    pub access: BTreeMap<UserId, Access>,
    /// Whether `access` is the whole list.
    pub access_complete: bool,
    /// Bytes of the header's plaintext, padding included; none if there is no header.
    pub header_length: Option<u64>,
    /// Bytes of the content's plaintext, padding included; none if the broker holds no content.
    pub length: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s051_s055_portions_are_the_seeds_words_and_no_other() {
        assert_eq!(Portion::default(), Portion::All);
        for portion in [Portion::All, Portion::Content, Portion::Header, Portion::Metadata] {
            assert_eq!(portion.as_str().parse::<Portion>().unwrap(), portion);
        }
        for other in ["foo", "", "All", "header "] {
            assert!(matches!(
                other.parse::<Portion>(),
                Err(InputError::InvalidArgument { argument: "portion", .. })
            ));
        }
    }
}
