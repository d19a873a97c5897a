//! surf itself over the connections of this crate.

#![cfg(feature = "surf")]
#![allow(clippy::unwrap_used)]

mod clients;
#[path = "../../runtime-blocking/tests/server/mod.rs"]
mod server;

use absio_async_std::{HttpTransport, Smol, SurfBackend, SurfTransport};
use absio_proto::driver::nonblocking::Transport;
use absio_proto::effect::{HttpRequest, Method, TransportError, TransportErrorKind};
use clients::request;
use futures_lite::{AsyncReadExt, io::BufReader};
use http_client::http_types::{self, Body, Response};
use http_client::{Error, HttpClient, async_trait};
use server::Server;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, mpsc};
use std::time::Duration;
use surf::{Client, Config};

fn client() -> Client {
    Client::with_http_client(SurfBackend::new())
}

#[test]
fn surf_gets_and_posts() {
    let server = Server::start(|incoming| {
        let body = incoming.body();
        let kind = incoming.header("content-type").unwrap_or("none").to_owned();
        let line = incoming.head[0].clone();
        incoming.answer(format!(
            "HTTP/1.1 201 Created\r\ncontent-type: {kind}\r\nset: 1\r\nset: 2\r\ncontent-length: {}\r\n\r\n{line}{}",
            line.len() + body.len(),
            String::from_utf8(body).unwrap()
        ));
        true
    });
    let client = client();
    smol::block_on(async {
        let mut answer = client.get(format!("{}/a?b=c", server.origin())).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.header("set").unwrap().iter().count(), 2);
        assert_eq!(answer.body_string().await.unwrap(), "GET /a?b=c HTTP/1.1");
        let post = client.post(format!("{}/p", server.origin())).body_json(&[1, 2]).unwrap();
        let mut answer = post.send().await.unwrap();
        assert_eq!(answer.content_type().unwrap().essence(), "application/json");
        assert_eq!(answer.body_string().await.unwrap(), "POST /p HTTP/1.1[1,2]");
        let head = client.head(server.origin()).send().await.unwrap();
        assert_eq!(head.header("content-length").unwrap().as_str(), "15");
        // This server sends a body to HEAD against the rules: it is not taken for the next answer.
        let next = client.get(server.origin()).recv_string().await.unwrap();
        assert_eq!(next, "GET / HTTP/1.1");
    });
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}

#[test]
fn a_body_of_unknown_length_is_sent_in_chunks() {
    let server = Server::start(|incoming| {
        assert_eq!(incoming.header("transfer-encoding"), Some("chunked"));
        let body = incoming.chunks();
        incoming.ok(&body);
        true
    });
    let bytes: Vec<u8> = (0..200_000_u32).map(|index| (index % 253) as u8).collect();
    smol::block_on(async {
        for _ in 0..2 {
            let reader = BufReader::new(futures_lite::io::Cursor::new(bytes.clone()));
            let sent = client().put(server.origin()).body(Body::from_reader(reader, None));
            assert!(sent.recv_bytes().await.unwrap() == bytes);
        }
    });
}

#[test]
fn a_body_shorter_than_stated_is_not_sent_as_whole() {
    let server = Server::start(|incoming| {
        incoming.has(10);
        true
    });
    let sent = client().put(server.origin()).body(Body::from_reader(&b"short"[..], Some(10)));
    let error = smol::block_on(async { sent.send().await.unwrap_err() });
    assert_eq!(error.downcast_ref::<TransportError>().unwrap().kind, TransportErrorKind::Invalid);
}

#[test]
fn an_answer_dropped_by_half_does_not_poison_the_next() {
    let server = Server::start(|incoming| {
        incoming.ok(&[b'x'; 200_000]);
        true
    });
    let client = client();
    smol::block_on(async {
        for _ in 0..20 {
            let mut half = client.get(server.origin()).send().await.unwrap();
            half.read_exact(&mut [0; 1000]).await.unwrap();
            drop(half);
            assert_eq!(client.get(server.origin()).recv_bytes().await.unwrap(), [b'x'; 200_000]);
        }
    });
    // Whole answers gave their connections back, halves did not.
    assert_eq!(server.connections.load(Ordering::SeqCst), 21);
}

