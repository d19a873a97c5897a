//! A blank broker in the same process, in one line: for tests of anything that talks to a broker.
//!
//! ```
//! use absio_broker::Fixture;
//! use absio_proto::driver::blocking::Transport;
//! use absio_proto::effect::{HttpRequest, Method};
//!
//! let fixture = Fixture::new();
//! let answer = fixture.exchange(HttpRequest {
//!     method: Method::Get,
//!     origin: fixture.origin().into(),
//!     path: "/v1/info".into(),
//!     headers: Vec::new(),
//!     body: Default::default(),
//!     deadline: std::time::Duration::from_secs(1),
//!     max_response: 4096,
//! });
//! assert_eq!(answer.unwrap().status, 200);
//! ```

use crate::handler::Handler;
use crate::host::{Clock, LocalHost, SystemClock, SystemEntropy};
use crate::rate_limit::RateLimit;
use crate::state::{BrokerConfig, BrokerState};
use crate::{CreateApiKey, Housekeeping, Open, Sweep, Swept};
use absio_proto::driver::blocking::{self, Store, Transport};
use absio_proto::effect::{
    HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome, TransportError, TransportErrorKind,
};
use absio_proto::model::{ApiKey, Timestamp};
use absio_proto::{Entropy, EntropyError, Guard, Now, Operation};
use absio_store::MemoryStore;
use core::time::Duration;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha384;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The fixture's origin: loopback, so that plain HTTP is allowed.
const ORIGIN: &str = "http://localhost:8600";
/// The fake clock begins here: 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// A clock that stands still until it is set. Waiting moves it on at once.
#[derive(Clone)]
pub struct FakeClock(Arc<Mutex<Now>>);

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeClock {
    /// A clock that stands at 2026-01-01T00:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Now { utc: START, monotonic: Duration::from_secs(1_000_000) })))
    }

    /// Lets `duration` pass.
    pub fn advance(&self, duration: Duration) {
        let mut now = locked(&self.0);
        now.monotonic += duration;
        now.utc = now.utc.plus_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    }

    /// Sets the wall clock, forwards or backwards.
    pub fn set(&self, utc: Timestamp) {
        locked(&self.0).utc = utc;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Now {
        *locked(&self.0)
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
        std::thread::yield_now();
    }
}

/// One exchange as it went over the fixture's wire.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was sent.
    pub request: HttpRequest,
    /// What came back.
    pub outcome: Result<HttpResponse, TransportError>,
}

/// What a fault hook does with a request.
pub enum Fault {
    /// Nothing: the broker answers.
    None,
    /// The request never arrives.
    Drop(TransportErrorKind),
    /// The broker carries the request out, but its answer is lost.
    LoseAnswer(TransportErrorKind),
    /// This is answered in the broker's place.
    Answer(HttpResponse),
    /// The broker's answer is altered on the way.
    Alter(Box<dyn FnOnce(&mut HttpResponse) + Send>),
}

type Hook = Box<dyn FnMut(&HttpRequest) -> Fault + Send>;

struct Wires {
    entropy: Box<dyn Entropy + Send>,
    stopped: bool,
    requests: u64,
    recording: Option<Vec<Exchange>>,
    hook: Option<Hook>,
    queued: VecDeque<Fault>,
    peer: Option<IpAddr>,
}

struct Inner<S> {
    store: S,
    clock: FakeClock,
    state: BrokerState,
    api_key: ApiKey,
    wires: Mutex<Wires>,
}

/// A broker in the same process. A clone is another handle on the same broker; it is a [`Transport`].
pub struct Fixture<S = MemoryStore>(Arc<Inner<S>>);

impl<S> Clone for Fixture<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Fixture {
    /// A blank broker in memory, with an API key, the operating system's randomness and a
    /// [`FakeClock`].
    ///
    /// # Panics
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn new() -> Self {
        Self::on(MemoryStore::new(), SystemEntropy)
    }

