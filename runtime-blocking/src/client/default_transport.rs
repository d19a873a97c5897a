//! How a client sends unless it is told otherwise.

use crate::host::SharedTransport;
use crate::transport::{HttpTransport, TransportSetupError};
use std::sync::Arc;

/// This crate's HTTP client, with the certificate authorities that were given or the usual ones.
pub(super) fn default_transport(authorities: Vec<u8>) -> Result<SharedTransport, TransportSetupError> {
    if authorities.is_empty() {
        return Ok(Arc::new(HttpTransport::new()));
    }
    Ok(Arc::new(HttpTransport::builder().authority_pem(&authorities)?.build()))
}
