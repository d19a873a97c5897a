//! Public keys under the standard providers (S-183, S-203, S-222, S-223).
//!
//! ```text
//!  Keys:      Start ──▶ (Asking the broker for those not known) ──▶ (Keeping) ──▶ the cards
//!               └─ the local store alone does not know one ──▶ Checking ──▶ not found, or degraded
//!  KeepKeys:  Start ──▶ (Keeping) ──▶ done
//! ```

use crate::crypto::CardChain;
use crate::effect::Reply;
use crate::error::{Error, LocalError, Misuse};
use crate::model::UserId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::{Check, Transact};
use crate::ops::user::PublicKeys;
use crate::provider::container::checked;
use crate::provider::{Options, Standard};
use crate::session::Session;
use crate::{attempt, drive};
use std::collections::BTreeSet;

/// The operation under a standard provider. What was learned is kept; a store that fails is no
/// failure of the call.
pub(crate) struct Keys {
    place: Standard,
    users: BTreeSet<UserId>,
    options: Options,
    chains: Vec<CardChain>,
    state: State,
}

enum State {
    Start,
    Checking(UserId, Check),
    Asking(PublicKeys),
    Keeping(Transact),
}

impl Keys {
    pub(crate) fn new(place: Standard, users: Vec<UserId>, options: Options) -> Self {
        let users = users.into_iter().collect();
        Self { place, users, options, chains: Vec::new(), state: State::Start }
    }

    /// All of them, or the first that is not known.
    fn known(&self, session: &Session) -> Result<Result<Vec<CardChain>, UserId>, Error> {
        let own = session.local()?.user.keys().chain();
        let chain = |user: &UserId| match session.chain(*user) {
            _ if *user == own.user_id() => Ok(own.clone()),
            Some(chain) => Ok(chain.clone()),
            None => Err(*user),
        };
        Ok(self.users.iter().map(chain).collect())
    }
}

impl Operation for Keys {
    type Output = Vec<CardChain>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<CardChain>, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start if self.place == Standard::Ofs => match attempt!(self.known(cx.session)) {
                    Ok(chains) => return Step::Done(Ok(chains)),
                    Err(user) => State::Checking(user, Check::new()),
                },
                State::Checking(user, check) => match checked(check, cx, &mut reply) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(result) => {
                        let error = match attempt!(result) {
                            None => LocalError::KeysNotFound { user: *user },
                            Some(since) => LocalError::Degraded {
                                reason: format!(
                                    "the keys of user {user} are not here, and something was lost before {since}"
                                ),
                            },
                        };
                        return Step::Done(Err(error.into()));
                    }
                },
                State::Start => {
                    let keys = PublicKeys::new(self.users.iter().copied());
                    State::Asking(if self.options.force_refresh { keys.refreshed() } else { keys })
                }
                State::Asking(keys) => {
                    self.chains = drive!(keys, cx, reply);
                    if self.place == Standard::Server || !cx.session.caches() {
                        return Step::Done(Ok(core::mem::take(&mut self.chains)));
                    }
                    for user in &self.users {
                        cx.session.want_peer(*user);
                    }
                    State::Keeping(Transact::peers())
                }
                State::Keeping(transact) => match transact.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(_) => return Step::Done(Ok(core::mem::take(&mut self.chains))),
                },
            };
        }
    }
}

/// Keeps the public keys of a user in the local store. A [`CardChain`] has no private part. Cards that do
/// not go on from those known of the user are refused; one's own are in the key file.
pub(crate) struct KeepKeys {
    chain: Option<CardChain>,
    keeping: Option<Transact>,
}

impl KeepKeys {
    pub(crate) const fn new(chain: CardChain) -> Self {
        Self { chain: Some(chain), keeping: None }
    }
}

impl Operation for KeepKeys {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        if let Some(chain) = self.chain.take() {
            let own = attempt!(cx.session.local()).user.clone();
            if chain.user_id() == own.id() {
                return Step::Done(own.keys().check_served(chain.cards()).map(drop).map_err(Into::into));
            }
            attempt!(cx.session.keep_peer(&chain));
            self.keeping = Some(Transact::peers());
        }
        match &mut self.keeping {
            Some(keeping) => keeping.resume(cx, reply.take()),
            None => Step::Done(Err(Misuse::ResumedAfterDone.into())),
        }
    }
}
