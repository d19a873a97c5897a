//! Key files: the seed's `key_file` module for the server provider.

use super::Client;
use absio_proto::model::UserId;
use absio_proto::ops::key_file::{Checksum, Get, KeyFileChecksum, Update};
use absio_proto::{Error, User};

/// What can be done with key files; given by [`Client::key_file`].
pub struct KeyFiles<'c>(pub(super) &'c Client);

impl KeyFiles<'_> {
    /// Fetches the key file of `user_id` with the passphrase, and opens it with the password if one
    /// is given (S-200). Nobody is signed in by it.
    ///
    /// # Errors
    /// [`RemoteCode::RetrievalRefused`](absio_proto::RemoteCode::RetrievalRefused) for a wrong
    /// passphrase or an unknown user, [`InputError`](absio_proto::InputError) for a wrong password.
    pub fn get(&self, user_id: UserId, passphrase: &str, password: Option<&str>) -> Result<User, Error> {
        self.0.run(Get::new(user_id, passphrase, password)).map(|(user, _)| user)
    }

    /// SHA-256 and generation of the signed-in user's key file at the broker (S-201).
    ///
    /// # Errors
    /// The broker's refusal, or what the exchange gave.
    pub fn checksum(&self) -> Result<KeyFileChecksum, Error> {
        self.0.run(Checksum::new())
    }

    /// Whether the broker's key file differs from the one signed in with (AMB-01: true = sync
    /// needed).
    ///
    /// # Errors
    /// As [`checksum`](Self::checksum), and if nobody is signed in.
    pub fn needs_sync(&self) -> Result<bool, Error> {
        let remote = self.checksum()?;
        let local = self.0.signed_in().and_then(|user| Some(user.sealed_key_file()?.checksum()));
        Ok(local != Some(remote.checksum))
    }

    /// Replaces the signed-in user's key file at the broker (S-202); build the operation with
    /// [`Update::new`].
    ///
    /// # Errors
    /// [`RemoteCode::Conflict`](absio_proto::RemoteCode::Conflict) if another device was first.
    pub fn update(&self, update: Update) -> Result<User, Error> {
        self.0.run(update)
    }
}
