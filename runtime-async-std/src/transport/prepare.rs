//! A request as bytes, made before a connection is taken: what cannot be expressed is never begun.

use super::failure::invalid;
use super::origin::Origin;
use absio_proto::effect::TransportError;
use ureq_proto::client::{Call, SendRequestResult};
use ureq_proto::http::{HeaderMap, HeaderValue, Method, Request, Uri, header};

/// Bodies from this size on wait for the server's word before they are sent, so that an early
/// refusal (413) is seen instead of a broken pipe.
const ASK_BEFORE_SENDING: u64 = 64 << 10;
/// Room for the lines that are added to the caller's.
const ADDED_LINES: usize = 1024;

/// A request that is ready to be sent.
pub(crate) struct Prepared {
    pub(crate) origin: Origin,
    pub(crate) method: Method,
    /// The request line and the headers.
    pub(crate) head: Vec<u8>,
    /// What follows the head.
    pub(crate) next: SendRequestResult,
    /// Bytes of the body; `None` is a body in chunks.
    pub(crate) body_length: Option<u64>,
}

/// Writes the head of a request with a body of `body_length` bytes (`None`: in chunks).
pub(crate) fn prepare<'h>(
    method: &str,
    url: &str,
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    body_length: Option<u64>,
) -> Result<Prepared, TransportError> {
    let uri: Uri = url.parse().map_err(|error| invalid(error, "the URL of the request"))?;
    let origin = Origin::of(&uri)
        .ok_or_else(|| invalid("not an address of http or https", "the URL of the request"))?;
    let refuse = |error: &dyn std::fmt::Display| invalid(error, &origin.to_string());
    let method = Method::from_bytes(method.as_bytes()).map_err(|error| refuse(&error))?;
    if method == Method::CONNECT {
        return Err(refuse(&"tunnels are not for requests"));
    }

    let mut room = ADDED_LINES + url.len();
    let mut builder = Request::builder().method(method.clone()).uri(uri);
    for (name, value) in headers {
        room += name.len() + value.len() + ": \r\n".len();
        builder = builder.header(name, value);
    }
    let mut request = builder.body(()).map_err(|error| refuse(&error))?;
    add_headers(request.headers_mut(), &method, body_length);

    let mut call = Call::new(request).map_err(|error| refuse(&error))?;
    call.allow_non_standard_methods(true);
    let mut call = call.proceed();
    let (mut head, mut lines) = (Vec::new(), vec![0; room]);
    while !call.can_proceed() {
        let length = call.write(&mut lines).map_err(|error| refuse(&error))?;
        head.extend_from_slice(&lines[..length]);
    }
    let next =
        call.proceed().map_err(|error| refuse(&error))?.ok_or_else(|| refuse(&"the head has no end"))?;
    Ok(Prepared { origin, method, head, next, body_length })
}

fn add_headers(headers: &mut HeaderMap, method: &Method, body_length: Option<u64>) {
    let stated =
        headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
    let expected = matches!(*method, Method::POST | Method::PUT | Method::PATCH);
    match body_length {
        _ if stated => {}
        Some(0) if !expected => {}
        Some(length) => {
            headers.insert(header::CONTENT_LENGTH, length.into());
        }
        None => {
            headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    if body_length.is_some_and(|length| length >= ASK_BEFORE_SENDING) {
        headers.entry(header::EXPECT).or_insert(HeaderValue::from_static("100-continue"));
    }
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("absio-async-std/", env!("CARGO_PKG_VERSION"))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(method: &str, headers: &[(&str, &str)], length: Option<u64>) -> Result<String, TransportError> {
        let prepared = prepare(method, "http://a.example:81/v1/x?y=%20", headers.iter().copied(), length)?;
        Ok(String::from_utf8(prepared.head).unwrap())
    }

    #[test]
    fn heads_state_what_follows() {
        let bare = head("GET", &[("x", "y")], Some(0)).unwrap();
        assert!(bare.starts_with("GET /v1/x?y=%20 HTTP/1.1\r\n"), "{bare}");
        assert!(bare.contains("host: a.example:81\r\n") && bare.contains("x: y\r\n"), "{bare}");
        assert!(!bare.contains("content-length") && !bare.contains("expect"), "{bare}");
        assert!(head("POST", &[], Some(0)).unwrap().contains("content-length: 0\r\n"));
        assert!(head("DELETE", &[], Some(3)).unwrap().contains("content-length: 3\r\n"));
        assert!(head("PUT", &[], None).unwrap().contains("transfer-encoding: chunked\r\n"));
        assert!(!head("PUT", &[], Some(ASK_BEFORE_SENDING - 1)).unwrap().contains("expect"));
        assert!(head("PUT", &[], Some(ASK_BEFORE_SENDING)).unwrap().contains("expect: 100-continue\r\n"));
    }

    #[test]
    fn long_values_fit() {
        let long = "v".repeat(100_000);
        assert!(head("GET", &[("x", &long)], Some(0)).unwrap().contains(&long));
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        assert!(head("GET", &[("x", "a\r\nb: c")], Some(0)).is_err());
        assert!(head("GET", &[("x y", "a")], Some(0)).is_err());
        assert!(head("GE T", &[], Some(0)).is_err());
        assert!(head("CONNECT", &[], Some(0)).is_err());
        assert!(prepare("GET", "/v1", std::iter::empty(), Some(0)).is_err());
    }
}
