//! How a client sends unless it is told otherwise.

use crate::shared::SharedTransport;
use crate::transport::{HttpTransport, TransportSetupError};
use std::sync::Arc;

/// This crate's HTTP client, with the certificate authorities that were given or the usual ones; by way of
/// surf where that is compiled in.
pub(super) async fn default_transport(authorities: Vec<u8>) -> Result<SharedTransport, TransportSetupError> {
    // Certificates are read and the system's proxies are looked up, which takes its time.
    let transport = blocking::unblock(move || {
        let builder = HttpTransport::builder();
        Ok(if authorities.is_empty() { builder } else { builder.authority_pem(&authorities)? }.build())
    });
    let transport = transport.await?;
    #[cfg(feature = "surf")]
    let transport = crate::surf::SurfTransport::over(transport);
    Ok(Arc::new(transport))
}
