//! A large content, ready to be read from: what is needed to prove and open any of its chunks.
//!
//! ```text
//!  from the broker:           Heading (the clear header) ──▶ OpenContent
//!  from the local store:      Rooting (the roots of the parts) ──▶ Proving (job) ──▶ OpenContent
//! ```
//!
//! At the broker every run of chunks comes with its proof. In the local store the roots of all parts lie
//! behind the chunks (`docs/protocol.md` §18.5): they are proven once, then each part by its root. They
//! take 12 bytes for a MiB of content.

use crate::crypto::Secret;
use crate::crypto::merkle;
use crate::crypto::segment::{
    HEADER_LENGTH, Layout, Padding, SegmentContext, SegmentDigest, SegmentHeader, SegmentOpener,
    SegmentSealer,
};
use crate::crypto::suite::Digest48;
use crate::effect::{BlobId, Reply};
use crate::error::{CryptoError, Error, LocalError, Misuse};
use crate::ofs::content_blob::ROOT;
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::ops::ofs::ask::{self, Answer};
use crate::session::Session;
use crate::wire::Route;
use crate::{attempt, drive};
use std::sync::Arc;

/// Roots read at once.
const ROOTS_AT_ONCE: u64 = 16_384;

/// Where a content segment is.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// At the broker.
    Broker,
    /// Its chunks, without the clear header, and the roots of its parts, in a blob.
    Blob(BlobId),
}

/// A content whose manifest is verified and whose keys are here. Cheap to clone.
#[derive(Clone)]
pub(crate) struct OpenContent {
    pub(super) source: Source,
    pub(super) opener: Arc<SegmentOpener>,
    pub(super) signed: SegmentDigest,
    /// Seals again what a caller says it has, to compare.
    pub(super) sealer: Arc<SegmentSealer>,
    /// Of the parts, if the source is a blob.
    pub(super) roots: Arc<Vec<Digest48>>,
}

impl OpenContent {
    pub(super) fn context(&self) -> &SegmentContext {
        &self.opener.header().parameters.context
    }

    /// Where the chunks lie.
    pub(super) fn layout(&self) -> &Layout {
        self.opener.layout()
    }

    /// The chunks of a part: the first, and how many.
    pub(super) fn chunks_of(&self, part: u64) -> (u64, u64) {
        let layout = self.layout();
        let first = part.saturating_mul(layout.chunks_per_part());
        (first, layout.chunks_per_part().min(layout.chunks().saturating_sub(first)))
    }

    /// Bytes of plaintext, padding included.
    pub(crate) fn length(&self) -> u64 {
        self.opener.layout().length()
    }
}

/// Opens a content for reading.
pub(crate) struct Opening {
    source: Source,
    context: SegmentContext,
    signed: SegmentDigest,
    secret: Secret<32>,
    /// Whether a padded content is refused: only its end tells how much of it is data.
    refuses_padding: bool,
    roots: Vec<Digest48>,
    content: Option<OpenContent>,
    state: State,
}

enum State {
    Start(Option<SegmentHeader>),
    Heading(Exchange),
    Rooting(Answer),
    Proving(Leaf<(Result<(), CryptoError>, Vec<Digest48>)>),
}

impl Opening {
    /// The content that `context` and `signed` of a verified manifest describe, at the broker.
    pub(crate) fn of_broker(context: SegmentContext, signed: SegmentDigest, secret: Secret<32>) -> Self {
        Self {
            source: Source::Broker,
            context,
            signed,
            secret,
            refuses_padding: false,
            roots: Vec::new(),
            content: None,
            state: State::Start(None),
        }
    }

    /// The same in the local store, where the clear header is known already.
    pub(crate) fn of_blob(self, header: SegmentHeader, blob: BlobId) -> Self {
        Self { source: Source::Blob(blob), state: State::Start(Some(header)), ..self }
    }

    pub(super) fn refusing_padding(self) -> Self {
        Self { refuses_padding: true, ..self }
    }

    fn open(&self, header: SegmentHeader) -> Result<OpenContent, Error> {
        if self.refuses_padding && header.parameters.padding != Padding::None {
            return Err(CryptoError::Decrypt.into());
        }
        let opener = SegmentOpener::new(header, &self.context, self.signed.length, &self.secret)?;
        Ok(OpenContent {
            source: self.source,
            opener: Arc::new(opener),
            signed: self.signed,
            sealer: Arc::new(SegmentSealer::new(header.parameters, &self.secret)?),
            roots: Arc::default(),
        })
    }

    /// The next roots, or the proof of all of them.
    fn next_roots(&mut self, blob: BlobId) -> Result<State, Error> {
        let content = self.content.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        let have = self.roots.len() as u64;
        let missing = content.layout().parts().saturating_sub(have);
        if missing > 0 {
            let offset = content.layout().sealed_length() + have * ROOT;
            let length = missing.min(ROOTS_AT_ONCE) * ROOT;
            return Ok(State::Rooting(ask::read_blob(blob, offset, length)));
        }
        let (opener, signed) = (content.opener.clone(), self.signed);
        let roots = core::mem::take(&mut self.roots);
        Ok(State::Proving(Leaf::compute("prove the roots of the parts", move || {
            (opener.check_root(&merkle::root(&roots), &signed), roots)
        })))
    }

    fn take_roots(&mut self, bytes: Option<Vec<u8>>) -> Result<(), Error> {
        let (roots, rest) = bytes.as_deref().unwrap_or_default().as_chunks::<48>();
        if roots.is_empty() || !rest.is_empty() {
            let reason = format!("the content of container {} is gone", self.context.container);
            return Err(LocalError::Degraded { reason }.into());
        }
        self.roots.extend_from_slice(roots);
        Ok(())
    }
}

impl Operation for Opening {
    type Output = OpenContent;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<OpenContent, Error>> {
        loop {
            self.state = match (&mut self.state, self.source) {
                (State::Start(Some(header)), Source::Blob(blob)) => {
                    let header = *header;
                    self.content = Some(attempt!(self.open(header)));
                    attempt!(self.next_roots(blob))
                }
                (State::Start(_), _) => {
                    let (container, epoch) = (self.context.container, self.context.epoch);
                    let length = HEADER_LENGTH as u64;
                    State::Heading(Exchange::new(Route::Content { container, epoch, offset: 0, length }))
                }
                (State::Heading(exchange), _) => {
                    let bytes = drive!(exchange, cx, reply);
                    let opened = SegmentHeader::decode(&bytes).map_err(Error::from);
                    return Step::Done(opened.and_then(|header| self.open(header)));
                }
                (State::Rooting(answer), Source::Blob(blob)) => {
                    let bytes = attempt!(ask::blob(drive!(answer, cx, reply)));
                    attempt!(self.take_roots(bytes));
                    attempt!(self.next_roots(blob))
                }
                (State::Proving(leaf), _) => {
                    let (proven, roots) = drive!(leaf, cx, reply);
                    attempt!(proven);
                    let content = attempt!(self.content.take().ok_or(Misuse::ResumedAfterDone));
                    return Step::Done(Ok(OpenContent { roots: Arc::new(roots), ..content }));
                }
                (State::Rooting(_), Source::Broker) => return Step::Done(Err(Misuse::WrongReply.into())),
            };
        }
    }
}
