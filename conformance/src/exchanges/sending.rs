//! What reaches the server.

use super::asking::{Desk, LONG, Lane, get, post, refused, serve, whole};
use crate::wire_server::{Answer, Received, Script};
use absio_proto::effect::{HttpRequest, Method, TransportErrorKind};
use std::sync::{Condvar, Mutex, PoisonError};

fn ok(_: &Received) -> Answer {
    Answer::new(200).body("ok")
}

/// With its query, escapes as they are, and bodies of every method.
pub(super) async fn every_method_path_and_body_arrives(desk: Desk) {
    let server = serve(ok);
    let cases = [
        (Method::Get, ""),
        (Method::Post, "ask"),
        (Method::Post, ""),
        (Method::Put, "put"),
        (Method::Delete, "signed removal"),
        (Method::Delete, ""),
    ];
    for (method, body) in cases {
        let path = "/v1/events?start=0&type=a%20b+c";
        let body = body.as_bytes().to_vec();
        let request = HttpRequest { method, path: path.into(), body: body.clone().into(), ..get(&server) };
        assert_eq!(whole(&desk, request).await.status, 200);
        let seen = server.requests().pop().expect("a request that was answered came");
        assert_eq!((seen.method.as_str(), seen.path.as_str()), (method.as_str(), path));
        assert_eq!(seen.body, body, "the body of {}", method.as_str());
    }
    assert_eq!(server.requests().len(), cases.len(), "one request each");
}

/// Every one, once, with its value.
pub(super) async fn headers_arrive_as_they_are(desk: Desk) {
    let server = serve(ok);
    let headers: Vec<(String, String)> = [
        ("absio-api-key", "1d4c568b-e762-4284-b14e-167cc4776026".to_owned()),
        ("absio-app-name", "dGVzdA".to_owned()),
        ("authorization", format!("Bearer {}", "t".repeat(2000))),
        ("absio-idempotency-key", "0".repeat(32)),
        ("absio-signature", "a.b.c.d_-".to_owned()),
        ("content-type", "application/vnd.absio.bundle".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    whole(&desk, HttpRequest { headers: headers.clone(), ..post(&server, "body") }).await;
    let seen = server.requests().pop().expect("a request that was answered came");
    for (name, value) in headers {
        let values: Vec<&String> = seen
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(&name))
            .map(|(_, value)| value)
            .collect();
        assert!(values == [&value], "the header {name} came {} times, or changed", values.len());
    }
}

/// No cookies, no cache, no compression, nobody else's credentials.
pub(super) async fn nothing_is_added(desk: Desk) {
    let cookie = Answer::whole(
        200,
        &[("set-cookie", "a=b"), ("etag", "\"x\""), ("cache-control", "max-age=1000")],
        b"ok",
    );
    let server = serve(move |_: &Received| cookie.clone());
    for _ in 0..2 {
        whole(&desk, get(&server)).await;
    }
    assert_eq!(server.requests().len(), 2, "an answer came from a cache");
    for request in server.requests() {
        for name in
            ["accept-encoding", "cookie", "if-none-match", "authorization", "referer", "range", "origin"]
        {
            assert!(request.header(name).is_none(), "the header {name} was added");
        }
    }
}

/// With its port.
pub(super) async fn the_host_is_that_of_the_origin(desk: Desk) {
    let server = serve(ok);
    whole(&desk, get(&server)).await;
    let seen = server.requests().pop().expect("a request that was answered came");
    assert_eq!(seen.header("host"), server.origin().strip_prefix("http://"));
}

/// A part of an upload: all of it, once.
pub(super) async fn a_large_body_arrives(desk: Desk) {
    let server = serve(|request: &Received| Answer::new(200).body((request.body.len() as u64).to_be_bytes()));
    let body: Vec<u8> = (0..3 << 20).map(|index| (index % 251) as u8).collect();
    let answer = whole(&desk, HttpRequest { method: Method::Put, ..post(&server, body.clone()) }).await;
    assert_eq!(answer.body, (3u64 << 20).to_be_bytes());
    let requests = server.requests();
    assert!(requests.len() == 1 && requests[0].body == body, "the body changed on its way");
}

/// A line break in a value would be another header.
pub(super) async fn a_header_that_cannot_be_sent_is_invalid(desk: Desk) {
    let server = serve(ok);
    let headers = vec![("x".into(), "a\r\nabsio-api-key: other".into())];
    let request = HttpRequest { headers, ..get(&server) };
    refused(&desk, request, TransportErrorKind::Invalid, "a line break in a header").await;
    assert!(server.requests().is_empty(), "something was sent");
}

struct Gate {
    wanted: usize,
    /// How many came, and whether one of them waited in vain.
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Script for Gate {
    fn answer(&self, _: &Received) -> Answer {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += 1;
        self.changed.notify_all();
        let waiting = |state: &mut (usize, bool)| state.0 < self.wanted && !state.1;
        let waited = self.changed.wait_timeout_while(state, LONG / 4, waiting);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.1 |= state.0 < self.wanted;
        self.changed.notify_all();
        Answer::new(200).body(if state.1 { "alone" } else { "together" })
    }
}

/// Four parts are under way together: each is answered only when all of them are there.
pub(super) async fn exchanges_run_at_once(desk: Desk) {
    let server = serve(Gate { wanted: 4, state: Mutex::default(), changed: Condvar::new() });
    let lanes = (0..4u8).map(|part| {
        let request = post(&server, vec![part; 1000]);
        Lane::new(move |desk: Desk| async move { whole(&desk, request).await.body })
    });
    for body in desk.together(lanes.collect()).await {
        assert_eq!(body, b"together", "an exchange waited for another one to end");
    }
}

struct Early;

impl Script for Early {
    fn before_body(&self, _: &Received) -> Option<Answer> {
        Some(Answer::whole(413, &[("connection", "close")], b"big").then_close())
    }

    fn answer(&self, _: &Received) -> Answer {
        Answer::new(200)
    }
}

/// Also while the body is on its way.
pub(super) async fn an_early_refusal_is_seen(desk: Desk) {
    let server = serve(Early);
    let answer = whole(&desk, HttpRequest { method: Method::Put, ..post(&server, vec![0; 8 << 20]) }).await;
    assert_eq!((answer.status, &answer.body[..]), (413, &b"big"[..]));
}
