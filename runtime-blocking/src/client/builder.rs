//! Setting up a client.

use super::Client;
use crate::host::BlockingHost;
use crate::transport::{HttpTransport, TransportSetupError};
use absio_proto::driver::blocking::Transport;
use absio_proto::model::{ApiKey, Validators};
use absio_proto::{Config, InputError, Session};
use std::sync::Arc;
use std::time::Duration;

/// Gathers what a [`Client`] needs.
#[must_use = "call build"]
pub struct ClientBuilder {
    config: Result<Config, InputError>,
    authorities: Vec<u8>,
    transport: Option<Arc<dyn Transport + Send + Sync>>,
}

/// Why a client could not be set up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// An argument is not usable.
    Input(InputError),
    /// The certificate authorities cannot be read.
    Authorities(TransportSetupError),
}

impl SetupError {
    /// A stable, machine-readable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Input(error) => error.code(),
            Self::Authorities(_) => "invalid_authorities",
        }
    }
}

impl std::fmt::Display for SetupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Input(error) => error.fmt(f),
            Self::Authorities(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SetupError {}

impl From<InputError> for SetupError {
    fn from(error: InputError) -> Self {
        Self::Input(error)
    }
}

impl ClientBuilder {
    pub(super) fn new(api_key: ApiKey, server_url: &str) -> Self {
        Self { config: Config::new(api_key, server_url), authorities: Vec::new(), transport: None }
    }

    fn configure(mut self, change: impl FnOnce(Config) -> Result<Config, InputError>) -> Self {
        self.config = self.config.and_then(change);
        self
    }

    /// Names the program in events (S-003); at most 128 bytes.
    pub fn app_name(self, name: &str) -> Self {
        self.configure(|config| config.app_name(name))
    }

    /// Replaces the rules for credentials, for every call (S-020).
    pub fn validators(self, validators: Validators) -> Self {
        self.configure(|config| Ok(config.validators(validators)))
    }

    /// How long one exchange with the broker may take; 60 seconds unless set.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.configure(|config| Ok(config.deadline(deadline)))
    }

    /// Stretches passwords by `policy`.
    #[cfg(feature = "testing")]
    pub fn kdf_policy(self, policy: absio_proto::crypto::KdfPolicy) -> Self {
        self.configure(|config| Ok(config.kdf_policy(policy)))
    }

    /// Trusts the certificate authorities in `pem` instead of the usual ones.
    pub fn authorities_pem(mut self, pem: &[u8]) -> Self {
        self.authorities.extend_from_slice(pem);
        self.authorities.push(b'\n');
        self
    }

    /// Sends by `transport` instead of [`HttpTransport`]: another HTTP client, or a broker in this
    /// process. The authorities are then the transport's affair.
    pub fn transport(mut self, transport: impl Transport + Send + Sync + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SetupError`] for the first argument that is not usable.
    pub fn build(self) -> Result<Client, SetupError> {
        let config = self.config?;
        let transport: Arc<dyn Transport + Send + Sync> = match self.transport {
            Some(transport) => transport,
            None if self.authorities.is_empty() => Arc::new(HttpTransport::new()),
            None => {
                let builder = HttpTransport::builder().authority_pem(&self.authorities);
                Arc::new(builder.map_err(SetupError::Authorities)?.build())
            }
        };
        Ok(Client { host: Arc::new(BlockingHost::new(Session::new(config), transport)) })
    }
}
