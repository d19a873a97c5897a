//! Setting up a client.

use super::Client;
use super::default_transport::default_transport;
use super::store::{Chosen, open};
use crate::host::{BlockingHost as Host, SharedTransport};
use crate::transport::TransportSetupError;
use absio_proto::driver::blocking::{Store, Transport};

absio_proto::setup_error! {}

absio_proto::builder_methods! {
    /// Gathers what a [`Client`] needs.
    [] []
}
