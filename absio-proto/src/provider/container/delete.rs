//! Gives up a container, at the broker and in the local store.
//!
//! ```text
//!  Start ──▶ (Recalling) ──▶ (Aligning) ──▶ (Deleting at the broker) ──▶ (Dropping what is kept) ──▶ done
//!              ▲      └─ the local store alone has none ──▶ Checking ──▶ not found, or degraded
//!              └── Repairing, once ◀── a record does not verify
//! ```
//!
//! With the outbox, a deletion that cannot be sent waits there; until it is sent, what is kept is hidden.

use super::get::{checked, not_found};
use crate::crypto::chain::Pin;
use crate::effect::Reply;
use crate::error::{Error, LocalError, RemoteCode};
use crate::model::ContainerId;
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::ofs::outbox::OutboxRow;
use crate::operation::{Cx, Operation, Step};
use crate::ops::container;
use crate::ops::ofs::{Change, Check, Recall, Repair, Transact};
use crate::ops::outbox::{Align, Aligned, NOTHING_SEEN};
use crate::provider::Standard;
use crate::session::Session;
use crate::{attempt, drive};

/// The operation under a standard provider.
pub(crate) struct Delete {
    place: Standard,
    /// Whether the deletion may wait in the outbox.
    may_wait: bool,
    queued: Option<u64>,
    container: ContainerId,
    is_kept: bool,
    is_repaired: bool,
    state: State,
}

enum State {
    Start,
    Recalling(Recall),
    Aligning(Box<Align>),
    Repairing(Box<Repair>),
    Checking(Check),
    Deleting(Box<container::Delete>),
    Dropping(Box<Transact>),
}

impl Delete {
    pub(crate) const fn new(place: Standard, container: ContainerId) -> Self {
        Self {
            place,
            may_wait: false,
            queued: None,
            container,
            is_kept: false,
            is_repaired: false,
            state: State::Start,
        }
    }

    /// Under the default provider: through the outbox.
    pub(crate) fn to_outbox(container: ContainerId) -> Self {
        Self { may_wait: true, ..Self::new(Standard::ServerCacheOfs, container) }
    }

    /// After the end: its number in the outbox, if it waits there.
    pub(crate) const fn queued(&self) -> Option<u64> {
        self.queued
    }

    fn start(&self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        if self.may_wait {
            super::check_outbox(cx.session)?;
        }
        match self.place {
            Standard::Server => Ok(self.delete()),
            Standard::Ofs => cx.session.local().map(|_| State::Recalling(Recall::new(self.container))),
            Standard::ServerCacheOfs => {
                cx.session.signed_in()?;
                let kept = cx.session.caches();
                Ok(if kept { State::Recalling(Recall::new(self.container)) } else { self.delete() })
            }
        }
    }

    fn delete(&self) -> State {
        let delete = container::Delete::new(self.container);
        State::Deleting(Box::new(if self.may_wait { delete.through_outbox() } else { delete }))
    }

    fn recalled(&mut self, record: Option<ContainerRecord>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let user = cx.session.local()?.user_id();
        let is_local = record.as_ref().is_some_and(|record| record.is_local);
        let is_unsent = record.as_ref().is_some_and(|record| record.is_unsent || record.is_leaving);
        self.is_kept = record.as_ref().is_some_and(|record| record.kept.is_some());
        if (self.may_wait && !is_local || is_unsent) && self.place == Standard::ServerCacheOfs {
            if let Some(kept) = record.as_ref().filter(|_| !is_unsent).and_then(|record| record.kept.clone())
            {
                cx.session.recall_head(user, kept.head);
            }
            return Ok(State::Aligning(Box::new(Align::new(self.container, record))));
        }
        let kept = record.and_then(|record| record.kept);
        if let Some(kept) = kept {
            cx.session.recall_head(user, kept.head);
        } else if self.place == Standard::Ofs {
            return Ok(State::Checking(Check::new()));
        }
        if is_local || self.place == Standard::Ofs {
            return Ok(self.forget(cx));
        }
        Ok(self.delete())
    }

