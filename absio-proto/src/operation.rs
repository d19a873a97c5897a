//! The contract: an [`Operation`] says what is to be done, its driver does it.
//!
//! ```text
//!            resume(cx, None)                 resume(cx, Some(reply))
//!   Fresh ───────────────────▶ Waiting(token) ───────────────────────▶ Waiting(next token)
//!     │                            │  │                                   │
//!     │ Done                       │  └─ wrong token, wrong kind, none ──▶ Over(Misuse)
//!     └──────────▶ Over ◀── Done ──┘       session changed ─────────────▶ Over(SessionChanged)
//!                   │
//!                   └─ every later resume: Misuse again, never a panic
//! ```
//!
//! [`Guard`] holds that diagram for every operation, so that operations themselves are only their
//! own few states. Inside, operations are composed with the [`drive!`](crate::drive) macro.

mod join;
mod pipeline;

pub use join::Join;
pub(crate) use pipeline::Pipeline;

use crate::effect::{
    ContentCall, ContentError, ContentOp, ContentOutcome, Effect, HttpCall, HttpRequest, HttpResponse, Job,
    Progress, ProgressCall, Reply, SleepCall, StoreCall, StoreError, StoreOp, StoreOutcome, Token,
    TransportError,
};
use crate::error::{Error, Misuse};
use crate::model::Timestamp;
use crate::session::Session;
use core::time::Duration;

/// Something that is done in steps: each `resume` gives the next effect or the result.
///
/// Given equal [`Cx`] values and replies, an operation emits equal effects, byte for byte.
#[must_use = "an operation does nothing until it is resumed"]
pub trait Operation<S = Session> {
    /// What the operation gives when it succeeds.
    type Output;

    /// Goes on: first with `None`, then with the reply to the effect given last.
    fn resume(&mut self, cx: &mut Cx<'_, S>, reply: Option<Reply>) -> Step<Result<Self::Output, Error>>;
}

/// What a [`resume`](Operation::resume) gives.
#[must_use = "a step holds the effect to perform or the result"]
pub enum Step<T> {
    /// Perform this, then resume with its reply.
    Effect(Effect),
    /// The operation is over.
    Done(T),
}

/// An operation whose type is not named.
pub type BoxOp<T, S = Session> = Box<dyn Operation<S, Output = T> + Send>;

impl<S, O: Operation<S> + ?Sized> Operation<S> for Box<O> {
    type Output = O::Output;

    fn resume(&mut self, cx: &mut Cx<'_, S>, reply: Option<Reply>) -> Step<Result<Self::Output, Error>> {
        (**self).resume(cx, reply)
    }
}

/// What is lent to an operation for one `resume`: never kept, never held across I/O.
pub struct Cx<'a, S = Session> {
    /// The time.
    pub now: Now,
    /// The source of randomness.
    pub entropy: &'a mut dyn Entropy,
    /// The session: who is signed in, what was pinned. For the broker, its own state.
    pub session: &'a mut S,
}

impl<S> Cx<'_, S> {
    /// Draws `N` random bytes.
    ///
    /// # Errors
    /// [`Error::Entropy`] if the source fails.
    pub fn random<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// A reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Wall-clock time, UTC, in milliseconds.
    pub utc: Timestamp,
    /// Time since an arbitrary moment that never goes backwards.
    pub monotonic: Duration,
}

/// A source of randomness fit for keys.
pub trait Entropy {
    /// Fills `buffer` with random bytes.
    ///
    /// # Errors
    /// [`EntropyError`] if the source fails; the operation ends, nothing is sent.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError>;
}

/// The source of randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the random source failed")]
pub struct EntropyError;

/// A state lent to operations that can tell whether it is still the one an operation began with.
pub trait Generation {
    /// Changes whenever running operations must not go on (another user signed in).
    fn generation(&self) -> u64;
}

/// Runs `child` inside another operation: hands its effects on, and is the child's output once it
/// is done; its error ends the surrounding `resume`.
#[macro_export]
macro_rules! drive {
    ($child:expr, $cx:expr, $reply:expr) => {
        match $crate::Operation::resume($child, $cx, $reply.take()) {
            $crate::Step::Effect(effect) => return $crate::Step::Effect(effect),
            $crate::Step::Done(Ok(output)) => output,
            $crate::Step::Done(Err(error)) => return $crate::Step::Done(Err(error)),
        }
    };
}

/// `?` inside a `resume`: an error ends the operation.
#[macro_export]
macro_rules! attempt {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(error) => return $crate::Step::Done(Err(error.into())),
        }
    };
}

/// The smallest operation: one effect, then its reply as `T`.
pub struct Leaf<T> {
    effect: Option<Effect>,
    read: fn(Reply) -> Result<T, Error>,
}

impl<T> Leaf<T> {
    fn new(effect: Effect, read: fn(Reply) -> Result<T, Error>) -> Self {
        Self { effect: Some(effect), read }
    }
}

impl Leaf<Result<HttpResponse, TransportError>> {
    /// One HTTP exchange.
    pub fn http(request: HttpRequest) -> Self {
        Self::new(Effect::Http(HttpCall::new(request)), Reply::http)
    }
}

impl Leaf<Result<StoreOutcome, StoreError>> {
    /// One store operation.
    pub fn store(op: StoreOp) -> Self {
        Self::new(Effect::Store(StoreCall::new(op)), Reply::store)
    }
}

