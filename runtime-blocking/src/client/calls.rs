//! Signing in and out, events, and any operation there is.

use super::{Client, ClientBuilder, Containers, KeyFiles, Users};
use crate::host::NoContent;
use absio_proto::driver::blocking::Content;

absio_proto::client_methods! { [] [] absio_blocking [&mut dyn Content] }
