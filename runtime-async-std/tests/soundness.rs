//! What a future can suffer that a call cannot: cut off anywhere, run beside others, on any executor.
//! Whatever happened to one exchange, the next gets its own answer.

#![allow(clippy::unwrap_used)]

mod clients;
#[path = "../../runtime-blocking/tests/server/mod.rs"]
mod server;

use absio_async_std::{HttpTransport, Runtime, Smol};
use absio_proto::driver::nonblocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
use clients::{Client, clients, each, request, sending};
use futures_lite::{AsyncRead, AsyncWrite, future};
use server::{Incoming, Server};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, mpsc};
use std::task::{Context, Poll, ready};
use std::time::Duration;

fn path(incoming: &Incoming<'_>) -> String {
    incoming.head[0].split(' ').nth(1).unwrap().to_owned()
}

fn at(path: &str, origin: &str) -> HttpRequest {
    HttpRequest { path: path.to_owned(), ..request(origin) }
}

/// Answers with the path that was asked for.
fn echo() -> Server {
    Server::start(|incoming| {
        let path = path(incoming);
        incoming.body();
        incoming.ok(path.as_bytes());
        true
    })
}

fn assert_own(answer: Result<HttpResponse, TransportError>, path: &str) {
    assert_eq!(String::from_utf8(answer.unwrap().body).unwrap(), path);
}

#[test]
fn after_a_timeout_the_next_request_gets_its_own_answer() {
    each(|client| {
        let (release, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let server = Server::start(move |incoming| {
            let path = path(incoming);
            if path.starts_with("/slow") {
                let _ = wait.lock().unwrap().recv();
            }
            incoming.ok(path.as_bytes());
            true
        });
        let origin = server.origin();
        assert_own(client.run(at("/first", &origin)), "/first");
        for round in 0..5 {
            let slow =
                HttpRequest { deadline: Duration::from_millis(50), ..at(&format!("/slow/{round}"), &origin) };
            assert_eq!(client.kind(slow), TransportErrorKind::TimedOut);
            // The late answer is written while the next exchange is under way.
            release.send(()).unwrap();
            let own = format!("/own/{round}");
            assert_own(client.run(at(&own, &origin)), &own);
        }
    });
}

#[test]
fn a_response_read_by_half_does_not_poison_the_next() {
    each(|client| {
        let server = Server::start(|incoming| {
            let path = path(incoming);
            match path.as_str() {
                "/large" => incoming.ok(&[b'x'; 300_000]),
                "/chunks" => {
                    incoming.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
                    (0..100).for_each(|_| incoming.answer(format!("1000\r\n{}\r\n", "x".repeat(4096))));
                    incoming.answer("0\r\n\r\n");
                }
                _ => incoming.ok(path.as_bytes()),
            }
            true
        });
        for _ in 0..10 {
            for large in ["/large", "/chunks"] {
                let refused = HttpRequest { max_response: 100_000, ..at(large, &server.origin()) };
                assert_eq!(client.kind(refused), TransportErrorKind::TooLarge);
                assert_own(client.run(at("/own", &server.origin())), "/own");
            }
        }
    });
}

#[test]
fn mn_an_answer_nobody_asked_for_is_given_to_nobody() {
    each(|client| {
        let (done, arrived) = mpsc::channel::<()>();
        let server = Server::start(move |incoming| {
            let path = path(incoming);
            incoming.ok(path.as_bytes());
            incoming.answer("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen");
            done.send(()).unwrap();
            true
        });
        for round in 0..20 {
            let own = format!("/own/{round}");
            assert_own(client.run(at(&own, &server.origin())), &own);
            arrived.recv().unwrap();
        }
        assert_eq!(server.connections.load(Ordering::SeqCst), 20);
    });
}

#[test]
fn mn_two_answers_at_once_are_one_too_many() {
    each(|client| {
        let server = Server::start(|incoming| {
            let path = path(incoming);
            incoming.answer(format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen",
                path.len()
            ));
            true
        });
        for round in 0..20 {
            let own = format!("/own/{round}");
            assert_own(client.run(at(&own, &server.origin())), &own);
        }
        assert_eq!(server.connections.load(Ordering::SeqCst), 20);
    });
}

