//! The Absio broker: it keeps what it cannot read, and lets nobody change what they may not.
//!
//! ```text
//!  http (hyper, tokio) ─┐                        ┌─ MemoryStore
//!                       ├─▶ Handler ── StoreOp ──┼─ RedbStore
//!  Fixture (in-process) ┘   (an Operation)       └─ SledStore
//! ```
//!
//! The [`Handler`] answers one request. It is an [`Operation`](absio_proto::Operation) as pure as the
//! client's: it verifies every signature and rule by itself, and touches the world only through store
//! operations. Clients never rely on any of it: what they accept, they verify (`docs/protocol.md`).
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![allow(
    clippy::needless_pass_by_ref_mut,
    reason = "whoever asks a turn for a row may end it: the parameter says so whether a function does or not"
)]

mod api_key;
mod engine;
mod events;
mod fixture;
mod handler;
mod host;
#[cfg(feature = "http")]
pub mod http;
mod idempotency;
mod maintenance;
mod nonce;
mod open;
mod proofs;
mod rate_limit;
mod rows;
mod session_token;
mod state;
mod turn;

pub use api_key::{CreateApiKey, create_api_key};
pub use fixture::{Exchange, FakeClock, Fault, Fixture, SeededEntropy};
pub use handler::Handler;
pub use host::{Clock, SystemClock, SystemEntropy};
pub use maintenance::{Housekeeping, Sweep, Swept};
pub use open::{Open, open};
pub use rate_limit::RateLimit;
pub use state::{BrokerConfig, BrokerState};
