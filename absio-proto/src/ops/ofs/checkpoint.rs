//! A short string over what was seen, for people to compare (F45).
//!
//! ```text
//!  Checking (is nothing lost?) ──▶ Scanning ──▶ … ──▶ the string
//! ```

use super::{Check, Scan};
use crate::crypto::chain::{Pin, checkpoint};
use crate::effect::Reply;
use crate::error::{Error, LocalError};
use crate::model::ContainerId;
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use std::collections::{BTreeMap, BTreeSet};

/// A checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpointed {
    /// 26 characters: equal exactly if the same revisions of the same containers were seen.
    pub text: String,
    /// How many containers it is over.
    pub containers: usize,
}

/// Makes the checkpoint over the containers of which the local store remembers a revision: all that the
/// broker ever had, or those that are named. Two devices, or two people who share the containers named,
/// have the same string, or the broker showed them different things.
pub struct Checkpoint {
    wanted: Option<BTreeSet<ContainerId>>,
    pins: BTreeMap<ContainerId, Pin>,
    state: State,
}

enum State {
    Checking(Check),
    Scanning(Scan),
}

impl Checkpoint {
    /// Over all of them.
    #[must_use]
    pub fn of_all() -> Self {
        Self { wanted: None, pins: BTreeMap::new(), state: State::Checking(Check::new()) }
    }

    /// Over these. [`LocalError::ContainerNotFound`] for one of which nothing is known here.
    #[must_use]
    pub fn of(containers: impl IntoIterator<Item = ContainerId>) -> Self {
        Self { wanted: Some(containers.into_iter().collect()), ..Self::of_all() }
    }

    fn take(&mut self, entries: &[(Vec<u8>, Vec<u8>)], cx: &Cx<'_>) -> Result<(), Error> {
        let keys = &cx.session.local()?.keys;
        for (name, value) in entries {
            let record = keys.open_record(name, value).and_then(|data| ContainerRecord::decode(&data).ok());
            let record = record.ok_or_else(|| LocalError::Degraded {
                reason: "what is kept of a container does not verify".into(),
            })?;
            let is_wanted = self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&record.container));
            // What is on this device alone, or waits to be created, cannot be compared with anybody.
            if is_wanted && !record.is_local && record.pin.revision > 0 {
                self.pins.insert(record.container, record.pin);
            }
        }
        Ok(())
    }

    fn finish(&self) -> Result<Checkpointed, Error> {
        let mut wanted = self.wanted.iter().flatten();
        if let Some(container) = wanted.find(|container| !self.pins.contains_key(container)) {
            return Err(LocalError::ContainerNotFound { container: *container }.into());
        }
        Ok(Checkpointed { text: checkpoint(&self.pins), containers: self.pins.len() })
    }
}

impl Operation for Checkpoint {
    type Output = Checkpointed;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Checkpointed, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Checking(check) => {
                    let checked = drive!(check, cx, reply);
                    if let Some(since) = checked.incomplete_since {
                        let reason = format!("something was lost before {since}; sync first");
                        return Step::Done(Err(LocalError::Degraded { reason }.into()));
                    }
                    State::Scanning(Scan::new(&[Kind::Container]))
                }
                State::Scanning(scan) => match drive!(scan, cx, reply) {
                    Some(page) => {
                        attempt!(self.take(&page.entries, cx));
                        continue;
                    }
                    None => return Step::Done(self.finish()),
                },
            };
        }
    }
}
