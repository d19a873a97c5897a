//! Runs an operation of a client as the user of the local store, whoever is signed in at the server.

use crate::effect::Reply;
use crate::error::Error;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;

/// For each `resume`, the local user is the acting one. The operation must not ask for HTTP that needs
/// a session: there is no token.
pub(super) struct Locally<O>(pub(super) O);

impl<O: Operation> Operation for Locally<O> {
    type Output = O::Output;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, reply: Option<Reply>) -> Step<Result<O::Output, Error>> {
        let Cx { now, entropy, session } = cx;
        match session.act_locally(|session| {
            let mut cx = Cx { now: *now, entropy: &mut **entropy, session };
            self.0.resume(&mut cx, reply)
        }) {
            Ok(step) => step,
            Err(error) => Step::Done(Err(error)),
        }
    }
}
