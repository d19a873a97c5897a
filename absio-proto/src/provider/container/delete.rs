//! Gives up a container, at the broker and in the local store.
//!
//! ```text
//!  Start ──▶ (Recalling) ──▶ (Deleting at the broker) ──▶ (Dropping what is kept) ──▶ done
//! ```

use crate::crypto::chain::Pin;
use crate::effect::Reply;
use crate::error::{Error, RemoteCode};
use crate::model::ContainerId;
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::ops::container;
use crate::ops::ofs::{Change, Check, Recall, Transact};
use crate::provider::Standard;
use crate::session::Session;
use crate::{attempt, drive};

/// The operation under a standard provider.
pub(crate) struct Delete {
    place: Standard,
    container: ContainerId,
    is_kept: bool,
    state: State,
}

enum State {
    Start,
    Recalling(Recall),
    Checking(Check),
    Deleting(Box<container::Delete>),
    Dropping(Box<Transact>),
}

impl Delete {
    pub(crate) const fn new(place: Standard, container: ContainerId) -> Self {
        Self { place, container, is_kept: false, state: State::Start }
    }

    fn start(&self, cx: &Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        match self.place {
            Standard::Server => Ok(self.delete()),
            Standard::Ofs => cx.session.local().map(|_| State::Recalling(Recall::new(self.container))),
            Standard::ServerCacheOfs => {
                cx.session.signed_in()?;
                let kept = cx.session.local().is_ok();
                Ok(if kept { State::Recalling(Recall::new(self.container)) } else { self.delete() })
            }
        }
    }

    fn delete(&self) -> State {
        State::Deleting(Box::new(container::Delete::new(self.container)))
    }

    fn recalled(&mut self, record: Option<ContainerRecord>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let user = cx.session.local()?.user_id();
        let is_local = record.as_ref().is_some_and(|record| record.is_local);
        let kept = record.and_then(|record| record.kept);
        self.is_kept = kept.is_some();
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
                    Step::Done(Err(Error::Local(_) | Error::Store(_)))
                        if self.place == Standard::ServerCacheOfs =>
                    {
                        self.delete()
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Checking(check) => {
                    let found = drive!(check, cx, reply);
                    return Step::Done(Err(super::get::not_found(self.container, found.incomplete_since)));
                }
                State::Deleting(delete) => match delete.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(())) if cx.session.local().is_ok() && self.place != Standard::Server => {
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