#[test]
fn a_request_is_never_repeated() {
    each(|client| {
        let server = Server::start(|incoming| {
            let path = path(incoming);
            incoming.body();
            if path == "/cut" {
                return false;
            }
            incoming.ok(path.as_bytes());
            true
        });
        for method in [Method::Get, Method::Post, Method::Put, Method::Delete] {
            let before = server.requests.load(Ordering::SeqCst);
            assert_own(client.run(at("/own", &server.origin())), "/own");
            // On a connection that was used before, and closed without a byte of an answer.
            let cut = HttpRequest { path: "/cut".into(), ..sending(method, b"once", &server.origin()) };
            assert_eq!(client.kind(cut), TransportErrorKind::Interrupted);
            assert_eq!(server.requests.load(Ordering::SeqCst), before + 2);
        }
    });
}

#[test]
fn many_tasks_share_few_connections() {
    const TASKS: usize = 16;
    const REQUESTS: usize = 200;
    each(|client| {
        let server = echo();
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (client, origin) = (client.clone(), server.origin());
                smol::spawn(async move {
                    for round in 0..REQUESTS {
                        let own = format!("/{task}/{round}");
                        assert_own(client.exchange(at(&own, &origin)).await, &own);
                    }
                })
            })
            .collect();
        smol::block_on(async {
            for task in tasks {
                task.await;
            }
        });
        assert_eq!(server.requests.load(Ordering::SeqCst), TASKS * REQUESTS);
        let connections = server.connections.load(Ordering::SeqCst);
        assert!(connections <= 8 * TASKS, "{connections}");
    });
}

#[test]
fn at_most_eight_connections_wait_for_an_origin() {
    each(|client| {
        let (release, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let server = Server::start(move |incoming| {
            if path(incoming) == "/together" {
                let _ = wait.lock().unwrap().recv();
            }
            incoming.ok(b"ok");
            true
        });
        let mut rounds = Vec::new();
        for _ in 0..2 {
            let tasks: Vec<_> = (0..12)
                .map(|_| {
                    let (client, origin) = (client.clone(), server.origin());
                    smol::spawn(async move { client.exchange(at("/together", &origin)).await.unwrap() })
                })
                .collect();
            while server.requests.load(Ordering::SeqCst) < 12 * (rounds.len() + 1) {
                std::thread::yield_now();
            }
            (0..12).for_each(|_| release.send(()).unwrap());
            smol::block_on(async {
                for task in tasks {
                    task.await;
                }
            });
            rounds.push(server.connections.load(Ordering::SeqCst));
        }
        assert_eq!(rounds, [12, 16]);
    });
}

/// Polls a future a number of times at most, then drops it.
struct Cut<F> {
    future: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for Cut<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                self.polls -= 1;
                if self.polls == 0 { Poll::Ready(None) } else { Poll::Pending }
            }
        }
    }
}

/// smol, but every read and write has to be asked for twice and comes in small pieces: an exchange is
/// polled many times, and always as many.
#[derive(Clone)]
struct Halting;

struct Halted {
    stream: <Smol as Runtime>::Stream,
    asked: bool,
}

impl Halted {
    fn halt(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.asked = !self.asked;
        if self.asked {
            cx.waker().wake_by_ref();
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

impl AsyncRead for Halted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.halt(cx));
        let length = bytes.len().min(7);
        Pin::new(&mut self.stream).poll_read(cx, &mut bytes[..length])
    }
}

