//! What is in the outbox, in order.
//!
//! ```text
//!  Scanning ──▶ rows
//!     ▲  └─ a record does not verify, once ─▶ Repairing (it comes back from its envelope) ─┐
//!     └────────────────────────────────────────────────────────────────────────────────────┘
//! ```

use crate::effect::Reply;
use crate::error::{Error, LocalError};
use crate::model::ContainerId;
use crate::ofs::keys::Kind;
use crate::ofs::outbox::OutboxRow;
use crate::operation::{Cx, Operation, Step};
use crate::ops::ofs::{Repair, Scan};
use crate::session::Session;
use crate::{attempt, drive};

/// Gives every row, by ascending sequence.
pub(crate) struct Rows {
    rows: Vec<OutboxRow>,
    repaired: bool,
    state: State,
}

enum State {
    Scanning(Scan),
    Repairing(Box<Repair>),
}

impl Rows {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new(), repaired: false, state: State::Scanning(Scan::new(&[Kind::Outbox])) }
    }
}

/// The last waiting change of `container`.
pub(crate) fn last_waiting(rows: &[OutboxRow], container: ContainerId) -> Option<&OutboxRow> {
    rows.iter().rev().find(|row| row.container == container && row.is_waiting())
}

impl Operation for Rows {
    type Output = Vec<OutboxRow>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<OutboxRow>, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Scanning(scan) => {
                    let Some(page) = drive!(scan, cx, reply) else {
                        self.rows.sort_unstable_by_key(|row| row.sequence);
                        return Step::Done(Ok(core::mem::take(&mut self.rows)));
                    };
                    let keys = attempt!(cx.session.local()).keys.clone();
                    let rows = page.entries.iter().map(|(name, value)| {
                        keys.open_record(name, value).and_then(|data| OutboxRow::decode(&data).ok())
                    });
                    match rows.collect::<Option<Vec<_>>>() {
                        Some(rows) => {
                            self.rows.extend(rows);
                            continue;
                        }
                        None if self.repaired => {
                            let reason = "a queued change does not verify".to_owned();
                            return Step::Done(Err(LocalError::Degraded { reason }.into()));
                        }
                        None => State::Repairing(Box::default()),
                    }
                }
                State::Repairing(repair) => {
                    drive!(repair, cx, reply);
                    *self = Self { repaired: true, ..Self::new() };
                    continue;
                }
            };
        }
    }
}
