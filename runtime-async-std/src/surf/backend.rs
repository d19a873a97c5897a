//! The connections of this crate as a client that surf can stand on.

use super::reader::AnswerReader;
use super::{Status, Watched};
use crate::runtime::{Runtime, Smol};
use crate::transport::HttpTransport;
use crate::transport::connections::Connections;
use crate::transport::exchange::converse;
use crate::transport::failure::Stage;
use crate::transport::incoming::Incoming;
use crate::transport::prepare::{Prepared, prepare};
use absio_proto::effect::TransportError;
use futures_lite::future;
use http_client::http_types::StatusCode;
use http_client::http_types::headers::{CONTENT_TYPE, HeaderName, HeaderValue};
use http_client::{Body, Config, Error, HttpClient, Request, Response, async_trait};
use std::time::{Duration, Instant};

/// An [`HttpClient`] over the connections of a [`HttpTransport`], for any surf client:
/// `surf::Client::with_http_client(SurfBackend::new())`.
///
/// It keeps the transport's promises: no answer is ever given to another request, a body that was
/// cut is an error, a connection is used again only after the last byte of a body. Redirects are
/// not followed and nothing is retried. Answers that do not state their length are refused. A
/// status that surf has no name for is told as the first of its class (299 as 200). Failures hold a
/// [`TransportError`], to be had by `downcast_ref`.
pub struct SurfBackend<R: Runtime = Smol> {
    transport: HttpTransport<R>,
    config: Config,
}

impl SurfBackend {
    /// Over a transport of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::over(HttpTransport::new())
    }
}

impl Default for SurfBackend {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Runtime> SurfBackend<R> {
    /// Over the connections of `transport`, which are shared with it.
    #[must_use]
    pub fn over(transport: HttpTransport<R>) -> Self {
        Self { transport, config: Config::new() }
    }

    async fn perform(
        &self,
        request: &mut Request,
        stage: &Stage,
    ) -> Result<(Response, Incoming<R::Stream>), TransportError> {
        let names_its_type = request.header(CONTENT_TYPE).is_some();
        let body = request.take_body();
        if !names_its_type {
            // Taking the body leaves the type of an empty one behind, which the caller did not name.
            request.remove_header(CONTENT_TYPE);
        }
        let prepared = prepare_from(request, body.len())?;
        let Connections { runtime, pool, .. } = &*self.transport.connections;
        let connection = self.transport.connections.connection(&prepared.origin, stage).await?;
        let (head, incoming) = converse(runtime, pool, connection, prepared, body).await?;

        let status = head.status().as_u16();
        let mut response = Response::new(named(status));
        response.ext_mut().insert(Status(status));
        for (name, value) in head.headers() {
            // What cannot be text is left out, as by the transport.
            if let (Ok(name), Ok(value)) = (
                HeaderName::from_bytes(name.as_str().into()),
                HeaderValue::from_bytes(value.as_bytes().into()),
            ) {
                response.append_header(name, value);
            }
        }
        Ok((response, incoming))
    }
}

fn prepare_from(request: &Request, body_length: Option<usize>) -> Result<Prepared, TransportError> {
    let headers = request
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())));
    let length = body_length.map(|length| length as u64);
    prepare(request.method().as_ref(), request.url().as_str(), headers, length)
}

/// The status as surf knows it, or the first of its class.
fn named(status: u16) -> StatusCode {
    StatusCode::try_from(status).unwrap_or(match status {
        200..=299 => StatusCode::Ok,
        300..=399 => StatusCode::MultipleChoice,
        400..=499 => StatusCode::BadRequest,
        _ => StatusCode::InternalServerError,
    })
}

fn failed(error: TransportError) -> Error {
    Error::new(StatusCode::InternalServerError, error)
}

impl<R: Runtime> std::fmt::Debug for SurfBackend<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SurfBackend").finish_non_exhaustive()
    }
}

#[async_trait]
impl<R: Runtime> HttpClient for SurfBackend<R> {
    async fn send(&self, mut request: Request) -> Result<Response, Error> {
        let runtime = &self.transport.connections.runtime;
        let watched = request.ext().get::<Watched>().cloned();
        // Whoever watches a request minds its time as well.
        let timeout = if watched.is_some() { None } else { self.config.timeout };
        let begun = Instant::now();
        let stage = watched.map(|watched| watched.0).unwrap_or_default();
        let host = request.host().unwrap_or_default().to_owned();
        let late = async {
            match timeout {
                None => future::pending().await,
                Some(timeout) => runtime.sleep(timeout).await,
            }
            Err(stage.timed_out(timeout.unwrap_or_default(), &host))
        };
        let outcome = future::or(self.perform(&mut request, &stage), late).await;
        let (mut response, incoming) = outcome.map_err(failed)?;

        let length = incoming.length().and_then(|length| usize::try_from(length).ok());
        let end = timeout.map(|timeout| {
            let (runtime, left) = (runtime.clone(), timeout.saturating_sub(begun.elapsed()));
            Box::pin(async move { runtime.sleep(left).await }) as super::reader::End
        });
        let kind = response.remove_header(CONTENT_TYPE);
        response.set_body(Body::from_reader(AnswerReader::new(incoming, end), length));
        // The body brings a type of its own, which the server did not send.
        response.remove_header(CONTENT_TYPE);
        if let Some(kind) = kind {
            response.append_header(CONTENT_TYPE, &kind);
        }
        Ok(response)
    }

    /// Only the time limit counts: for the whole exchange, the answer's body included.
    fn set_config(&mut self, config: Config) -> Result<(), Error> {
        self.config = config;
        Ok(())
    }

    fn config(&self) -> &Config {
        &self.config
    }
}

impl<R: Runtime> SurfBackend<R> {
    /// The longest an exchange may take, the answer's body included; a minute at first. `None` is
    /// without limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.config = self.config.set_timeout(timeout);
        self
    }
}
