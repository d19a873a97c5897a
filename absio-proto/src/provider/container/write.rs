//! Creates and changes containers: at the broker and then in the local store, or in one of them.
//!
//! ```text
//!  Start ──▶ (Recalling) ──▶ (Aligning) ──▶ Writing ──▶ (Keeping) ──▶ Changed, with a warning if it is not kept
//!              ▲      │          └─ refused ──▶ Discarding (chunks kept on the way) ──▶ the refusal
//!              │      └─ the local store alone has none ──▶ Checking ──▶ not found, or degraded
//!              └── Repairing, once ◀── a record does not verify, or is missing
//! ```
//!
//! Under the default provider the broker comes first: if it cannot be reached, or refuses, nothing is
//! written here (S-040, S-080). With the outbox, what cannot be sent waits there, and is kept as unsent. A
//! container that only this device has is changed here under either.

use super::get::{checked, not_found};
use super::record_of;
use crate::effect::{BlobId, Effect, Reply};
use crate::error::{Error, InputError, LocalError, Misuse};
use crate::model::ContainerId;
use crate::ofs::container::ContainerRecord;
use crate::operation::{Cx, Operation, Step};
use crate::ops::container::{Changed, Create, Destination, Retained, Update, UpdateOrCreate, Warning};
use crate::ops::ofs::{Check, Keep, NewContent, Recall, Repair, ask};
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
    container: Option<ContainerId>,
    /// Chunks of a long content are kept here on the way.
    blob: Option<BlobId>,
    /// Whether any were.
    streams: bool,
    result: Option<Result<Changed, Error>>,
    is_repaired: bool,
    state: State,
}

enum State {
    Start,
    Recalling(Recall),
    Aligning(Box<Align>),
    Repairing(Box<Repair>),
    Checking(Check),
    Writing(Write),
    WritingLocally(Locally<Write>),
    Keeping(Box<Keep>),
    Discarding(ask::Answer),
    Done,
}

