use super::*;
use crate::driver::{blocking, nonblocking};
use crate::effect::TransportErrorKind::{self, Interrupted, Invalid, TimedOut, Tls, TooLarge, Unreachable};
use crate::effect::{HttpRequest, HttpResponse, Method, TransportError};
use crate::wire::{AUTHORIZATION, IDEMPOTENCY_KEY};
use core::future::Future;
use core::task::{Context, Poll, Waker};
use core::time::Duration;

const SECRET: &str = "c2VjcmV0IHRva2VuIHRoYXQgbm9ib2R5IG1heSBzZWU";
const PART: &str = "/v1/uploads/0d9e6b1c2f308a449c55e0f6a7b8c9d0/parts/3";

fn request(method: Method, path: &str) -> HttpRequest {
    HttpRequest {
        method,
        origin: "https://example.org".into(),
        path: path.into(),
        headers: vec![(AUTHORIZATION.into(), format!("Bearer {SECRET}"))],
        body: SECRET.as_bytes().to_vec().into(),
        deadline: Duration::from_secs(60),
        max_response: 1000,
    }
}

fn change() -> HttpRequest {
    let mut request = request(Method::Post, "/v1/containers");
    request.headers.push((IDEMPOTENCY_KEY.into(), "0".repeat(32)));
    request
}

fn lost(kind: TransportErrorKind) -> TransportError {
    TransportError::new(kind, SECRET)
}

fn answer(status: u16) -> Result<HttpResponse, TransportError> {
    Ok(HttpResponse { status, headers: vec![("x".into(), SECRET.into())], body: SECRET.into() })
}

/// Answers by the path.
struct World;

impl blocking::Transport for World {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if request.path == "/v1/lost" { Err(lost(Interrupted)) } else { answer(201) }
    }
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match core::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn what_is_told_of_an_exchange_holds_no_secret() {
    let (transport, kept) = Recording::kept(World);
    let get = request(Method::Get, &format!("/v1/keys/{SECRET}"));
    assert!(blocking::Transport::exchange(&transport, get) == answer(201));
    assert!(blocking::Transport::exchange(&transport, request(Method::Put, "/v1/lost")).is_err());
    let told = kept.take();
    let lines: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "GET /v1/keys/(43 characters) [authorization] 43 bytes -> 201 43 bytes",
            "PUT /v1/lost [authorization] 43 bytes -> Interrupted"
        ]
    );
    assert!(!format!("{told:?}").contains(SECRET));
    assert_eq!((told[0].outcome(), told[0].bytes()), (Ok(201), (43, 43)));
    assert_eq!((told[1].outcome(), told[1].method()), (Err(Interrupted), Method::Put));
    assert!(kept.take().is_empty(), "it was taken");
    drop(kept);
    let get = request(Method::Get, "/v1/info");
    assert!(blocking::Transport::exchange(&transport, get).is_ok(), "nobody listens, and nothing fails");
}

#[test]
fn whole_exchanges_print_as_redacted_ones_do() {
    let (transport, kept) = Recording::with_secrets(World);
    blocking::Transport::exchange(&transport, request(Method::Post, "/v1/login")).unwrap();
    let exchange = kept.take().remove(0);
    let printed = format!("{exchange} {exchange:?} {:?}", [&exchange]);
    assert!(printed.contains("POST /v1/login") && !printed.contains(SECRET), "{printed}");
    assert!(exchange.request == request(Method::Post, "/v1/login") && exchange.outcome == answer(201));
}

#[test]
fn tasks_are_told_of_as_threads_are() {
    let (transport, kept) = Recording::kept(Immediate(World));
    let outcome = ready(nonblocking::Transport::exchange(&transport, request(Method::Get, "/v1/lost")));
    assert_eq!(outcome.unwrap_err().kind, Interrupted);
    assert_eq!(kept.take()[0].outcome(), Err(Interrupted));
    let exchange = Exchange { request: request(Method::Get, "/v1/info"), outcome: answer(200) };
    let replaying = Replaying::new(vec![exchange]);
    assert!(ready(nonblocking::Transport::exchange(&replaying, request(Method::Get, "/v1/info"))).is_ok());
    assert_eq!(replaying.finish(), Ok(()));
}

fn recorded(paths: &[&str]) -> Replaying {
    let exchange = |(status, path): (u16, &&str)| Exchange {
        request: request(Method::Get, path),
        outcome: answer(status),
    };
    Replaying::new((200..).zip(paths).map(exchange).collect())
}

fn ask(transport: &Replaying, path: &str) -> Result<u16, String> {
    let outcome = blocking::Transport::exchange(transport, request(Method::Get, path));
    outcome.map(|response| response.status).map_err(|error| error.reason)
}

#[test]
fn what_was_recorded_is_answered_in_its_order() {
    let replaying = recorded(&["/a", "/b", "/a"]);
    assert_eq!(["/a", "/b", "/a"].map(|path| ask(&replaying, path)), [Ok(200), Ok(201), Ok(202)]);
    assert_eq!(replaying.finish(), Ok(()));

    let replaying = recorded(&["/a", "/b"]);
    let refused = ask(&replaying, "/b").unwrap_err();
    assert!(refused.contains("expected was GET /a") && refused.contains("found was GET /b"), "{refused}");
    assert_eq!(ask(&replaying, "/a").unwrap_err(), refused, "what follows is worth nothing");
    assert_eq!(replaying.finish().unwrap_err().to_string(), refused);

    let replaying = recorded(&["/a", "/b"]);
    ask(&replaying, "/a").unwrap();
    let early = replaying.finish().unwrap_err();
    assert_eq!((early.answered, early.recorded, early.found.as_str()), (1, 2, "the end"));
    let replaying = recorded(&[]);
    assert!(ask(&replaying, "/a").unwrap_err().contains("expected was the end"));
}

