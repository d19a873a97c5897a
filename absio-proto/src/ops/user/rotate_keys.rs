//! Gives the signed-in user new keys (X-08).
//!
//! ```text
//!  Start ──▶ Sending (the card, and the key file that holds the new keys, in one step) ──▶ User
//! ```

use crate::crypto::{CardChain, KeyFileContent, KeyRing, KeyState};
use crate::effect::Reply;
use crate::error::{CryptoError, Error, InputError, Misuse};
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::ops::key_file::put_request;
use crate::session::{Session, User};
use crate::wire::{self, AddCard, CardAdded, Route};
use crate::{attempt, drive};

/// Gives the signed-in user a new signing and a new derivation key. The id stays, peers follow the
/// card chain, and what was sealed for the old keys still opens. The key file is sealed anew under the
/// same credentials; other devices fetch it before they sign anything more. Gives the user with the
/// new keys, who is the signed-in one then. One round trip; nothing is changed by one that is refused.
///
/// If the broker has meanwhile taken something that the old key signed under a later date, from another device or
/// a change of this one that was under way, it refuses with
/// [`Conflict`](crate::RemoteCode::Conflict): run it again.
///
/// If it fails with [`Error::Transport`], the keys may have been changed nevertheless: then the old
/// ones no longer log in, and a login with the passphrase fetches the new.
///
/// What a key signed that is revoked counts for nobody who has not seen it before: sign the containers
/// anew with [`Resign`](crate::ops::container::Resign), or let [`RevokeKeys`](super::RevokeKeys) do
/// both.
///
/// A key file holds every card, so it has room for some 90 changes of keys; then the error is
/// [`InputError::TooLarge`].
pub struct RotateKeys {
    next: Option<Next>,
    state: State,
}

enum Next {
    /// Drawn here; the keys in use become this.
    Fresh(KeyState),
    /// Made by the caller.
    Given(Box<KeyRing>),
}

enum State {
    Start,
    Sending(Exchange, User),
}

impl RotateKeys {
    /// In the course of things: the old keys are retired, and what they signed before stands. Other
    /// sessions of the user go on until their time is over.
    pub fn new() -> Self {
        Self::with(Next::Fresh(KeyState::Retired))
    }

    /// After a theft: the old keys are revoked, and every session of the user is over.
    pub fn revoking() -> Self {
        Self::with(Next::Fresh(KeyState::Revoked))
    }

    /// To the keys of `ring`, made with [`KeyRing::rotated`]. It is the way for a user without a key
    /// file: keep the ring before this is run, or a lost answer may cost the account.
    pub fn to(ring: KeyRing) -> Self {
        Self::with(Next::Given(Box::new(ring)))
    }

    fn with(next: Next) -> Self {
        Self { next: Some(next), state: State::Start }
    }

    /// The ring that takes the place of that of `user`.
    fn ring(&mut self, user: &User, cx: &mut Cx<'_>) -> Result<KeyRing, Error> {
        let invalid =
            |reason: &str| InputError::InvalidArgument { argument: "key ring", reason: reason.into() };
        let own = user.keys();
        match self.next.take().ok_or(Misuse::ResumedAfterDone)? {
            Next::Given(ring) => {
                let chain = ring.chain();
                let follows = chain.sequence() == own.chain().sequence() + 1
                    && chain.extends(own.chain().sequence(), &own.chain().head()).is_ok();
                if chain.user_id() == user.id() && follows {
                    Ok(*ring)
                } else {
                    Err(invalid("it is not the next one after that of the signed-in user").into())
                }
            }
            Next::Fresh(_) if user.key_file().is_none() => {
                let reason = "the keys are kept elsewhere: make the next with KeyRing::rotated, keep it, \
                              and give it to RotateKeys::to";
                Err(invalid(reason).into())
            }
            Next::Fresh(state) => own.rotated(state, cx.entropy, cx.session.card_date(user.id(), cx.now.utc)),
        }
    }

    fn start(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let held = cx.session.signer()?.clone();
        let ring = self.ring(&held, cx)?;
        let card = ring.chain().cards().last().ok_or(Misuse::ResumedAfterDone)?.clone();
        let (new, key_file) = match held.require_key_file() {
            Ok((open, sealed)) => {
                let content = KeyFileContent { ring, ..open.content().duplicate() };
                let new = User::from(open.reseal(content, cx.entropy)?);
                let put = put_request(Some(sealed), &new, None)?;
                (new, Some(put))
            }
            Err(_) => (User::from(ring), None),
        };
        let user_id = new.id();
        let body = AddCard { user_id, card, key_file }.encode();
        Ok(State::Sending(Exchange::bundle(Route::AddCard(user_id), body), new))
    }
}

impl Default for RotateKeys {
    fn default() -> Self {
        Self::new()
    }
}

/// The broker must have taken exactly what was sent.
fn check_added(body: &[u8], new: &User) -> Result<(), Error> {
    let added: CardAdded = wire::from_json("the new card's reply", body)?;
    let user = new.id();
    if (added.user_id, added.sequence) != (user, new.keys().chain().sequence()) {
        return Err(Error::Protocol(format!("it answered the card of user {user} with another")));
    }
    let expected = new.sealed_key_file().map(|sealed| (sealed.generation(), sealed.checksum().to_vec()));
    if added.key_file.map(|state| (state.generation, state.checksum.0)) == expected {
        Ok(())
    } else {
        Err(CryptoError::KeyFileInvalid { user, reason: "the server stored other bytes" }.into())
    }
}

/// The session has the new keys from now on.
fn adopt(session: &mut Session, old: &CardChain, new: User) {
    let revoked = new.keys().chain().has_revoked_since(old);
    session.replace_key_file(new);
    if revoked {
        // It is over with all the others.
        session.drop_token();
    }
}

impl Operation for RotateKeys {
    type Output = User;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<User, Error>> {
        loop {
            match &mut self.state {
                State::Start => self.state = attempt!(self.start(cx)),
                State::Sending(exchange, new) => {
                    let body = drive!(exchange, cx, reply);
                    attempt!(check_added(&body, new));
                    let old = attempt!(cx.session.signed_in()).keys().chain().clone();
                    adopt(cx.session, &old, new.clone());
                    return Step::Done(Ok(new.clone()));
                }
            }
        }
    }
}
