//! Fetches a key file without a session, by the passphrase, and opens it (S-011, S-012, S-200).
//!
//! ```text
//!  Start ──▶ Deriving (job) ──▶ Challenging ──▶ Retrieving ──▶ Opening ──▶ User
//! ```
//!
//! What travels is a signature by a key derived from the passphrase, good for one nonce; never the
//! passphrase or a hash of it. Two round trips.

use super::open::Open;
use crate::crypto::{RetrievalKey, RetrievalProof, SealedKeyFile};
use crate::effect::Reply;
use crate::error::{Error, Misuse};
use crate::model::{Timestamp, UserId};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::ops::Exchange;
use crate::session::{Session, User};
use crate::wire::{self, Base64, Challenge, RetrieveAnswer, RetrieveRequest, Route};
use crate::{attempt, drive};
use zeroize::Zeroizing;

/// Fetches the key file of a user with the passphrase, and opens it with the password if one is
/// given (which proves that the caller has both), otherwise with the passphrase. Nobody is signed
/// in by it.
pub struct Get {
    user: UserId,
    passphrase: Zeroizing<String>,
    password: Option<Zeroizing<String>>,
    state: State,
}

enum State {
    Start,
    Deriving(Leaf<RetrievalKey>),
    Challenging(Exchange, Option<RetrievalKey>),
    Retrieving(Exchange),
    Opening(Open, String, Challenge),
    Done,
}

impl Get {
    /// The key file of `user`.
    pub fn new(user: UserId, passphrase: &str, password: Option<&str>) -> Self {
        Self {
            user,
            passphrase: Zeroizing::new(passphrase.to_owned()),
            password: password.map(|password| Zeroizing::new(password.to_owned())),
            state: State::Start,
        }
    }

    fn derive(&self, cx: &Cx<'_>) -> Result<State, Error> {
        let config = cx.session.config()?;
        let (passphrase, origin) = (self.passphrase.clone(), config.origin.clone());
        let (policy, user) = (config.kdf, self.user);
        Ok(State::Deriving(Leaf::compute("derive the retrieval key", move || {
            RetrievalKey::derive(&passphrase, &origin, user, &policy)
        })))
    }

    fn retrieve(&self, key: &RetrievalKey, body: &[u8], cx: &mut Cx<'_>) -> Result<State, Error> {
        let challenge: Challenge = wire::from_json("the challenge", body)?;
        let client_nonce = cx.random::<32>()?;
        let config = cx.session.config()?;
        let proof = RetrievalProof {
            origin: config.origin.clone(),
            api_key: config.api_key,
            user_id: self.user,
            server_nonce: challenge.nonce.0,
            client_nonce,
            time: cx.now.utc,
        };
        let request = RetrieveRequest {
            user_id: self.user,
            client_nonce: Base64(client_nonce.to_vec()),
            time: Timestamp::as_millis(cx.now.utc),
            signature: Base64(proof.sign(key).to_vec()),
            nonce: Base64(proof.server_nonce),
        };
        Ok(State::Retrieving(Exchange::json(Route::RetrieveKeyFile, &request)))
    }

    fn open(&mut self, body: &[u8]) -> Result<State, Error> {
        let answer = RetrieveAnswer::decode(body)?;
        let sealed = SealedKeyFile::from_bytes(answer.key_file)?;
        let passphrase = core::mem::take(&mut self.passphrase);
        let open = Open::new(self.user, sealed, self.password.take(), Some(passphrase));
        Ok(State::Opening(open, answer.reminder, answer.challenge))
    }
}

impl Operation for Get {
    /// The opened key file, and the challenge that came with it: good for one login.
    type Output = (User, Challenge);

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        loop {
            match &mut self.state {
                State::Start => self.state = attempt!(self.derive(cx)),
                State::Deriving(leaf) => {
                    let key = drive!(leaf, cx, reply);
                    self.state = State::Challenging(Exchange::new(Route::Challenge), Some(key));
                }
                State::Challenging(exchange, key) => {
                    let body = drive!(exchange, cx, reply);
                    let key = attempt!(key.take().ok_or(Misuse::ResumedAfterDone));
                    self.state = attempt!(self.retrieve(&key, &body, cx));
                }
                State::Retrieving(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    self.state = attempt!(self.open(&body));
                }
                State::Opening(open, reminder, challenge) => {
                    let user = drive!(open, cx, reply);
                    let (reminder, challenge) = (core::mem::take(reminder), challenge.clone());
                    let (key_file, _) = attempt!(user.require_key_file());
                    attempt!(key_file.check_reminder(&reminder));
                    self.state = State::Done;
                    return Step::Done(Ok((user, challenge)));
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            }
        }
    }
}
