//! Do the records add up to what was written?
//!
//! ```text
//!  Scanning ──▶ … ──▶ Looking (at the state) ──┬─▶ they do
//!     ▲                                        ├─▶ they do not: degraded
//!     └────────── written meanwhile ───────────┘
//! ```

use super::Scan;
use super::ask::{self, Answer};
use crate::effect::Reply;
use crate::error::{Error, LocalError};
use crate::ofs::keys::Kind;
use crate::ofs::state::{State as Totals, Sum};
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};

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

/// Reads every record of the signed-in user's partition and compares their number and digest with the
/// state that was written with them. [`LocalError::Degraded`] if they differ:
/// [`Repair`](super::Repair) then keeps what is whole.
pub struct Check {
    started_at: Option<u64>,
    count: u64,
    sum: Sum,
    attempts: u32,
    state: State,
}

enum State {
    Start,
    Before(Answer),
    Scanning(Scan),
    After(Answer),
}

impl Check {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self { started_at: None, count: 0, sum: Sum::default(), attempts: 0, state: State::Start }
    }

    fn totals(&self, value: Option<Vec<u8>>, cx: &Cx<'_>) -> Result<Totals, Error> {
        let Some(value) = value else { return Ok(Totals::default()) };
        let keys = &cx.session.local()?.keys;
        let data = keys.open_record(&keys.name(Kind::State, &[]), &value).ok_or_else(damaged)?;
        Ok(Totals::decode(&data)?)
    }
}

impl Default for Check {
    fn default() -> Self {
        Self::new()
    }
}

fn damaged() -> Error {
    LocalError::Degraded { reason: "what was written last does not verify".into() }.into()
}

fn look(cx: &Cx<'_>) -> Result<Answer, Error> {
    Ok(ask::get(vec![cx.session.local()?.keys.name(Kind::State, &[])]))
}

impl Operation for Check {
    type Output = Checked;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Checked, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => State::Before(attempt!(look(cx))),
                State::Before(answer) => {
                    let values = attempt!(ask::values(drive!(answer, cx, reply), 1));
                    let totals = attempt!(self.totals(values.into_iter().next().flatten(), cx));
                    (self.count, self.sum) = (0, Sum::default());
                    self.started_at = Some(totals.sequence);
                    State::Scanning(Scan::new(&Kind::COUNTED))
                }
                State::Scanning(scan) => match drive!(scan, cx, reply) {
                    Some(page) => {
                        let keys = &attempt!(cx.session.local()).keys;
                        self.count += page.entries.len() as u64;
                        for (name, value) in &page.entries {
                            self.sum = self.sum.plus(keys.element(name, value).unwrap_or_default());
                        }
                        continue;
                    }
                    None => State::After(attempt!(look(cx))),
                },
                State::After(answer) => {
                    let values = attempt!(ask::values(drive!(answer, cx, reply), 1));
                    let totals = attempt!(self.totals(values.into_iter().next().flatten(), cx));
                    self.attempts += 1;
                    if Some(totals.sequence) != self.started_at && self.attempts < ATTEMPTS {
                        State::Start
                    } else if (totals.count, totals.sum) == (self.count, self.sum) {
                        let local = attempt!(cx.session.local_mut());
                        local.is_checked = true;
                        local.learn(totals);
                        let incomplete_since = totals.incomplete_since;
                        return Step::Done(Ok(Checked { records: self.count, incomplete_since }));
                    } else {
                        let reason = format!(
                            "it holds {} of {} records, or not the ones that were written",
                            self.count, totals.count
                        );
                        return Step::Done(Err(LocalError::Degraded { reason }.into()));
                    }
                }
            };
        }
    }
}
