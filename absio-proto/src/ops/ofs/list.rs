//! The containers that are kept on this device (X-02).
//!
//! ```text
//!  (Checking: is nothing lost?) ──▶ Scanning ──▶ … ──▶ the list
//! ```

use super::ask::{self, Answer};
use super::{Check, Scan};
use crate::effect::Reply;
use crate::error::{Error, InputError, LocalError};
use crate::limits;
use crate::model::{ContainerId, Timestamp};
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::provider::{Listed, ListedPage};
use crate::session::Session;
use crate::{attempt, drive};

/// Gives every container that is kept here, in ascending order of id: at most a million. A store that
/// lost something says so ([`LocalError::Degraded`]) instead of giving less.
pub struct ListKept {
    despite_loss: bool,
    found: Vec<Listed>,
    state: State,
}

enum State {
    Start,
    Checking(Check),
    Scanning(Scan),
}

impl ListKept {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self { despite_loss: false, found: Vec::new(), state: State::Start }
    }

    /// Gives what there is although something is known to be lost. Damage that nobody has looked into
    /// is still an error: [`Repair`](super::Repair) comes first.
    #[must_use]
    pub fn despite_loss(self) -> Self {
        Self { despite_loss: true, ..self }
    }
}

impl Default for ListKept {
    fn default() -> Self {
        Self::new()
    }
}

/// A container as it is listed; none if nothing but its pin is here, or if its deletion waits to be sent.
fn listed(record: ContainerRecord) -> Option<Listed> {
    let head = record.kept.filter(|_| !record.is_leaving)?.head;
    Some(Listed {
        container: record.container,
        revision: head.view.body().revision,
        container_type: head.type_opening.as_ref().map(|opening| opening.text().to_owned()),
        sole: head.view.access().count() == 1,
        fresh_at: record.fresh_at,
        is_local: record.is_local,
        is_reported: record.is_reported,
    })
}

/// The containers among sealed records.
fn read(entries: &[(Vec<u8>, Vec<u8>)], cx: &Cx<'_>) -> Result<Vec<Listed>, Error> {
    let keys = &cx.session.local()?.keys;
    let mut found = Vec::new();
    for (name, value) in entries {
        let record = keys.open_record(name, value).and_then(|data| ContainerRecord::decode(&data).ok());
        let record = record.ok_or_else(|| LocalError::Degraded {
            reason: "what is kept of a container does not verify".into(),
        })?;
        found.extend(listed(record));
    }
    Ok(found)
}

fn whole(incomplete: Option<Timestamp>) -> Result<(), Error> {
    match incomplete {
        None => Ok(()),
        Some(since) => {
            let reason = format!("something was lost before {since}, so the list would not be whole");
            Err(LocalError::Degraded { reason }.into())
        }
    }
}

impl Operation for ListKept {
    type Output = Vec<Listed>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<Listed>, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => {
                    attempt!(cx.session.local());
                    State::Checking(Check::new())
                }
                State::Checking(check) => {
                    let checked = drive!(check, cx, reply);
                    if !self.despite_loss {
                        attempt!(whole(checked.incomplete_since));
                    }
                    State::Scanning(Scan::new(&[Kind::Container]))
                }
                State::Scanning(scan) => {
                    let Some(page) = drive!(scan, cx, reply) else {
                        let mut found = core::mem::take(&mut self.found);
                        found.sort_by_key(|listed| listed.container);
                        return Step::Done(Ok(found));
                    };
                    self.found.extend(attempt!(read(&page.entries, cx)));
                    let (actual, limit) = (self.found.len() as u64, limits::GATHERED as u64);
                    if actual > limit {
                        let what = "the list of containers";
                        return Step::Done(Err(InputError::TooLarge { what, actual, limit }.into()));
                    }
                    continue;
                }
            };
        }
    }
}

/// One page of what is kept here, in the store's own order, which tells nothing of the containers.
/// The first page comes after the check of [`ListKept`].
pub struct ListKeptPage {
    after: Option<ContainerId>,
    limit: usize,
    state: PageState,
}

enum PageState {
    Start,
    Checking(Check),
    Scanning(Answer),
}

impl ListKeptPage {
    /// At most `limit` containers (1 to 1,000) after `after`, the last of the page before. A page may
    /// have fewer although more follow: of some containers nothing but a pin is here.
    #[must_use]
    pub fn new(after: Option<ContainerId>, limit: usize) -> Self {
        Self { after, limit: limit.clamp(1, limits::CONTAINERS_PAGE), state: PageState::Start }
    }

    fn scan(&self, cx: &Cx<'_>) -> Result<PageState, Error> {
        let keys = &cx.session.local()?.keys;
        let (mut start, end) = keys.range(Kind::Container);
        if let Some(after) = self.after {
            start = keys.name(Kind::Container, after.as_bytes());
            start.push(0);
        }
        Ok(PageState::Scanning(ask::scan(start, end, self.limit)))
    }

    /// The last container of a page, listed or not.
    fn last(entries: &[(Vec<u8>, Vec<u8>)], cx: &Cx<'_>) -> Option<ContainerId> {
        let (name, value) = entries.last()?;
        let data = cx.session.local().ok()?.keys.open_record(name, value)?;
        Some(ContainerRecord::decode(&data).ok()?.container)
    }
}

impl Operation for ListKeptPage {
    type Output = ListedPage;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<ListedPage, Error>> {
        loop {
            self.state = match &mut self.state {
                PageState::Start => {
                    attempt!(cx.session.local());
                    match self.after {
                        None => PageState::Checking(Check::new()),
                        Some(_) => attempt!(self.scan(cx)),
                    }
                }
                PageState::Checking(check) => {
                    attempt!(whole(drive!(check, cx, reply).incomplete_since));
                    attempt!(self.scan(cx))
                }
                PageState::Scanning(answer) => {
                    let entries = attempt!(ask::entries(drive!(answer, cx, reply)));
                    let containers = attempt!(read(&entries, cx));
                    let more = entries.len() >= self.limit;
                    let next = Self::last(&entries, cx).filter(|_| more);
                    return Step::Done(Ok(ListedPage { containers, next }));
                }
            };
        }
    }
}
