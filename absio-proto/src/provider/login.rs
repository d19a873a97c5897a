//! Signs in and out under the standard providers (S-007 to S-016, S-165, S-211, AMB-10).
//!
//! ```text
//!             a key file here ──▶ Opening ─────────────┐
//!  Loading ───┤                                        ├─▶ Entering ──▶ Authenticating ──▶ SignedIn
//!             └─ none, or to be refreshed ─▶ Fetching ─▶ Keeping ┘           └─ unreachable: offline
//! ```
//!
//! If the broker refuses the keys of a key file that was here, which another device may have changed, and
//! the passphrase is at hand, the key file is fetched after all, once.
//!
//! The local store alone ends after Entering, the server alone begins at Fetching. Offline, with the
//! right password, the user is signed in here; the server's session is made by the first call that
//! reaches it (X-17).

use crate::effect::Reply;
use crate::error::{Error, InputError, LocalError, Misuse, RemoteCode};
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::container::Warning;
use crate::ops::ofs::{Enter, KeepKeyFile, LoadKeyFile};
use crate::ops::user::LoginWith;
use crate::ops::{Authenticate, key_file, user};
use crate::provider::Standard;
use crate::provider::key_file::is_behind;
use crate::session::{Session, User};
use crate::wire::Challenge;
use crate::{attempt, drive};

/// A user who is signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// Whether the server could not be reached: its session is made by the first call that reaches it.
    pub is_offline: bool,
    /// Usually empty.
    pub warnings: Vec<Warning>,
}

/// The operation under a standard provider. On any error nobody is signed in, and no key is kept in
/// memory.
pub(crate) struct Login {
    place: Standard,
    user_id: UserId,
    with: LoginWith,
    user: Option<User>,
    challenge: Option<Challenge>,
    warnings: Vec<Warning>,
    state: State,
}

enum State {
    Start,
    AtServer(Box<user::Login>),
    Loading(LoadKeyFile),
    Opening(key_file::Open),
    Fetching(Box<key_file::Get>),
    Keeping(KeepKeyFile),
    Entering(Box<Enter>),
    Authenticating(Box<Authenticate>),
    Done,
}

impl Login {
    pub(crate) fn new(place: Standard, user_id: UserId, with: LoginWith) -> Self {
        let (user, challenge, warnings) = (None, None, Vec::new());
        Self { place, user_id, with, user, challenge, warnings, state: State::Start }
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        if self.place == Standard::Server || self.with.forget {
            let with = core::mem::take(&mut self.with);
            return Ok(State::AtServer(Box::new(user::Login::new(self.user_id, with))));
        }
        if let Some(user) = self.with.user.take() {
            return self.opened(user::check_user(self.user_id, user)?);
        }
        if self.with.password.is_none() && self.with.passphrase.is_none() {
            return Err(InputError::CredentialsRequired.into());
        }
        Ok(State::Loading(LoadKeyFile::new(self.user_id)))
    }

    fn loaded(
        &mut self,
        sealed: Option<crate::crypto::SealedKeyFile>,
        cx: &mut Cx<'_>,
    ) -> Result<State, Error> {
        let given = self.with.key_file.take();
        // A newer one was seen and could not be written then: the server has it.
        let sealed = sealed.filter(|here| self.place == Standard::Ofs || !is_behind(here, cx.session));
        if let Some(here) = &sealed {
            // What was here counts as seen: nobody offers less from now on.
            cx.session.recall_key_file(here);
        }
        let refresh = self.with.refresh && self.place != Standard::Ofs;
        match given.or(sealed.filter(|_| !refresh)) {
            Some(sealed) => {
                // They may be needed again: to fetch a newer one.
                let (password, passphrase) = (self.with.password.clone(), self.with.passphrase.clone());
                Ok(State::Opening(key_file::Open::new(self.user_id, sealed, password, passphrase)))
            }
            None if self.place == Standard::Ofs => {
                Err(LocalError::KeyFileNotFound { user: self.user_id }.into())
            }
            None => self.fetch(),
        }
    }

    fn fetch(&mut self) -> Result<State, Error> {
        let passphrase = self.with.passphrase.take().ok_or(InputError::PassphraseRequired)?;
        let password = self.with.password.as_ref().map(|password| password.as_str());
        Ok(State::Fetching(Box::new(key_file::Get::new(self.user_id, &passphrase, password))))
    }

    fn opened(&mut self, user: User) -> Result<State, Error> {
        self.user = Some(user.clone());
        match (user.sealed_key_file(), self.place) {
            (Some(_), _) => Ok(State::Entering(Box::new(Enter::new(user)))),
            // Keys that are kept elsewhere bring no secret for a local store.
            (None, Standard::Ofs) => Err(InputError::NoKeyFile { user: user.id() }.into()),
            (None, _) => Ok(self.authenticate(user)),
        }
    }

    fn authenticate(&mut self, user: User) -> State {
        State::Authenticating(Box::new(Authenticate::of(user, self.challenge.take())))
    }

