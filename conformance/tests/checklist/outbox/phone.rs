//! A device with a store, that goes off the net, and that dies at any effect and is started again.

use crate::people::{PASSPHRASE, PASSWORD};
use absio_broker::{Clock, Fixture, SeededEntropy};
use absio_proto::crypto::KdfPolicy;
use absio_proto::driver::blocking::{Host, Store, Transport, run};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreErrorKind, StoreOp,
    StoreOutcome, TransportError, TransportErrorKind,
};
use absio_proto::model::{ContainerId, Credentials, Portion, UserId};
use absio_proto::ops::container::{Changed, Create, List, Warning};
use absio_proto::ops::user::{self, LoginWith};
use absio_proto::provider::outbox::{self, Drained, Queued};
use absio_proto::provider::{Got, Provider, Standard, WithOutbox, container};
use absio_proto::{Config, Cx, Error, Guard, Operation, Session};
use absio_store::MemoryStore;
use std::cell::{Cell, RefCell};
use std::time::Duration;

pub const OUTBOX: WithOutbox = WithOutbox;
pub const DEFAULT: Standard = Standard::ServerCacheOfs;

/// When a phone dies: before its n-th effect is performed, or after it, without the answer.
#[derive(Clone, Copy, Debug)]
pub enum Death {
    Before(u64),
    After(u64),
}

pub struct Phone {
    pub broker: Fixture,
    pub store: MemoryStore,
    pub id: UserId,
    session: RefCell<Session>,
    entropy: RefCell<SeededEntropy>,
    is_offline: Cell<bool>,
    death: Cell<Option<Death>>,
    effects: Cell<u64>,
}

impl Phone {
    fn blank(broker: &Fixture, store: MemoryStore, id: UserId) -> Self {
        thread_local!(static SEED: Cell<u64> = const { Cell::new(5000) });
        let seed = SEED.with(|seed| seed.replace(seed.get() + 1));
        let config = Config::new(broker.api_key(), broker.origin())
            .unwrap()
            .kdf_policy(KdfPolicy::insecure_for_tests());
        Self {
            broker: broker.clone(),
            store,
            id,
            session: RefCell::new(Session::new(config)),
            entropy: RefCell::new(SeededEntropy::new(seed)),
            is_offline: Cell::new(false),
            death: Cell::new(None),
            effects: Cell::new(0),
        }
    }

    /// A new user, signed in under the default provider.
    pub fn new(broker: &Fixture) -> Self {
        let nobody = UserId::from_bytes([0; 16]);
        let mut phone = Self::blank(broker, MemoryStore::new(), nobody);
        phone.id = phone.run(user::Create::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap().id();
        phone.log_in(LoginWith::nothing().passphrase(PASSPHRASE));
        phone
    }

    /// Another device of the same user, with a store of its own.
    pub fn second(&self) -> Self {
        let phone = Self::blank(&self.broker, MemoryStore::new(), self.id);
        phone.log_in(LoginWith::nothing().passphrase(PASSPHRASE));
        phone
    }

    /// The same device with nothing but what was stored, signed in again.
    pub fn restarted(&self) -> Self {
        let phone = Self::blank(&self.broker, self.store.clone(), self.id);
        phone.set_offline(self.is_offline.get());
        phone.log_in(LoginWith::nothing().password(PASSWORD));
        phone
    }

    pub fn log_in(&self, with: LoginWith) {
        self.run(DEFAULT.login(self.id, with)).unwrap();
    }

    pub fn set_offline(&self, is_offline: bool) {
        self.is_offline.set(is_offline);
    }

    pub fn set_death(&self, death: Death) {
        self.effects.set(0);
        self.death.set(Some(death));
    }

    pub fn is_dead(&self) -> bool {
        let (done, death) = (self.effects.get(), self.death.get());
        death.is_some_and(|(Death::Before(at) | Death::After(at))| done > at)
    }

    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        run(&mut Guard::new(operation), self)
    }

    /// Creates a container through the outbox.
    pub fn create(&self, content: &[u8]) -> ContainerId {
        let changed = self.run(OUTBOX.create_container(Create::new(content.to_vec()))).unwrap();
        changed.container.id.unwrap()
    }

