//! A change that waits to be sent: a small record in the index, and all of it in an envelope.
//!
//! ```text
//! record   = version 1 ‖ what 1 ‖ state 1 ‖ pin 57 ‖ container 16 ‖ sequence u64 ‖ queued at u64
//!            ‖ blob 20 ‖ present revision u64 ‖ code, prefixed
//! envelope = 0x81 ‖ record, prefixed ‖ idempotency key 16 ‖ container keys, key blob and type opening
//!            of the signer, prefixed (empty if there is none) ‖ body, prefixed
//! ```
//!
//! The envelope is enough to send the change and to open it; the record is enough to say what waits.
//! So the loss of the index loses neither.

use crate::crypto::chain::Pin;
use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::manifest::TypeOpening;
use crate::effect::BlobId;
use crate::error::CryptoError;
use crate::limits;
use crate::model::{ContainerId, Timestamp};
use crate::wire::Route;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
/// The first byte of a change in an envelope; a container's is its version, which is below 128.
pub(super) const CHANGE: u8 = 0x81;
/// Bytes of a refusal's code.
const CODE: usize = 64;

/// What a queued change does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueuedKind {
    /// It creates the container.
    Create,
    /// It changes the container.
    Update,
    /// It gives up one's own access, and with the last access the container.
    Delete,
}

/// How far a queued change came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueuedState {
    /// It is sent by the next drain.
    Waiting,
    /// Somebody else changed the container first: the local store has theirs, the outbox ours.
    Conflict {
        /// The revision that the broker has.
        present: u64,
    },
    /// The broker refused it for good.
    Refused {
        /// Its code (`docs/protocol.md` §16); `degraded` if the change is damaged on this device.
        code: String,
    },
}

impl QueuedState {
    /// Refused with `code`, which comes from a broker and may be anything.
    pub(crate) fn refused(code: &str) -> Self {
        Self::Refused { code: code.chars().filter(char::is_ascii_graphic).take(CODE).collect() }
    }
}

/// The record of a queued change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutboxRow {
    /// Its place in the order; not used twice while any is waiting.
    pub(crate) sequence: u64,
    pub(crate) kind: QueuedKind,
    pub(crate) container: ContainerId,
    /// What is pinned once the broker has it.
    pub(crate) pin: Pin,
    pub(crate) queued_at: Timestamp,
    /// Where all of it is.
    pub(crate) blob: BlobId,
    pub(crate) state: QueuedState,
}

impl OutboxRow {
    /// The id of the record of `sequence`.
    pub(crate) fn id(sequence: u64) -> Vec<u8> {
        sequence.to_be_bytes().to_vec()
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.state == QueuedState::Waiting
    }

    /// Where it is sent.
    pub(crate) const fn route(&self) -> Route {
        match self.kind {
            QueuedKind::Create => Route::CreateContainer,
            QueuedKind::Update => Route::UpdateContainer(self.container),
            QueuedKind::Delete => Route::DeleteContainer(self.container),
        }
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let kind = match self.kind {
            QueuedKind::Create => 1,
            QueuedKind::Update => 2,
            QueuedKind::Delete => 3,
        };
        let (state, present, code) = match &self.state {
            QueuedState::Waiting => (1, 0, ""),
            QueuedState::Conflict { present } => (2, *present, ""),
            QueuedState::Refused { code } => (3, 0, code.as_str()),
        };
        let bytes = Writer::new()
            .u8(VERSION)
            .u8(kind)
            .u8(state)
            .u8(self.pin.tombstone.into())
            .u64(self.pin.revision)
            .bytes(&self.pin.hash)
            .bytes(self.container.as_bytes())
            .u64(self.sequence)
            .u64(self.queued_at.as_millis())
            .bytes(&self.blob.0)
            .u64(present)
            .prefixed(code.as_bytes());
        Zeroizing::new(bytes.finish())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("queued change", bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(CryptoError::Unknown { what: "version of a queued change", value: version.into() });
        }
        let kind = match reader.u8()? {
            1 => QueuedKind::Create,
            2 => QueuedKind::Update,
            3 => QueuedKind::Delete,
            _ => return Err(reader.malformed("it does something unknown")),
        };
        let state = reader.u8()?;
        let tombstone = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(reader.malformed("a flag is neither 0 nor 1")),
        };
        let pin = Pin { tombstone, revision: reader.u64()?, hash: reader.array()? };
        let container = ContainerId::from_bytes(reader.array()?);
        let (sequence, queued_at) = (reader.u64()?, Timestamp::from_millis(reader.u64()?));
        let blob = BlobId(reader.array()?);
        let (present, code) = (reader.u64()?, reader.prefixed(CODE)?);
        let code = core::str::from_utf8(code).map_err(|_| reader.malformed("its code is not text"))?;
        if !code.is_ascii() {
            return Err(reader.malformed("its code is not ASCII"));
        }
        let state = match (state, present, code) {
            (1, 0, "") => QueuedState::Waiting,
            (2, present, "") => QueuedState::Conflict { present },
            (3, 0, code) => QueuedState::Refused { code: code.to_owned() },
            _ => return Err(reader.malformed("its state is unknown")),
        };
        reader.end()?;
        Ok(Self { sequence, kind, container, pin, queued_at, blob, state })
    }
}