    fn aligned(&self, aligned: Aligned, cx: &mut Cx<'_>) -> Result<State, Error> {
        let container = self.container;
        match aligned {
            Aligned::Nothing => {}
            Aligned::Unsent(head) if self.may_wait => cx.session.set_head(container, *head),
            Aligned::Unsent(_) | Aligned::Refused => return Err(LocalError::Unsent { container }.into()),
            Aligned::Leaving => return Err(LocalError::DeletionQueued { container }.into()),
        }
        Ok(self.delete())
    }

    /// Hides what is kept, as long as the deletion waits.
    fn hide(&self, sequence: u64, cx: &Cx<'_>) -> State {
        let container = self.container;
        let pin = cx.session.pin_of_anybody(container).copied().unwrap_or(NOTHING_SEEN);
        let names =
            vec![(Kind::Container, container.as_bytes().to_vec()), (Kind::Outbox, OutboxRow::id(sequence))];
        State::Dropping(Box::new(Transact::new(names, move |found| {
            if found[1].is_none() {
                // It was sent meanwhile, and whoever sent it saw to the rest.
                return Ok(vec![Change::Keep, Change::Keep]);
            }
            let record = found[0].as_ref().map(|data| ContainerRecord::decode(data)).transpose()?;
            let mut record = record.unwrap_or_else(|| ContainerRecord::pinned(container, pin));
            record.is_leaving = true;
            Ok(vec![Change::Put(record.encode()), Change::Keep])
        })))
    }

    /// Drops what is kept, but not the pin of what the broker has or had.
    fn forget(&self, cx: &mut Cx<'_>) -> State {
        let (container, pin) = (self.container, cx.session.pin_of_anybody(self.container).copied());
        cx.session.drop_head(container);
        let id = container.as_bytes().to_vec();
        State::Dropping(Box::new(Transact::new(vec![(Kind::Container, id)], move |found| {
            let record = found[0].as_ref().map(|data| ContainerRecord::decode(data)).transpose()?;
            let Some(record) = record.filter(|record| !record.is_local) else {
                return Ok(vec![Change::Remove]);
            };
            let pin = pin.filter(|pin| later(pin, &record.pin)).unwrap_or(record.pin);
            Ok(vec![Change::Put(ContainerRecord::pinned(container, pin).encode())])
        })))
    }
}

const fn later(pin: &Pin, than: &Pin) -> bool {
    pin.revision > than.revision || pin.tombstone
}

impl Operation for Delete {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Recalling(recall) => match recall.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(record)) => attempt!(self.recalled(record, cx)),
                    Step::Done(Err(Error::Local(_))) if !self.is_repaired => {
                        self.is_repaired = true;
                        State::Repairing(Box::default())
                    }
                    Step::Done(Err(Error::Local(_) | Error::Store(_)))
                        if self.place == Standard::ServerCacheOfs =>
                    {
                        self.delete()
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Repairing(repair) => match repair.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Err(error)) if self.place == Standard::Ofs => return Step::Done(Err(error)),
                    Step::Done(_) => State::Recalling(Recall::new(self.container)),
                },
                State::Checking(check) => match checked(check, cx, &mut reply) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(result) => {
                        let incomplete = attempt!(result);
                        return Step::Done(Err(not_found(self.container, incomplete)));
                    }
                },
                State::Aligning(align) => {
                    let aligned = drive!(align, cx, reply);
                    attempt!(self.aligned(aligned, cx))
                }
                State::Deleting(delete) => match delete.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(())) if delete.queued().is_some() => {
                        self.queued = delete.queued();
                        self.hide(self.queued.unwrap_or_default(), cx)
                    }
                    Step::Done(Ok(())) if cx.session.caches() && self.place != Standard::Server => {
                        self.forget(cx)
                    }
                    // It is gone there; the caller's own word takes it from here too.
                    Step::Done(Err(Error::Remote(error)))
                        if self.is_kept
                            && matches!(error.code, RemoteCode::ContainerNotFound | RemoteCode::Deleted) =>
                    {
                        self.forget(cx)
                    }
                    Step::Done(result) => return Step::Done(result),
                },
                State::Dropping(transact) => {
                    drive!(transact, cx, reply);
                    return Step::Done(Ok(()));
                }
            };
        }
    }
}
