//! Whether a request that got no answer may be sent again, and when.

use crate::effect::{HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
use crate::wire::{IDEMPOTENCY_KEY, Route};
use core::time::Duration;

/// Decides whether a request that got no answer is sent again. It is a pure decision: whoever can wait
/// (`Retrying` of a runtime) asks it, waits, and sends.
///
/// # What the core repeats by itself
///
/// Most programs need no policy. An operation sends a request at most three times, with pauses of 100 and
/// 500 milliseconds or what the broker asks for up to ten seconds:
///
/// - after an answer that was [`Interrupted`](TransportErrorKind::Interrupted), if a second arrival is
///   harmless;
/// - after a [`TimedOut`](TransportErrorKind::TimedOut) change, which has an idempotency key;
/// - after the broker's word that it is busy (429, 503), whatever the request.
///
/// It never repeats one that found nobody ([`Unreachable`](TransportErrorKind::Unreachable)): a laptop
/// without a network is told at once. A policy is for programs that would rather wait: a device that
/// changes from one network to another, a service whose broker is started anew, a name that resolves
/// late. Its attempts multiply with the core's three.
///
/// # What a policy repeats
///
/// - [`Unreachable`](TransportErrorKind::Unreachable): nothing was sent, so any request may be.
/// - [`Interrupted`](TransportErrorKind::Interrupted) and [`TimedOut`](TransportErrorKind::TimedOut), if a
///   second arrival [is harmless](Self::is_harmless).
/// - Nothing else. [`Tls`](TransportErrorKind::Tls) is somebody in between, or a clock that is wrong: to
///   knock again helps nobody. Any response is an answer, whatever its status: the core reads it.
///
/// All attempts together end within the request's own deadline: each is given what is left of it. So a
/// request that timed out is repeated only if the transport gave up before.
///
/// Pauses double from the first to the longest. There is no chance in them, as there is none in the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    budget: Duration,
}

impl RetryPolicy {
    /// Four attempts, pauses from a quarter of a second to four seconds, none begun after 30 seconds.
    pub const fn new() -> Self {
        Self {
            attempts: 4,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(4),
            budget: Duration::from_secs(30),
        }
    }

    /// At most this many attempts, the first one counted. Zero is one.
    pub const fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// The pause after the first attempt, and the longest one.
    pub const fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first_pause: first, longest_pause: longest, ..self }
    }

    /// No attempt begins when this much time has passed since the first began.
    pub const fn budget(self, budget: Duration) -> Self {
        Self { budget, ..self }
    }

    /// Whether the broker may meet `request` a second time with no other effect than the first: it reads,
    /// it carries an idempotency key, or it puts a part of an upload in its place.
    #[must_use]
    pub fn is_harmless(request: &HttpRequest) -> bool {
        let is_part = || matches!(Route::parse(request.method, &request.path), Ok(Route::PutPart { .. }));
        request.method == Method::Get || has_key(request) || is_part()
    }

    /// The pause before `request` may be sent again, or none if it must not be.
    ///
    /// `attempt` is the number of attempts so far (1 after the first), `elapsed` the time since the first
    /// of them began.
    #[must_use]
    pub fn pause_after(
        &self,
        request: &HttpRequest,
        error: TransportErrorKind,
        attempt: u32,
        elapsed: Duration,
    ) -> Option<Duration> {
        let may_repeat = match error {
            TransportErrorKind::Unreachable => true,
            TransportErrorKind::Interrupted | TransportErrorKind::TimedOut => Self::is_harmless(request),
            TransportErrorKind::Tls | TransportErrorKind::TooLarge | TransportErrorKind::Invalid => false,
        };
        let doubled = 2u32.saturating_pow(attempt.saturating_sub(1));
        let pause = self.first_pause.saturating_mul(doubled).min(self.longest_pause);
        let begins = elapsed.saturating_add(pause);
        let in_time = begins < self.budget && begins < request.deadline;
        (may_repeat && attempt < self.attempts && in_time).then_some(pause)
    }

    /// Begins to send `request`.
    pub const fn begin(self, request: HttpRequest) -> Attempts {
        Attempts { policy: self, request, made: 0, lost: None }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// The attempts at one request. A wrapper of a runtime is this loop, and its twin for tasks has two
/// `await`s in it:
///
/// ```
/// # use absio_proto::driver::blocking::Transport;
/// # use absio_proto::effect::{HttpRequest, HttpResponse, TransportError};
/// # use absio_proto::transport::{Next, RetryPolicy};
/// # use std::time::Duration;
/// fn exchange(
///     transport: &impl Transport,
///     policy: RetryPolicy,
///     request: HttpRequest,
///     elapsed: impl Fn() -> Duration,
///     sleep: impl Fn(Duration),
/// ) -> Result<HttpResponse, TransportError> {
///     let mut attempts = policy.begin(request);
///     loop {
///         let outcome = transport.exchange(attempts.request(elapsed()));
///         match attempts.after(outcome, elapsed()) {
///             Next::Pause(pause) => sleep(pause),
///             Next::Done(outcome) => return outcome,
///         }
///     }
/// }
/// ```
#[must_use]
pub struct Attempts {
    policy: RetryPolicy,
    request: HttpRequest,
    made: u32,
    /// Why a change that may have been made got no answer.
    lost: Option<TransportError>,
}

/// What follows an attempt.
#[must_use]
pub enum Next {
    /// Wait this long, and send [`Attempts::request`] again.
    Pause(Duration),
    /// That is the outcome.
    Done(Result<HttpResponse, TransportError>),
}

impl Attempts {
    /// What to send when this much time has passed since the first attempt began: the request, with what
    /// is left of its deadline.
    #[must_use]
    pub fn request(&self, elapsed: Duration) -> HttpRequest {
        let mut request = self.request.clone();
        request.deadline = request.deadline.saturating_sub(elapsed);
        request
    }

    /// What follows `outcome`, when this much time has passed since the first attempt began.
    pub fn after(&mut self, outcome: Result<HttpResponse, TransportError>, elapsed: Duration) -> Next {
        self.made = self.made.saturating_add(1);
        let error = match outcome {
            // That somebody is busy or broken now says nothing of an earlier attempt.
            Ok(HttpResponse { status: 429 | 500..=599, .. }) if self.lost.is_some() => {
                return Next::Done(self.lost.take().map_or(outcome, Err));
            }
            Ok(response) => return Next::Done(Ok(response)),
            Err(error) => error,
        };
        if let Some(pause) = self.policy.pause_after(&self.request, error.kind, self.made, elapsed) {
            if error.is_ambiguous() && has_key(&self.request) {
                self.lost = Some(error);
            }
            return Next::Pause(pause);
        }
        // Nothing was sent this time; but it may have been before, and the caller must know.
        let lost = self.lost.take().filter(|_| !error.is_ambiguous());
        Next::Done(Err(lost.unwrap_or(error)))
    }
}

fn has_key(request: &HttpRequest) -> bool {
    request.headers.iter().any(|(name, _)| name == IDEMPOTENCY_KEY)
}
