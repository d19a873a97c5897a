//! Gives up a change of the outbox.
//!
//! ```text
//!  Start ──▶ Listing ──▶ Settling ──▶ (Recalling ──▶ Aligning: others of the container wait) ──▶ done
//! ```

use super::open::find;
use super::settle;
use crate::effect::Reply;
use crate::error::Error;
use crate::model::ContainerId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::{Recall, Transact};
use crate::ops::outbox::{Align, Rows};
use crate::session::Session;
use crate::{attempt, drive};

/// Takes a change out of the outbox, unsent. Of a container whose later changes wait, those become
/// conflicts when they are sent. One that was sent already, whose answer was lost, is not taken back by it.
/// No network; [`LocalError::NotQueued`](crate::LocalError::NotQueued) if there is no such change.
pub struct Discard {
    sequence: u64,
    state: State,
}

enum State {
    Start,
    Listing(Rows),
    Settling(Box<Transact>, ContainerId),
    Recalling(Recall, ContainerId),
    Aligning(Box<Align>),
}

impl Discard {
    /// The change with this number.
    #[must_use]
    pub const fn new(sequence: u64) -> Self {
        Self { sequence, state: State::Start }
    }
}

impl Operation for Discard {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    attempt!(cx.session.local());
                    State::Listing(Rows::new())
                }
                State::Listing(rows) => {
                    let mut rows = drive!(rows, cx, reply);
                    let row = attempt!(find(&mut rows, self.sequence));
                    let others_wait =
                        rows.iter().any(|other| other.container == row.container && other.is_waiting());
                    State::Settling(Box::new(settle::discarded(&row, others_wait)), row.container)
                }
                State::Settling(transact, container) => {
                    let container = *container;
                    drive!(transact, cx, reply);
                    cx.session.drop_head(container);
                    State::Recalling(Recall::new(container), container)
                }
                State::Recalling(recall, container) => {
                    let container = *container;
                    let record = drive!(recall, cx, reply);
                    State::Aligning(Box::new(Align::new(container, record)))
                }
                State::Aligning(align) => {
                    drive!(align, cx, reply);
                    return Step::Done(Ok(()));
                }
            };
        }
    }
}