impl Leaf<Result<ContentOutcome, ContentError>> {
    /// One read or write of the caller's content.
    pub fn content(op: ContentOp) -> Self {
        Self::new(Effect::Content(ContentCall::new(op)), Reply::content)
    }
}

impl Leaf<()> {
    /// One wait.
    pub fn sleep(duration: Duration) -> Self {
        Self::new(Effect::Sleep(SleepCall::new(duration)), Reply::slept)
    }
}

impl Leaf<()> {
    /// One report of how far the operation is.
    pub fn progress(progress: Progress) -> Self {
        Self::new(Effect::Progress(ProgressCall::new(progress)), Reply::heard)
    }
}

impl<T: Send + 'static> Leaf<T> {
    /// One heavy computation, see [`Job::new`].
    pub fn compute(name: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Self {
        Self::new(Effect::Compute(Job::new(name, work)), Reply::compute)
    }
}

impl<S, T> Operation<S> for Leaf<T> {
    type Output = T;

    fn resume(&mut self, _cx: &mut Cx<'_, S>, reply: Option<Reply>) -> Step<Result<T, Error>> {
        match (self.effect.take(), reply) {
            (Some(effect), None) => Step::Effect(effect),
            (None, Some(reply)) => Step::Done((self.read)(reply)),
            (Some(_), Some(_)) => Step::Done(Err(Misuse::UnexpectedReply.into())),
            (None, None) => Step::Done(Err(Misuse::MissingReply.into())),
        }
    }
}

/// Holds an operation to the contract: mints tokens, checks replies against them, ends the
/// operation for good on misuse, and notices when the session became another one.
pub struct Guard<O> {
    operation: O,
    phase: Phase,
    identity: u64,
    step: u64,
    generation: u64,
}

enum Phase {
    Fresh,
    Waiting(Token),
    Over(Misuse),
}

impl<O> Guard<O> {
    /// Guards `operation`. Every operation that is given to a driver is guarded once, at the top.
    pub fn new(operation: O) -> Self {
        Self { operation, phase: Phase::Fresh, identity: 0, step: 0, generation: 0 }
    }

    fn admit<S: Generation>(&mut self, cx: &mut Cx<'_, S>, reply: Option<&Reply>) -> Result<(), Error> {
        match (&self.phase, reply) {
            (Phase::Fresh, None) => {
                self.identity = u64::from_be_bytes(cx.random()?);
                self.generation = cx.session.generation();
                Ok(())
            }
            (Phase::Fresh, Some(_)) => Err(Misuse::UnexpectedReply.into()),
            (Phase::Waiting(_), None) => Err(Misuse::MissingReply.into()),
            (Phase::Waiting(token), Some(reply)) if reply.token != *token => {
                Err(if reply.token.operation == token.operation {
                    Misuse::StaleReply.into()
                } else {
                    Misuse::ForeignReply.into()
                })
            }
            (Phase::Waiting(_), Some(_)) if cx.session.generation() != self.generation => {
                Err(Error::SessionChanged)
            }
            (Phase::Waiting(_), Some(_)) => Ok(()),
            (Phase::Over(misuse), _) => Err((*misuse).into()),
        }
    }

    fn end<T>(&mut self, result: Result<T, Error>) -> Step<Result<T, Error>> {
        self.phase = Phase::Over(match &result {
            Err(Error::Misuse(misuse)) => *misuse,
            _ => Misuse::ResumedAfterDone,
        });
        Step::Done(result)
    }
}

impl<S: Generation, O: Operation<S>> Operation<S> for Guard<O> {
    type Output = O::Output;

    fn resume(&mut self, cx: &mut Cx<'_, S>, reply: Option<Reply>) -> Step<Result<O::Output, Error>> {
        if let Err(error) = self.admit(cx, reply.as_ref()) {
            return self.end(Err(error));
        }
        let step = self.operation.resume(cx, reply);
        // An operation that signs in or out changes the session itself, and goes on with the new one.
        self.generation = cx.session.generation();
        match step {
            Step::Done(result) => self.end(result),
            Step::Effect(mut effect) => {
                if let Effect::All(all) = &effect
                    && all.members.iter().any(|member| matches!(member, Effect::All(_)))
                {
                    return self.end(Err(Misuse::NestedAll.into()));
                }
                self.step += 1;
                let token = Token { operation: self.identity, step: self.step, member: 0 };
                effect.stamp(token);
                self.phase = Phase::Waiting(token);
                Step::Effect(effect)
            }
        }
    }
}

/// Maps an operation's output: how typed headers and contents are made of the core's bytes.
pub struct Map<O, F> {
    operation: O,
    map: Option<F>,
}

impl<O, F> Map<O, F> {
    /// Applies `map` to the output of `operation`.
    pub fn new(operation: O, map: F) -> Self {
        Self { operation, map: Some(map) }
    }
}

impl<S, O, F, T> Operation<S> for Map<O, F>
where
    O: Operation<S>,
    F: FnOnce(O::Output) -> Result<T, Error>,
{
    type Output = T;

    fn resume(&mut self, cx: &mut Cx<'_, S>, mut reply: Option<Reply>) -> Step<Result<T, Error>> {
        let output = drive!(&mut self.operation, cx, reply);
        Step::Done(self.map.take().map_or(Err(Misuse::ResumedAfterDone.into()), |map| map(output)))
    }
}
