//! The front over real sockets, by hand-written HTTP: strangers do not use our client.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod support;

use absio_broker::http::{Running, Server, ServerConfig};
use absio_broker::{Fixture, SystemClock, create_api_key};
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{StoreError, StoreOp, StoreOutcome};
use absio_proto::model::{EventFilter, Portion};
use absio_proto::wire::Route;
use absio_store::MemoryStore;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn start(config: ServerConfig) -> Running {
    Server::bind("127.0.0.1:0", MemoryStore::new(), config).unwrap().start().unwrap()
}

fn connect(server: &Running) -> TcpStream {
    let stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Reads one response: status and body.
fn read(stream: &mut TcpStream) -> (u16, String) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "closed after {:?}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

fn exchange(server: &Running, request: &str) -> (u16, String) {
    let mut stream = connect(server);
    stream.write_all(request.as_bytes()).unwrap();
    read(&mut stream)
}

const INFO: &str = "GET /v1/info HTTP/1.1\r\nhost: x\r\n\r\n";

#[test]
fn one_connection_carries_many_requests_and_port_0_is_reported() {
    let server = start(ServerConfig::default());
    assert_ne!(server.local_addr().port(), 0);
    assert_eq!(server.origin(), format!("http://{}", server.local_addr()));
    let mut stream = connect(&server);
    for _ in 0..3 {
        stream.write_all(INFO.as_bytes()).unwrap();
        let (status, body) = read(&mut stream);
        assert_eq!(status, 200);
        assert!(body.contains("\"protocol\":1"), "{body}");
    }
    server.stop().unwrap();
}

#[test]
fn bad_input_over_http_gets_its_code_and_the_broker_keeps_serving() {
    let server = start(ServerConfig::default());
    let key = "absio-api-key: 11111111-1111-4111-8111-111111111111";
    let cases = [
        // A 2 GiB length in a 100-byte body.
        (
            format!(
                "POST /v1/login HTTP/1.1\r\nhost: x\r\ncontent-length: 2147483648\r\n\r\n{}",
                "x".repeat(100)
            ),
            413,
            "too_large",
        ),
        // A large body without a session is not read at all.
        (
            format!("POST /v1/containers HTTP/1.1\r\nhost: x\r\n{key}\r\ncontent-length: 1000000\r\n\r\n"),
            401,
            "not_authenticated",
        ),
        (
            format!(
                "POST /v1/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2000\r\n{}\r\n0\r\n\r\n",
                "x".repeat(0x2000)
            ),
            413,
            "too_large",
        ),
        (
            "POST /v1/login HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n{\"a\":".into(),
            401,
            "unknown_api_key",
        ),
        ("PATCH /v1/info HTTP/1.1\r\nhost: x\r\n\r\n".into(), 405, "method_not_allowed"),
        ("DELETE /v1/info HTTP/1.1\r\nhost: x\r\n\r\n".into(), 405, "method_not_allowed"),
        ("GET /v1/../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n".into(), 404, "not_found"),
        ("GET /v1/info?x=%00 HTTP/1.1\r\nhost: x\r\n\r\n".into(), 400, "bad_request"),
    ];
    for (request, status, code) in cases {
        let (got, body) = exchange(&server, &request);
        assert_eq!(got, status, "{request:.80} gave {body}");
        assert!(body.contains(&format!("\"code\":\"{code}\"")), "{request:.80} gave {body}");
    }
    // What is not HTTP at all gets no answer of the broker's, but harms nobody.
    let mut stream = connect(&server);
    stream.write_all(b"\x16\x03\x01\x02\x00nonsense\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    let _closed = stream.read_to_end(&mut rest);
    // HEAD has no body, as HTTP wants it.
    let (status, _) = {
        let mut stream = connect(&server);
        stream.write_all(b"HEAD /v1/info HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        assert!(all.ends_with("\r\n\r\n"));
        (all.split(' ').nth(1).unwrap().parse::<u16>().unwrap(), ())
    };
    assert_eq!(status, 405);
    assert_eq!(exchange(&server, INFO).0, 200);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let config = ServerConfig { body_timeout: Duration::from_millis(50), ..ServerConfig::default() };
    let server = start(config);
    let (status, body) =
        exchange(&server, "POST /v1/challenge HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{");
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("too slowly"), "{body}");
}

#[test]
fn headers_that_do_not_come_end_the_connection() {
    let config = ServerConfig { header_timeout: Duration::from_millis(50), ..ServerConfig::default() };
    let server = start(config);
    let mut stream = connect(&server);
    stream.write_all(b"GET /v1/info HTTP/1.1\r\nhost:").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(exchange(&server, INFO).0, 200);
}

/// A store that panics when told to.
struct Panicking(MemoryStore, Arc<AtomicBool>);

impl Store for Panicking {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        assert!(!self.1.load(Ordering::SeqCst), "told to");
        self.0.apply(op)
    }
}

#[test]
fn a_panic_is_a_500_and_the_broker_keeps_serving() {
    let panics = Arc::new(AtomicBool::new(false));
    let store = Panicking(MemoryStore::new(), panics.clone());
    let key = create_api_key(&store, "test").unwrap();
    let server = Server::bind("127.0.0.1:0", store, ServerConfig::default()).unwrap().start().unwrap();
    let challenge = format!("POST /v1/challenge HTTP/1.1\r\nhost: x\r\nabsio-api-key: {key}\r\n\r\n");
    panics.store(true, Ordering::SeqCst);
    let (status, body) = exchange(&server, &challenge);
    assert_eq!(status, 500);
    assert!(body.contains("\"code\":\"internal\""), "{body}");
    panics.store(false, Ordering::SeqCst);
    assert_eq!(exchange(&server, &challenge).0, 200);
}

/// A store that waits until it is let go, so that a request is under way for sure.
struct Waiting {
    store: MemoryStore,
    entered: std::sync::mpsc::SyncSender<()>,
    armed: Arc<AtomicBool>,
    go: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Store for Waiting {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        if self.armed.swap(false, Ordering::SeqCst) {
            self.entered.send(()).unwrap();
            self.go.lock().unwrap().recv().unwrap();
        }
        self.store.apply(op)
    }
}

#[test]
fn stopping_lets_running_requests_finish() {
    let (entered, has_entered) = std::sync::mpsc::sync_channel(1);
    let (let_go, go) = std::sync::mpsc::channel();
    let armed = Arc::new(AtomicBool::new(false));
    let store = Waiting { store: MemoryStore::new(), entered, armed: armed.clone(), go: go.into() };
    let key = create_api_key(&store, "test").unwrap();
    let server = Server::bind("127.0.0.1:0", store, ServerConfig::default()).unwrap().start().unwrap();
    let address = server.local_addr();
    armed.store(true, Ordering::SeqCst);
    let mut stream = connect(&server);
    let request = format!("POST /v1/challenge HTTP/1.1\r\nhost: x\r\nabsio-api-key: {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    has_entered.recv().unwrap();
    let stopping = std::thread::spawn(move || server.stop());
    let_go.send(()).unwrap();
    assert_eq!(read(&mut stream).0, 200);
    stopping.join().unwrap().unwrap();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

/// A store that says when somebody looks for events.
struct Watched(Fixture, std::sync::mpsc::Sender<()>);

impl Store for Watched {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        if matches!(op, StoreOp::Scan { .. }) {
            let _nobody_listens = self.1.send(());
        }
        self.0.apply(op)
    }
}

/// A server and a fixture on one store, and a user who is signed in.
fn shared_store(config: ServerConfig) -> (support::Actor, Running) {
    let fixture = Fixture::new();
    fixture.clock().set(SystemClock::new().now().utc);
    let alice = support::Actor::new(&fixture, 2);
    let (looked, _) = std::sync::mpsc::channel();
    (alice, Server::bind("127.0.0.1:0", Watched(fixture, looked), config).unwrap().start().unwrap())
}

/// The head of a request, without the empty line at its end.
fn head_of(request: &absio_proto::effect::HttpRequest) -> String {
    let headers = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let method = request.method.as_str();
    format!("{method} {} HTTP/1.1\r\nhost: x\r\n{}", request.path, headers.collect::<String>())
}

#[test]
fn an_answer_that_is_not_read_ends_the_connection() {
    // While the first connection stands, there is room for no other.
    let config =
        ServerConfig { write_timeout: Duration::from_millis(100), connections: 1, ..ServerConfig::default() };
    let (alice, server) = shared_store(config);
    let access = Some(vec![alice.grant(127)]);
    let edit = support::Edit { content: Some(Some(vec![7; 3 << 20])), access, ..support::Edit::default() };
    let id = alice.create(&edit).body().container;
    let get = Route::GetContainer { container: id, portion: Portion::All, known: None };
    let head = head_of(&alice.request(&get, Vec::new()));
    let mut slow = connect(&server);
    // Far more than the sockets between the two hold.
    for _ in 0..32 {
        slow.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    }
    assert_eq!(exchange(&server, INFO).0, 200, "the slow one is gone, else this were never answered");
    // What had been written is there; the rest never comes.
    let mut rest = Vec::new();
    let _reset = slow.read_to_end(&mut rest);
    assert!(rest.len() < 32 * (3 << 20), "{}", rest.len());
    // The control: a server that waits longer gives all of it to whoever reads.
    let (looked, _) = std::sync::mpsc::channel();
    let store = Watched(alice.fixture.clone(), looked);
    let server = Server::bind("127.0.0.1:0", store, ServerConfig::default()).unwrap().start().unwrap();
    let (status, body) = exchange(&server, &format!("{head}\r\n"));
    assert_eq!(status, 200);
    assert!(body.len() > 1 << 20);
}

#[test]
fn bodies_together_have_a_limit_and_who_finds_no_room_is_told_when_to_come_back() {
    let (alice, server) = shared_store(ServerConfig { bodies: 64 << 10, ..ServerConfig::default() });
    let create = |length: usize| {
        let head = head_of(&alice.request(&Route::CreateContainer, Vec::new()));
        format!("{head}content-length: {length}\r\nexpect: 100-continue\r\n\r\n")
    };
    let continued = |stream: &mut TcpStream| {
        let mut line = [0; 25];
        stream.read_exact(&mut line).unwrap();
        line == *b"HTTP/1.1 100 Continue\r\n\r\n"
    };
    let mut first = connect(&server);
    first.write_all(create(60_000).as_bytes()).unwrap();
    assert!(continued(&mut first), "its body is waited for");
    // No room for a second one, but for small bodies.
    let (status, body) = exchange(&server, &create(60_000));
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("\"code\":\"unavailable\"") && body.contains("\"retry_after_ms\":1000"), "{body}");
    let key = alice.fixture.api_key();
    let challenge = format!(
        "POST /v1/challenge HTTP/1.1\r\nhost: x\r\nabsio-api-key: {key}\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    assert_eq!(exchange(&server, &challenge).0, 200);
    // The first one is read to its end; then there is room again, also for one that is larger than all.
    first.write_all(&[0; 60_000]).unwrap();
    assert_eq!(read(&mut first).0, 400);
    let mut next = connect(&server);
    next.write_all(create(200_000).as_bytes()).unwrap();
    assert!(continued(&mut next));
}

/// A server and a fixture on one store, and Bob's request to wait a minute for news.
fn waiting() -> (Fixture, support::Actor, Running, TcpStream) {
    let fixture = Fixture::new();
    fixture.clock().set(SystemClock::new().now().utc);
    let bob = support::Actor::new(&fixture, 3);
    let (looked, has_looked) = std::sync::mpsc::channel();
    let store = Watched(fixture.clone(), looked);
    let server = Server::bind("127.0.0.1:0", store, ServerConfig::default()).unwrap().start().unwrap();
    let filter = EventFilter { starting_event_id: bob.next_event(), ..EventFilter::default() };
    let wait = bob.request(&Route::Events { filter, limit: 10, wait: 60 }, Vec::new());
    let headers: String = wait.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = connect(&server);
    stream.write_all(format!("GET {} HTTP/1.1\r\nhost: x\r\n{headers}\r\n", wait.path).as_bytes()).unwrap();
    has_looked.recv().unwrap();
    (fixture, bob, server, stream)
}

#[test]
fn s060_a_long_poll_over_http_ends_with_the_news() {
    let (fixture, bob, _server, mut stream) = waiting();
    let alice = support::Actor::new(&fixture, 2);
    alice.share(vec![alice.grant(127), bob.grant(11)]);
    let (status, body) = read(&mut stream);
    assert_eq!(status, 200);
    assert!(body.contains("\"action\":\"added\""), "{body}");
}

#[test]
fn stopping_does_not_wait_for_those_who_wait_for_news() {
    let (_fixture, _bob, server, mut stream) = waiting();
    let stopping = std::thread::spawn(move || server.stop());
    let (status, body) = read(&mut stream);
    assert_eq!(status, 503);
    assert!(body.contains("\"code\":\"unavailable\""), "{body}");
    stopping.join().unwrap().unwrap();
}
