//! Follows the broker's events with what is kept on this device (S-172, security cases 47 and 48).
//!
//! ```text
//!  Reading the cursor ──▶ Asking for a page ──▶ Looking (each container once) ──▶ Advancing ──┐
//!                              ▲                                                              │
//!                              └───────────────────────── more are waiting ◀──────────────────┤
//!                                                                                             ▼
//!                                                                                          Followed
//! ```
//!
//! Events are hints. What they name is asked for and verified, and only that changes what is kept. The
//! cursor is written after the effects of a page: a crash in between repeats the page, which does
//! nothing more. A container that could not be brought up to date is looked at again by every later
//! run until it could.

mod look;

pub(crate) use look::{Extent, Look};

use crate::effect::Reply;
use crate::error::{Error, InputError, LocalError, Misuse};
use crate::limits;
use crate::model::{ContainerId, Event, EventAction, EventFilter, EventPage, EventType};
use crate::ofs::cursor::{CursorRecord, EVENTS};
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::ops::events;
use crate::ops::ofs::ask::{self, Answer};
use crate::ops::ofs::{Change, Transact};
use crate::session::Session;
use crate::{attempt, drive};
use std::collections::{BTreeMap, VecDeque};

/// What became of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// What is kept is the newest revision now.
    Refreshed,
    /// It was the newest already, or the event changed nothing of it.
    Unchanged,
    /// It is gone, or the access has expired, and that is proven: nothing of it is kept any more.
    Erased,
    /// The broker says that it is gone or no longer shared, and proves nothing. It is kept and marked;
    /// the default provider asks the broker each time from now on.
    Reported,
    /// Nothing of it is kept, before and after.
    NotKept,
    /// A change made on this device waits to be sent; it is looked at after that.
    Held,
    /// It could not be brought up to date. It is looked at again by the next run.
    Failed(Error),
}

impl What {
    /// Whether it must be looked at again.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Held | Self::Failed(_))
    }
}

/// Events that were applied to one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Their ids, ascending; none if the container was left over from an earlier run.
    pub events: Vec<u64>,
    /// The container.
    pub container: ContainerId,
    /// What became of it.
    pub what: What,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// For each page and container, in ascending order of the newest event.
    pub applied: Vec<Applied>,
    /// The first event id that was not followed.
    pub next: u64,
    /// Whether more are waiting.
    pub more: bool,
    /// The key file at the broker changed, as an event says: compare it, and sync.
    pub key_file_changed: bool,
}

/// Applies the broker's events to the local store, from the first that no run followed before until no
/// more are waiting. Exactly once, over crashes and restarts: the cursor is kept beside what it is
/// about. Needs a user who is signed in to both.
///
/// # Errors
/// Of the broker and the store when they are not there, and [`Error::Protocol`] if the broker repeats
/// events or goes back. What was followed before that is kept.
pub struct Follow {
    wait: u64,
    extent: Extent,
    pages: usize,
    most_pages: usize,
    /// Looked at in this run, with what became of them: written with the cursor.
    page: Option<EventPage>,
    due: VecDeque<Due>,
    settled: BTreeMap<ContainerId, bool>,
    followed: Followed,
    state: State,
}

/// A container to look at, for these events.
struct Due {
    container: ContainerId,
    events: Vec<u64>,
    extent: Extent,
}

enum State {
    Start,
    Reading(Answer),
    Asking(Box<events::Page>),
    Looking(Box<Look>),
    Advancing(Transact),
    Done,
}

impl Follow {
    /// Keeps every container that events name, new ones too: the loop of the original's FAQ.
    #[must_use]
    pub fn new() -> Self {
        Self {
            wait: 0,
            extent: Extent::Everything,
            pages: 0,
            most_pages: limits::PAGES,
            page: None,
            due: VecDeque::new(),
            settled: BTreeMap::new(),
            followed: Followed::default(),
            state: State::Start,
        }
    }

    /// Refreshes what is kept and leaves new containers where they are.
    #[must_use]
    pub fn kept_only(self) -> Self {
        Self { extent: Extent::Kept, ..self }
    }

    /// Waits up to `seconds` (at most 60) for the first event.
    #[must_use]
    pub fn wait(self, seconds: u64) -> Self {
        Self { wait: seconds, ..self }
    }

    /// Ends after one page of at most 1,000 events; [`Followed::more`] says whether to go on.
    #[must_use]
    pub fn one_page(self) -> Self {
        Self { most_pages: 1, ..self }
    }

    pub(crate) fn with_extent(self, extent: Extent) -> Self {
        Self { extent, ..self }
    }

    fn start(cx: &Cx<'_>) -> Result<State, Error> {
        let (user, local) = (cx.session.signed_in()?.id(), cx.session.local()?);
        if user != local.user_id() {
            return Err(InputError::NotAuthenticated.into());
        }
        Ok(State::Reading(ask::get(vec![local.keys.name(Kind::Cursor, EVENTS)])))
    }