impl AsyncWrite for Halted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.halt(cx));
        Pin::new(&mut self.stream).poll_write(cx, &bytes[..bytes.len().min(10_000)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.halt(cx));
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

impl Runtime for Halting {
    type Stream = Halted;

    async fn connect(&self, address: SocketAddr) -> io::Result<Halted> {
        future::yield_now().await;
        Ok(Halted { stream: Smol.connect(address).await?, asked: false })
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Smol.resolve(host, port).await
    }

    async fn sleep(&self, duration: Duration) {
        Smol.sleep(duration).await;
    }

    fn unblock<T, F>(&self, work: F) -> impl Future<Output = T> + Send
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        Smol.unblock(work)
    }
}

fn cut_everywhere(client: &impl Transport, chunked: bool) {
    let server = Server::start(move |incoming| {
        let path = path(incoming);
        if incoming.header("expect").is_some() {
            incoming.answer("HTTP/1.1 100 Continue\r\n\r\n");
        }
        let length: usize = incoming.header("content-length").map_or(0, |text| text.parse().unwrap());
        if !incoming.has(length) {
            return false;
        }
        incoming.answer(if chunked {
            let chunks: String = path.chars().map(|letter| format!("1\r\n{letter}\r\n")).collect();
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
        } else {
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}", path.len())
        });
        true
    });
    let body = vec![9; 200_000];
    for polls in 1.. {
        let doomed = format!("/doomed/{polls}");
        let doomed_request =
            HttpRequest { path: doomed.clone(), ..sending(Method::Put, &body, &server.origin()) };
        let future = Box::pin(client.exchange(doomed_request));
        let outcome = smol::block_on(Cut { future, polls });
        let own = format!("/own/{polls}");
        assert_own(smol::block_on(client.exchange(at(&own, &server.origin()))), &own);
        if let Some(answer) = outcome {
            assert_own(answer, &doomed);
            assert!(polls > 30, "{polls}");
            break;
        }
    }
}

#[test]
fn dropped_at_any_poll_an_exchange_leaves_the_next_correct() {
    for chunked in [false, true] {
        let transport = HttpTransport::builder().runtime(Halting).build();
        cut_everywhere(&transport, chunked);
        #[cfg(feature = "surf")]
        cut_everywhere(&absio_async_std::SurfTransport::over(transport), chunked);
    }
}

#[test]
fn exchanges_are_send() {
    fn is_send(_: &(impl Send + Sync)) {}
    fn sends<F: Future + Send>(_: F) {}
    for client in clients() {
        is_send(&client);
        sends(client.exchange(request("http://127.0.0.1:1")));
    }
    sends(Smol.resolve("localhost", 1));
    sends(Smol.unblock(|| ()));
}

#[test]
fn any_executor_will_do() {
    let server = echo();
    let case = |client: Client, origin: String| async move {
        for round in 0..10 {
            let own = format!("/own/{round}");
            assert_own(client.exchange(at(&own, &origin)).await, &own);
        }
        // Names are resolved and time passes here, too.
        let name = origin.replace("127.0.0.1", "localhost");
        assert_own(client.exchange(at("/name", &name)).await, "/name");
        let late = HttpRequest { deadline: Duration::ZERO, ..at("/late", "http://localhost:1") };
        assert!(client.exchange(late).await.is_err());
    };
    for client in clients() {
        let run = || case(client.clone(), server.origin());
        smol::block_on(run());
        future::block_on(run());
        std::thread::scope(|scope| scope.spawn(|| future::block_on(run())).join().unwrap());
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run());
        let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        many.block_on(async { tokio::spawn(run()).await.unwrap() });
        async_std::task::block_on(run());
        async_std::task::block_on(async_std::task::spawn(run()));
    }
}

