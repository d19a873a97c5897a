//! Cases as values: a [`Script`] says what is to be asked next, its runner asks it of whatever is under test.
//!
//! ```text
//!  Script::resume(None) ──▶ Turn::Ask(question) ──▶ resume(Some(answer)) ──▶ … ──▶ Turn::Done
//!                      └──▶ Turn::Together(lanes) ──▶ each runs to its end ──┘
//! ```
//!
//! It is the contract of `absio_proto::Operation` with two differences, both needed by cases that look for
//! races and by stores that are closed and opened again. Lanes run freely beside one another, not in
//! lockstep as the members of `Effect::All`; and a question is any type, not one of the effects. A case is written
//! as straight lines of `async` code, of which the compiler makes the states; no executor is involved, and it
//! never waits for anything but its answers. So the same cases serve backends for threads and for tasks.

mod runner;

pub(crate) use runner::{run, run_async};

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A case, or a lane of it, on its way.
pub(crate) struct Script<Q, A> {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    slot: Arc<Mutex<Slot<Q, A>>>,
}

/// What a script wants next.
pub(crate) enum Turn<Q, A> {
    /// The answer to a question.
    Ask(Q),
    /// Lanes that run at the same time.
    Together(Vec<Script<Q, A>>),
    /// It is over; or why it did not hold.
    Done(Result<(), String>),
}

/// What a turn is answered with.
pub(crate) enum Reply<A> {
    /// Of a question.
    Answer(A),
    /// Of lanes: all ended well.
    Joined,
}

struct Slot<Q, A> {
    wanted: Option<Turn<Q, A>>,
    reply: Option<Reply<A>>,
}

/// Where a case asks.
pub(crate) struct Desk<Q, A> {
    slot: Arc<Mutex<Slot<Q, A>>>,
}

impl<Q, A> Clone for Desk<Q, A> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<Q, A> Script<Q, A> {
    /// The script of `case`; nothing of it has run.
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(case: impl FnOnce(Desk<Q, A>) -> F) -> Self {
        let slot = Arc::new(Mutex::new(Slot { wanted: None, reply: None }));
        let future = Box::pin(case(Desk { slot: Arc::clone(&slot) }));
        Self { future, slot }
    }

    /// Goes on with the answer to the last turn. A case that panics is over, with what it said.
    pub(crate) fn resume(&mut self, reply: Option<Reply<A>>) -> Turn<Q, A> {
        lock(&self.slot).reply = reply;
        let mut context = Context::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(&mut context)));
        match polled {
            Err(panic) => Turn::Done(Err(said(&*panic))),
            Ok(Poll::Ready(())) => Turn::Done(Ok(())),
            Ok(Poll::Pending) => match lock(&self.slot).wanted.take() {
                Some(turn) => turn,
                None => Turn::Done(Err("the case waits for something that it did not ask for".into())),
            },
        }
    }
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

impl<Q: Send + 'static, A: Send + 'static> Desk<Q, A> {
    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, question: Q) -> A {
        match self.turn(Turn::Ask(question)).await {
            Reply::Answer(answer) => answer,
            Reply::Joined => panic!("the runner answered a question with lanes"),
        }
    }

    /// Lets all lanes run at the same time; their results in order.
    pub(crate) async fn together<T: Send + 'static>(&self, lanes: Vec<Lane<Q, A, T>>) -> Vec<T> {
        let results: Arc<Mutex<Vec<Option<T>>>> = Arc::default();
        let scripts = lanes.into_iter().enumerate().map(|(number, lane)| {
            lock(&results).push(None);
            let results = Arc::clone(&results);
            Script::new(move |desk| async move {
                let result = (lane.0)(desk).await;
                lock(&results)[number] = Some(result);
            })
        });
        self.turn(Turn::Together(scripts.collect())).await;
        let results = std::mem::take(&mut *lock(&results));
        results.into_iter().map(|result| result.expect("the runner runs every lane to its end")).collect()
    }

    async fn turn(&self, turn: Turn<Q, A>) -> Reply<A> {
        lock(&self.slot).wanted = Some(turn);
        poll_fn(|_| match lock(&self.slot).reply.take() {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        })
        .await
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One of several things a case does at the same time.
pub(crate) struct Lane<Q, A, T>(Box<dyn FnOnce(Desk<Q, A>) -> Boxed<T> + Send>);

impl<Q, A, T> Lane<Q, A, T> {
    /// The lane that does `work`.
    pub(crate) fn new<F: Future<Output = T> + Send + 'static>(
        work: impl FnOnce(Desk<Q, A>) -> F + Send + 'static,
    ) -> Self {
        Self(Box::new(move |desk| Box::pin(work(desk))))
    }
}
