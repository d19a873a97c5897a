//! People at a broker: the real client operations over the real broker, in one process, on one
//! clock that the test moves.

use absio_broker::{Clock, Fixture, SeededEntropy};
use absio_proto::crypto::KdfPolicy;
use absio_proto::crypto::container::Container;
use absio_proto::driver::blocking::{Content, Host, Store, Transport, run};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreErrorKind, StoreOp,
    StoreOutcome, TransportError, TransportErrorKind,
};
use absio_proto::model::{
    AccessList, ContainerId, Credentials, Event, EventFilter, Grant, Permissions, Portion, Timestamp, UserId,
};
use absio_proto::ops::container::{Changed, Create, Delete, Get, Update};
use absio_proto::ops::events;
use absio_proto::ops::user::{self, Login, LoginWith};
use absio_proto::{Config, Cx, Error, Guard, Operation, RemoteCode, Session, User};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

pub const PASSWORD: &str = "Correct horse 1";
pub const PASSPHRASE: &str = "Battery staple 2";
pub const REMINDER: &str = "what powers it";

/// One device: a session with a user, or nobody, signed in.
pub struct Device {
    pub broker: Fixture,
    session: RefCell<Session>,
    entropy: RefCell<SeededEntropy>,
    content: RefCell<Option<Box<dyn Content>>>,
    store: Option<SharedStore>,
    offline: Cell<bool>,
}

/// A store that others see too.
pub type SharedStore = Arc<dyn Store + Send + Sync>;

impl Device {
    /// A device on which nobody is signed in.
    pub fn new(broker: &Fixture) -> Self {
        Self::configured(broker, |config| config)
    }

    /// A device whose client is set up differently.
    pub fn configured(broker: &Fixture, change: impl FnOnce(Config) -> Config) -> Self {
        let config = Config::new(broker.api_key(), broker.origin())
            .expect("the fixture's origin is loopback")
            .kdf_policy(KdfPolicy::insecure_for_tests());
        Self::with_session(broker, Session::new(change(config)))
    }

    /// A device with this session.
    pub fn with_session(broker: &Fixture, session: Session) -> Self {
        thread_local!(static SEED: Cell<u64> = const { Cell::new(1000) });
        let seed = SEED.with(|seed| seed.replace(seed.get() + 1));
        Self {
            broker: broker.clone(),
            session: RefCell::new(session),
            entropy: RefCell::new(SeededEntropy::new(seed)),
            content: RefCell::new(None),
            store: None,
            offline: Cell::new(false),
        }
    }

    /// With this store.
    pub fn with_store(self, store: SharedStore) -> Self {
        Self { store: Some(store), ..self }
    }

    /// Cuts the network, or mends it.
    pub fn set_offline(&self, offline: bool) {
        self.offline.set(offline);
    }

    /// With other randomness: for devices on threads of their own.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { entropy: RefCell::new(SeededEntropy::new(seed)), ..self }
    }

    /// Runs an operation to its end.
    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        run(&mut Guard::new(operation), self)
    }

    /// Runs an operation whose content goes through `content`; gives it back.
    pub fn run_with<O: Operation>(
        &self,
        operation: O,
        content: Box<dyn Content>,
    ) -> (Result<O::Output, Error>, Box<dyn Content>) {
        *self.content.borrow_mut() = Some(content);
        let result = self.run(operation);
        (result, self.content.borrow_mut().take().expect("it was put there"))
    }

    /// Content for the operations that follow.
    pub fn give(&self, content: Box<dyn Content>) {
        *self.content.borrow_mut() = Some(content);
    }

    pub fn session<R>(&self, look: impl FnOnce(&Session) -> R) -> R {
        look(&self.session.borrow())
    }

    /// The signed-in user.
    pub fn user(&self) -> User {
        self.session(|session| session.user().cloned()).expect("somebody is signed in")
    }

    pub fn id(&self) -> UserId {
        self.user().id()
    }

    pub fn now(&self) -> Timestamp {
        self.broker.clock().now().utc
    }

    /// How many requests `action` sends.
    pub fn requests<R>(&self, action: impl FnOnce(&Self) -> R) -> (R, u64) {
        let before = self.broker.requests();
        let result = action(self);
        (result, self.broker.requests() - before)
    }

    pub fn log_in(&self, user: UserId) {
        self.run(Login::new(user, LoginWith::nothing().passphrase(PASSPHRASE)))
            .expect("the passphrase is right");
    }

    /// Creates a container with this content, for these grants; none for the caller alone.
    pub fn create(&self, content: &[u8], grants: &[Grant]) -> ContainerId {
        self.changed(Create::new(content.to_vec()).access(AccessList::of(grants.iter().copied())))
    }

    /// The id of a container made by `create`.
    pub fn changed(&self, create: Create) -> ContainerId {
        self.run(create)
            .expect("the container is created")
            .container
            .id
            .expect("a created container has an id")
    }

    pub fn get(&self, container: ContainerId) -> Result<Container, Error> {
        self.run(Get::new(container, Portion::All))
    }

    /// The content as this device sees it.
    pub fn content(&self, container: ContainerId) -> Option<Vec<u8>> {
        self.get(container).expect("the container is shown").content
    }

    pub fn update(&self, update: Update) -> Result<Changed, Error> {
        self.run(update)
    }

    pub fn delete(&self, container: ContainerId) -> Result<(), Error> {
        self.run(Delete::new(container))
    }

    /// All events of this user that pass `filter`.
    pub fn events(&self, filter: EventFilter) -> Vec<Event> {
        self.run(events::Get::new(filter)).expect("events are answered")
    }

    /// This user with full rights.
    pub fn full(&self) -> Grant {
        Grant::full(self.id())
    }

    /// This user with these rights.
    pub fn rights(&self, permissions: i64) -> Grant {
        self.full().with_permissions(Permissions::from_int(permissions).expect("known bits"))
    }
}

/// A broker with nobody at it.
pub fn broker() -> Fixture {
    Fixture::seeded(7)
}

/// A user with a fresh account, signed in.
pub fn person(broker: &Fixture) -> Device {
    let device = Device::new(broker);
    let created = device.run(user::Create::new(Credentials::new(PASSWORD, PASSPHRASE).reminder(REMINDER)));
    device.log_in(created.expect("the user is created").id());
    device
}

/// `N` users at a new broker.
pub fn people<const N: usize>() -> [Device; N] {
    let broker = broker();
    core::array::from_fn(|_| person(&broker))
}

/// The broker's refusal with `code`.
#[track_caller]
pub fn assert_refused<T: core::fmt::Debug>(result: Result<T, Error>, code: RemoteCode) {
    match result {
        Err(Error::Remote(error)) if error.code == code => {}
        other => panic!("expected {code}, got {other:?}"),
    }
}

impl Host<Session> for Device {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        turn(&mut Cx {
            now: self.broker.clock().now(),
            entropy: &mut *self.entropy.borrow_mut(),
            session: &mut self.session.borrow_mut(),
        })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if self.offline.get() {
            return Err(TransportError::new(TransportErrorKind::Unreachable, "the network is cut"));
        }
        self.broker.exchange(request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let none = || StoreError::new(StoreErrorKind::Unavailable, "this device has no store");
        self.store.as_ref().ok_or_else(none)?.apply(op)
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        let mut content = self.content.borrow_mut();
        let content = content.as_mut().ok_or(ContentError { reason: "no content was given".into() })?;
        content.apply(op)
    }

    fn sleep(&self, duration: Duration) {
        self.broker.clock().sleep(duration);
    }
}
