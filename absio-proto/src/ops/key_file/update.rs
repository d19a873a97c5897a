//! Replaces the key file at the broker, or puts the first one there (S-202).

use super::{check_replaced, replace};
use crate::crypto::{RetrievalKey, SealedKeyFile, key_file};
use crate::effect::Reply;
use crate::error::{Error, InputError, Misuse};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::session::{Session, User};
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// Uploads a new version of the signed-in user's key file, or the first one of a user without. The
/// reminder inside becomes the public one. With a passphrase, the key that fetches the file is
/// replaced too; a first key file needs it. Its cards must be those of the session or go on from them:
/// an older or another history of the keys would lock this user out. Compare-and-set on the version this session holds. One
/// round trip.
pub struct Update {
    user: Option<User>,
    passphrase: Option<Zeroizing<String>>,
    is_local: bool,
    state: State,
}

enum State {
    Start,
    Deriving(Leaf<Result<RetrievalKey, Error>>),
    Replacing(Exchange),
    /// Nothing is sent.
    Checked,
}

impl Update {
    /// To the key file that `user` holds.
    pub fn new(user: User) -> Self {
        Self { user: Some(user), passphrase: None, is_local: false, state: State::Start }
    }

    /// Fetchable by `passphrase` from now on. It must be the one the file is sealed under, otherwise
    /// nothing is sent and the error is [`InputError::WrongPassphrase`].
    pub fn passphrase(mut self, passphrase: &str) -> Self {
        self.passphrase = Some(Zeroizing::new(passphrase.to_owned()));
        self
    }

    /// The user with the new key file.
    pub(crate) const fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Sends nothing and leaves the session as it is: gives the key file, checked, that is to be written
    /// here.
    pub(crate) fn locally(mut self) -> Self {
        self.is_local = true;
        self
    }

    fn put(&self, cx: &Cx<'_>, retrieval_key: Option<[u8; 32]>) -> Result<State, Error> {
        let new = self.user.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        let held = cx.session.signed_in()?.sealed_key_file();
        if self.is_local {
            let (seen, offered) = (held.map_or(0, SealedKeyFile::generation), new.require_key_file()?.1);
            if offered.generation() <= seen {
                let reason = format!("its generation must grow: {seen} is held");
                return Err(InputError::InvalidArgument { argument: "key file", reason }.into());
            }
            return Ok(State::Checked);
        }
        Ok(State::Replacing(replace(held, new, retrieval_key)?))
    }

    fn start(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        let config = cx.session.config()?;
        let held = cx.session.signed_in()?.keys().chain();
        let own = held.user_id();
        let new = self.user.as_ref().ok_or(Misuse::ResumedAfterDone)?;
        let refused = |reason| InputError::InvalidArgument { argument: "key file", reason };
        if new.id() != own {
            return Err(refused(format!("it belongs to user {}, {own} is signed in", new.id())).into());
        }
        if new.keys().chain().extends(held.sequence(), &held.head()).is_err() {
            return Err(refused(format!("its cards do not go on from those that {own} holds")).into());
        }
        match self.passphrase.take() {
            None => self.put(cx, None),
            Some(passphrase) => {
                let (origin, policy) = (config.origin.clone(), config.kdf);
                let sealed = new.require_key_file()?.1.clone();
                Ok(State::Deriving(Leaf::compute("derive the retrieval key", move || {
                    key_file::open_with_passphrase(sealed.as_bytes(), own, &passphrase, &policy)?;
                    Ok(RetrievalKey::derive(&passphrase, &origin, own, &policy))
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
                    let key = attempt!(drive!(leaf, cx, reply));
                    self.state = attempt!(self.put(cx, Some(key.public())));
                }
                State::Replacing(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    let user = attempt!(self.user.take().ok_or(Misuse::ResumedAfterDone));
                    attempt!(check_replaced(&body, &user));
                    cx.session.replace_key_file(user.clone());
                    return Step::Done(Ok(user));
                }
                State::Checked => {
                    return Step::Done(self.user.take().ok_or_else(|| Misuse::ResumedAfterDone.into()));
                }
            }
        }
    }
}
