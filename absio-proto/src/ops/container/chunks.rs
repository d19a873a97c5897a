//! A range of a content segment's bytes, from the broker or from a blob of the local store.

use crate::crypto::segment::{HEADER_LENGTH, SegmentContext};
use crate::effect::{BlobId, Reply};
use crate::error::{Error, LocalError};
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::ops::ofs::ask::{self, Answer};
use crate::session::Session;
use crate::wire::Route;
use crate::{attempt, drive};

/// Where a content segment is.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// At the broker.
    Broker,
    /// Its chunks, without the clear header, in a blob.
    Blob(BlobId),
}

/// Reads one range; offsets count from the clear header.
pub(super) enum Chunks {
    Broker(Exchange),
    Blob(Answer, SegmentContext),
}

impl Chunks {
    /// `length` bytes at `offset` of the segment that `context` names.
    pub(super) fn new(source: Source, context: &SegmentContext, offset: u64, length: u64) -> Self {
        let (container, epoch) = (context.container, context.epoch);
        match source {
            Source::Broker => {
                Self::Broker(Exchange::new(Route::Content { container, epoch, offset, length }))
            }
            Source::Blob(blob) => {
                let offset = offset.saturating_sub(HEADER_LENGTH as u64);
                Self::Blob(ask::read_blob(blob, offset, length), *context)
            }
        }
    }
}

impl Operation for Chunks {
    type Output = Vec<u8>;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Vec<u8>, Error>> {
        match self {
            Self::Broker(exchange) => exchange.resume(cx, reply),
            Self::Blob(answer, context) => {
                let bytes = attempt!(ask::blob(drive!(answer, cx, reply)));
                Step::Done(bytes.ok_or_else(|| {
                    let reason = format!("the content of container {} is gone", context.container);
                    LocalError::Degraded { reason }.into()
                }))
            }
        }
    }
}
