//! One run of a request's logic: a pure function of the request, the time, a seed, and what was read
//! so far.
//!
//! Handlers are written as straight lines: they ask a [`Turn`] for rows, blobs and computations as if
//! those were at hand. What is not at hand ends the turn ([`Halt`]); the [`Engine`](crate::engine::Engine)
//! fetches it and runs the same logic again from the start, with more in its [`Memory`]. A turn changes
//! nothing: what is to be changed is a [`Plan`], made when everything is known.

use crate::rows;
use crate::state::BrokerState;
use absio_proto::effect::{BlobId, Body, Commit, HttpResponse, StoreOp, Write};
use absio_proto::model::Timestamp;
use absio_proto::{Error, Now, RemoteCode, RemoteError};
use core::any::Any;
use core::time::Duration;
use hmac::{Hmac, KeyInit, Mac};
use serde::de::DeserializeOwned;
use sha2::Sha384;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What came in: shared by all turns of a request.
pub(crate) struct Inbound {
    pub(crate) request: Arc<absio_proto::effect::HttpRequest>,
    /// Whence; none in-process.
    pub(crate) peer: Option<IpAddr>,
}

impl Inbound {
    /// For what no request asked for.
    pub(crate) fn nothing() -> Self {
        let request = absio_proto::effect::HttpRequest {
            method: absio_proto::effect::Method::Get,
            origin: String::new(),
            path: String::new(),
            headers: Vec::new(),
            body: Body::new(),
            deadline: Duration::ZERO,
            max_response: 0,
        };
        Self { request: request.into(), peer: None }
    }
}

/// Why a turn ended without a plan.
pub(crate) enum Halt {
    /// Something must be fetched first.
    Fetch(Fetch),
    /// Something heavy must be computed first, under this name.
    Compute(&'static str, Work),
    /// Nothing yet: look again after this time.
    Sleep(Duration),
    /// What was read does not belong together, because somebody changed it in between: read again.
    Again,
    /// The answer is no.
    Refuse(RemoteError),
}

/// A pure computation whose result every later turn finds in its memory.
pub(crate) type Work = Box<dyn FnOnce() -> Found + Send>;
/// A result kept for later turns.
pub(crate) type Found = Arc<dyn Any + Send + Sync>;
/// Rows of a scan.
pub(crate) type Entries = Arc<Vec<(Vec<u8>, Vec<u8>)>>;

/// The result of a turn.
pub(crate) type Turned<T> = Result<T, Halt>;

/// What is to be read.
pub(crate) enum Fetch {
    Rows(Vec<Vec<u8>>),
    Scan { start: Vec<u8>, end: Vec<u8>, limit: usize },
    Blob { blob: BlobId, offset: u64, length: u64 },
    Blobs { after: Option<BlobId>, limit: usize },
}

impl Fetch {
    /// The store operation. Rows that must stay as they were read are read once more along with new
    /// ones, so that all rows of a turn are of one moment.
    pub(crate) fn op(&self, memory: &Memory) -> StoreOp {
        match self {
            Self::Rows(keys) => {
                let watched = memory.watched.iter().filter(|key| !keys.contains(key));
                StoreOp::Get { keys: keys.iter().chain(watched).cloned().collect() }
            }
            Self::Scan { start, end, limit } => {
                StoreOp::Scan { start: start.clone(), end: end.clone(), limit: *limit, reverse: false }
            }
            Self::Blob { blob, offset, length } => {
                StoreOp::BlobRead { blob: *blob, offset: *offset, length: *length }
            }
            Self::Blobs { after, limit } => StoreOp::BlobList { after: *after, limit: *limit },
        }
    }
}

/// Bytes of a blob that several turns look at.
pub(crate) type SharedBytes = Arc<Vec<u8>>;

/// What earlier turns of the request found.
pub(crate) struct Memory {
    pub(crate) seed: [u8; 32],
    /// Counts the times everything was read anew.
    pub(crate) attempt: u32,
    pub(crate) rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(crate) watched: BTreeSet<Vec<u8>>,
    pub(crate) scans: BTreeMap<(Vec<u8>, Vec<u8>, usize), Entries>,
    pub(crate) blobs: BTreeMap<(BlobId, u64, u64), Option<SharedBytes>>,
    pub(crate) lists: BTreeMap<(Option<BlobId>, usize), Arc<Vec<BlobId>>>,
    /// Results that depend on rows.
    pub(crate) computed: BTreeMap<&'static str, Found>,
    /// Results that depend on the request alone.
    pub(crate) parsed: BTreeMap<&'static str, Found>,
}

impl Memory {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            attempt: 0,
            rows: BTreeMap::new(),
            watched: BTreeSet::new(),
            scans: BTreeMap::new(),
            blobs: BTreeMap::new(),
            lists: BTreeMap::new(),
            computed: BTreeMap::new(),
            parsed: BTreeMap::new(),
        }
    }

    /// Forgets what was read.
    pub(crate) fn forget(&mut self) {
        self.attempt += 1;
        self.rows.clear();
        self.watched.clear();
        self.scans.clear();
        self.blobs.clear();
        self.lists.clear();
        self.computed.clear();
    }

    /// Keeps rows just read; `false` if a watched one is no longer what it was.
    pub(crate) fn keep_rows(&mut self, keys: Vec<Vec<u8>>, values: Vec<Option<Vec<u8>>>) -> bool {
        for (key, value) in keys.into_iter().zip(values) {
            if self.watched.contains(&key) && self.rows.get(&key).is_some_and(|before| *before != value) {
                return false;
            }
            self.rows.insert(key, value);
        }
        true
    }
}

