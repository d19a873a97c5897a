//! The people of the story and their devices.

use super::search::Watched;
use crate::failure::Failure;
use absio_blocking::Client;
use absio_proto::Error;
use absio_proto::model::{ApiKey, Credentials, UserId};
use absio_proto::ops::user::LoginWith;

/// A user with the device at hand.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) id: UserId,
    pub(crate) client: Client,
    passphrase: String,
}

impl Person {
    /// Signs in on the device at hand, with the passphrase alone.
    ///
    /// # Errors
    /// The login's.
    pub(crate) fn sign_in(&self) -> Result<(), Error> {
        self.client.login(self.id, LoginWith::nothing().passphrase(&self.passphrase)).map(|_| ())
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

impl Meeting {
    /// At the broker of `url`. `contents` must never be readable in what is sent or stored.
    pub(crate) fn new(url: &str, api_key: ApiKey, contents: &[&str]) -> Self {
        let credentials = NAMES.into_iter().flat_map(|name| [password(name), passphrase(name)]);
        let secrets: Vec<String> =
            contents.iter().map(|word| (*word).to_owned()).chain(credentials).collect();
        let words: Vec<&str> = secrets.iter().map(String::as_str).collect();
        Self { url: url.to_owned(), api_key, watched: Watched::new(&words), secrets }
    }

    /// A new device, on which nothing is known.
    ///
    /// # Errors
    /// If the options are not usable.
    pub(crate) fn device(&self, name: &str) -> Result<Client, Failure> {
        let builder = Client::builder(self.api_key, &self.url).app_name(name);
        Ok(builder.transport(self.watched.clone()).build()?)
    }

    /// A new user, signed in on a first device.
    ///
    /// # Errors
    /// The operations'.
    pub(crate) fn join(&self, name: &'static str, reminder: &str) -> Result<Person, Failure> {
        let client = self.device(name)?;
        let passphrase = passphrase(name);
        let credentials = Credentials::new(&password(name), &passphrase).reminder(reminder);
        let user = client.user().create(credentials)?;
        let id = user.id();
        client.login(id, LoginWith::nothing().user(user))?;
        Ok(Person { name, id, client, passphrase })
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
