//! Where the public keys of users come from.

use crate::model::UserId;
use crate::operation::BoxOp;
use std::sync::Arc;

/// A directory of public keys in place of the broker's: an organisation's own, one that logs what
/// it shows, one that a person fills by hand. What it gives is verified like anybody's word: cards
/// prove themselves against the user id, and go on from what was pinned.
///
/// With a source, every seal and every verification uses its cards; those that a broker sends along
/// are not looked at.
pub trait KeySource: Send + Sync {
    /// The identity cards of `users`, from the first on for each. Users that are not known are left
    /// out.
    fn cards(&self, users: Vec<UserId>) -> BoxOp<Vec<(UserId, Vec<Vec<u8>>)>>;
}

/// A source that a configuration holds.
#[derive(Clone)]
pub(crate) struct Source(pub(crate) Arc<dyn KeySource>);

impl core::fmt::Debug for Source {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KeySource")
    }
}
