//! Cases that any backend runs, and transports that misbehave to run things over.
//!
//! The cases are plain public functions which panic with what they saw, so that a third party's store
//! needs one test:
//!
//! ```ignore
//! absio_conformance::store::run(&MyBackend).assert_passed();
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod report;
pub mod store;
pub mod transport;
pub mod wire_server;

pub use report::{Report, Verdict};
