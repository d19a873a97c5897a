//! Reading parts of a content, each proven, without the rest of it.
//!
//! ```text
//!  Start ──▶ Reading (the runs of chunks that hold the range, side by side) ──▶ bytes
//! ```

use super::open_content::{OpenContent, Source};
use super::run::{Proven, Run};
use crate::drive;
use crate::effect::Reply;
use crate::error::{Error, InputError};
use crate::limits;
use crate::operation::{Cx, Join, Operation, Step};
use crate::session::Session;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A content that is open for reading at any place. Cheap to clone. It stays what it was when it was
/// opened: once the content is changed at the broker, reading from it is a conflict.
#[derive(Clone)]
pub struct ContentRanges(Place);

#[derive(Clone)]
enum Place {
    /// A short or padded content, which came whole.
    Memory(Arc<Zeroizing<Vec<u8>>>),
    /// At the broker or in the local store.
    Chunks(OpenContent),
}

impl ContentRanges {
    pub(super) fn of_memory(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(Place::Memory(Arc::new(bytes)))
    }

    pub(super) fn of_chunks(content: OpenContent) -> Self {
        Self(Place::Chunks(content))
    }

    /// Bytes of the content, as the manifest signs it.
    #[must_use]
    pub fn length(&self) -> u64 {
        match &self.0 {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::Chunks(content) => content.length(),
        }
    }

    /// Reads `length` bytes from `offset` on, at most 8 MiB; fewer at the end of the content, none behind
    /// it. From the broker come the chunks that hold them (of 64 KiB as a rule) and a proof of at most
    /// 3 KiB for each part they lie in.
    ///
    /// # Errors
    /// [`InputError::TooLarge`] for more at once.
    pub fn read(&self, offset: u64, length: usize) -> Result<ReadRange, InputError> {
        let (actual, limit) = (length as u64, 2 * limits::PART);
        if actual > limit {
            return Err(InputError::TooLarge { what: "a range", actual, limit });
        }
        let end = offset.saturating_add(actual).min(self.length());
        Ok(ReadRange { ranges: self.clone(), offset: offset.min(end), end, state: State::Start })
    }
}

impl core::fmt::Debug for ContentRanges {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ContentRanges({} bytes)", self.length())
    }
}

/// The operation of [`ContentRanges::read`].
pub struct ReadRange {
    ranges: ContentRanges,
    offset: u64,
    end: u64,
    state: State,
}

enum State {
    Start,
    /// And the offset of the first byte that is read.
    Reading(Join<Run, Proven>, u64),
}

impl ReadRange {
    /// The runs that hold the range, one for each part it lies in, and where they begin.
    fn runs(&self, content: &OpenContent) -> (Vec<Run>, u64) {
        let layout = content.layout();
        let (mut chunk, count) = layout.chunks_of(self.offset, self.end - self.offset).unwrap_or_default();
        let last = chunk + count;
        let mut start = chunk * layout.chunk_size();
        let mut runs = Vec::new();
        while chunk < last {
            let (first, whole) = content.chunks_of(chunk / content.layout().chunks_per_part());
            // A blob proves whole parts.
            let (from, to) = match content.source {
                Source::Broker => (chunk, last.min(first + whole)),
                Source::Blob(_) => (first, first + whole),
            };
            if runs.is_empty() {
                start = from * layout.chunk_size();
            }
            runs.push(Run::new(content.clone(), from, to - from));
            chunk = to;
        }
        (runs, start)
    }

    fn cut(&self, bytes: &[u8], start: u64) -> Vec<u8> {
        let range = usize::try_from(self.offset - start).ok().zip(usize::try_from(self.end - start).ok());
        range.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default().to_vec()
    }
}

impl Operation for ReadRange {
    type Output = Vec<u8>;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Vec<u8>, Error>> {
        loop {
            match (&mut self.state, &self.ranges.0) {
                (State::Start, Place::Memory(bytes)) => return Step::Done(Ok(self.cut(bytes, 0))),
                (State::Start, Place::Chunks(_)) if self.offset == self.end => {
                    return Step::Done(Ok(Vec::new()));
                }
                (State::Start, Place::Chunks(content)) => {
                    let (runs, start) = self.runs(content);
                    self.state = State::Reading(Join::new(runs), start);
                }
                (State::Reading(join, start), _) => {
                    let (parts, start) = (drive!(join, cx, reply), *start);
                    let parts = parts.into_iter().map(|part| Zeroizing::new(part.bytes.unwrap_or_default()));
                    let mut bytes = Zeroizing::new(Vec::new());
                    parts.for_each(|part| bytes.extend_from_slice(&part));
                    return Step::Done(Ok(self.cut(&bytes, start)));
                }
            }
        }
    }
}
