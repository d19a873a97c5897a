//! A transport that sends again what may be sent again.

use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError};
use absio_proto::transport::{Next, RetryPolicy};
use std::thread;
use std::time::Instant;

/// A transport around another one that sends a request again when its [`RetryPolicy`] allows it, and
/// sleeps in between. [`RetryPolicy`] tells what the core repeats by itself, and who needs more.
///
/// ```no_run
/// use absio_blocking::{Client, HttpTransport, Retrying};
/// use absio_proto::transport::RetryPolicy;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let patient = Retrying::new(HttpTransport::new(), RetryPolicy::new().attempts(6));
/// let api_key = "1d4c568b-e762-4284-b14e-167cc4776026".parse()?;
/// let client = Client::builder(api_key, "https://broker.example").transport(patient).build()?;
/// # Ok(())
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

impl<T: Transport> Transport for Retrying<T> {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let started = Instant::now();
        let mut attempts = self.policy.begin(request);
        loop {
            let outcome = self.transport.exchange(attempts.request(started.elapsed()));
            match attempts.after(outcome, started.elapsed()) {
                Next::Pause(pause) => thread::sleep(pause),
                Next::Done(outcome) => return outcome,
            }
        }
    }
}
