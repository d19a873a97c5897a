//! Fetches and verifies the public keys of users: one request, whatever their number.
//!
//! ```text
//!  Start ──┬─▶ Fetching (from the broker, 4,096 users a request) ──▶ … ──▶ verified cards
//!          └─▶ Asking (the configured source) ──▶ verified cards
//! ```

use crate::crypto::CardChain;
use crate::effect::Reply;
use crate::error::{Error, RemoteCode, RemoteError};
use crate::limits;
use crate::model::UserId;
use crate::operation::{BoxOp, Cx, Operation, Step};
use crate::ops::Exchange;
use crate::session::{CardsKnown, Session};
use crate::wire::{KeysAnswer, KeysRequest, Route};
use crate::{attempt, drive};
use std::collections::BTreeSet;

/// Gives the verified identity cards of users, in ascending order of id. What the session has
/// verified already is not fetched again unless [`refreshed`](Self::refreshed).
pub struct PublicKeys {
    users: BTreeSet<UserId>,
    refresh: bool,
    wanted: Vec<UserId>,
    /// What was known when the last question was asked.
    asked_with: CardsKnown,
    state: State,
}

enum State {
    Start,
    Fetching(Exchange),
    Asking(BoxOp<Vec<(UserId, Vec<Vec<u8>>)>>),
    Learned,
}

impl PublicKeys {
    /// Of `users`.
    pub fn new(users: impl IntoIterator<Item = UserId>) -> Self {
        let users = users.into_iter().collect();
        let (refresh, wanted, asked_with) = (false, Vec::new(), CardsKnown::default());
        Self { users, refresh, wanted, asked_with, state: State::Start }
    }

    /// Asks the broker even for users that are known.
    pub fn refreshed(mut self) -> Self {
        self.refresh = true;
        self
    }

    /// The next request, or the question to the source; none if all is known.
    fn fetch_next(&mut self, session: &Session) -> Result<Option<State>, Error> {
        if self.wanted.is_empty() {
            return Ok(None);
        }
        self.asked_with = session.cards_known();
        if let Some(source) = &session.config()?.key_source {
            return Ok(Some(State::Asking(source.0.cards(core::mem::take(&mut self.wanted)))));
        }
        let rest = self.wanted.split_off(self.wanted.len().min(limits::KEYS_PAGE));
        let request = KeysRequest { user_ids: core::mem::replace(&mut self.wanted, rest) };
        Ok(Some(State::Fetching(Exchange::json(Route::Keys, &request))))
    }

    fn learn(&self, body: &[u8], cx: &mut Cx<'_>) -> Result<(), Error> {
        let answer = KeysAnswer::decode(body)?;
        if let Some(unknown) = answer.unknown.iter().find(|user| self.users.contains(user)) {
            return Err(unknown_user(*unknown));
        }
        cx.session.learn_served(answer.cards, self.asked_with)
    }

    fn chains(&self, session: &Session) -> Result<Vec<CardChain>, Error> {
        self.users
            .iter()
            .map(|user| session.chain(*user).cloned().ok_or_else(|| unknown_user(*user)))
            .collect()
    }
}

fn unknown_user(user: UserId) -> Error {
    Error::Remote(RemoteError {
        code: RemoteCode::UserNotFound,
        message: format!("the server knows no user {user}; check the id"),
        subject: Some(user.to_string()),
        retry_after_ms: None,
    })
}

impl Operation for PublicKeys {
    type Output = Vec<CardChain>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<CardChain>, Error>> {
        loop {
            match &mut self.state {
                State::Start => {
                    attempt!(cx.session.signed_in());
                    let known = |user: &UserId| !self.refresh && cx.session.chain(*user).is_some();
                    self.wanted = self.users.iter().filter(|user| !known(user)).copied().collect();
                }
                State::Fetching(exchange) => {
                    let body = drive!(exchange, cx, reply);
                    attempt!(self.learn(&body, cx));
                }
                State::Asking(source) => {
                    for (user, cards) in drive!(source, cx, reply) {
                        attempt!(cx.session.learn_cards(user, &cards, self.asked_with));
                    }
                    self.state = State::Learned;
                }
                State::Learned => {}
            }
            match attempt!(self.fetch_next(cx.session)) {
                Some(state) => self.state = state,
                None => return Step::Done(self.chains(cx.session)),
            }
        }
    }
}
