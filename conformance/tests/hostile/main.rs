//! Attacks played end to end: a broker that lies, or somebody on the way, against the real core. Each case
//! looks at the value that comes back, at what the client keeps, and at what it sent; and each has its
//! control, the same without the attack or with a check taken away. `docs/attacks.md` lists all of them.

#![allow(unreachable_pub, reason = "a test program exports nothing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../checklist/altered.rs"]
mod altered;
mod blobs;
mod downgrade;
mod endless;
#[allow(dead_code, reason = "the checklist's tests use the rest")]
#[path = "../checklist/containers/files.rs"]
mod files;
mod forgery;
mod frame;
mod identity;
mod lengths;
mod lured;
#[allow(dead_code, reason = "the checklist's tests use the rest")]
#[path = "../checklist/people.rs"]
mod people;
mod redirects;
mod secrets;
mod staging;
mod time;
mod tokens;
mod uniformity;
mod urls;
