//! Absio for plain threads.
//!
//! Everything an operation of [`absio_proto`] asks for, done by blocking calls: HTTP exchanges by
//! [`HttpTransport`] (ureq and rustls, connections reused), content by files or memory
//! ([`FileSource`], [`FileSink`], [`MemorySource`], [`MemorySink`]), joined effects by a small pool
//! of threads. No asynchronous runtime is anywhere in the dependency tree, so the library can be
//! called from any thread, also from inside a task of tokio or smol (it blocks that task's thread).
//!
//! ```no_run
//! use absio_blocking::Client;
//! use absio_proto::model::{AccessList, Credentials, Portion};
//! use absio_proto::ops::container::Create;
//! use absio_proto::ops::user::LoginWith;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let api_key = "1d4c568b-e762-4284-b14e-167cc4776026".parse()?;
//! let client = Client::builder(api_key, "https://broker.example").app_name("letters").build()?;
//! let alice = client.user().create(Credentials::new("Pass-word 1", "Pass-phrase 2").reminder("the river"))?;
//! client.login(alice.id(), LoginWith::nothing().passphrase("Pass-phrase 2"))?;
//! let bob = "0e28abdc-1a8f-83db-b565-088161af2b53".parse()?;
//! let access = AccessList::Users(vec![alice.id(), bob]);
//! let made = client.container().create(Create::new(b"Dear Bob".to_vec()).access(access))?;
//! let id = made.container.id.ok_or("no id")?;
//! assert_eq!(client.container().get(id, Portion::All)?.content.as_deref(), Some(&b"Dear Bob"[..]));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod client;
mod connect;
mod host;
mod pool;
mod reader;
mod reports;
mod retrying;
mod transport;

pub use absio_store::content::{
    FileSink, FileSource, MemorySink, MemorySource, ReaderSource, RecordedSource, WriterSink,
};
pub use absio_store::system::SystemEntropy;
pub use client::{Client, ClientBuilder, Containers, KeyFiles, SetupError, Users};
pub use host::{BlockingHost, NoContent};
pub use reader::ContentReader;
pub use reports::Reports;
pub use retrying::Retrying;
pub use transport::{HttpTransport, HttpTransportBuilder, TransportSetupError};

/// The example of the README, compiled and run with the other doc-tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
