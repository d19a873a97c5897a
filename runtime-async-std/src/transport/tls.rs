//! TLS: whom to believe, and the handshake.

use super::connection::Stream;
use super::failure::failure;
use absio_proto::effect::{TransportError, TransportErrorKind};
use futures_io::{AsyncRead, AsyncWrite};
use futures_rustls::TlsConnector;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io::ErrorKind;
use std::sync::Arc;

/// The file of certificate authorities holds none, or one that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportSetupError;

impl std::fmt::Display for TransportSetupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no certificate of an authority can be read; give a PEM file that holds one")
    }
}

impl std::error::Error for TransportSetupError {}

/// The certificates in `pem`.
pub(crate) fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TransportSetupError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TransportSetupError),
    }
}

/// Speaks TLS to servers whose certificates its authorities signed.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

impl Tls {
    /// Believes the `authorities`; without any, those of Mozilla's list.
    pub(crate) fn new(authorities: &[CertificateDer<'static>]) -> Self {
        let mut roots = RootCertStore::empty();
        if authorities.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        } else {
            roots.add_parsable_certificates(authorities.iter().cloned());
        }
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(rustls::ALL_VERSIONS)
            .expect("ring has suites for every version")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(Arc::new(config).into())
    }

    /// Shakes hands over `stream` with the server called `host`. Nothing of a request was sent yet.
    pub(crate) async fn secure<S>(
        &self,
        stream: Stream<S>,
        host: &str,
        origin: &str,
    ) -> Result<Stream<S>, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| failure(TransportErrorKind::Tls, error, origin))?;
        match self.0.connect(name, stream).await {
            Ok(stream) => Ok(Stream::Secure(Box::new(stream))),
            Err(error) => {
                let refused = error.kind() == ErrorKind::InvalidData
                    || error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
                let kind = if refused { TransportErrorKind::Tls } else { TransportErrorKind::Unreachable };
                Err(failure(kind, error, origin))
            }
        }
    }
}