    /// As [`new`](Self::new), with the clock set to the present: for clients that go by the system's.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn at_present() -> Self {
        let fixture = Self::new();
        fixture.clock().set(SystemClock::new().now().utc);
        fixture
    }

    /// The same with randomness made from `seed`: the same requests give the same answers.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::on(MemoryStore::new(), SeededEntropy::new(seed))
    }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Store> Fixture<S> {
    /// A broker on `store`: blank if the store is.
    ///
    /// # Panics
    /// If the store or the randomness fails.
    #[must_use]
    pub fn on(store: S, entropy: impl Entropy + Send + 'static) -> Self {
        Self::configured(store, entropy, Self::config())
    }

    /// The configuration of fixtures: rate limits wide enough not to be met by chance.
    #[must_use]
    pub fn config() -> BrokerConfig {
        let wide = RateLimit { attempts: 100_000, period: Duration::from_secs(60) };
        BrokerConfig {
            retrievals_per_user: wide,
            retrievals_per_address: wide,
            ..BrokerConfig::new(vec![ORIGIN.into()])
        }
    }

    /// A broker on `store` with a configuration of its own.
    ///
    /// # Panics
    /// If the store or the randomness fails.
    #[must_use]
    pub fn configured(store: S, mut entropy: impl Entropy + Send + 'static, config: BrokerConfig) -> Self {
        let clock = FakeClock::new();
        let (state, api_key) = {
            let host = LocalHost::new(&store, &clock, (), &mut entropy);
            let state = blocking::run(&mut Open::new(config), &host).expect("the fixture's store opens");
            let api_key = blocking::run(&mut CreateApiKey::new("fixture"), &host)
                .expect("the fixture's store takes a key");
            (state, api_key)
        };
        let wires = Wires {
            entropy: Box::new(entropy),
            stopped: false,
            requests: 0,
            recording: None,
            hook: None,
            queued: VecDeque::new(),
            peer: None,
        };
        Self(Arc::new(Inner { store, clock, state, api_key, wires: Mutex::new(wires) }))
    }

    /// An API key of this broker.
    #[must_use]
    pub fn api_key(&self) -> ApiKey {
        self.0.api_key
    }

    /// The origin clients must be configured with.
    #[must_use]
    pub fn origin(&self) -> &'static str {
        ORIGIN
    }

    /// The broker's clock.
    #[must_use]
    pub fn clock(&self) -> &FakeClock {
        &self.0.clock
    }

    /// The broker's store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.0.store
    }

    /// Requests sent so far, answered or not.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.wires().requests
    }

    /// Whether the broker is down: requests are [`TransportErrorKind::Unreachable`] until it is up again.
    pub fn set_stopped(&self, stopped: bool) {
        self.wires().stopped = stopped;
    }

    /// The address that requests seem to come from; none at first.
    pub fn set_peer(&self, peer: Option<IpAddr>) {
        self.wires().peer = peer;
    }

    /// Begins to record every exchange, secrets and all.
    pub fn record(&self) {
        self.wires().recording = Some(Vec::new());
    }

    /// What was recorded since [`record`](Self::record); recording goes on.
    #[must_use]
    pub fn recorded(&self) -> Vec<Exchange> {
        self.wires().recording.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// The next request without a fault yet meets this one.
    pub fn fault_next(&self, fault: Fault) {
        self.wires().queued.push_back(fault);
    }

    /// Asks `hook` what to do with every request from now on. It runs before the broker, and must
    /// not call the fixture.
    pub fn set_hook(&self, hook: impl FnMut(&HttpRequest) -> Fault + Send + 'static) {
        self.wires().hook = Some(Box::new(hook));
    }

    /// Asks no hook any more.
    pub fn clear_hook(&self) {
        self.wires().hook = None;
    }

    /// Removes what has expired, as the server does from time to time.
    ///
    /// # Panics
    /// If the store fails.
    pub fn housekeep(&self) -> Swept {
        self.run(Housekeeping::new()).expect("the fixture's store works")
    }

    /// Removes blobs that nothing refers to, as the server does when it starts.
    ///
    /// # Panics
    /// If the store fails.
    pub fn sweep(&self) -> Swept {
        self.run(Sweep::new()).expect("the fixture's store works")
    }

    fn run<O: Operation<BrokerState>>(&self, operation: O) -> Result<O::Output, absio_proto::Error> {
        let mut entropy = SharedEntropy(&self.0.wires);
        let host = LocalHost::new(&self.0.store, &self.0.clock, self.0.state.clone(), &mut entropy);
        blocking::run(&mut Guard::new(operation), &host)
    }

    fn wires(&self) -> MutexGuard<'_, Wires> {
        locked(&self.0.wires)
    }

    fn answer(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (max, peer) = (request.max_response, self.wires().peer);
        if request.origin != ORIGIN {
            return Err(TransportError::new(
                TransportErrorKind::Unreachable,
                "nobody answers at this origin",
            ));
        }
        let response = self
            .run(Handler::new(request, peer))
            .map_err(|error| TransportError::new(TransportErrorKind::Interrupted, error.to_string()))?;
        if response.body.len() as u64 > max {
            return Err(TransportError::new(TransportErrorKind::TooLarge, "the response is over its limit"));
        }
        Ok(response)
    }

    fn suffer(&self, request: HttpRequest, fault: Fault) -> Result<HttpResponse, TransportError> {
        let lost = |kind| TransportError::new(kind, "a fault of the fixture");
        match fault {
            Fault::None => self.answer(request),
            Fault::Drop(kind) => Err(lost(kind)),
            Fault::LoseAnswer(kind) => self.answer(request).and(Err(lost(kind))),
            Fault::Answer(response) => Ok(response),
            Fault::Alter(alter) => self.answer(request).map(|mut response| {
                alter(&mut response);
                response
            }),
        }
    }
}

impl<S: Store> Transport for Fixture<S> {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let fault = {
            let mut wires = self.wires();
            wires.requests += 1;
            if wires.stopped {
                Fault::Drop(TransportErrorKind::Unreachable)
            } else {
                match (wires.queued.pop_front(), &mut wires.hook) {
                    (Some(fault), _) => fault,
                    (None, Some(hook)) => hook(&request),
                    (None, None) => Fault::None,
                }
            }
        };
        let recording = self.wires().recording.is_some().then(|| request.clone());
        let outcome = self.suffer(request, fault);
        if let Some(request) = recording
            && let Some(recorded) = &mut self.wires().recording
        {
            recorded.push(Exchange { request, outcome: outcome.clone() });
        }
        outcome
    }
}

/// Lets code that takes a store look into the broker's.
impl<S: Store> Store for Fixture<S> {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.0.store.apply(op)
    }
}

/// The fixture's randomness, locked for one draw at a time.
struct SharedEntropy<'a>(&'a Mutex<Wires>);

impl Entropy for SharedEntropy<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        locked(self.0).entropy.fill(buffer)
    }
}

/// Randomness that a seed repeats. Only for tests.
#[derive(Clone)]
pub struct SeededEntropy {
    seed: u64,
    drawn: u64,
}

impl SeededEntropy {
    /// The bytes that `seed` stands for.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in buffer.chunks_mut(48) {
            let mut mac =
                Hmac::<Sha384>::new_from_slice(&self.seed.to_be_bytes()).expect("HMAC takes any key");
            mac.update(&self.drawn.to_be_bytes());
            self.drawn += 1;
            chunk.copy_from_slice(&mac.finalize().into_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
