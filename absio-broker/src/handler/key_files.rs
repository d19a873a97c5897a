//! Key files: get, checksum, put, and retrieval without a session.

use super::admit::{Caller, present};
use super::sessions::{chain_or_stand_in, fresh_challenge, unused_nonce};
use super::users::{check_key_file, check_reminder, check_retrieval_key};
use super::{bundle_answer, json_answer};
use crate::events::{self, KeyFileChange};
use crate::proofs;
use crate::rows::{self, UserRow};
use crate::turn::{Halt, Plan, Turn, Turned, damaged, invalid, refuse, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::{RetrievalProof, SealedKeyFile};
use absio_proto::model::{EventAction, Timestamp, UserId};
use absio_proto::wire::{
    Base64, Challenge, KeyFileState, PutKeyFile, RetrieveAnswer, RetrieveRequest, from_json,
};

fn not_found(user: UserId) -> Halt {
    refuse_about(RemoteCode::KeyFileNotFound, "the user keeps no key file here", user)
}

/// `GET /v1/key-file`.
pub(super) fn get(turn: &mut Turn<'_>, caller: &Caller) -> Turned<Plan> {
    let user = caller.user()?;
    let rows = turn.rows(&[rows::user(user), rows::key_file(user)])?;
    let [row, file] = <[_; 2]>::try_from(rows).map_err(|_| damaged())?;
    let key_file = file.ok_or_else(|| not_found(user))?;
    let row: UserRow = present(row.and_then(|row| rows::decode(&row)))?;
    let challenge = Challenge { nonce: Base64::default(), server_time: turn.time().as_millis() };
    let answer = RetrieveAnswer { key_file, reminder: row.reminder, challenge };
    Ok(Plan::answer(bundle_answer(answer.encode())))
}

/// `GET /v1/key-file/checksum`.
pub(super) fn checksum(turn: &mut Turn<'_>, caller: &Caller) -> Turned<Plan> {
    let user = caller.user()?;
    let row: UserRow = turn.typed(&rows::user(user))?.ok_or_else(|| not_found(user))?;
    match (row.checksum, row.generation) {
        (Some(checksum), Some(generation)) => {
            Ok(Plan::answer(json_answer(200, &KeyFileState { checksum, generation })))
        }
        _ => Err(not_found(user)),
    }
}

/// `PUT /v1/key-file`: file, retrieval key and reminder together, compared and set (F28).
pub(super) fn put(turn: &mut Turn<'_>, caller: &Caller) -> Turned<Plan> {
    let user = caller.user()?;
    let body = turn.body(PutKeyFile::decode)?;
    let replacement = check(turn, user, &body)?;
    let mut plan = Plan::answer(json_answer(200, &replacement.state));
    replacement.apply(turn, caller, &mut plan);
    Ok(plan)
}

/// Another key file that may take the place of the one there is.
pub(super) struct Replacement {
    user: UserId,
    row: UserRow,
    file: SealedKeyFile,
    /// What it will be.
    pub(super) state: KeyFileState,
    change: KeyFileChange,
}

/// Whether `body` may replace the key file of `user`: compared with what is there.
pub(super) fn check(turn: &mut Turn<'_>, user: UserId, body: &PutKeyFile) -> Turned<Replacement> {
    let file = check_key_file(user, &body.key_file)?;
    let row: UserRow = present(turn.typed_watch(&rows::user(user))?)?;
    let expected = body.expected.map(|(generation, checksum)| (generation, Base64(checksum.to_vec())));
    let held = row.generation.zip(row.checksum.clone());
    if expected != held {
        return Err(changed_elsewhere(user));
    }
    if held.is_some_and(|(generation, _)| file.generation() <= generation) {
        return Err(invalid(&"the generation of a key file must grow with every change"));
    }
    if let Some(reminder) = &body.reminder {
        check_reminder(reminder)?;
    }
    let new_key = body.retrieval_key.as_ref().map(check_retrieval_key).transpose()?;
    let passphrase = new_key.is_some() && new_key != row.retrieval_key;
    let retrieval_key = new_key.or(row.retrieval_key);
    if retrieval_key.is_none() {
        return Err(refuse(RemoteCode::BadRequest, "the first key file needs a retrieval key"));
    }
    let reminder = body.reminder.clone().unwrap_or_else(|| row.reminder.clone());
    let state = KeyFileState { checksum: Base64(file.checksum().to_vec()), generation: file.generation() };
    let change = KeyFileChange {
        checksum: Some(state.checksum.clone()),
        reminder: reminder != row.reminder,
        passphrase,
    };
    let row = UserRow {
        reminder,
        retrieval_key,
        generation: Some(state.generation),
        checksum: Some(state.checksum.clone()),
        deleted: false,
    };
    Ok(Replacement { user, row, file, state, change })
}

/// What the caller holds is not what is there.
pub(super) fn changed_elsewhere(user: UserId) -> Halt {
    let message = "the key file was changed elsewhere; fetch it and make the change again";
    refuse_about(RemoteCode::Conflict, message, user)
}

impl Replacement {
    /// Adds the rows and the event.
    pub(super) fn apply(self, turn: &Turn<'_>, caller: &Caller, plan: &mut Plan) {
        plan.put(rows::user(self.user), rows::encode(&self.row));
        plan.put(rows::key_file(self.user), self.file.into_bytes());
        events::key_file_event(turn, caller, plan, self.user, EventAction::Updated, self.change);
    }
}

/// `POST /v1/key-file/retrieve`: the proof is verified against the registered key, or that of the
/// stand-in; every refusal is the same after the same work.
pub(super) fn retrieve(turn: &mut Turn<'_>, caller: &Caller) -> Turned<Plan> {
    let body = turn.body(|body| from_json::<RetrieveRequest>("the body", body))?;
    let user = body.user_id;
    let rows = turn.rows(&[rows::user(user), rows::key_file(user)])?;
    let [row, file] = <[_; 2]>::try_from(rows).map_err(|_| damaged())?;
    let nonce = unused_nonce(turn, &body.nonce)?;
    let (Ok(client_nonce), Ok(signature)) = (
        <[u8; 32]>::try_from(body.client_nonce.0.as_slice()),
        <[u8; 64]>::try_from(body.signature.0.as_slice()),
    ) else {
        return Err(refuse(RemoteCode::BadRequest, "client_nonce is 32 bytes, signature 64"));
    };
    let [stand_in_row, _] = turn.state.stand_in_rows();
    let decoded: UserRow = present(rows::decode(row.as_ref().unwrap_or(stand_in_row)))?;
    let row = row.map(|_| decoded);
    let registered = row.as_ref().and_then(|row| row.retrieval_key.as_ref());
    let registered = registered.and_then(|key| <[u8; 32]>::try_from(key.0.as_slice()).ok());
    let (stand_in, _) = chain_or_stand_in(turn, None)?;
    // Its key is taken out of the card whether it is needed or not: that costs as much as a few microseconds.
    let nobodys = stand_in.active_signing().map(|(_, key)| key.to_bytes()).unwrap_or_default();
    let public = registered.unwrap_or(nobodys);
    let time = Timestamp::from_millis(body.time);
    let verified = proofs::for_each_origin(turn.state.origins(), |origin| {
        let proof = RetrievalProof {
            origin: origin.to_owned(),
            api_key: caller.api_key,
            user_id: user,
            server_nonce: body.nonce.0.clone(),
            client_nonce,
            time,
        };
        proof.verify(&public, &signature)
    });
    let accepted = registered.is_some() && verified.is_ok() && proofs::is_near(time, turn.time());
    let (Some(nonce), Some(row), Some(key_file), true) = (nonce, row, file, accepted) else {
        let message = "the key file was not given out: the passphrase is wrong or there is no such user";
        return Err(refuse_about(RemoteCode::RetrievalRefused, message, user));
    };
    crate::rate_limit::excuse_retrieval(turn, user)?;
    let challenge = fresh_challenge(turn);
    let answer = RetrieveAnswer { key_file, reminder: row.reminder, challenge };
    let mut plan = Plan::answer(bundle_answer(answer.encode()));
    plan.put(rows::nonce(nonce.expires, &nonce.id), Vec::new());
    events::key_file_event(turn, caller, &mut plan, user, EventAction::Accessed, KeyFileChange::default());
    Ok(plan)
}
