//! Opens a key file: the one on this device, else the broker's (S-177, S-200, S-219, X-11).
//!
//! ```text
//!             given, or here ──▶ Opening ──▶ User
//!  Loading ───┤
//!             └─ none, or to be refreshed ─▶ Fetching ──▶ User
//! ```
//!
//! Nobody is signed in by it and nothing is written: what keeps a key file here is signing in, and
//! syncing.

use crate::crypto::SealedKeyFile;
use crate::effect::Reply;
use crate::error::{CryptoError, Error, InputError, LocalError, Misuse};
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::key_file;
use crate::ops::ofs::LoadKeyFile;
use crate::ops::user::{LoginWith, check_user};
use crate::provider::Standard;
use crate::session::{Session, User};
use crate::{attempt, drive};

/// The operation under a standard provider. Opens with the password if there is one, otherwise with
/// the passphrase.
pub(in crate::provider) struct Get {
    place: Standard,
    user: UserId,
    with: LoginWith,
    state: State,
}

enum State {
    Start,
    Loading(LoadKeyFile),
    Opening(key_file::Open),
    Fetching(Box<key_file::Get>),
    Given(User),
    Done,
}

impl Get {
    pub(in crate::provider) const fn new(place: Standard, user: UserId, with: LoginWith) -> Self {
        Self { place, user, with, state: State::Start }
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        if let Some(user) = self.with.user.take() {
            return Ok(State::Given(check_user(self.user, user)?));
        }
        if self.with.password.is_none() && self.with.passphrase.is_none() {
            return Err(InputError::CredentialsRequired.into());
        }
        if let Some(given) = self.with.key_file.take() {
            return Ok(self.open(given));
        }
        match self.place {
            Standard::Server => self.fetch(),
            Standard::Ofs | Standard::ServerCacheOfs => Ok(State::Loading(LoadKeyFile::new(self.user))),
        }
    }

    fn open(&mut self, sealed: SealedKeyFile) -> State {
        let (password, passphrase) = (self.with.password.take(), self.with.passphrase.take());
        State::Opening(key_file::Open::new(self.user, sealed, password, passphrase))
    }

    fn fetch(&mut self) -> Result<State, Error> {
        let passphrase = self.with.passphrase.take().ok_or(InputError::PassphraseRequired)?;
        let password = self.with.password.as_ref().map(|password| password.as_str());
        Ok(State::Fetching(Box::new(key_file::Get::new(self.user, &passphrase, password))))
    }

    fn loaded(&mut self, sealed: Option<SealedKeyFile>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let refreshes = self.with.refresh && self.place != Standard::Ofs;
        let usable = match sealed {
            Some(sealed) if is_behind(&sealed, cx.session) && self.place != Standard::Ofs => None,
            Some(sealed) => {
                cx.session.recall_key_file(&sealed);
                Some(sealed).filter(|_| !refreshes)
            }
            None => None,
        };
        match usable {
            Some(sealed) => Ok(self.open(sealed)),
            None if self.place == Standard::Ofs => {
                Err(LocalError::KeyFileNotFound { user: self.user }.into())
            }
            None => self.fetch(),
        }
    }
}

/// Whether a newer one was seen than the one here, which could not be written then.
pub(in crate::provider) fn is_behind(here: &SealedKeyFile, session: &Session) -> bool {
    matches!(session.check_key_file(here.user_id(), here), Err(CryptoError::KeyFileRollback { .. }))
}

impl Operation for Get {
    type Output = User;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<User, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Loading(load) => match load.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(sealed)) => attempt!(self.loaded(sealed, cx)),
                    // A store that fails does not keep anybody from the server.
                    Step::Done(Err(Error::Store(_) | Error::Local(_))) if self.place != Standard::Ofs => {
                        attempt!(self.fetch())
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Opening(open) => State::Given(drive!(open, cx, reply)),
                State::Fetching(get) => State::Given(drive!(get, cx, reply).0),
                State::Given(user) => {
                    let user = user.clone();
                    self.state = State::Done;
                    return Step::Done(Ok(user));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
