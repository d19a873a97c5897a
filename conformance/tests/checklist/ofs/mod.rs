//! The local store: alone, and beside the broker. Every test runs on a disk that it can look at, cut,
//! damage and put back.

mod access;
mod containers;
mod crash;
mod damage;
mod disk;
mod exchange;
mod follow;
mod hostile_events;
mod large;
mod listing;
mod local;
mod login;
mod peers;
mod sync;

use crate::people::{Device, PASSPHRASE, PASSWORD, REMINDER, broker};
use crate::stores::{Disk, FaultyStore};
use absio_broker::Fixture;
use absio_proto::model::{ContainerId, Credentials, Portion, UserId};
use absio_proto::ops::container::{Create, Update};
use absio_proto::ops::user::{self, LoginWith};
use absio_proto::provider::container::Get;
use absio_proto::provider::{Got, Options, Provider, SignedIn, Standard};
use absio_proto::{Error, LocalError};
use absio_store::MemoryStore;
use std::ops::Deref;
use std::sync::Arc;

pub use Standard::{Ofs, Server, ServerCacheOfs as Both};

/// A device with a disk.
pub struct Laptop {
    device: Device,
    pub store: FaultyStore,
}

impl Deref for Laptop {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

impl Laptop {
    /// On which nothing is kept and nobody is signed in.
    pub fn new(broker: &Fixture) -> Self {
        Self::on(broker, MemoryStore::new())
    }

    /// With what is on `disk`.
    pub fn on(broker: &Fixture, disk: MemoryStore) -> Self {
        let store = FaultyStore::on(disk);
        Self { device: Device::new(broker).with_store(Arc::new(store.clone())), store }
    }

    /// Switched off and on again, in the middle of whatever it did.
    pub fn restarted(&self) -> Self {
        Self::on(&self.broker, self.disk().store())
    }

    pub fn disk(&self) -> Disk {
        Disk::of(self.store.disk())
    }

    /// How many requests `action` sends.
    pub fn requests<R>(&self, action: impl FnOnce(&Self) -> R) -> (R, u64) {
        self.device.requests(|_| action(self))
    }

    pub fn sign_in(&self, place: Standard, user: UserId) -> SignedIn {
        self.try_sign_in(place, user).expect("the passphrase is right")
    }

    pub fn try_sign_in(&self, place: Standard, user: UserId) -> Result<SignedIn, Error> {
        self.run(place.login(user, LoginWith::nothing().passphrase(PASSPHRASE)))
    }

    /// Creates a container that says `content`, with `content` as its header too.
    pub fn keep(&self, place: Standard, content: &str) -> ContainerId {
        self.created(place, Create::new(content.as_bytes().to_vec()).header(content.into()))
    }

    pub fn created(&self, place: Standard, create: Create) -> ContainerId {
        let changed = self.run(place.create_container(create)).expect("the container is created");
        changed.container.id.expect("a created container has an id")
    }

    pub fn change(&self, place: Standard, update: Update) -> Result<(), Error> {
        self.run(place.update_container(update)).map(drop)
    }

    pub fn fetch(&self, place: Standard, container: ContainerId) -> Result<Got, Error> {
        self.run(place.get_container(Get::new(container, Portion::All)))
    }

    pub fn fetch_anew(&self, container: ContainerId) -> Result<Got, Error> {
        let options = Options::new().force_refresh();
        self.run(Both.get_container(Get::new(container, Portion::All).with(options)))
    }

    /// The content as text.
    pub fn text(&self, place: Standard, container: ContainerId) -> String {
        let content = self.fetch(place, container).expect("the container is shown").container.content;
        String::from_utf8(content.expect("it has a content")).unwrap()
    }
}

/// A new account, with the device that made it; nobody is signed in on it.
pub fn account(broker: &Fixture) -> UserId {
    let credentials = Credentials::new(PASSWORD, PASSPHRASE).reminder(REMINDER);
    Device::new(broker).run(user::Create::new(credentials)).expect("the user is created").id()
}

/// `N` people at a new broker, signed in to the broker and to the local store of their own laptop.
pub fn laptops<const N: usize>() -> [(Laptop, UserId); N] {
    let broker = broker();
    core::array::from_fn(|_| {
        let (laptop, user) = (Laptop::new(&broker), account(&broker));
        assert!(laptop.sign_in(Both, user).warnings.is_empty());
        (laptop, user)
    })
}

#[track_caller]
pub fn assert_not_found<T: core::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::Local(LocalError::ContainerNotFound { .. }))), "{result:?}");
}

#[track_caller]
pub fn assert_degraded<T: core::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::Local(LocalError::Degraded { .. }))), "{result:?}");
}

#[track_caller]
pub fn assert_unreachable<T: core::fmt::Debug>(result: Result<T, Error>) {
    let failed = result.expect_err("nobody answers");
    assert!(matches!(failed.cause(), Error::Transport(_)), "{failed:?}");
}
