//! Opens a change of the outbox: our side of a conflict.
//!
//! ```text
//!  Start ──▶ Listing ──▶ Loading ──▶ Delivering ──▶ the container as the change makes it
//! ```

use crate::crypto::Container;
use crate::effect::Reply;
use crate::error::{Error, InputError, LocalError};
use crate::ofs::outbox::{OutboxRow, QueuedChange, QueuedKind};
use crate::operation::{Cx, Operation, Step};
use crate::ops::container::deliver::{ContentAt, Deliver, Sections};
use crate::ops::container::{ContentOutput, metadata};
use crate::ops::ofs::NewContent;
use crate::ops::outbox::{Load, Rows, kept_of};
use crate::session::Session;
use crate::{attempt, drive};

/// Opens what a change of the outbox writes: metadata, and of header and content what it replaces; the
/// rest is none. A deletion writes nothing. No network.
pub struct Open {
    sequence: u64,
    state: State,
}

enum State {
    Start,
    Listing(Rows),
    Loading(Load),
    Delivering(Box<Deliver>),
}

impl Open {
    /// The change with this number; [`LocalError::NotQueued`] if there is none.
    #[must_use]
    pub const fn new(sequence: u64) -> Self {
        Self { sequence, state: State::Start }
    }
}

/// Takes out the row with this number.
pub(super) fn find(rows: &mut Vec<OutboxRow>, sequence: u64) -> Result<OutboxRow, LocalError> {
    let place = rows.iter().position(|row| row.sequence == sequence);
    place.map(|place| rows.remove(place)).ok_or(LocalError::NotQueued { sequence })
}

fn load(row: OutboxRow) -> Result<State, Error> {
    if row.kind == QueuedKind::Delete {
        let reason = "it is a deletion: there is nothing in it to open".to_owned();
        return Err(InputError::InvalidArgument { argument: "sequence", reason }.into());
    }
    Ok(State::Loading(Load::new(row)))
}

fn deliver(change: &QueuedChange, cx: &Cx<'_>) -> Result<State, Error> {
    let user = cx.session.local()?.user_id();
    let (kept, content) = kept_of(change)?;
    let content = match content {
        NewContent::Segment(segment) => ContentAt::Segment(segment),
        NewContent::Inherit | NewContent::Streamed { .. } => ContentAt::Nowhere,
    };
    let (body, metadata) = (kept.head.view.body().clone(), metadata(&kept.head, user));
    let sections = Sections { body, metadata, keys: kept.keys, header: kept.header, content };
    Ok(State::Delivering(Box::new(Deliver::new(sections, ContentOutput::Memory, true)?)))
}

impl Operation for Open {
    type Output = Container;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Container, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    attempt!(cx.session.local());
                    State::Listing(Rows::new())
                }
                State::Listing(rows) => {
                    let mut rows = drive!(rows, cx, reply);
                    attempt!(load(attempt!(find(&mut rows, self.sequence))))
                }
                State::Loading(loading) => {
                    let change = drive!(loading, cx, reply);
                    attempt!(deliver(&change, cx))
                }
                State::Delivering(delivering) => return delivering.resume(cx, reply),
            };
        }
    }
}
