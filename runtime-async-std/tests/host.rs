//! The host runs operations: joined exchanges at once, heavy work off the executor, content in order.
#![allow(clippy::unwrap_used)]

use absio_async_std::{AsyncHost, MemorySource, NoContent, Unblocked};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{
    AllCall, ContentCall, ContentOp, ContentOutcome, Effect, HttpCall, HttpRequest, HttpResponse, Job,
    Method, Reply, SleepCall, TransportError,
};
use absio_proto::{Cx, Error, Generation, Operation, Step};
use smol::block_on;
use std::sync::Barrier;
use std::thread::{self, ThreadId};
use std::time::Duration;

/// The smallest session.
struct Nobody;

impl Generation for Nobody {
    fn generation(&self) -> u64 {
        0
    }
}

/// Answers only when eight requests are there together.
struct Together(Barrier);

impl Transport for Together {
    fn exchange(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.wait();
        Ok(HttpResponse { status: 200, headers: Vec::new(), body: b"together".to_vec() })
    }
}

fn host() -> AsyncHost<Nobody> {
    AsyncHost::new(Nobody, Unblocked::new(Together(Barrier::new(8))))
}

fn get() -> Effect {
    Effect::Http(HttpCall::new(HttpRequest {
        method: Method::Get,
        origin: "http://localhost".into(),
        path: "/v1/info".into(),
        headers: Vec::new(),
        body: Default::default(),
        deadline: Duration::from_secs(20),
        max_response: 100,
    }))
}

/// Emits one effect, gives its reply.
struct Once(Option<Effect>);

impl Once {
    fn all(members: Vec<Effect>) -> Self {
        Self(Some(Effect::All(AllCall::new(members))))
    }
}

impl<S> Operation<S> for Once {
    type Output = Reply;

    fn resume(&mut self, _cx: &mut Cx<'_, S>, reply: Option<Reply>) -> Step<Result<Reply, Error>> {
        match (self.0.take(), reply) {
            (Some(effect), None) => Step::Effect(effect),
            (_, Some(reply)) => Step::Done(Ok(reply)),
            (None, None) => unreachable!("the guard refuses this"),
        }
    }
}

#[test]
fn joined_exchanges_run_at_once() {
    let host = host();
    for _ in 0..2 {
        let reply = block_on(host.run(Once::all((0..8).map(|_| get()).collect()))).unwrap();
        for reply in reply.all().unwrap() {
            assert_eq!(reply.http().unwrap().unwrap().body, b"together");
        }
    }
}

#[test]
fn content_jobs_and_waits_join_in_the_order_of_members() {
    let read = |offset| Effect::Content(ContentCall::new(ContentOp::ReadAt { offset, length: 2 }));
    let members = vec![
        Effect::Compute(Job::new("sum", || 40 + 2)),
        read(1),
        Effect::Sleep(SleepCall::new(Duration::from_millis(1))),
        read(2),
    ];
    let mut source = MemorySource::new(b"abcd");
    let reply = block_on(host().run_with(Once::all(members), &mut source)).unwrap();
    let mut replies = reply.all().unwrap().into_iter();
    assert_eq!(replies.next().unwrap().compute::<i32>().unwrap(), 42);
    assert_eq!(replies.next().unwrap().content().unwrap(), Ok(ContentOutcome::Bytes(b"bc".to_vec())));
    replies.next().unwrap().slept().unwrap();
    assert_eq!(replies.next().unwrap().content().unwrap(), Ok(ContentOutcome::Bytes(b"cd".to_vec())));
}

#[test]
fn content_that_was_not_given_is_an_error() {
    let read = || Effect::Content(ContentCall::new(ContentOp::ReadAt { offset: 0, length: 1 }));
    let reply = block_on(host().run_with(Once(Some(read())), &mut NoContent)).unwrap();
    assert!(reply.content().unwrap().is_err());
}

#[test]
fn jobs_are_off_the_executor_alone_and_joined() {
    let job = || Effect::Compute(Job::new("where", || thread::current().id()));
    let alone = block_on(host().run(Once(Some(job())))).unwrap();
    assert_ne!(alone.compute::<ThreadId>().unwrap(), thread::current().id());
    let joined = block_on(host().run(Once::all(vec![job(), job()]))).unwrap();
    for reply in joined.all().unwrap() {
        assert_ne!(reply.compute::<ThreadId>().unwrap(), thread::current().id());
    }
}

#[test]
fn a_job_that_panics_is_a_misuse_and_the_host_goes_on() {
    let host = host();
    let members = vec![
        Effect::Compute(Job::new("good", || 1)),
        Effect::Compute(Job::new("bad", || -> i32 { panic!("planned") })),
    ];
    let broken = block_on(host.run(Once::all(members))).unwrap().all();
    assert!(matches!(broken, Err(Error::Misuse(_))));
    let good = block_on(host.run(Once(Some(Effect::Compute(Job::new("good", || 1)))))).unwrap();
    assert_eq!(good.compute::<i32>().unwrap(), 1);
}
