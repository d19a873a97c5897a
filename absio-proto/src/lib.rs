//! The sans-IO core of Absio: end-to-end encrypted containers that people share through a server
//! which can read nothing.
//!
//! **The core never does anything; it says what is to be done.** An [`Operation`] (create a container,
//! log in) is a value. Each [`resume`](Operation::resume) gives the next [`Effect`](effect::Effect) or
//! the result; whoever drives it performs the effect with whatever HTTP client, store, clock and
//! executor the program has, and hands the reply back. No protocol decision is left to the driver.
//!
//! # A whole driver
//!
//! [`driver`] holds this loop for threads and for tasks; here it is once more by hand, with a server
//! made of one line.
//!
//! ```
//! use absio_proto::effect::{Effect, HttpRequest, HttpResponse, TransportError};
//! use absio_proto::model::{ApiKey, Timestamp};
//! use absio_proto::ops::info::Info;
//! use absio_proto::{Config, Cx, Entropy, EntropyError, Guard, Now, Operation, Session, Step};
//! use std::time::Duration;
//!
//! struct Zeros; // a real program asks its operating system
//! impl Entropy for Zeros {
//!     fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
//!         buffer.fill(0);
//!         Ok(())
//!     }
//! }
//!
//! fn send(request: HttpRequest) -> Result<HttpResponse, TransportError> {
//!     assert_eq!(request.url(), "https://broker.example/v1/info");
//!     let body = br#"{"protocol":1,"suites":[1],"server_time":5,"software":"example"}"#.to_vec();
//!     Ok(HttpResponse { status: 200, headers: vec![], body })
//! }
//!
//! let config = Config::new(ApiKey::from_bytes([1; 16]), "https://broker.example")?;
//! let mut session = Session::new(config);
//! let mut operation = Guard::new(Info::new());
//! let mut reply = None;
//! let info = loop {
//!     // Clock, randomness and session are lent for one resume, never across I/O.
//!     let now = Now { utc: Timestamp::from_millis(0), monotonic: Duration::ZERO };
//!     let mut cx = Cx { now, entropy: &mut Zeros, session: &mut session };
//!     match operation.resume(&mut cx, reply.take()) {
//!         Step::Done(result) => break result?,
//!         Step::Effect(Effect::Http(call)) => {
//!             let (request, answer) = call.take();
//!             reply = Some(answer(send(request))); // only the effect itself can mint its reply
//!         }
//!         Step::Effect(_) => unreachable!("this operation only asks for HTTP"),
//!     }
//! };
//! assert_eq!(info.software, "example");
//! # Ok::<(), absio_proto::Error>(())
//! ```
//!
//! # The map
//!
//! | module | what lives there |
//! |---|---|
//! | [`effect`] | what operations ask for: HTTP, storage, computation, content, waiting, several at once |
//! | [`driver`] | the two loops, and the traits that transports, stores and contents implement |
//! | [`ops`] | the operations of a client, one file a verb |
//! | [`client`] | every method of a client, written once for threads and for tasks |
//! | [`provider`] | the seed's providers: the server, the local store, both, and your own |
//! | [`model`] | ids, times, users, access, permissions, events |
//! | [`crypto`] | the formats of `docs/protocol.md` and the rules that hold them together |
//! | [`ofs`] | what a device keeps, and how it is sealed |
//! | [`wire`] | the HTTP API as types, shared by client and broker |
//! | [`trace`] | what passed between an operation and its driver, recorded and replayed |
//! | [`transport`] | transports around transports: recording, replaying, whether to send again |
//! | [`limits`] | every limit there is |
//!
//! # Promises
//!
//! No I/O, no clock, no thread, no global randomness, no `unsafe`. Equal inputs give equal effects,
//! byte for byte. Whatever a driver does wrong ends in [`Error::Misuse`], never in a panic. Nothing
//! that came from the network, the disk or another user is used before it is verified.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod client;
pub mod crypto;
pub mod driver;
pub mod effect;
mod error;
pub mod limits;
pub mod model;
pub mod ofs;
mod operation;
pub mod ops;
#[doc(hidden)]
pub mod plant;
pub mod provider;
mod session;
pub mod trace;
pub mod transport;
pub mod wire;

pub use error::{CryptoError, Error, InputError, LocalError, Misuse, RemoteCode, RemoteError, TransferError};
pub use operation::{
    BoxOp, Cx, Entropy, EntropyError, Generation, Guard, Join, Leaf, Map, Now, Operation, Step,
};
pub use session::{Config, DEFAULT_SERVER_URL, KeySource, Session, User};
