//! One effect for each idempotency key, however often a change arrives (`docs/protocol.md` §14.5).
//!
//! The row is written in the commit of the change itself, on the condition that it is absent, so a
//! repeat can neither slip in between nor be answered before the change is durable. Refusals are not
//! remembered: nothing was changed.

use crate::handler::{binding, json_text};
use crate::rows::{self, IdempotencyRow};
use crate::turn::{Plan, Turn, Turned, refuse};
use absio_proto::RemoteCode;
use absio_proto::effect::HttpRequest;
use absio_proto::limits::IDEMPOTENCY_LIFE_MS;
use absio_proto::model::UserId;
use absio_proto::planted;
use absio_proto::wire::Base64;
use sha2::{Digest, Sha384};
use subtle::ConstantTimeEq;

/// SHA-384 of method, path and body, each after its u64 length.
#[derive(Clone, Copy)]
pub(crate) struct Binding([u8; 48]);

impl Binding {
    /// What a key is bound to.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let mut hash = Sha384::new();
        for part in [request.method.as_str().as_bytes(), request.path.as_bytes(), &request.body] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// Gives the remembered answer of `key`, or lets `change` be made and its answer remembered with it.
pub(crate) fn once(
    turn: &mut Turn<'_>,
    user: UserId,
    key: [u8; 16],
    change: impl FnOnce(&mut Turn<'_>) -> Turned<Plan>,
) -> Turned<Plan> {
    let row_key = rows::idempotency(user, &key);
    let binding = binding(turn)?;
    let now = turn.time();
    let remembered: Option<IdempotencyRow> = turn.typed_watch(&row_key)?;
    if let Some(row) =
        remembered.filter(|row| planted!(IdempotencyForgotten, false, row.expires > now.as_millis()))
    {
        if !bool::from(row.binding.0.as_slice().ct_eq(&binding.0)) {
            let message = "the idempotency key was used for another request; draw a new one for each change";
            return Err(refuse(RemoteCode::IdempotencyMismatch, message));
        }
        return Ok(Plan::answer(json_text(row.status, row.body)));
    }
    let mut plan = change(turn)?;
    let expires = now.plus_millis(IDEMPOTENCY_LIFE_MS);
    let row = IdempotencyRow {
        binding: Base64(binding.0.to_vec()),
        expires: expires.as_millis(),
        status: plan.output.status,
        body: String::from_utf8_lossy(&plan.output.body).into_owned(),
    };
    plan.put(row_key, rows::encode(&row));
    plan.put(rows::idempotency_expiry(expires, user, &key), Vec::new());
    Ok(plan)
}
