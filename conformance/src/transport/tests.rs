#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use super::*;
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::TransportErrorKind::{self, Interrupted, TimedOut, TooLarge};
use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers with the number of the request, eight bytes.
#[derive(Default)]
struct Counter(AtomicU64);

impl Transport for Counter {
    fn exchange(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(HttpResponse { status: 200, headers: Vec::new(), body: number.to_be_bytes().to_vec() })
    }
}

fn get(path: &str) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        origin: "https://example.org".into(),
        path: path.into(),
        headers: Vec::new(),
        body: Default::default(),
        deadline: Duration::from_secs(5),
        max_response: 100,
    }
}

type Given = Vec<Result<Vec<u8>, TransportErrorKind>>;

/// What four requests are given, and how many arrived.
fn given(plan: Plan) -> (Given, u64, Vec<Done>) {
    let network = Hostile::new(Counter::default(), plan);
    let answers = ["/a?1", "/b", "/a?2", "/b"]
        .map(|path| network.exchange(get(path)).map(|response| response.body).map_err(|error| error.kind));
    let arrived = network.inner().0.load(Ordering::Relaxed);
    (answers.to_vec(), arrived, network.done())
}

fn number(number: u64) -> Result<Vec<u8>, TransportErrorKind> {
    Ok(number.to_be_bytes().to_vec())
}

#[test]
fn each_misdeed_does_what_it_says_and_once() {
    let own = HttpResponse { status: 200, headers: Vec::new(), body: vec![7] };
    let page = || Ok(b"<h1>not now</h1>".to_vec());
    for (misdeed, third, fourth, arrived) in [
        (Misdeed::NeverArrives(Interrupted), Err(Interrupted), number(2), 3),
        (Misdeed::AnswerLost(Interrupted), Err(Interrupted), number(3), 4),
        (Misdeed::ArrivesTwice, number(3), number(4), 5),
        (Misdeed::ComesLate, Err(TimedOut), number(2), 4),
        (Misdeed::Truncates(7), Ok(vec![0]), number(3), 4),
        (Misdeed::FlipsBit(63 + 64), number(2 ^ 128), number(3), 4),
        (Misdeed::RepeatsPrevious, number(1), number(2), 3),
        (Misdeed::AnswersAnother, number(0), number(2), 3),
        (Misdeed::Answers(own), Ok(vec![7]), number(2), 3),
        (Misdeed::FailsBefore(502), page(), number(2), 3),
        (Misdeed::FailsAfter(504), page(), number(3), 4),
        (Misdeed::Busy(2), page(), number(2), 3),
    ] {
        let (answers, really, done) = given(Plan::at(2, misdeed.clone()));
        assert_eq!(answers, [number(0), number(1), third, fourth], "{misdeed:?}");
        assert_eq!(really, arrived, "{misdeed:?}");
        let (method, path) = (Method::Get, "/a?2".to_owned());
        assert_eq!(done, [Done { number: 2, method, path, misdeed }]);
    }
    let (answers, arrived, done) = given(Plan::honest());
    assert_eq!((answers, arrived, done), ((0..4).map(number).collect(), 4, Vec::new()));
}

#[test]
fn plans_choose_their_requests() {
    let lost = Misdeed::NeverArrives(Interrupted);
    let failed = |plan: Plan| -> Vec<bool> { given(plan).0.iter().map(Result::is_err).collect() };
    assert_eq!(failed(Plan::always(lost.clone())), [true; 4]);
    assert_eq!(failed(Plan::each_once(lost.clone())), [true, true, true, false]);
    let to_b = Plan::at(1, lost).among(|request| request.path == "/b");
    assert_eq!(failed(to_b), [false, false, false, true]);
    let repeated = given(Plan::always(Misdeed::RepeatsPrevious));
    assert_eq!((repeated.1, repeated.2.len()), (1, 3), "before the first there was none");
    let drawn = |seed| -> Vec<Misdeed> {
        let network = Hostile::new(Counter::default(), Plan::seeded(seed, 2));
        for _ in 0..200 {
            let _ = network.exchange(get("/a"));
        }
        network.done().into_iter().map(|done| done.misdeed).collect()
    };
    assert!((60..140).contains(&drawn(1).len()));
    assert!(drawn(1) == drawn(1) && drawn(1) != drawn(2));
}

#[test]
fn what_is_given_in_another_place_still_keeps_the_bound() {
    let long = HttpResponse { status: 200, headers: Vec::new(), body: vec![0; 101] };
    let network = Hostile::new(Counter::default(), Plan::always(Misdeed::Answers(long)));
    assert_eq!(network.exchange(get("/a")).unwrap_err().kind, TooLarge);
    network.follow(Plan::honest());
    assert_eq!(network.exchange(get("/a")).unwrap().status, 200);
    assert_eq!(network.requests(), 2);
}

/// The outcome at this speed, whether it arrived, and how long it took.
fn throttled(speed: u64, latency: u64) -> (Result<u16, TransportErrorKind>, bool, Duration) {
    let clock = Arc::new(Mutex::new(Duration::ZERO));
    let hands = clock.clone();
    let line = Throttled::new(Counter::default(), speed, move |slept| *hands.lock().unwrap() += slept)
        .latency(Duration::from_millis(latency));
    let request = HttpRequest { headers: vec![("name".into(), "value!".into())], ..get("/a") };
    let outcome = line.exchange(request);
    let arrived = line.inner().0.load(Ordering::Relaxed) == 1;
    let passed = *clock.lock().unwrap();
    (outcome.map(|response| response.status).map_err(|error| error.kind), arrived, passed)
}

#[test]
fn a_line_has_a_speed_a_delay_and_a_deadline() {
    let millis = Duration::from_millis;
    // Ten bytes there, eight back.
    assert_eq!(throttled(10, 0), (Ok(200), true, millis(1800)));
    assert_eq!(throttled(10, 200), (Ok(200), true, millis(2000)));
    assert_eq!(throttled(3, 0), (Err(TimedOut), true, millis(5000)));
    assert_eq!(throttled(1, 0), (Err(TimedOut), false, millis(5000)));
    assert_eq!(throttled(0, u64::MAX), (Err(TimedOut), false, millis(5000)));
    assert_eq!(throttled(u64::MAX, 0), (Ok(200), true, Duration::ZERO));
}
