//! The commands, one file a noun.

pub(crate) mod container;
pub(crate) mod control;
pub(crate) mod events;
pub(crate) mod follow;
mod identity;
mod key_file;
pub(crate) mod ofs;
pub(crate) mod outbox;
pub(crate) mod serve;
pub(crate) mod user;