#[test]
fn exchanges_at_once_are_answered_in_any_order() {
    let replaying = recorded(&["/a", "/b", "/a"]).in_any_order();
    assert_eq!(["/b", "/a", "/a"].map(|path| ask(&replaying, path)), [Ok(201), Ok(200), Ok(202)]);
    assert!(ask(&replaying, "/a").is_err());
    assert!(replaying.finish().is_err());
}

const POLICY: RetryPolicy = RetryPolicy::new()
    .attempts(4)
    .pauses(Duration::from_secs(1), Duration::from_secs(3))
    .budget(Duration::from_secs(30));

#[test]
fn only_what_was_not_sent_or_does_no_harm_is_sent_again() {
    let login = request(Method::Post, "/v1/login");
    let keyless = request(Method::Put, "/v1/key-file");
    for (request, harmless) in [
        (request(Method::Get, "/v1/info"), true),
        (request(Method::Put, PART), true),
        (change(), true),
        (login, false),
        (keyless, false),
        (request(Method::Delete, "/v1/users/x"), false),
    ] {
        assert_eq!(RetryPolicy::is_harmless(&request), harmless, "{request:?}");
        let again = |kind| POLICY.pause_after(&request, kind, 1, Duration::ZERO).is_some();
        assert_eq!([Interrupted, TimedOut].map(again), [harmless; 2], "{request:?}");
        assert_eq!([Unreachable, Tls, TooLarge, Invalid].map(again), [true, false, false, false]);
    }
}

#[test]
fn pauses_double_and_everything_is_bounded() {
    let pause =
        |attempt, elapsed| POLICY.pause_after(&change(), Interrupted, attempt, Duration::from_secs(elapsed));
    assert_eq!(
        [1, 2, 3, 4].map(|attempt| pause(attempt, 0).map(|pause| pause.as_secs())),
        [Some(1), Some(2), Some(3), None]
    );
    assert_eq!((pause(1, 28).is_some(), pause(1, 29)), (true, None), "the budget");
    let short = HttpRequest { deadline: Duration::from_secs(5), ..change() };
    let pause = |elapsed| POLICY.pause_after(&short, Interrupted, 1, Duration::from_secs(elapsed));
    assert_eq!((pause(3).is_some(), pause(4)), (true, None), "the request's deadline");
    let endless = RetryPolicy::new().attempts(u32::MAX);
    assert!(endless.pause_after(&change(), Interrupted, 1_000_000, Duration::ZERO).is_some());
    assert!(endless.pause_after(&change(), Interrupted, 1, Duration::MAX).is_none());
    assert!(RetryPolicy::new().attempts(0).pause_after(&change(), Interrupted, 1, Duration::ZERO).is_none());
}

/// What comes of `outcomes`, a second each, and how many were asked for.
fn outcome_of(
    request: HttpRequest,
    outcomes: Vec<Result<HttpResponse, TransportError>>,
) -> (Result<u16, TransportErrorKind>, usize, Duration) {
    let (mut elapsed, mut made, deadline) = (Duration::ZERO, 0, request.deadline);
    let mut attempts = POLICY.begin(request);
    for outcome in outcomes {
        assert_eq!(attempts.request(elapsed).deadline, deadline - elapsed);
        elapsed += Duration::from_secs(1);
        made += 1;
        match attempts.after(outcome, elapsed) {
            Next::Pause(pause) => elapsed += pause,
            Next::Done(outcome) => {
                let outcome = outcome.map(|response| response.status).map_err(|error| error.kind);
                return (outcome, made, elapsed);
            }
        }
    }
    panic!("it goes on")
}

#[test]
fn what_may_have_been_done_is_not_forgotten() {
    let seconds = Duration::from_secs;
    let fail = |kind| Err(lost(kind));
    let done = outcome_of(change(), vec![fail(Unreachable), fail(Interrupted), answer(201)]);
    assert_eq!(done, (Ok(201), 3, seconds(6)));
    let done = outcome_of(change(), vec![fail(Unreachable), fail(Unreachable), fail(Tls)]);
    assert_eq!(done.0, Err(Tls), "nothing was ever sent");
    for last in [fail(Tls), answer(429), answer(503), answer(502)] {
        let done = outcome_of(change(), vec![fail(Interrupted), last]);
        assert_eq!(done.0, Err(Interrupted), "it may have been made");
    }
    let done = outcome_of(change(), vec![fail(Interrupted), answer(409)]);
    assert_eq!(done.0, Ok(409), "the broker knows the key, and speaks of the first arrival too");
    let four = [Interrupted, Unreachable, Unreachable, Unreachable].map(fail).into();
    assert_eq!(outcome_of(change(), four).0, Err(Interrupted));
    // A read has nothing to be remembered.
    let done = outcome_of(request(Method::Get, "/v1/info"), vec![fail(Interrupted), answer(429)]);
    assert_eq!(done.0, Ok(429));
    let done = outcome_of(request(Method::Post, "/v1/login"), vec![fail(Unreachable), fail(Interrupted)]);
    assert_eq!((done.0, done.1), (Err(Interrupted), 2), "that one was sent, and may count");
    assert_eq!(outcome_of(change(), vec![answer(429)]).0, Ok(429), "an answer is an answer");
}
