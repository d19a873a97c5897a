//! Brings what is kept of one container up to date, and says what became of it.
//!
//! ```text
//!  Recalling ──▶ (Asking for metadata) ──▶ (Fetching what is missing) ──▶ Recalling ──▶ what
//!      │ nothing kept: not asked                   │ refused: settled by proof, or reported
//!      └───────────────────────────────────────────┴──────────────────▶ what
//! ```
//!
//! What the broker says of a container is never taken on its word: a newer revision is verified from
//! the pin on, and only a tombstone or one's own expired row erases.

use super::What;
use crate::effect::{Reply, StoreError, StoreErrorKind, TransportErrorKind};
use crate::error::{Error, InputError, RemoteCode};
use crate::model::{ContainerId, Portion};
use crate::ofs::container::ContainerRecord;
use crate::operation::{Cx, Operation, Step};
use crate::ops::container::Warning;
use crate::ops::ofs::Recall;
use crate::provider::container::{Get, Getting};
use crate::provider::{Options, Standard};
use crate::session::Session;
use crate::{attempt, drive};

/// How much is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What was kept before, and nothing of a container of which nothing was.
    Kept,
    /// All of it, of a new one too.
    Everything,
}

/// The operation. An error is one that the whole run must end with: the broker or the store is not
/// there. What concerns the container alone is [`What::Failed`].
pub(crate) struct Look {
    container: ContainerId,
    extent: Extent,
    before: Option<ContainerRecord>,
    /// What the broker refused with.
    refused: bool,
    warning: Option<StoreErrorKind>,
    state: State,
}

enum State {
    Recalling(Recall),
    Asking(Box<Getting>),
    Comparing(Recall),
    Fetching(Box<Getting>),
    Judging(Recall),
}

impl Look {
    pub(crate) const fn new(container: ContainerId, extent: Extent) -> Self {
        Self {
            container,
            extent,
            before: None,
            refused: false,
            warning: None,
            state: State::Recalling(Recall::new(container)),
        }
    }

    fn get(&self, portion: Portion) -> Box<Getting> {
        let get = Get::new(self.container, portion).with(Options::new().force_refresh()).only_keeping();
        Box::new(Getting::new(Standard::ServerCacheOfs, get))
    }

    /// What was kept before decides how to ask, and whether.
    fn recalled(&mut self, record: Option<ContainerRecord>) -> Result<State, What> {
        let wants = self.extent == Extent::Everything;
        let state = match &record {
            Some(record) if record.is_local => return Err(What::Unchanged),
            Some(record) if record.is_unsent || record.is_leaving => return Err(What::Held),
            Some(record) if record.kept.is_some() => State::Asking(self.get(Portion::Metadata)),
            Some(record) if record.pin.tombstone => return Err(What::NotKept),
            _ if wants => State::Fetching(self.get(Portion::All)),
            _ => return Err(What::NotKept),
        };
        self.before = record;
        Ok(state)
    }

    /// Sections that should be here and are not.
    fn missing(&self, record: Option<&ContainerRecord>, cx: &Cx<'_>) -> Result<Option<Portion>, Error> {
        let user = cx.session.local()?.user_id();
        let Some(record) = record.filter(|record| record.kept.is_some()) else { return Ok(None) };
        let before = self.before.as_ref().and_then(|before| before.kept.as_ref());
        let everything = self.extent == Extent::Everything;
        let header = everything || before.is_some_and(|before| before.header.is_some());
        let content = everything || before.is_some_and(|before| before.content.is_some());
        let header = header && !record.has(Portion::Header, user);
        let content = content && !record.has(Portion::Content, user);
        Ok(match (header, content) {
            (true, true) => Some(Portion::All),
            (true, false) => Some(Portion::Header),
            (false, true) => Some(Portion::Content),
            (false, false) => None,
        })
    }

    /// What a failed get means: go on to see what it left, or the end.
    fn failed(&mut self, error: Error) -> Result<State, Result<What, Error>> {
        match &error {
            Error::Remote(remote)
                if matches!(
                    remote.code,
                    RemoteCode::Deleted | RemoteCode::AccessExpired | RemoteCode::ContainerNotFound
                ) =>
            {
                self.refused = true;
                Ok(State::Judging(Recall::new(self.container)))
            }
            _ if ends_the_run(&error) => Err(Err(error)),
            _ => Err(Ok(What::Failed(error))),
        }
    }

