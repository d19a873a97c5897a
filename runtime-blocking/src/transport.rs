//! HTTP by ureq: one whole request out, one whole response in.

use crate::connect::{WatchedConnector, WatchedResolver, begin, was_connecting};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
use std::io::{ErrorKind, Read};
use std::time::Duration;
use ureq::config::AutoHeaderValue;
use ureq::http::{Response, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body, Error};

/// Bodies from this size on wait for the server's word before they are sent, so that an early
/// refusal (413) is seen instead of a broken pipe.
const ASK_BEFORE_SENDING: usize = 64 << 10;
/// How long a server may take to say that word before the body is sent anyway.
const ASK_PATIENCE: Duration = Duration::from_secs(1);
/// The longest wait for a connection to stand; the request's deadline counts too.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
/// Connections kept open for reuse: as many as an operation uses at once.
const IDLE_CONNECTIONS: usize = 8;
/// Bytes read from a response at a time.
const READ_SIZE: usize = 64 << 10;

/// The blocking HTTP client: connections are reused, redirects never followed, nothing is retried,
/// no status is an error. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct HttpTransport {
    direct: Agent,
    proxied: Agent,
}

impl HttpTransport {
    /// With the certificate authorities of Mozilla's list.
    #[must_use]
    pub fn new() -> Self {
        Self::with_roots(RootCerts::WebPki)
    }

    /// A transport set up otherwise.
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder { authorities: Vec::new() }
    }

    fn with_roots(roots: RootCerts) -> Self {
        let tls = TlsConfig::builder().root_certs(roots).build();
        let agent = |proxy| {
            let config = Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .accept_encoding(AutoHeaderValue::None)
                .user_agent(concat!("absio-blocking/", env!("CARGO_PKG_VERSION")))
                .max_idle_connections_per_host(IDLE_CONNECTIONS)
                .timeout_await_100(Some(ASK_PATIENCE))
                .tls_config(tls.clone())
                .proxy(proxy)
                .build();
            Agent::with_parts(config, WatchedConnector::default(), WatchedResolver::default())
        };
        Self { direct: agent(None), proxied: agent(ureq::Proxy::try_from_env()) }
    }

    /// The usual proxy variables hold for https; plain http is loopback only and goes direct.
    fn agent(&self, request: &HttpRequest) -> &Agent {
        if request.origin.starts_with("https://") { &self.proxied } else { &self.direct }
    }

    fn send(&self, request: &HttpRequest) -> Result<Response<Body>, Error> {
        let agent = self.agent(request);
        let url = request.url();
        let bare = match request.method {
            Method::Get => Some(agent.get(&url)),
            Method::Delete => Some(agent.delete(&url)),
            Method::Post | Method::Put => None,
        };
        match bare {
            Some(builder) if request.body.is_empty() => with_headers(builder, request).call(),
            Some(builder) => with_headers(builder.force_send_body(), request).send(&request.body[..]),
            None if request.method == Method::Put => {
                with_headers(agent.put(&url), request).send(&request.body[..])
            }
            None => with_headers(agent.post(&url), request).send(&request.body[..]),
        }
    }
}

impl Default for HttpTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl Transport for HttpTransport {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        begin();
        let response = self.send(&request).map_err(|error| failure(&error, &request))?;
        receive(response, &request)
    }
}

/// Sets up a [`HttpTransport`].
#[must_use = "call build"]
pub struct HttpTransportBuilder {
    authorities: Vec<ureq::tls::Certificate<'static>>,
}

impl HttpTransportBuilder {
    /// Trusts the certificate authorities in `pem`, and no others. May be called more than once.
    ///
    /// # Errors
    /// [`TransportSetupError`] if `pem` holds no certificate or one that cannot be read.
    pub fn authority_pem(mut self, pem: &[u8]) -> Result<Self, TransportSetupError> {
        let before = self.authorities.len();
        for item in ureq::tls::parse_pem(pem) {
            if let PemItem::Certificate(certificate) = item.map_err(|_| TransportSetupError)? {
                self.authorities.push(certificate);
            }
        }
        if self.authorities.len() == before { Err(TransportSetupError) } else { Ok(self) }
    }

