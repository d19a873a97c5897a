//! Reads all of a queued change.
//!
//! ```text
//!  Leading ──▶ Reading ──▶ Opening (job) ──▶ the change
//! ```

use crate::effect::Reply;
use crate::error::{CryptoError, Error, LocalError};
use crate::ofs::envelope::{self, Enveloped};
use crate::ofs::outbox::{OutboxRow, QueuedChange};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::ofs::ask::{self, Answer};
use crate::session::Session;
use crate::{attempt, drive};

/// Gives the change of a row. [`LocalError::Degraded`] if its blob is gone or does not verify.
pub(crate) struct Load {
    row: OutboxRow,
    state: State,
}

enum State {
    Leading(Answer),
    Reading(Answer),
    Opening(Leaf<Result<Enveloped, CryptoError>>),
}

impl Load {
    pub(crate) fn new(row: OutboxRow) -> Self {
        let state = State::Leading(ask::read_blob(row.blob, 0, envelope::lead_length()));
        Self { row, state }
    }

    fn damaged(&self) -> Error {
        let (sequence, container) = (self.row.sequence, self.row.container);
        let reason = format!("the queued change {sequence} of container {container} does not verify");
        LocalError::Degraded { reason }.into()
    }
}

impl Operation for Load {
    type Output = QueuedChange;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<QueuedChange, Error>> {
        loop {
            let blob = self.row.blob;
            let keys = attempt!(cx.session.local()).keys.clone();
            self.state = match &mut self.state {
                State::Leading(answer) => {
                    let lead = attempt!(ask::blob(drive!(answer, cx, reply)));
                    let length = lead.and_then(|lead| envelope::rest_length(&keys, &blob, &lead));
                    let length = attempt!(length.ok_or_else(|| self.damaged()));
                    State::Reading(ask::read_blob(blob, envelope::lead_length(), length))
                }
                State::Reading(answer) => {
                    let rest = attempt!(ask::blob(drive!(answer, cx, reply)));
                    let rest = attempt!(rest.ok_or_else(|| self.damaged()));
                    State::Opening(Leaf::compute("open a queued change", move || {
                        envelope::open(&keys, &blob, &rest)
                    }))
                }
                State::Opening(leaf) => {
                    return Step::Done(match drive!(leaf, cx, reply) {
                        Ok(Enveloped::Change(change)) if change.row.pin == self.row.pin => Ok(*change),
                        _ => Err(self.damaged()),
                    });
                }
            };
        }
    }
}
