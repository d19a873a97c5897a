//! Create and update: one signed revision, accepted whole or not at all.

use super::super::{signed, users};
use super::segments::{self, Given, Take};
use super::{Present, check, deleted, present};
use crate::events::{ContainerEvents, Tell, sight};
use crate::handler::{Caller, json_answer};
use crate::rows::{self, HeadRow, ListRow};
use crate::turn::{Plan, Turn, Turned, damaged, invalid, refuse_about};
use crate::{handler::uploads, proofs};
use absio_proto::RemoteCode;
use absio_proto::crypto::CardChain;
use absio_proto::crypto::manifest::{AccessEntry, ManifestView, TypeOpening};
use absio_proto::crypto::rules::Transition;
use absio_proto::model::{ContainerId, UserId};
use absio_proto::planted;
use absio_proto::wire::{Base64, ChangeContainer, ContainerChanged};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A verified revision.
pub(super) struct Revision {
    pub(super) previous: Option<Arc<ManifestView>>,
    /// With every row.
    pub(super) next: Arc<ManifestView>,
    pub(super) change: Transition,
}

impl Revision {
    fn previous(&self) -> Option<&ManifestView> {
        self.previous.as_deref()
    }
}

/// `POST /v1/containers`.
pub(in crate::handler) fn create(turn: &mut Turn<'_>, caller: &Caller) -> Turned<Plan> {
    let body = turn.body(ChangeContainer::decode)?;
    let sent = sent_view(turn, &body)?;
    let container = sent.body().container;
    let head_key = rows::head(container);
    if turn.watch(&head_key)?.is_some() {
        return Err(refuse_about(RemoteCode::AlreadyExists, "the container exists already", container));
    }
    let revision = verify(turn, caller, container, sent, None)?;
    let head = HeadRow {
        revision: 0,
        manifest: Base64::default(),
        rows: 0,
        creator_revision: 1,
        header: None,
        content: None,
        type_opening: None,
        tombstone: None,
    };
    apply(turn, caller, &body, &revision, head, 201)
}

/// `PUT /v1/containers/{container}`.
pub(in crate::handler) fn update(
    turn: &mut Turn<'_>,
    caller: &Caller,
    container: ContainerId,
) -> Turned<Plan> {
    let body = turn.body(ChangeContainer::decode)?;
    let sent = sent_view(turn, &body)?;
    let present = changeable(turn, caller, container)?;
    present.row_of(caller.user()?, turn.time())?;
    let revision = verify(turn, caller, container, sent, Some(&present))?;
    apply(turn, caller, &body, &revision, present.head, 200)
}

/// The present state of a container that is not deleted and that the caller has a row in.
pub(super) fn changeable(turn: &mut Turn<'_>, caller: &Caller, container: ContainerId) -> Turned<Present> {
    let present = present(turn, container)?;
    present.view.entry(caller.user()?).ok_or_else(|| super::not_found(container))?;
    if present.head.tombstone.is_some() { Err(deleted(container)) } else { Ok(present) }
}

fn sent_view(turn: &mut Turn<'_>, body: &Arc<ChangeContainer>) -> Turned<Arc<ManifestView>> {
    let body = body.clone();
    turn.verify("the revision sent", move || {
        ManifestView::decode(&body.view).map_err(|error| invalid(&error))
    })
}

/// Verifies everything about a revision but its bytes and recipients.
pub(super) fn verify(
    turn: &mut Turn<'_>,
    caller: &Caller,
    container: ContainerId,
    sent: Arc<ManifestView>,
    present: Option<&Present>,
) -> Turned<Revision> {
    let user = caller.user()?;
    check::addressed(&sent, container, user)?;
    if let Some(present) = present
        && (Some(sent.body().revision), sent.body().previous.as_slice())
            != (present.head.revision.checked_add(1), present.head.manifest.0.as_slice())
    {
        let message = "somebody else changed the container first; fetch it and make the change again";
        return Err(refuse_about(RemoteCode::Conflict, message, container));
    }
    if proofs::is_ahead(sent.body().modified_at, turn.time()) {
        return Err(invalid(&"the manifest is dated in the future; check this device's clock"));
    }
    check::list_length(&sent, turn.state.config().access_entries, container)?;
    let signer = users::watched_chain(turn, user)?.ok_or_else(damaged)?;
    let previous = present.map(|present| present.view.clone());
    let before = previous.clone();
    let verified = turn.verify("the revision", move || {
        let next = check::complete(&sent, before.as_deref())?;
        let change = check::revision(before.as_deref(), &next, &signer)?;
        Ok((Arc::new(next), change))
    })?;
    let (next, change) = verified.as_ref().clone();
    Ok(Revision { previous, next, change })
}

