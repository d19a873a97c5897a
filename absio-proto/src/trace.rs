//! What an operation asked for and what it was given, recorded and replayed.
//!
//! [`Trace`] stands between the blocking loop and a [`Host`](crate::driver::blocking::Host) and
//! writes everything down: what was lent (time, randomness), each effect, each reply. The
//! [`Recording`] it gives has two forms:
//!
//! - **printed** ([`Display`](core::fmt::Display)): one line for each effect, fit for snapshots and
//!   bug reports. Of headers only the names, of bodies only the size and the names of JSON fields,
//!   of ids a number in the order they appear; never a secret, and the same for a change of random
//!   bytes.
//! - **replayable** ([`Recording::to_json`]): all bytes that [`Replay`] needs to run the operation
//!   again without a network or store. It holds secrets, also the randomness that keys were made of:
//!   only for fixtures of test accounts.
//!
//! ```
//! use absio_proto::driver::blocking::{self, Host};
//! use absio_proto::effect::*;
//! use absio_proto::trace::{Replay, Trace};
//! use absio_proto::{Cx, Entropy, EntropyError, Generation, Guard, Leaf, Now};
//! # use absio_proto::model::Timestamp;
//! # use std::time::Duration;
//! # struct State;
//! # impl Generation for State { fn generation(&self) -> u64 { 0 } }
//! # struct Zeros;
//! # impl Entropy for Zeros {
//! #     fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> { buffer.fill(0); Ok(()) }
//! # }
//! struct Example;
//! impl Host<State> for Example {
//!     fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, State>) -> R) -> R {
//!         let now = Now { utc: Timestamp::from_millis(0), monotonic: Duration::ZERO };
//!         turn(&mut Cx { now, entropy: &mut Zeros, session: &mut State })
//!     }
//!     fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
//!         Ok(StoreOutcome::Values(vec![None]))
//!     }
//!     // ...
//! #   fn exchange(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> { unreachable!() }
//! #   fn content(&self, _: ContentOp) -> Result<ContentOutcome, ContentError> { unreachable!() }
//! #   fn sleep(&self, _: Duration) {}
//! }
//!
//! let operation = || Guard::new(Leaf::store(StoreOp::Get { keys: vec![b"key".to_vec()] }));
//! let trace = Trace::new(&Example);
//! let traced = blocking::run(&mut operation(), &trace);
//! let recording = trace.into_recording();
//! assert_eq!(recording.to_string(), "store: get 1 keys -> 0 of 1 values present\n");
//!
//! let replay = Replay::new(recording, State);
//! let replayed = blocking::run(&mut operation(), &replay);
//! assert!(traced == replayed);
//! replay.finish().expect("the operation asked for the same again");
//! ```

mod fixture;
mod host;
pub(crate) mod printing;
mod replay;

pub use fixture::FixtureError;
pub use host::Trace;
pub use replay::{Divergence, Replay};

use crate::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, Progress, StoreError, StoreOp,
    StoreOutcome, TransportError,
};
use core::time::Duration;
use sha2::{Digest, Sha256};

/// Everything that passed between an operation and its host, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Recording {
    entries: Vec<Entry>,
}

/// One thing that passed.
#[derive(Clone, PartialEq, Eq)]
enum Entry {
    /// What was lent for one `resume`.
    Turn { utc: u64, monotonic: Duration, entropy: Vec<u8> },
    /// An effect and its reply.
    Effect(Performed),
    /// The next this many effects are the members of one `All`.
    All(usize),
}

/// An effect as it is printed, the digest of all it asked for, and what it was given.
#[derive(Clone, PartialEq, Eq)]
struct Performed {
    asked: String,
    digest: [u8; 32],
    given: Given,
}

/// The reply to an effect.
#[derive(Clone, PartialEq, Eq)]
enum Given {
    Http(Result<HttpResponse, TransportError>),
    Store(Result<StoreOutcome, StoreError>),
    Content(Result<ContentOutcome, ContentError>),
    /// A job is pure: its result is computed again.
    Computed,
    Slept,
    Heard,
}

