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

use super::chunks::{Chunks, Source};
use super::content::ContentOutput;
use crate::crypto::Secret;
use crate::crypto::merkle::MerkleBuilder;
use crate::crypto::segment::{
    HEADER_LENGTH, OpenedPart, Padding, SegmentContext, SegmentDigest, SegmentHeader, SegmentOpener,
};
use crate::crypto::suite::Digest48;
use crate::effect::{BlobId, ContentError, ContentOp, ContentOutcome, Reply};
use crate::error::{CryptoError, Error, InputError, Misuse};
use crate::limits;
use crate::operation::{Cx, Join, Leaf, Operation, Step};
use crate::ops::ofs::ask::{self, Answer};
use crate::session::Session;
use crate::{attempt, drive};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Parts under way at once.
const WINDOW: u64 = 4;

/// Downloads the content segment that a verified manifest describes. Gives the plaintext, or nothing
/// if it went to the caller's sink.
pub(super) struct Download {
    source: Source,
    /// Where the sealed chunks are kept as they pass; none once that failed.
    keep: Option<BlobId>,
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
    Heading(Chunks),
    Fetching(Join<Part, OpenedBytes>),
}

/// What a part gives.
struct OpenedBytes {
    leaves: Vec<Digest48>,
    /// None if they went to the sink.
    bytes: Option<Vec<u8>>,
    /// Whether the sealed bytes are kept, if they were to be.
    is_kept: bool,
}

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
            source: Source::Broker,
            keep: None,
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

    /// From the local store, where the clear header is known already.
    pub(super) fn of_blob(mut self, header: SegmentHeader, blob: BlobId) -> Result<Self, Error> {
        self.source = Source::Blob(blob);
        self.open_header(header)?;
        Ok(self)
    }

    /// Keeps the sealed chunks in `blob` on the way. That it fails is no failure of the download.
    pub(super) fn keeping(self, blob: BlobId) -> Self {
        Self { keep: Some(blob), ..self }
    }

    /// The blob that holds all the chunks, and the clear header that belongs to them; none if they
    /// were not to be kept, or could not be.
    pub(super) fn kept(&self) -> Option<(SegmentHeader, BlobId)> {
        Some((*self.opener.as_ref()?.header(), self.keep?))
    }

    fn range(&self, offset: u64, length: u64) -> Chunks {
        Chunks::new(self.source, &self.context, offset, length)
    }

    fn open_header(&mut self, header: SegmentHeader) -> Result<(), Error> {
        if self.output != ContentOutput::Memory && header.parameters.padding != Padding::None {
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
                keep: self.keep.map(|blob| (blob, offset.saturating_sub(HEADER_LENGTH as u64))),
                is_kept: self.keep.is_some(),
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
        if self.output != ContentOutput::Memory {
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
                State::Start if self.opener.is_none() => {
                    self.state = State::Heading(self.range(0, HEADER_LENGTH as u64));
                    continue;
                }
                State::Start => {}
                State::Heading(chunks) => {
                    let bytes = drive!(chunks, cx, reply);
                    attempt!(
                        SegmentHeader::decode(&bytes).map_err(Error::from).and_then(|h| self.open_header(h))
                    );
                }
                State::Fetching(join) => {
                    for part in drive!(join, cx, reply) {
                        self.tree.extend(&part.leaves);
                        self.plaintext.extend(part.bytes.unwrap_or_default());
                        self.keep = self.keep.filter(|_| part.is_kept);
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
    /// The blob for the sealed bytes, and their place in it.
    keep: Option<(BlobId, u64)>,
    is_kept: bool,
    leaves: Vec<Digest48>,
    state: PartState,
}

enum PartState {
    Getting(Chunks),
    Keeping(Answer, Vec<u8>),
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

    fn received(&mut self, sealed: Vec<u8>) -> Result<PartState, Error> {
        match self.keep.take() {
            Some((blob, offset)) => {
                Ok(PartState::Keeping(ask::write_blob(blob, offset, sealed.clone()), sealed))
            }
            None => self.open(sealed),
        }
    }

    fn opened(&mut self, bytes: Option<Vec<u8>>) -> OpenedBytes {
        OpenedBytes { leaves: core::mem::take(&mut self.leaves), bytes, is_kept: self.is_kept }
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
                PartState::Getting(chunks) => {
                    let sealed = drive!(chunks, cx, reply);
                    attempt!(self.received(sealed))
                }
                PartState::Keeping(answer, sealed) => {
                    self.is_kept &= drive!(answer, cx, reply).is_ok();
                    let sealed = core::mem::take(sealed);
                    attempt!(self.open(sealed))
                }
                PartState::Opening(leaf) => {
                    let part = attempt!(drive!(leaf, cx, reply));
                    self.leaves = part.leaves;
                    let bytes = part.plaintext.into_unproven_bytes();
                    match self.output {
                        ContentOutput::Memory => return Step::Done(Ok(self.opened(Some(bytes)))),
                        ContentOutput::Discarded => {
                            drop(Zeroizing::new(bytes));
                            return Step::Done(Ok(self.opened(None)));
                        }
                        ContentOutput::Streamed => PartState::Writing(Leaf::content(ContentOp::WriteAt {
                            offset: self.offset(),
                            bytes,
                        })),
                    }
                }
                PartState::Writing(leaf) => {
                    attempt!(drive!(leaf, cx, reply));
                    return Step::Done(Ok(self.opened(None)));
                }
            };
        }
    }
}
