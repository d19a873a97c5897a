//! Removes the signed-in user, at the broker and here, or in one of them (S-160, S-206, S-226).
//!
//! ```text
//!  Start ──▶ (Deleting at the broker) ──▶ (Erasing what is here) ──▶ signed out of both
//! ```
//!
//! The broker comes first: a user who is gone here and not there could not be deleted from here any
//! more. If the store fails after that, the error says so, and the user stays signed in to the local
//! store: deleting again, under the provider `ofs`, goes on where it stopped.

use crate::effect::Reply;
use crate::error::{Error, InputError, Misuse};
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::Erase;
use crate::ops::user;
use crate::provider::Standard;
use crate::session::{Session, User};
use crate::{attempt, drive};

/// The operation under a standard provider. It cannot be undone.
pub(in crate::provider) struct Delete {
    place: Standard,
    user: Option<UserId>,
    state: State,
}

enum State {
    Start,
    Deleting(Box<user::Delete>, User),
    Erasing(Box<Erase>),
    Done,
}

impl Delete {
    /// Of the signed-in user, who is `user` if that is given.
    pub(in crate::provider) const fn new(place: Standard, user: Option<UserId>) -> Self {
        Self { place, user, state: State::Start }
    }

    fn start(&self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        let user = match self.place {
            Standard::Ofs => cx.session.local()?.user.clone(),
            Standard::Server | Standard::ServerCacheOfs => cx.session.signed_in()?.clone(),
        };
        if self.user.is_some_and(|named| named != user.id()) {
            let reason = format!("{} is signed in; only the signed-in user can be deleted", user.id());
            return Err(InputError::InvalidArgument { argument: "user", reason }.into());
        }
        Ok(match self.place {
            Standard::Ofs => State::Erasing(Box::new(Erase::new(&user)?)),
            Standard::Server | Standard::ServerCacheOfs => {
                State::Deleting(Box::new(user::Delete::of(user.id())), user)
            }
        })
    }

    fn deleted(&self, user: &User) -> Result<State, Error> {
        // Keys that are kept elsewhere bring no secret for a local store: nothing of theirs is here.
        if self.place == Standard::Server || user.key_file().is_none() {
            return Ok(State::Done);
        }
        Ok(State::Erasing(Box::new(Erase::new(user)?)))
    }
}

impl Operation for Delete {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Deleting(delete, user) => {
                    let user = user.clone();
                    drive!(delete, cx, reply);
                    match attempt!(self.deleted(&user)) {
                        State::Done => {
                            self.state = State::Done;
                            return Step::Done(Ok(()));
                        }
                        state => state,
                    }
                }
                State::Erasing(erase) => {
                    drive!(erase, cx, reply);
                    self.state = State::Done;
                    return Step::Done(Ok(()));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
