//! Writes a whole blob and seals it.
//!
//! ```text
//!  Writing (part after part) ──▶ Sealing ──▶ done
//!     any failure: the blob is taken back ──▶ the failure
//! ```

use super::ask::{self, Answer};
use crate::drive;
use crate::effect::{BlobId, Reply};
use crate::error::{Error, Misuse};
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use std::collections::VecDeque;

/// Bytes written at once.
const PART: usize = 4 << 20;

/// Writes `bytes` to a new blob. Once it is done they are durable.
pub(crate) struct WriteBlob {
    blob: BlobId,
    parts: VecDeque<(u64, Vec<u8>)>,
    failure: Option<Error>,
    state: State,
}

enum State {
    Start,
    Writing(Answer),
    Sealing(Answer),
    Failing(Answer),
}

impl WriteBlob {
    pub(crate) fn new(blob: BlobId, bytes: &[u8]) -> Self {
        let parts = (0u64..).step_by(PART).zip(bytes.chunks(PART).map(<[u8]>::to_vec)).collect();
        Self { blob, parts, failure: None, state: State::Start }
    }

    fn next(&mut self) -> State {
        match self.parts.pop_front() {
            Some((offset, bytes)) => State::Writing(ask::write_blob(self.blob, offset, bytes)),
            None => State::Sealing(ask::seal_blob(self.blob)),
        }
    }

    fn fail(&mut self, error: Error) -> State {
        self.failure = Some(error);
        State::Failing(ask::delete_blob(self.blob))
    }
}

impl Operation for WriteBlob {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => self.next(),
                State::Writing(answer) => match ask::done(drive!(answer, cx, reply)) {
                    Ok(()) => self.next(),
                    Err(error) => self.fail(error),
                },
                State::Sealing(answer) => match ask::done(drive!(answer, cx, reply)) {
                    Ok(()) => return Step::Done(Ok(())),
                    Err(error) => self.fail(error),
                },
                State::Failing(answer) => {
                    // Whether it went or not: what stays is swept another time.
                    let _ = drive!(answer, cx, reply);
                    return Step::Done(Err(self
                        .failure
                        .take()
                        .unwrap_or_else(|| Misuse::ResumedAfterDone.into())));
                }
            };
        }
    }
}
