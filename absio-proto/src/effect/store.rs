//! Storage as a language: a handful of values that the client's local store and the broker's
//! database both speak.
//!
//! Keys are opaque bytes in lexicographic order. A [`Commit`] is atomic and durable when it is
//! answered. A blob is written in pieces, sealed once, then only read or deleted; a blob that was
//! not sealed before a crash may be gone. Stores never interpret keys or values.
//!
//! A *cell* is a small value beside the records and the blobs, replaced as a whole and in place. It is
//! for what must survive damage to the index, such as the anchors that tell whether the index is the
//! one that was left. Replacing it costs one flush and no engine, and in return a crash in the middle
//! may leave that cell (no other) torn: half of it new, or unreadable. So whoever keeps something in a
//! cell authenticates it, numbers it, and alternates between two: the cell that is not being written
//! is whole at any moment, and two flushed writes in turn replace both.
//!
//! ```text
//!          write B = 2        write A = 3        write B = 4
//! A = 1  ─────────────▶ A = 1 ─────────▶ A = ? ─ crash: B = 2 is what holds
//! B = 0                 B = 2            B = 2
//! ```
//!
//! What is beyond the `STORE_*` limits of [`limits`](crate::limits) is [`StoreErrorKind::Invalid`]:
//! nothing is cut short in silence, so a page with fewer entries than asked for is the last one.

use super::{Body, Reply, ReplyValue, Token};

/// The random name of a blob: 160 bits, drawn by the core.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 20]);

impl core::fmt::Debug for BlobId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "blob {}", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// The random name of a cell: 160 bits, drawn by the core.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(pub [u8; 20]);

impl core::fmt::Debug for CellId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "cell {}", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// What must be true of a key at the moment of a [`Commit`].
#[derive(Clone, PartialEq, Eq)]
pub struct Precondition {
    /// The key looked at.
    pub key: Vec<u8>,
    /// `None`: the key must be absent. `Some`: it must hold exactly this value.
    pub value: Option<Vec<u8>>,
}

/// One change of a [`Commit`].
#[derive(Clone, PartialEq, Eq)]
pub enum Write {
    /// Sets `key` to `value`, present or not.
    Put {
        /// The key.
        key: Vec<u8>,
        /// Its new value.
        value: Vec<u8>,
    },
    /// Removes `key`; removing an absent key is no error.
    Delete {
        /// The key.
        key: Vec<u8>,
    },
    /// Appends to the sequence under `prefix`: the store takes the next number of the sequence
    /// (1, 2, 3…, never reused, even when entries are deleted), keeps the count itself as a
    /// big-endian u64 under the key `prefix`, and puts `value` under `prefix ‖ number` (u64
    /// big-endian). Numbers of commits that follow one another in time increase.
    Append {
        /// The sequence: also the key of its counter.
        prefix: Vec<u8>,
        /// The entry.
        value: Vec<u8>,
    },
}

/// Changes that happen all or not at all, durably.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// All must hold, or nothing is written.
    pub preconditions: Vec<Precondition>,
    /// Applied in order.
    pub writes: Vec<Write>,
}

/// What is asked of a store.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreOp {
    /// The values of `keys`, from one consistent snapshot.
    Get {
        /// The keys, in the order of the answer.
        keys: Vec<Vec<u8>>,
    },
    /// Entries with `start <= key < end` in ascending order (descending if `reverse`).
    Scan {
        /// First key, inclusive.
        start: Vec<u8>,
        /// Last key, exclusive.
        end: Vec<u8>,
        /// At most this many entries.
        limit: usize,
        /// From the end of the range instead of its start.
        reverse: bool,
    },
    /// An atomic, durable change.
    Commit(Commit),
    /// Puts `bytes` at `offset` of an unsealed blob, which the first write creates.
    BlobWrite {
        /// The blob.
        blob: BlobId,
        /// First byte.
        offset: u64,
        /// The bytes.
        bytes: Body,
    },
    /// Makes the blob durable; it never changes again. Sealing a sealed blob is no error.
    BlobSeal {
        /// The blob.
        blob: BlobId,
    },
    /// `length` bytes at `offset` of a sealed blob; fewer where the blob ends before.
    BlobRead {
        /// The blob.
        blob: BlobId,
        /// First byte.
        offset: u64,
        /// Number of bytes at most.
        length: u64,
    },
    /// Removes a blob, sealed or not; an unknown one is no error.
    BlobDelete {
        /// The blob.
        blob: BlobId,
    },
    /// Blobs, sealed or not, with ids greater than `after`, ascending: for sweeping orphans.
    BlobList {
        /// The last id already seen.
        after: Option<BlobId>,
        /// At most this many ids.
        limit: usize,
    },
    /// What a cell holds. [`StoreErrorKind::Corrupt`] if its store can see that it is torn; what a
    /// store cannot see, the reader finds by authenticating the bytes.
    CellRead {
        /// The cell.
        cell: CellId,
    },
    /// Replaces what a cell holds, in place, by up to [`STORE_CELL`](crate::limits::STORE_CELL) bytes;
    /// durable when answered. No bytes remove the cell, and removing an absent one is no error. A
    /// crash, or an answer of [`StoreErrorKind::Io`], may leave this cell torn.
    CellWrite {
        /// The cell.
        cell: CellId,
        /// All that it shall hold.
        bytes: Vec<u8>,
    },
    /// All cells, torn ones too, ascending. There are few: no pages.
    CellList,
}

