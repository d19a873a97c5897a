//! Attacks on the formats that involve several people and revisions: manifests, access lists, the
//! rules for revisions, chains and tombstones. Names are those of the project's list of attacks.
#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod chain;
mod manifest;
mod rules;
mod sharing;
mod story;
mod tombstone;
