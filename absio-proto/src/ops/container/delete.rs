//! Gives up one's own access, and with the last access the container (S-042 to S-048).
//!
//! ```text
//!  Start ──▶ (Fetching) ──▶ (Queueing) ──▶ Sending ──▶ (Settling) ──▶ done
//!               ▲                                          │ conflict: somebody changed it meanwhile
//!               └──────────────────────────────────────────┘
//! ```
//!
//! What is sent is a revision without the own row, or a tombstone. With the outbox it is in there before,
//! and stays there when nobody answers.

use super::fetch::{Fetch, own_row};
use super::revise::check_accepted;
use crate::crypto::chain::Pin;
use crate::crypto::manifest::{AccessSlots, Author, ManifestBody, ManifestView};
use crate::crypto::tombstone::Tombstone;
use crate::effect::Reply;
use crate::error::{Error, Misuse, RemoteCode};
use crate::model::{ContainerId, Portion};
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::ops::ofs::Transact;
use crate::ops::outbox::{Enqueue, Enqueued, Unsent, dequeue, is_undecided};
use crate::session::{Head, Session};
use crate::wire::{RemoveContainer, Route};
use crate::{attempt, drive};

/// How often a delete starts over when others change the container at the same time.
const ATTEMPTS: u32 = 5;

/// Removes the caller's access to a container; others keep theirs. If nobody else has access, the
/// container and its data are deleted for good. Needs no right. One round trip, one more if the
/// container was not fetched before.
pub struct Delete {
    container: ContainerId,
    attempts: u32,
    /// Whether it goes into the outbox before it is sent.
    may_wait: bool,
    /// Its number in the outbox, while it is there.
    queued: Option<u64>,
    removal: Option<Removal>,
    failure: Option<Error>,
    state: State,
}

/// A removal that is signed.
struct Removal {
    body: Vec<u8>,
    revision: u64,
    pin: Pin,
}

enum State {
    Start,
    Fetching(Box<Fetch>),
    Queueing(Box<Enqueue>),
    Sending(Exchange),
    /// It is accepted, or refused: it leaves the outbox.
    Settling(Transact),
    Done,
}

impl Delete {
    /// Of `container`.
    pub fn new(container: ContainerId) -> Self {
        let (queued, removal, failure) = (None, None, None);
        Self { container, attempts: 0, may_wait: false, queued, removal, failure, state: State::Start }
    }

    /// Through the outbox.
    pub(crate) fn through_outbox(self) -> Self {
        Self { may_wait: true, ..self }
    }

    /// After the end: its number in the outbox, if it waits there.
    pub(crate) const fn queued(&self) -> Option<u64> {
        self.queued
    }

    fn fetch(&self) -> State {
        State::Fetching(Box::new(Fetch::new(self.container, Portion::Metadata)))
    }

    fn remove(&mut self, head: &Head, cx: &Cx<'_>) -> Result<State, Error> {
        let user = cx.session.signer()?;
        own_row(head, user.id())?;
        let base = head.view.body();
        let next = base.next_revision()?;
        let (removal, revision, pin) = if head.view.access().count() == 1 {
            let tombstone = Tombstone::sign(&head.view, cx.now.utc.max(base.modified_at), user.keys());
            let pin = Pin { revision: tombstone.revision, hash: tombstone.previous, tombstone: true };
            (RemoveContainer::Tombstone(tombstone.encode()), tombstone.revision, pin)
        } else {
            let view = without_own_row(head, next, cx)?;
            let (revision, hash) = (view.body().revision, view.body().hash());
            (RemoveContainer::Leave(view.encode()), revision, Pin { revision, hash, tombstone: false })
        };
        let body = removal.encode();
        self.removal = Some(Removal { body: body.clone(), revision, pin });
        Ok(if self.may_wait {
            State::Queueing(Box::new(Enqueue::new(Unsent::deletion(self.container, pin, body))))
        } else {
            State::Sending(self.exchange(body))
        })
    }

    fn exchange(&self, body: Vec<u8>) -> Exchange {
        Exchange::bundle(Route::DeleteContainer(self.container), body)
    }

