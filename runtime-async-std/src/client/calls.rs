//! Signing in and out, events, and any operation there is.

use super::{Client, ClientBuilder, Containers, KeyFiles, Users};
use crate::host::NoContent;
use absio_proto::driver::nonblocking::Content;

absio_proto::client_methods! { [async] [.await] absio_async_std [&mut (impl Content + Send)] }