/// The chains of everybody who has a new row or a new blob.
fn verify_recipients(turn: &mut Turn<'_>, body: &Arc<ChangeContainer>, revision: &Revision) -> Turned<()> {
    let concerned: Vec<UserId> = check::changed_rows(revision.previous(), &revision.next)
        .filter(|(before, entry)| before.is_none() || check::is_wrapped_anew(*before, entry))
        .map(|(_, entry)| entry.user)
        .collect();
    let keys: Vec<_> = concerned.iter().map(|user| rows::cards(*user)).collect();
    let cards = turn.rows(&keys)?;
    let (previous, next, body) = (revision.previous.clone(), revision.next.clone(), body.clone());
    turn.verify("the recipients", move || {
        let mut chains = BTreeMap::new();
        for (user, row) in concerned.iter().zip(cards) {
            let Some(row) = row else { continue };
            let cards = rows::decode_cards(&row).ok_or_else(damaged)?;
            chains.insert(*user, CardChain::verify(*user, &cards).map_err(|_| damaged())?);
        }
        check::recipients(previous.as_deref(), &next, &chains, &body.blobs)
    })?;
    Ok(())
}

/// Verifies recipients, bytes and type, and plans the whole change.
pub(super) fn apply(
    turn: &mut Turn<'_>,
    caller: &Caller,
    body: &Arc<ChangeContainer>,
    revision: &Revision,
    before: HeadRow,
    status: u16,
) -> Turned<Plan> {
    let (next, change) = (revision.next.body(), revision.change);
    let container = next.container;
    verify_recipients(turn, body, revision)?;
    segments::limit_inline(body.header.as_deref(), body.content.as_deref())?;
    let finished = match body.content_upload {
        Some(id) => Some((id, uploads::finish(turn, caller.user()?, container, id)?)),
        None => None,
    };
    let header = Given { inline: body.header.as_deref(), upload: None };
    let header = segments::take(&next.header, next.header_context(), change.header, &header)?;
    let content = Given {
        inline: body.content.as_deref(),
        upload: finished.as_ref().map(|(id, finished)| (*id, finished)),
    };
    let content = segments::take(&next.content, next.content_context(), change.content, &content)?;
    let opening = before.type_opening.clone().map(|opening| opening.0);
    let opening =
        check::type_opening(&revision.next, change.container_type, body.type_opening.as_deref(), opening)?;

    let answer = ContainerChanged {
        container_id: container,
        revision: next.revision,
        server_time: turn.time().as_millis(),
    };
    let mut plan = Plan::answer(json_answer(status, &answer));
    let mut head = HeadRow {
        revision: next.revision,
        manifest: Base64(next.hash().to_vec()),
        rows: u64::from(next.access_count),
        creator_revision: if next.author.user == next.created_by {
            next.revision
        } else {
            before.creator_revision
        },
        header: before.header.clone(),
        content: before.content.clone(),
        type_opening: planted!(
            TypeNotReplaced,
            before.type_opening.or(opening.map(Base64)),
            opening.map(Base64)
        ),
        tombstone: None,
    };
    if planted!(HeaderNotReplaced, before.header.is_none(), !matches!(header, Take::Keep)) {
        segments::drop_kept(&mut plan, before.header.as_ref())?;
        head.header = body
            .header
            .as_deref()
            .filter(|_| matches!(header, Take::Inline))
            .map(|bytes| segments::keep_inline(turn, &mut plan, bytes));
    }
    if !matches!(content, Take::Keep) {
        segments::drop_kept(&mut plan, before.content.as_ref())?;
        head.content = match (&content, body.content.as_deref(), &finished) {
            (Take::Inline, Some(bytes), _) => Some(segments::keep_inline(turn, &mut plan, bytes)),
            (Take::Upload, _, Some((id, finished))) => Some(segments::keep_upload(&mut plan, *id, finished)),
            _ => None,
        };
    }
    put_revision(turn, &mut plan, revision, &head)?;
    let lost = planted!(KeyBlobLost, usize::from(body.blobs.len() > 1), 0);
    for (user, blob) in &body.blobs[..body.blobs.len() - lost] {
        plan.put(rows::key_blob(container, *user), blob.clone());
    }
    tell(turn, caller, &mut plan, revision, &head);
    Ok(plan)
}