/// All of a queued change.
#[derive(Clone)]
pub(crate) struct QueuedChange {
    pub(crate) row: OutboxRow,
    pub(crate) idempotency_key: [u8; 16],
    /// The container's keys after it, as [`ContainerKeys`](crate::crypto::ContainerKeys) writes them.
    pub(crate) keys: Option<Zeroizing<Vec<u8>>>,
    /// The signer's own key blob after it.
    pub(crate) key_blob: Option<Vec<u8>>,
    pub(crate) type_opening: Option<TypeOpening>,
    /// The body of the request.
    pub(crate) body: Vec<u8>,
}

impl QueuedChange {
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let opening = self.type_opening.as_ref().map(TypeOpening::encode).unwrap_or_default();
        let bytes = Writer::new()
            .u8(CHANGE)
            .prefixed(&self.row.encode())
            .bytes(&self.idempotency_key)
            .prefixed(self.keys.as_deref().map(Vec::as_slice).unwrap_or_default())
            .prefixed(self.key_blob.as_deref().unwrap_or_default())
            .prefixed(&opening)
            .prefixed(&self.body);
        Zeroizing::new(bytes.finish())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("queued change", bytes);
        reader.constant(&[CHANGE], "it is no queued change")?;
        let row = OutboxRow::decode(reader.prefixed(limits::STORE_KEY)?)?;
        let idempotency_key = reader.array()?;
        let mut part = |limit| {
            let bytes = reader.prefixed(limit)?;
            Ok::<_, CryptoError>((!bytes.is_empty()).then_some(bytes))
        };
        let keys = part(limits::STORE_KEY)?.map(|keys| Zeroizing::new(keys.to_vec()));
        let key_blob = part(limits::STORE_VALUE)?.map(<[u8]>::to_vec);
        let type_opening = part(limits::STORE_KEY)?.map(TypeOpening::decode).transpose()?;
        let body = reader.prefixed(usize::try_from(limits::BUNDLE).unwrap_or(usize::MAX))?.to_vec();
        reader.end()?;
        Ok(Self { row, idempotency_key, keys, key_blob, type_opening, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: QueuedState) -> OutboxRow {
        OutboxRow {
            sequence: 7,
            kind: QueuedKind::Update,
            container: ContainerId::from_bytes([3; 16]),
            pin: Pin { revision: 5, hash: [9; 48], tombstone: false },
            queued_at: Timestamp::from_millis(99),
            blob: BlobId([4; 20]),
            state,
        }
    }

    #[test]
    fn a_queued_change_is_read_back_and_nothing_else_is() {
        let refused = QueuedState::Refused { code: "permission_denied".into() };
        for state in [QueuedState::Waiting, QueuedState::Conflict { present: 6 }, refused] {
            let row = row(state);
            assert_eq!(OutboxRow::decode(&row.encode()), Ok(row.clone()));
            let change = QueuedChange {
                row: row.clone(),
                idempotency_key: [1; 16],
                keys: None,
                key_blob: Some(vec![2; 30]),
                type_opening: None,
                body: vec![5; 1000],
            };
            let bytes = change.encode();
            let read = QueuedChange::decode(&bytes).unwrap();
            assert_eq!((read.row, read.idempotency_key, read.body), (row, [1; 16], vec![5; 1000]));
            assert_eq!((read.key_blob, read.keys, read.type_opening), (Some(vec![2; 30]), None, None));
            for length in 0..bytes.len() {
                assert!(QueuedChange::decode(&bytes[..length]).is_err(), "{length} bytes");
            }
        }
        let bytes = row(QueuedState::Waiting).encode();
        for (byte, value) in [(0, 2), (1, 4), (2, 0), (2, 4), (3, 2)] {
            let mut wrong = bytes.clone();
            wrong[byte] = value;
            assert!(OutboxRow::decode(&wrong).is_err(), "byte {byte} is {value}");
        }
    }
}
