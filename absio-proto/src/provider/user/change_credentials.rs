//! Changes password, passphrase and reminder, at the broker and here, or in one of them (S-157 to
//! S-159, S-224).
//!
//! ```text
//!  Start ──▶ Changing (the broker first, or nobody) ──▶ Adopting (both cells) ──▶ User
//! ```

use crate::effect::Reply;
use crate::error::{Error, Misuse};
use crate::model::{Credentials, Validators};
use crate::operation::{Cx, Operation, Step};
use crate::ops::user;
use crate::provider::key_file::{Adopt, Keeping};
use crate::provider::locally::Locally;
use crate::provider::{Noted, Standard};
use crate::session::{Session, User};
use crate::{attempt, drive};

/// The operation under a standard provider. The old credentials open nothing that is kept here from then on,
/// unless a warning says that the store failed.
pub(in crate::provider) struct ChangeCredentials {
    place: Standard,
    change: Option<user::ChangeCredentials>,
    state: State,
}

enum State {
    Start,
    Changing(Box<user::ChangeCredentials>),
    ChangingLocally(Box<Locally<user::ChangeCredentials>>),
    Adopting(Box<Adopt>),
    Done,
}

impl ChangeCredentials {
    pub(in crate::provider) fn new(place: Standard, to: Credentials, validators: Option<Validators>) -> Self {
        let change = user::ChangeCredentials::new(to);
        let change = match validators {
            Some(validators) => change.validated_by(validators),
            None => change,
        };
        Self { place, change: Some(change), state: State::Start }
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        let change = self.change.take().ok_or(Misuse::ResumedAfterDone)?;
        Ok(match self.place {
            Standard::Ofs => State::ChangingLocally(Box::new(Locally(change.locally()))),
            Standard::Server | Standard::ServerCacheOfs => State::Changing(Box::new(change)),
        })
    }

    fn adopt(&self, user: User) -> State {
        State::Adopting(Box::new(Adopt::new(self.place, user, Keeping::InPlace)))
    }
}

impl Operation for ChangeCredentials {
    type Output = Noted<User>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Noted<User>, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Changing(change) => {
                    let user = drive!(change, cx, reply);
                    self.adopt(user)
                }
                State::ChangingLocally(change) => {
                    let user = drive!(&mut **change, cx, reply);
                    self.adopt(user)
                }
                State::Adopting(adopt) => {
                    let adopted = drive!(adopt, cx, reply);
                    self.state = State::Done;
                    return Step::Done(Ok(adopted));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
