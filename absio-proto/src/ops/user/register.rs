//! Registers a user whose keys exist already (S-205, X-10, F23).

use crate::crypto::KeyRing;
use crate::effect::Reply;
use crate::error::{Error, InputError};
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::session::{Session, User};
use crate::wire::{self, CreateUser, Route, UserCreated};
use crate::{attempt, drive};

/// Registers the user of a key ring that the program keeps itself: an agent, a test, a vault. The
/// broker gets the public keys and no key file; sign in with `LoginWith::nothing().user(user)`. Gives
/// the user, with the id that the keys imply. Nobody is signed in by it. One round trip.
pub struct Register {
    user: User,
    retrieval_key: Option<[u8; 32]>,
    exchange: Option<Exchange>,
}

impl Register {
    /// The user of `ring`, which must have its first card only.
    pub fn new(ring: KeyRing) -> Self {
        Self { user: ring.into(), retrieval_key: None, exchange: None }
    }

    /// A user with a key file, which whoever holds the retrieval key may fetch.
    pub(super) fn with_key_file(user: User, retrieval_key: [u8; 32]) -> Self {
        Self { user, retrieval_key: Some(retrieval_key), exchange: None }
    }

    fn exchange(&self) -> Result<Exchange, InputError> {
        let [card] = self.user.keys().chain().cards() else {
            return Err(InputError::InvalidArgument {
                argument: "key ring",
                reason: "its keys were changed since it was made; register it before".into(),
            });
        };
        let request = CreateUser {
            user_id: self.user.id(),
            card: card.clone(),
            key_file: self.user.sealed_key_file().map(|sealed| sealed.as_bytes().to_vec()),
            retrieval_key: self.retrieval_key,
            reminder: self.user.key_file().map(|open| open.reminder().to_owned()).unwrap_or_default(),
        };
        Ok(Exchange::bundle(Route::CreateUser, request.encode()).signed_by(self.user.clone()))
    }

    /// The broker echoes the id that the keys imply.
    fn check_echo(&self, body: &[u8]) -> Result<(), Error> {
        let (created, user): (UserCreated, _) =
            (wire::from_json("the new user's reply", body)?, self.user.id());
        if created.user_id == user {
            Ok(())
        } else {
            Err(Error::Protocol(format!("it named the new user {user} differently")))
        }
    }
}

impl Operation for Register {
    type Output = User;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<User, Error>> {
        let exchange = match &mut self.exchange {
            Some(exchange) => exchange,
            None => {
                attempt!(cx.session.config());
                let exchange = attempt!(self.exchange());
                self.exchange.insert(exchange)
            }
        };
        let body = drive!(exchange, cx, reply);
        attempt!(self.check_echo(&body));
        Step::Done(Ok(self.user.clone()))
    }
}
