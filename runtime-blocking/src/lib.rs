//! Absio for plain threads.
//!
//! Everything an operation of [`absio_proto`] asks for, done by blocking calls: HTTP exchanges by
//! [`HttpTransport`] (ureq and rustls, connections reused), content by files or memory
//! ([`FileSource`], [`FileSink`], [`MemorySource`], [`MemorySink`]), joined effects by a small pool
//! of threads. No asynchronous runtime is anywhere in the dependency tree, so the library can be
//! called from any thread, also from inside a task of tokio or smol (it blocks that task's thread).
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod client;
mod connect;
mod content;
mod host;
mod pool;
mod system;
mod transport;

pub use client::{Client, ClientBuilder, Containers, KeyFiles, SetupError, Users};
pub use content::{FileSink, FileSource, MemorySink, MemorySource};
pub use host::{BlockingHost, NoContent};
pub use transport::{HttpTransport, HttpTransportBuilder, TransportSetupError};
