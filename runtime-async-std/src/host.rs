//! What the asynchronous loop needs, gathered.

use crate::join::join;
use crate::shared::{Boxed, SharedStore, SharedTransport};
use absio_proto::driver::nonblocking::{self, Content, Host, Store, Transport};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, Effect, HttpRequest, HttpResponse, Job, Progress, Reply,
    StoreError, StoreErrorKind, StoreOp, StoreOutcome, TransportError,
};
use absio_proto::{Cx, Error, Generation, Guard, Now, Operation};
use absio_store::system::Machine;
use futures_lite::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The members of an `All` that are performed at a time, besides reads and writes of content: as many as
/// an operation's exchanges.
const AT_ONCE: usize = 8;

/// A session with the means to run operations on it: transport, perhaps a store, clocks, randomness.
/// Shared by reference; the session is locked only while it is lent, never across an await.
pub struct AsyncHost<S> {
    session: Mutex<S>,
    machine: Machine,
    transport: SharedTransport,
    store: Option<SharedStore>,
}

impl<S: Generation + Send> AsyncHost<S> {
    /// A host for `session` that sends by `transport` and has no store.
    pub fn new(session: S, transport: impl Transport + Send + Sync + 'static) -> Self {
        Self::of(session, Arc::new(transport), None)
    }

    /// The same with a store.
    #[must_use]
    pub fn with_store(self, store: impl Store + Send + Sync + 'static) -> Self {
        Self { store: Some(Arc::new(store)), ..self }
    }

    /// The same, going by the time that `now` tells and the randomness that `entropy` draws: a test's.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn with_machine(
        self,
        now: Box<dyn Fn() -> Now + Send + Sync>,
        entropy: Box<dyn absio_proto::Entropy + Send>,
    ) -> Self {
        Self { machine: Machine::new(now, entropy), ..self }
    }

    pub(crate) fn of(session: S, transport: SharedTransport, store: Option<SharedStore>) -> Self {
        Self { session: Mutex::new(session), machine: Machine::system(), transport, store }
    }

    /// Runs `operation` to its end inside this task. It must not ask for content.
    ///
    /// # Errors
    /// The operation's own.
    pub async fn run<O: Operation<S>>(&self, operation: O) -> Result<O::Output, Error> {
        self.run_with(operation, &mut NoContent).await
    }

    /// Runs `operation`, which reads or writes `content`, to its end inside this task.
    ///
    /// # Errors
    /// The operation's own.
    pub async fn run_with<O: Operation<S>>(
        &self,
        operation: O,
        content: &mut (impl Content + Send),
    ) -> Result<O::Output, Error> {
        self.run_watched(operation, content, &|_| ()).await
    }

    /// The same, telling `watch` how far it is.
    ///
    /// # Errors
    /// The operation's own.
    pub async fn run_watched<O: Operation<S>>(
        &self,
        operation: O,
        content: &mut (impl Content + Send),
        watch: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<O::Output, Error> {
        let running = Running { host: self, content: Mutex::new(Some(content)), watch };
        nonblocking::run(&mut Guard::new(operation), &running).await
    }

    /// The time as operations see it.
    #[must_use]
    pub fn now(&self) -> Now {
        self.machine.now()
    }

    /// Looks at the session, for a moment.
    pub fn session<R>(&self, look: impl FnOnce(&S) -> R) -> R {
        look(&self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One operation under way.
struct Running<'h, 'c, S, C> {
    host: &'h AsyncHost<S>,
    /// Away while it is read or written.
    content: Mutex<Option<&'c mut C>>,
    watch: &'c (dyn Fn(Progress) + Send + Sync),
}

impl<S: Send, C: Content + Send> Running<'_, '_, S, C> {
    /// Performs reads and writes one after another: they are of one content.
    async fn in_order(&self, effects: Vec<Effect>) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(effects.len());
        for effect in effects {
            replies.push(nonblocking::perform(self, effect).await);
        }
        replies
    }

    /// A member that panics has no reply, which ends the operation as misuse, not the task.
    async fn apart(&self, effect: Effect) -> Vec<Reply> {
        let performed = AssertUnwindSafe(nonblocking::perform(self, effect)).catch_unwind().await;
        performed.into_iter().collect()
    }
}

impl<S: Send, C: Content + Send> Host<S> for Running<'_, '_, S, C> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, S>) -> R) -> R {
        let mut session = self.host.session.lock().unwrap_or_else(PoisonError::into_inner);
        self.host.machine.lend(|now, entropy| turn(&mut Cx { now, entropy, session: &mut session }))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.host.transport.exchange_boxed(request).await
    }

    async fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        match &self.host.store {
            Some(store) => store.apply_boxed(op).await,
            None => Err(StoreError::new(StoreErrorKind::Unavailable, "this client has no store")),
        }
    }

    async fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        let away = || ContentError { reason: "it is being read or written already".into() };
        let taken = self.content.lock().unwrap_or_else(PoisonError::into_inner).take();
        let content = taken.ok_or_else(away)?;
        let outcome = match op {
            ContentOp::ReadAt { offset, length } => {
                content.read_at(offset, length).await.map(ContentOutcome::Bytes)
            }
            ContentOp::WriteAt { offset, bytes } => {
                content.write_at(offset, bytes).await.map(|()| ContentOutcome::Written)
            }
            ContentOp::Record { offset, bytes } => {
                content.record(offset, bytes).await.map(|()| ContentOutcome::Written)
            }
        };
        *self.content.lock().unwrap_or_else(PoisonError::into_inner) = Some(content);
        outcome
    }

    async fn compute(&self, job: Job) -> Reply {
        blocking::unblock(move || job.run()).await
    }

    async fn sleep(&self, duration: Duration) {
        async_io::Timer::after(duration).await;
    }

    fn progress(&self, progress: Progress) {
        (self.watch)(progress);
    }

    fn all(&self, members: Vec<Effect>) -> Boxed<'_, Vec<Reply>> {
        let (own, shared): (Vec<_>, Vec<_>) = members
            .into_iter()
            .partition(|effect| matches!(effect, Effect::Content(_) | Effect::Progress(_)));
        let mut futures: Vec<Boxed<'_, Vec<Reply>>> = vec![Box::pin(self.in_order(own))];
        futures.extend(shared.into_iter().map(|effect| -> Boxed<'_, _> { Box::pin(self.apart(effect)) }));
        Box::pin(async { join(futures, AT_ONCE + 1).await.into_iter().flatten().collect() })
    }
}

/// The content of an operation that has none: asking for it is an error.
pub struct NoContent;

impl NoContent {
    fn refuse() -> ContentError {
        ContentError { reason: "no content was given to this operation".into() }
    }
}

impl Content for NoContent {
    async fn read_at(&mut self, _offset: u64, _length: usize) -> Result<Vec<u8>, ContentError> {
        Err(Self::refuse())
    }

    async fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
        Err(Self::refuse())
    }
}
