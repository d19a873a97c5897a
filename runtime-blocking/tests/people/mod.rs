//! Users on devices of their own, at a broker in this process.
#![allow(dead_code, clippy::unwrap_used)]

use absio_blocking::{Client, ClientBuilder};
use absio_broker::Fixture;
use absio_proto::User;
use absio_proto::crypto::KdfPolicy;
use absio_proto::model::Credentials;
use absio_proto::ops::user::LoginWith;
use absio_store::MemoryStore;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const PASSWORD: &str = "Password 1";
pub(crate) const PASSPHRASE: &str = "Passphrase 2";

/// A device without a store.
pub(crate) fn builder(broker: &Fixture) -> ClientBuilder {
    Client::builder(broker.api_key(), broker.origin())
        .kdf_policy(KdfPolicy::insecure_for_tests())
        .transport(broker.clone())
}

/// A new user, signed in on a device with a store in memory.
pub(crate) fn join(broker: &Fixture) -> (Client, User) {
    join_with(builder(broker).store(MemoryStore::new()))
}

/// The same on the device of this builder.
pub(crate) fn join_with(builder: ClientBuilder) -> (Client, User) {
    let client = builder.build().unwrap();
    let user = sign_up(&client);
    (client, user)
}

/// A new user, signed in with the passphrase alone.
pub(crate) fn sign_up(client: &Client) -> User {
    let user = client.user().create(Credentials::new(PASSWORD, PASSPHRASE).reminder("hint")).unwrap();
    client.login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).unwrap()
}

/// Every file below `directory`.
pub(crate) fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    found
}
