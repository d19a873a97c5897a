//! Reads the record of a container: the pin, and the container if it is cached.

use super::ask::{self, Answer};
use super::check::{damaged, went_back};
use crate::effect::Reply;
use crate::error::{Error, LocalError};
use crate::model::ContainerId;
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::ofs::state::State as Totals;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};

/// Gives the record, or none if there is none. What it pins is pinned in the session from then on, so
/// that no server can show less. The state is read along: an index that was emptied or put back under
/// an open partition is told as degraded, not as a miss.
pub(crate) struct Recall {
    container: ContainerId,
    asked: Option<Asked>,
}

struct Asked {
    names: Vec<Vec<u8>>,
    /// The newest write that the session knew of.
    known: u64,
    answer: Answer,
}

impl Recall {
    pub(crate) const fn new(container: ContainerId) -> Self {
        Self { container, asked: None }
    }

    fn ask(&self, cx: &Cx<'_>) -> Result<Asked, Error> {
        let local = cx.session.local()?;
        let record = local.keys.name(Kind::Container, self.container.as_bytes());
        let names = vec![local.keys.name(Kind::State, &[]), record];
        Ok(Asked { answer: ask::get(names.clone()), known: local.state.sequence, names })
    }

    fn read(&self, values: &[Option<Vec<u8>>], cx: &mut Cx<'_>) -> Result<Option<ContainerRecord>, Error> {
        let Some(Asked { names, known, .. }) = &self.asked else { return Ok(None) };
        let local = cx.session.local()?;
        let (keys, user) = (local.keys.clone(), local.user_id());
        let data = |index: usize| values[index].as_ref().map(|value| keys.open_record(&names[index], value));
        let totals = match data(0) {
            Some(data) => Totals::decode(&data.ok_or_else(damaged)?)?,
            None => Totals::default(),
        };
        if totals.sequence < *known {
            return Err(went_back());
        }
        cx.session.local_mut()?.learn(totals);
        let Some(data) = data(1) else { return Ok(None) };
        let record = data.and_then(|data| ContainerRecord::decode(&data).ok());
        let Some(record) = record.filter(|record| record.container == self.container) else {
            let reason = format!("what is kept of container {} does not verify", self.container);
            return Err(LocalError::Degraded { reason }.into());
        };
        // A container that waits to be created was not seen at any broker.
        if record.pin.revision > 0 {
            cx.session.recall_pin(user, self.container, record.pin);
        }
        Ok(Some(record))
    }
}

impl Operation for Recall {
    type Output = Option<ContainerRecord>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Option<ContainerRecord>, Error>> {
        if self.asked.is_none() {
            self.asked = Some(attempt!(self.ask(cx)));
        }
        let Some(asked) = &mut self.asked else { return Step::Done(Ok(None)) };
        let values = attempt!(ask::values(drive!(&mut asked.answer, cx, reply), 2));
        Step::Done(self.read(&values, cx))
    }
}
