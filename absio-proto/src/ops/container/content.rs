//! Where content comes from and where it goes.

use crate::effect::{ContentOp, ContentOutcome, Reply};
use crate::error::{Error, InputError};
use crate::limits;
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::sync::Arc;

/// The content given to a create or update.
#[derive(Clone)]
pub enum ContentInput {
    /// Bytes in memory (S-026).
    Bytes(Arc<Vec<u8>>),
    /// So many bytes, read through [`Effect::Content`](crate::effect::Effect::Content) part by part:
    /// for files of any size.
    Streamed {
        /// How many bytes; the source must have exactly that many.
        length: u64,
    },
}

impl ContentInput {
    /// How many bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Streamed { length } => *length,
        }
    }

    pub(super) fn check(&self) -> Result<(), InputError> {
        let (actual, limit) = (self.length(), limits::CONTENT);
        if actual > limit {
            return Err(InputError::TooLarge { what: "the content", actual, limit });
        }
        Ok(())
    }
}

impl From<Vec<u8>> for ContentInput {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Arc::new(bytes))
    }
}

/// Text is content as its UTF-8 bytes (AMB-15).
impl From<&str> for ContentInput {
    fn from(text: &str) -> Self {
        text.as_bytes().to_vec().into()
    }
}

impl core::fmt::Debug for ContentInput {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ContentInput({} bytes)", self.length())
    }
}

/// Where a get puts the content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContentOutput {
    /// Into the [`Container`](crate::crypto::Container), at most 256 MiB.
    #[default]
    Memory,
    /// Through [`Effect::Content`](crate::effect::Effect::Content) part by part, from the first to the last,
    /// each proven before it is written.
    Streamed {
        /// So many bytes may be there already, of an earlier attempt: they are read, compared, and fetched
        /// only where they are not what the manifest signs.
        have: u64,
    },
    /// Nowhere yet: parts of it will be read when they are asked for
    /// ([`ContentRanges`](super::ContentRanges)).
    Ranges,
    /// Nowhere: it is verified and, by a provider that keeps things, kept; of any size unless padded.
    Discarded,
}

/// Reads one piece of the content.
pub(super) enum Read {
    /// In memory already.
    Ready(ContentInput, core::ops::Range<usize>),
    /// From the caller's source.
    Asking(Leaf<Result<ContentOutcome, crate::effect::ContentError>>, usize),
}

impl Read {
    /// `length` bytes at `offset`, which the input has.
    pub(super) fn new(input: &ContentInput, offset: u64, length: usize) -> Self {
        match input {
            ContentInput::Bytes(_) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                Self::Ready(input.clone(), start..start.saturating_add(length))
            }
            ContentInput::Streamed { .. } => {
                Self::Asking(Leaf::content(ContentOp::ReadAt { offset, length }), length)
            }
        }
    }
}

/// A piece of content, without a copy if it is in memory.
pub(super) enum Piece {
    Shared(Arc<Vec<u8>>, core::ops::Range<usize>),
    Owned(zeroize::Zeroizing<Vec<u8>>),
}

impl Piece {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Shared(bytes, range) => bytes.get(range.clone()).unwrap_or_default(),
            Self::Owned(bytes) => bytes,
        }
    }
}

impl Operation for Read {
    type Output = Piece;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Piece, Error>> {
        match self {
            Self::Ready(ContentInput::Bytes(bytes), range) => {
                Step::Done(Ok(Piece::Shared(bytes.clone(), range.clone())))
            }
            Self::Ready(ContentInput::Streamed { .. }, _) => {
                Step::Done(Err(crate::error::Misuse::WrongReply.into()))
            }
            Self::Asking(leaf, length) => match attempt!(drive!(leaf, cx, reply)) {
                ContentOutcome::Bytes(bytes) if bytes.len() == *length => {
                    Step::Done(Ok(Piece::Owned(bytes.into())))
                }
                _ => Step::Done(Err(InputError::InvalidArgument {
                    argument: "content",
                    reason: "it gave another number of bytes than asked for".into(),
                }
                .into())),
            },
        }
    }
}
