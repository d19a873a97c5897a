//! What came in, as it came.

use std::io::{self, BufRead, BufReader, Read};
use std::net::TcpStream;

/// The longest head that is read.
const HEAD: u64 = 1 << 20;
/// The longest body that is read.
const BODY: u64 = 64 << 20;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Which connection it came by, from 0.
    pub connection: usize,
    /// The method, as it was written.
    pub method: String,
    /// Path and query, as they were written.
    pub path: String,
    /// Names and values in their order; names as they were written.
    pub headers: Vec<(String, String)>,
    /// The body, without chunks if it came in chunks.
    pub body: Vec<u8>,
}

impl Received {
    /// The first header of that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

pub(super) type Incoming<'a> = BufReader<&'a TcpStream>;

/// The next head; none at the end of the connection.
pub(super) fn read_head(incoming: &mut Incoming<'_>, connection: usize) -> io::Result<Option<Received>> {
    let mut bounded = incoming.take(HEAD);
    let mut line = String::new();
    if bounded.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if bounded.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Some(Received { connection, method, path, headers, body: Vec::new() }))
}

pub(super) fn read_body(incoming: &mut Incoming<'_>, head: &Received) -> io::Result<Vec<u8>> {
    let chunked = head.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    if chunked {
        return read_chunks(incoming);
    }
    let length = match head.header("content-length") {
        None => 0,
        Some(text) => text.parse().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?,
    };
    exactly(incoming, length)
}

fn read_chunks(incoming: &mut Incoming<'_>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        incoming.take(HEAD).read_line(&mut line)?;
        let length =
            u64::from_str_radix(line.trim(), 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        body.extend(exactly(incoming, length)?);
        exactly(incoming, 2)?;
        if length == 0 {
            return Ok(body);
        }
        if body.len() as u64 > BODY {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

fn exactly(incoming: &mut Incoming<'_>, length: u64) -> io::Result<Vec<u8>> {
    if length > BODY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Vec::new();
    incoming.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}
