//! The transport that sends again, around one that counts.

#![allow(clippy::unwrap_used)]

use absio_async_std::{Client, Retrying, Unblocked};
use absio_broker::{Fault, Fixture};
use absio_proto::Error;
use absio_proto::driver::nonblocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportErrorKind};
use absio_proto::transport::RetryPolicy;
use smol::block_on;
use std::time::Duration;

const POLICY: RetryPolicy = RetryPolicy::new().pauses(Duration::ZERO, Duration::ZERO);

fn get(broker: &Fixture) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        origin: broker.origin().into(),
        path: "/v1/info".into(),
        headers: Vec::new(),
        body: Default::default(),
        deadline: Duration::from_secs(60),
        max_response: 4096,
    }
}

#[test]
fn a_broker_that_is_started_anew_is_waited_for() {
    let broker = Fixture::new();
    let patient = Retrying::new(Unblocked::new(broker.clone()), POLICY);
    for _ in 0..3 {
        broker.fault_next(Fault::Drop(TransportErrorKind::Unreachable));
    }
    assert_eq!(block_on(patient.exchange(get(&broker))).unwrap().status, 200);
    assert_eq!(broker.requests(), 4);
    // The control: without it, the first is the last.
    broker.fault_next(Fault::Drop(TransportErrorKind::Unreachable));
    assert_eq!(
        block_on(Unblocked::new(broker.clone()).exchange(get(&broker))).unwrap_err().kind,
        TransportErrorKind::Unreachable
    );
}

#[test]
fn it_gives_up_and_repeats_no_answer() {
    let broker = Fixture::new();
    let patient = Retrying::new(Unblocked::new(broker.clone()), POLICY.attempts(3));
    broker.set_stopped(true);
    assert_eq!(block_on(patient.exchange(get(&broker))).unwrap_err().kind, TransportErrorKind::Unreachable);
    assert_eq!(broker.requests(), 3);
    broker.set_stopped(false);
    broker.fault_next(Fault::Answer(HttpResponse { status: 503, headers: Vec::new(), body: Vec::new() }));
    assert_eq!(block_on(patient.exchange(get(&broker))).unwrap().status, 503);
    assert_eq!(broker.requests(), 4);
}

#[test]
fn a_client_takes_it_as_its_transport() {
    let broker = Fixture::at_present();
    let client = |transport| {
        block_on(Client::builder(broker.api_key(), broker.origin()).transport(transport).build()).unwrap()
    };
    let patient = client(Retrying::new(Unblocked::new(broker.clone()), POLICY));
    let hasty = client(Retrying::new(Unblocked::new(broker.clone()), POLICY.attempts(1)));
    broker.fault_next(Fault::Drop(TransportErrorKind::Unreachable));
    assert!(block_on(patient.info()).is_ok());
    broker.fault_next(Fault::Drop(TransportErrorKind::Unreachable));
    assert!(matches!(block_on(hasty.info()), Err(Error::Transport(_))));
}
