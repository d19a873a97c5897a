//! Writes a version of the own key file: at the broker and here (S-182), or here (S-221).
//!
//! ```text
//!  Start ──▶ Updating (the broker first) ──▶ Adopting ──▶ User
//! ```

use super::adopt::{Adopt, Keeping};
use crate::effect::Reply;
use crate::error::{Error, InputError, Misuse};
use crate::operation::{Cx, Operation, Step};
use crate::ops::key_file;
use crate::provider::locally::Locally;
use crate::provider::{Noted, Standard};
use crate::session::{Session, User};
use crate::{attempt, drive};

/// The operation under a standard provider. A file with another secret of the local store is refused
/// where there is one: what is kept here would be lost with the old secret.
pub(in crate::provider) struct Update {
    place: Standard,
    update: Option<key_file::Update>,
    keeping: Keeping,
    state: State,
}

enum State {
    Start,
    Updating(Box<key_file::Update>),
    UpdatingLocally(Box<Locally<key_file::Update>>),
    Adopting(Box<Adopt>),
    Done,
}

impl Update {
    pub(in crate::provider) const fn new(place: Standard, update: key_file::Update) -> Self {
        Self { place, update: Some(update), keeping: Keeping::InPlace, state: State::Start }
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        let update = self.update.take().ok_or(Misuse::ResumedAfterDone)?;
        if self.place == Standard::Ofs {
            cx.session.local()?;
        }
        if self.place != Standard::Server
            && let (Some(new), Some(held)) = (update.user(), cx.session.local_user())
            && let (Some(opened), Some(kept)) = (new.key_file(), held.key_file())
            && new.id() == held.id()
            && opened.store_secret() != kept.store_secret()
        {
            let reason = "its secret of the local store is another one: what is kept here would be lost";
            return Err(InputError::InvalidArgument { argument: "key file", reason: reason.into() }.into());
        }
        if cx.session.user().is_some_and(|held| held.key_file().is_none()) {
            // The first one of this user (X-10).
            self.keeping = Keeping::Always;
        }
        Ok(match self.place {
            Standard::Ofs => State::UpdatingLocally(Box::new(Locally(update.locally()))),
            Standard::Server | Standard::ServerCacheOfs => State::Updating(Box::new(update)),
        })
    }

    fn adopt(&self, user: User) -> State {
        State::Adopting(Box::new(Adopt::new(self.place, user, self.keeping)))
    }
}

impl Operation for Update {
    type Output = Noted<User>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Noted<User>, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Updating(update) => {
                    let user = drive!(update, cx, reply);
                    self.adopt(user)
                }
                State::UpdatingLocally(update) => {
                    let user = drive!(&mut **update, cx, reply);
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