    fn read(&mut self, value: Option<Vec<u8>>, cx: &Cx<'_>) -> Result<State, Error> {
        let keys = &cx.session.local()?.keys;
        let name = keys.name(Kind::Cursor, EVENTS);
        let damaged = || LocalError::Degraded { reason: "the event cursor does not verify".into() };
        let data = value.map(|value| keys.open_record(&name, &value).ok_or_else(damaged)).transpose()?;
        let record = data.map(|data| CursorRecord::decode(&data)).transpose()?.unwrap_or_default();
        self.followed.next = record.next;
        let extent = self.extent;
        let due = |container| Due { container, events: Vec::new(), extent };
        self.due = record.waiting.into_iter().map(due).collect();
        Ok(self.ask(if self.due.is_empty() { self.wait } else { 0 }))
    }

    fn ask(&mut self, wait: u64) -> State {
        self.pages += 1;
        let filter = EventFilter { starting_event_id: self.followed.next, ..EventFilter::default() };
        State::Asking(Box::new(events::Page::new(filter, limits::EVENTS_PAGE, wait)))
    }

    /// Each container once, whatever the number of its events: what counts is how it is now.
    fn take(&mut self, page: EventPage) -> State {
        let mut named: BTreeMap<ContainerId, (Vec<u64>, Option<&EventAction>)> = BTreeMap::new();
        for event in &page.events {
            self.followed.key_file_changed |= concerns_key_file(event);
            let Some(container) = event.container_id else { continue };
            if event.event_type != EventType::Container {
                continue;
            }
            let (events, last) = named.entry(container).or_default();
            events.push(event.id);
            if event.action != EventAction::Accessed {
                *last = Some(&event.action);
            } else if event.container_expired_at.is_some() {
                *last = Some(&EventAction::Deleted);
            }
        }
        for due in &mut self.due {
            due.events = named.remove(&due.container).map(|(events, _)| events).unwrap_or_default();
        }
        let mut named: Vec<_> = named.into_iter().collect();
        named.sort_by_key(|(_, (events, _))| events.last().copied());
        named.truncate(crate::planted!(FollowSkipsLast, named.len().saturating_sub(1), named.len()));
        for (container, (events, last)) in named {
            let extent = match last {
                None => {
                    self.followed.applied.push(Applied { events, container, what: What::Unchanged });
                    continue;
                }
                // What is not kept need not be asked for only to hear that it is gone.
                Some(EventAction::Deleted) => Extent::Kept,
                Some(_) => self.extent,
            };
            self.due.push_back(Due { container, events, extent });
        }
        self.page = Some(page);
        self.next()
    }

    /// The next container, or the cursor.
    fn next(&self) -> State {
        match self.due.front() {
            Some(due) => State::Looking(Box::new(Look::new(due.container, due.extent))),
            None => self.advance(),
        }
    }

    fn looked(&mut self, what: What) -> State {
        if let Some(Due { container, events, .. }) = self.due.pop_front() {
            self.settled.insert(container, crate::planted!(FollowSettlesFailed, true, !what.is_open()));
            self.followed.applied.push(Applied { events, container, what });
        }
        self.next()
    }

    /// The cursor never goes back, whoever else follows with this store.
    fn advance(&self) -> State {
        let next = self.page.as_ref().map_or(0, |page| page.next);
        let settled = self.settled.clone();
        State::Advancing(Transact::new(vec![(Kind::Cursor, EVENTS.to_vec())], move |found| {
            let before = found[0].as_ref().map(|data| CursorRecord::decode(data)).transpose()?;
            let mut record = before.clone().unwrap_or_default();
            record.next = record.next.max(next);
            for (container, is_settled) in &settled {
                if *is_settled {
                    record.waiting.remove(container);
                } else {
                    record.waiting.insert(*container);
                }
            }
            Ok(vec![if before.as_ref() == Some(&record) {
                Change::Keep
            } else {
                Change::Put(record.encode()?)
            }])
        }))
    }

    fn advanced(&mut self) -> Result<Option<State>, Error> {
        let page = self.page.take().ok_or(Misuse::ResumedAfterDone)?;
        self.settled.clear();
        self.followed.next = page.next;
        self.followed.more = page.more;
        let room = self.followed.applied.len() < limits::GATHERED;
        Ok((page.more && self.pages < self.most_pages && room).then(|| self.ask(0)))
    }
}

impl Default for Follow {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether another device may have changed the key file.
fn concerns_key_file(event: &Event) -> bool {
    event.event_type == EventType::KeyFile
        && matches!(event.action, EventAction::Added | EventAction::Updated)
}

impl Operation for Follow {
    type Output = Followed;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Followed, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(Self::start(cx)),
                State::Reading(answer) => {
                    let values = attempt!(ask::values(drive!(answer, cx, reply), 1));
                    attempt!(self.read(values.into_iter().next().flatten(), cx))
                }
                State::Asking(page) => {
                    let page = drive!(page, cx, reply);
                    self.take(page)
                }
                State::Looking(look) => {
                    let what = drive!(look, cx, reply);
                    self.looked(what)
                }
                State::Advancing(transact) => {
                    drive!(transact, cx, reply);
                    match attempt!(self.advanced()) {
                        Some(state) => state,
                        None => {
                            self.state = State::Done;
                            return Step::Done(Ok(core::mem::take(&mut self.followed)));
                        }
                    }
                }
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
