//! The people of the story and their devices.

use super::search::Watched;
use crate::failure::Failure;
use absio_blocking::{Client, ClientBuilder};
use absio_proto::Error;
use absio_proto::model::{ApiKey, Credentials, UserId};
use absio_proto::ops::user::LoginWith;
use std::path::Path;

/// A user with the device at hand.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) id: UserId,
    pub(crate) client: Client,
}

impl Person {
    /// Signs in on the device at hand, with the passphrase alone.
    ///
    /// # Errors
    /// The login's.
    pub(crate) fn sign_in(&self) -> Result<(), Error> {
        self.client.login(self.id, self.with_passphrase()).map(|_| ())
    }

    /// The passphrase, which fetches the key file.
    pub(crate) fn with_passphrase(&self) -> LoginWith {
        LoginWith::nothing().passphrase(&passphrase(self.name))
    }

    /// The password, which opens a key file that is at hand.
    pub(crate) fn with_password(&self) -> LoginWith {
        LoginWith::nothing().password(&password(self.name))
    }

    /// New ones.
    pub(crate) fn new_credentials(&self) -> Credentials {
        Credentials::new(&new_password(self.name), &new_passphrase(self.name))
    }

    /// The new passphrase.
    pub(crate) fn with_new_passphrase(&self) -> LoginWith {
        LoginWith::nothing().passphrase(&new_passphrase(self.name))
    }

    /// The new password.
    pub(crate) fn with_new_password(&self) -> LoginWith {
        LoginWith::nothing().password(&new_password(self.name))
    }
}

/// Where the people meet: a broker, and a watch on all that is sent to it.
pub(crate) struct Meeting {
    url: String,
    api_key: ApiKey,
    watched: Watched,
    secrets: Vec<String>,
}

/// The names of those who join, which their credentials are made of.
const NAMES: [&str; 3] = ["Alice", "Bob", "Mallory"];

fn password(name: &str) -> String {
    format!("{name}'s Password, 1 of 2")
}

fn passphrase(name: &str) -> String {
    format!("{name}'s Passphrase, 2 of 2")
}

fn new_password(name: &str) -> String {
    format!("{name}'s new Password, 3 of 4")
}

fn new_passphrase(name: &str) -> String {
    format!("{name}'s new Passphrase, 4 of 4")
}

impl Meeting {
    /// At the broker of `url`. `contents` must never be readable in what is sent or stored.
    pub(crate) fn new(url: &str, api_key: ApiKey, contents: &[&str]) -> Self {
        let credentials = NAMES
            .into_iter()
            .flat_map(|name| [password(name), passphrase(name), new_password(name), new_passphrase(name)]);
        let secrets: Vec<String> =
            contents.iter().map(|word| (*word).to_owned()).chain(credentials).collect();
        let words: Vec<&str> = secrets.iter().map(String::as_str).collect();
        Self { url: url.to_owned(), api_key, watched: Watched::new(&words), secrets }
    }

    /// A new device, on which nothing is known and nothing is kept.
    ///
    /// # Errors
    /// If the options are not usable.
    pub(crate) fn device(&self, name: &str) -> Result<Client, Failure> {
        Ok(self.builder(name).build()?)
    }

    /// A device that keeps things below `root`.
    ///
    /// # Errors
    /// If the root is not usable.
    pub(crate) fn device_with_root(&self, name: &str, root: &Path) -> Result<Client, Failure> {
        Ok(self.builder(name).root(root).build()?)
    }

    fn builder(&self, name: &str) -> ClientBuilder {
        Client::builder(self.api_key, &self.url).app_name(name).transport(self.watched.clone())
    }

    /// A new user, signed in on a first device.
    ///
    /// # Errors
    /// The operations'.
    pub(crate) fn join(&self, name: &'static str, reminder: &str) -> Result<Person, Failure> {
        let client = self.device(name)?;
        let credentials = Credentials::new(&password(name), &passphrase(name)).reminder(reminder);
        let user = client.user().create(credentials)?;
        let id = user.id();
        client.login(id, LoginWith::nothing().user(user))?;
        Ok(Person { name, id, client })
    }

    /// The secrets that were sent readable, and how many bytes were sent.
    pub(crate) fn sent(&self) -> (Vec<String>, u64) {
        self.watched.found()
    }

    /// What must not be readable anywhere.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        self.secrets.iter().map(String::as_str).collect()
    }
}
