//! Performing a broker's operations on the calling thread: store, clock, randomness.

use absio_proto::driver::blocking::{self, Store};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome,
    TransportError, TransportErrorKind,
};
use absio_proto::{Cx, Entropy, Error, Now, Operation};
#[cfg(feature = "http")]
use absio_store::system::Machine;
pub use absio_store::system::{SystemClock, SystemEntropy};
use core::cell::RefCell;
use core::time::Duration;

/// The time, and waiting.
pub trait Clock: Send + Sync {
    /// Both clocks.
    fn now(&self) -> Now;

    /// Waits.
    fn sleep(&self, duration: Duration);
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Self::now(self)
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

#[cfg(feature = "http")]
impl Clock for Machine {
    fn now(&self) -> Now {
        Self::now(self)
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// One operation's host: lends `state` and performs effects. Brokers make no HTTP requests and have
/// no content of their own.
pub(crate) struct LocalHost<'a, S, T> {
    pub(crate) store: &'a T,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) lent: RefCell<(S, &'a mut dyn Entropy)>,
}

impl<'a, S, T: Store> LocalHost<'a, S, T> {
    pub(crate) fn new(store: &'a T, clock: &'a dyn Clock, state: S, entropy: &'a mut dyn Entropy) -> Self {
        Self { store, clock, lent: RefCell::new((state, entropy)) }
    }
}

impl<S, T: Store> blocking::Host<S> for LocalHost<'_, S, T> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, S>) -> R) -> R {
        let mut lent = self.lent.borrow_mut();
        let (session, entropy) = &mut *lent;
        turn(&mut Cx { now: self.clock.now(), entropy: *entropy, session })
    }

    fn exchange(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
        Err(TransportError::new(TransportErrorKind::Invalid, "a broker makes no requests"))
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.store.apply(op)
    }

    fn content(&self, _op: ContentOp) -> Result<ContentOutcome, ContentError> {
        Err(ContentError { reason: "a broker has no content of its own".into() })
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
    }
}

/// Runs an operation that needs no state on `store`, by the machine's clock and randomness.
pub(crate) fn run_alone<O: Operation<()>>(store: &impl Store, mut operation: O) -> Result<O::Output, Error> {
    let clock = SystemClock::new();
    let mut entropy = SystemEntropy;
    blocking::run(&mut operation, &LocalHost::new(store, &clock, (), &mut entropy))
}
