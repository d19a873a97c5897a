//! The replayable form: a recording as JSON, bytes in base64.

use super::{Entry, Given, Performed, Recording};
use crate::effect::{
    BlobId, CellId, ContentError, ContentOutcome, HttpResponse, StoreError, StoreErrorKind, StoreOutcome,
    TransportError, TransportErrorKind,
};
use core::time::Duration;
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};

/// A fixture that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the fixture is not usable: {reason}")]
pub struct FixtureError {
    reason: String,
}

impl FixtureError {
    fn new(reason: impl ToString) -> Self {
        Self { reason: reason.to_string() }
    }
}

impl Recording {
    /// The replayable form. **It holds secrets**: record it with test accounts only.
    ///
    /// # Panics
    /// Never: a recording has no part that JSON cannot express.
    #[must_use]
    pub fn to_json(&self) -> String {
        let entries: Vec<SavedEntry> = self.entries.iter().map(save).collect();
        serde_json::to_string_pretty(&entries).expect("numbers, strings and lists are all JSON")
    }

    /// Reads the replayable form.
    ///
    /// # Errors
    /// [`FixtureError`] if `json` is not what [`to_json`](Self::to_json) writes.
    pub fn from_json(json: &str) -> Result<Self, FixtureError> {
        let entries: Vec<SavedEntry> = serde_json::from_str(json).map_err(FixtureError::new)?;
        Ok(Self { entries: entries.into_iter().map(load).collect::<Result<_, _>>()? })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum SavedEntry {
    Turn { utc: u64, monotonic_ns: u64, entropy: String },
    All { members: usize },
    Effect { asked: String, digest: String, given: SavedGiven },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum SavedGiven {
    Response { status: u16, headers: Vec<(String, String)>, body: String },
    NoResponse { kind: String, reason: String },
    Values(Vec<Option<String>>),
    Entries(Vec<(String, String)>),
    Committed(Vec<u64>),
    Conflict(usize),
    Blob(Option<String>),
    Blobs(Vec<String>),
    Cell(Option<String>),
    Cells(Vec<String>),
    Done,
    StoreFailed { kind: String, reason: String },
    Content(String),
    Written,
    ContentFailed { reason: String },
    Computed,
    Slept,
    Heard,
}

const TRANSPORT_KINDS: [TransportErrorKind; 6] = [
    TransportErrorKind::Unreachable,
    TransportErrorKind::TimedOut,
    TransportErrorKind::Interrupted,
    TransportErrorKind::Tls,
    TransportErrorKind::TooLarge,
    TransportErrorKind::Invalid,
];

const STORE_KINDS: [StoreErrorKind; 5] = [
    StoreErrorKind::Full,
    StoreErrorKind::Unavailable,
    StoreErrorKind::Corrupt,
    StoreErrorKind::Io,
    StoreErrorKind::Invalid,
];

/// The kind that prints as `name`.
fn kind<K: Copy + core::fmt::Debug>(kinds: &[K], name: &str) -> Result<K, FixtureError> {
    let found = kinds.iter().copied().find(|kind| format!("{kind:?}") == name);
    found.ok_or_else(|| FixtureError::new(format!("unknown kind of failure {name:?}")))
}

fn bytes(text: &str) -> Result<Vec<u8>, FixtureError> {
    BASE64.decode(text.as_bytes()).map_err(FixtureError::new)
}

fn text(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn save(entry: &Entry) -> SavedEntry {
    match entry {
        Entry::Turn { utc, monotonic, entropy } => SavedEntry::Turn {
            utc: *utc,
            monotonic_ns: u64::try_from(monotonic.as_nanos()).unwrap_or(u64::MAX),
            entropy: text(entropy),
        },
        Entry::All(members) => SavedEntry::All { members: *members },
        Entry::Effect(Performed { asked, digest, given }) => SavedEntry::Effect {
            asked: asked.clone(),
            digest: HEXLOWER.encode(digest),
            given: save_given(given),
        },
    }
}

fn save_given(given: &Given) -> SavedGiven {
    match given {
        Given::Http(Ok(HttpResponse { status, headers, body })) => {
            SavedGiven::Response { status: *status, headers: headers.clone(), body: text(body) }
        }
        Given::Http(Err(TransportError { kind, reason, .. })) => {
            SavedGiven::NoResponse { kind: format!("{kind:?}"), reason: reason.clone() }
        }
        Given::Store(Ok(outcome)) => save_outcome(outcome),
        Given::Store(Err(StoreError { kind, reason })) => {
            SavedGiven::StoreFailed { kind: format!("{kind:?}"), reason: reason.clone() }
        }
        Given::Content(Ok(ContentOutcome::Bytes(bytes))) => SavedGiven::Content(text(bytes)),
        Given::Content(Ok(ContentOutcome::Written)) => SavedGiven::Written,
        Given::Content(Err(ContentError { reason })) => SavedGiven::ContentFailed { reason: reason.clone() },
        Given::Computed => SavedGiven::Computed,
        Given::Slept => SavedGiven::Slept,
        Given::Heard => SavedGiven::Heard,
    }
}

fn save_outcome(outcome: &StoreOutcome) -> SavedGiven {
    match outcome {
        StoreOutcome::Values(values) => {
            SavedGiven::Values(values.iter().map(|value| value.as_deref().map(text)).collect())
        }
        StoreOutcome::Entries(entries) => {
            SavedGiven::Entries(entries.iter().map(|(key, value)| (text(key), text(value))).collect())
        }
        StoreOutcome::Committed(numbers) => SavedGiven::Committed(numbers.clone()),
        StoreOutcome::Conflict(index) => SavedGiven::Conflict(*index),
        StoreOutcome::Blob(bytes) => SavedGiven::Blob(bytes.as_deref().map(text)),
        StoreOutcome::Blobs(ids) => SavedGiven::Blobs(ids.iter().map(|id| HEXLOWER.encode(&id.0)).collect()),
        StoreOutcome::Cell(bytes) => SavedGiven::Cell(bytes.as_deref().map(text)),
        StoreOutcome::Cells(ids) => SavedGiven::Cells(ids.iter().map(|id| HEXLOWER.encode(&id.0)).collect()),
        StoreOutcome::Done => SavedGiven::Done,
    }
}

fn load(saved: SavedEntry) -> Result<Entry, FixtureError> {
    Ok(match saved {
        SavedEntry::Turn { utc, monotonic_ns, entropy } => {
            Entry::Turn { utc, monotonic: Duration::from_nanos(monotonic_ns), entropy: bytes(&entropy)? }
        }
        SavedEntry::All { members } => Entry::All(members),
        SavedEntry::Effect { asked, digest, given } => {
            let digest = HEXLOWER.decode(digest.as_bytes()).map_err(FixtureError::new)?;
            let digest = digest.try_into().map_err(|_| FixtureError::new("a digest is not 32 bytes long"))?;
            Entry::Effect(Performed { asked, digest, given: load_given(given)? })
        }
    })
}

fn load_given(saved: SavedGiven) -> Result<Given, FixtureError> {
    Ok(match saved {
        SavedGiven::Response { status, headers, body } => {
            Given::Http(Ok(HttpResponse { status, headers, body: bytes(&body)? }))
        }
        SavedGiven::NoResponse { kind: name, reason } => {
            Given::Http(Err(TransportError::new(kind(&TRANSPORT_KINDS, &name)?, reason)))
        }
        SavedGiven::Values(values) => {
            let values = values.into_iter().map(|value| value.as_deref().map(bytes).transpose());
            Given::Store(Ok(StoreOutcome::Values(values.collect::<Result<_, _>>()?)))
        }
        SavedGiven::Entries(entries) => {
            let entries = entries.into_iter().map(|(key, value)| Ok((bytes(&key)?, bytes(&value)?)));
            Given::Store(Ok(StoreOutcome::Entries(entries.collect::<Result<_, FixtureError>>()?)))
        }
        SavedGiven::Committed(numbers) => Given::Store(Ok(StoreOutcome::Committed(numbers))),
        SavedGiven::Conflict(index) => Given::Store(Ok(StoreOutcome::Conflict(index))),
        SavedGiven::Blob(found) => {
            Given::Store(Ok(StoreOutcome::Blob(found.as_deref().map(bytes).transpose()?)))
        }
        SavedGiven::Blobs(ids) => {
            let ids = ids.iter().map(|id| id_of(id).map(BlobId));
            Given::Store(Ok(StoreOutcome::Blobs(ids.collect::<Result<_, _>>()?)))
        }
        SavedGiven::Cell(found) => {
            Given::Store(Ok(StoreOutcome::Cell(found.as_deref().map(bytes).transpose()?)))
        }
        SavedGiven::Cells(ids) => {
            let ids = ids.iter().map(|id| id_of(id).map(CellId));
            Given::Store(Ok(StoreOutcome::Cells(ids.collect::<Result<_, _>>()?)))
        }
        SavedGiven::Done => Given::Store(Ok(StoreOutcome::Done)),
        SavedGiven::StoreFailed { kind: name, reason } => {
            Given::Store(Err(StoreError { kind: kind(&STORE_KINDS, &name)?, reason }))
        }
        SavedGiven::Content(found) => Given::Content(Ok(ContentOutcome::Bytes(bytes(&found)?))),
        SavedGiven::Written => Given::Content(Ok(ContentOutcome::Written)),
        SavedGiven::ContentFailed { reason } => Given::Content(Err(ContentError { reason })),
        SavedGiven::Computed => Given::Computed,
        SavedGiven::Slept => Given::Slept,
        SavedGiven::Heard => Given::Heard,
    })
}

/// The id of a blob or a cell.
fn id_of(text: &str) -> Result<[u8; 20], FixtureError> {
    let id = HEXLOWER.decode(text.as_bytes()).map_err(FixtureError::new)?;
    id.try_into().map_err(|_| FixtureError::new("an id is not 20 bytes long"))
}
