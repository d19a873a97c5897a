//! The commands, one file a noun.

pub(crate) mod container;
pub(crate) mod control;
pub(crate) mod events;
pub(crate) mod serve;
pub(crate) mod user;
