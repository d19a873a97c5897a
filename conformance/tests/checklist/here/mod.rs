//! Users and key files where there is a local store: the three providers over one broker and one root.

mod credentials;
mod delete;
mod key_files;
mod sign_in;
mod sync;
mod users;

use absio_broker::{Clock, Fixture, SeededEntropy};
use absio_proto::crypto::KdfPolicy;
use absio_proto::driver::blocking::{Host, Store, Transport, run};
use absio_proto::effect::{
    CellId, ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreErrorKind,
    StoreOp, StoreOutcome, TransportError,
};
use absio_proto::model::{ContainerId, Credentials, Portion, UserId};
use absio_proto::ops::container::Create;
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::container::Get;
use absio_proto::provider::{Provider, Standard};
use absio_proto::{Config, Cx, Error, Guard, Operation, Session, User};
use absio_store::MemoryStore;
use std::cell::{Cell, RefCell};
use std::time::Duration;

pub use crate::people::{PASSPHRASE, PASSWORD, REMINDER, broker};

pub const NEW_PASSWORD: &str = "Another horse 3";
pub const NEW_PASSPHRASE: &str = "Another staple 4";
pub const ALL: [Standard; 3] = [Standard::Server, Standard::Ofs, Standard::ServerCacheOfs];
/// Those with a local store.
pub const LOCAL: [Standard; 2] = [Standard::Ofs, Standard::ServerCacheOfs];

/// What is done before the store sees an operation.
type Hook = Box<dyn FnMut(&StoreOp)>;

/// A client with a root: what is in it outlives the client.
pub struct Desk {
    pub broker: Fixture,
    pub root: MemoryStore,
    session: RefCell<Session>,
    entropy: RefCell<SeededEntropy>,
    /// Writes that are still carried out; then the store is dead. None: all are.
    writes: Cell<Option<u64>>,
    hook: RefCell<Option<Hook>>,
}

impl Desk {
    /// A client on a new root.
    pub fn new(broker: &Fixture) -> Self {
        Self::on(broker, MemoryStore::new())
    }

    /// A client that was started anew on `root`.
    pub fn on(broker: &Fixture, root: MemoryStore) -> Self {
        Self::configured(broker, root, |config| config)
    }

    pub fn configured(broker: &Fixture, root: MemoryStore, change: impl FnOnce(Config) -> Config) -> Self {
        thread_local!(static SEED: Cell<u64> = const { Cell::new(5000) });
        let config = Config::new(broker.api_key(), broker.origin())
            .expect("the fixture's origin is loopback")
            .kdf_policy(KdfPolicy::insecure_for_tests());
        Self {
            broker: broker.clone(),
            root,
            session: RefCell::new(Session::new(change(config))),
            entropy: RefCell::new(SeededEntropy::new(SEED.with(|seed| seed.replace(seed.get() + 1)))),
            writes: Cell::new(None),
            hook: RefCell::new(None),
        }
    }

    /// The same root after the program was started anew.
    pub fn restarted(&self) -> Self {
        Self::on(&self.broker, self.root.clone())
    }

    /// The store dies after `writes` more writes; a cell that is being written then is torn.
    pub fn dying_after(self, writes: u64) -> Self {
        self.writes.set(Some(writes));
        self
    }

    /// The store works again.
    pub fn revived(&self) {
        self.writes.set(None);
    }

