//! A run of chunks of a large content: fetched, proven against the signed digest, opened.
//!
//! ```text
//!  Getting ──▶ (Keeping, in the local store) ──▶ Opening (job: proof, tags, decryption) ──▶ Proven
//!     ▲
//!     │ not the same
//!  Having (the caller's copy) ──▶ Sealing again (job) ──▶ Comparing (the proof alone) ──▶ (Keeping) ──▶ Proven
//! ```
//!
//! What is kept is in an unsealed blob that nothing names before all of it is proven.
//!
//! What a caller has of an earlier attempt is sealed again, which gives the same tags if it is the same,
//! and proven by them: of a part that is whole only its proof is fetched, and a copy that was altered or
//! never written is fetched anew.

use super::open_content::{OpenContent, Source};
use crate::crypto::merkle;
use crate::crypto::segment::{HEADER_LENGTH, RangeProof, SealedPart};
use crate::crypto::suite::Digest48;
use crate::effect::{BlobId, Body, ContentError, ContentOp, ContentOutcome, Reply};
use crate::error::{CryptoError, Error, InputError, LocalError, Misuse};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::ops::ofs::ask;
use crate::session::Session;
use crate::wire::Route;
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// Fetches and opens chunks. From a blob only whole parts can be proven: it is asked for one at a time.
pub(super) struct Run {
    content: OpenContent,
    first: u64,
    count: u64,
    /// The blob for the sealed bytes, and their place in it.
    keep: Option<(BlobId, u64)>,
    is_kept: bool,
    proven: Option<Proven>,
    state: State,
}

/// Chunks that are part of what the manifest signs.
pub(super) struct Proven {
    /// The plaintext; none if the caller has it already.
    pub(super) bytes: Option<Vec<u8>>,
    /// Bytes of plaintext.
    pub(super) length: u64,
    /// The root over the chunks.
    pub(super) root: Digest48,
    /// Whether the sealed bytes are kept, if they were to be.
    pub(super) is_kept: bool,
}

/// Opened chunks.
struct Opened {
    bytes: Zeroizing<Vec<u8>>,
    root: Digest48,
}

enum State {
    Having(Leaf<Result<ContentOutcome, ContentError>>),
    SealingAgain(Leaf<Result<SealedPart, InputError>>),
    Comparing(Exchange, SealedPart),
    Getting(Fetching),
    Opening(Leaf<Result<Opened, CryptoError>>),
    Keeping(ask::Answer, Option<RangeProof>, Body),
    Done,
}

enum Fetching {
    Broker(Exchange),
    Blob(ask::Answer),
}

impl Run {
    /// Chunks `first..first + count`, which the content has.
    pub(super) fn new(content: OpenContent, first: u64, count: u64) -> Self {
        let state = State::Getting(fetch(&content, first, count));
        Self { content, first, count, keep: None, is_kept: false, proven: None, state }
    }

    /// Keeps the sealed chunks at their place in `blob`. That it fails is no failure.
    pub(super) fn keeping(mut self, blob: Option<BlobId>) -> Self {
        let place = self.sealed_range().0.saturating_sub(HEADER_LENGTH as u64);
        self.keep = blob.map(|blob| (blob, place));
        self.is_kept = blob.is_some();
        self
    }

    /// The caller may have the plaintext of these chunks already, at their place.
    pub(super) fn that_may_be_there(mut self) -> Self {
        let (offset, length) = self.plain_range();
        self.state = State::Having(Leaf::content(ContentOp::ReadAt { offset, length }));
        self
    }

    fn sealed_range(&self) -> (u64, u64) {
        self.content.layout().sealed_range(self.first, self.count).unwrap_or_default()
    }

    fn plain_range(&self) -> (u64, usize) {
        let layout = self.content.layout();
        let offset = self.first * layout.chunk_size();
        let length = (self.count * layout.chunk_size()).min(layout.length().saturating_sub(offset));
        // A run is a few MiB.
        (offset, length as usize)
    }

    fn is_last(&self) -> bool {
        self.first + self.count == self.content.layout().chunks()
    }

    /// What came, kept first if it is to be.
    fn fetched(&mut self, proof: Option<RangeProof>, sealed: Vec<u8>) -> State {
        match self.keep.take() {
            Some((blob, offset)) => {
                let sealed = Body::from(sealed);
                State::Keeping(ask::write_blob(blob, offset, sealed.clone()), proof, sealed)
            }
            None => self.open(proof, sealed),
        }
    }

    fn open(&self, proof: Option<RangeProof>, sealed: Vec<u8>) -> State {
        let (content, first, length) = (self.content.clone(), self.first, self.sealed_range().1);
        State::Opening(Leaf::compute("open a part", move || open(&content, first, length, proof, sealed)))
    }

    fn opened(&self, opened: Opened) -> Proven {
        let Opened { mut bytes, root } = opened;
        let bytes = core::mem::take(&mut *bytes);
        let length = bytes.len() as u64;
        Proven { bytes: Some(bytes), length, root, is_kept: self.is_kept }
    }

