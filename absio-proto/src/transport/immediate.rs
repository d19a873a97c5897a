//! A transport that never waits, for tasks.

use crate::driver::{blocking, nonblocking};
use crate::effect::{HttpRequest, HttpResponse, TransportError};
use core::future::{Future, ready};

/// Makes a blocking transport that answers at once (a broker in this process,
/// [`Replaying`](super::Replaying)) a transport for tasks. The whole exchange happens when it is asked
/// for, before the future is polled. Around one that waits for a network it would hold up the executor.
#[derive(Clone, Debug)]
pub struct Immediate<T>(pub T);

impl<T: blocking::Transport + Sync> nonblocking::Transport for Immediate<T> {
    fn exchange(
        &self,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send {
        ready(self.0.exchange(request))
    }
}
