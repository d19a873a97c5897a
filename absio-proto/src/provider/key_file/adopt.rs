//! A new version of a key file comes to this device.
//!
//! ```text
//!  Start ──▶ (Looking: is one here?) ──▶ (Keeping) ──▶ taken into the session ──▶ (Entering) ──▶ done
//! ```

use crate::attempt;
use crate::effect::Reply;
use crate::error::Error;
use crate::operation::{Cx, Operation, Step};
use crate::ops::container::Warning;
use crate::ops::ofs::{Enter, KeepKeyFile, LoadKeyFile};
use crate::provider::{Noted, Standard};
use crate::session::{Session, User};

/// Whether a key file is written here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::provider) enum Keeping {
    /// It is.
    Always,
    /// If its user is signed in to the local store, or an older one is here: that would open under
    /// the old password for ever.
    InPlace,
    /// It is not (X-04).
    Never,
}

/// Writes the key file of `user` to this device, and lets whoever is signed in as them go on with it. Under
/// the default provider a store that fails gives a warning, and the session has the new file all the
/// same; under the local store alone it is an error, and the session stays as it was.
pub(in crate::provider) struct Adopt {
    place: Standard,
    user: User,
    keeping: Keeping,
    warnings: Vec<Warning>,
    state: State,
}

enum State {
    Start,
    Looking(LoadKeyFile),
    Keeping(KeepKeyFile),
    Entering(Box<Enter>),
    Done,
}

impl Adopt {
    pub(in crate::provider) const fn new(place: Standard, user: User, keeping: Keeping) -> Self {
        Self { place, user, keeping, warnings: Vec::new(), state: State::Start }
    }

    fn start(&self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let is_here = cx.session.local_user().is_some_and(|local| local.id() == self.user.id());
        match (self.place, self.keeping) {
            (Standard::Server, _) | (_, Keeping::Never) => Ok(self.take(cx)),
            (_, Keeping::InPlace) if !is_here => Ok(State::Looking(LoadKeyFile::new(self.user.id()))),
            (_, Keeping::Always | Keeping::InPlace) => self.keep(),
        }
    }

    fn keep(&self) -> Result<State, Error> {
        let (_, sealed) = self.user.require_key_file()?;
        Ok(State::Keeping(KeepKeyFile::new(sealed.clone())))
    }

    /// Whoever is signed in as the user has the new file from now on.
    fn take(&self, cx: &mut Cx<'_>) -> State {
        let is_signed_in = cx.session.user().is_some_and(|user| user.id() == self.user.id());
        if is_signed_in && self.place != Standard::Ofs {
            cx.session.replace_key_file(self.user.clone());
        } else if let Some(sealed) = self.user.sealed_key_file() {
            cx.session.recall_key_file(sealed);
        }
        if self.place == Standard::Server || cx.session.replace_local_key_file(&self.user) {
            return State::Done;
        }
        // Its secret of the local store is another one, and so is the partition.
        State::Entering(Box::new(Enter::new(self.user.clone())))
    }
}

impl Operation for Adopt {
    type Output = Noted<User>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Noted<User>, Error>> {
        let caches = self.place == Standard::ServerCacheOfs;
        loop {
            let failure = match &mut self.state {
                State::Start => {
                    self.state = attempt!(self.start(cx));
                    continue;
                }
                State::Looking(load) => match load.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(None)) => None,
                    Step::Done(Ok(Some(_))) => {
                        self.state = attempt!(self.keep());
                        continue;
                    }
                    Step::Done(Err(error)) => Some(error),
                },
                State::Keeping(keep) => match keep.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(kept) => kept.err(),
                },
                State::Entering(enter) => match enter.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Err(error @ Error::Store(_))) if caches => {
                        cx.session.leave();
                        self.warnings.push(Warning::not_kept(&error));
                        self.state = State::Done;
                        continue;
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                    Step::Done(Ok(_)) => {
                        self.state = State::Done;
                        continue;
                    }
                },
                State::Done => {
                    let warnings = core::mem::take(&mut self.warnings);
                    return Step::Done(Ok(Noted { value: self.user.clone(), warnings }));
                }
            };
            match failure {
                Some(error) if !caches => return Step::Done(Err(error)),
                failure => self.warnings.extend(failure.as_ref().map(Warning::not_kept)),
            }
            self.state = self.take(cx);
        }
    }
}
