//! What the network does, and what a hostile server may try with it (X-16, security cases 55 to 65).

use crate::altered::Altered;
use crate::people::{Device, PASSPHRASE, PASSWORD, assert_refused, broker, people, person};
use absio_broker::{Clock, Fault, Fixture, RateLimit, SeededEntropy, create_api_key};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportErrorKind};
use absio_proto::model::{Credentials, EventFilter};
use absio_proto::ops::container::{Create, List};
use absio_proto::ops::key_file::Checksum;
use absio_proto::ops::user::{self, ChangeCredentials, Login, LoginWith, Reminder};
use absio_proto::ops::{events, info};
use absio_proto::wire::{
    API_KEY, AUTHORIZATION, Base64, IDEMPOTENCY_KEY, LoginAnswer, decode_error, encode_error, from_json,
    to_json,
};
use absio_proto::{Error, RemoteCode, RemoteError, limits};
use absio_store::MemoryStore;
use std::time::Duration;

/// A refusal as a broker sends it.
fn refusal(code: RemoteCode, retry_after_ms: Option<u64>) -> HttpResponse {
    let status = code.status();
    let error = RemoteError { code, message: "not now".into(), subject: None, retry_after_ms };
    HttpResponse { status, headers: Vec::new(), body: encode_error(&error) }
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn set_header(request: &mut HttpRequest, name: &str, value: &str) {
    request.headers.retain(|(key, _)| key != name);
    request.headers.push((name.into(), value.into()));
}

/// How much time passes in `action`.
fn time<R>(device: &Device, action: impl FnOnce(&Device) -> R) -> (R, Duration) {
    let before = device.broker.clock().now().monotonic;
    let result = action(device);
    (result, device.broker.clock().now().monotonic - before)
}

#[test]
fn x16_a_busy_broker_is_asked_again_after_the_time_it_names() {
    let alice = person(&broker());
    for code in [RemoteCode::RateLimited, RemoteCode::Unavailable] {
        for _ in 0..2 {
            alice.broker.fault_next(Fault::Answer(refusal(code.clone(), Some(2000))));
        }
        let (((), requests), waited) = time(&alice, |alice| {
            alice.requests(|alice| {
                alice.create(b"x", &[]);
            })
        });
        assert_eq!((requests, waited), (3, Duration::from_secs(4)));
    }
    assert_eq!(alice.run(List::new()).unwrap().len(), 2);
}

#[test]
fn x16_waiting_is_bounded_in_number_and_in_time() {
    let alice = person(&broker());
    alice.broker.set_hook(|_| Fault::Answer(refusal(RemoteCode::RateLimited, Some(1000))));
    let ((refused, requests), waited) =
        time(&alice, |alice| alice.requests(|alice| alice.run(Checksum::new())));
    assert_refused(refused, RemoteCode::RateLimited);
    assert_eq!((requests, waited), (3, Duration::from_secs(2)));

    alice.broker.set_hook(|_| Fault::Answer(refusal(RemoteCode::RateLimited, Some(60_000))));
    let ((refused, requests), waited) =
        time(&alice, |alice| alice.requests(|alice| alice.run(Checksum::new())));
    match refused {
        Err(Error::Remote(error)) => assert_eq!(error.retry_after_ms, Some(60_000)),
        other => panic!("{other:?}"),
    }
    assert_eq!((requests, waited), (1, Duration::ZERO));
}

#[test]
fn x16_the_header_counts_too_and_a_proxy_is_understood() {
    let alice = person(&broker());
    let headers = vec![("retry-after".to_owned(), "3".to_owned())];
    let by_proxy =
        HttpResponse { status: 429, headers: headers.clone(), body: b"<h1>slow down</h1>".to_vec() };
    let by_broker = HttpResponse { headers, ..refusal(RemoteCode::Unavailable, None) };
    for busy in [by_proxy, by_broker] {
        alice.broker.fault_next(Fault::Answer(busy));
        let (result, waited) = time(&alice, |alice| alice.run(Checksum::new()));
        assert!(result.is_ok());
        assert_eq!(waited, Duration::from_secs(3));
    }
}

#[test]
fn x16_a_device_that_is_limited_in_fetching_key_files_waits_and_goes_on() {
    let limit = RateLimit { attempts: 1, period: Duration::from_secs(8) };
    let config =
        absio_broker::BrokerConfig { retrievals_per_user: limit, ..Fixture::<MemoryStore>::config() };
    let broker = Fixture::configured(MemoryStore::new(), SeededEntropy::new(3), config);
    let device = Device::new(&broker);
    let user = device.run(user::Create::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap();
    // Attempts that succeed are not counted.
    let wrong = LoginWith::nothing().passphrase("Wrong staple 2");
    assert_refused(device.run(Login::new(user.id(), wrong)), RemoteCode::RetrievalRefused);
    let (((), requests), waited) = time(&device, |device| device.requests(|device| device.log_in(user.id())));
    assert_eq!(requests, 4);
    assert!(waited > Duration::ZERO && waited <= Duration::from_secs(8), "{waited:?}");
}

#[test]
fn a_session_whose_time_is_over_is_renewed_once() {
    let alice = person(&broker());
    alice.broker.clock().advance(Duration::from_millis(limits::TOKEN_LIFE_MS));
    let (result, requests) = alice.requests(|alice| alice.run(Checksum::new()));
    assert!(result.is_ok());
    assert_eq!(requests, 3, "challenge, login, checksum: the old token is not tried");
    let (_, requests) = alice.requests(|alice| alice.run(Checksum::new()).unwrap());
    assert_eq!(requests, 1);
}

#[test]
fn a_session_that_the_broker_ends_is_renewed_once() {
    let alice = person(&broker());
    for code in [RemoteCode::SessionExpired, RemoteCode::NotAuthenticated] {
        alice.broker.fault_next(Fault::Answer(refusal(code, None)));
        let (id, requests) = alice.requests(|alice| alice.create(b"x", &[]));
        assert_eq!(requests, 4, "refused, challenge, login, created");
        assert_eq!(alice.content(id), Some(b"x".to_vec()));
    }
    // Another device that signs out ends its own session only; the user's deletion ends all.
    let other = Device::new(&alice.broker);
    other.log_in(alice.id());
    other.run(user::Delete::new()).unwrap();
    let (refused, requests) = alice.requests(|alice| alice.run(Checksum::new()));
    assert_refused(refused, RemoteCode::LoginRefused);
    assert_eq!(requests, 3, "refused, challenge, login refused");
}

#[test]
fn ms_endless_refusals_end() {
    let alice = person(&broker());
    let is_login = |request: &HttpRequest| matches!(request.path.as_str(), "/v1/challenge" | "/v1/login");
    alice.broker.set_hook(move |request| {
        if is_login(request) { Fault::None } else { Fault::Answer(refusal(RemoteCode::SessionExpired, None)) }
    });
    let (refused, requests) = alice.requests(|alice| alice.run(Checksum::new()));
    assert_refused(refused, RemoteCode::SessionExpired);
    assert_eq!(requests, 4);
}

#[test]
fn ms_endless_sessions_that_are_over_at_once_end() {
    let alice = person(&broker());
    let ends_at_once = |request: &HttpRequest| match request.path.as_str() {
        "/v1/login" => Fault::Alter(Box::new(|response| {
            let answer: LoginAnswer = from_json("login", &response.body).unwrap();
            response.body = to_json(&LoginAnswer { expires_at: answer.server_time + 1000, ..answer });
        })),
        _ => Fault::None,
    };
    alice.broker.clock().advance(Duration::from_secs(4000));
    alice.broker.set_hook(ends_at_once);
    let (result, requests) = alice.requests(|alice| alice.run(Checksum::new()));
    assert_eq!(result.unwrap_err().code(), "protocol");
    assert_eq!(requests, 2);
    let device = Device::new(&alice.broker);
    let login = Login::new(alice.id(), LoginWith::nothing().user(alice.user()));
    assert_eq!(device.run(login).unwrap_err().code(), "protocol");
    assert!(device.session(|session| session.user().is_none()));
}

#[test]
fn a_token_that_lives_longer_than_an_hour_is_not_believed() {
    let alice = person(&broker());
    alice.broker.set_hook(|request| match request.path.as_str() {
        "/v1/login" => Fault::Alter(Box::new(|response| {
            let answer: LoginAnswer = from_json("login", &response.body).unwrap();
            response.body = to_json(&LoginAnswer { expires_at: u64::MAX, ..answer });
        })),
        _ => Fault::None,
    });
    alice.log_in(alice.id());
    alice.broker.clock().advance(Duration::from_millis(limits::TOKEN_LIFE_MS));
    assert!(!alice.session(|session| session.is_authenticated(alice.broker.clock().now())));
}

#[test]
fn mn_lost_reply_create_makes_one_container() {
    let alice = person(&broker());
    alice.broker.record();
    alice.broker.fault_next(Fault::LoseAnswer(TransportErrorKind::Interrupted));
    let (id, requests) = alice.requests(|alice| alice.create(b"once", &[]));
    assert_eq!(requests, 2);
    let sent = alice.broker.recorded();
    let key = |at: usize| header(&sent[at].request, IDEMPOTENCY_KEY).unwrap().to_owned();
    assert_eq!(key(0), key(1));
    assert_eq!(sent[0].request.body, sent[1].request.body);
    assert_eq!(alice.run(List::new()).unwrap().len(), 1);
    assert_eq!(alice.content(id), Some(b"once".to_vec()));
    let added = EventFilter { container_id: Some(id), ..EventFilter::default() };
    assert_eq!(alice.events(added).len(), 2, "added, and accessed by the get");
}

#[test]
fn mn_lost_reply_of_a_new_user_makes_one_user() {
    let device = Device::new(&broker());
    device.broker.fault_next(Fault::LoseAnswer(TransportErrorKind::Interrupted));
    let create = user::Create::new(Credentials::new(PASSWORD, PASSPHRASE));
    let (user, requests) = device.requests(|device| device.run(create).unwrap());
    assert_eq!(requests, 2);
    device.log_in(user.id());
}

#[test]
fn mn_lost_reply_login_is_not_repeated() {
    let alice = person(&broker());
    let paths = |device: &Device| -> Vec<String> {
        device.broker.recorded().into_iter().map(|exchange| exchange.request.path).collect()
    };
    for (lost, with) in [
        ("/v1/login", LoginWith::nothing().user(alice.user())),
        ("/v1/key-file/retrieve", LoginWith::nothing().passphrase(PASSPHRASE)),
    ] {
        let device = Device::new(&alice.broker);
        device.broker.record();
        device.broker.set_hook(move |request| {
            if request.path == lost {
                Fault::LoseAnswer(TransportErrorKind::Interrupted)
            } else {
                Fault::None
            }
        });
        let result = device.run(Login::new(alice.id(), with));
        assert_eq!(result.unwrap_err().code(), "transport");
        assert_eq!(paths(&device).iter().filter(|path| *path == lost).count(), 1);
    }
}

#[test]
fn changes_without_an_answer_are_tried_three_times_and_no_more() {
    let alice = person(&broker());
    for (kind, attempts) in [
        (TransportErrorKind::Interrupted, 3),
        (TransportErrorKind::Unreachable, 1),
        (TransportErrorKind::TimedOut, 3),
        (TransportErrorKind::Tls, 1),
        (TransportErrorKind::TooLarge, 1),
        (TransportErrorKind::Invalid, 1),
    ] {
        alice.broker.set_hook(move |_| Fault::Drop(kind));
        let (result, requests) = alice.requests(|alice| alice.run(Create::new(b"x".to_vec())));
        let Err(Error::Transport(error)) = result else { panic!("{kind:?} gave {result:?}") };
        assert_eq!((error.kind, requests), (kind, attempts));
        assert_eq!(error.unconfirmed.is_some(), error.is_ambiguous(), "{kind:?}");
    }
    alice.broker.clear_hook();
    assert!(alice.run(List::new()).unwrap().is_empty());
}

/// Security case 65: every redirect is an error, and nothing is sent anywhere because of it.
#[test]
fn mn_redirect_is_an_error_and_followed_nowhere() {
    let alice = person(&broker());
    let origin = alice.broker.origin();
    let targets = ["https://evil.example/v1/info", "http://localhost:9/", "/v1/info", "//evil.example/", ""];
    for status in [300, 301, 302, 303, 304, 305, 307, 308] {
        for target in targets {
            let headers = vec![("location".to_owned(), target.to_owned())];
            let answer = HttpResponse { status, headers, body: b"{}".to_vec() };
            alice.broker.set_hook(move |_| Fault::Answer(answer.clone()));
            let watched = Altered::new(&alice);
            assert_eq!(watched.run(Checksum::new()).unwrap_err().code(), "protocol");
            assert_eq!(watched.run(Create::new(b"x".to_vec())).unwrap_err().code(), "protocol");
            assert_eq!(watched.run(Reminder::new(None)).unwrap_err().code(), "protocol");
            let sent = watched.sent.borrow();
            assert_eq!(sent.len(), 3);
            assert!(sent.iter().all(|request| request.origin == origin));
        }
    }
    // The way to sign in is no exception.
    alice.broker.set_hook(|request| match request.path.as_str() {
        "/v1/login" => Fault::Answer(HttpResponse {
            status: 307,
            headers: vec![("location".into(), "https://evil.example/v1/login".into())],
            body: Vec::new(),
        }),
        _ => Fault::None,
    });
    let device = Device::new(&alice.broker);
    let watched = Altered::new(&device);
    let login = Login::new(alice.id(), LoginWith::nothing().user(alice.user()));
    assert_eq!(watched.run(login).unwrap_err().code(), "protocol");
    assert!(watched.sent.borrow().iter().all(|request| request.origin == origin));
}

/// Security case 67: every request says how much may come back, and by when.
#[test]
fn ms_endless_answers_are_bounded_by_every_request() {
    let [alice, bob] = people();
    alice.broker.record();
    let bound = Duration::from_secs(7);
    let device = Device::configured(&alice.broker, |config| config.deadline(bound));
    device.log_in(alice.id());
    device.run(info::Info::new()).unwrap();
    let id = device.create(b"x", &[alice.full(), bob.full()]);
    device.get(id).unwrap();
    device.run(List::new()).unwrap();
    device.run(Reminder::new(None)).unwrap();
    device.run(Checksum::new()).unwrap();
    device.run(ChangeCredentials::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap();
    device.run(events::Page::new(EventFilter::default(), 10, 0)).unwrap();
    let none = EventFilter { starting_event_id: 10_000, ..EventFilter::default() };
    device.run(events::Page::new(none, 10, 30)).unwrap();
    device.delete(id).unwrap();
    device.run(user::Logout::new()).unwrap();
    let sent = alice.broker.recorded();
    assert!(sent.len() > 12);
    for exchange in sent {
        let (request, response) = (exchange.request, exchange.outcome.unwrap());
        let waiting = if request.path.contains("wait=30") { Duration::from_secs(30) } else { Duration::ZERO };
        assert_eq!(request.deadline, bound + waiting, "{request:?}");
        assert!((64 << 10..=limits::BUNDLE).contains(&request.max_response), "{request:?}");
        assert!(response.body.len() as u64 <= request.max_response, "{request:?}");
    }
    // A transport that keeps to the bound gives an error, and it is one.
    alice.broker.set_hook(|_| Fault::Drop(TransportErrorKind::TooLarge));
    let (refused, requests) = alice.requests(|alice| alice.run(Checksum::new()));
    assert!(matches!(refused, Err(Error::Transport(error)) if error.kind == TransportErrorKind::TooLarge));
    assert_eq!(requests, 1);
}

/// Security case 55: what travels to fetch a key file works once. So do login proofs.
#[test]
fn mn_capture_retrieval_replay_is_refused() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    device.broker.record();
    device.log_in(alice.id());
    let recorded = device.broker.recorded();
    for (path, code) in
        [("/v1/key-file/retrieve", RemoteCode::RetrievalRefused), ("/v1/login", RemoteCode::LoginRefused)]
    {
        let captured = recorded.iter().find(|exchange| exchange.request.path == path).unwrap();
        assert_eq!(captured.outcome.as_ref().unwrap().status, 200);
        let replayed = device.broker.exchange(captured.request.clone()).unwrap();
        assert!(decode_error(&replayed).is_remote(&code), "{path}");
        device.broker.clock().advance(Duration::from_secs(120));
        let later = device.broker.exchange(captured.request.clone()).unwrap();
        assert!(decode_error(&later).is_remote(&code), "{path}");
    }
}

/// Security cases 56 and 62: proofs made for one server are worth nothing at another.
#[test]
fn ms_other_origin_relay_and_ms_relay_login() {
    let alice = person(&broker());
    let evil = "http://localhost:6666";
    let config = absio_proto::Config::new(alice.broker.api_key(), evil)
        .unwrap()
        .kdf_policy(absio_proto::crypto::KdfPolicy::insecure_for_tests());
    let lured = Device::with_session(&alice.broker, absio_proto::Session::new(config));
    let mut relay = Altered::new(&lured);
    // The evil server hands everything on to the honest one, and its answers back.
    relay.rewrite = |request| request.origin = "http://localhost:8600".into();
    assert_eq!(alice.broker.origin(), "http://localhost:8600");
    let by_passphrase = relay.run(Login::new(alice.id(), LoginWith::nothing().passphrase(PASSPHRASE)));
    assert_refused(by_passphrase, RemoteCode::RetrievalRefused);
    let by_user = relay.run(Login::new(alice.id(), LoginWith::nothing().user(alice.user())));
    assert_refused(by_user, RemoteCode::LoginRefused);
    assert!(relay.sent.borrow().iter().all(|request| request.origin == evil));
    // Without the detour the same secrets are good.
    Device::new(&alice.broker).log_in(alice.id());
}

/// Security case 63: a token is good for its user, its API key and its session only.
#[test]
fn ms_token_crossuse() {
    let [alice, bob] = people();
    let broker = &alice.broker;
    let last = |device: &Device| -> HttpRequest {
        device.broker.record();
        device.run(Checksum::new()).unwrap();
        device.broker.recorded().pop().unwrap().request
    };
    let refused = |request: HttpRequest, code: RemoteCode| {
        let answer = broker.exchange(request).unwrap();
        assert!(decode_error(&answer).is_remote(&code), "{:?}", decode_error(&answer));
    };
    let good = last(&alice);
    assert_eq!(broker.exchange(good.clone()).unwrap().status, 200);

    let other_key = create_api_key(broker, "another application").unwrap();
    let mut elsewhere = good.clone();
    set_header(&mut elsewhere, API_KEY, &other_key.to_string());
    refused(elsewhere, RemoteCode::NotAuthenticated);

    let token = header(&good, AUTHORIZATION).unwrap().to_owned();
    for at in (7..token.len()).step_by(11) {
        let mut damaged = good.clone();
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        set_header(&mut damaged, AUTHORIZATION, &format!("{}{other}{}", &token[..at], &token[at + 1..]));
        refused(damaged, RemoteCode::NotAuthenticated);
    }

    // Bob's token on what Alice signed, and the reverse.
    broker.record();
    alice.run(ChangeCredentials::new(Credentials::new(PASSWORD, PASSPHRASE).reminder("2"))).unwrap();
    let mut signed = broker.recorded().pop().unwrap().request;
    set_header(&mut signed, AUTHORIZATION, header(&last(&bob), AUTHORIZATION).unwrap());
    refused(signed.clone(), RemoteCode::BadSignature);
    set_header(&mut signed, IDEMPOTENCY_KEY, &"0".repeat(32));
    refused(signed, RemoteCode::BadSignature);

    alice.run(user::Logout::new()).unwrap();
    refused(good.clone(), RemoteCode::NotAuthenticated);
    let bobs = last(&bob);
    broker.clock().advance(Duration::from_millis(limits::TOKEN_LIFE_MS + 1));
    refused(bobs, RemoteCode::SessionExpired);
}

#[test]
fn login_answers_that_make_no_sense_sign_nobody_in() {
    let alice = person(&broker());
    for body in [&b""[..], b"{}", b"[]", b"{\"token\":\"!\",\"expires_at\":1,\"server_time\":0}", b"\xff"] {
        let device = Device::new(&alice.broker);
        let answer = HttpResponse { status: 200, headers: Vec::new(), body: body.to_vec() };
        device.broker.set_hook(move |request| match request.path.as_str() {
            "/v1/login" => Fault::Answer(answer.clone()),
            _ => Fault::None,
        });
        let login = Login::new(alice.id(), LoginWith::nothing().user(alice.user()));
        assert_eq!(device.run(login).unwrap_err().code(), "protocol", "{body:?}");
        assert!(device.session(|session| session.user().is_none()));
    }
    // A nonce of the server's choice is signed only inside the labelled proof.
    alice.broker.set_hook(|request| match request.path.as_str() {
        "/v1/challenge" => Fault::Alter(Box::new(|response| {
            let nonce = Base64(vec![7; 20_000]);
            response.body = to_json(&absio_proto::wire::Challenge { nonce, server_time: 0 });
        })),
        _ => Fault::None,
    });
    let device = Device::new(&alice.broker);
    let login = Login::new(alice.id(), LoginWith::nothing().user(alice.user()));
    assert!(device.run(login).is_err());
}
