//! Delete: the caller leaves, or the last one puts a tombstone (F5, F6).

use super::change::{Revision, changeable, forget_reader, put_revision, tell, type_text, verify};
use super::segments;
use super::{Present, check};
use crate::events::{ContainerEvents, Tell, sight};
use crate::handler::{Caller, json_answer, signed, users};
use crate::proofs;
use crate::rows::{self, HeadRow};
use crate::turn::{Plan, Turn, Turned, damaged, invalid, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::manifest::ManifestView;
use absio_proto::crypto::tombstone::Tombstone;
use absio_proto::model::ContainerId;
use absio_proto::wire::{Base64, ContainerChanged, RemoveContainer};

/// `DELETE /v1/containers/{container}`. Needs no right, and an expired row will do (S-047).
pub(in crate::handler) fn delete(
    turn: &mut Turn<'_>,
    caller: &Caller,
    container: ContainerId,
) -> Turned<Plan> {
    let body = turn.body(RemoveContainer::decode)?;
    let present = changeable(turn, caller, container)?;
    match body.as_ref() {
        RemoveContainer::Leave(view) => leave(turn, caller, &present, view.clone()),
        RemoveContainer::Tombstone(bytes) => end(turn, caller, &present, bytes),
    }
}

fn changed(turn: &Turn<'_>, container: ContainerId, revision: u64) -> Plan {
    let server_time = turn.time().as_millis();
    Plan::answer(json_answer(200, &ContainerChanged { container_id: container, revision, server_time }))
}

fn leave(turn: &mut Turn<'_>, caller: &Caller, present: &Present, view: Vec<u8>) -> Turned<Plan> {
    let container = present.view.body().container;
    let sent = turn
        .verify("the revision sent", move || ManifestView::decode(&view).map_err(|error| invalid(&error)))?;
    let revision: Revision = verify(turn, caller, container, sent, Some(present))?;
    if !revision.change.self_removal {
        return Err(invalid(&"the revision does not remove exactly the signer's own row"));
    }
    let body = revision.next.body();
    let head = HeadRow {
        revision: body.revision,
        manifest: Base64(body.hash().to_vec()),
        rows: u64::from(body.access_count),
        creator_revision: if body.author.user == body.created_by {
            body.revision
        } else {
            present.head.creator_revision
        },
        ..present.head.clone()
    };
    let mut plan = changed(turn, container, body.revision);
    put_revision(turn, &mut plan, &revision, &head)?;
    tell(turn, caller, &mut plan, &revision, &head);
    Ok(plan)
}

/// The last reader ends the container: data, keys and type go; manifests stay with the tombstone, so
/// that the reader's other devices can verify it.
fn end(turn: &mut Turn<'_>, caller: &Caller, present: &Present, bytes: &[u8]) -> Turned<Plan> {
    let container = present.view.body().container;
    let user = caller.user()?;
    let tombstone = Tombstone::decode(bytes).map_err(|error| invalid(&error))?;
    if tombstone.container != container || tombstone.deleted_by() != user {
        return Err(invalid(&"the tombstone is another container's or another user's"));
    }
    if tombstone.previous.as_slice() != present.head.manifest.0 {
        let message = "somebody else changed the container first; fetch it and delete it again";
        return Err(refuse_about(RemoteCode::Conflict, message, container));
    }
    if proofs::is_ahead(tombstone.deleted_at, turn.time()) {
        return Err(invalid(&"the tombstone is dated in the future; check this device's clock"));
    }
    let chain = users::watched_chain(turn, user)?.ok_or_else(damaged)?;
    check::tombstone(&tombstone, &present.view, &chain)?;

    let mut plan = changed(turn, container, tombstone.revision);
    segments::drop_kept(&mut plan, present.head.header.as_ref())?;
    segments::drop_kept(&mut plan, present.head.content.as_ref())?;
    forget_reader(&mut plan, container, user);
    let head = HeadRow {
        header: None,
        content: None,
        type_opening: None,
        tombstone: Some(Base64(bytes.to_vec())),
        ..present.head.clone()
    };
    plan.put(rows::head(container), rows::encode(&head));
    signed::keep(turn, &mut plan, user, container, tombstone.deleted_at)?;
    let mut events = ContainerEvents::new(turn, caller, user, container);
    events.container_type = type_text(&present.head);
    let seen = present.view.entry(user).and_then(|entry| sight(entry, turn.time()));
    events.tell(&mut plan, [(user, seen, Tell::Deleted)]);
    Ok(plan)
}
