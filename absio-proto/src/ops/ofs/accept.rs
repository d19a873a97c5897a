//! The caller's word that what was lost is lost.

use super::{Check, Transact};
use crate::drive;
use crate::effect::Reply;
use crate::error::Error;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;

/// Settles a loss without the broker: from then on, what is not here counts as never having been. For
/// those who have no broker to sync with, or have got back what they could. The store must be in order:
/// [`Repair`](super::Repair) comes first.
pub struct AcceptLoss {
    state: State,
}

enum State {
    Checking(Check),
    Settling(Transact),
}

impl AcceptLoss {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self { state: State::Checking(Check::new()) }
    }
}

impl Default for AcceptLoss {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for AcceptLoss {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Checking(check) => {
                    if drive!(check, cx, reply).incomplete_since.is_none() {
                        return Step::Done(Ok(()));
                    }
                    State::Settling(Transact::settle())
                }
                State::Settling(transact) => {
                    drive!(transact, cx, reply);
                    return Step::Done(Ok(()));
                }
            };
        }
    }
}
