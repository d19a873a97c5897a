//! Cases that any backend runs, a server that misbehaves by a script, and transports that do.
//!
//! A store of your own needs a [`store::Backend`] and one line, and each case is a test of its own:
//!
//! ```ignore
//! absio_conformance::store_suite!(MyBackend);
//! ```
//!
//! Without macros, cases are values: `for case in store_cases() { case.run(&MyBackend); }`.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(feature = "simulation")]
pub mod broker;
#[cfg(feature = "simulation")]
pub mod enumeration;
pub mod exchanges;
#[cfg(feature = "fixtures")]
pub mod fixture;
#[cfg(feature = "kit")]
pub mod kit;
mod report;
#[cfg(feature = "simulation")]
pub mod runtime;
mod script;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod store;
pub mod transport;
pub mod wire_server;

pub use exchanges::{TransportCapabilities, transport_case, transport_cases};
pub use report::{Entry, Outcome, Report};
pub use store::{store_case, store_cases};
