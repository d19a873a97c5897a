//! Sends what waits, in order.
//!
//! ```text
//!  Listing ──▶ Next ──▶ Loading ──▶ Sending ──┬─ accepted ─▶ Settling ──▶ Next
//!               │                             ├─ refused ──▶ Settling ──▶ Next
//!               │                             └─ conflict ─▶ Fetching (theirs) ──▶ (Looking for ours in
//!               ▼                                 the history) ──▶ Settling ──▶ (Keeping theirs) ──▶ Next
//!             Drained ◀── nobody answers: the rest stays
//! ```

use super::settle;
use crate::crypto::manifest::ManifestView;
use crate::effect::{BlobId, Reply};
use crate::error::{Error, InputError, LocalError, Misuse, RemoteCode, RemoteError};
use crate::model::Portion;
use crate::ofs::outbox::{OutboxRow, QueuedChange, QueuedKind};
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::ops::container::{self, Retained, check_accepted};
use crate::ops::ofs::{Keep, NewContent, Transact};
use crate::ops::outbox::{Load, Rows, is_undecided};
use crate::provider::container::{check_outbox, record_of};
use crate::session::Session;
use crate::wire::{ManifestPage, Route};
use crate::{attempt, drive};
use std::collections::VecDeque;

/// What a drain did.
#[derive(Clone, Debug, Default)]
pub struct Drained {
    /// The changes that the broker has now, by number.
    pub sent: Vec<u64>,
    /// Those that met a change of somebody else: ours is in the outbox, theirs is what is kept.
    pub conflicts: Vec<u64>,
    /// Those that the broker refused; they stay in the outbox, with its code.
    pub refused: Vec<u64>,
    /// Those that are still to be sent.
    pub waiting: Vec<u64>,
    /// Why some are still to be sent: nobody answered, or not about them.
    pub stopped_by: Option<Error>,
}

/// Sends the changes that wait, by ascending number, as the user who is signed in at the server and in
/// the local store. One round trip a change. What the server does not answer stays for the next time;
/// that is no error of the drain. An error is one of the local store.
pub struct Drain {
    rows: VecDeque<OutboxRow>,
    /// The row at hand.
    row: Option<OutboxRow>,
    portion: Portion,
    /// Theirs, to be kept once the row is settled.
    theirs: Option<(Retained, NewContent)>,
    drained: Drained,
    state: State,
}

enum State {
    Start,
    Listing(Rows),
    Next,
    Loading(Load),
    Sending(Exchange),
    Fetching(Box<container::Get>),
    Looking(Exchange),
    Settling(Box<Transact>),
    Keeping(Box<Keep>),
}