    /// The transport.
    #[must_use]
    pub fn build(self) -> HttpTransport {
        HttpTransport::with_roots(if self.authorities.is_empty() {
            RootCerts::WebPki
        } else {
            RootCerts::new_with_certs(&self.authorities)
        })
    }
}

/// The file of certificate authorities holds none, or one that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportSetupError;

impl std::fmt::Display for TransportSetupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no certificate of an authority can be read; give a PEM file that holds one")
    }
}

impl std::error::Error for TransportSetupError {}

fn with_headers<B>(builder: ureq::RequestBuilder<B>, request: &HttpRequest) -> ureq::RequestBuilder<B> {
    let mut builder = request
        .headers
        .iter()
        .fold(builder, |builder, (name, value)| builder.header(name.as_str(), value.as_str()));
    if request.body.len() >= ASK_BEFORE_SENDING {
        builder = builder.header(header::EXPECT, "100-continue");
    }
    builder.config().timeout_global(Some(request.deadline)).timeout_connect(Some(CONNECT_PATIENCE)).build()
}

/// Reads the whole response, never more than the request allows.
fn receive(response: Response<Body>, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
    let (parts, body) = response.into_parts();
    let too_large = || {
        TransportError::new(
            TransportErrorKind::TooLarge,
            format!("the response is longer than {} bytes", request.max_response),
        )
    };
    let invalid = |reason: &str| TransportError::new(TransportErrorKind::Invalid, reason);
    let length = body.content_length();
    if length.is_some_and(|length| length > request.max_response) {
        return Err(too_large());
    }
    let chunked = parts.headers.contains_key(header::TRANSFER_ENCODING);
    if chunked && parts.headers.contains_key(header::CONTENT_LENGTH) {
        return Err(invalid("the response states its length in two ways"));
    }
    let bodiless = matches!(parts.status.as_u16(), 204 | 304);
    if !parts.headers.contains_key(header::CONTENT_LENGTH) && !chunked && !bodiless {
        // Its end could not be told from a connection that was cut.
        return Err(invalid("the response does not state its length"));
    }
    let body = if bodiless { Vec::new() } else { read_body(body, request, too_large)? };
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    Ok(HttpResponse { status: parts.status.as_u16(), headers, body })
}

fn read_body(
    body: Body,
    request: &HttpRequest,
    too_large: impl Fn() -> TransportError,
) -> Result<Vec<u8>, TransportError> {
    // Checked against what the request allows; where nothing arrives, nothing is touched.
    let claimed = body.content_length().unwrap_or(0).min(request.max_response);
    let mut whole = Vec::with_capacity(usize::try_from(claimed).unwrap_or(READ_SIZE));
    let mut reader = body.into_reader();
    let mut piece = vec![0; READ_SIZE];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(whole),
            Ok(length) if (whole.len() + length) as u64 > request.max_response => return Err(too_large()),
            Ok(length) => whole.extend_from_slice(&piece[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failure(&Error::from(error), request)),
        }
    }
}

/// ureq's errors in the contract's words. Only messages without headers or bodies are passed on.
fn failure(error: &Error, request: &HttpRequest) -> TransportError {
    let kind = match error {
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => TransportErrorKind::Tls,
        // How a handshake that rustls refuses reaches ureq.
        Error::Io(io)
            if was_connecting()
                && io.kind() == ErrorKind::InvalidData
                && request.origin.starts_with("https://") =>
        {
            TransportErrorKind::Tls
        }
        _ if was_connecting() => TransportErrorKind::Unreachable,
        Error::Timeout(_) => TransportErrorKind::TimedOut,
        Error::Io(io) if matches!(io.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            TransportErrorKind::TimedOut
        }
        Error::Io(_) | Error::BodyStalled => TransportErrorKind::Interrupted,
        _ => TransportErrorKind::Invalid,
    };
    TransportError::new(kind, format!("{error} ({})", request.origin))
}
