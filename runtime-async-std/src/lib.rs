//! Absio for asynchronous tasks, on any executor.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod runtime;
#[cfg(feature = "surf")]
mod surf;
mod transport;

#[cfg(feature = "surf")]
pub use self::surf::{SurfBackend, SurfTransport};
#[cfg(feature = "async-std")]
pub use runtime::AsyncStd;
pub use runtime::{Runtime, Smol};
pub use transport::{HttpTransport, HttpTransportBuilder, TransportSetupError};
