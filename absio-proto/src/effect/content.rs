//! The caller's content, read and written piece by piece so that memory stays bounded.

use super::{Reply, ReplyValue, Token};

/// What is asked of the caller's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentOp {
    /// Exactly `length` bytes at `offset`; a shorter source is an error.
    ReadAt {
        /// First byte, from the beginning of the content.
        offset: u64,
        /// Number of bytes.
        length: usize,
    },
    /// Put `bytes` at `offset`. Provisional until the operation is done: on an error the driver's
    /// owner discards what was written.
    WriteAt {
        /// First byte, from the beginning of the content.
        offset: u64,
        /// Decrypted bytes whose chunk tags passed, not yet proven against the signed digest.
        bytes: Vec<u8>,
    },
}

/// What a content call gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentOutcome {
    /// The bytes of a [`ContentOp::ReadAt`].
    Bytes(Vec<u8>),
    /// A [`ContentOp::WriteAt`] was taken.
    Written,
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
