//! `info`, `challenge`, `login`, `logout`.

use super::admit::Caller;
use super::{json_answer, users};
use crate::nonce::{self, Nonce};
use crate::proofs;
use crate::rows::{self, DenyRow};
use crate::session_token::{self, SessionToken};
use crate::turn::{Halt, Plan, Turn, Turned, refuse, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::{CardChain, LoginProof};
use absio_proto::effect::HttpResponse;
use absio_proto::limits::TOKEN_LIFE_MS;
use absio_proto::model::Timestamp;
use absio_proto::wire::{Base64, Challenge, InfoAnswer, LoginAnswer, LoginRequest, from_json};
use serde_json::{Map, Value};

/// `GET /v1/info`.
pub(super) fn info(turn: &Turn<'_>) -> HttpResponse {
    json_answer(
        200,
        &InfoAnswer {
            protocol: 1,
            suites: vec![absio_proto::crypto::suite::SUITE_1],
            server_time: turn.time().as_millis(),
            software: concat!("absio-broker/", env!("CARGO_PKG_VERSION")).into(),
        },
    )
}

/// The empty JSON object.
pub(super) fn empty() -> Plan {
    Plan::answer(json_answer(200, &Value::Object(Map::new())))
}

/// A nonce for the next login or retrieval.
pub(super) fn fresh_challenge(turn: &mut Turn<'_>) -> Challenge {
    let id = turn.random();
    let now = turn.time();
    Challenge { nonce: Base64(nonce::issue(turn.state.secret(), id, now)), server_time: now.as_millis() }
}

/// `POST /v1/challenge`.
pub(super) fn challenge(turn: &mut Turn<'_>) -> Turned<Plan> {
    let body = &turn.inbound.request.body;
    if !body.is_empty() {
        let _nothing: Map<String, Value> =
            from_json("the body", body).map_err(|error| refuse(RemoteCode::BadRequest, error.to_string()))?;
    }
    let challenge = fresh_challenge(turn);
    Ok(Plan::answer(json_answer(200, &challenge)))
}

/// The nonce of a proof, if it was made here, is not too old and not used.
pub(super) fn unused_nonce(turn: &mut Turn<'_>, bytes: &Base64) -> Turned<Option<Nonce>> {
    let Some(nonce) = nonce::verify(turn.state.secret(), &bytes.0, turn.time()) else { return Ok(None) };
    let used = turn.watch(&rows::nonce(nonce.expires, &nonce.id))?;
    Ok(used.is_none().then_some(nonce))
}

/// The signing key of `chain`, or of the stand-in: proofs of unknown users are verified all the same.
pub(super) fn chain_or_stand_in(turn: &mut Turn<'_>, chain: Option<CardChain>) -> Turned<(CardChain, bool)> {
    match chain {
        Some(chain) if !chain.is_closed() => Ok((chain, true)),
        // Its own cards were verified already.
        Some(_) => Ok((turn.state.stand_in().clone(), false)),
        None => {
            let stand_in = turn.state.stand_in();
            let [_, cards] = turn.state.stand_in_rows();
            let cards = rows::decode_cards(cards).unwrap_or_default();
            let chain = CardChain::verify(stand_in.user_id(), &cards);
            Ok((chain.unwrap_or_else(|_| stand_in.clone()), false))
        }
    }
}

/// `POST /v1/login`.
pub(super) fn login(turn: &mut Turn<'_>, caller: &Caller) -> Turned<Plan> {
    let body = turn.body(|body| from_json::<LoginRequest>("the body", body))?;
    let refused = || -> Halt {
        let message = "the login was not accepted; check the user id, this device's clock, and that its key file is the newest";
        refuse_about(RemoteCode::LoginRefused, message, body.user_id)
    };
    let now = turn.time();
    let nonce = unused_nonce(turn, &body.nonce)?;
    let (Ok(client_nonce), Ok(signature)) = (
        <[u8; 32]>::try_from(body.client_nonce.0.as_slice()),
        <[u8; 64]>::try_from(body.signature.0.as_slice()),
    ) else {
        return Err(refuse(RemoteCode::BadRequest, "client_nonce is 32 bytes, signature 64"));
    };
    // The last thing that is read: a turn that fetches more after it would verify a known chain twice,
    // and so tell it from the stand-in.
    let chain = users::chain(turn, body.user_id)?;
    let (chain, known) = chain_or_stand_in(turn, chain)?;
    // The key in use is verified with even if another was named, so that every refusal costs the same.
    let index = chain.active_signing().map_or(0, |(index, _)| index);
    let verified = proofs::for_each_origin(turn.state.origins(), |origin| {
        let proof = LoginProof {
            origin: origin.to_owned(),
            api_key: caller.api_key,
            user_id: chain.user_id(),
            key_index: index,
            server_nonce: body.nonce.0.clone(),
            client_nonce,
            time: Timestamp::from_millis(body.time),
        };
        proof.verify(&chain, &signature)
    });
    let timely = proofs::is_near(Timestamp::from_millis(body.time), now);
    let nonce = nonce.filter(|_| known && timely && index == body.key_index && verified.is_ok());
    let nonce = nonce.ok_or_else(refused)?;

    let token = SessionToken {
        user: body.user_id,
        id: turn.random(),
        sequence: chain.sequence(),
        api_key: caller.api_key,
        issued: now,
        expires: now.plus_millis(TOKEN_LIFE_MS),
    };
    let mut plan = Plan::answer(json_answer(
        200,
        &LoginAnswer {
            token: Base64(session_token::issue(turn.state.secret(), &token)),
            expires_at: token.expires.as_millis(),
            server_time: now.as_millis(),
        },
    ));
    plan.put(rows::nonce(nonce.expires, &nonce.id), Vec::new());
    Ok(plan)
}

/// `POST /v1/logout`.
pub(super) fn logout(turn: &mut Turn<'_>, caller: &Caller) -> Turned<Plan> {
    let session = caller.session()?;
    let now = turn.time().as_millis();
    let key = rows::deny(session.user);
    let mut deny: DenyRow = turn.typed_watch(&key)?.unwrap_or_default();
    deny.tokens.retain(|(_, expires)| *expires > now);
    deny.tokens.push((Base64(session.id.to_vec()), session.expires.as_millis()));
    let mut plan = empty();
    plan.put(key, rows::encode(&deny));
    Ok(plan)
}