    pub fn get_under(&self, place: Standard, id: ContainerId) -> Result<Got, Error> {
        self.run(place.get_container(container::Get::new(id, Portion::All)))
    }

    /// The content as the default provider gives it.
    pub fn content(&self, id: ContainerId) -> Vec<u8> {
        self.get_under(DEFAULT, id).unwrap().container.content.unwrap()
    }

    /// The content as the broker has it.
    pub fn content_there(&self, id: ContainerId) -> Vec<u8> {
        self.get_under(Standard::Server, id).unwrap().container.content.unwrap()
    }

    pub fn revision_there(&self, id: ContainerId) -> u64 {
        self.get_under(Standard::Server, id).unwrap().container.metadata.unwrap().revision
    }

    /// How many containers the broker lists.
    pub fn count_there(&self) -> usize {
        self.run(List::new()).unwrap().len()
    }

    pub fn drain(&self) -> Drained {
        self.run(outbox::Drain::new()).unwrap()
    }

    pub fn queued(&self) -> Vec<Queued> {
        self.run(outbox::List::new()).unwrap()
    }

    /// Every byte in the store.
    pub fn stored(&self) -> Vec<u8> {
        let mut all = Vec::new();
        let scan = StoreOp::Scan { start: Vec::new(), end: vec![0xff; 64], limit: 10_000, reverse: false };
        let Ok(StoreOutcome::Entries(entries)) = self.store.apply(scan) else { panic!("no entries") };
        entries.iter().for_each(|(key, value)| all.extend([&key[..], value].concat()));
        let Ok(StoreOutcome::Blobs(blobs)) =
            self.store.apply(StoreOp::BlobList { after: None, limit: 10_000 })
        else {
            panic!("no blobs")
        };
        for blob in blobs {
            let read = StoreOp::BlobRead { blob, offset: 0, length: 32 << 20 };
            let Ok(StoreOutcome::Blob(Some(bytes))) = self.store.apply(read) else { panic!("no blob") };
            all.extend([&blob.0[..], &bytes].concat());
        }
        let Ok(StoreOutcome::Cells(cells)) = self.store.apply(StoreOp::CellList) else { panic!("no cells") };
        for cell in cells {
            let Ok(StoreOutcome::Cell(Some(bytes))) = self.store.apply(StoreOp::CellRead { cell }) else {
                panic!("no cell")
            };
            all.extend([&cell.0[..], &bytes].concat());
        }
        all
    }

    /// Performs an effect unless the phone is dead, or dies of it.
    fn perform<T>(&self, effect: impl FnOnce() -> T) -> Option<T> {
        let number = self.effects.replace(self.effects.get() + 1);
        match self.death.get() {
            Some(Death::Before(at)) if number >= at => None,
            Some(Death::After(at)) if number > at => None,
            Some(Death::After(at)) if number == at => {
                effect();
                None
            }
            _ => Some(effect()),
        }
    }
}

/// The number under which a change waits.
pub fn number(changed: &Changed) -> Option<u64> {
    changed.warnings.iter().find_map(|warning| match warning {
        Warning::Queued { sequence } => Some(*sequence),
        _ => None,
    })
}

impl Host<Session> for Phone {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        turn(&mut Cx {
            now: self.broker.clock().now(),
            entropy: &mut *self.entropy.borrow_mut(),
            session: &mut self.session.borrow_mut(),
        })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if self.is_offline.get() {
            return Err(TransportError::new(TransportErrorKind::Unreachable, "off the net"));
        }
        let dead = || Err(TransportError::new(TransportErrorKind::Invalid, "the phone is dead"));
        self.perform(|| self.broker.exchange(request)).unwrap_or_else(dead)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let dead = || Err(StoreError::new(StoreErrorKind::Unavailable, "the phone is dead"));
        self.perform(|| self.store.apply(op)).unwrap_or_else(dead)
    }

    fn content(&self, _op: ContentOp) -> Result<ContentOutcome, ContentError> {
        Err(ContentError { reason: "no content was given".into() })
    }

    fn sleep(&self, duration: Duration) {
        self.broker.clock().sleep(duration);
    }
}
