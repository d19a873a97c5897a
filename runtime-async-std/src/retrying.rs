//! A transport that sends again what may be sent again.

use absio_proto::driver::nonblocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError};
use absio_proto::transport::{Next, RetryPolicy};
use async_io::Timer;
use std::time::Instant;

/// A transport around another one that sends a request again when its [`RetryPolicy`] allows it, and
/// waits in between. [`RetryPolicy`] tells what the core repeats by itself, and who needs more.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # smol::block_on(async {
/// use absio_async_std::{Client, Retrying, Unblocked};
/// use absio_broker::Fixture;
/// use absio_proto::transport::RetryPolicy;
///
/// let broker = Fixture::new(); // in a program, an HTTP client
/// let patient = Retrying::new(Unblocked::new(broker.clone()), RetryPolicy::new().attempts(6));
/// let client = Client::builder(broker.api_key(), broker.origin()).transport(patient).build().await?;
/// assert_eq!(client.info().await?.protocol, 1);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Clone)]
pub struct Retrying<T> {
    transport: T,
    policy: RetryPolicy,
}

impl<T> Retrying<T> {
    /// Sends by `transport`, as often as `policy` allows.
    pub const fn new(transport: T, policy: RetryPolicy) -> Self {
        Self { transport, policy }
    }
}

impl<T: Transport + Sync> Transport for Retrying<T> {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let started = Instant::now();
        let mut attempts = self.policy.begin(request);
        loop {
            let outcome = self.transport.exchange(attempts.request(started.elapsed())).await;
            match attempts.after(outcome, started.elapsed()) {
                Next::Pause(pause) => {
                    Timer::after(pause).await;
                }
                Next::Done(outcome) => return outcome,
            }
        }
    }
}