impl Writing {
    pub(crate) const fn new(place: Standard, write: Write) -> Self {
        Self {
            place,
            may_wait: false,
            write: Some(write),
            container: None,
            blob: None,
            streams: false,
            result: None,
            is_repaired: false,
            state: State::Start,
        }
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
                cx.session.caches()
            }
        };
        self.container = self.write.as_ref().and_then(Write::container);
        match self.container.filter(|_| keeps) {
            Some(container) => Ok(State::Recalling(Recall::new(container))),
            None => self.write(keeps, cx),
        }
    }

    /// What is kept is what the change is built on, if nothing newer is known.
    fn recalled(&mut self, record: Option<ContainerRecord>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let user = cx.session.local()?.user_id();
        let is_unsent = record.as_ref().is_some_and(|record| record.is_unsent || record.is_leaving);
        let is_local = record.as_ref().is_some_and(|record| record.is_local);
        if (self.may_wait || is_unsent) && !is_local && self.place == Standard::ServerCacheOfs {
            let container = self.write.as_ref().and_then(Write::container).ok_or(Misuse::ResumedAfterDone)?;
            if let Some(kept) = record.as_ref().filter(|_| !is_unsent).and_then(|record| record.kept.clone())
            {
                cx.session.recall_head(user, kept.head);
            }
            return Ok(State::Aligning(Box::new(Align::new(container, record))));
        }
        let kept = record.and_then(|record| record.kept);
        if self.place == Standard::Ofs && kept.is_none() {
            return Ok(State::Checking(Check::new()));
        }
        if self.place == Standard::Ofs && !is_local {
            let what = "changing a container of the server without it; use the provider that has both";
            return Err(InputError::Unsupported { what }.into());
        }
        if let Some(kept) = kept {
            if is_local {
                self.place = Standard::Ofs;
            }
            cx.session.recall_head(user, kept.head);
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

    fn repair(&mut self) -> State {
        self.is_repaired = true;
        State::Repairing(Box::default())
    }

    fn write(&mut self, keeps: bool, cx: &mut Cx<'_>) -> Result<State, Error> {
        let write = self.write.take().ok_or(Misuse::ResumedAfterDone)?;
        if !keeps {
            return Ok(State::Writing(write));
        }
        let random = cx.random()?;
        let blob = cx.session.local()?.keys.blob_id(random);
        self.blob = Some(blob);
        Ok(match self.place {
            Standard::Ofs => State::WritingLocally(Locally(write.to(Destination::Local(blob)))),
            _ if self.may_wait => State::Writing(write.to(Destination::Outbox(blob))),
            _ => State::Writing(write.to(Destination::Both(blob))),
        })
    }

    fn written(
        &mut self,
        result: Result<Changed, Error>,
        retained: Option<(Retained, NewContent)>,
        cx: &Cx<'_>,
    ) -> State {
        let queued = result.as_ref().ok().and_then(|changed| Warning::queued(&changed.warnings));
        self.container = result.as_ref().ok().and_then(|changed| changed.container.id).or(self.container);
        let is_written = result.is_ok();
        self.result = Some(result);
        let (Some((retained, content)), Some(container), true) = (retained, self.container, is_written)
        else {
            return self.discard();
        };
        if let Some(sequence) = queued {
            let Some(record) = super::unsent_record_of(cx.session, container, retained) else {
                return self.discard();
            };
            if matches!(content, NewContent::Streamed { .. }) {
                self.blob = None;
            }
            return State::Keeping(Box::new(Keep::new(record, content).queued(sequence)));
        }
        let fresh_at = Some(cx.now.utc).filter(|_| self.place != Standard::Ofs);
        let Some(record) = record_of(cx.session, container, retained, fresh_at) else {
            return self.discard();
        };
        if matches!(content, NewContent::Streamed { .. }) {
            // Whoever keeps it takes care of the blob.
            self.blob = None;
        }
        State::Keeping(Box::new(Keep::new(record, content)))
    }

    fn kept(&mut self, kept: Result<(), Error>, cx: &mut Cx<'_>) -> State {
        match (kept, self.place, &mut self.result) {
            (Ok(()), ..) => {}
            (Err(error), Standard::Ofs, result) => {
                // Nobody has this revision: the next is not built on it.
                if let (Some(container), Ok(local)) = (self.container, cx.session.local()) {
                    let user = local.user_id();
                    cx.session.unsee(user, container);
                }
                *result = Some(Err(error));
            }
            (Err(error), _, Some(Ok(changed))) => changed.warnings.push(Warning::not_kept(&error)),
            (Err(_), ..) => {}
        }
        self.discard()
    }

    /// Chunks that were kept on the way and have no name go; then the end.
    fn discard(&mut self) -> State {
        match self.blob.take().filter(|_| self.streams) {
            Some(blob) => State::Discarding(ask::delete_blob(blob)),
            None => State::Done,
        }
    }

    fn finish(&mut self) -> Step<Result<Changed, Error>> {
        Step::Done(self.result.take().unwrap_or_else(|| Err(Misuse::ResumedAfterDone.into())))
    }
}

impl Operation for Writing {
    type Output = Changed;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Changed, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Recalling(recall) => match recall.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(record)) => attempt!(self.recalled(record, cx)),
                    Step::Done(Err(Error::Local(_))) if !self.is_repaired => self.repair(),
                    // The broker comes first; that the local store fails is told when it is written.
                    Step::Done(Err(Error::Local(_) | Error::Store(_)))
                        if self.place == Standard::ServerCacheOfs =>
                    {
                        attempt!(self.write(true, cx))
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Aligning(align) => {
                    let aligned = drive!(align, cx, reply);
                    attempt!(self.aligned(aligned, cx))
                }
                State::Repairing(repair) => match (repair.resume(cx, reply.take()), self.container) {
                    (Step::Effect(effect), _) => return Step::Effect(effect),
                    (Step::Done(Err(error)), _) if self.place == Standard::Ofs => {
                        return Step::Done(Err(error));
                    }
                    (Step::Done(_), Some(container)) => State::Recalling(Recall::new(container)),
                    (Step::Done(_), None) => attempt!(self.write(true, cx)),
                },
                State::Checking(check) => match checked(check, cx, &mut reply) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Err(Error::Local(_))) if !self.is_repaired => self.repair(),
                    Step::Done(Ok(incomplete)) => {
                        let container = attempt!(self.container.ok_or(Misuse::ResumedAfterDone));
                        return Step::Done(Err(not_found(container, incomplete)));
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Writing(write) => match write.resume(cx, reply.take()) {
                    Step::Effect(effect) => {
                        self.streams |= is_written(&effect);
                        return Step::Effect(effect);
                    }
                    Step::Done(result) => {
                        let retained = write.take_retained();
                        self.written(result, retained, cx)
                    }
                },
                State::WritingLocally(write) => match write.resume(cx, reply.take()) {
                    Step::Effect(effect) => {
                        self.streams |= is_written(&effect);
                        return Step::Effect(effect);
                    }
                    Step::Done(result) => {
                        let retained = write.0.take_retained();
                        self.written(result, retained, cx)
                    }
                },
                State::Keeping(keep) => match keep.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(kept) => self.kept(kept, cx),
                },
                State::Discarding(answer) => {
                    let _ = drive!(answer, cx, reply);
                    State::Done
                }
                State::Done => return self.finish(),
            };
        }
    }
}

/// Whether something goes to the store by this effect of a write: chunks of a long content.
fn is_written(effect: &Effect) -> bool {
    match effect {
        Effect::Store(_) => true,
        Effect::All(all) => all.members.iter().any(is_written),
        _ => false,
    }
}
