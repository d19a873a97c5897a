//! Creates and changes containers: at the broker and then in the local store, or in one of them.
//!
//! ```text
//!  Start ──▶ (Recalling) ──▶ (Aligning) ──▶ Writing ──▶ (Keeping) ──▶ Changed, with a warning if it is not kept
//! ```
//!
//! Under the default provider the broker comes first: if it cannot be reached, or refuses, nothing is
//! written here (S-040, S-080). With the outbox, what cannot be sent waits there, and is kept as unsent.

use super::record_of;
use crate::effect::Reply;
use crate::error::{Error, InputError, LocalError, Misuse};
use crate::model::ContainerId;
use crate::ofs::container::ContainerRecord;
use crate::operation::{Cx, Operation, Step};
use crate::ops::container::{Changed, Create, Destination, Retained, Update, UpdateOrCreate, Warning};
use crate::ops::ofs::{Keep, NewContent, Recall};
use crate::ops::outbox::{Align, Aligned};
use crate::provider::Standard;
use crate::provider::locally::Locally;
use crate::session::Session;
use crate::{attempt, drive};

/// What is to be written.
pub(crate) enum Write {
    Create(Box<Create>),
    Update(Box<Update>),
    UpdateOrCreate(Box<UpdateOrCreate>),
}

impl Write {
    /// Which container, unless it is a new one.
    fn container(&self) -> Option<ContainerId> {
        match self {
            Self::Create(_) => None,
            Self::Update(update) => Some(update.container()),
            Self::UpdateOrCreate(write) => write.id(),
        }
    }

    fn to(self, destination: Destination) -> Self {
        match self {
            Self::Create(create) => Self::Create(Box::new(create.to(destination))),
            Self::Update(update) => Self::Update(Box::new(update.to(destination))),
            Self::UpdateOrCreate(write) => Self::UpdateOrCreate(Box::new(write.to(destination))),
        }
    }

    fn take_retained(&mut self) -> Option<(Retained, NewContent)> {
        match self {
            Self::Create(create) => create.take_retained(),
            Self::Update(update) => update.take_retained(),
            Self::UpdateOrCreate(write) => write.take_retained(),
        }
    }
}

impl Operation for Write {
    type Output = Changed;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, reply: Option<Reply>) -> Step<Result<Changed, Error>> {
        match self {
            Self::Create(create) => create.resume(cx, reply),
            Self::Update(update) => update.resume(cx, reply),
            Self::UpdateOrCreate(write) => write.resume(cx, reply),
        }
    }
}

/// The operation under a standard provider.
pub(crate) struct Writing {
    place: Standard,
    /// Whether the change may wait in the outbox.
    may_wait: bool,
    write: Option<Write>,
    changed: Option<Changed>,
    state: State,
}

enum State {
    Start,
    Recalling(Recall),
    Aligning(Box<Align>),
    Writing(Write),
    WritingLocally(Locally<Write>),
    Keeping(Box<Keep>),
    Done,
}

impl Writing {
    pub(crate) const fn new(place: Standard, write: Write) -> Self {
        Self { place, may_wait: false, write: Some(write), changed: None, state: State::Start }
    }

    /// Under the default provider: through the outbox.
    pub(crate) fn to_outbox(write: Write) -> Self {
        Self { may_wait: true, ..Self::new(Standard::ServerCacheOfs, write) }
    }

    fn start(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        if self.may_wait {
            super::check_outbox(cx.session)?;
        }
        let keeps = match self.place {
            Standard::Server => false,
            Standard::Ofs => cx.session.local().map(|_| true)?,
            Standard::ServerCacheOfs => {
                cx.session.signed_in()?;
                cx.session.local().is_ok()
            }
        };
        let container = self.write.as_ref().and_then(Write::container);
        match container.filter(|_| keeps) {
            Some(container) => Ok(State::Recalling(Recall::new(container))),
            None => self.write(keeps, cx),
        }
    }

    /// What is kept is what the change is built on, if nothing newer is known.
    fn recalled(&mut self, record: Option<ContainerRecord>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let user = cx.session.local()?.user_id();
        let is_unsent = record.as_ref().is_some_and(|record| record.is_unsent || record.is_leaving);
        if (self.may_wait || is_unsent) && self.place == Standard::ServerCacheOfs {
            let container = self.write.as_ref().and_then(Write::container).ok_or(Misuse::ResumedAfterDone)?;
            if let Some(kept) = record.as_ref().filter(|_| !is_unsent).and_then(|record| record.kept.clone())
            {
                cx.session.recall_head(user, kept.head);
            }
            return Ok(State::Aligning(Box::new(Align::new(container, record))));
        }
        if let Some(record) = record {
            if self.place == Standard::Ofs && !record.is_local && record.kept.is_some() {
                let what = "changing a container of the server without it; use the provider that has both";
                return Err(InputError::Unsupported { what }.into());
            }
            if let Some(kept) = record.kept {
                cx.session.recall_head(user, kept.head);
            }
        } else if self.place == Standard::Ofs {
            let container = self.write.as_ref().and_then(Write::container).ok_or(Misuse::ResumedAfterDone)?;
            return Err(LocalError::ContainerNotFound { container }.into());
        }
        self.write(true, cx)
    }

