//! Reads the record of a container: the pin, and the container if it is cached.

use super::ask::{self, Answer};
use crate::effect::Reply;
use crate::error::{Error, LocalError};
use crate::model::ContainerId;
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};

/// Gives the record, or none if there is none. What it pins is pinned in the session from then on, so
/// that no server can show less.
pub(crate) struct Recall {
    container: ContainerId,
    answer: Option<Answer>,
}

impl Recall {
    pub(crate) const fn new(container: ContainerId) -> Self {
        Self { container, answer: None }
    }
}

impl Operation for Recall {
    type Output = Option<ContainerRecord>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Option<ContainerRecord>, Error>> {
        let local = attempt!(cx.session.local());
        let (keys, user) = (local.keys.clone(), local.user_id());
        let name = keys.name(Kind::Container, self.container.as_bytes());
        let answer = self.answer.get_or_insert_with(|| ask::get(vec![name.clone()]));
        let value = attempt!(ask::values(drive!(answer, cx, reply), 1)).into_iter().next().flatten();
        let Some(value) = value else { return Step::Done(Ok(None)) };
        let record = keys.open_record(&name, &value).and_then(|data| ContainerRecord::decode(&data).ok());
        let Some(record) = record.filter(|record| record.container == self.container) else {
            let reason = format!("what is kept of container {} does not verify", self.container);
            return Step::Done(Err(LocalError::Degraded { reason }.into()));
        };
        // A container that waits to be created was not seen at any broker.
        if record.pin.revision > 0 {
            cx.session.recall_pin(user, self.container, record.pin);
        }
        Step::Done(Ok(Some(record)))
    }
}