    /// That something came and was not kept, if so.
    fn note(&mut self, warnings: &[Warning]) {
        let mut kinds = warnings.iter().filter_map(|warning| match warning {
            Warning::NotKept(kind) => Some(*kind),
            _ => None,
        });
        self.warning = self.warning.or(kinds.next());
    }

    fn judge(&self, after: Option<&ContainerRecord>, cx: &Cx<'_>) -> Result<What, Error> {
        let missing = self.missing(after, cx)?.is_some();
        let kept = |record: Option<&ContainerRecord>| record.and_then(|record| record.kept.clone());
        let (before, now) = (kept(self.before.as_ref()), kept(after));
        if self.refused {
            return match (before, now) {
                (None, None) => Ok(What::NotKept),
                (Some(_), None) => Ok(What::Erased),
                (_, Some(_)) if after.is_some_and(|after| after.is_reported) => Ok(What::Reported),
                (_, Some(_)) => Err(unwritten(StoreErrorKind::Io)),
            };
        }
        match self.warning {
            // One container that there is no room for, or that is too large, does not stop the others.
            Some(kind @ (StoreErrorKind::Full | StoreErrorKind::Invalid | StoreErrorKind::Corrupt)) => {
                return Ok(What::Failed(unwritten(kind)));
            }
            Some(kind) => return Err(unwritten(kind)),
            None => {}
        }
        if missing || now.is_none() {
            return Ok(What::Failed(unwritten(StoreErrorKind::Full)));
        }
        let was_reported = self.before.as_ref().is_some_and(|before| before.is_reported);
        let same = match (&before, &now) {
            (Some(before), Some(now)) => {
                before.head.view == now.head.view
                    && (before.header.is_some(), before.content.is_some())
                        == (now.header.is_some(), now.content.is_some())
            }
            _ => false,
        };
        Ok(if same && !was_reported { What::Unchanged } else { What::Refreshed })
    }
}

/// Errors that are no container's own: with them the run ends, and begins again where it was.
fn ends_the_run(error: &Error) -> bool {
    use RemoteCode::{
        LoginRefused, NotAuthenticated, RateLimited, SessionExpired, Unavailable, UnknownApiKey,
    };
    match error {
        Error::Store(_) | Error::Entropy(_) | Error::Misuse(_) | Error::SessionChanged => true,
        Error::Input(InputError::NotAuthenticated | InputError::NotInitialized) => true,
        Error::Transport(error) => error.kind != TransportErrorKind::TooLarge,
        Error::Remote(error) => matches!(
            error.code,
            LoginRefused | NotAuthenticated | RateLimited | SessionExpired | Unavailable | UnknownApiKey
        ),
        _ => false,
    }
}

fn unwritten(kind: StoreErrorKind) -> Error {
    StoreError::new(kind, "what the server said of a container could not be kept").into()
}

impl Operation for Look {
    type Output = What;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<What, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Recalling(recall) => match recall.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(record)) => match self.recalled(record) {
                        Ok(state) => state,
                        Err(what) => return Step::Done(Ok(what)),
                    },
                    // What is kept is damaged: the get repairs it, and the broker may have it whole.
                    Step::Done(Err(Error::Local(_))) => State::Fetching(self.get(Portion::All)),
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Asking(getting) => match getting.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(got)) => {
                        self.note(&got.warnings);
                        State::Comparing(Recall::new(self.container))
                    }
                    Step::Done(Err(error)) => match self.failed(error) {
                        Ok(state) => state,
                        Err(end) => return Step::Done(end),
                    },
                },
                State::Comparing(recall) => {
                    let after = drive!(recall, cx, reply);
                    match attempt!(self.missing(after.as_ref(), cx)) {
                        Some(portion) if self.warning.is_none() => State::Fetching(self.get(portion)),
                        _ => return Step::Done(self.judge(after.as_ref(), cx)),
                    }
                }
                State::Fetching(getting) => match getting.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(got)) => {
                        self.note(&got.warnings);
                        State::Judging(Recall::new(self.container))
                    }
                    Step::Done(Err(error)) => match self.failed(error) {
                        Ok(state) => state,
                        Err(end) => return Step::Done(end),
                    },
                },
                State::Judging(recall) => {
                    let after = drive!(recall, cx, reply);
                    return Step::Done(self.judge(after.as_ref(), cx));
                }
            };
        }
    }
}