#[test]
fn a_trickle_and_informational_answers_are_understood() {
    each(|client| {
        let server = Server::start(|incoming| {
            incoming.body();
            let answer = "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n\
                HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx: y\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\ntrailer: t\r\n\r\n";
            answer.as_bytes().iter().for_each(|byte| incoming.answer([*byte]));
            true
        });
        for _ in 0..3 {
            let answer = client.run(request(&server.origin())).unwrap();
            assert_eq!((answer.header("x"), &answer.body[..]), (Some("y"), &b"abcde"[..]));
        }
        assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn mn_hostile_answers_are_invalid() {
    let line = "x".repeat(70_000);
    let many: String = (0..200).map(|index| format!("x{index}: y\r\n")).collect();
    for hostile in [
        format!("HTTP/1.1 200 OK\r\nx: {line}"),
        format!("HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", "0".repeat(70_000)),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n".into(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n".into(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nx".into(),
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx".into(),
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n".into(),
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n".into(),
        "HTTP/1.1 000 Nothing\r\ncontent-length: 0\r\n\r\n".into(),
        "HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n".into(),
    ] {
        each(|client| {
            let answer = hostile.clone();
            let server = Server::start(move |incoming| {
                incoming.answer(&answer);
                true
            });
            let kind = client.kind(request(&server.origin()));
            assert_eq!(kind, TransportErrorKind::Invalid, "{:.80}", hostile);
        });
    }
}

#[test]
fn mn_answers_without_end_are_given_up() {
    for (begin, again) in [
        ("", "HTTP/1.1 102 Processing\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "x: y\r\n"),
    ] {
        each(|client| {
            let server = Server::start(move |incoming| {
                incoming.answer(begin);
                while incoming.answers(again.repeat(1000)) {}
                false
            });
            for body in [0, 100_000] {
                let asked = sending(Method::Put, &vec![0; body], &server.origin());
                let kind = client.kind(HttpRequest { max_response: u64::MAX, ..asked });
                assert_eq!(kind, TransportErrorKind::Invalid, "{again:?}");
            }
        });
    }
}

#[test]
fn mn_a_body_that_never_pauses_ends_at_the_deadline() {
    each(|client| {
        let server = Server::start(|incoming| {
            incoming.answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", u64::MAX / 4));
            while incoming.answers([0; 65_536]) {}
            false
        });
        let deadline = Duration::from_millis(100);
        let asked = HttpRequest { max_response: u64::MAX, deadline, ..request(&server.origin()) };
        assert_eq!(client.kind(asked), TransportErrorKind::TimedOut);
    });
}

#[test]
fn chunks_of_one_byte_are_understood() {
    each(|client| {
        let server = Server::start(|incoming| {
            let chunks = "1;extension=x\r\ny\r\n".repeat(20_000);
            incoming
                .answer(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"));
            true
        });
        assert_eq!(client.run(request(&server.origin())).unwrap().body, [b'y'; 20_000]);
    });
}

#[test]
fn mn_a_length_is_believed_only_as_far_as_bytes_come() {
    each(|client| {
        let server = Server::start(|incoming| {
            // Within the limit, but only a client that allocates it would notice.
            incoming.answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\nx", u64::MAX / 4));
            false
        });
        let trusting = HttpRequest { max_response: u64::MAX, ..request(&server.origin()) };
        assert_eq!(client.kind(trusting), TransportErrorKind::Interrupted);
    });
}

#[test]
fn every_status_is_an_answer() {
    each(|client| {
        let server = Server::start(|incoming| {
            let status = path(incoming)[1..].to_owned();
            let length = if status == "204" || status == "304" { "" } else { "content-length: 0\r\n" };
            incoming.answer(format!("HTTP/1.1 {status} \r\nx-odd: \u{fc}\r\n{length}\r\n"));
            true
        });
        for status in [200, 204, 226, 299, 304, 399, 404, 418, 499, 500, 599, 600, 999] {
            let answer = client.run(at(&format!("/{status}"), &server.origin())).unwrap();
            assert_eq!(answer.status, status);
            assert!(answer.body.is_empty());
            // Neither what cannot be text nor what the server did not send.
            assert_eq!((answer.header("x-odd"), answer.header("content-type")), (None, None));
        }
        assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    });
}
