use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError, TransportErrorKind};
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::time::Instant;

/// HTTP/1.1 over `std`, a connection for each exchange, lengths stated.
pub struct PlainHttp;

fn failed(kind: TransportErrorKind, reason: impl ToString) -> TransportError {
    TransportError::new(kind, reason.to_string())
}

impl Transport for PlainHttp {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let ends = Instant::now() + request.deadline;
        let Some(authority) = request.origin.strip_prefix("http://") else {
            return Err(failed(TransportErrorKind::Invalid, "only plain HTTP"));
        };
        if request.headers.iter().any(|(name, value)| format!("{name}{value}").contains(['\r', '\n'])) {
            return Err(failed(TransportErrorKind::Invalid, "a header holds a line break"));
        }
        // Until a connection stands nothing was sent; afterwards the request may have been carried out.
        let stream =
            TcpStream::connect(authority).map_err(|error| failed(TransportErrorKind::Unreachable, error))?;
        carry(stream, authority, &request, ends).map_err(|error| match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => failed(TransportErrorKind::TimedOut, error),
            ErrorKind::FileTooLarge => failed(TransportErrorKind::TooLarge, error),
            ErrorKind::InvalidData => failed(TransportErrorKind::Invalid, error),
            _ => failed(TransportErrorKind::Interrupted, error),
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

    let (invalid, mut reader) = (|| io::Error::from(ErrorKind::InvalidData), BufReader::new(stream));
    // The deadline is looked at before every read, or a server that trickles would never end.
    let read = |reader: &mut BufReader<TcpStream>, most: usize, until: Option<u8>| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < most && (until.is_none() || bytes.last() != until.as_ref()) {
            reader.get_ref().set_read_timeout(left()?)?;
            let piece = reader.fill_buf()?;
            let found = until.and_then(|end| piece.iter().position(|byte| *byte == end).map(|at| at + 1));
            let taken = found.unwrap_or(piece.len()).min(most - bytes.len());
            if taken == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            bytes.extend_from_slice(&piece[..taken]);
            reader.consume(taken);
        }
        Ok(bytes)
    };
    let line = |reader: &mut BufReader<TcpStream>| -> io::Result<String> {
        let text = String::from_utf8(read(reader, 64 << 10, Some(b'\n'))?).map_err(|_| invalid())?;
        Ok(text.trim_end().to_owned())
    };
    let status = line(&mut reader)?;
    let status =
        status.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).ok_or_else(invalid)?;
    let mut response = HttpResponse { status, headers: Vec::new(), body: Vec::new() };
    while let Some((name, value)) = line(&mut reader)?.split_once(':') {
        response.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    // Of a response that does not state its length, the end could not be told from a cut.
    let length =
        response.header("content-length").and_then(|text| text.parse::<u64>().ok()).ok_or_else(invalid)?;
    if length > request.max_response {
        return Err(ErrorKind::FileTooLarge.into());
    }
    response.body = read(&mut reader, usize::try_from(length).map_err(|_| invalid())?, None)?;
    Ok(response)
}