/// The rows that every revision writes: head, view, and what follows the access list.
pub(super) fn put_revision(
    turn: &mut Turn<'_>,
    plan: &mut Plan,
    revision: &Revision,
    head: &HeadRow,
) -> Turned<()> {
    let (previous, next) = (revision.previous(), &revision.next);
    let container = next.body().container;
    signed::keep(turn, plan, next.body().author.user, container, next.body().modified_at)?;
    plan.put(rows::head(container), rows::encode(head));
    plan.put(rows::view(container, head.revision), next.encode());
    for (_, entry) in check::changed_rows(previous, next) {
        let row = ListRow { permissions: entry.permissions.as_int(), expiration: entry.expiration };
        let is_lost =
            planted!(ListRowLost, previous.is_none() && entry.user == next.body().created_by, false);
        if !is_lost {
            plan.put(rows::listed(entry.user, container), row.encode());
        }
        if entry.wrapped.is_none() {
            plan.delete(rows::key_blob(container, entry.user));
        }
    }
    for entry in previous.map(|previous| check::removed(previous, next)).unwrap_or_default() {
        forget_reader(plan, container, entry.user);
    }
    Ok(())
}

/// Removes what is kept for a reader of a container.
pub(super) fn forget_reader(plan: &mut Plan, container: ContainerId, user: UserId) {
    plan.delete(rows::listed(user, container));
    plan.delete(rows::key_blob(container, user));
    plan.delete(rows::seen(container, user));
}

/// The type's text, if there is one.
pub(super) fn type_text(head: &HeadRow) -> Option<String> {
    let opening = TypeOpening::decode(&head.type_opening.as_ref()?.0).ok()?;
    Some(opening.text().to_owned())
}

/// Appends the events of a revision (`docs/protocol.md` §15).
pub(super) fn tell(turn: &Turn<'_>, caller: &Caller, plan: &mut Plan, revision: &Revision, head: &HeadRow) {
    let (previous, next, change) = (revision.previous(), &revision.next, revision.change);
    let (body, now) = (next.body(), turn.time());
    let mut events = ContainerEvents::new(turn, caller, body.author.user, body.container);
    events.container_type = type_text(head);
    let Some(previous) = previous else {
        let everybody = next.access().entries().map(|entry| (entry.user, sight(entry, now), Tell::Added));
        events.tell(plan, everybody);
        return;
    };
    events.header = change.header;
    events.content_length = change.content.then_some(body.content.digest.length);
    events.content_modified = change.content.then_some(body.content.changed_at);
    events.retyped = change.container_type;
    let gone = check::removed(previous, next);
    let regranted: Vec<(Option<&AccessEntry>, &AccessEntry)> = check::changed_rows(Some(previous), next)
        .filter(|(before, entry)| before.is_none_or(|before| !before.same_grant(entry)))
        .collect();
    let added: Vec<_> =
        regranted.iter().filter(|(before, _)| before.is_none()).map(|(_, entry)| *entry).collect();
    let changed: Vec<_> =
        regranted.iter().filter(|(before, _)| before.is_some()).map(|(_, entry)| *entry).collect();
    let removed: Vec<UserId> = gone.iter().map(|entry| entry.user).collect();
    if !(added.is_empty() && changed.is_empty() && removed.is_empty()) {
        events.access = Some(ContainerEvents::access_change(&added, &changed, &removed));
    }
    let is_change = change.is_upload() || change.container_type || events.access.is_some();
    if !is_change {
        return;
    }
    let new: std::collections::BTreeSet<UserId> = added.iter().map(|entry| entry.user).collect();
    let present = next.access().entries().filter(|entry| {
        !change.self_removal || entry.permissions.contains(absio_proto::model::Permissions::ACCESS_VIEW)
    });
    let present = present.map(|entry| {
        let tell = if new.contains(&entry.user) { Tell::Added } else { Tell::Updated };
        (entry.user, sight(entry, now), tell)
    });
    let gone = gone.iter().map(|entry| (entry.user, sight(entry, now), Tell::Deleted));
    events.tell(plan, present.chain(gone));
}
