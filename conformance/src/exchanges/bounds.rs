//! `max_response`: checked before the body is buffered.

use super::asking::{Desk, get, play, refused, whole};
use crate::wire_server::Answer;
use absio_proto::effect::{HttpRequest, TransportErrorKind};

const TOO_LARGE: TransportErrorKind = TransportErrorKind::TooLarge;

/// As long as it may be.
pub(super) async fn a_body_at_the_limit_comes(desk: Desk) {
    let server = play([Answer::new(200).body([7; 1000])]);
    let request = HttpRequest { max_response: 1000, ..get(&server) };
    assert_eq!(whole(&desk, request).await.body, [7; 1000]);
}

/// One byte more.
pub(super) async fn a_body_over_the_limit_is_too_large(desk: Desk) {
    let server = play([Answer::new(200).body([7; 1000])]);
    let request = HttpRequest { max_response: 999, ..get(&server) };
    refused(&desk, request, TOO_LARGE, "1000 bytes where 999 may come").await;
}

/// Two exabytes are announced and none follows: only who believes would wait for them, or allocate.
pub(super) async fn an_announced_length_is_not_believed(desk: Desk) {
    let announced = Answer::whole(200, &[("content-length", "2305843009213693952")], b"").then_hold();
    let server = play([announced]);
    refused(&desk, get(&server), TOO_LARGE, "two exabytes were announced").await;
}

/// They state no length: who reads them counts.
pub(super) async fn endless_chunks_are_too_large(desk: Desk) {
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    let endless =
        Answer::whole(200, &[("transfer-encoding", "chunked")], chunk.repeat(1000).as_bytes()).then_hold();
    let server = play([endless]);
    refused(&desk, get(&server), TOO_LARGE, "chunks without an end").await;
}
