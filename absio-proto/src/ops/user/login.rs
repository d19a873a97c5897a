//! Signs a user in (S-007 to S-016).
//!
//! ```text
//!            a key file at hand ──▶ Opening ─┐
//!  Start ────┤                               ├──▶ Authenticating ──▶ User
//!            └─────────────────────▶ Fetching┘
//! ```
//!
//! A login with the passphrase on a fresh device is three round trips; with a key file at hand two.

use crate::crypto::SealedKeyFile;
use crate::effect::Reply;
use crate::error::{Error, InputError, Misuse};
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::{Authenticate, key_file};
use crate::session::{Session, User};
use crate::wire::Challenge;
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// What a user signs in with.
#[derive(Default)]
pub struct LoginWith {
    pub(crate) password: Option<Zeroizing<String>>,
    pub(crate) passphrase: Option<Zeroizing<String>>,
    pub(crate) key_file: Option<SealedKeyFile>,
    pub(crate) user: Option<User>,
    pub(crate) refresh: bool,
    pub(crate) forget: bool,
}

impl LoginWith {
    /// Nothing yet: refused with [`InputError::CredentialsRequired`] (S-008).
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// With the password. It opens the key file; it cannot fetch one.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(Zeroizing::new(password.to_owned()));
        self
    }

    /// With the passphrase. It fetches the key file if there is none here, and opens it if no
    /// password is given.
    #[must_use]
    pub fn passphrase(mut self, passphrase: &str) -> Self {
        self.passphrase = Some(Zeroizing::new(passphrase.to_owned()));
        self
    }

    /// With a sealed key file that is here already, so that none is fetched (X-11).
    #[must_use]
    pub fn key_file(mut self, key_file: SealedKeyFile) -> Self {
        self.key_file = Some(key_file);
        self
    }

    /// Fetches the key file from the server even if one is on this device (AMB-10); needs the
    /// passphrase. For providers with a local store.
    #[must_use]
    pub fn refreshed(mut self) -> Self {
        self.refresh = true;
        self
    }

    /// Keeps nothing on this device: no key file, no containers (X-04), for a computer that is shared.
    /// For providers with a local store.
    #[must_use]
    pub fn keeping_nothing(mut self) -> Self {
        self.forget = true;
        self
    }

    /// As a user whose keys are at hand: from another session (S-187), or `User::from` a key ring that
    /// the program keeps itself (X-10). Needs no secret.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.user = Some(user);
        self
    }
}

/// Signs a user in, in place of whoever was before. On any error nobody is signed in and no key is
/// kept.
pub struct Login {
    user_id: UserId,
    with: LoginWith,
    state: State,
}

enum State {
    Start,
    Fetching(key_file::Get),
    Opening(key_file::Open),
    Authenticating(Authenticate, User),
    Done,
}

impl Login {
    /// Signs in as `user_id`.
    pub fn new(user_id: UserId, with: LoginWith) -> Self {
        Self { user_id, with, state: State::Start }
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        if let Some(user) = self.with.user.take() {
            return Ok(authenticate(check_user(self.user_id, user)?, None));
        }
        if self.with.password.is_none() && self.with.passphrase.is_none() {
            return Err(InputError::CredentialsRequired.into());
        }
        if let Some(sealed) = self.with.key_file.take() {
            let (password, passphrase) = (self.with.password.take(), self.with.passphrase.take());
            return Ok(State::Opening(key_file::Open::new(self.user_id, sealed, password, passphrase)));
        }
        let passphrase = self.with.passphrase.take().ok_or(InputError::PassphraseRequired)?;
        let password = self.with.password.as_ref().map(|password| password.as_str());
        Ok(State::Fetching(key_file::Get::new(self.user_id, &passphrase, password)))
    }

    fn step(&mut self, cx: &mut Cx<'_>, mut reply: Option<Reply>) -> Step<Result<User, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Fetching(get) => {
                    let (user, challenge) = drive!(get, cx, reply);
                    authenticate(user, Some(challenge))
                }
                State::Opening(open) => authenticate(drive!(open, cx, reply), None),
                State::Authenticating(authenticate, user) => {
                    drive!(authenticate, cx, reply);
                    return Step::Done(Ok(user.clone()));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}

/// The keys at hand must be those of the user who signs in.
pub(crate) fn check_user(wanted: UserId, user: User) -> Result<User, InputError> {
    if user.id() == wanted {
        return Ok(user);
    }
    let reason = format!("it is user {}, not {wanted}", user.id());
    Err(InputError::InvalidArgument { argument: "user", reason })
}

fn authenticate(user: User, challenge: Option<Challenge>) -> State {
    State::Authenticating(Authenticate::of(user.clone(), challenge), user)
}

impl Operation for Login {
    type Output = User;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, reply: Option<Reply>) -> Step<Result<User, Error>> {
        let step = self.step(cx, reply);
        if let Step::Done(Err(_)) = &step {
            self.state = State::Done;
            cx.session.sign_out();
        }
        step
    }
}
