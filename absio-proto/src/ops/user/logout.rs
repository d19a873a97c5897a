//! Signs out (S-015): keys are wiped first, then the broker is told to end the token.

use crate::attempt;
use crate::effect::Reply;
use crate::error::{Error, Misuse};
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::session::Session;
use crate::wire::Route;

/// Ends the session here, always, and at the broker if it can be reached. Signing out when nobody
/// is signed in does nothing.
pub struct Logout {
    state: State,
}

enum State {
    Start,
    Telling(Exchange),
    Done,
}

impl Logout {
    /// The operation.
    pub fn new() -> Self {
        Self { state: State::Start }
    }
}

impl Default for Logout {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for Logout {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            match &mut self.state {
                State::Start => {
                    attempt!(cx.session.config());
                    let told = cx.session.token(cx.now).is_some();
                    self.state =
                        if told { State::Telling(Exchange::new(Route::Logout)) } else { State::Done };
                    if !told {
                        cx.session.sign_out();
                        return Step::Done(Ok(()));
                    }
                }
                State::Telling(exchange) => {
                    let step = exchange.resume(cx, reply.take());
                    // The token is in the request by now, or the exchange is over: either way the
                    // session ends here whatever the broker says.
                    if cx.session.user().is_some() {
                        cx.session.sign_out();
                    }
                    return match step {
                        Step::Effect(effect) => Step::Effect(effect),
                        Step::Done(Ok(_) | Err(Error::Transport(_) | Error::Remote(_) | Error::Input(_))) => {
                            Step::Done(Ok(()))
                        }
                        Step::Done(Err(error)) => Step::Done(Err(error)),
                    };
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            }
        }
    }
}