impl Recording {
    /// How many effects were performed, the members of an `All` each counted.
    #[must_use]
    pub fn effects(&self) -> usize {
        self.entries.iter().filter(|entry| matches!(entry, Entry::Effect(_))).count()
    }
}

/// As it is printed: a recording holds secrets.
impl core::fmt::Debug for Recording {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// Hashes what was asked: every field behind its length, so that no two questions look alike.
struct Asked(Sha256);

impl Asked {
    fn new(kind: &str) -> Self {
        Self(Sha256::new()).field(kind.as_bytes())
    }

    fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    fn number(self, number: u64) -> Self {
        self.field(&number.to_be_bytes())
    }

    fn optional(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.number(1).field(bytes),
            None => self.number(0),
        }
    }

    fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn http(request: &HttpRequest) -> [u8; 32] {
        let asked = Self::new("http")
            .field(request.method.as_str().as_bytes())
            .field(request.url().as_bytes())
            .number(request.headers.len() as u64);
        let asked = request
            .headers
            .iter()
            .fold(asked, |asked, (name, value)| asked.field(name.as_bytes()).field(value.as_bytes()));
        let deadline = u64::try_from(request.deadline.as_nanos()).unwrap_or(u64::MAX);
        asked.field(&request.body).number(deadline).number(request.max_response).digest()
    }

    fn content(op: &ContentOp) -> [u8; 32] {
        match op {
            ContentOp::ReadAt { offset, length } => {
                Self::new("content read").number(*offset).number(*length as u64)
            }
            ContentOp::WriteAt { offset, bytes } => Self::new("content write").number(*offset).field(bytes),
            ContentOp::Record { offset, bytes } => Self::new("content record").number(*offset).field(bytes),
        }
        .digest()
    }

    fn sleep(duration: Duration) -> [u8; 32] {
        Self::new("sleep").number(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)).digest()
    }

    fn progress(progress: &Progress) -> [u8; 32] {
        let unit = format!("{:?}", progress.unit);
        Self::new("progress").field(unit.as_bytes()).number(progress.done).number(progress.total).digest()
    }

    fn job(name: &str) -> [u8; 32] {
        Self::new("compute").field(name.as_bytes()).digest()
    }

    fn store(op: &StoreOp) -> [u8; 32] {
        match op {
            StoreOp::Get { keys } => keys.iter().fold(Self::new("get"), |asked, key| asked.field(key)),
            StoreOp::Scan { start, end, limit, reverse } => {
                Self::new("scan").field(start).field(end).number(*limit as u64).number(u64::from(*reverse))
            }
            StoreOp::Commit(commit) => Self::new("commit").commit(commit),
            StoreOp::BlobWrite { blob, offset, bytes } => {
                Self::new("blob write").field(&blob.0).number(*offset).field(bytes)
            }
            StoreOp::BlobSeal { blob } => Self::new("blob seal").field(&blob.0),
            StoreOp::BlobRead { blob, offset, length } => {
                Self::new("blob read").field(&blob.0).number(*offset).number(*length)
            }
            StoreOp::BlobDelete { blob } => Self::new("blob delete").field(&blob.0),
            StoreOp::BlobList { after, limit } => {
                Self::new("blob list").optional(after.as_ref().map(|id| &id.0[..])).number(*limit as u64)
            }
            StoreOp::CellRead { cell } => Self::new("cell read").field(&cell.0),
            StoreOp::CellWrite { cell, bytes } => Self::new("cell write").field(&cell.0).field(bytes),
            StoreOp::CellList => Self::new("cell list"),
        }
        .digest()
    }

    fn commit(self, commit: &crate::effect::Commit) -> Self {
        use crate::effect::Write;
        let asked = commit
            .preconditions
            .iter()
            .fold(self.number(commit.preconditions.len() as u64), |asked, precondition| {
                asked.field(&precondition.key).optional(precondition.value.as_deref())
            });
        commit.writes.iter().fold(asked, |asked, write| match write {
            Write::Put { key, value } => asked.field(b"put").field(key).field(value),
            Write::Delete { key } => asked.field(b"delete").field(key),
            Write::Append { prefix, value } => asked.field(b"append").field(prefix).field(value),
        })
    }
}

#[cfg(test)]
mod tests;
