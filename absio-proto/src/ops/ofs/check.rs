//! Do the records add up to what was written?
//!
//! ```text
//!  Looking (at the state) ──▶ Scanning ──▶ Adding (job) ──▶ … ──▶ Looking again ──┬─▶ they do
//!     ▲                                                                            ├─▶ they do not: degraded
//!     └──────────────────────────── written meanwhile ─────────────────────────────┘
//! ```

use super::Scan;
use super::ask::{self, Answer};
use super::scan::Page;
use crate::effect::Reply;
use crate::error::{Error, LocalError};
use crate::ofs::keys::{Kind, StoreKeys};
use crate::ofs::state::{State as Totals, Sum};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::sync::Arc;

/// How often the check starts over when others write at the same time.
const ATTEMPTS: u32 = 16;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Records of the signed-in user in the local store.
    pub records: u64,
    /// Since when something is known to be lost, in milliseconds since 1970; none if nothing is.
    pub incomplete_since: Option<crate::model::Timestamp>,
}

/// Reads every record of the signed-in user's partition: each must verify, and together they must be
/// as many, with the digest, that the state says which was written with them.
/// [`LocalError::Degraded`] otherwise: [`Repair`](super::Repair) then keeps what is whole.
pub struct Check {
    /// The write that the session knew of when the check began: no state may be from before it.
    known: u64,
    started_at: Option<u64>,
    scan: Scan,
    tally: Tally,
    attempts: u32,
    state: State,
}

/// What was counted.
#[derive(Clone, Copy, Default)]
struct Tally {
    count: u64,
    broken: u64,
    sum: Sum,
}

enum State {
    Start,
    Before(Answer),
    Scanning,
    Adding(Leaf<Tally>),
    After(Answer),
}

impl Check {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        let (scan, tally) = (Scan::new(&Kind::COUNTED), Tally::default());
        Self { known: 0, started_at: None, scan, tally, attempts: 0, state: State::Start }
    }

    fn totals(&self, value: Option<Vec<u8>>, cx: &Cx<'_>) -> Result<Totals, Error> {
        let totals = match value {
            None => Totals::default(),
            Some(value) => {
                let keys = &cx.session.local()?.keys;
                let data = keys.open_record(&keys.name(Kind::State, &[]), &value).ok_or_else(damaged)?;
                Totals::decode(&data)?
            }
        };
        if totals.sequence < self.known {
            return Err(went_back());
        }
        Ok(totals)
    }

    /// Whether all is as it was written.
    fn judge(&self, totals: Totals, cx: &mut Cx<'_>) -> Result<Checked, Error> {
        let Tally { count, broken, sum } = self.tally;
        let reason = if broken > 0 {
            format!("{broken} of its {count} records do not verify")
        } else if (totals.count, totals.sum) != (count, sum) {
            format!("it holds {count} of {} records, or not the ones that were written", totals.count)
        } else {
            let local = cx.session.local_mut()?;
            local.is_checked = true;
            local.learn(totals);
            return Ok(Checked { records: count, incomplete_since: totals.incomplete_since });
        };
        Err(LocalError::Degraded { reason }.into())
    }
}

impl Default for Check {
    fn default() -> Self {
        Self::new()
    }
}

pub(super) fn damaged() -> Error {
    LocalError::Degraded { reason: "what was written last does not verify".into() }.into()
}

/// What the session has seen of the partition is not there any more.
pub(super) fn went_back() -> Error {
    LocalError::Degraded { reason: "it went back to what it was before, or was emptied".into() }.into()
}

fn look(cx: &Cx<'_>) -> Result<Answer, Error> {
    Ok(ask::get(vec![cx.session.local()?.keys.name(Kind::State, &[])]))
}

/// Opens the records of a page and adds them up.
fn add(mut tally: Tally, keys: Arc<StoreKeys>, page: Page) -> Leaf<Tally> {
    Leaf::compute("check records", move || {
        for (name, value) in &page.entries {
            tally.count += 1;
            tally.broken += u64::from(keys.open_record(name, value).is_none());
            tally.sum = tally.sum.plus(keys.element(name, value).unwrap_or_default());
        }
        tally
    })
}

impl Operation for Check {
    type Output = Checked;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Checked, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    self.known = attempt!(cx.session.local()).state.sequence;
                    State::Before(attempt!(look(cx)))
                }
                State::Before(answer) => {
                    let values = attempt!(ask::values(drive!(answer, cx, reply), 1));
                    let totals = attempt!(self.totals(values.into_iter().next().flatten(), cx));
                    (self.scan, self.tally) = (Scan::new(&Kind::COUNTED), Tally::default());
                    self.started_at = Some(totals.sequence);
                    State::Scanning
                }
                State::Scanning => match drive!(&mut self.scan, cx, reply) {
                    Some(page) => {
                        State::Adding(add(self.tally, attempt!(cx.session.local()).keys.clone(), page))
                    }
                    None => State::After(attempt!(look(cx))),
                },
                State::Adding(leaf) => {
                    self.tally = drive!(leaf, cx, reply);
                    State::Scanning
                }
                State::After(answer) => {
                    let values = attempt!(ask::values(drive!(answer, cx, reply), 1));
                    let totals = attempt!(self.totals(values.into_iter().next().flatten(), cx));
                    self.attempts += 1;
                    if Some(totals.sequence) == self.started_at || self.attempts >= ATTEMPTS {
                        return Step::Done(self.judge(totals, cx));
                    }
                    State::Start
                }
            };
        }
    }
}
