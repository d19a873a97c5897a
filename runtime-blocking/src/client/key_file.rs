//! Key files: the seed's `key_file` module.

use super::Client;
use absio_proto::model::UserId;
use absio_proto::ops::key_file::{KeyFileChecksum, Update};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::{Noted, SyncState};
use absio_proto::{Error, User};

/// What can be done with key files; given by [`Client::key_file`]. Where a user may be left out, the
/// signed-in one is meant.
pub struct KeyFiles<'c>(pub(super) &'c Client);

impl KeyFiles<'_> {
    /// Opens the key file of `user_id`: the one on this device, else the broker's, which takes the
    /// passphrase (S-177, S-200, S-219). Nobody is signed in by it.
    ///
    /// # Errors
    /// [`RemoteCode::RetrievalRefused`](absio_proto::RemoteCode::RetrievalRefused) for a wrong
    /// passphrase or an unknown user, [`LocalError`](absio_proto::LocalError) if only this device is
    /// asked and has none, [`InputError`](absio_proto::InputError) for a wrong password.
    pub fn get(&self, user_id: UserId, with: LoginWith) -> Result<User, Error> {
        self.0.run(self.0.provider.get_key_file(user_id, with))
    }

    /// SHA-256 and generation of a key file: at the broker the signed-in user's, on this device
    /// anybody's (S-201, S-220).
    ///
    /// # Errors
    /// The broker's refusal, what the exchange gave, or that there is none on this device.
    pub fn checksum(&self, user_id: Option<UserId>) -> Result<KeyFileChecksum, Error> {
        self.0.run(self.0.provider.key_file_checksum(user_id))
    }

    /// How the key file of this device and that of the broker stand to each other (AMB-01).
    ///
    /// # Errors
    /// As [`checksum`](Self::checksum), and if nobody is signed in.
    pub fn state(&self, user_id: Option<UserId>) -> Result<SyncState, Error> {
        self.0.run(self.0.provider.key_file_state(user_id))
    }

    /// Whether the broker's key file differs from the one on this device, or there is none here
    /// (S-178, AMB-01: true = sync needed).
    ///
    /// # Errors
    /// As [`state`](Self::state).
    pub fn needs_sync(&self, user_id: Option<UserId>) -> Result<bool, Error> {
        self.state(user_id).map(SyncState::needs_sync)
    }

    /// Replaces the key file of this device by the broker's, which takes the passphrase; a password
    /// given besides must open it (S-179 to S-181).
    ///
    /// # Errors
    /// As [`get`](Self::get); the key file of this device is then as it was.
    pub fn sync(&self, user_id: Option<UserId>, with: LoginWith) -> Result<Noted<User>, Error> {
        self.0.run(self.0.provider.sync_key_file(user_id, with))
    }

    /// Replaces the signed-in user's key file (S-182, S-202); build the operation with
    /// [`Update::new`].
    ///
    /// # Errors
    /// [`RemoteCode::Conflict`](absio_proto::RemoteCode::Conflict) if another device was first.
    pub fn update(&self, update: Update) -> Result<Noted<User>, Error> {
        self.0.run(self.0.provider.update_key_file(update))
    }
}
