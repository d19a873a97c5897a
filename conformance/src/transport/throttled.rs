//! The transport with a speed and a delay.

use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError, TransportErrorKind};
use std::time::Duration;

/// A transport around another one on a line that carries so many bytes a second, each way, after a
/// delay. It waits by a closure: `std::thread::sleep` for a person who watches, the test's own clock for
/// a test. The request's deadline holds: what would take longer ends in
/// [`TimedOut`](TransportErrorKind::TimedOut), before it arrives or after, as it would.
///
/// Bodies and headers count as they are, without what HTTP puts around them. Exchanges at the same time
/// do not share the line.
pub struct Throttled<T> {
    transport: T,
    bytes_per_second: u64,
    latency: Duration,
    sleep: Box<dyn Fn(Duration) + Send + Sync>,
}

impl<T> Throttled<T> {
    /// Sends by `transport`, at most `bytes_per_second` each way (0 is 1); waits by `sleep`.
    pub fn new(
        transport: T,
        bytes_per_second: u64,
        sleep: impl Fn(Duration) + Send + Sync + 'static,
    ) -> Self {
        let bytes_per_second = bytes_per_second.max(1);
        Self { transport, bytes_per_second, latency: Duration::ZERO, sleep: Box::new(sleep) }
    }

    /// A way there and back takes this much longer.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// The transport inside.
    pub const fn inner(&self) -> &T {
        &self.transport
    }

    /// The time that so many bytes take.
    fn time(&self, headers: &[(String, String)], body: &[u8]) -> Duration {
        let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let bytes = (headers + body.len()) as u64;
        let (seconds, rest) = (bytes / self.bytes_per_second, bytes % self.bytes_per_second);
        let nanos = u128::from(rest) * 1_000_000_000 / u128::from(self.bytes_per_second);
        Duration::new(seconds, u32::try_from(nanos).unwrap_or(0))
    }

    /// Lets `needed` pass, or what is left of `left`.
    fn pass(&self, needed: Duration, left: &mut Duration) -> Result<(), TransportError> {
        (self.sleep)(needed.min(*left));
        if needed > *left {
            let reason = "the line is too slow for the deadline";
            return Err(TransportError::new(TransportErrorKind::TimedOut, reason));
        }
        *left -= needed;
        Ok(())
    }
}

impl<T: Transport> Transport for Throttled<T> {
    fn exchange(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut left = request.deadline;
        let there = self.time(&request.headers, &request.body).saturating_add(self.latency / 2);
        self.pass(there, &mut left)?;
        request.deadline = left;
        let outcome = self.transport.exchange(request);
        let back = outcome.as_ref().map_or(Duration::ZERO, |response| {
            self.time(&response.headers, &response.body).saturating_add(self.latency / 2)
        });
        self.pass(back, &mut left)?;
        outcome
    }
}
