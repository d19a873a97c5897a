//! The transports against servers that behave, misbehave, or are not there: every case of the
//! blocking runtime, with each client of this one.

#![allow(clippy::unwrap_used)]

mod clients;
#[path = "../../runtime-blocking/tests/server/mod.rs"]
mod server;

use absio_proto::effect::{HttpRequest, Method, TransportErrorKind};
use clients::{each, request, sending};
use server::Server;
use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

#[test]
fn every_method_carries_headers_body_and_query_and_gets_headers_and_body() {
    each(|client| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let server = Server::start(move |incoming| {
            let body = incoming.body();
            log.lock().unwrap().push((
                incoming.head[0].clone(),
                incoming.header("x").map(str::to_owned),
                body,
            ));
            assert!(incoming.header("accept-encoding").is_none());
            incoming.answer("HTTP/1.1 404 Not Found\r\nX-Answer: yes\r\ncontent-length: 2\r\n\r\nno");
            true
        });
        for (method, body) in [
            (Method::Get, ""),
            (Method::Post, "ask"),
            (Method::Post, ""),
            (Method::Put, "put"),
            (Method::Delete, "signed removal"),
            (Method::Delete, ""),
        ] {
            let answer = client.run(HttpRequest {
                path: "/v1/events?start=0&type=a%20b".into(),
                headers: vec![("x".into(), "y".into())],
                ..sending(method, body.as_bytes(), &server.origin())
            });
            let answer = answer.unwrap();
            assert_eq!(
                (answer.status, answer.header("x-answer"), &answer.body[..]),
                (404, Some("yes"), &b"no"[..])
            );
            let (line, header, received) = seen.lock().unwrap().pop().unwrap();
            assert_eq!(line, format!("{} /v1/events?start=0&type=a%20b HTTP/1.1", method.as_str()));
            assert_eq!(header.as_deref(), Some("y"));
            assert_eq!(received, body.as_bytes());
        }
    });
}

