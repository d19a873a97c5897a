//! The deadline holds for everything.

use super::asking::{Desk, LONG, get, play, refused, whole};
use crate::wire_server::{Answer, Step};
use absio_proto::effect::{HttpRequest, TransportErrorKind};
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(250);

async fn times_out(desk: &Desk, answer: Answer, when: &str) {
    let server = play([answer]);
    let begun = Instant::now();
    let request = HttpRequest { deadline: SHORT, ..get(&server) };
    refused(desk, request, TransportErrorKind::TimedOut, when).await;
    assert!(begun.elapsed() < LONG / 4, "{when}: the exchange went on long after its deadline");
}

/// No byte comes.
pub(super) async fn silence_ends_at_the_deadline(desk: Desk) {
    times_out(&desk, Answer::silence(), "silence").await;
}

/// The answer begins, and stops.
pub(super) async fn half_a_head_ends_at_the_deadline(desk: Desk) {
    times_out(&desk, Answer::raw("HTTP/1.1 200 OK\r\nconten").then_hold(), "half a head").await;
    let half = Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome").then_hold();
    times_out(&desk, half, "half a body").await;
}

/// A byte now and then: each comes in time, all of them do not.
pub(super) async fn a_trickle_ends_at_the_deadline(desk: Desk) {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    let drops = (0..400).flat_map(|_| [Step::Pause(SHORT / 5), Step::Bytes(b"x".to_vec())]);
    times_out(&desk, drops.fold(Answer::raw(head), Answer::then), "a trickle").await;
}

/// Slow, but before the deadline.
pub(super) async fn a_slow_answer_in_time_is_whole(desk: Desk) {
    let answer = Answer::new(200).body("worth the wait").split(20).slowly(Duration::from_millis(20));
    let server = play([answer.after(Duration::from_millis(100))]);
    assert_eq!(whole(&desk, get(&server)).await.body, b"worth the wait");
}
