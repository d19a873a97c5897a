//! Setting up a client.

use super::Client;
use super::default_transport::default_transport;
use super::store::{Chosen, open};
use crate::host::AsyncHost as Host;
use crate::shared::SharedTransport;
use crate::transport::TransportSetupError;
use absio_proto::driver::nonblocking::{Store, Transport};

absio_proto::setup_error! {}

absio_proto::builder_methods! {
    /// Gathers what a [`Client`] needs. Transports and stores that block are given as
    /// [`Unblocked`](crate::Unblocked).
    [async] [.await]
}
