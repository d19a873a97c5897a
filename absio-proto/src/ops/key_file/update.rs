//! Replaces the key file at the broker (S-202).

use super::{check_replaced, replace};
use crate::crypto::{RetrievalKey, SealedKeyFile};
use crate::effect::Reply;
use crate::error::{Error, InputError, Misuse};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::session::{Session, User};
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// Uploads a new version of the signed-in user's key file. With a passphrase, the key that fetches
/// it is replaced too; with a reminder, the public reminder; what is not given stays. Compare-and-set
/// on the version this session holds. One round trip.
pub struct Update {
    user: Option<User>,
    passphrase: Option<Zeroizing<String>>,
    reminder: Option<String>,
    state: State,
}

enum State {
    Start,
    Deriving(Leaf<RetrievalKey>),
    Replacing(Exchange),
}

impl Update {
    /// To the key file that `user` holds.
    pub fn new(user: User) -> Self {
        Self { user: Some(user), passphrase: None, reminder: None, state: State::Start }
    }

    /// Fetchable by `passphrase` from now on. It must be the one the file is sealed under.
    pub fn passphrase(mut self, passphrase: &str) -> Self {
        self.passphrase = Some(Zeroizing::new(passphrase.to_owned()));
        self
    }

    /// With this public reminder, which must be the one inside the file.
    pub fn reminder(mut self, reminder: &str) -> Self {
        self.reminder = Some(reminder.to_owned());
        self
    }

    fn put(&mut self, cx: &Cx<'_>, retrieval_key: Option<[u8; 32]>) -> Result<State, Error> {
        let new = self.user.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        let held: &SealedKeyFile = &cx.session.signed_in()?.sealed;
        Ok(State::Replacing(replace(held, &new.sealed, retrieval_key, self.reminder.take())))
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        let config = cx.session.config()?;
        let own = cx.session.signed_in()?.id();
        let new = self.user.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        if new.id() != own {
            return Err(InputError::InvalidArgument {
                argument: "key file",
                reason: format!("it belongs to user {}, {own} is signed in", new.id()),
            }
            .into());
        }
        match self.passphrase.take() {
            None => self.put(cx, None),
            Some(passphrase) => {
                let (origin, policy) = (config.origin.clone(), config.kdf);
                Ok(State::Deriving(Leaf::compute("derive the retrieval key", move || {
                    RetrievalKey::derive(&passphrase, &origin, own, &policy)
                })))
            }
        }
    }
}

impl Operation for Update {
    type Output = User;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<User, Error>> {
        loop {
            match &mut self.state {
                State::Start => self.state = attempt!(self.start(cx)),
                State::Deriving(leaf) => {
                    let key = drive!(leaf, cx, reply);
                    self.state = attempt!(self.put(cx, Some(key.public())));
                }
                State::Replacing(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    let user = attempt!(self.user.take().ok_or(Misuse::ResumedAfterDone));
                    attempt!(check_replaced(&body, &user.sealed));
                    cx.session.replace_key_file(user.clone());
                    return Step::Done(Ok(user));
                }
            }
        }
    }
}