/// What is to be changed, and the answer once that is done.
pub(crate) struct Plan<T = HttpResponse> {
    pub(crate) output: T,
    /// Blobs to write and seal before the commit.
    pub(crate) blobs: Vec<(BlobId, Body)>,
    /// Watched rows become preconditions of it.
    pub(crate) commit: Commit,
    /// Blobs to delete after it.
    pub(crate) discard: Vec<BlobId>,
    /// Whether the answer is given even if the commit fails: reading goes on when the disk is full.
    pub(crate) lenient: bool,
}

impl<T> Plan<T> {
    /// An answer that changes nothing.
    pub(crate) fn answer(output: T) -> Self {
        Self { output, blobs: Vec::new(), commit: Commit::default(), discard: Vec::new(), lenient: false }
    }

    /// One more row.
    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.commit.writes.push(Write::Put { key, value });
    }

    /// One row less.
    pub(crate) fn delete(&mut self, key: Vec<u8>) {
        self.commit.writes.push(Write::Delete { key });
    }

    /// One more entry of a sequence.
    pub(crate) fn append(&mut self, prefix: Vec<u8>, value: Vec<u8>) {
        self.commit.writes.push(Write::Append { prefix, value });
    }

    /// A new blob, referenced from now on.
    pub(crate) fn add_blob(&mut self, blob: BlobId, bytes: impl Into<Body>) {
        self.put(rows::reference(blob), Vec::new());
        self.blobs.push((blob, bytes.into()));
    }

    /// A blob that is no longer needed.
    pub(crate) fn remove_blob(&mut self, blob: BlobId) {
        self.delete(rows::reference(blob));
        self.discard.push(blob);
    }
}

