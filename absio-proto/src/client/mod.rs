//! Every method of a client, written once, for clients of threads and of tasks.
//!
//! A runtime's client is the same list of methods in one of two colours: `pub fn create(…)` that
//! blocks its thread, or `pub async fn create(…)` that is awaited. So that no runtime has what another
//! lacks, the list, its documentation and its examples are here, in macros; `absio-blocking` and
//! `absio-async-std` expand them, and so does a third runtime. The macros begin with the colour:
//!
//! | tokens | for threads | for tasks |
//! |---|---|---|
//! | before `fn` | `[]` | `[async]` |
//! | after a call that waits | `[]` | `[.await]` |
//! | the crate, for the examples | `absio_blocking` | `absio_async_std` |
//! | a source or sink | `[&mut dyn Content]` | `[&mut (impl Content + Send)]` |
//! | what a block is | `FnOnce` | `AsyncFnOnce` |
//!
//! | macro | what it expands to | what must be in scope |
//! |---|---|---|
//! | `setup_error!` | `SetupError` | `TransportSetupError` |
//! | `builder_methods!` | `ClientBuilder` and its methods | `Client`, `SetupError`, `Host`, the traits `Transport` and `Store`, `SharedTransport` and `SharedStore` (an `Arc` of any of those), `default_transport`, `Chosen`, `open` |
//! | `client_methods!` | the calls of `Client` itself | `Client`, `Users`, `Containers`, `KeyFiles`, `Content`, `NoContent` |
//! | `scope_methods!` | `under`, `with`, `within`, `watching`, … of `Client` | `Client`, `Reports` and the function `reports` that gives a sender and them |
//! | `user_methods!` | `Users` and its methods | `Client` |
//! | `container_methods!` | `Containers` and its methods | `Client`, `Content`, `Counted`, `ContentReader` |
//! | `key_file_methods!` | `KeyFiles` and its methods | `Client` |
//!
//! `Users`, `Containers` and `KeyFiles` are handles that are passed by value, so that a future borrows the
//! client and not the handle it was made with. The crate has the features `store` and `testing`.
//!
//! Each is expanded in a module of its own, as it brings the names it needs. The runtime writes the
//! client itself, and the host that performs what operations ask for:
//!
//! ```text
//! #[derive(Clone)]
//! pub struct Client {
//!     host: Arc<Host>,              // of(session, transport, store), session(look), now(),
//!                                   // run_watched(operation, content, watch); with the feature
//!                                   // `testing` also with_machine(now, entropy)
//!     provider: Arc<dyn Provider>,
//!     options: Options,
//!     watch: Arc<dyn Fn(Progress) + Send + Sync>,
//!     quarantined: Option<Arc<Path>>,
//! }
//! ```
//!
//! `tests/third_runtime.rs` of this crate is such a runtime, whole; `tests/parity.rs` of
//! `absio-async-std` fails when one client has a public method that the other lacks.

mod builder;
mod calls;
mod container;
mod key_file;
mod scope;
mod user;
