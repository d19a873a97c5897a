//! Which provider answers, and how: for a client, a block, or a call.

use super::Client;
use crate::reports::{Reports, reports};
use std::path::Path;
use std::sync::Arc;

absio_proto::scope_methods! { [async] [.await] absio_async_std AsyncFnOnce }
