//! A transport of one's own: HTTP/1.1 over `std::net`, given to the client in place of its HTTP client.
//! A transport sends one whole request and gives one whole response; it retries nothing, follows nothing
//! and judges no status. This one speaks plain HTTP, which clients use with a broker on the same machine.
//!
//! Run it with `cargo run -p absio-blocking --example custom_transport --features testing`.

use absio_blocking::Client;
use absio_broker::create_api_key;
use absio_broker::http::{Server, ServerConfig};
use absio_proto::crypto::KdfPolicy;
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError, TransportErrorKind};
use absio_proto::model::{Credentials, Portion};
use absio_proto::ops::container::Create;
use absio_proto::ops::user::LoginWith;
use absio_store::MemoryStore;
use std::error::Error;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

// The transport: from here …
struct PlainHttp;

impl Transport for PlainHttp {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let failed = |kind| move |error: io::Error| TransportError::new(kind, error.to_string());
        let ends = Instant::now() + request.deadline;
        let invalid = || TransportError::new(TransportErrorKind::Invalid, "not plain HTTP");
        let authority = request.origin.strip_prefix("http://").ok_or_else(invalid)?;
        // A line break in a header would be another header.
        if request.headers.iter().any(|(name, value)| format!("{name}{value}").contains(['\r', '\n'])) {
            return Err(invalid());
        }
        // Before a connection stands, nothing was sent; later the request may have been carried out.
        let stream = TcpStream::connect(authority).map_err(failed(TransportErrorKind::Unreachable))?;
        carry(stream, authority, &request, ends).map_err(|error| match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => failed(TransportErrorKind::TimedOut)(error),
            ErrorKind::FileTooLarge => failed(TransportErrorKind::TooLarge)(error),
            ErrorKind::InvalidData => failed(TransportErrorKind::Invalid)(error),
            _ => failed(TransportErrorKind::Interrupted)(error),
        })
    }
}

fn carry(
    mut stream: TcpStream,
    authority: &str,
    request: &HttpRequest,
    ends: Instant,
) -> io::Result<HttpResponse> {
    let left = || match ends.saturating_duration_since(Instant::now()) {
        left if left.is_zero() => Err(io::Error::from(ErrorKind::TimedOut)),
        left => Ok(Some(left)),
    };
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {authority}\r\n", request.method.as_str(), request.path);
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\nconnection: close\r\n\r\n", request.body.len());
    stream.set_write_timeout(left()?)?;
    stream.write_all(&[head.as_bytes(), &request.body[..]].concat())?;

    let invalid = || io::Error::from(ErrorKind::InvalidData);
    let mut reader = BufReader::new(stream);
    let line = |reader: &mut BufReader<TcpStream>| -> io::Result<String> {
        reader.get_ref().set_read_timeout(left()?)?;
        let mut line = String::new();
        reader.by_ref().take(64 << 10).read_line(&mut line)?;
        line.ends_with("\r\n").then(|| line.trim_end().to_owned()).ok_or(ErrorKind::UnexpectedEof.into())
    };
    let status = line(&mut reader)?.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut response = HttpResponse { status: status.ok_or_else(invalid)?, headers: vec![], body: vec![] };
    while let Some((name, value)) = line(&mut reader)?.split_once(':') {
        response.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        if response.headers.len() > 100 {
            return Err(invalid());
        }
    }
    // Of a response that does not state its length, the end could not be told from a broken connection.
    let length = response.header("content-length").map(str::parse::<u64>);
    let length = if response.status == 204 { 0 } else { length.and_then(Result::ok).ok_or_else(invalid)? };
    if length > request.max_response {
        return Err(ErrorKind::FileTooLarge.into());
    }
    while (response.body.len() as u64) < length {
        reader.get_ref().set_read_timeout(left()?)?;
        let piece = reader.fill_buf()?;
        let taken = piece.len().min((length - response.body.len() as u64) as usize);
        response.body.extend_from_slice(&piece[..taken]);
        if taken == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        reader.consume(taken);
    }
    Ok(response)
}
// … to here.

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let store = Arc::new(MemoryStore::new());
    let server = Server::bind("127.0.0.1:0", store.clone(), ServerConfig::default())?.start()?;
    let client = Client::builder(create_api_key(&*store, "example")?, server.origin())
        .transport(PlainHttp)
        .kdf_policy(KdfPolicy::insecure_for_tests()) // not in a real program
        .build()?;
    let alice = client.user().create(Credentials::new("Pass-word 1", "Pass-phrase 2"))?;
    client.login(alice.id(), LoginWith::nothing().user(alice.clone()))?;
    let film = vec![7; 9 << 20]; // three parts, sent at once
    let made = client.container().create(Create::new(film.clone()))?;
    let got = client.container().get(made.container.id.ok_or("no id")?, Portion::All)?;
    println!("{} bytes came back over plain HTTP", got.content.as_ref().map_or(0, Vec::len));
    client.logout()?;
    server.stop()?;
    if got.content.as_ref() == Some(&film) { Ok(()) } else { Err("it came out otherwise".into()) }
}
