//! Reading: one container, its older revisions, its content in parts.

use super::{Present, deleted, denied, expired, not_found, present, segments, tree};
use crate::events::{ContainerEvents, Tell, sight};
use crate::handler::{Caller, bundle_answer, bytes_answer};
use crate::rows::{self, HeadRow, Kept};
use crate::turn::{Plan, Turn, Turned, damaged, refuse, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::manifest::{AccessEntry, ManifestView, Section};
use absio_proto::limits;
use absio_proto::model::{ContainerId, Permissions, Portion, UserId};
use absio_proto::planted;
use absio_proto::wire::{Availability, ContainerAnswer, ManifestPage};
use std::collections::BTreeSet;

/// Bytes of views in one reply; long access lists fill it before their number does.
const VIEWS: usize = 8 << 20;

/// Views read at once: of the longest access lists, no more than a store answers in one go.
const VIEWS_AT_ONCE: usize = 16;

/// `GET /v1/containers/{container}`.
pub(in crate::handler) fn get(
    turn: &mut Turn<'_>,
    caller: &Caller,
    container: ContainerId,
    portion: Portion,
    known: Option<u64>,
) -> Turned<Plan> {
    let user = caller.user()?;
    let present = present(turn, container)?;
    // A deleted container is answered to its last reader, whose access needs no time any more.
    let gone = present.head.tombstone.is_some();
    let row = present.view.entry(user).ok_or_else(|| not_found(container))?;
    if planted!(ExpiryUncheckedAtBroker, false, row.is_expired(turn.time())) && !gone {
        return Err(expired(container));
    }
    let row = row.clone();
    let present_revision = present.head.revision;
    let newest = planted!(OldRevisionShown, present_revision.saturating_sub(1).max(1), present_revision);
    let begin = match known {
        Some(known) => known.clamp(1, newest),
        None => present.head.creator_revision.saturating_sub(1).max(1),
    };
    let from = if newest - begin >= limits::REVISIONS_PAGE as u64 { newest } else { begin };
    let mut shown = views(turn, &present, &row, from, newest)?;
    if shown.last != newest {
        // Too many bytes: the newest alone, the rest page by page.
        shown = views(turn, &present, &row, newest, newest)?;
    }
    let complete = shown.first == begin;

    let body = present.view.body();
    let header = availability(&row, &body.header, present.head.header.as_ref(), portion.wants_header(), true);
    let content =
        availability(&row, &body.content, present.head.content.as_ref(), portion.wants_content(), false);
    let blob = match &row.wrapped {
        Some(wrapped) if !gone => {
            shown.people.insert(wrapped.sealed_by);
            turn.row(&rows::key_blob(container, user))?
        }
        _ => None,
    };
    shown.people.insert(body.created_by);
    let cards = cards(turn, &shown.people)?;
    let mut inline = |availability: Availability, kept: Option<&Kept>| match kept {
        Some(kept) if availability == Availability::Inline => {
            segments::read(turn, kept, 0, kept.length()).map(Some)
        }
        _ => Ok(None),
    };
    let header_segment = inline(header, present.head.header.as_ref())?;
    let content_segment = inline(content, present.head.content.as_ref())?;
    let sees_type = row.permissions.contains(Permissions::CONTAINER_TYPE_VIEW);
    let answer = ContainerAnswer {
        views: shown.views,
        complete,
        tombstone: present.head.tombstone.clone().map(|tombstone| tombstone.0),
        blob,
        header,
        content,
        header_segment,
        content_segment,
        cards,
        type_opening: present.head.type_opening.clone().map(|opening| opening.0).filter(|_| sees_type),
        server_time: turn.time().as_millis(),
    };
    let mut plan = Plan::answer(bundle_answer(answer.encode(user)));
    if !gone {
        tell_accessed(turn, caller, &mut plan, &present, user)?;
    }
    Ok(plan)
}

/// How a section comes.
fn availability(
    row: &AccessEntry,
    section: &Section,
    kept: Option<&Kept>,
    wanted: bool,
    always_inline: bool,
) -> Availability {
    match kept {
        _ if !wanted => Availability::Omitted,
        Some(kept) if section.state.is_stored() => {
            if !row.permissions.contains(Permissions::CONTAINER_DOWNLOAD) {
                Availability::Denied
            } else if always_inline || kept.length() <= limits::INLINE_SEGMENT {
                Availability::Inline
            } else {
                Availability::Parts
            }
        }
        _ => Availability::Absent,
    }
}

/// Views as one reader is shown them.
#[derive(Clone)]
struct Shown {
    views: Vec<Vec<u8>>,
    first: u64,
    /// The last revision shown; earlier than asked for if the bytes ran out.
    last: u64,
    /// Everybody whose cards are needed to verify them.
    people: BTreeSet<UserId>,
}

/// The views of revisions `from..=to`, as `row` may see them (F15).
fn views(turn: &mut Turn<'_>, present: &Present, row: &AccessEntry, from: u64, to: u64) -> Turned<Shown> {
    let container = present.view.body().container;
    // One more is read: a reader is shown the row of the next revision's signer.
    let behind = to.saturating_add(1).min(present.head.revision);
    let keys: Vec<_> = (from..=behind).map(|revision| rows::view(container, revision)).collect();
    let mut stored = Vec::with_capacity(keys.len());
    for batch in keys.chunks(VIEWS_AT_ONCE) {
        for row in turn.rows(batch)? {
            stored.push(row.ok_or_else(damaged)?);
        }
    }
    let (reader, whole) = (row.user, row.permissions.contains(Permissions::ACCESS_VIEW));
    let name = if from == to { "the newest view" } else { "the views" };
    let shown = turn.verify(name, move || show(&stored, reader, whole, from, to))?;
    Ok(shown.as_ref().clone())
}

fn show(stored: &[Vec<u8>], reader: UserId, whole: bool, from: u64, to: u64) -> Turned<Shown> {
    let decoded: Result<Vec<ManifestView>, _> =
        stored.iter().map(|bytes| ManifestView::decode(bytes)).collect();
    let decoded = decoded.map_err(|_| damaged())?;
    let mut shown = Shown { views: Vec::new(), first: from, last: from, people: BTreeSet::new() };
    let mut bytes = 0;
    for (revision, (index, view)) in (from..=to).zip(decoded.iter().enumerate()) {
        let author = view.body().author.user;
        let view = if whole {
            view.encode()
        } else {
            let mut keep = vec![reader, author];
            keep.extend(decoded.get(index + 1).map(|next| next.body().author.user));
            view.redacted(&keep).encode()
        };
        bytes += view.len();
        if bytes > VIEWS && !shown.views.is_empty() {
            break;
        }
        shown.people.insert(author);
        shown.views.push(view);
        shown.last = revision;
    }
    Ok(shown)
}

/// Every card of `people`.
fn cards(turn: &mut Turn<'_>, people: &BTreeSet<UserId>) -> Turned<Vec<(UserId, Vec<u8>)>> {
    let keys: Vec<_> = people.iter().map(|user| rows::cards(*user)).collect();
    let mut cards = Vec::new();
    for (user, row) in people.iter().zip(turn.rows(&keys)?) {
        let chain = rows::decode_cards(&row.ok_or_else(damaged)?).ok_or_else(damaged)?;
        cards.extend(chain.into_iter().map(|card| (*user, card)));
    }
    Ok(cards)
}

/// `GET /v1/containers/{container}/manifests`.
pub(in crate::handler) fn manifests(
    turn: &mut Turn<'_>,
    caller: &Caller,
    container: ContainerId,
    from: u64,
    limit: usize,
) -> Turned<Plan> {
    let user = caller.user()?;
    let present = present(turn, container)?;
    let row = if present.head.tombstone.is_some() {
        present.view.entry(user).ok_or_else(|| not_found(container))?
    } else {
        present.row_of(user, turn.time())?
    };
    let newest = present.head.revision;
    if from == 0 {
        return Err(refuse(RemoteCode::BadRequest, "revisions begin at 1"));
    }
    if from > newest {
        let page = ManifestPage { views: Vec::new(), cards: Vec::new(), more: false };
        return Ok(Plan::answer(bundle_answer(page.encode())));
    }
    let to = from.saturating_add(limit as u64 - 1).min(newest);
    let shown = views(turn, &present, &row.clone(), from, to)?;
    let cards = cards(turn, &shown.people)?;
    let page = ManifestPage { views: shown.views, cards, more: shown.last < newest };
    Ok(Plan::answer(bundle_answer(page.encode())))
}

/// Where the content of this epoch is kept, if the caller may download it.
fn downloadable(
    turn: &mut Turn<'_>,
    caller: &Caller,
    container: ContainerId,
    epoch: u64,
) -> Turned<Option<Kept>> {
    let user = caller.user()?;
    let present = present(turn, container)?;
    if present.head.tombstone.is_some() {
        present.view.entry(user).ok_or_else(|| not_found(container))?;
        return Err(deleted(container));
    }
    let row = present.row_of(user, turn.time())?;
    if !row.permissions.contains(Permissions::CONTAINER_DOWNLOAD) {
        return Err(denied(container, Permissions::CONTAINER_DOWNLOAD));
    }
    if present.view.body().content.epoch != epoch {
        let message = "the content was changed since; fetch the container again";
        return Err(refuse_about(RemoteCode::Conflict, message, container));
    }
    Ok(present.head.content)
}

fn check_range(length: u64) -> Turned<()> {
    if length <= limits::CONTENT_RANGE {
        return Ok(());
    }
    let message = format!("at most {} bytes are given at once", limits::CONTENT_RANGE);
    Err(refuse(RemoteCode::BadRequest, message))
}

/// `GET /v1/containers/{container}/content`.
pub(in crate::handler) fn content(
    turn: &mut Turn<'_>,
    caller: &Caller,
    container: ContainerId,
    epoch: u64,
    offset: u64,
    length: u64,
) -> Turned<Plan> {
    check_range(length)?;
    let bytes = match downloadable(turn, caller, container, epoch)? {
        Some(kept) => segments::read(turn, &kept, offset, length)?,
        None => Vec::new(),
    };
    Ok(Plan::answer(bytes_answer(bytes)))
}

/// `GET /v1/containers/{container}/chunks`: with `bytes`, else the proof alone.
pub(in crate::handler) fn chunks(
    turn: &mut Turn<'_>,
    caller: &Caller,
    container: ContainerId,
    epoch: u64,
    (first, count): (u64, u64),
    bytes: bool,
) -> Turned<Plan> {
    let Some(kept) = downloadable(turn, caller, container, epoch)? else {
        return Err(refuse(RemoteCode::BadRequest, "the container has no content"));
    };
    let ((offset, length), proof) = tree::prove(turn, &kept, first, count)?;
    check_range(length)?;
    let proof = proof.encode();
    let answer = if bytes { segments::read_behind(turn, &kept, offset, length, &proof)? } else { proof };
    Ok(Plan::answer(bytes_answer(answer)))
}

/// The first fetch of a revision by a user is told: to that user, to the creator while in the list,
/// and to everybody who asked for it (S-150, X-01).
fn tell_accessed(
    turn: &mut Turn<'_>,
    caller: &Caller,
    plan: &mut Plan,
    present: &Present,
    user: UserId,
) -> Turned<()> {
    let body = present.view.body();
    let key = rows::seen(body.container, user);
    let revision = present.head.revision.to_be_bytes().to_vec();
    if turn.watch(&key)?.as_ref() == Some(&revision) {
        return Ok(());
    }
    plan.put(key, revision);
    plan.lenient = true;
    let mut events = ContainerEvents::new(turn, caller, user, body.container);
    events.container_type = type_of(&present.head);
    let now = turn.time();
    let told = present.view.access().entries().filter(|entry| {
        entry.user == user
            || !entry.is_expired(now)
                && (entry.user == body.created_by
                    || entry.permissions.contains(Permissions::ACCESS_RX_ACCESS_EVENTS))
    });
    events.tell(plan, told.map(|entry| (entry.user, sight(entry, now), Tell::Accessed)));
    Ok(())
}

fn type_of(head: &HeadRow) -> Option<String> {
    super::change::type_text(head)
}
