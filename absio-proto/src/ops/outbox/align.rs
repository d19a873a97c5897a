//! Brings what is kept of a container in line with the changes of it that wait.
//!
//! ```text
//!  Listing ──┬─▶ the newest of them is kept here ─────────────────────▶ Aligned
//!            ├─▶ it is not: a crash, or the index was lost ─▶ Loading ─▶ Keeping ─▶ Aligned
//!            └─▶ none wait, and the record says otherwise ─▶ Settling ─▶ Aligned
//! ```

use super::rows::{Rows, last_waiting};
use super::{Load, kept_of};
use crate::effect::Reply;
use crate::error::Error;
use crate::model::ContainerId;
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::ofs::outbox::{OutboxRow, QueuedChange, QueuedKind, QueuedState};
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::{Change, Keep, Transact};
use crate::session::{Head, Session};
use crate::{attempt, drive};

/// What the next change of a container is to be built on.
pub(crate) enum Aligned {
    /// On what the broker has: nothing of it waits.
    Nothing,
    /// On this revision, which waits.
    Unsent(Box<Head>),
    /// On nothing: what it would be built on was refused.
    Refused,
    /// On nothing: the deletion of the container waits.
    Leaving,
}

/// Looks at one container.
pub(crate) struct Align {
    container: ContainerId,
    record: Option<ContainerRecord>,
    head: Option<Box<Head>>,
    state: State,
}

enum State {
    Listing(Rows),
    Loading(Load),
    Keeping(Box<Keep>),
    Settling(Transact),
}

/// The end, or what is to be done before it.
enum Listed {
    End(Aligned),
    Next(Box<State>),
}

impl Align {
    /// `container`, of which `record` was just read.
    pub(crate) fn new(container: ContainerId, record: Option<ContainerRecord>) -> Self {
        Self { container, record, head: None, state: State::Listing(Rows::new()) }
    }

    /// What the list says of the container.
    fn listed(&self, rows: &[OutboxRow]) -> Listed {
        let (container, record) = (self.container, self.record.as_ref());
        let is_refused =
            |row: &OutboxRow| row.container == container && matches!(row.state, QueuedState::Refused { .. });
        let kept = record.filter(|record| record.is_unsent).and_then(|record| record.kept.as_ref());
        match last_waiting(rows, container) {
            Some(row) if row.kind == QueuedKind::Delete => Listed::End(Aligned::Leaving),
            Some(row) => match kept {
                Some(kept) if kept.head.view.body().revision == row.pin.revision => {
                    Listed::End(Aligned::Unsent(Box::new(kept.head.clone())))
                }
                _ => Listed::Next(Box::new(State::Loading(Load::new(row.clone())))),
            },
            None if rows.iter().any(is_refused) => Listed::End(Aligned::Refused),
            None => match record.filter(|record| record.is_unsent || record.is_leaving) {
                Some(record) => Listed::Next(Box::new(State::Settling(settle(record.clone())))),
                None => Listed::End(Aligned::Nothing),
            },
        }
    }

    fn loaded(&mut self, change: &QueuedChange) -> Result<State, Error> {
        let (kept, content) = kept_of(change)?;
        self.head = Some(Box::new(kept.head.clone()));
        let container = self.container;
        let pin = self.record.as_ref().map_or(super::NOTHING_SEEN, |record| record.pin);
        let record =
            ContainerRecord { is_unsent: true, kept: Some(kept), ..ContainerRecord::pinned(container, pin) };
        let kept = self.record.as_ref().and_then(|record| record.kept.as_ref());
        let replaced = kept.map(|kept| kept.head.view.body().revision);
        let keep = Keep::new(record, content).queued(change.row.sequence).replacing(replaced);
        Ok(State::Keeping(Box::new(keep)))
    }
}

/// Nothing waits: what was kept as unsent is at no broker and in no outbox.
fn settle(record: ContainerRecord) -> Transact {
    let (id, read) = (record.container.as_bytes().to_vec(), record.encode());
    Transact::new(vec![(Kind::Container, id)], move |found| {
        if found[0].as_ref() != Some(&read) {
            return Ok(vec![Change::Keep]);
        }
        let mut record = record.clone();
        if record.is_unsent {
            record.kept = None;
        }
        (record.is_unsent, record.is_leaving) = (false, false);
        Ok(vec![Change::Put(record.encode())])
    })
}

impl Operation for Align {
    type Output = Aligned;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Aligned, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Listing(rows) => {
                    let rows = drive!(rows, cx, reply);
                    match self.listed(&rows) {
                        Listed::End(aligned) => return Step::Done(Ok(aligned)),
                        Listed::Next(state) => *state,
                    }
                }
                State::Loading(load) => {
                    let change = drive!(load, cx, reply);
                    attempt!(self.loaded(&change))
                }
                State::Keeping(keep) => {
                    drive!(keep, cx, reply);
                    return Step::Done(Ok(match self.head.take() {
                        Some(head) => Aligned::Unsent(head),
                        None => Aligned::Nothing,
                    }));
                }
                State::Settling(transact) => {
                    drive!(transact, cx, reply);
                    cx.session.drop_head(self.container);
                    return Step::Done(Ok(Aligned::Nothing));
                }
            };
        }
    }
}