/// One run of a request's logic.
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) state: &'a BrokerState,
    pub(crate) inbound: &'a Inbound,
    memory: &'a mut Memory,
    drawn: u32,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        now: Now,
        state: &'a BrokerState,
        inbound: &'a Inbound,
        memory: &'a mut Memory,
    ) -> Self {
        Self { now, state, inbound, memory, drawn: 0 }
    }

    /// The time.
    pub(crate) fn time(&self) -> Timestamp {
        self.now.utc
    }

    /// Random bytes, the same in every turn that reads the same.
    pub(crate) fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut output = [0; N];
        for chunk in output.chunks_mut(48) {
            let mut mac = Hmac::<Sha384>::new_from_slice(&self.memory.seed).expect("HMAC takes any key");
            mac.update(&self.memory.attempt.to_be_bytes());
            mac.update(&self.drawn.to_be_bytes());
            self.drawn += 1;
            chunk.copy_from_slice(&mac.finalize().into_bytes()[..chunk.len()]);
        }
        output
    }

    /// The values of `keys`, of one moment with every watched row.
    pub(crate) fn rows(&mut self, keys: &[Vec<u8>]) -> Turned<Vec<Option<Vec<u8>>>> {
        self.fetch_rows(keys)?;
        Ok(keys.iter().map(|key| self.memory.rows.get(key).cloned().flatten()).collect())
    }

    fn fetch_rows(&mut self, keys: &[Vec<u8>]) -> Turned<()> {
        let missing: Vec<_> =
            keys.iter().filter(|key| !self.memory.rows.contains_key(*key)).cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(Halt::Fetch(Fetch::Rows(missing))) }
    }

    /// The value of `key`.
    pub(crate) fn row(&mut self, key: &[u8]) -> Turned<Option<Vec<u8>>> {
        self.fetch_rows(&[key.to_vec()])?;
        Ok(self.memory.rows.get(key).cloned().flatten())
    }

    /// The value of `key`, which must still be the same when the plan is carried out.
    pub(crate) fn watch(&mut self, key: &[u8]) -> Turned<Option<Vec<u8>>> {
        let value = self.row(key)?;
        self.memory.watched.insert(key.to_vec());
        Ok(value)
    }

    /// The values of `keys`, which must still be the same when the plan is carried out.
    pub(crate) fn watch_all(&mut self, keys: &[Vec<u8>]) -> Turned<Vec<Option<Vec<u8>>>> {
        let values = self.rows(keys)?;
        self.memory.watched.extend(keys.iter().cloned());
        Ok(values)
    }

    /// The row under `key`, if there is one.
    pub(crate) fn typed<T: DeserializeOwned>(&mut self, key: &[u8]) -> Turned<Option<T>> {
        let value = self.row(key)?;
        value.map(|bytes| rows::decode(&bytes).ok_or_else(damaged)).transpose()
    }

    /// The row under `key`, if there is one; it must still be the same when the plan is carried out.
    pub(crate) fn typed_watch<T: DeserializeOwned>(&mut self, key: &[u8]) -> Turned<Option<T>> {
        let value = self.watch(key)?;
        value.map(|bytes| rows::decode(&bytes).ok_or_else(damaged)).transpose()
    }

    /// Rows with `start <= key < end`.
    pub(crate) fn scan(&mut self, start: Vec<u8>, end: Vec<u8>, limit: usize) -> Turned<Entries> {
        let range = (start, end, limit);
        match self.memory.scans.get(&range) {
            Some(entries) => Ok(entries.clone()),
            None => Err(Halt::Fetch(Fetch::Scan { start: range.0, end: range.1, limit })),
        }
    }

    /// At most `length` bytes of a blob that a row just read names.
    pub(crate) fn blob(&mut self, blob: BlobId, offset: u64, length: u64) -> Turned<Arc<Vec<u8>>> {
        match self.memory.blobs.get(&(blob, offset, length)) {
            Some(Some(bytes)) => Ok(bytes.clone()),
            // Somebody replaced it since the row was read.
            Some(None) => Err(Halt::Again),
            None => Err(Halt::Fetch(Fetch::Blob { blob, offset, length })),
        }
    }

    /// Blobs behind `after`, ascending.
    pub(crate) fn blobs(&mut self, after: Option<BlobId>, limit: usize) -> Turned<Arc<Vec<BlobId>>> {
        match self.memory.lists.get(&(after, limit)) {
            Some(blobs) => Ok(blobs.clone()),
            None => Err(Halt::Fetch(Fetch::Blobs { after, limit })),
        }
    }

    /// The result of `work`, computed once, off the executor. `name` tells the computations of a
    /// request apart.
    pub(crate) fn compute<T: Send + Sync + 'static>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Turned<Arc<T>> {
        match self.memory.computed.get(name) {
            Some(found) => found.clone().downcast().map_err(|_| damaged()),
            None => Err(Halt::Compute(name, Box::new(move || Arc::new(work())))),
        }
    }

    /// What `work` verified, computed once, off the executor; a refusal of it is a refusal of the turn.
    pub(crate) fn verify<T: Send + Sync + 'static>(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Turned<T> + Send + 'static,
    ) -> Turned<Arc<T>> {
        let outcome = self.compute(name, move || match work() {
            Ok(value) => Ok(Arc::new(value)),
            Err(Halt::Refuse(error)) => Err(error),
            // Computations have nothing to fetch: only refusals leave them.
            Err(_) => Err(internal("a computation asked for more than it was given")),
        })?;
        outcome.as_ref().clone().map_err(Halt::Refuse)
    }

    /// The result of `parse`, which depends on the request alone, made in the first turn that asks.
    pub(crate) fn once<T: Send + Sync + 'static>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&Self) -> Turned<T>,
    ) -> Turned<Arc<T>> {
        if let Some(found) = self.memory.parsed.get(name) {
            return found.clone().downcast().map_err(|_| damaged());
        }
        let value = Arc::new(parse(self)?);
        self.memory.parsed.insert(name, value.clone());
        Ok(value)
    }

    /// What an earlier turn of a wait kept under `name`.
    pub(crate) fn kept<T: Copy + Send + Sync + 'static>(&self, name: &'static str) -> Option<T> {
        self.memory.parsed.get(name)?.downcast_ref().copied()
    }

    /// Keeps a value for the turns after a wait.
    pub(crate) fn keep<T: Copy + Send + Sync + 'static>(&mut self, name: &'static str, value: T) {
        self.memory.parsed.insert(name, Arc::new(value));
    }

    /// The request's body as a message of the API.
    pub(crate) fn body<T: Send + Sync + 'static>(
        &mut self,
        decode: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Turned<Arc<T>> {
        self.once("the body", |turn| {
            decode(&turn.inbound.request.body).map_err(|error| {
                refuse(RemoteCode::BadRequest, format!("the body is not well formed: {error}"))
            })
        })
    }
}

/// A refusal with `code` and one sentence for people.
pub(crate) fn refuse(code: RemoteCode, message: impl Into<String>) -> Halt {
    Halt::Refuse(RemoteError { code, message: message.into(), subject: None, retry_after_ms: None })
}

/// A refusal that names an id.
pub(crate) fn refuse_about(code: RemoteCode, message: impl Into<String>, subject: impl ToString) -> Halt {
    let subject = Some(subject.to_string());
    Halt::Refuse(RemoteError { code, message: message.into(), subject, retry_after_ms: None })
}

fn internal(message: &str) -> RemoteError {
    RemoteError { code: RemoteCode::Internal, message: message.into(), subject: None, retry_after_ms: None }
}

/// A row is not what this broker wrote.
pub(crate) fn damaged() -> Halt {
    Halt::Refuse(internal("a stored row is damaged; nothing was changed"))
}

/// A signed object that does not verify.
pub(crate) fn invalid(error: &impl core::fmt::Display) -> Halt {
    refuse(RemoteCode::InvalidObject, error.to_string())
}
