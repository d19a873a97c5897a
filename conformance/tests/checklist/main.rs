//! The checklist against a broker: client operations over the in-process broker, real crypto, one
//! clock that tests move. Each test carries the ids of the rows it proves.

#![allow(unreachable_pub, reason = "a test program exports nothing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod altered;
mod containers;
mod credentials;
mod effects;
mod events;
mod extras;
mod general;
mod here;
mod login;
mod network;
mod ofs;
mod outbox;
mod people;
mod provider;
mod rotation;
mod secrets;
mod stores;
mod transports;
mod users;
