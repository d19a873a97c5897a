//! Checklist sections 1.3, 1.6 and 1.7.

mod access;
mod concurrency;
mod create;
mod delete;
mod expiry;
pub mod files;
mod hostile;
mod large;
mod lost_answers;
mod permission_effects;
mod portions;
mod ranges;
mod resume;
mod round_trips;
mod self_managed;
mod update;
mod wire;