/// Keys and values are opaque and may be long: only the shape is printed.
impl core::fmt::Debug for StoreOp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Get { keys } => write!(f, "get {} keys", keys.len()),
            Self::Scan { limit, reverse, .. } => {
                write!(f, "scan at most {limit}{}", if *reverse { " backwards" } else { "" })
            }
            Self::Commit(commit) => write!(
                f,
                "commit {} writes under {} preconditions",
                commit.writes.len(),
                commit.preconditions.len()
            ),
            Self::BlobWrite { offset, bytes, .. } => {
                write!(f, "write {} bytes of a blob at {offset}", bytes.len())
            }
            Self::BlobSeal { .. } => write!(f, "seal a blob"),
            Self::BlobRead { offset, length, .. } => {
                write!(f, "read at most {length} bytes of a blob at {offset}")
            }
            Self::BlobDelete { .. } => write!(f, "delete a blob"),
            Self::BlobList { limit, .. } => write!(f, "list at most {limit} blobs"),
            Self::CellRead { .. } => write!(f, "read a cell"),
            Self::CellWrite { bytes, .. } => write!(f, "write {} bytes as a cell", bytes.len()),
            Self::CellList => write!(f, "list the cells"),
        }
    }
}

/// What a store answers, one kind for each [`StoreOp`].
#[derive(Clone, PartialEq, Eq)]
pub enum StoreOutcome {
    /// Of [`StoreOp::Get`]: a value or none for each key, in order.
    Values(Vec<Option<Vec<u8>>>),
    /// Of [`StoreOp::Scan`]: keys and values.
    Entries(Vec<(Vec<u8>, Vec<u8>)>),
    /// Of [`StoreOp::Commit`]: done, with the numbers given to its appends, in order.
    Committed(Vec<u64>),
    /// Of [`StoreOp::Commit`]: the precondition at this index did not hold; nothing was written.
    Conflict(usize),
    /// Of [`StoreOp::BlobRead`]: the bytes, or none if no such sealed blob exists.
    Blob(Option<Vec<u8>>),
    /// Of the blob writes, seals and deletes, and of the cell writes.
    Done,
    /// Of [`StoreOp::BlobList`].
    Blobs(Vec<BlobId>),
    /// Of [`StoreOp::CellRead`]: the bytes, or none if there is no such cell.
    Cell(Option<Vec<u8>>),
    /// Of [`StoreOp::CellList`].
    Cells(Vec<CellId>),
}

/// Why a store could not do what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// No room; nothing was changed.
    Full,
    /// The store is closed, busy or refuses access.
    Unavailable,
    /// What is stored is damaged.
    Corrupt,
    /// Reading or writing failed; after a failed flush the store stays unusable until reopened.
    Io,
    /// The operation cannot be carried out as asked, for example writing to a sealed blob.
    Invalid,
}

/// A store operation that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?}: {reason}")]
pub struct StoreError {
    /// What kind of failure.
    pub kind: StoreErrorKind,
    /// What the store said; never a key or value.
    pub reason: String,
}

impl StoreError {
    /// An error of `kind`, with the store's own words.
    pub fn new(kind: StoreErrorKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }
}

/// One store operation to perform.
#[must_use = "performed by the driver"]
pub struct StoreCall {
    pub(crate) token: Token,
    op: StoreOp,
}

impl StoreCall {
    /// A call that asks `op`.
    pub fn new(op: StoreOp) -> Self {
        Self { token: Token::default(), op }
    }

    /// What is asked.
    #[must_use]
    pub fn op(&self) -> &StoreOp {
        &self.op
    }

    /// Takes the operation out, leaving the slot that mints the reply.
    pub fn take(self) -> (StoreOp, impl FnOnce(Result<StoreOutcome, StoreError>) -> Reply) {
        let token = self.token;
        (self.op, move |outcome| Reply { token, value: ReplyValue::Store(outcome) })
    }
}
