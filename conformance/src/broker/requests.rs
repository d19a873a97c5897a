//! Requests as such: keys, paths, headers, bodies (§14.2 to §14.5).

use super::actor::{Line, base64url, header, outcome};
use absio_proto::RemoteCode;
use absio_proto::effect::{HttpRequest, Method};
use absio_proto::wire::{API_KEY, AUTHORIZATION, IDEMPOTENCY_KEY, InfoAnswer, Route, SIGNATURE, from_json};

/// Protocol, suites and time, to anybody.
pub(super) async fn info_needs_no_key(line: Line) {
    let mut request = line.request(&Route::Info, []);
    request.headers.clear();
    let answer = line.send(request).await;
    assert_eq!(answer.status, 200);
    let info: InfoAnswer = from_json("info", &answer.body).unwrap_or_else(|error| panic!("{error}"));
    assert!(info.protocol == 1 && info.suites.contains(&1), "{info:?}");
    assert!(info.server_time > 1_500_000_000_000, "server_time is in milliseconds since 1970");
}

/// Of another server, none at all, not a UUID.
pub(super) async fn a_wrong_or_missing_api_key_is_refused(line: Line) {
    let good = line.request(&Route::Challenge, *b"{}");
    let without = |value: Option<&str>| {
        let mut request = good.clone();
        request.headers.retain(|(name, _)| name != API_KEY);
        request.headers.extend(value.map(|value| (API_KEY.to_owned(), value.to_owned())));
        request
    };
    let foreign = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee";
    assert_eq!(line.code(without(Some(foreign))).await, Some(RemoteCode::UnknownApiKey));
    assert_eq!(line.code(without(None)).await, Some(RemoteCode::UnknownApiKey));
    assert_eq!(line.code(without(Some("not a uuid"))).await, Some(RemoteCode::BadRequest));
    assert_eq!(line.code(good).await, None, "the key of this server");
}

fn at(line: &Line, method: Method, path: &str) -> HttpRequest {
    HttpRequest { method, path: path.into(), ..line.request(&Route::Info, []) }
}

/// Whoever asks.
pub(super) async fn unknown_paths_are_not_found(line: Line) {
    for path in ["/", "/v1/nothing", "/v2/info", "/v1/info/", "/v1/containers/x/y/z"] {
        assert_eq!(line.code(at(&line, Method::Get, path)).await, Some(RemoteCode::NotFound), "{path}");
    }
}

/// Of a path that exists.
pub(super) async fn other_methods_are_not_allowed(line: Line) {
    for (method, path) in
        [(Method::Put, "/v1/info"), (Method::Delete, "/v1/info"), (Method::Get, "/v1/login")]
    {
        assert_eq!(line.code(at(&line, method, path)).await, Some(RemoteCode::MethodNotAllowed), "{path}");
    }
}

/// Unknown, twice, out of range.
pub(super) async fn unknown_queries_are_refused(line: Line) {
    let actor = line.actor().await;
    assert_eq!(line.code(at(&line, Method::Get, "/v1/info?x=1")).await, Some(RemoteCode::BadRequest));
    for query in ["?limit=0", "?limit=1001", "?limit=x", "?limit=1&limit=1", "?unknown=1", "?wait=-1"] {
        let events = Route::Events { filter: Default::default(), limit: 1, wait: 0 };
        let request =
            HttpRequest { path: format!("/v1/events{query}"), ..actor.request(&events, Vec::new()) };
        assert_eq!(line.code(request).await, Some(RemoteCode::BadRequest), "{query}");
    }
}

/// One value, no name twice, not too deep, UTF-8.
pub(super) async fn json_is_strict(line: Line) {
    let deep = [b"[".repeat(1000), b"]".repeat(1000)].concat();
    let bodies =
        [&b"{"[..], b"", b"[]", b"{}{}", b"{\"a\":1,\"a\":2}", b"{\"user_id\":\"\xff\"}", b"{} x", &deep];
    for body in bodies {
        let request = line.request(&Route::Login, body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(line.code(request).await, Some(RemoteCode::BadRequest), "{shown}");
    }
}

/// A login of more than 4096 bytes is not read as one.
pub(super) async fn bodies_have_limits(line: Line) {
    let request = line.request(&Route::Login, vec![b' '; 4097]);
    assert_eq!(line.code(request).await, Some(RemoteCode::TooLarge));
}

/// Each that is not is `bad_request`.
pub(super) async fn headers_must_be_well_formed(line: Line) {
    let wrong = [
        (AUTHORIZATION, "Basic abc"),
        (IDEMPOTENCY_KEY, "00"),
        (SIGNATURE, "a.b.c.d"),
        ("absio-app-name", "****"),
    ];
    for (name, value) in wrong {
        let mut request = line.request(&Route::Challenge, *b"{}");
        header(&mut request, name, value);
        assert_eq!(line.code(request).await, Some(RemoteCode::BadRequest), "{name}");
    }
    let actor = line.actor().await;
    let mut keyless = actor.request(&Route::CreateContainer, b"BND1".to_vec());
    keyless.headers.retain(|(name, _)| name != IDEMPOTENCY_KEY);
    assert_eq!(line.code(keyless).await, Some(RemoteCode::BadRequest), "a change without a key");
    let mut named = line.request(&Route::Challenge, *b"{}");
    header(&mut named, "absio-app-name", base64url(b"conformance"));
    assert_eq!(line.code(named).await, None, "a name of an app is allowed");
}

/// It could mean either.
pub(super) async fn a_doubled_header_is_refused(line: Line) {
    let mut request = line.request(&Route::Challenge, *b"{}");
    header(&mut request, API_KEY, line.target.api_key.to_string());
    assert_eq!(line.code(request).await, Some(RemoteCode::BadRequest));
}

/// Two gigabytes announced in a few bytes, trailing bytes, another magic.
pub(super) async fn a_bundle_that_lies_is_refused(line: Line) {
    let actor = line.actor().await;
    let item = |tag: u16, length: u32| [&tag.to_be_bytes()[..], &length.to_be_bytes()].concat();
    let liar = [b"BND1".to_vec(), 1u32.to_be_bytes().to_vec(), item(2, 1 << 31)].concat();
    let behind = [b"BND1".to_vec(), 0u32.to_be_bytes().to_vec(), b"x".to_vec()].concat();
    let many = [b"BND1".to_vec(), u32::MAX.to_be_bytes().to_vec()].concat();
    for body in [liar, behind, many, b"BND2\0\0\0\0".to_vec(), b"BND".to_vec()] {
        let refusal = actor.ask(&Route::CreateContainer, body.clone()).await;
        assert_eq!(refusal, Err(RemoteCode::BadRequest), "{body:?}");
    }
}

/// Clients follow none.
pub(super) async fn redirects_never_come(line: Line) {
    for path in ["/v1", "/v1/info/", "//v1/info", "/v1/../v1/info"] {
        let answer = line.send(at(&line, Method::Get, path)).await;
        assert!(outcome(&answer).is_err() && answer.status / 100 == 4, "{path}: status {}", answer.status);
    }
}
