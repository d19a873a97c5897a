//! HTTP/1.1 of our own: one whole request out, one whole response in.
//!
//! `prepare` makes bytes of a request, `connections` finds or makes a connection, `exchange` sends
//! and receives, `incoming` reads the body and gives the connection back to the `pool`. The codec is
//! ureq's, so both runtimes understand an answer in the same way.

pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod exchange;
pub(crate) mod failure;
pub(crate) mod incoming;
mod origin;
mod pool;
pub(crate) mod prepare;
mod proxy;
mod tls;

use crate::runtime::{Runtime, Smol};
use absio_proto::driver::nonblocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError};
use connections::Connections;
use failure::Stage;
use futures_lite::future;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
pub use tls::TransportSetupError;

/// The asynchronous HTTP client: connections are reused, redirects never followed, nothing is
/// retried, no status is an error. Cheap to clone; clones share their connections.
///
/// An exchange that is dropped closes its connection, whatever had come of it. The usual proxy
/// variables (`ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`) hold for https, with proxies that
/// understand `CONNECT`; SOCKS is refused as unreachable. Plain http goes direct.
pub struct HttpTransport<R: Runtime = Smol> {
    pub(crate) connections: Arc<Connections<R>>,
}

impl HttpTransport {
    /// On smol's reactor, with the certificate authorities of Mozilla's list.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A transport set up otherwise.
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder { runtime: Smol, authorities: Vec::new() }
    }
}

impl Default for HttpTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Runtime> Clone for HttpTransport<R> {
    fn clone(&self) -> Self {
        Self { connections: Arc::clone(&self.connections) }
    }
}

impl<R: Runtime> Transport for HttpTransport<R> {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let stage = Stage::default();
        let late = async {
            self.connections.runtime.sleep(request.deadline).await;
            Err(stage.timed_out(request.deadline, &request.origin))
        };
        future::or(self.perform(&request, &stage), late).await
    }
}

impl<R: Runtime> HttpTransport<R> {
    async fn perform(&self, request: &HttpRequest, stage: &Stage) -> Result<HttpResponse, TransportError> {
        let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let body = &request.body[..];
        let prepared =
            prepare::prepare(request.method.as_str(), &request.url(), headers, Some(body.len() as u64))?;
        let Connections { runtime, pool, .. } = &*self.connections;
        let connection = self.connections.connection(&prepared.origin, stage).await?;
        let (response, incoming) = exchange::converse(runtime, pool, connection, prepared, body).await?;
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let body = incoming.collect(request.max_response).await?;
        Ok(HttpResponse { status: response.status().as_u16(), headers, body })
    }
}

/// Sets up a [`HttpTransport`].
#[must_use = "call build"]
pub struct HttpTransportBuilder<R: Runtime = Smol> {
    runtime: R,
    authorities: Vec<CertificateDer<'static>>,
}

impl<R: Runtime> HttpTransportBuilder<R> {
    /// Takes sockets and timers from `runtime`.
    pub fn runtime<T: Runtime>(self, runtime: T) -> HttpTransportBuilder<T> {
        HttpTransportBuilder { runtime, authorities: self.authorities }
    }

    /// Trusts the certificate authorities in `pem`, and no others. May be called more than once.
    ///
    /// # Errors
    /// [`TransportSetupError`] if `pem` holds no certificate or one that cannot be read.
    pub fn authority_pem(mut self, pem: &[u8]) -> Result<Self, TransportSetupError> {
        self.authorities.extend(tls::authorities(pem)?);
        Ok(self)
    }

    /// The transport.
    #[must_use]
    pub fn build(self) -> HttpTransport<R> {
        let tls = tls::Tls::new(&self.authorities);
        let connections = Connections::new(self.runtime, tls, proxy::Proxy::from_environment());
        HttpTransport { connections: Arc::new(connections) }
    }
}
