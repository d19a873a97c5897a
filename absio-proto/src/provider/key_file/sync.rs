//! Replaces the key file of this device by the broker's (S-179 to S-181).
//!
//! ```text
//!  Start ──▶ Loading (what is here counts as seen) ──▶ Fetching ──▶ Adopting ──▶ User
//! ```
//!
//! The passphrase fetches it. With a password too, that is what opens it: so the caller proves both
//! before anything changes. A file that is not at least as new as the one here is refused, and
//! nothing here changes.

use super::adopt::{Adopt, Keeping};
use crate::effect::Reply;
use crate::error::{CryptoError, Error, InputError, Misuse};
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::key_file;
use crate::ops::ofs::LoadKeyFile;
use crate::ops::user::LoginWith;
use crate::provider::{Noted, Standard};
use crate::session::{Session, User};
use crate::{attempt, drive};

/// The operation, for a user or for the signed-in one. Whoever is signed in as that user goes on with
/// the new file: keys that were changed on another device are there at once. With
/// `LoginWith::keeping_nothing` only that, and nothing is written here (X-04).
pub(in crate::provider) struct Sync {
    user: Option<UserId>,
    with: LoginWith,
    state: State,
}

enum State {
    Start,
    Loading(LoadKeyFile, UserId),
    Fetching(Box<key_file::Get>),
    Adopting(Box<Adopt>),
    Done,
}

impl Sync {
    pub(in crate::provider) const fn new(user: Option<UserId>, with: LoginWith) -> Self {
        Self { user, with, state: State::Start }
    }

    fn start(&self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        let user = match self.user {
            Some(user) => user,
            None => cx.session.signed_in()?.id(),
        };
        if self.with.passphrase.is_none() {
            return Err(InputError::PassphraseRequired.into());
        }
        Ok(State::Loading(LoadKeyFile::new(user), user))
    }

    fn fetch(&mut self, user: UserId) -> Result<State, Error> {
        let passphrase = self.with.passphrase.take().ok_or(InputError::PassphraseRequired)?;
        let password = self.with.password.as_ref().map(|password| password.as_str());
        Ok(State::Fetching(Box::new(key_file::Get::new(user, &passphrase, password))))
    }

    fn fetched(&self, user: User, cx: &Cx<'_>) -> Result<State, Error> {
        let is_same = |held: &&User| held.id() == user.id();
        for held in [cx.session.user(), cx.session.local_user()].into_iter().flatten().filter(is_same) {
            let held = held.keys().chain();
            // Keys are followed by what signs the next card, never by a file alone.
            if user.keys().chain().extends(held.sequence(), &held.head()).is_err() {
                return Err(CryptoError::OwnIdentityMismatch { user: user.id() }.into());
            }
        }
        let keeping = if self.with.forget { Keeping::Never } else { Keeping::Always };
        Ok(State::Adopting(Box::new(Adopt::new(Standard::ServerCacheOfs, user, keeping))))
    }
}

impl Operation for Sync {
    type Output = Noted<User>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Noted<User>, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Loading(load, user) => {
                    let user = *user;
                    match load.resume(cx, reply.take()) {
                        Step::Effect(effect) => return Step::Effect(effect),
                        Step::Done(Ok(here)) => {
                            if let Some(here) = here {
                                cx.session.recall_key_file(&here);
                            }
                        }
                        // The session learns of it all the same; that it is not kept is told in the end.
                        Step::Done(Err(Error::Store(_) | Error::Local(_))) => {}
                        Step::Done(Err(error)) => return Step::Done(Err(error)),
                    }
                    attempt!(self.fetch(user))
                }
                State::Fetching(get) => {
                    let (user, _) = drive!(get, cx, reply);
                    attempt!(self.fetched(user, cx))
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
