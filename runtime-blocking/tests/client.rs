//! The client: set-up, and what it refuses before anything is sent.
#![allow(clippy::unwrap_used)]

use absio_blocking::{Client, SetupError};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError, TransportErrorKind};
use absio_proto::model::{ApiKey, ContainerId, Credentials, EventFilter, Portion, UserId, Validators};
use absio_proto::ops::user::LoginWith;
use absio_proto::{Error, InputError};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SERVER: &str = "https://broker.example";

fn api_key() -> ApiKey {
    ApiKey::from_bytes([1; 16])
}

/// A network that is down, and counts who tried it.
#[derive(Clone, Default)]
struct Down(Arc<AtomicUsize>);

impl Transport for Down {
    fn exchange(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err(TransportError::new(TransportErrorKind::Unreachable, "down"))
    }
}

#[test]
fn s002_set_up_names_the_argument_that_is_wrong() {
    let code =
        |builder: absio_blocking::ClientBuilder| builder.build().map(|_| ()).map_err(|error| error.code());
    assert_eq!(code(Client::builder(api_key(), SERVER)), Ok(()));
    assert_eq!(code(Client::builder(api_key(), "http://broker.example")), Err("invalid_server_url"));
    assert_eq!(code(Client::builder(api_key(), SERVER).app_name(&"x".repeat(129))), Err("too_large"));
    assert_eq!(code(Client::builder(api_key(), SERVER).authorities_pem(b"none")), Err("invalid_authorities"));
    // The first fault counts, whatever follows.
    let faults = Client::builder(api_key(), "ftp://x").app_name(&"x".repeat(129));
    assert!(matches!(faults.build(), Err(SetupError::Input(InputError::InvalidServerUrl { .. }))));
}

#[test]
fn s008_s015_nothing_is_sent_without_a_user_or_a_secret() {
    let network = Down::default();
    let client = Client::builder(api_key(), SERVER).transport(network.clone()).build().unwrap();
    let (user, container) = (UserId::from_bytes([2; 16]), ContainerId::from_bytes([3; 16]));
    let nobody = |error: Error| matches!(error, Error::Input(InputError::NotAuthenticated));
    assert!(nobody(client.container().get(container, Portion::All).unwrap_err()));
    assert!(nobody(client.container().delete(container).unwrap_err()));
    assert!(nobody(client.container().list().unwrap_err()));
    assert!(nobody(client.events(EventFilter::default()).unwrap_err()));
    assert!(nobody(client.key_file().checksum(None).unwrap_err()));
    assert!(nobody(client.user().delete().unwrap_err()));
    let refused = client.login(user, LoginWith::nothing()).unwrap_err();
    assert_eq!(refused.code(), "credentials_required");
    let refused = client.login(user, LoginWith::nothing().password("Password 1")).unwrap_err();
    assert_eq!(refused.code(), "passphrase_required");
    client.logout().unwrap();
    assert!(client.signed_in().is_none() && !client.is_authenticated());
    assert_eq!(network.0.load(Ordering::SeqCst), 0);
}

#[test]
fn s020_s021_validators_of_the_client_and_of_one_call() {
    let network = Down::default();
    let builder =
        || Client::builder(api_key(), SERVER).transport(network.clone()).deadline(Duration::from_secs(1));
    let weak = || Credentials::new("a", "b");
    let strict = builder().build().unwrap();
    assert_eq!(strict.user().create(weak()).unwrap_err().code(), "credential_refused");
    assert_eq!(network.0.load(Ordering::SeqCst), 0);
    let refuse_all = Validators { reminder: Arc::new(|_| false), ..Validators::default() };
    let good = Credentials::new("Password 1", "Passphrase 2");
    let refused = strict.user().create_validated_by(good, refuse_all).unwrap_err();
    assert_eq!(refused, InputError::CredentialRefused { field: "reminder" }.into());
}
