//! No whole response: the right kind of error, and no second attempt.

use super::asking::{Desk, get, play, post, refused, whole};
use crate::wire_server::Answer;
use absio_proto::effect::{HttpRequest, TransportErrorKind};
use std::net::TcpListener;

/// Nothing was sent, and the error says so.
pub(super) async fn a_refused_connection_is_unreachable(desk: Desk) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback is free");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let server = play([Answer::new(200)]);
    let request = HttpRequest { origin: format!("http://{address}"), ..get(&server) };
    refused(&desk, request, TransportErrorKind::Unreachable, "nobody listens").await;
}

/// A body that was cut is never a shorter body.
pub(super) async fn an_early_end_is_interrupted(desk: Desk) {
    let whole = Answer::whole(200, &[], &[b'x'; 100]);
    let cuts = [
        ("before the answer", Answer::nothing()),
        ("inside the status line", whole.clone().cut_at(12)),
        ("inside the head", whole.clone().cut_at(25)),
        ("before the body", whole.clone().cut_before_end(100)),
        ("inside the body", whole.clone().cut_before_end(50)),
        ("before the last byte", whole.cut_before_end(1)),
    ];
    for (place, cut) in cuts {
        let server = play([cut]);
        refused(&desk, post(&server, "x"), TransportErrorKind::Interrupted, place).await;
    }
}

/// Inside a chunk, and before the last one.
pub(super) async fn chunks_that_end_early_are_interrupted(desk: Desk) {
    for body in ["10\r\nhalf", "4\r\nhalf\r\n", "4\r\nhalf\r\n0"] {
        let server =
            play([Answer::whole(200, &[("transfer-encoding", "chunked")], body.as_bytes()).then_close()]);
        refused(&desk, get(&server), TransportErrorKind::Interrupted, body).await;
    }
}

/// Its end could not be told from a cut.
pub(super) async fn a_body_without_a_length_is_invalid(desk: Desk) {
    let server = play([Answer::raw("HTTP/1.1 200 OK\r\n\r\nuntil the connection closes").then_close()]);
    refused(&desk, get(&server), TransportErrorKind::Invalid, "a body without a length").await;
}

/// Something answers that does not speak HTTP.
pub(super) async fn nonsense_is_invalid(desk: Desk) {
    let server = play([Answer::raw("SSH-2.0-OpenSSH_9\r\n\r\n").then_close()]);
    refused(&desk, get(&server), TransportErrorKind::Invalid, "an answer of SSH").await;
}

/// Whoever repeats must know whether a second arrival does harm: the core does.
pub(super) async fn nothing_is_repeated(desk: Desk) {
    let cut = Answer::new(200).body("whole").cut_before_end(2);
    for answer in [Answer::new(503), Answer::new(429), Answer::nothing(), cut] {
        for body in ["", "change"] {
            let server = play([answer.clone(), Answer::new(200).body("repeated")]);
            if let Ok(answer) = desk.ask(post(&server, body)).await {
                assert_ne!(answer.body, b"repeated", "the transport asked again");
            }
            assert_eq!(server.requests().len(), 1, "the request came again");
        }
    }
}

/// Also where a connection that was kept turns out to be closed.
pub(super) async fn a_closed_connection_repeats_nothing(desk: Desk) {
    let server = play([Answer::new(200).body("first"), Answer::nothing(), Answer::new(200).body("repeated")]);
    assert_eq!(whole(&desk, post(&server, "one")).await.body, b"first");
    refused(&desk, post(&server, "two"), TransportErrorKind::Interrupted, "closed after the request").await;
    let bodies: Vec<Vec<u8>> = server.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, [b"one", b"two"], "the request came again");
}

/// The next one is not hurt.
pub(super) async fn a_failure_is_over_with_the_exchange(desk: Desk) {
    let failing = [Answer::nothing(), Answer::raw("nonsense\r\n\r\n").then_close()];
    for failing in failing {
        let server = play([failing, Answer::new(200).body("well")]);
        assert!(desk.ask(post(&server, "x")).await.is_err(), "there was no response");
        assert_eq!(whole(&desk, post(&server, "x")).await.body, b"well");
    }
}

/// Neither headers nor bodies, of either side.
pub(super) async fn nothing_secret_is_in_an_error(desk: Desk) {
    let answer = Answer::whole(200, &[("x", "canary-answer"), ("content-length", "100")], b"canary-body");
    let server = play([answer.then_close()]);
    let headers = vec![("authorization".into(), "Bearer canary-token".into())];
    let request = HttpRequest { headers, ..post(&server, "canary-request") };
    let error = desk.ask(request).await.expect_err("the body was cut");
    assert!(!format!("{error} {error:?}").contains("canary"), "the error tells what was sent or received");
}
