//! The host runs operations: joined exchanges at once, from plain threads and from inside tasks.

#![allow(clippy::unwrap_used)]

mod server;

use absio_blocking::{BlockingHost, HttpTransport, MemorySource, NoContent};
use absio_proto::effect::{
    AllCall, ContentCall, ContentOp, ContentOutcome, Effect, HttpCall, HttpRequest, Job, Method, Reply,
};
use absio_proto::{Cx, Error, Generation, Operation, Step};
use server::Server;
use std::sync::{Arc, Barrier};
use std::time::Duration;

/// The smallest session.
struct Nobody;

impl Generation for Nobody {
    fn generation(&self) -> u64 {
        0
    }
}

fn get(origin: &str) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        origin: origin.to_owned(),
        path: "/v1/info".into(),
        headers: Vec::new(),
        body: absio_proto::effect::Body::new(),
        deadline: Duration::from_secs(20),
        max_response: 100,
    }
}

/// Joins some effects once, gives their replies.
struct Once(Option<Vec<Effect>>);

impl<S> Operation<S> for Once {
    type Output = Vec<Reply>;

    fn resume(&mut self, _cx: &mut Cx<'_, S>, reply: Option<Reply>) -> Step<Result<Vec<Reply>, Error>> {
        match (self.0.take(), reply) {
            (Some(members), None) => Step::Effect(Effect::All(AllCall::new(members))),
            (_, Some(reply)) => Step::Done(reply.all()),
            (None, None) => unreachable!("the guard refuses this"),
        }
    }
}

fn host() -> BlockingHost<Nobody> {
    BlockingHost::new(Nobody, Arc::new(HttpTransport::new()))
}

#[test]
fn joined_exchanges_run_at_once() {
    let barrier = Arc::new(Barrier::new(8));
    let server = Server::start(move |incoming| {
        // Answers only when eight requests are there together.
        barrier.wait();
        incoming.ok(b"together");
        true
    });
    let host = host();
    for _ in 0..2 {
        let members = (0..8).map(|_| Effect::Http(HttpCall::new(get(&server.origin())))).collect();
        for reply in host.run(Once(Some(members))).unwrap() {
            assert_eq!(reply.http().unwrap().unwrap().body, b"together");
        }
    }
    assert_eq!(server.connections.load(std::sync::atomic::Ordering::SeqCst), 8);
}

#[test]
fn content_jobs_and_exchanges_join_in_the_order_of_members() {
    let server = Server::start(|incoming| {
        incoming.ok(b"net");
        true
    });
    let members = vec![
        Effect::Compute(Job::new("sum", || 40 + 2)),
        Effect::Content(ContentCall::new(ContentOp::ReadAt { offset: 1, length: 2 })),
        Effect::Http(HttpCall::new(get(&server.origin()))),
    ];
    let mut replies =
        host().run_with(Once(Some(members)), &mut MemorySource::new(b"abcd")).unwrap().into_iter();
    assert_eq!(replies.next().unwrap().compute::<i32>().unwrap(), 42);
    assert_eq!(replies.next().unwrap().content().unwrap(), Ok(ContentOutcome::Bytes(b"bc".to_vec())));
    assert_eq!(replies.next().unwrap().http().unwrap().unwrap().body, b"net");
}

#[test]
fn content_that_was_not_given_is_an_error() {
    let members = vec![Effect::Content(ContentCall::new(ContentOp::ReadAt { offset: 0, length: 1 }))];
    let mut replies = host().run_with(Once(Some(members)), &mut NoContent).unwrap();
    assert!(replies.remove(0).content().unwrap().is_err());
}

#[test]
fn a_job_that_panics_is_a_misuse_and_the_host_goes_on() {
    let host = host();
    let members = || {
        vec![
            Effect::Compute(Job::new("good", || 1)),
            Effect::Compute(Job::new("bad", || -> i32 { panic!("planned") })),
        ]
    };
    assert!(matches!(host.run(Once(Some(members()))), Err(Error::Misuse(_))));
    let one = vec![Effect::Compute(Job::new("good", || 1))];
    assert_eq!(host.run(Once(Some(one))).unwrap().remove(0).compute::<i32>().unwrap(), 1);
}

fn eight_exchanges(origin: &str) -> usize {
    let members = (0..8).map(|_| Effect::Http(HttpCall::new(get(origin)))).collect();
    host().run(Once(Some(members))).unwrap().len()
}

#[test]
fn works_inside_a_tokio_task() {
    let server = Server::start(|incoming| {
        incoming.ok(b"ok");
        true
    });
    for runtime in [
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
    ] {
        let origin = server.origin();
        let task = runtime.spawn(async move { eight_exchanges(&origin) });
        assert_eq!(runtime.block_on(task).unwrap(), 8);
    }
}

#[test]
fn works_inside_a_smol_task() {
    let server = Server::start(|incoming| {
        incoming.ok(b"ok");
        true
    });
    let origin = server.origin();
    assert_eq!(smol::block_on(smol::spawn(async move { eight_exchanges(&origin) })), 8);
}