#[test]
fn connections_are_reused_and_shared_by_clones() {
    each(|client| {
        let server = Server::start(|incoming| {
            incoming.ok(b"ok");
            true
        });
        for _ in 0..20 {
            client.run(request(&server.origin())).unwrap();
            client.clone().run(request(&server.origin())).unwrap();
        }
        assert_eq!(server.requests.load(Ordering::SeqCst), 40);
        assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_connection_that_the_server_closed_is_not_used_again() {
    each(|client| {
        let server = Server::start(|incoming| {
            incoming.ok(b"ok");
            false
        });
        for round in 1..=5 {
            // Without `connection: close` the client learns of it only by looking.
            let answer = client.run(request(&server.origin()));
            match answer {
                Ok(answer) => assert_eq!(answer.body, b"ok"),
                // The close may still be on its way; what must not happen is a wrong answer.
                Err(error) => assert_eq!(error.kind, TransportErrorKind::Interrupted, "round {round}"),
            }
        }
    });
}

#[test]
fn a_slow_head_and_a_slow_body_end_at_the_deadline() {
    each(|client| {
        for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome"] {
            let (done, wait) = mpsc::channel::<()>();
            let wait = Mutex::new(wait);
            let server = Server::start(move |incoming| {
                incoming.answer(head);
                let _ = wait.lock().unwrap().recv();
                false
            });
            let begun = Instant::now();
            let slow = HttpRequest { deadline: Duration::from_millis(300), ..request(&server.origin()) };
            assert_eq!(client.kind(slow), TransportErrorKind::TimedOut);
            assert!(begun.elapsed() < Duration::from_secs(15));
            drop(done);
        }
    });
}

#[test]
fn ms_endless_slow_body_ends_at_the_deadline() {
    each(|client| {
        let server = Server::start(|incoming| {
            incoming.answer("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
            let (_never, ticks) = mpsc::channel::<()>();
            for _ in 0..200 {
                incoming.answer("x");
                let _ = ticks.recv_timeout(Duration::from_millis(50));
            }
            false
        });
        let begun = Instant::now();
        let slow = HttpRequest { deadline: Duration::from_millis(400), ..request(&server.origin()) };
        assert_eq!(client.kind(slow), TransportErrorKind::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(8));
    });
}

#[test]
fn ms_endless_body_is_refused_before_it_is_buffered() {
    each(|client| {
        let claims = Server::start(|incoming| {
            // Two exabytes are claimed, none follows: only a client that believes would wait or allocate.
            incoming.answer("HTTP/1.1 200 OK\r\ncontent-length: 2305843009213693952\r\n\r\n");
            let _ = incoming.body();
            false
        });
        assert_eq!(client.kind(request(&claims.origin())), TransportErrorKind::TooLarge);

        let endless = Server::start(|incoming| {
            incoming.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            for _ in 0..4096 {
                incoming.answer(format!("1000\r\n{}\r\n", "x".repeat(4096)));
            }
            false
        });
        assert_eq!(client.kind(request(&endless.origin())), TransportErrorKind::TooLarge);

        let exact = Server::start(|incoming| {
            incoming.ok(&[7; 1000]);
            true
        });
        let within = HttpRequest { max_response: 1000, ..request(&exact.origin()) };
        assert_eq!(client.run(within.clone()).unwrap().body, [7; 1000]);
        assert_eq!(client.kind(HttpRequest { max_response: 999, ..within }), TransportErrorKind::TooLarge);
    });
}

#[test]
fn mn_redirect_is_not_followed() {
    each(|client| {
        let elsewhere = Server::start(|incoming| {
            incoming.ok(b"stolen");
            true
        });
        let target = elsewhere.origin();
        for status in [301, 302, 303, 307, 308] {
            let target = target.clone();
            let server = Server::start(move |incoming| {
                incoming.body();
                incoming.answer(format!(
                    "HTTP/1.1 {status} Moved\r\nlocation: {target}/v1/info\r\ncontent-length: 0\r\n\r\n"
                ));
                true
            });
            for method in [Method::Get, Method::Post] {
                let answer = client.run(HttpRequest { method, ..request(&server.origin()) }).unwrap();
                assert_eq!(answer.status, status);
            }
        }
        assert_eq!(elsewhere.requests.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_connection_cut_in_the_middle_is_interrupted() {
    each(|client| {
        for half in [
            "",
            "HTTP/1.1 200 O",
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\nhalf",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ] {
            let server = Server::start(move |incoming| {
                incoming.answer(half);
                false
            });
            let error = client.run(request(&server.origin())).unwrap_err();
            assert_eq!(error.kind, TransportErrorKind::Interrupted, "{half:?}");
            assert!(error.is_ambiguous());
        }
    });
}

#[test]
fn answers_that_are_not_http_are_invalid() {
    each(|client| {
        for nonsense in [
            "SSH-2.0-OpenSSH_9\r\n\r\n",
            // The end of such a body cannot be told from a cut.
            "HTTP/1.1 200 OK\r\n\r\nuntil the connection closes",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            let server = Server::start(move |incoming| {
                incoming.answer(nonsense);
                false
            });
            assert_eq!(client.kind(request(&server.origin())), TransportErrorKind::Invalid, "{nonsense:?}");
        }
    });
}

#[test]
fn a_refused_connection_is_unreachable() {
    each(|client| {
        let address = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        let error = client.run(request(&format!("http://{address}"))).unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Unreachable);
        assert!(!error.is_ambiguous());
        assert!(error.reason.contains(&address.to_string()), "{error}");
    });
}

#[test]
fn an_unknown_name_is_unreachable() {
    each(|client| {
        assert_eq!(client.kind(request("https://absio.invalid")), TransportErrorKind::Unreachable);
    });
}

#[test]
fn an_early_413_is_seen() {
    each(|client| {
        let server = Server::start(|incoming| {
            assert_eq!(incoming.header("expect"), Some("100-continue"));
            incoming.answer("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nbig");
            false
        });
        let upload = sending(Method::Put, &vec![0; 8 << 20], &server.origin());
        let answer = client.run(upload).unwrap();
        assert_eq!((answer.status, &answer.body[..]), (413, &b"big"[..]));
    });
}

#[test]
fn a_large_body_arrives_with_or_without_the_servers_word() {
    each(|client| {
        for word in ["HTTP/1.1 100 Continue\r\n\r\n", ""] {
            let server = Server::start(move |incoming| {
                incoming.answer(word);
                let body = incoming.body();
                incoming.ok(&(body.len() as u64).to_be_bytes());
                true
            });
            let upload = sending(Method::Put, &vec![5; 3 << 20], &server.origin());
            assert_eq!(client.run(upload).unwrap().body, (3_u64 << 20).to_be_bytes());
        }
    });
}

#[test]
fn nothing_of_headers_or_bodies_is_in_an_error() {
    each(|client| {
        let server = Server::start(|incoming| {
            incoming.answer("HTTP/1.1 200 OK\r\ncontent-length: 100\r\nx: canary-answer\r\n\r\ncanary-body");
            false
        });
        let secret = HttpRequest {
            headers: vec![("authorization".into(), "Bearer canary-token".into())],
            ..sending(Method::Post, b"canary-request", &server.origin())
        };
        let error = client.run(secret).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    });
}

#[test]
fn a_header_that_cannot_be_sent_is_invalid_and_nothing_is_sent() {
    each(|client| {
        let server = Server::start(|incoming| {
            incoming.ok(b"");
            true
        });
        let bad = HttpRequest {
            headers: vec![("x".into(), "a\r\nabsio-api-key: other".into())],
            ..request(&server.origin())
        };
        assert_eq!(client.kind(bad), TransportErrorKind::Invalid);
        assert_eq!(server.requests.load(Ordering::SeqCst), 0);
    });
}
