//! What makes the stores under test, and what it declares of them.

use super::asking::{Answer, Question};
use absio_proto::driver::{blocking, nonblocking};
use absio_proto::effect::{StoreError, StoreErrorKind, StoreOutcome};
use blocking::Store as _;
use nonblocking::Store as _;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the author of a store says that it can do. What is not declared is not checked, and the cases are
/// shown as skipped; what is declared must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// What was committed, sealed or written is there after the store was closed and opened again.
    pub durable: bool,
    /// It can be told how much room it has.
    pub bounded: bool,
    /// Many threads or tasks may use it at once.
    pub concurrent: bool,
}

impl Capabilities {
    /// All of them.
    pub const ALL: Self = Self { durable: true, bounded: true, concurrent: true };
}

/// Makes the stores of threads that are under test.
pub trait Backend: Sync {
    /// The store.
    type Store: blocking::Store + Send + Sync;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// An empty store, apart from all others.
    fn fresh(&self) -> Self::Store;

    /// Closes `store` and opens what it kept. Asked of durable stores only.
    fn reopen(&self, store: Self::Store) -> Option<Self::Store> {
        let _ = store;
        None
    }

    /// An empty store that has room for about `bytes`. Asked of bounded stores only.
    fn with_room_for(&self, bytes: u64) -> Option<Self::Store> {
        let _ = bytes;
        None
    }
}

/// Makes the stores of tasks that are under test.
pub trait AsyncBackend {
    /// The store.
    type Store: nonblocking::Store;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Runs `future` to its end, on whatever executor the store needs.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> T;

    /// An empty store, apart from all others.
    fn fresh(&self) -> Self::Store;

    /// Closes `store` and opens what it kept. Asked of durable stores only.
    fn reopen(&self, store: Self::Store) -> Option<Self::Store> {
        let _ = store;
        None
    }

    /// An empty store that has room for about `bytes`. Asked of bounded stores only.
    fn with_room_for(&self, bytes: u64) -> Option<Self::Store> {
        let _ = bytes;
        None
    }
}

/// The store that a case has at the moment.
struct Place<S>(Mutex<Option<Arc<S>>>);

impl<S> Place<S> {
    fn new(store: S) -> Self {
        Self(Mutex::new(Some(Arc::new(store))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<S>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> Result<Arc<S>, StoreError> {
        self.lock().clone().ok_or_else(|| lacking("the store was closed and did not open again"))
    }

    /// Takes the store away, which nobody else may use at the moment.
    fn take(&self) -> Result<S, StoreError> {
        let store = self.lock().take().and_then(|store| Arc::try_unwrap(store).ok());
        store.ok_or_else(|| lacking("the store is in use, it cannot be closed"))
    }

    fn replace(&self, store: Option<S>, lack: &str) -> Answer {
        *self.lock() = Some(Arc::new(store.ok_or_else(|| lacking(lack))?));
        Ok(StoreOutcome::Done)
    }
}

fn lacking(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, what)
}

const NOT_DURABLE: &str =
    "the backend declares that it is durable, but gave no store when asked to reopen one";
const NOT_BOUNDED: &str = "the backend declares that it is bounded, but gave no store with that room";

/// A backend with the store of one case.
pub(super) struct Bench<'b, B: Backend> {
    backend: &'b B,
    place: Place<B::Store>,
}

impl<'b, B: Backend> Bench<'b, B> {
    pub(super) fn new(backend: &'b B) -> Self {
        Self { backend, place: Place::new(backend.fresh()) }
    }

    pub(super) fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Op(op) => self.place.store()?.apply(op),
            Question::Fresh => self.place.replace(Some(self.backend.fresh()), ""),
            Question::WithRoomFor(bytes) => {
                self.place.replace(self.backend.with_room_for(bytes), NOT_BOUNDED)
            }
            Question::Reopen => {
                let store = self.place.take()?;
                self.place.replace(self.backend.reopen(store), NOT_DURABLE)
            }
        }
    }
}

/// The same for tasks.
pub(super) struct AsyncBench<'b, B: AsyncBackend> {
    backend: &'b B,
    place: Place<B::Store>,
}

impl<'b, B: AsyncBackend> AsyncBench<'b, B> {
    pub(super) fn new(backend: &'b B) -> Self {
        Self { backend, place: Place::new(backend.fresh()) }
    }

    pub(super) async fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Op(op) => {
                let store = self.place.store()?;
                store.apply(op).await
            }
            Question::Fresh => self.place.replace(Some(self.backend.fresh()), ""),
            Question::WithRoomFor(bytes) => {
                self.place.replace(self.backend.with_room_for(bytes), NOT_BOUNDED)
            }
            Question::Reopen => {
                let store = self.place.take()?;
                self.place.replace(self.backend.reopen(store), NOT_DURABLE)
            }
        }
    }
}