    /// Calls `hook` before each operation of the store.
    pub fn hooked(self, hook: impl FnMut(&StoreOp) + 'static) -> Self {
        *self.hook.borrow_mut() = Some(Box::new(hook));
        self
    }

    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        run(&mut Guard::new(operation), self)
    }

    /// How many requests `action` sends.
    pub fn requests<R>(&self, action: impl FnOnce(&Self) -> R) -> (R, u64) {
        let before = self.broker.requests();
        let result = action(self);
        (result, self.broker.requests() - before)
    }

    /// Without a network.
    pub fn offline<R>(&self, action: impl FnOnce(&Self) -> R) -> R {
        self.broker.set_stopped(true);
        let result = action(self);
        self.broker.set_stopped(false);
        result
    }

    pub fn session<R>(&self, look: impl FnOnce(&Session) -> R) -> R {
        look(&self.session.borrow())
    }

    /// Who is signed in at the server, and who in the local store.
    pub fn signed_in(&self) -> (Option<UserId>, Option<UserId>) {
        self.session(|session| (session.user().map(User::id), session.local_user().map(User::id)))
    }

    /// Makes a user; nobody is signed in.
    pub fn create(&self, place: Standard) -> UserId {
        self.run(place.create_user(credentials(), None)).expect("the user is created").value.id()
    }

    pub fn log_in(&self, place: Standard, user: UserId, with: LoginWith) -> Result<User, Error> {
        self.run(place.login(user, with)).map(|signed_in| signed_in.user)
    }

    /// A user, signed in.
    pub fn person(&self, place: Standard) -> User {
        let user = self.create(place);
        self.log_in(place, user, both()).expect("password and passphrase are right")
    }

    pub fn keep(&self, place: Standard, content: &[u8]) -> ContainerId {
        let created = self.run(place.create_container(Create::new(content.to_vec())));
        created.expect("the container is created").container.id.expect("a container has an id")
    }

    pub fn content(&self, place: Standard, container: ContainerId) -> Result<Option<Vec<u8>>, Error> {
        self.run(place.get_container(Get::new(container, Portion::All))).map(|got| got.container.content)
    }

    /// The sealed key file of this root, as whoever has these secrets opens it.
    pub fn opens(&self, user: UserId, with: LoginWith) -> Result<User, Error> {
        self.run(Standard::Ofs.get_key_file(user, with))
    }

    pub fn cells(&self) -> Vec<CellId> {
        match self.root.apply(StoreOp::CellList) {
            Ok(StoreOutcome::Cells(cells)) => cells,
            _ => panic!("a memory store lists its cells"),
        }
    }

    /// Records, blobs and cells in the root.
    pub fn inventory(&self) -> [usize; 3] {
        let scan = StoreOp::Scan { start: Vec::new(), end: vec![0xff; 100], limit: 10_000, reverse: false };
        let Ok(StoreOutcome::Entries(records)) = self.root.apply(scan) else { panic!("a scan") };
        let list = StoreOp::BlobList { after: None, limit: 10_000 };
        let Ok(StoreOutcome::Blobs(blobs)) = self.root.apply(list) else { panic!("a list") };
        [records.len(), blobs.len(), self.cells().len()]
    }
}

impl Host<Session> for Desk {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        turn(&mut Cx {
            now: self.broker.clock().now(),
            entropy: &mut *self.entropy.borrow_mut(),
            session: &mut self.session.borrow_mut(),
        })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.broker.exchange(request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let hook = self.hook.take();
        if let Some(mut hook) = hook {
            hook(&op);
            *self.hook.borrow_mut() = Some(hook);
        }
        let changes = !matches!(
            op,
            StoreOp::Get { .. }
                | StoreOp::Scan { .. }
                | StoreOp::BlobRead { .. }
                | StoreOp::BlobList { .. }
                | StoreOp::CellRead { .. }
                | StoreOp::CellList
        );
        match self.writes.get() {
            Some(0) if changes => {
                if let StoreOp::CellWrite { cell, mut bytes } = op {
                    bytes.truncate(bytes.len() / 2);
                    // Torn; a cell that is being removed is gone or not.
                    if !bytes.is_empty() {
                        self.root.apply(StoreOp::CellWrite { cell, bytes })?;
                    }
                }
                Err(StoreError::new(StoreErrorKind::Io, "the store died"))
            }
            Some(left) if changes => {
                self.writes.set(Some(left - 1));
                self.root.apply(op)
            }
            _ => self.root.apply(op),
        }
    }

    fn content(&self, _op: ContentOp) -> Result<ContentOutcome, ContentError> {
        Err(ContentError { reason: "no content was given".into() })
    }

    fn sleep(&self, duration: Duration) {
        self.broker.clock().sleep(duration);
    }
}

pub fn credentials() -> Credentials {
    Credentials::new(PASSWORD, PASSPHRASE).reminder(REMINDER)
}

pub fn new_credentials() -> Credentials {
    Credentials::new(NEW_PASSWORD, NEW_PASSPHRASE).reminder("the new one")
}

pub fn password(password: &str) -> LoginWith {
    LoginWith::nothing().password(password)
}

pub fn passphrase(passphrase: &str) -> LoginWith {
    LoginWith::nothing().passphrase(passphrase)
}

pub fn both() -> LoginWith {
    passphrase(PASSPHRASE).password(PASSWORD)
}

/// The code of what was refused.
#[track_caller]
pub fn code<T: core::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    let error = result.expect_err("it is refused");
    String::leak(error.code().to_owned())
}
