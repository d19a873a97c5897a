//! Users on devices of their own, at a broker in this process.
#![allow(dead_code, clippy::unwrap_used)]

use absio_async_std::{Client, ClientBuilder, Unblocked};
use absio_broker::Fixture;
use absio_proto::User;
use absio_proto::crypto::KdfPolicy;
use absio_proto::model::Credentials;
use absio_proto::ops::user::LoginWith;
use absio_store::MemoryStore;

pub(crate) const PASSWORD: &str = "Password 1";
pub(crate) const PASSPHRASE: &str = "Passphrase 2";

/// A device without a store.
pub(crate) fn builder(broker: &Fixture) -> ClientBuilder {
    Client::builder(broker.api_key(), broker.origin())
        .app_name("tests")
        .kdf_policy(KdfPolicy::insecure_for_tests())
        .transport(Unblocked::new(broker.clone()))
}

/// A new user, signed in on a device with a store in memory.
pub(crate) async fn join(broker: &Fixture) -> (Client, User) {
    join_with(builder(broker).store(Unblocked::new(MemoryStore::new()))).await
}

/// The same on the device of this builder.
pub(crate) async fn join_with(builder: ClientBuilder) -> (Client, User) {
    let client = builder.build().await.unwrap();
    let user = sign_up(&client).await;
    (client, user)
}

/// A new user, signed in with the passphrase alone.
pub(crate) async fn sign_up(client: &Client) -> User {
    let credentials = Credentials::new(PASSWORD, PASSPHRASE).reminder("hint");
    let user = client.user().create(credentials).await.unwrap();
    client.login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).await.unwrap()
}
