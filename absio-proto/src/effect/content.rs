//! The caller's content, read and written piece by piece so that memory stays bounded.

use super::{Reply, ReplyValue, Token};

/// What is asked of the caller's content.
#[derive(Clone, PartialEq, Eq)]
pub enum ContentOp {
    /// Exactly `length` bytes at `offset`; a shorter source is an error.
    ReadAt {
        /// First byte, from the beginning of the content.
        offset: u64,
        /// Number of bytes.
        length: usize,
    },
    /// Put `bytes` at `offset`. Offsets ascend without gaps, so a sink need not seek. What is written is
    /// part of what the manifest signs; whether it is all of it is known when the operation is done.
    WriteAt {
        /// First byte, from the beginning of the content.
        offset: u64,
        /// Decrypted bytes, proven against the signed digest.
        bytes: Vec<u8>,
    },
    /// Put `bytes` at `offset` of the caller's journal of this transfer, durably: what is sent next may
    /// never be sent otherwise. Sealed; worth nothing to anybody but the user.
    Record {
        /// First byte, from the beginning of the journal.
        offset: u64,
        /// An entry.
        bytes: Vec<u8>,
    },
}

impl ContentOp {
    /// The capacity that a source should give a read of `length` bytes: with room for the tags, the bytes
    /// are sealed where they are, without a copy. One without it costs memory and nothing else.
    #[must_use]
    pub const fn room_for(length: usize) -> usize {
        // A tag of 48 bytes for 4 KiB, and one for an empty last chunk.
        length.saturating_add(length / 85).saturating_add(64)
    }
}

/// Content is nobody else's business: only lengths are printed.
impl core::fmt::Debug for ContentOp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::ReadAt { offset, length } => write!(f, "read {length} bytes at {offset}"),
            Self::WriteAt { offset, bytes } => write!(f, "write {} bytes at {offset}", bytes.len()),
            Self::Record { offset, bytes } => write!(f, "record {} bytes at {offset}", bytes.len()),
        }
    }
}

/// What a content call gave.
#[derive(Clone, PartialEq, Eq)]
pub enum ContentOutcome {
    /// The bytes of a [`ContentOp::ReadAt`].
    Bytes(Vec<u8>),
    /// A [`ContentOp::WriteAt`] was taken, or a [`ContentOp::Record`] is durable.
    Written,
}

/// As for [`ContentOp`].
impl core::fmt::Debug for ContentOutcome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Written => f.write_str("written"),
        }
    }
}

/// The caller's source or sink failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the content could not be read or written: {reason}")]
pub struct ContentError {
    /// What the source or sink said.
    pub reason: String,
}

/// One read or write of the caller's content.
#[must_use = "performed by the driver"]
pub struct ContentCall {
    pub(crate) token: Token,
    op: ContentOp,
}

impl ContentCall {
    /// A call that asks `op`.
    pub fn new(op: ContentOp) -> Self {
        Self { token: Token::default(), op }
    }

    /// What is asked.
    #[must_use]
    pub fn op(&self) -> &ContentOp {
        &self.op
    }

    /// Takes the request out, leaving the slot that mints the reply.
    pub fn take(self) -> (ContentOp, impl FnOnce(Result<ContentOutcome, ContentError>) -> Reply) {
        let token = self.token;
        (self.op, move |outcome| Reply { token, value: ReplyValue::Content(outcome) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s099_content_is_printed_as_its_length() {
        let bytes = b"canary".to_vec();
        let write = ContentOp::WriteAt { offset: 7, bytes: bytes.clone() };
        let read = ContentOp::ReadAt { offset: 7, length: 6 };
        let shown = format!("{write:?}; {read:?}; {:?}", ContentOutcome::Bytes(bytes.clone()));
        assert_eq!(shown, "write 6 bytes at 7; read 6 bytes at 7; 6 bytes");
        // The control: bytes that are printed would be numbers.
        assert!(format!("{bytes:?}").contains("99, 97"));
    }
}
