//! One part of a large content on its way out.
//!
//! ```text
//!  Reading ──▶ Sealing (job) ──┬─ new ──▶ (Recording, in the journal) ──▶ (Keeping) ──▶ (Putting)
//!                              └─ recorded by an earlier attempt: the same root, or the end ──▶ (Keeping) …
//! ```
//!
//! F1: nothing is sealed twice under one key unless it is the same. What an earlier attempt recorded is
//! sealed again only to be compared with the record, and sent only if it is equal.

use super::content::{Piece, Read};
use super::journal::Journal;
use crate::crypto::merkle;
use crate::crypto::segment::{SealedPart, SegmentSealer};
use crate::crypto::suite::Digest48;
use crate::effect::{BlobId, Body, ContentError, ContentOutcome, Reply};
use crate::error::{Error, InputError};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::ops::ofs::ask::{self, Answer};
use crate::session::Session;
use crate::wire::{Route, UploadId};
use crate::{attempt, drive};
use std::sync::Arc;

pub(super) struct Part {
    /// Where it goes; none if it is there already, or goes nowhere.
    pub(super) upload: Option<UploadId>,
    /// The blob for the sealed bytes, and their place in it.
    pub(super) keep: Option<(BlobId, u64)>,
    pub(super) is_kept: bool,
    /// Whether it is kept here or nowhere.
    pub(super) must_keep: bool,
    pub(super) journal: Option<Arc<Journal>>,
    /// Its root, as an earlier attempt recorded it.
    pub(super) recorded: Option<Digest48>,
    pub(super) part: u64,
    pub(super) first_chunk: u64,
    pub(super) last: bool,
    pub(super) sealer: Arc<SegmentSealer>,
    pub(super) sealed: Body,
    pub(super) root: Digest48,
    pub(super) state: PartState,
}

pub(super) enum PartState {
    Reading(Read),
    Sealing(Leaf<Result<(SealedPart, Digest48), InputError>>),
    Recording(Leaf<Result<ContentOutcome, ContentError>>),
    Keeping(Answer),
    Putting(Exchange),
    Done,
}

impl Part {
    fn seal(&self, piece: Piece) -> PartState {
        let (sealer, first, last) = (self.sealer.clone(), self.first_chunk, self.last);
        PartState::Sealing(Leaf::compute("seal a part", move || {
            let sealed = match piece {
                Piece::Owned(bytes) => sealer.seal_in_place(first, bytes, last)?,
                shared @ Piece::Shared(..) => sealer.seal_part(first, shared.bytes(), last)?,
            };
            let root = merkle::root(&sealed.leaves);
            Ok((sealed, root))
        }))
    }

    fn sealed(&mut self, sealed: SealedPart, root: Digest48, cx: &mut Cx<'_>) -> Result<PartState, Error> {
        self.sealed = sealed.bytes.into();
        self.root = root;
        match (self.recorded, &self.journal) {
            (Some(recorded), _) if recorded != root => Err(InputError::InvalidArgument {
                argument: "content",
                reason: format!(
                    "part {} is not what was sent of it before: the content changed; begin again without the journal",
                    self.part
                ),
            }
            .into()),
            (None, Some(journal)) => {
                Ok(PartState::Recording(Leaf::content(journal.part(self.part, &root, cx.entropy)?)))
            }
            _ => Ok(self.keep()),
        }
    }

    fn keep(&mut self) -> PartState {
        match self.keep.take() {
            Some((blob, offset)) => PartState::Keeping(ask::write_blob(blob, offset, self.sealed.clone())),
            None => self.put(),
        }
    }

    fn put(&mut self) -> PartState {
        let sealed = core::mem::take(&mut self.sealed);
        match self.upload {
            Some(upload) => {
                let route = Route::PutPart { upload, part: self.part };
                PartState::Putting(Exchange::bytes(route, sealed))
            }
            None => PartState::Done,
        }
    }
}

impl Operation for Part {
    /// The root over its chunks, and whether it is kept if it was to be.
    type Output = (Digest48, bool);

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        loop {
            self.state = match &mut self.state {
                PartState::Reading(read) => {
                    let piece = drive!(read, cx, reply);
                    self.seal(piece)
                }
                PartState::Sealing(leaf) => {
                    let (sealed, root) = attempt!(drive!(leaf, cx, reply));
                    attempt!(self.sealed(sealed, root, cx))
                }
                PartState::Recording(leaf) => {
                    attempt!(drive!(leaf, cx, reply));
                    self.keep()
                }
                PartState::Keeping(answer) => {
                    let kept = ask::done(drive!(answer, cx, reply));
                    if self.must_keep {
                        attempt!(kept);
                    } else {
                        self.is_kept &= kept.is_ok();
                    }
                    self.put()
                }
                PartState::Putting(exchange) => {
                    drive!(exchange, cx, reply);
                    PartState::Done
                }
                PartState::Done => return Step::Done(Ok((self.root, self.is_kept))),
            };
        }
    }
}
