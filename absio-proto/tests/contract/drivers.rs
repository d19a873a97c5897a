//! The two loops, on hosts that answer alike.
#![expect(clippy::disallowed_types, reason = "a host is shared; the core it serves is not")]

use super::story::{self, story};
use super::{Seeded, State};
use absio_proto::driver::{blocking, nonblocking};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, Effect, HttpRequest, HttpResponse, Job, Reply, StoreError,
    StoreOp, StoreOutcome, TransportError,
};
use absio_proto::model::Timestamp;
use absio_proto::{Cx, Error, Guard, Now, Operation};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What both hosts lend, and a log of what they were asked.
pub(crate) struct Shared {
    lent: Mutex<(State, Seeded, u64)>,
    log: Mutex<Vec<String>>,
}

impl Shared {
    pub(crate) fn new(seed: u64) -> Self {
        Self { lent: Mutex::new((State::default(), Seeded(seed), 100)), log: Mutex::default() }
    }

    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, State>) -> R) -> R {
        let (state, entropy, time) = &mut *self.lent.lock().expect("no test panics with it");
        *time += 1;
        let now = Now { utc: Timestamp::from_millis(*time), monotonic: Duration::from_millis(*time) };
        turn(&mut Cx { now, entropy, session: state })
    }

    fn note(&self, asked: String) {
        self.log.lock().expect("no test panics with it").push(asked);
    }

    /// Everything of the request: `Debug` shows only its shape.
    fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        self.note(format!("{} {:?} {:?}", request.url(), request.headers, request.body));
        story::exchange(request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let keys = if let StoreOp::Get { keys } = &op { keys.clone() } else { Vec::new() };
        self.note(format!("{op:?} {keys:?}"));
        story::store(op)
    }

    fn content(&self, op: &ContentOp) -> Result<ContentOutcome, ContentError> {
        self.note(format!("{op:?}"));
        story::content(op)
    }

    pub(crate) fn into_log(self) -> Vec<String> {
        self.log.into_inner().expect("no test panicked with it")
    }
}

/// On the calling thread.
pub(crate) struct Blocking(pub(crate) Shared);

impl blocking::Host<State> for Blocking {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, State>) -> R) -> R {
        self.0.lend(turn)
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.exchange(&request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.0.store(op)
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        self.0.content(&op)
    }

    fn sleep(&self, duration: Duration) {
        self.0.note(format!("sleep {duration:?}"));
    }
}

/// Performs the members of an `All` from the last to the first.
struct Backwards(Blocking);

impl blocking::Host<State> for Backwards {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, State>) -> R) -> R {
        self.0.lend(turn)
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.exchange(request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.0.store(op)
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        self.0.content(op)
    }

    fn sleep(&self, duration: Duration) {
        self.0.sleep(duration);
    }

    fn all(&self, members: Vec<Effect>) -> Vec<Reply> {
        members.into_iter().rev().map(|effect| blocking::perform(self, effect)).collect()
    }
}

/// Pending once, so that every await of the loop is really left and entered again.
#[derive(Default)]
struct YieldOnce(bool);

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

struct Tasks(Shared);

impl nonblocking::Host<State> for Tasks {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, State>) -> R) -> R {
        self.0.lend(turn)
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        YieldOnce::default().await;
        self.0.exchange(&request)
    }

    async fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        YieldOnce::default().await;
        self.0.store(op)
    }

    async fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        YieldOnce::default().await;
        self.0.content(&op)
    }

    async fn compute(&self, job: Job) -> Reply {
        YieldOnce::default().await;
        job.run()
    }

    async fn sleep(&self, duration: Duration) {
        YieldOnce::default().await;
        self.0.note(format!("sleep {duration:?}"));
    }
}

/// The smallest executor: polls until it is ready; gives how often that was.
fn block_on<T>(future: impl Future<Output = T>) -> (T, usize) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for polls in 1.. {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return (output, polls);
        }
    }
    unreachable!("the numbers do not end before the future does")
}

fn run_blocking<O: Operation<State>>(mut operation: O, seed: u64) -> (Result<O::Output, Error>, Vec<String>) {
    let host = Blocking(Shared::new(seed));
    (blocking::run(&mut operation, &host), host.0.into_log())
}

#[test]
fn x22_both_loops_give_the_same_result_by_the_same_effects() {
    let (result, log) = run_blocking(story(), 11);
    let host = Tasks(Shared::new(11));
    let (other_result, polls) = block_on(nonblocking::run(&mut story(), &host));
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(result, other_result);
    assert_eq!(log, host.0.into_log());
    assert_eq!(log.len(), 8, "a job is not in the log, every other effect is: {log:#?}");
    assert_eq!(polls, 11, "each of 10 effects was pending once");
}

#[test]
fn members_of_an_all_may_be_performed_in_any_order() {
    let host = Backwards(Blocking(Shared::new(11)));
    assert_eq!(blocking::run(&mut story(), &host), run_blocking(story(), 11).0);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this is about the driver's threads")]
fn a_task_may_move_between_threads() {
    let (host, mut operation) = (Tasks(Shared::new(11)), story());
    let result = std::thread::scope(|scope| {
        let mut future = Box::pin(nonblocking::run(&mut operation, &host));
        let thread = scope.spawn(move || {
            let mut context = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending());
            future
        });
        block_on(thread.join().expect("the first poll does not panic")).0
    });
    assert_eq!(result, run_blocking(story(), 11).0);
}

#[test]
fn both_loops_hand_the_operations_error_on() {
    let over = || {
        let mut operation = story();
        let host = Blocking(Shared::new(1));
        assert!(blocking::run(&mut operation, &host).is_ok());
        operation
    };
    let misuse = Err(absio_proto::Misuse::ResumedAfterDone.into());
    assert_eq!(run_blocking::<Guard<_>>(over(), 1).0, misuse);
    assert_eq!(block_on(nonblocking::run(&mut over(), &Tasks(Shared::new(1)))).0, misuse);
}
