//! HTTP by surf: one whole request out, one whole response in.
//!
//! surf stands on [`SurfBackend`], the connections of this crate. The clients it could bring itself
//! are never built: after a time-out they give the next request the previous answer.

mod backend;
mod reader;

use crate::runtime::{Runtime, Smol};
use crate::transport::HttpTransport;
use crate::transport::failure::{Stage, failure, interrupted, invalid, too_large};
use crate::transport::incoming::{READ_SIZE, TURN, check_length};
use absio_proto::driver::nonblocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
pub use backend::SurfBackend;
use futures_lite::{AsyncReadExt, future};
use http_client::http_types::headers::{CONTENT_TYPE, HeaderName, HeaderValue};
use http_client::http_types::{self, Body, Url};
use reader::RequestReader;
use std::io::ErrorKind;

/// The asynchronous HTTP client by surf: connections are reused, redirects never followed, nothing
/// is retried, no status is an error. Cheap to clone; clones share their connections.
///
/// A surf client given by the caller ([`Self::with_client`]) may do otherwise. What can be seen from
/// outside is still minded: the deadline, the limit of the response, and that a body is whole.
pub struct SurfTransport<R: Runtime = Smol> {
    client: ::surf::Client,
    runtime: R,
}

/// In a request: whoever sent it minds its deadline, and wants to know how far it came.
#[derive(Clone)]
struct Watched(Stage);

/// In a response: the status itself, which surf may have no name for.
struct Status(u16);

impl SurfTransport {
    /// On smol's reactor, with the certificate authorities of Mozilla's list.
    #[must_use]
    pub fn new() -> Self {
        Self::over(HttpTransport::new())
    }
}

impl Default for SurfTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Runtime> Clone for SurfTransport<R> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), runtime: self.runtime.clone() }
    }
}

impl<R: Runtime> SurfTransport<R> {
    /// Over the connections of `transport`, which are shared with it.
    #[must_use]
    pub fn over(transport: HttpTransport<R>) -> Self {
        let runtime = transport.connections.runtime.clone();
        Self::with_client(::surf::Client::with_http_client(SurfBackend::over(transport)), runtime)
    }

    /// By a surf client of the caller's; `runtime` is asked for the time only.
    ///
    /// Mind what such a client does: those built into surf 2.3 mix up answers after a time-out.
    #[must_use]
    pub fn with_client(client: ::surf::Client, runtime: R) -> Self {
        Self { client, runtime }
    }
}

impl<R: Runtime> Transport for SurfTransport<R> {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (stage, deadline, origin) = (Stage::default(), request.deadline, request.origin.clone());
        let late = async {
            self.runtime.sleep(deadline).await;
            Err(stage.timed_out(deadline, &origin))
        };
        future::or(self.perform(request, &origin, &stage), late).await
    }
}

impl<R: Runtime> SurfTransport<R> {
    async fn perform(
        &self,
        request: HttpRequest,
        origin: &str,
        stage: &Stage,
    ) -> Result<HttpResponse, TransportError> {
        let limit = request.max_response;
        let mut sent = express(&request, origin)?;
        sent.set_ext(Watched(stage.clone()));
        if !request.body.is_empty() {
            let (length, kind) = (request.body.len(), sent.remove_header(CONTENT_TYPE));
            sent.set_body(Body::from_reader(RequestReader::new(request), Some(length)));
            // The body brings a type of its own, which the request does not name.
            sent.remove_header(CONTENT_TYPE);
            if let Some(kind) = kind {
                sent.append_header(CONTENT_TYPE, &kind);
            }
        }
        let response = self.client.send(sent).await.map_err(|error| translated(&error, origin))?;

        let status = response.ext::<Status>().map_or_else(|| response.status().into(), |status| status.0);
        let sized = response.header("content-length").is_some();
        let bodiless = matches!(status, 204 | 304);
        check_length(sized, response.header("transfer-encoding").is_some(), bodiless, origin)?;
        let mut headers: Vec<(String, String)> = response
            .iter()
            .flat_map(|(name, values)| {
                values.iter().map(move |value| (name.as_str().to_owned(), value.as_str().to_owned()))
            })
            .collect();
        // surf keeps them in an order that changes from run to run.
        headers.sort_by(|(one, _), (other, _)| one.cmp(other));
        let body = if bodiless { Vec::new() } else { collect(response, limit, origin).await? };
        Ok(HttpResponse { status, headers, body })
    }
}

/// The request in surf's words, without its body.
fn express(request: &HttpRequest, origin: &str) -> Result<::surf::Request, TransportError> {
    let url = Url::parse(&request.url()).map_err(|error| invalid(error, origin))?;
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    if format!("{}{query}", url.path()) != request.path {
        // Another path than the caller's, which may be signed, must not be asked for.
        return Err(invalid("the path of the request is not in the form of a URL", origin));
    }
    let method = match request.method {
        Method::Get => http_types::Method::Get,
        Method::Post => http_types::Method::Post,
        Method::Put => http_types::Method::Put,
        Method::Delete => http_types::Method::Delete,
    };
    let mut sent = ::surf::Request::new(method, url);
    for (name, value) in &request.headers {
        let bad = || invalid("a header of the request cannot be sent", origin);
        // surf takes line breaks as they are, and panics at some names.
        ureq_proto::http::HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        ureq_proto::http::HeaderValue::from_str(value).map_err(|_| bad())?;
        let name = HeaderName::from_bytes(name.as_bytes().into()).map_err(|_| bad())?;
        let value = HeaderValue::from_bytes(value.as_bytes().into()).map_err(|_| bad())?;
        sent.append_header(name, value);
    }
    Ok(sent)
}

/// The whole body, never more than `limit` bytes, never less than was stated.
async fn collect(
    mut response: ::surf::Response,
    limit: u64,
    origin: &str,
) -> Result<Vec<u8>, TransportError> {
    let stated = response.len();
    if stated.is_some_and(|length| length as u64 > limit) {
        return Err(too_large(limit));
    }
    let mut whole = Vec::new();
    while stated.is_none_or(|stated| whole.len() < stated) {
        let begun = whole.len();
        let room = stated.map_or(READ_SIZE, |stated| (stated - begun).min(READ_SIZE));
        whole.resize(begun + room, 0);
        let read = match response.read(&mut whole[begun..]).await {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                whole.truncate(begun);
                continue;
            }
            Err(error) => {
                let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<TransportError>());
                return Err(ours.cloned().unwrap_or_else(|| interrupted(error.kind(), origin)));
            }
        };
        whole.truncate(begun + read);
        if whole.len() as u64 > limit {
            return Err(too_large(limit));
        }
        if read == 0 {
            break;
        }
        if begun / TURN != whole.len() / TURN {
            future::yield_now().await;
        }
    }
    if stated.is_some_and(|stated| whole.len() < stated) {
        return Err(interrupted("the connection was closed before the end of the response", origin));
    }
    Ok(whole)
}

/// The error of [`SurfBackend`], or what can be said of another client's: its words are not passed
/// on, as they may hold anything, and the request may have been carried out.
fn translated(error: &::surf::Error, origin: &str) -> TransportError {
    error
        .downcast_ref::<TransportError>()
        .cloned()
        .unwrap_or_else(|| failure(TransportErrorKind::Interrupted, "the surf client gave no answer", origin))
}
