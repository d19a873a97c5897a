//! The host that gives again what was recorded.

use super::{Asked, Entry, Given, Performed, Recording, printing};
use crate::driver::blocking::{Host, perform};
use crate::effect::{
    ContentError, ContentOp, ContentOutcome, Effect, HttpRequest, HttpResponse, Job, Progress, Reply,
    StoreError, StoreErrorKind, StoreOp, StoreOutcome, TransportError, TransportErrorKind,
};
use crate::model::Timestamp;
use crate::operation::{Cx, Entropy, EntropyError, Now};
use core::cell::RefCell;
use core::time::Duration;
use std::collections::VecDeque;

/// A host that lends the recorded time and randomness, and answers each effect as it was answered,
/// as long as the operation asks for the same, byte for byte. Jobs are computed again.
pub struct Replay<S> {
    session: RefCell<S>,
    state: RefCell<State>,
}

struct State {
    entries: VecDeque<Entry>,
    passed: usize,
    divergence: Option<Divergence>,
}

/// Where the operation went another way than it did when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {position} of the recording: recorded was {recorded:?}, now it is {found:?}")]
pub struct Divergence {
    /// Entries that were alike, counted with the turns between the effects.
    pub position: usize,
    /// What was recorded, printed.
    pub recorded: String,
    /// What was asked for, printed.
    pub found: String,
}

const DIVERGED: &str = "the operation went another way than the recording";

impl Entry {
    fn printed(&self) -> String {
        match self {
            Self::Turn { entropy, .. } => format!("turn with {} random bytes", entropy.len()),
            Self::Effect(performed) => performed.asked.clone(),
            Self::All(members) => format!("all of {members}"),
        }
    }
}

impl State {
    /// Takes the next entry if `fits` gives something for it; otherwise everything ends here.
    fn next<T>(&mut self, found: &str, fits: impl FnOnce(&Entry) -> Option<T>) -> Option<T> {
        if self.divergence.is_some() {
            return None;
        }
        if let Some(taken) = self.entries.front().and_then(fits) {
            self.entries.pop_front();
            self.passed += 1;
            return Some(taken);
        }
        let recorded = self.entries.front().map_or_else(|| "the end".to_owned(), Entry::printed);
        self.diverge(recorded, found);
        None
    }

    fn diverge(&mut self, recorded: String, found: &str) {
        let found = found.to_owned();
        self.divergence.get_or_insert(Divergence { position: self.passed, recorded, found });
    }
}

impl<S> Replay<S> {
    /// Replays `recording` on `session`, which must be as it was when the recording began.
    #[must_use]
    pub fn new(recording: Recording, session: S) -> Self {
        let state = State { entries: recording.entries.into(), passed: 0, divergence: None };
        Self { session: RefCell::new(session), state: RefCell::new(state) }
    }

    /// The session as the operation left it.
    ///
    /// # Errors
    /// [`Divergence`] at the first place where the operation went another way, or where it stopped.
    pub fn finish(self) -> Result<S, Divergence> {
        let mut state = self.state.into_inner();
        if let Some(entry) = state.entries.front() {
            let recorded = entry.printed();
            state.diverge(recorded, "the end");
        }
        state.divergence.map_or(Ok(self.session.into_inner()), Err)
    }

    fn answer(&self, asked: &str, digest: [u8; 32]) -> Option<Given> {
        self.state.borrow_mut().next(asked, |entry| match entry {
            Entry::Effect(Performed { digest: recorded, given, .. }) if *recorded == digest => {
                Some(given.clone())
            }
            _ => None,
        })
    }
}

/// Gives the recorded bytes again, and fails when it is asked for others.
struct Recorded {
    bytes: VecDeque<u8>,
    exhausted: bool,
}

impl Entropy for Recorded {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        if self.bytes.len() < buffer.len() {
            self.exhausted = true;
            return Err(EntropyError);
        }
        let drawn = self.bytes.drain(..buffer.len());
        for (byte, recorded) in buffer.iter_mut().zip(drawn) {
            *byte = recorded;
        }
        Ok(())
    }
}

impl<S> Host<S> for Replay<S> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, S>) -> R) -> R {
        let recorded = self.state.borrow_mut().next("a turn", |entry| match entry {
            Entry::Turn { utc, monotonic, entropy } => Some((*utc, *monotonic, entropy.clone())),
            _ => None,
        });
        let (utc, monotonic, bytes) = recorded.unwrap_or_default();
        let drawn = bytes.len();
        let mut entropy = Recorded { bytes: bytes.into(), exhausted: false };
        let now = Now { utc: Timestamp::from_millis(utc), monotonic };
        let result = turn(&mut Cx { now, entropy: &mut entropy, session: &mut self.session.borrow_mut() });
        if entropy.exhausted || !entropy.bytes.is_empty() {
            let found = if entropy.exhausted { "a turn with more" } else { "a turn with fewer" };
            self.state.borrow_mut().diverge(format!("turn with {drawn} random bytes"), found);
        }
        result
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        match self.answer(&printing::request(&request), Asked::http(&request)) {
            Some(Given::Http(given)) => given,
            _ => Err(TransportError::new(TransportErrorKind::Invalid, DIVERGED)),
        }
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        match self.answer(&printing::store(&op), Asked::store(&op)) {
            Some(Given::Store(given)) => given,
            _ => Err(StoreError::new(StoreErrorKind::Unavailable, DIVERGED)),
        }
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        match self.answer(&printing::content(&op), Asked::content(&op)) {
            Some(Given::Content(given)) => given,
            _ => Err(ContentError { reason: DIVERGED.into() }),
        }
    }

    fn compute(&self, job: Job) -> Reply {
        self.answer(&printing::job(job.name()), Asked::job(job.name()));
        job.run()
    }

    fn sleep(&self, duration: Duration) {
        self.answer(&printing::sleep(duration), Asked::sleep(duration));
    }

    fn progress(&self, progress: Progress) {
        self.answer(&printing::progress(&progress), Asked::progress(&progress));
    }

    fn all(&self, members: Vec<Effect>) -> Vec<Reply> {
        let count = members.len();
        self.state.borrow_mut().next(&format!("all of {count}"), |entry| {
            matches!(entry, Entry::All(recorded) if *recorded == count).then_some(())
        });
        members.into_iter().map(|effect| perform(self, effect)).collect()
    }
}
