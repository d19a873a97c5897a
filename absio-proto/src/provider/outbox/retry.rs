//! Lets a refused change wait again.
//!
//! ```text
//!  Start ──▶ Listing ──▶ Settling ──▶ done
//! ```

use super::open::find;
use super::settle;
use crate::effect::Reply;
use crate::error::{Error, InputError};
use crate::ofs::outbox::{OutboxRow, QueuedState};
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::Transact;
use crate::ops::outbox::Rows;
use crate::session::Session;
use crate::{attempt, drive};

/// Lets a refused change, and those of its container that were refused with it, wait for the next drain:
/// for when the reason of the refusal is gone. A conflict cannot be sent again as it is: open ours with
/// [`Open`](super::Open), update the container with what is wanted of it, and discard it. No network.
pub struct Retry {
    sequence: u64,
    state: State,
}

enum State {
    Start,
    Listing(Rows),
    Settling(Box<Transact>),
}

impl Retry {
    /// The change with this number; [`LocalError::NotQueued`](crate::LocalError::NotQueued) if there is
    /// none.
    #[must_use]
    pub const fn new(sequence: u64) -> Self {
        Self { sequence, state: State::Start }
    }
}

fn retry(mut rows: Vec<OutboxRow>, sequence: u64) -> Result<Option<State>, Error> {
    let refused = |row: &OutboxRow| matches!(row.state, QueuedState::Refused { .. });
    let all: Vec<_> =
        rows.iter().filter(|row| refused(row)).map(|row| (row.container, row.sequence)).collect();
    let row = find(&mut rows, sequence)?;
    match row.state {
        QueuedState::Waiting => Ok(None),
        QueuedState::Conflict { .. } => {
            let reason = "somebody else changed the container first: open this change, update the \
                          container with what is wanted of it, and discard it"
                .to_owned();
            Err(InputError::InvalidArgument { argument: "sequence", reason }.into())
        }
        QueuedState::Refused { .. } => {
            let of_it = all.into_iter().filter(|(container, _)| *container == row.container);
            let sequences: Vec<_> = of_it.map(|(_, sequence)| sequence).collect();
            let transact = settle::retried(row.container, &sequences);
            Ok(Some(State::Settling(Box::new(transact))))
        }
    }
}

impl Operation for Retry {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    attempt!(cx.session.local());
                    State::Listing(Rows::new())
                }
                State::Listing(rows) => match attempt!(retry(drive!(rows, cx, reply), self.sequence)) {
                    Some(state) => state,
                    None => return Step::Done(Ok(())),
                },
                State::Settling(transact) => {
                    drive!(transact, cx, reply);
                    return Step::Done(Ok(()));
                }
            };
        }
    }
}
