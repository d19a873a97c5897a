//! Reading events: a page, or a wait until there is one.

use super::EventRow;
use crate::handler::{Caller, json_answer};
use crate::rows::{self, ListRow};
use crate::turn::{Halt, Plan, Turn, Turned, damaged};
use absio_proto::limits::JSON_REPLY;
use absio_proto::model::{ContainerId, Event, EventFilter, EventPage, Timestamp, UserId};
use absio_proto::wire::EventAnswer;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// How often a waiting request looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Events looked at in one go.
const BATCH: usize = 1000;
/// Batches looked at for one answer: a filter that fits nothing does not read a whole stream.
const BATCHES: usize = 8;

/// `GET /v1/events`.
pub(crate) fn page(
    turn: &mut Turn<'_>,
    caller: &Caller,
    filter: &EventFilter,
    limit: usize,
    wait: u64,
) -> Turned<Plan> {
    let user = caller.user()?;
    let now = turn.now.monotonic;
    let until = *turn.once("the end of the wait", |_| Ok(now + Duration::from_secs(wait)))?;
    let from = turn.kept("the next event").unwrap_or(filter.starting_event_id);
    let mut page = gather(turn, user, filter, from, limit)?;
    // Past the last id wanted there is nothing to wait for.
    if page.events.is_empty() && !page.more && filter.ids().contains(&page.next) && now < until {
        turn.keep("the next event", page.next);
        return Err(Halt::Sleep(LOOK_AGAIN.min(until - now)));
    }
    mark_expired(turn, user, &mut page.events)?;
    Ok(Plan::answer(json_answer(200, &EventAnswer::from(page))))
}

fn gather(
    turn: &mut Turn<'_>,
    user: UserId,
    filter: &EventFilter,
    from: u64,
    limit: usize,
) -> Turned<EventPage> {
    let end = match filter.ending_event_id.and_then(|last| last.checked_add(1)) {
        Some(beyond) => rows::event(user, beyond),
        None => rows::end_of(&rows::events(user)),
    };
    let mut page = EventPage { events: Vec::new(), next: from, more: false };
    let mut room = usize::try_from(JSON_REPLY / 2).unwrap_or(usize::MAX);
    for _ in 0..BATCHES {
        if !filter.ids().contains(&page.next) {
            return Ok(page);
        }
        let entries = turn.scan(rows::event(user, page.next), end.clone(), BATCH)?;
        for (key, value) in entries.iter() {
            let id = rows::number_of(key).ok_or_else(damaged)?;
            let event = rows::decode::<EventRow>(value).ok_or_else(damaged)?.into_event(id);
            if fits(&event, filter) {
                if page.events.len() >= limit || (room < value.len() && !page.events.is_empty()) {
                    page.more = true;
                    return Ok(page);
                }
                room = room.saturating_sub(value.len());
                page.events.push(event);
            }
            page.next = id.saturating_add(1);
        }
        if entries.len() < BATCH {
            return Ok(page);
        }
    }
    page.more = true;
    Ok(page)
}

fn fits(event: &Event, filter: &EventFilter) -> bool {
    filter.event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
        && filter.container_id.is_none_or(|wanted| Some(wanted) == event.container_id)
        // Compared exactly, with the type this user is shown.
        && (filter.container_type.is_none() || filter.container_type == event.container_type)
        && filter.action.as_ref().is_none_or(|wanted| *wanted == event.action)
}

/// Sets `container_expired_at` where the reader's access is over by now.
fn mark_expired(turn: &mut Turn<'_>, user: UserId, events: &mut [Event]) -> Turned<()> {
    let containers: BTreeSet<ContainerId> = events.iter().filter_map(|event| event.container_id).collect();
    let keys: Vec<_> = containers.iter().map(|container| rows::listed(user, *container)).collect();
    let now = turn.time();
    let rows = turn.rows(&keys)?;
    let expired: BTreeMap<ContainerId, Timestamp> = containers
        .iter()
        .zip(rows)
        .filter_map(|(container, row)| {
            let expiration = ListRow::decode(&row?)?.expiration?;
            (expiration <= now).then_some((*container, expiration))
        })
        .collect();
    for event in events {
        event.container_expired_at = event.container_id.and_then(|id| expired.get(&id).copied());
    }
    Ok(())
}
