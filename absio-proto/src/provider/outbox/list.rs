//! What is in the outbox.
//!
//! ```text
//!  Start ──▶ Listing ──▶ the changes, in order
//! ```

use crate::effect::Reply;
use crate::error::Error;
use crate::model::{ContainerId, Timestamp};
use crate::ofs::outbox::{OutboxRow, QueuedKind, QueuedState};
use crate::operation::{Cx, Operation, Step};
use crate::ops::outbox::Rows;
use crate::session::Session;
use crate::{attempt, drive};

/// A change in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number: its place in the order in which changes are sent.
    pub sequence: u64,
    /// What it does.
    pub kind: QueuedKind,
    /// To which container.
    pub container: ContainerId,
    /// The revision that it makes.
    pub revision: u64,
    /// When it was made.
    pub queued_at: Timestamp,
    /// How far it came.
    pub state: QueuedState,
}

impl From<OutboxRow> for Queued {
    fn from(row: OutboxRow) -> Self {
        let OutboxRow { sequence, kind, container, pin, queued_at, state, .. } = row;
        Self { sequence, kind, container, revision: pin.revision, queued_at, state }
    }
}

/// Lists the outbox of the user who is signed in to the local store. No network.
pub struct List(Option<Rows>);

impl List {
    /// The operation.
    #[must_use]
    pub const fn new() -> Self {
        Self(None)
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for List {
    type Output = Vec<Queued>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<Queued>, Error>> {
        attempt!(cx.session.local());
        let rows = drive!(self.0.get_or_insert_with(Rows::new), cx, reply);
        Step::Done(Ok(rows.into_iter().map(Queued::from).collect()))
    }
}
