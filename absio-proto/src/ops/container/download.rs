//! Fetches and opens a large content in parts, several at once.
//!
//! ```text
//!  Heading (the clear header) ──▶ Fetching (a window of parts side by side) ──▶ … ──▶ digest checked
//!
//!  each part:  Getting ──▶ Opening (job) ──▶ Writing, or kept in memory
//! ```
//!
//! Every chunk's tag is checked before its bytes leave a part; that the whole is what the manifest
//! signed is known only at the end, so until then everything is provisional.

use super::content::ContentOutput;
use crate::crypto::Secret;
use crate::crypto::merkle::MerkleBuilder;
use crate::crypto::segment::{
    HEADER_LENGTH, OpenedPart, Padding, SegmentContext, SegmentDigest, SegmentHeader, SegmentOpener,
};
use crate::crypto::suite::Digest48;
use crate::effect::{ContentError, ContentOp, ContentOutcome, Reply};
use crate::error::{CryptoError, Error, InputError, Misuse};
use crate::limits;
use crate::operation::{Cx, Join, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::session::Session;
use crate::wire::Route;
use crate::{attempt, drive};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Parts under way at once.
const WINDOW: u64 = 4;

/// Downloads the content segment that a verified manifest describes. Gives the plaintext, or nothing
/// if it went to the caller's sink.
pub(super) struct Download {
    context: SegmentContext,
    signed: SegmentDigest,
    secret: Secret<32>,
    output: ContentOutput,
    opener: Option<Arc<SegmentOpener>>,
    next_chunk: u64,
    tree: MerkleBuilder,
    plaintext: Zeroizing<Vec<u8>>,
    state: State,
}

enum State {
    Start,
    Heading(Exchange),
    Fetching(Join<Part, OpenedBytes>),
}

/// What a part gives: its leaves, and its bytes unless they went to the sink.
type OpenedBytes = (Vec<Digest48>, Option<Vec<u8>>);

impl Download {
    pub(super) fn new(
        context: SegmentContext,
        signed: SegmentDigest,
        secret: Secret<32>,
        output: ContentOutput,
    ) -> Result<Self, Error> {
        if output == ContentOutput::Memory && signed.length > limits::CONTENT_IN_MEMORY {
            return Err(InputError::TooLarge {
                what: "the content",
                actual: signed.length,
                limit: limits::CONTENT_IN_MEMORY,
            }
            .into());
        }
        Ok(Self {
            context,
            signed,
            secret,
            output,
            opener: None,
            next_chunk: 0,
            tree: MerkleBuilder::new(),
            plaintext: Zeroizing::default(),
            state: State::Start,
        })
    }

    fn range(&self, offset: u64, length: u64) -> Exchange {
        let (container, epoch) = (self.context.container, self.context.epoch);
        Exchange::new(Route::Content { container, epoch, offset, length })
    }

    fn open_header(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let header = SegmentHeader::decode(bytes)?;
        if self.output == ContentOutput::Streamed && header.parameters.padding != Padding::None {
            return Err(CryptoError::Decrypt.into());
        }
        let opener = SegmentOpener::new(header, &self.context, self.signed.length, &self.secret)?;
        self.opener = Some(Arc::new(opener));
        Ok(())
    }

    /// The next window of parts, or none if all chunks have been opened.
    fn window(&mut self) -> Result<Option<State>, Error> {
        let opener = self.opener.as_ref().ok_or(Misuse::MissingReply)?;
        let layout = opener.layout();
        let per_part = limits::PART / layout.chunk_size();
        let mut parts = Vec::new();
        while (parts.len() as u64) < WINDOW && self.next_chunk < layout.chunks() {
            let count = per_part.min(layout.chunks() - self.next_chunk);
            let (offset, length) = layout.sealed_range(self.next_chunk, count).ok_or(CryptoError::Decrypt)?;
            parts.push(Part {
                opener: opener.clone(),
                first_chunk: self.next_chunk,
                length,
                output: self.output,
                leaves: Vec::new(),
                state: PartState::Getting(self.range(offset, length)),
            });
            self.next_chunk += count;
        }
        Ok((!parts.is_empty()).then(|| State::Fetching(Join::new(parts))))
    }

    fn finish(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let opener = self.opener.as_ref().ok_or(Misuse::MissingReply)?;
        opener.check_digest(&self.tree, &self.signed)?;
        if self.output == ContentOutput::Streamed {
            return Ok(None);
        }
        let mut plaintext = core::mem::take(&mut self.plaintext);
        let length = opener.header().parameters.padding.check(&plaintext)?;
        plaintext.truncate(length);
        Ok(Some(plaintext))
    }
}

impl Operation for Download {
    /// The plaintext without its padding, or none if it went to the sink.
    type Output = Option<Zeroizing<Vec<u8>>>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        loop {
            match &mut self.state {
                State::Start => {
                    self.state = State::Heading(self.range(0, HEADER_LENGTH as u64));
                    continue;
                }
                State::Heading(exchange) => {
                    let bytes = drive!(exchange, cx, reply);
                    attempt!(self.open_header(&bytes));
                }
                State::Fetching(join) => {
                    for (leaves, bytes) in drive!(join, cx, reply) {
                        self.tree.extend(&leaves);
                        self.plaintext.extend(bytes.unwrap_or_default());
                    }
                }
            }
            match attempt!(self.window()) {
                Some(state) => self.state = state,
                None => return Step::Done(self.finish()),
            }
        }
    }
}

/// One part: fetched, opened, written.
struct Part {
    opener: Arc<SegmentOpener>,
    first_chunk: u64,
    length: u64,
    output: ContentOutput,
    leaves: Vec<Digest48>,
    state: PartState,
}

enum PartState {
    Getting(Exchange),
    Opening(Leaf<Result<OpenedPart, CryptoError>>),
    Writing(Leaf<Result<ContentOutcome, ContentError>>),
}

impl Part {
    fn open(&self, sealed: Vec<u8>) -> Result<PartState, Error> {
        if sealed.len() as u64 != self.length {
            return Err(CryptoError::Decrypt.into());
        }
        let (opener, first) = (self.opener.clone(), self.first_chunk);
        Ok(PartState::Opening(Leaf::compute("open a part", move || opener.open_part(first, &sealed))))
    }

    fn offset(&self) -> u64 {
        self.first_chunk * self.opener.layout().chunk_size()
    }
}

impl Operation for Part {
    type Output = OpenedBytes;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<OpenedBytes, Error>> {
        loop {
            self.state = match &mut self.state {
                PartState::Getting(exchange) => {
                    let sealed = drive!(exchange, cx, reply);
                    attempt!(self.open(sealed))
                }
                PartState::Opening(leaf) => {
                    let part = attempt!(drive!(leaf, cx, reply));
                    self.leaves = part.leaves;
                    let bytes = part.plaintext.into_unproven_bytes();
                    if self.output == ContentOutput::Memory {
                        return Step::Done(Ok((core::mem::take(&mut self.leaves), Some(bytes))));
                    }
                    PartState::Writing(Leaf::content(ContentOp::WriteAt { offset: self.offset(), bytes }))
                }
                PartState::Writing(leaf) => {
                    attempt!(drive!(leaf, cx, reply));
                    return Step::Done(Ok((core::mem::take(&mut self.leaves), None)));
                }
            };
        }
    }
}