    fn entered(&mut self, cx: &Cx<'_>) -> Result<Option<State>, Error> {
        let user = self.user.clone().ok_or(Misuse::ResumedAfterDone)?;
        if self.place == Standard::Ofs {
            return Ok(None);
        }
        cx.session.config()?;
        Ok(Some(self.authenticate(user)))
    }

    fn finish(&mut self, is_offline: bool) -> Step<Result<SignedIn, Error>> {
        self.state = State::Done;
        let warnings = core::mem::take(&mut self.warnings);
        let user = self.user.take().ok_or_else(|| Misuse::ResumedAfterDone.into());
        Step::Done(user.map(|user| SignedIn { user, is_offline, warnings }))
    }

    fn step(&mut self, cx: &mut Cx<'_>, mut reply: Option<Reply>) -> Step<Result<SignedIn, Error>> {
        let caches = self.place == Standard::ServerCacheOfs;
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::AtServer(login) => {
                    self.user = Some(drive!(login, cx, reply));
                    return self.finish(false);
                }
                State::Loading(load) => match load.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(sealed)) => attempt!(self.loaded(sealed, cx)),
                    // A store that fails does not keep anybody from the server. What is damaged is
                    // fetched and kept anew.
                    Step::Done(Err(Error::Local(_))) if caches => attempt!(self.loaded(None, cx)),
                    Step::Done(Err(error @ Error::Store(_))) if caches => {
                        self.warnings.push(Warning::not_kept(&error));
                        attempt!(self.loaded(None, cx))
                    }
                    // A key file that is given by hand opens what this device has lost.
                    Step::Done(Err(Error::Local(_))) if self.with.key_file.is_some() => {
                        attempt!(self.loaded(None, cx))
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Opening(open) => {
                    let user = drive!(open, cx, reply);
                    attempt!(self.opened(user))
                }
                State::Fetching(get) => {
                    let (user, challenge) = drive!(get, cx, reply);
                    (self.user, self.challenge) = (Some(user.clone()), Some(challenge));
                    let (_, sealed) = attempt!(user.require_key_file());
                    State::Keeping(KeepKeyFile::new(sealed.clone()))
                }
                State::Keeping(keep) => match keep.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(kept) => {
                        self.warnings.extend(kept.err().as_ref().map(Warning::not_kept));
                        let user = attempt!(self.user.clone().ok_or(Misuse::ResumedAfterDone));
                        attempt!(self.opened(user))
                    }
                },
                State::Entering(enter) => match enter.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(_)) => match attempt!(self.entered(cx)) {
                        Some(state) => state,
                        None => return self.finish(false),
                    },
                    Step::Done(Err(error @ Error::Store(_))) if caches => {
                        cx.session.leave();
                        self.warnings.push(Warning::not_kept(&error));
                        match attempt!(self.entered(cx)) {
                            Some(state) => state,
                            None => return self.finish(false),
                        }
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Authenticating(authenticate) => match authenticate.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(())) => return self.finish(false),
                    // The key file here may be of before another device changed the keys.
                    Step::Done(Err(Error::Remote(error)))
                        if error.code == RemoteCode::LoginRefused && self.with.passphrase.is_some() =>
                    {
                        attempt!(self.fetch())
                    }
                    Step::Done(Err(error)) if is_unreachable(&error) && cx.session.local().is_ok() => {
                        let user = attempt!(self.user.clone().ok_or(Misuse::ResumedAfterDone));
                        cx.session.sign_in(user);
                        return self.finish(true);
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}

/// Whether the server is simply not there.
pub(crate) fn is_unreachable(error: &Error) -> bool {
    use crate::error::RemoteCode::{Internal, RateLimited, Unavailable};
    match error.cause() {
        Error::Transport(_) => true,
        Error::Remote(error) => matches!(error.code, Unavailable | RateLimited | Internal),
        _ => false,
    }
}

impl Operation for Login {
    type Output = SignedIn;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, reply: Option<Reply>) -> Step<Result<SignedIn, Error>> {
        let step = self.step(cx, reply);
        if let Step::Done(Err(_)) = &step {
            self.state = State::Done;
            if self.place != Standard::Ofs {
                cx.session.sign_out();
            }
            if self.place != Standard::Server {
                cx.session.leave();
            }
        }
        step
    }
}

/// Signs out: of the server, of the local store, or of both.
pub(crate) struct Logout {
    place: Standard,
    at_server: user::Logout,
}

impl Logout {
    pub(crate) fn new(place: Standard) -> Self {
        Self { place, at_server: user::Logout::new() }
    }
}

impl Operation for Logout {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, reply: Option<Reply>) -> Step<Result<(), Error>> {
        attempt!(cx.session.config());
        if self.place != Standard::Server {
            cx.session.leave();
        }
        match self.place {
            Standard::Ofs => Step::Done(Ok(())),
            Standard::Server | Standard::ServerCacheOfs => self.at_server.resume(cx, reply),
        }
    }
}
