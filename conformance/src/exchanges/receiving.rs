//! What comes back.

use super::asking::{Desk, get, play, post, serve, whole};
use crate::wire_server::{Answer, Received};

/// Whatever they are on the wire; values as they are.
pub(super) async fn header_names_are_lower_case(desk: Desk) {
    let server = play([Answer::whole(200, &[("X-Answer", "Yes"), ("RETRY-AFTER", "7")], b"")]);
    let answer = whole(&desk, get(&server)).await;
    assert_eq!((answer.header("x-answer"), answer.header("retry-after")), (Some("Yes"), Some("7")));
    for (name, _) in &answer.headers {
        assert_eq!(*name, name.to_ascii_lowercase());
    }
}

/// None is an error of the transport.
pub(super) async fn every_status_is_a_response(desk: Desk) {
    for status in [200, 201, 400, 401, 403, 404, 409, 410, 413, 418, 422, 429, 500, 502, 503, 507] {
        let server = play([Answer::new(status).body("said")]);
        let answer = whole(&desk, get(&server)).await;
        assert_eq!((answer.status, &answer.body[..]), (status, &b"said"[..]));
    }
}

fn every_byte() -> Vec<u8> {
    (0..=255).cycle().take(100_000).collect()
}

/// Bodies are bytes, not text.
pub(super) async fn any_bytes_come_back(desk: Desk) {
    let server = play([Answer::new(200).body(every_byte())]);
    assert!(whole(&desk, get(&server)).await.body == every_byte(), "the body changed on its way");
}

/// Reads end anywhere, also inside the head.
pub(super) async fn one_byte_at_a_time_is_the_same(desk: Desk) {
    let answer = Answer::whole(404, &[("x-answer", "yes")], b"a body of some bytes");
    for answer in [answer.clone().byte_by_byte(), answer.split(7)] {
        let server = play([answer]);
        let answer = whole(&desk, get(&server)).await;
        assert_eq!((answer.status, answer.header("x-answer")), (404, Some("yes")));
        assert_eq!(answer.body, b"a body of some bytes");
    }
}

/// Of a stated length of none.
pub(super) async fn an_empty_body_is_whole(desk: Desk) {
    let server = play([Answer::new(200), Answer::new(404)]);
    for status in [200, 404] {
        let answer = whole(&desk, post(&server, "x")).await;
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }
}

/// Their sizes are not in the body.
pub(super) async fn chunks_are_joined(desk: Desk) {
    let chunked =
        Answer::whole(200, &[("transfer-encoding", "chunked")], b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n");
    for answer in [chunked.clone(), chunked.byte_by_byte()] {
        let server = play([answer]);
        assert_eq!(whole(&desk, get(&server)).await.body, b"abcd");
    }
}

/// Followed, it would carry the session's token elsewhere.
pub(super) async fn mn_redirects_are_not_followed(desk: Desk) {
    let elsewhere = play([Answer::new(200).body("stolen")]);
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/v1/info", elsewhere.origin());
        let server = play([Answer::whole(status, &[("location", &location)], b"")]);
        for request in [get(&server), post(&server, "x")] {
            let answer = whole(&desk, request).await;
            assert_eq!((answer.status, answer.header("location")), (status, Some(location.as_str())));
        }
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
}

/// It was not asked for; what comes is handed on as it is.
pub(super) async fn nothing_is_decompressed(desk: Desk) {
    // "hi", by gzip.
    let packed = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\xc8\x04\0\xac\x2a\x93\xd8\x02\0\0\0";
    let server = play([Answer::whole(200, &[("content-encoding", "gzip")], packed)]);
    assert_eq!(whole(&desk, get(&server)).await.body, packed);
}

/// Each exchange of many gets its own answer, on however many connections.
pub(super) async fn connections_do_not_mix_answers(desk: Desk) {
    let server = serve(|request: &Received| Answer::new(200).body(&request.body));
    for round in 0..20u8 {
        let body = vec![round; usize::from(round) * 100];
        assert_eq!(whole(&desk, post(&server, body.clone())).await.body, body);
    }
    assert_eq!(server.requests().len(), 20);
}
