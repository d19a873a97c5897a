//! What the broker says of itself: protocol, clock, software.

use super::Exchange;
use crate::effect::Reply;
use crate::error::Error;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::wire::{self, InfoAnswer, Route};
use crate::{attempt, drive};

/// Asks the broker for its protocol version, clock and software. Needs no user; one round trip.
pub struct Info(Exchange);

impl Info {
    /// The operation.
    pub fn new() -> Self {
        Self(Exchange::new(Route::Info))
    }
}

impl Default for Info {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for Info {
    type Output = InfoAnswer;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<InfoAnswer, Error>> {
        let body = drive!(&mut self.0, cx, reply);
        let info: InfoAnswer = attempt!(wire::from_json("the info reply", &body));
        if info.protocol != 1 {
            return Step::Done(Err(Error::Protocol(format!("it speaks protocol version {}", info.protocol))));
        }
        Step::Done(Ok(info))
    }
}
