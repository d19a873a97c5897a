//! Reads the public reminder of a user (S-161 to S-163).

use crate::effect::Reply;
use crate::error::Error;
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::session::Session;
use crate::wire::{self, ReminderAnswer, Route};
use crate::{attempt, drive};

/// Fetches the reminder of a user, or of the signed-in one. Public, so nobody need be signed in;
/// what the server shows before a login is not verified. One round trip.
pub struct Reminder {
    user: Option<UserId>,
    exchange: Option<Exchange>,
}

impl Reminder {
    /// Of `user`, or of the signed-in user.
    pub fn new(user: Option<UserId>) -> Self {
        Self { user, exchange: None }
    }
}

impl Operation for Reminder {
    type Output = String;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<String, Error>> {
        if self.exchange.is_none() {
            let user = match self.user {
                Some(user) => user,
                None => attempt!(cx.session.signed_in()).id(),
            };
            self.exchange = Some(Exchange::new(Route::Reminder(user)));
        }
        let Some(exchange) = &mut self.exchange else {
            return Step::Done(Err(crate::error::Misuse::ResumedAfterDone.into()));
        };
        let body = drive!(exchange, cx, reply);
        let answer: ReminderAnswer = attempt!(wire::from_json("the reminder reply", &body));
        Step::Done(Ok(answer.reminder))
    }
}