    fn enqueued(&mut self, enqueued: Enqueued) -> Option<State> {
        self.queued = Some(enqueued.sequence);
        let body = self.removal.as_mut().map(|removal| core::mem::take(&mut removal.body));
        let exchange = self.exchange(body.unwrap_or_default()).under(enqueued.idempotency_key);
        (!enqueued.waits).then_some(State::Sending(exchange))
    }

    /// What becomes of it after the broker's answer, or without one.
    fn answered(&mut self, answer: Result<Vec<u8>, Error>) -> Option<State> {
        let checked = answer.and_then(|answer| {
            let removal = self.removal.as_ref().ok_or(Misuse::ResumedAfterDone)?;
            check_accepted(&answer, self.container, removal.revision)
        });
        match checked {
            Err(error) if self.queued.is_some() && is_undecided(&error) => return None,
            checked => self.failure = checked.err(),
        }
        self.queued.take().map(|sequence| State::Settling(dequeue(sequence)))
    }

    fn done(&mut self) -> Step<Result<(), Error>> {
        self.state = State::Done;
        Step::Done(Ok(()))
    }

    /// Done, or once more from the start.
    fn finish(&mut self, session: &mut Session) -> Result<Option<State>, Error> {
        match self.failure.take() {
            Some(error) if error.is_remote(&RemoteCode::Conflict) && self.attempts < ATTEMPTS => {
                self.attempts += 1;
                return Ok(Some(self.fetch()));
            }
            Some(error) => return Err(error),
            None => {}
        }
        let removal = self.removal.take().ok_or(Misuse::ResumedAfterDone)?;
        if self.queued.is_none() {
            session.set_pin(self.container, removal.pin);
        }
        session.drop_head(self.container);
        Ok(None)
    }
}

/// The revision that lacks exactly the signer's row, all else equal (F5).
fn without_own_row(head: &Head, revision: u64, cx: &Cx<'_>) -> Result<ManifestView, Error> {
    let user = cx.session.signed_in()?;
    let base = head.view.body();
    let own = own_row(head, user.id())?.hash();
    let slots = head.view.access().slots().iter().filter(|slot| slot.hash() != own).cloned();
    let access = AccessSlots::sorted(slots.collect())?;
    let body = ManifestBody {
        revision,
        previous: base.hash(),
        author: Author::of(user.keys()),
        modified_at: cx.now.utc.max(base.modified_at),
        access_count: access.count(),
        access_root: access.root(),
        ..base.clone()
    };
    Ok(ManifestView::new(body.sign(user.keys()), access)?)
}

impl Operation for Delete {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => match cx.session.head(self.container).cloned() {
                    Some(head) => attempt!(self.remove(&head, cx)),
                    None => {
                        attempt!(cx.session.signed_in());
                        self.fetch()
                    }
                },
                State::Fetching(fetch) => {
                    let head = drive!(fetch, cx, reply).head;
                    attempt!(self.remove(&head, cx))
                }
                State::Queueing(enqueue) => {
                    let enqueued = drive!(enqueue, cx, reply);
                    match self.enqueued(enqueued) {
                        Some(state) => state,
                        None => match attempt!(self.finish(cx.session)) {
                            Some(state) => state,
                            None => return self.done(),
                        },
                    }
                }
                State::Sending(exchange) => {
                    let answer = match exchange.resume(cx, reply.take()) {
                        Step::Effect(effect) => return Step::Effect(effect),
                        Step::Done(answer) => answer,
                    };
                    match self.answered(answer) {
                        Some(state) => state,
                        None => match attempt!(self.finish(cx.session)) {
                            Some(state) => state,
                            None => return self.done(),
                        },
                    }
                }
                State::Settling(transact) => match transact.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    // If it stays in the outbox, the next drain sends it again, to no effect.
                    Step::Done(_) => match attempt!(self.finish(cx.session)) {
                        Some(state) => state,
                        None => return self.done(),
                    },
                },
                State::Done => return Step::Done(Err(Misuse::ResumedAfterDone.into())),
            };
        }
    }
}
