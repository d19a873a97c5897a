//! `POST /v1/users/{user}/cards`: other keys, and the key file that holds them, in one step.

use super::admit::{Caller, present};
use super::{json_answer, key_files, signed, users};
use crate::proofs;
use crate::rows::{self, DenyRow, UserRow};
use crate::turn::{Plan, Turn, Turned, invalid, refuse, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::suite::SUITE_1;
use absio_proto::model::UserId;
use absio_proto::wire::{AddCard, CardAdded};

/// Adds a card to the chain of `user`. The signature of the request is by the key in use before
/// it: that was verified on the way here. A card that revokes a key ends every session that began
/// under an earlier card, this one included; one that only retires keys leaves them.
pub(super) fn add(turn: &mut Turn<'_>, caller: &Caller, user: UserId) -> Turned<Plan> {
    if caller.user()? != user {
        let message = "only the user can change the user's keys";
        return Err(refuse_about(RemoteCode::PermissionDenied, message, user));
    }
    let body = turn.body(AddCard::decode)?;
    if body.user_id != user {
        return Err(refuse(RemoteCode::BadRequest, "the card is another user's"));
    }
    let before = present(users::watched_chain(turn, user)?)?;
    let mut chain = before.clone();
    chain.append(&body.card).map_err(|error| invalid(&error))?;
    if chain.is_closed() {
        return Err(invalid(&"the card leaves no key in use; only the deletion of the user does that"));
    }
    if !chain.supports(SUITE_1) {
        return Err(invalid(&"the card has no keys in use for suite 1"));
    }
    // Dated back, it would take the keys from under what they signed since.
    if !proofs::is_near(chain.latest().created_at, turn.time()) {
        return Err(invalid(&"the card is not dated now; check this device's clock"));
    }
    signed::check_card(turn, user, &before, &chain)?;
    let replacement = match &body.key_file {
        Some(put) => Some(key_files::check(turn, user, put)?),
        None => {
            // A key file that lacks the new keys would lock its user out.
            let row: UserRow = present(turn.typed_watch(&rows::user(user))?)?;
            if row.generation.is_some() {
                return Err(key_files::changed_elsewhere(user));
            }
            None
        }
    };

    let answer = CardAdded {
        user_id: user,
        sequence: chain.sequence(),
        key_file: replacement.as_ref().map(|replacement| replacement.state.clone()),
        server_time: turn.time().as_millis(),
    };
    let mut plan = Plan::answer(json_answer(201, &answer));
    plan.put(rows::cards(user), rows::encode_cards(chain.cards()));
    if chain.has_revoked_since(&before) {
        let key = rows::deny(user);
        let mut deny: DenyRow = turn.typed_watch(&key)?.unwrap_or_default();
        deny.before_card = chain.sequence();
        plan.put(key, rows::encode(&deny));
    }
    if let Some(replacement) = replacement {
        replacement.apply(turn, caller, &mut plan);
    }
    Ok(plan)
}