impl Drain {
    /// The operation.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rows: VecDeque::new(),
            row: None,
            portion: Portion::All,
            theirs: None,
            drained: Drained::default(),
            state: State::Start,
        }
    }

    fn row(&self) -> Result<&OutboxRow, Error> {
        self.row.as_ref().ok_or_else(|| Misuse::ResumedAfterDone.into())
    }

    fn next(&mut self) -> Option<State> {
        let row = self.rows.pop_front()?;
        (self.row, self.portion) = (Some(row.clone()), Portion::All);
        Some(State::Loading(Load::new(row)))
    }

    fn send(change: QueuedChange) -> State {
        let exchange = Exchange::bundle(change.row.route(), change.body);
        State::Sending(exchange.under(change.idempotency_key))
    }

    /// The row at hand stays, and all behind it.
    fn stop(&mut self, error: Error) -> Drained {
        let mut drained = core::mem::take(&mut self.drained);
        let rest = core::mem::take(&mut self.rows);
        drained.waiting = self.row.take().into_iter().chain(rest).map(|row| row.sequence).collect();
        drained.stopped_by = Some(error);
        drained
    }

    /// The broker has the row at hand.
    fn sent(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let row = self.row.take().ok_or(Misuse::ResumedAfterDone)?;
        cx.session.set_pin(row.container, row.pin);
        if row.kind == QueuedKind::Delete {
            cx.session.drop_head(row.container);
        }
        self.drained.sent.push(row.sequence);
        self.row = Some(row.clone());
        Ok(State::Settling(Box::new(settle::sent(row, cx.now.utc))))
    }

    /// What the row at hand was to remove is gone.
    fn gone(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let row = self.row.take().ok_or(Misuse::ResumedAfterDone)?;
        let pin = cx.session.pin(row.container).copied();
        cx.session.drop_head(row.container);
        self.drained.sent.push(row.sequence);
        Ok(State::Settling(Box::new(settle::gone(&row, pin))))
    }

    /// The row at hand and those that build on it.
    fn take_chain(&mut self) -> Result<(OutboxRow, Vec<u64>), Error> {
        let row = self.row.take().ok_or(Misuse::ResumedAfterDone)?;
        let of_it = |other: &&OutboxRow| other.container == row.container;
        let sequences = core::iter::once(&row).chain(self.rows.iter().filter(of_it));
        let sequences = sequences.map(|row| row.sequence).collect();
        self.rows.retain(|other| other.container != row.container);
        Ok((row, sequences))
    }

    fn refuse(&mut self, code: &str) -> Result<State, Error> {
        let (row, sequences) = self.take_chain()?;
        self.drained.refused.extend(&sequences);
        Ok(State::Settling(Box::new(settle::refused(row.container, &sequences, code))))
    }

    fn answered(&mut self, answer: Result<Vec<u8>, Error>, cx: &mut Cx<'_>) -> Result<State, Error> {
        let row = self.row()?;
        let (container, revision) = (row.container, row.pin.revision);
        match answer.and_then(|answer| check_accepted(&answer, container, revision)) {
            Ok(()) => self.sent(cx),
            Err(Error::Remote(error)) => self.refused(error, cx),
            Err(error) => crate::planted!(DrainForgetsUnanswered, self.sent(cx), Err(error)),
        }
    }

    /// An error that is given back stops the drain.
    fn refused(&mut self, error: RemoteError, cx: &mut Cx<'_>) -> Result<State, Error> {
        use RemoteCode::{
            AlreadyExists, BadSignature, Conflict, ContainerNotFound, Deleted, LoginRefused,
            NotAuthenticated, SessionExpired, UnknownApiKey,
        };
        let deletes = self.row()?.kind == QueuedKind::Delete;
        match error.code {
            Conflict | AlreadyExists => self.fetch(cx),
            ContainerNotFound | Deleted if deletes => self.gone(cx),
            // That is about the session, and says nothing of the change.
            UnknownApiKey | NotAuthenticated | SessionExpired | LoginRefused | BadSignature => {
                Err(error.into())
            }
            _ if is_undecided(&Error::Remote(error.clone())) => Err(error.into()),
            _ => crate::planted!(RefusedCountsAsSent, self.sent(cx), self.refuse(error.code.as_str())),
        }
    }

    /// Theirs, whole, and kept on the way.
    fn fetch(&self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let random = cx.random()?;
        let blob: BlobId = cx.session.local()?.keys.blob_id(random);
        let get = container::Get::new(self.row()?.container, self.portion).retaining(blob);
        Ok(State::Fetching(Box::new(get)))
    }

    fn fetched(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let row = self.row()?;
        let head = cx.session.head(row.container).ok_or(Misuse::ResumedAfterDone)?.view.body();
        if row.kind == QueuedKind::Delete || head.revision < row.pin.revision {
            return self.conflict(cx);
        }
        if head.revision == row.pin.revision {
            return if crate::planted!(ConflictTakenForOurs, true, head.hash() == row.pin.hash) {
                self.sent(cx)
            } else {
                self.conflict(cx)
            };
        }
        let (container, from) = (row.container, row.pin.revision);
        Ok(State::Looking(Exchange::new(Route::Manifests { container, from, limit: 1 })))
    }

    /// Whether ours is in the history already: its answer was lost, and its key is forgotten by now.
    fn looked(&mut self, page: &[u8], cx: &mut Cx<'_>) -> Result<State, Error> {
        let page = ManifestPage::decode(page)?;
        let view = page.views.first().map(|view| ManifestView::decode(view)).transpose()?;
        let pin = self.row()?.pin;
        let is_ours =
            view.is_some_and(|view| (view.body().revision, view.body().hash()) == (pin.revision, pin.hash));
        if is_ours { self.sent(cx) } else { self.conflict(cx) }
    }

    fn conflict(&mut self, cx: &Cx<'_>) -> Result<State, Error> {
        let (row, sequences) = self.take_chain()?;
        let head = cx.session.head(row.container).ok_or(Misuse::ResumedAfterDone)?;
        let present = head.view.body().revision;
        self.row = Some(row.clone());
        self.drained.conflicts.extend(&sequences);
        Ok(State::Settling(Box::new(settle::conflict(row.container, &sequences, present))))
    }

    /// After the row is settled: theirs is kept, if it was fetched.
    fn settled(&mut self, cx: &Cx<'_>) -> State {
        let container = self.row.take().map(|row| row.container);
        let theirs = self.theirs.take();
        let record = theirs.zip(container).and_then(|((retained, content), container)| {
            Some((record_of(cx.session, container, retained, Some(cx.now.utc))?, content))
        });
        match record {
            Some((record, content)) => State::Keeping(Box::new(Keep::new(record, content))),
            None => State::Next,
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for Drain {
    type Output = Drained;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Drained, Error>> {
        loop {
            let next = match &mut self.state {
                State::Start => {
                    attempt!(check_outbox(cx.session));
                    Ok(State::Listing(Rows::new()))
                }
                State::Listing(rows) => {
                    let rows = drive!(rows, cx, reply);
                    self.rows = rows.into_iter().filter(OutboxRow::is_waiting).collect();
                    Ok(State::Next)
                }
                State::Next => match self.next() {
                    Some(state) => Ok(state),
                    None => return Step::Done(Ok(core::mem::take(&mut self.drained))),
                },
                State::Loading(load) => match load.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(change)) => Ok(Self::send(change)),
                    // It is lost, and that is told; the others are not held up by it.
                    Step::Done(Err(Error::Local(error @ LocalError::Degraded { .. }))) => {
                        Ok(attempt!(self.refuse(error.code())))
                    }
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Sending(exchange) => match exchange.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(answer) => self.answered(answer, cx),
                },
                State::Fetching(get) => match get.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(_)) => {
                        self.theirs = get.take_retained();
                        self.fetched(cx)
                    }
                    // Too long to be gathered: what is new of the rest is enough.
                    Step::Done(Err(Error::Input(InputError::TooLarge { .. })))
                        if self.portion == Portion::All =>
                    {
                        self.portion = Portion::Header;
                        self.fetch(cx)
                    }
                    Step::Done(Err(Error::Remote(error))) if error.code != RemoteCode::Conflict => {
                        self.refused(error, cx)
                    }
                    Step::Done(Err(error)) => Err(error),
                },
                State::Looking(exchange) => match exchange.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(page)) => self.looked(&page, cx),
                    Step::Done(Err(error)) => Err(error),
                },
                State::Settling(transact) => {
                    drive!(transact, cx, reply);
                    Ok(self.settled(cx))
                }
                State::Keeping(keep) => match keep.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    // What is not kept now is fetched by the next get.
                    Step::Done(_) => Ok(State::Next),
                },
            };
            match next {
                Ok(state) => self.state = state,
                Err(error) => return Step::Done(Ok(self.stop(error))),
            }
        }
    }
}