    /// What waits is what the change is built on, and only by a change that may wait itself.
    fn aligned(&mut self, aligned: Aligned, cx: &mut Cx<'_>) -> Result<State, Error> {
        let container = self.write.as_ref().and_then(Write::container).ok_or(Misuse::ResumedAfterDone)?;
        match aligned {
            Aligned::Nothing => {}
            Aligned::Unsent(head) if self.may_wait => cx.session.set_head(container, *head),
            Aligned::Unsent(_) | Aligned::Refused => return Err(LocalError::Unsent { container }.into()),
            Aligned::Leaving => return Err(LocalError::DeletionQueued { container }.into()),
        }
        self.write(true, cx)
    }

    fn write(&mut self, keeps: bool, cx: &mut Cx<'_>) -> Result<State, Error> {
        let write = self.write.take().ok_or(Misuse::ResumedAfterDone)?;
        if !keeps {
            return Ok(State::Writing(write));
        }
        let random = cx.random()?;
        let blob = cx.session.local()?.keys.blob_id(random);
        Ok(match self.place {
            Standard::Ofs => State::WritingLocally(Locally(write.to(Destination::Local(blob)))),
            _ if self.may_wait => State::Writing(write.to(Destination::Outbox(blob))),
            _ => State::Writing(write.to(Destination::Both(blob))),
        })
    }

    fn written(
        &mut self,
        changed: Changed,
        retained: Option<(Retained, NewContent)>,
        cx: &Cx<'_>,
    ) -> Option<State> {
        let container = changed.container.id;
        let queued = Warning::queued(&changed.warnings);
        self.changed = Some(changed);
        let (retained, content) = retained?;
        if let Some(sequence) = queued {
            let record = super::unsent_record_of(cx.session, container?, retained)?;
            return Some(State::Keeping(Box::new(Keep::new(record, content).queued(sequence))));
        }
        let fresh_at = Some(cx.now.utc).filter(|_| self.place != Standard::Ofs);
        let record = record_of(cx.session, container?, retained, fresh_at)?;
        Some(State::Keeping(Box::new(Keep::new(record, content))))
    }

    fn finish(&mut self) -> Step<Result<Changed, Error>> {
        self.state = State::Done;
        Step::Done(self.changed.take().ok_or_else(|| Misuse::ResumedAfterDone.into()))
    }
}

impl Operation for Writing {
    type Output = Changed;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Changed, Error>> {
        loop {
            let next = match &mut self.state {
                State::Start => Some(attempt!(self.start(cx))),
                State::Recalling(recall) => match recall.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(record)) => Some(attempt!(self.recalled(record, cx))),
                    // The broker comes first; that the local store fails is told when it is written.
                    Step::Done(Err(Error::Local(_) | Error::Store(_)))
                        if self.place == Standard::ServerCacheOfs =>
                    {
                        Some(attempt!(self.write(true, cx)))
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Aligning(align) => {
                    let aligned = drive!(align, cx, reply);
                    Some(attempt!(self.aligned(aligned, cx)))
                }
                State::Writing(write) => {
                    let changed = drive!(write, cx, reply);
                    let retained = write.take_retained();
                    self.written(changed, retained, cx)
                }
                State::WritingLocally(write) => {
                    let changed = drive!(write, cx, reply);
                    let retained = write.0.take_retained();
                    self.written(changed, retained, cx)
                }
                State::Keeping(keep) => match (keep.resume(cx, reply.take()), self.place) {
                    (Step::Effect(effect), _) => return Step::Effect(effect),
                    (Step::Done(Ok(())), _) => None,
                    (Step::Done(Err(error)), Standard::Ofs) => return Step::Done(Err(error)),
                    (Step::Done(Err(error)), _) => {
                        if let Some(changed) = &mut self.changed {
                            changed.warnings.push(Warning::not_kept(&error));
                        }
                        None
                    }
                },
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
            match next {
                Some(state) => self.state = state,
                None => return self.finish(),
            }
        }
    }
}
