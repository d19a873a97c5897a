//! Changes password, passphrase and reminder (S-157 to S-159).
//!
//! ```text
//!  Start ──▶ Stretching (job) ──▶ Replacing (compare-and-set) ──▶ the new key file
//!                           └─ for the local store: nothing is sent ─┘
//! ```

use super::create::{Stretched, stretch_new};
use crate::crypto::WrapSecrets;
use crate::effect::Reply;
use crate::error::{Error, Misuse};
use crate::model::{Credentials, Validators};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::ops::key_file::replace;
use crate::session::{Session, User};
use crate::{attempt, drive};

/// Re-encrypts the signed-in user's key file under new credentials and replaces it at the broker
/// together with retrieval key and reminder. Keys and containers stay as they are; a reminder that
/// is left out becomes blank (S-158). One round trip. Refused for a user who has no key file.
pub struct ChangeCredentials {
    credentials: Option<Credentials>,
    validators: Option<Validators>,
    is_local: bool,
    state: State,
}

enum State {
    Start,
    Stretching(Leaf<Stretched>, String),
    Replacing(Exchange, User),
    Done,
}

impl ChangeCredentials {
    /// To `credentials`.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials: Some(credentials), validators: None, is_local: false, state: State::Start }
    }

    /// Checks the credentials by `validators`, for this call only (S-021).
    pub fn validated_by(mut self, validators: Validators) -> Self {
        self.validators = Some(validators);
        self
    }

    /// Sends nothing and leaves the session as it is: gives the key file that is to be written here.
    pub(crate) fn locally(mut self) -> Self {
        self.is_local = true;
        self
    }

    fn start(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let credentials = self.credentials.take().ok_or(Misuse::ResumedAfterDone)?;
        let config = cx.session.config()?;
        let user = cx.session.signed_in()?;
        user.require_key_file()?;
        let user = user.id();
        credentials.check(self.validators.as_ref().unwrap_or(&config.validators))?;
        let (origin, policy) = (config.origin.clone(), config.kdf);
        let secrets = WrapSecrets::draw(cx.entropy)?;
        let reminder = credentials.reminder.clone();
        let stretch = Leaf::compute("stretch new credentials", move || {
            stretch_new(secrets, user, &credentials, &origin, &policy)
        });
        Ok(State::Stretching(stretch, reminder))
    }
}

impl Operation for ChangeCredentials {
    type Output = User;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<User, Error>> {
        loop {
            match &mut self.state {
                State::Start => self.state = attempt!(self.start(cx)),
                State::Stretching(leaf, reminder) => {
                    let (wraps, retrieval_key) = attempt!(drive!(leaf, cx, reply));
                    let held = attempt!(cx.session.signed_in()).clone();
                    let (open, sealed) = attempt!(held.require_key_file());
                    let user = User::from(attempt!(open.change_credentials(wraps, reminder, cx.entropy)));
                    if self.is_local {
                        self.state = State::Done;
                        return Step::Done(Ok(user));
                    }
                    let exchange = attempt!(replace(Some(sealed), &user, Some(retrieval_key)));
                    self.state = State::Replacing(exchange, user);
                }
                State::Replacing(exchange, user) => {
                    let body = drive!(exchange, cx, reply);
                    attempt!(crate::ops::key_file::check_replaced(&body, user));
                    let user = user.clone();
                    self.state = State::Done;
                    cx.session.replace_key_file(user.clone());
                    return Step::Done(Ok(user));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            }
        }
    }
}