    /// What the caller has, sealed again, is the signed content if it has this proof.
    fn compare(&mut self, answer: &[u8], again: SealedPart) -> Result<State, Error> {
        let proof = RangeProof::decode(answer)?;
        let content = &self.content;
        if content.opener.check_range(self.first, &again.leaves, &proof, &content.signed).is_err() {
            return Ok(State::Getting(fetch(content, self.first, self.count)));
        }
        let (_, length) = self.plain_range();
        let (root, length) = (merkle::root(&again.leaves), length as u64);
        self.proven = Some(Proven { bytes: None, length, root, is_kept: false });
        Ok(match self.keep.take() {
            Some((blob, offset)) => {
                State::Keeping(ask::write_blob(blob, offset, again.bytes), None, Body::new())
            }
            None => State::Done,
        })
    }
}

fn fetch(content: &OpenContent, first: u64, count: u64) -> Fetching {
    match content.source {
        Source::Broker => Fetching::Broker(chunks(content, first, count, true)),
        Source::Blob(blob) => {
            let (offset, length) = content.layout().sealed_range(first, count).unwrap_or_default();
            Fetching::Blob(ask::read_blob(blob, offset.saturating_sub(HEADER_LENGTH as u64), length))
        }
    }
}

fn chunks(content: &OpenContent, first: u64, count: u64, bytes: bool) -> Exchange {
    let (container, epoch) = (content.context().container, content.context().epoch);
    Exchange::new(Route::Chunks { container, epoch, first, count, bytes })
}

/// Proves and opens what came: by its proof, or by the root of the part.
fn open(
    content: &OpenContent,
    first: u64,
    length: u64,
    proof: Option<RangeProof>,
    sealed: Vec<u8>,
) -> Result<Opened, CryptoError> {
    let opener = &content.opener;
    if sealed.len() as u64 != length {
        return Err(CryptoError::Decrypt);
    }
    let part = opener.open_in_place(first, sealed)?;
    let root = merkle::root(&part.leaves);
    match &proof {
        Some(proof) => opener.check_range(first, &part.leaves, proof, &content.signed)?,
        None => {
            let number = usize::try_from(first / content.layout().chunks_per_part()).unwrap_or(usize::MAX);
            if content.roots.get(number) != Some(&root) {
                return Err(CryptoError::Decrypt);
            }
        }
    }
    Ok(Opened { bytes: part.plaintext.into_unproven_bytes().into(), root })
}

impl Operation for Run {
    type Output = Proven;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Proven, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Having(leaf) => match drive!(leaf, cx, reply) {
                    Ok(ContentOutcome::Bytes(bytes)) if bytes.len() == self.plain_range().1 => {
                        let (sealer, first, last) = (self.content.sealer.clone(), self.first, self.is_last());
                        let bytes = Zeroizing::new(bytes);
                        State::SealingAgain(Leaf::compute("seal a part again", move || {
                            sealer.seal_part(first, &bytes, last)
                        }))
                    }
                    // It is not there: it is fetched.
                    _ => State::Getting(fetch(&self.content, self.first, self.count)),
                },
                State::SealingAgain(leaf) => {
                    let again = attempt!(drive!(leaf, cx, reply));
                    State::Comparing(chunks(&self.content, self.first, self.count, false), again)
                }
                State::Comparing(exchange, again) => {
                    let answer = drive!(exchange, cx, reply);
                    let again =
                        core::mem::replace(again, SealedPart { bytes: Vec::new(), leaves: Vec::new() });
                    attempt!(self.compare(&answer, again))
                }
                State::Getting(Fetching::Broker(exchange)) => {
                    let mut answer = drive!(exchange, cx, reply);
                    let (proof, sealed) = attempt!(RangeProof::split(&answer));
                    let before = answer.len() - sealed.len();
                    answer.drain(..before);
                    self.fetched(Some(proof), answer)
                }
                State::Getting(Fetching::Blob(answer)) => {
                    let bytes = attempt!(ask::blob(drive!(answer, cx, reply)));
                    let gone = || {
                        let container = self.content.context().container;
                        LocalError::Degraded {
                            reason: format!("the content of container {container} is gone"),
                        }
                    };
                    let bytes = attempt!(bytes.ok_or_else(gone));
                    self.fetched(None, bytes)
                }
                State::Opening(leaf) => {
                    let opened = attempt!(drive!(leaf, cx, reply));
                    self.proven = Some(self.opened(opened));
                    State::Done
                }
                State::Keeping(answer, proof, sealed) => {
                    self.is_kept &= ask::done(drive!(answer, cx, reply)).is_ok();
                    let (proof, sealed) = (proof.take(), core::mem::take(sealed));
                    // Of what the caller has already, only that it is kept was missing.
                    if self.proven.is_some() { State::Done } else { self.open(proof, sealed.into()) }
                }
                State::Done => {
                    let proven = self.proven.take().map(|proven| Proven { is_kept: self.is_kept, ..proven });
                    return Step::Done(proven.ok_or_else(|| Misuse::ResumedAfterDone.into()));
                }
            };
        }
    }
}
