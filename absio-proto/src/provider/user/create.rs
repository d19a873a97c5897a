//! Makes a user, at the broker and here, or in one of them (S-154, S-225).
//!
//! ```text
//!  Start ──▶ Creating (the broker first), or Making ──▶ Adopting ──▶ User
//! ```

use crate::drive;
use crate::effect::Reply;
use crate::error::{Error, Misuse};
use crate::model::{Credentials, Validators};
use crate::operation::{Cx, Operation, Step};
use crate::ops::user::{self, Make};
use crate::provider::key_file::{Adopt, Keeping};
use crate::provider::{Noted, Standard};
use crate::session::{Session, User};

/// The operation under a standard provider. Nobody is signed in by it.
pub(in crate::provider) struct Create {
    place: Standard,
    state: State,
}

enum State {
    Creating(Box<user::Create>),
    Making(Box<Make>),
    Adopting(Box<Adopt>),
    Done,
}

impl Create {
    pub(in crate::provider) fn new(
        place: Standard,
        credentials: Credentials,
        validators: Option<Validators>,
    ) -> Self {
        let state = match (place, validators) {
            (Standard::Ofs, None) => State::Making(Box::new(Make::new(credentials))),
            (Standard::Ofs, Some(validators)) => {
                State::Making(Box::new(Make::new(credentials).validated_by(validators)))
            }
            (_, None) => State::Creating(Box::new(user::Create::new(credentials))),
            (_, Some(validators)) => {
                State::Creating(Box::new(user::Create::new(credentials).validated_by(validators)))
            }
        };
        Self { place, state }
    }

    fn adopt(&self, user: User) -> State {
        State::Adopting(Box::new(Adopt::new(self.place, user, Keeping::Always)))
    }
}

impl Operation for Create {
    type Output = Noted<User>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Noted<User>, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Creating(create) => {
                    let user = drive!(create, cx, reply);
                    self.adopt(user)
                }
                State::Making(make) => {
                    let (user, _) = drive!(make, cx, reply);
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
