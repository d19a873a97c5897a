//! Removes the signed-in user for good (S-160, S-206).
//!
//! ```text
//!  Start ──▶ Listing ──▶ Removing (each container only this user has) ──▶ Listing …
//!               └──▶ Closing (signed, with the closing card) ──▶ signed out
//! ```
//!
//! Containers shared with others stay with them.

use crate::effect::Reply;
use crate::error::{Error, InputError, Misuse, RemoteCode};
use crate::model::{ContainerId, UserId};
use crate::operation::{Cx, Operation, Step};
use crate::ops::{Exchange, container};
use crate::session::Session;
use crate::wire::{ContainerList, DeleteUser, Route};
use crate::{attempt, drive};

/// Deletes the user, their key file, and every container that nobody else has access to. It cannot
/// be undone. Afterwards nobody is signed in.
pub struct Delete {
    user: Option<UserId>,
    after: Option<ContainerId>,
    more: bool,
    sole: Vec<ContainerId>,
    state: State,
}

enum State {
    Start,
    Listing(container::ListPage),
    Removing(Box<container::Delete>),
    Closing(Exchange),
    Done,
}

impl Delete {
    /// Deletes the signed-in user.
    pub fn new() -> Self {
        Self { user: None, after: None, more: true, sole: Vec::new(), state: State::Start }
    }

    /// Deletes `user`, who must be the signed-in one (S-206).
    pub fn of(user: UserId) -> Self {
        Self { user: Some(user), ..Self::new() }
    }

    fn start(&self, cx: &Cx<'_>) -> Result<(), Error> {
        let own = cx.session.signed_in()?.id();
        match self.user {
            Some(user) if user != own => Err(InputError::InvalidArgument {
                argument: "user",
                reason: format!("{own} is signed in; only the signed-in user can be deleted"),
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// Remove the next container, list the next page, or close the account.
    fn next(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        if let Some(container) = self.sole.pop() {
            return Ok(State::Removing(Box::new(container::Delete::new(container))));
        }
        if self.more {
            return Ok(State::Listing(container::ListPage::new(self.after)));
        }
        let user = cx.session.signed_in()?;
        let closing_card =
            user.keys().closing_card(cx.session.card_date(user.id(), cx.now.utc), cx.entropy)?;
        let body = DeleteUser { user_id: user.id(), closing_card }.encode();
        Ok(State::Closing(Exchange::bundle(Route::DeleteUser(user.id()), body)))
    }

    fn listed(&mut self, list: ContainerList) {
        self.after = list.containers.last().map(|summary| summary.container_id).or(self.after);
        self.more = list.more;
        let sole = list.containers.iter().filter(|summary| summary.sole);
        self.sole = sole.map(|summary| summary.container_id).collect();
    }
}

impl Default for Delete {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for Delete {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Listing(page) => {
                    let list = drive!(page, cx, reply);
                    self.listed(list);
                }
                State::Removing(delete) => match delete.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    // Somebody else was faster, or an access that is over cannot be given up: either way
                    // nothing of it is left to this user.
                    Step::Done(Ok(())) => {}
                    Step::Done(Err(Error::Remote(error)))
                        if matches!(
                            error.code,
                            RemoteCode::ContainerNotFound | RemoteCode::Deleted | RemoteCode::AccessExpired
                        ) => {}
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Closing(exchange) => {
                    drive!(exchange, cx, reply);
                    self.state = State::Done;
                    cx.session.sign_out();
                    return Step::Done(Ok(()));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            }
            self.state = attempt!(self.next(cx));
        }
    }
}
