//! A request and what came of it: whole, and as it may be printed.

use crate::effect::{HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
use crate::trace::printing;
use core::fmt::{self, Debug, Display, Formatter};

/// A request and what came of it, whole. **It holds secrets** (tokens, the API key): keep it for
/// [`Replaying`](super::Replaying) and tests, and print it, which shows what [`Exchanged`] shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What was sent.
    pub request: HttpRequest,
    /// What came back.
    pub outcome: Result<HttpResponse, TransportError>,
}

impl Exchange {
    /// What of it may be printed.
    #[must_use]
    pub fn redacted(&self) -> Exchanged {
        Exchanged::asked(&self.request).answered(&self.outcome)
    }
}

/// As it may be printed.
impl Display for Exchange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.redacted(), f)
    }
}

/// As it may be printed.
impl Debug for Exchange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// What of an exchange may be printed: of headers the names, of a body its length or the names of its
/// JSON fields, of an error its kind. No token, key, password, body, nor a transport's own words.
///
/// Printed it is one line, with ids as they are:
/// `PUT /v1/uploads/…/parts/3 [authorization content-type …] 4194304 bytes -> 200`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    method: Method,
    asked: String,
    sent: usize,
    outcome: Result<u16, TransportErrorKind>,
    received: usize,
    answered: String,
}

impl Exchanged {
    /// Before there is an answer.
    pub(super) fn asked(request: &HttpRequest) -> Self {
        Self {
            method: request.method,
            asked: printing::sent(request),
            sent: request.body.len(),
            outcome: Err(TransportErrorKind::Unreachable),
            received: 0,
            answered: String::new(),
        }
    }

    pub(super) fn answered(self, outcome: &Result<HttpResponse, TransportError>) -> Self {
        Self {
            outcome: outcome.as_ref().map(|response| response.status).map_err(|error| error.kind),
            received: outcome.as_ref().map_or(0, |response| response.body.len()),
            answered: printing::received(outcome),
            ..self
        }
    }

    /// The request's method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The response's status.
    ///
    /// # Errors
    /// Why there was no response.
    pub const fn outcome(&self) -> Result<u16, TransportErrorKind> {
        self.outcome
    }

    /// Bytes of the request's body, and of the response's.
    #[must_use]
    pub const fn bytes(&self) -> (usize, usize) {
        (self.sent, self.received)
    }
}

impl Display for Exchanged {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.asked, self.answered)
    }
}
