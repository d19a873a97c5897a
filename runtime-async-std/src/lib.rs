//! Absio for asynchronous tasks, on any executor.
//!
//! The client of `absio-blocking` in the other colour: the same methods, from the same list
//! ([`absio_proto::client`]), each of them `async`. Nothing here belongs to one executor: the futures are
//! [`Send`] and wake by themselves, so that a client is called from smol, async-std, tokio or
//! `futures_lite::future::block_on` alike. HTTP is surf's, over connections of our own, or
//! [`HttpTransport`] directly without the feature `surf`. Heavy computations, files and durable stores are off the
//! executor, on the threads of the `blocking` crate; there is no tokio in the tree.
//!
//! ```no_run
//! use absio_async_std::Client;
//! use absio_proto::model::{AccessList, Credentials, Portion};
//! use absio_proto::ops::container::Create;
//! use absio_proto::ops::user::LoginWith;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # smol::block_on(async {
//! let api_key = "1d4c568b-e762-4284-b14e-167cc4776026".parse()?;
//! let client = Client::builder(api_key, "https://broker.example").app_name("letters").build().await?;
//! let credentials = Credentials::new("Pass-word 1", "Pass-phrase 2").reminder("the river");
//! let alice = client.user().create(credentials).await?;
//! client.login(alice.id(), LoginWith::nothing().passphrase("Pass-phrase 2")).await?;
//! let bob = "0e28abdc-1a8f-83db-b565-088161af2b53".parse()?;
//! let access = AccessList::Users(vec![alice.id(), bob]);
//! let made = client.container().create(Create::new(b"Dear Bob".to_vec()).access(access)).await?;
//! let id = made.container.id.ok_or("no id")?;
//! let got = client.container().get(id, Portion::All).await?;
//! assert_eq!(got.content.as_deref(), Some(&b"Dear Bob"[..]));
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # Dropping a future
//!
//! A future may be dropped at any await: when its task is cancelled, when a timeout won the race. The
//! session and the local store are then sound, and the same client goes on. What was asked may have been
//! done or not, as after a network that failed: a change that was under way is at the broker wholly or not
//! at all, and can be asked for again. (An update that was made unheard is seen by the next one, which is
//! then refused as `changed_meanwhile`, like any that would undo a change unseen: get it and decide.)
//!
//! A piece of blocking work that had begun (a write to the store, a computation) goes on to its end on its
//! thread, where nobody waits for it; a store below a directory is given back when it has ended.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod client;
mod content;
mod host;
mod join;
mod reader;
mod reports;
mod retrying;
mod runtime;
mod shared;
#[cfg(feature = "surf")]
mod surf;
mod transport;
mod unblocked;

#[cfg(feature = "surf")]
pub use self::surf::{SurfBackend, SurfTransport};
pub use absio_store::content::{MemorySink, MemorySource};
pub use absio_store::system::SystemEntropy;
pub use client::{Client, ClientBuilder, Containers, KeyFiles, SetupError, Users};
pub use content::{FileSink, FileSource, ReaderSource, RecordedSource, WriterSink};
pub use host::{AsyncHost, NoContent};
pub use reader::ContentReader;
pub use reports::Reports;
pub use retrying::Retrying;
#[cfg(feature = "async-std")]
pub use runtime::AsyncStd;
pub use runtime::{Runtime, Smol};
pub use transport::{HttpTransport, HttpTransportBuilder, TransportSetupError};
pub use unblocked::Unblocked;
