//! What the blocking loop needs, gathered.

use crate::pool::Pool;
use absio_proto::driver::blocking::{Content, Host, Store, Transport};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, Effect, HttpRequest, HttpResponse, Progress, Reply, StoreError,
    StoreErrorKind, StoreOp, StoreOutcome, TransportError,
};
use absio_proto::{Cx, Error, Guard, Now, Operation, driver};
use absio_store::system::Machine;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

pub(crate) type SharedTransport = Arc<dyn Transport + Send + Sync>;
pub(crate) type SharedStore = Arc<dyn Store + Send + Sync>;

/// A session with the means to run operations on it: transport, perhaps a store, clocks, randomness
/// and a few threads. Shared by reference; the session is locked only while it is lent.
pub struct BlockingHost<S> {
    session: Mutex<S>,
    machine: Machine,
    backends: Backends,
    /// Threads that wait, and threads that compute: large bodies are allocated by the former alone, and an
    /// allocator that keeps memory for each thread keeps that of few.
    exchanges: Pool,
    jobs: Pool,
}

#[derive(Clone)]
struct Backends {
    transport: SharedTransport,
    store: Option<SharedStore>,
}

impl Backends {
    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        match &self.store {
            Some(store) => store.apply(op),
            None => Err(StoreError::new(StoreErrorKind::Unavailable, "this client has no store")),
        }
    }
}

impl<S: absio_proto::Generation> BlockingHost<S> {
    /// A host for `session` that sends by `transport` and has no store.
    pub fn new(session: S, transport: Arc<dyn Transport + Send + Sync>) -> Self {
        Self::of(session, transport, None)
    }

    pub(crate) fn of(session: S, transport: SharedTransport, store: Option<SharedStore>) -> Self {
        Self {
            session: Mutex::new(session),
            machine: Machine::system(),
            backends: Backends { transport, store },
            exchanges: Pool::new(),
            jobs: Pool::new(),
        }
    }

    /// The same with a store.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn Store + Send + Sync>) -> Self {
        self.backends.store = Some(store);
        self
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

    /// Runs `operation` to its end on this thread. It must not ask for content.
    ///
    /// # Errors
    /// The operation's own.
    pub fn run<O: Operation<S>>(&self, operation: O) -> Result<O::Output, Error> {
        self.run_with(operation, &mut NoContent)
    }

    /// Runs `operation`, which reads or writes `content`, to its end on this thread.
    ///
    /// # Errors
    /// The operation's own.
    pub fn run_with<O: Operation<S>>(
        &self,
        operation: O,
        content: &mut dyn Content,
    ) -> Result<O::Output, Error> {
        self.run_watched(operation, content, &|_| ())
    }

    /// The same, telling `watch` how far it is.
    ///
    /// # Errors
    /// The operation's own.
    pub fn run_watched<O: Operation<S>>(
        &self,
        operation: O,
        content: &mut dyn Content,
        watch: &dyn Fn(Progress),
    ) -> Result<O::Output, Error> {
        let running = Running { host: self, content: Mutex::new(content), watch };
        driver::blocking::run(&mut Guard::new(operation), &running)
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
struct Running<'h, 'c, S> {
    host: &'h BlockingHost<S>,
    content: Mutex<&'c mut dyn Content>,
    watch: &'c dyn Fn(Progress),
}

impl<S> Host<S> for Running<'_, '_, S> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, S>) -> R) -> R {
        let mut session = self.host.session.lock().unwrap_or_else(PoisonError::into_inner);
        self.host.machine.lend(|now, entropy| turn(&mut Cx { now, entropy, session: &mut session }))
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.host.backends.transport.exchange(request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.host.backends.store(op)
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner).apply(op)
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }

    fn progress(&self, progress: Progress) {
        (self.watch)(progress);
    }

    /// Content is read and written on this thread (a file is sequential anyway); everything else
    /// is performed at once.
    fn all(&self, members: Vec<Effect>) -> Vec<Reply> {
        let (own, shared): (Vec<_>, Vec<_>) = members
            .into_iter()
            .partition(|effect| matches!(effect, Effect::Content(_) | Effect::Progress(_)));
        let backends = self.host.backends.clone();
        let (jobs, shared): (Vec<_>, Vec<_>) =
            shared.into_iter().partition(|effect| matches!(effect, Effect::Compute(_)));
        let work = move |effect| perform_apart(&backends, effect);
        // With nothing else to do, this thread exchanges as well.
        let helpers = shared.len().saturating_sub(usize::from(own.is_empty() && jobs.is_empty()));
        let mut replies = Vec::new();
        let others = self.host.exchanges.map_beside(shared, work.clone(), helpers, || {
            let helpers = jobs.len().saturating_sub(usize::from(own.is_empty()));
            let computed = self.host.jobs.map_beside(jobs, work, helpers, || {
                replies.extend(own.into_iter().map(|effect| driver::blocking::perform(self, effect)));
            });
            replies.extend(computed);
        });
        replies.extend(others);
        replies
    }
}

/// Performs an effect that needs neither session nor content.
fn perform_apart(backends: &Backends, effect: Effect) -> Reply {
    match effect {
        Effect::Http(call) => {
            let (request, reply) = call.take();
            reply(backends.transport.exchange(request))
        }
        Effect::Store(call) => {
            let (op, reply) = call.take();
            reply(backends.store(op))
        }
        Effect::Compute(job) => job.run(),
        Effect::Sleep(call) => {
            thread::sleep(call.duration());
            call.reply()
        }
        Effect::Progress(call) => call.reply(),
        Effect::Content(call) => {
            let (_, reply) = call.take();
            reply(NoContent.refuse().map(ContentOutcome::Bytes))
        }
        Effect::All(call) => {
            let (slot, members) = call.split();
            slot.join(members.into_iter().map(|member| perform_apart(backends, member)).collect())
        }
    }
}

/// The content of an operation that has none: asking for it is an error.
pub struct NoContent;

impl NoContent {
    fn refuse(&self) -> Result<Vec<u8>, ContentError> {
        Err(ContentError { reason: "no content was given to this operation".into() })
    }
}

impl Content for NoContent {
    fn read_at(&mut self, _offset: u64, _length: usize) -> Result<Vec<u8>, ContentError> {
        self.refuse()
    }

    fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
        self.refuse().map(|_| ())
    }
}