#[test]
fn the_time_limit_of_the_backend_holds_for_head_and_body() {
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome"] {
        let (done, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let server = Server::start(move |incoming| {
            incoming.answer(head);
            let _ = wait.lock().unwrap().recv();
            false
        });
        let mut backend = SurfBackend::new().timeout(None);
        assert_eq!(backend.config().timeout, None);
        let limit = Some(Duration::from_millis(200));
        backend.set_config(http_client::Config::new().set_timeout(limit)).unwrap();
        let client: Client = Config::new().set_http_client(backend).try_into().unwrap();
        let error = smol::block_on(client.get(server.origin()).recv_bytes()).unwrap_err();
        let ours = error.downcast_ref::<TransportError>().cloned().or_else(|| {
            let io = error.downcast_ref::<std::io::Error>()?;
            io.get_ref()?.downcast_ref::<TransportError>().cloned()
        });
        assert_eq!(ours.unwrap().kind, TransportErrorKind::TimedOut, "{error:?}");
        drop(done);
    }
}

/// A surf client of somebody else's, that answers as it likes.
#[derive(Debug)]
struct Foreign(fn() -> Result<Response, Error>);

#[async_trait]
impl HttpClient for Foreign {
    async fn send(&self, _: http_client::Request) -> Result<Response, Error> {
        (self.0)()
    }
}

fn foreign(answer: fn() -> Result<Response, Error>) -> Result<Vec<u8>, TransportErrorKind> {
    let transport = SurfTransport::with_client(Client::with_http_client(Foreign(answer)), Smol);
    let asked = HttpRequest { max_response: 10, ..request("http://foreign.example") };
    smol::block_on(transport.exchange(asked)).map(|answer| answer.body).map_err(|error| error.kind)
}

fn answer(body: Body, headers: &[(&'static str, &'static str)]) -> Result<Response, Error> {
    let mut response = Response::new(http_types::StatusCode::Ok);
    response.set_body(body);
    headers.iter().for_each(|(name, value)| response.append_header(*name, *value));
    Ok(response)
}

#[test]
fn another_surf_client_is_minded() {
    assert_eq!(foreign(|| answer("whole".into(), &[("content-length", "5")])), Ok(b"whole".to_vec()));
    let short = || answer(Body::from_reader(&b"sho"[..], Some(5)), &[("content-length", "5")]);
    assert_eq!(foreign(short), Err(TransportErrorKind::Interrupted));
    assert_eq!(foreign(|| answer("whole".into(), &[])), Err(TransportErrorKind::Invalid));
    let both = || answer("whole".into(), &[("content-length", "5"), ("transfer-encoding", "chunked")]);
    assert_eq!(foreign(both), Err(TransportErrorKind::Invalid));
    let long = || answer("more than ten".into(), &[("content-length", "13")]);
    assert_eq!(foreign(long), Err(TransportErrorKind::TooLarge));
    let endless = || {
        let body = Body::from_reader(BufReader::new(futures_lite::io::repeat(7)), None);
        answer(body, &[("transfer-encoding", "chunked")])
    };
    assert_eq!(foreign(endless), Err(TransportErrorKind::TooLarge));
    let failed = || Err(Error::from_str(500, "canary"));
    assert_eq!(foreign(failed), Err(TransportErrorKind::Interrupted));
}

#[test]
fn a_path_that_surf_would_change_is_not_asked_for() {
    let server = Server::start(|incoming| {
        incoming.ok(b"");
        true
    });
    let transport = SurfTransport::over(HttpTransport::new());
    for path in ["/a/../b", "/a/./b", "/a#b", "/a b", "/\u{fc}", "/a?b#c"] {
        let asked = HttpRequest { path: path.into(), ..request(&server.origin()) };
        let outcome = smol::block_on(transport.exchange(asked));
        assert_eq!(outcome.unwrap_err().kind, TransportErrorKind::Invalid, "{path}");
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 0);
}

#[test]
fn surf_sends_no_header_that_was_not_set() {
    let server = Server::start(|incoming| {
        let kind = incoming.header("content-type").unwrap_or("none").to_owned();
        incoming.answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{kind}", kind.len()));
        true
    });
    let transport = SurfTransport::new();
    let kind = |request: HttpRequest| {
        String::from_utf8(smol::block_on(transport.exchange(request)).unwrap().body).unwrap()
    };
    let plain = || request(&server.origin());
    let post = || HttpRequest { method: Method::Post, ..plain() };
    assert_eq!([kind(plain()), kind(post())], ["none", "none"]);
    // The control: one that was set arrives.
    let mut typed = post();
    typed.headers.push(("content-type".into(), "text/plain".into()));
    assert_eq!(kind(typed), "text/plain");
}
