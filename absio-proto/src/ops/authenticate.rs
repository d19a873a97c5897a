//! Gets a session token for the signed-in user: two round trips, or one with a challenge in hand.
//!
//! ```text
//!  Start ──▶ Challenging ──▶ LoggingIn ──▶ token kept in the session
//! ```

use super::Exchange;
use crate::crypto::LoginProof;
use crate::effect::Reply;
use crate::error::Error;
use crate::model::Timestamp;
use crate::operation::{Cx, Operation, Step};
use crate::session::{Session, User};
use crate::wire::{self, Base64, Challenge, LoginAnswer, LoginRequest, Route};
use crate::{attempt, drive};
use core::time::Duration;

/// Proves possession of the signing key and keeps the token that the broker gives for it.
pub(crate) struct Authenticate {
    /// Whose keys; none for the signed-in user's.
    user: Option<User>,
    state: State,
}

enum State {
    Start(Option<Challenge>),
    Challenging(Exchange),
    LoggingIn(Exchange),
}

impl Authenticate {
    /// For the signed-in user.
    pub(crate) fn new() -> Self {
        Self { user: None, state: State::Start(None) }
    }

    /// For `user`, who is not signed in yet, with the challenge at hand if there is one.
    pub(crate) fn of(user: User, challenge: Option<Challenge>) -> Self {
        Self { user: Some(user), state: State::Start(challenge) }
    }

    fn login(&self, challenge: Challenge, cx: &mut Cx<'_>) -> Result<Exchange, Error> {
        let client_nonce = cx.random::<32>()?;
        let user = match &self.user {
            Some(user) => user,
            None => cx.session.signed_in()?,
        };
        let config = cx.session.config()?;
        let proof = LoginProof {
            origin: config.origin.clone(),
            api_key: config.api_key,
            user_id: user.id(),
            key_index: user.keys().signing_index(),
            server_nonce: challenge.nonce.0,
            client_nonce,
            time: cx.now.utc,
        };
        let signature = proof.sign(user.keys())?;
        let request = LoginRequest {
            user_id: user.id(),
            key_index: proof.key_index,
            nonce: Base64(proof.server_nonce),
            client_nonce: Base64(client_nonce.to_vec()),
            time: Timestamp::as_millis(cx.now.utc),
            signature: Base64(signature.to_vec()),
        };
        Ok(Exchange::json(Route::Login, &request))
    }
}

impl Operation for Authenticate {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            match &mut self.state {
                State::Start(challenge) => {
                    self.state = match challenge.take() {
                        Some(challenge) => State::LoggingIn(attempt!(self.login(challenge, cx))),
                        None => State::Challenging(Exchange::new(Route::Challenge)),
                    };
                }
                State::Challenging(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    let challenge = attempt!(wire::from_json("the challenge", &body));
                    self.state = State::LoggingIn(attempt!(self.login(challenge, cx)));
                }
                State::LoggingIn(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    let answer: LoginAnswer = attempt!(wire::from_json("the login reply", &body));
                    let lifetime =
                        Duration::from_millis(answer.expires_at.saturating_sub(answer.server_time));
                    if let Some(user) = self.user.take() {
                        cx.session.sign_in(user);
                    }
                    cx.session.set_token(answer.token.0, lifetime, cx.now);
                    // Or every request would log in again, for ever.
                    if cx.session.token(cx.now).is_none() {
                        let message = "the session it gave was over at once".to_owned();
                        return Step::Done(Err(Error::Protocol(message)));
                    }
                    return Step::Done(Ok(()));
                }
            }
        }
    }
}
