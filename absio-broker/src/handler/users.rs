//! Users: create, delete, reminder, public keys.

use super::admit::{self, Caller, present};
use super::sessions::empty;
use super::{bundle_answer, json_answer, signed};
use crate::events::{self, KeyFileChange};
use crate::idempotency;
use crate::proofs;
use crate::rows::{self, DenyRow, UserRow};
use crate::turn::{Plan, Turn, Turned, damaged, invalid, refuse, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::suite::SUITE_1;
use absio_proto::crypto::{CardChain, SealedKeyFile, public_key};
use absio_proto::limits;
use absio_proto::model::{EventAction, UserId};
use absio_proto::wire::{
    Base64, CreateUser, DeleteUser, KeysAnswer, KeysRequest, ReminderAnswer, UserCreated, from_json,
};

/// The verified card chain of a user, if there is such a user.
pub(super) fn chain(turn: &mut Turn<'_>, user: UserId) -> Turned<Option<CardChain>> {
    let Some(bytes) = turn.row(&rows::cards(user))? else { return Ok(None) };
    let cards = rows::decode_cards(&bytes).ok_or_else(damaged)?;
    CardChain::verify(user, &cards).map(Some).map_err(|_| damaged())
}

/// The same; it must still be the same when the plan is carried out.
pub(super) fn watched_chain(turn: &mut Turn<'_>, user: UserId) -> Turned<Option<CardChain>> {
    turn.watch(&rows::cards(user))?;
    chain(turn, user)
}

/// A key file as it came, if it is `user`'s and within its limit.
pub(super) fn check_key_file(user: UserId, bytes: &[u8]) -> Turned<SealedKeyFile> {
    if bytes.len() > limits::KEY_FILE {
        return Err(admit::too_large(limits::KEY_FILE as u64));
    }
    let file = SealedKeyFile::from_bytes(bytes.to_vec()).map_err(|error| invalid(&error))?;
    if file.user_id() == user {
        Ok(file)
    } else {
        Err(refuse_about(RemoteCode::InvalidObject, "the key file is another user's", file.user_id()))
    }
}

/// A reminder within its limit.
pub(super) fn check_reminder(reminder: &str) -> Turned<()> {
    if reminder.len() > limits::REMINDER {
        return Err(refuse(RemoteCode::TooLarge, "the reminder is over 1 KiB"));
    }
    Ok(())
}

/// A retrieval key that may be used.
pub(super) fn check_retrieval_key(key: &[u8; 32]) -> Turned<Base64> {
    public_key::import_signing(key).map_err(|error| invalid(&error))?;
    Ok(Base64(key.to_vec()))
}

/// `POST /v1/users`.
pub(super) fn create(turn: &mut Turn<'_>, caller: &Caller) -> Turned<Plan> {
    let body = turn.body(CreateUser::decode)?;
    let user = body.user_id;
    idempotency::once(turn, user, caller.idempotency_key()?, |turn| {
        let chain =
            CardChain::verify(user, std::slice::from_ref(&body.card)).map_err(|error| invalid(&error))?;
        admit::verify_signature(turn, caller, &chain)?;
        if chain.is_closed() || !chain.supports(SUITE_1) {
            return Err(invalid(&"the card has no keys in use for suite 1"));
        }
        if proofs::is_ahead(chain.latest().created_at, turn.time()) {
            return Err(invalid(&"the card is dated in the future; check this device's clock"));
        }
        if body.key_file.is_some() != body.retrieval_key.is_some() {
            return Err(refuse(RemoteCode::BadRequest, "a key file and a retrieval key go together"));
        }
        check_reminder(&body.reminder)?;
        let retrieval_key = body.retrieval_key.as_ref().map(check_retrieval_key).transpose()?;
        let file = body.key_file.as_ref().map(|bytes| check_key_file(user, bytes)).transpose()?;

        let cards_key = rows::cards(user);
        if turn.watch(&cards_key)?.is_some() {
            return Err(refuse_about(RemoteCode::AlreadyExists, "the user exists already", user));
        }
        let server_time = turn.time().as_millis();
        let mut plan = Plan::answer(json_answer(201, &UserCreated { user_id: user, server_time }));
        plan.put(cards_key, rows::encode_cards(chain.cards()));
        let row = UserRow {
            reminder: body.reminder.clone(),
            retrieval_key,
            generation: file.as_ref().map(SealedKeyFile::generation),
            checksum: file.as_ref().map(|file| Base64(file.checksum().to_vec())),
            deleted: false,
        };
        plan.put(rows::user(user), rows::encode(&row));
        let change = KeyFileChange { checksum: row.checksum, ..KeyFileChange::default() };
        events::key_file_event(turn, caller, &mut plan, user, EventAction::Added, change);
        if let Some(file) = file {
            plan.put(rows::key_file(user), file.into_bytes());
        }
        Ok(plan)
    })
}

/// `DELETE /v1/users/{user}` (F22): keeps the card chain, closed, for ever; leaves the user's rows in
/// containers of others inert.
pub(super) fn delete(turn: &mut Turn<'_>, caller: &Caller, user: UserId) -> Turned<Plan> {
    if caller.user()? != user {
        return Err(refuse_about(RemoteCode::PermissionDenied, "only the user can delete the user", user));
    }
    let body = turn.body(DeleteUser::decode)?;
    if body.user_id != user {
        return Err(refuse(RemoteCode::BadRequest, "the closing card is another user's"));
    }
    let before = present(watched_chain(turn, user)?)?;
    let mut chain = before.clone();
    chain.append(&body.closing_card).map_err(|error| invalid(&error))?;
    if !chain.is_closed() {
        return Err(invalid(&"the card leaves keys in use: it does not close the chain"));
    }
    if proofs::is_ahead(chain.latest().created_at, turn.time()) {
        return Err(invalid(&"the card is dated in the future; check this device's clock"));
    }
    signed::check_card(turn, user, &before, &chain)?;
    let remembered = rows::idempotency_of(user);
    let end = rows::end_of(&remembered);
    // What is beyond one scan is removed when it expires.
    let remembered = turn.scan(remembered, end, limits::STORE_ENTRIES)?;

    let mut plan = empty();
    plan.put(rows::cards(user), rows::encode_cards(chain.cards()));
    let row = UserRow {
        reminder: String::new(),
        retrieval_key: None,
        generation: None,
        checksum: None,
        deleted: true,
    };
    plan.put(rows::user(user), rows::encode(&row));
    plan.delete(rows::key_file(user));
    plan.put(rows::deny(user), rows::encode(&DenyRow { all: true, ..DenyRow::default() }));
    for (key, _) in remembered.iter() {
        plan.delete(key.clone());
    }
    events::key_file_event(turn, caller, &mut plan, user, EventAction::Deleted, KeyFileChange::default());
    Ok(plan)
}

/// `GET /v1/users/{user}/reminder`.
pub(super) fn reminder(turn: &mut Turn<'_>, user: UserId) -> Turned<Plan> {
    let row: Option<UserRow> = turn.typed(&rows::user(user))?;
    let reminder = row.map(|row| row.reminder).unwrap_or_default();
    Ok(Plan::answer(json_answer(200, &ReminderAnswer { reminder })))
}

/// `POST /v1/keys`.
pub(super) fn keys(turn: &mut Turn<'_>) -> Turned<Plan> {
    let body = turn.body(|body| from_json::<KeysRequest>("the body", body))?;
    if body.user_ids.len() > limits::KEYS_PAGE {
        return Err(refuse(RemoteCode::BadRequest, "more than 4,096 users are asked for at once"));
    }
    let wanted: std::collections::BTreeSet<UserId> = body.user_ids.iter().copied().collect();
    let keys: Vec<_> = wanted.iter().map(|user| rows::cards(*user)).collect();
    let mut answer = KeysAnswer::default();
    for (user, row) in wanted.iter().zip(turn.rows(&keys)?) {
        match row {
            None => answer.unknown.push(*user),
            Some(bytes) => {
                let cards = rows::decode_cards(&bytes).ok_or_else(damaged)?;
                answer.cards.extend(cards.into_iter().map(|card| (*user, card)));
            }
        }
    }
    Ok(Plan::answer(bundle_answer(answer.encode())))
}
