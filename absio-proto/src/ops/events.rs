//! Reads events from the broker (S-060 to S-069, S-198, S-199). They are never cached.

use super::Exchange;
use crate::effect::Reply;
use crate::error::{Error, InputError};
use crate::limits;
use crate::model::{Event, EventFilter, EventPage, EventType, UserId};
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::wire::{self, EventAnswer, Route};
use crate::{attempt, drive};
use core::ops::RangeInclusive;

/// One page of events that pass a filter. One round trip.
pub struct Page {
    wanted: RangeInclusive<u64>,
    exchange: Exchange,
}

impl Page {
    /// At most `limit` events (1 to 1,000); waits up to `wait` seconds (at most 60) for the first.
    pub fn new(filter: EventFilter, limit: usize, wait: u64) -> Self {
        let wanted = filter.ids();
        let limit = limit.clamp(1, limits::EVENTS_PAGE);
        Self {
            wanted,
            exchange: Exchange::new(Route::Events { filter, limit, wait: wait.min(limits::EVENT_WAIT_S) }),
        }
    }
}

impl Operation for Page {
    type Output = EventPage;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<EventPage, Error>> {
        let body = drive!(&mut self.exchange, cx, reply);
        let answer: EventAnswer = attempt!(wire::from_json("the events reply", &body));
        Step::Done(answer.into_page(&self.wanted))
    }
}

/// All events that pass a filter, in order, page after page: at most a million, in 10,000 pages.
pub struct Get {
    filter: EventFilter,
    remember: bool,
    from_cursor: bool,
    state: State,
    pages: usize,
    events: Vec<Event>,
}

enum State {
    Start,
    Paging(Page, UserId),
}

impl Get {
    /// All events from `filter.starting_event_id` to `filter.ending_event_id`, inclusive: the native, stateless call.
    pub fn new(filter: EventFilter) -> Self {
        Self {
            filter,
            remember: false,
            from_cursor: false,
            state: State::Start,
            pages: 0,
            events: Vec::new(),
        }
    }

    /// The seed's `container.get_events`: container events; without a starting id, those that are new
    /// since the last such call of this session's user with the same filter (AMB-06, AMB-07).
    pub fn of_containers(filter: EventFilter, starting_event_id: Option<u64>) -> Self {
        let filter = EventFilter {
            event_type: Some(EventType::Container),
            starting_event_id: starting_event_id.unwrap_or(0),
            ..filter
        };
        Self { remember: true, from_cursor: starting_event_id.is_none(), ..Self::new(filter) }
    }

    /// The filter as the cursor's name: without its starting id.
    fn criteria(&self) -> EventFilter {
        EventFilter { starting_event_id: 0, ..self.filter.clone() }
    }

    /// A server that never ends its answer is not followed for ever.
    fn check_room(&self) -> Result<(), InputError> {
        let (actual, limit) = (self.events.len() as u64, limits::GATHERED as u64);
        if self.pages >= limits::PAGES || actual > limit {
            return Err(InputError::TooLarge { what: "the list of events", actual, limit });
        }
        Ok(())
    }

    fn page(&self, user: UserId) -> State {
        State::Paging(Page::new(self.filter.clone(), limits::EVENTS_PAGE, 0), user)
    }
}

impl Operation for Get {
    type Output = Vec<Event>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<Event>, Error>> {
        loop {
            match &mut self.state {
                State::Start => {
                    let user = attempt!(cx.session.signed_in()).id();
                    if self.from_cursor {
                        self.filter.starting_event_id = cx.session.cursor(user, &self.criteria());
                    }
                    self.state = self.page(user);
                }
                State::Paging(page, user) => {
                    let (page, user) = (drive!(page, cx, reply), *user);
                    self.events.extend(page.events);
                    self.pages += 1;
                    self.filter.starting_event_id = page.next;
                    if page.more {
                        attempt!(self.check_room());
                        self.state = self.page(user);
                        continue;
                    }
                    if self.remember {
                        cx.session.advance_cursor(user, self.criteria(), page.next);
                    }
                    return Step::Done(Ok(core::mem::take(&mut self.events)));
                }
            }
        }
    }
}
