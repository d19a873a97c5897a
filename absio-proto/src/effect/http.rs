//! One whole HTTP exchange as a value: any plain HTTP client can perform it.

use super::{Body, Reply, ReplyValue, Token};
use core::time::Duration;

/// The methods the protocol uses (`docs/protocol.md`, "HTTP").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads; no body.
    Get,
    /// Creates or asks.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// The method's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// A bounded HTTP request. Transports send it as it is: no redirects followed, no cookies, no
/// retries of their own.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// `scheme://host[:port]` of the configured server.
    pub origin: String,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// Header names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The whole body; empty for none.
    pub body: Body,
    /// The whole exchange must end within this time.
    pub deadline: Duration,
    /// A response body longer than this many bytes is refused with
    /// [`TransportErrorKind::TooLarge`] before it is buffered.
    pub max_response: u64,
}

impl HttpRequest {
    /// The full URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }
}

/// Headers and bodies may hold tokens and ciphertext: only the shape is printed.
impl core::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {} ({} bytes)", self.method.as_str(), self.path, self.body.len())
    }
}

/// A whole HTTP response.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Header names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first header called `name` (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl core::fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({} bytes)", self.status, self.body.len())
    }
}

/// Why an exchange gave no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection could be made: nothing was sent.
    Unreachable,
    /// The deadline passed. The request may have been carried out.
    TimedOut,
    /// The connection broke after sending began. The request may have been carried out.
    Interrupted,
    /// TLS failed: nothing was sent.
    Tls,
    /// The response is longer than [`HttpRequest::max_response`].
    TooLarge,
    /// The answer was not HTTP, or the request could not be expressed.
    Invalid,
}

/// An exchange that gave no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind:?}: {reason}")]
pub struct TransportError {
    /// What kind of failure.
    pub kind: TransportErrorKind,
    /// What the transport said; never a header or body.
    pub reason: String,
    /// Set by an operation, never by a transport: the idempotency key of a change that may have been
    /// made, all its repeats included.
    pub unconfirmed: Option<[u8; 16]>,
}

impl TransportError {
    /// An error of `kind`, with the transport's own words.
    pub fn new(kind: TransportErrorKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), unconfirmed: None }
    }

    /// What an operation that failed of it says.
    pub(crate) fn sentence(&self) -> String {
        match self.unconfirmed {
            None => format!("the server could not be reached ({self}); check the network and try again"),
            Some(_) => format!(
                "no answer came to a change ({self}): it may have been made; check the network, and look before you make it again"
            ),
        }
    }

    /// Whether the server may have carried the request out although no answer came.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        !matches!(self.kind, TransportErrorKind::Unreachable | TransportErrorKind::Tls)
    }
}

/// One HTTP exchange to perform.
#[must_use = "performed by the driver"]
pub struct HttpCall {
    pub(crate) token: Token,
    request: HttpRequest,
}

impl HttpCall {
    /// A call that sends `request`.
    pub fn new(request: HttpRequest) -> Self {
        Self { token: Token::default(), request }
    }

    /// What is to be sent.
    #[must_use]
    pub fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// Takes the request out, leaving the slot that mints the reply.
    pub fn take(self) -> (HttpRequest, impl FnOnce(Result<HttpResponse, TransportError>) -> Reply) {
        let token = self.token;
        (self.request, move |outcome| Reply { token, value: ReplyValue::Http(outcome) })
    }
}
