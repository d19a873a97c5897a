//! The server, spoken to by hand.

use super::{Answer, Received, Step, WireServer};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn say(server: &WireServer, text: &str) -> String {
    let mut stream = TcpStream::connect(server.origin().trim_start_matches("http://")).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn requests_are_kept_as_they_came() {
    let server = WireServer::start(|request: &Received| Answer::new(200).body(&request.body)).unwrap();
    let answer = say(
        &server,
        "PUT /a?b HTTP/1.1\r\nX-One: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET /c HTTP/1.1\r\n\r\n",
    );
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n"),
        "{answer}"
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("PUT", "/a?b"));
    assert_eq!(requests[0].headers[0], ("X-One".to_owned(), "1".to_owned()));
    assert_eq!((requests[0].header("x-one"), &requests[0].body[..]), (Some("1"), &b"abc"[..]));
    assert_eq!((requests[1].path.as_str(), requests[1].connection, server.connections()), ("/c", 0, 1));
}

#[test]
fn answers_are_played_in_turn_and_in_pieces() {
    let failing = Answer::new(503);
    let cut = Answer::new(200).body("whole").cut_before_end(2);
    let server = WireServer::playing([failing, cut, Answer::new(204).byte_by_byte()]).unwrap();
    let ask = "GET / HTTP/1.1\r\n\r\n";
    assert!(say(&server, ask).starts_with("HTTP/1.1 503"));
    assert!(say(&server, ask).ends_with("content-length: 5\r\n\r\nwho"));
    assert!(say(&server, ask).starts_with("HTTP/1.1 204"));
    assert!(say(&server, ask).starts_with("HTTP/1.1 204"), "the last one again");
    assert_eq!(server.connections(), 4);
}

#[test]
fn pieces_and_pauses_do_not_change_the_bytes() {
    let answer = Answer::whole(200, &[("x", "y")], b"body");
    let slow = answer.clone().split(3).slowly(Duration::from_millis(1)).then_close();
    assert_eq!(slow.bytes(), answer.bytes());
    assert_eq!(slow.steps().last(), Some(&Step::Close));
}

#[test]
fn a_server_that_is_silent_ends_when_it_is_dropped() {
    let server = WireServer::start(|_: &Received| Answer::silence()).unwrap();
    let mut stream = TcpStream::connect(server.origin().trim_start_matches("http://")).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    drop(server);
    // The end or a reset, but an end.
    assert!(!matches!(stream.read(&mut [0; 1]), Ok(1..)));
}
