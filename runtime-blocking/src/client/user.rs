//! Users: the seed's `user` module, and `keys`.

use super::Client;
use absio_proto::crypto::{CardChain, KeyRing};
use absio_proto::model::{Credentials, UserId, Validators};
use absio_proto::ops::user::{Register, RevokeKeys, Revoked, RotateKeys};
use absio_proto::provider::Noted;
use absio_proto::{Error, User};

/// What can be done with users; given by [`Client::user`].
pub struct Users<'c>(pub(super) &'c Client);

impl Users<'_> {
    /// Makes a user with fresh keys and registers it (S-154 to S-156). Nobody is signed in by it.
    ///
    /// # Errors
    /// [`InputError::CredentialRefused`](absio_proto::InputError::CredentialRefused) before
    /// anything is sent, or the broker's refusal.
    pub fn create(&self, credentials: Credentials) -> Result<User, Error> {
        self.create_noted(credentials, None).map(|noted| noted.value)
    }

    /// As [`create`](Self::create), with validators for this call only (S-021).
    ///
    /// # Errors
    /// As there.
    pub fn create_validated_by(
        &self,
        credentials: Credentials,
        validators: Validators,
    ) -> Result<User, Error> {
        self.create_noted(credentials, Some(validators)).map(|noted| noted.value)
    }

    /// As [`create`](Self::create), and says whether the key file could be kept on this device.
    ///
    /// # Errors
    /// As there.
    pub fn create_noted(
        &self,
        credentials: Credentials,
        validators: Option<Validators>,
    ) -> Result<Noted<User>, Error> {
        self.0.run(self.0.provider.create_user(credentials, validators))
    }

    /// Registers, at the broker whatever the provider, the user of a key ring that the program keeps
    /// itself, without a key file.
    ///
    /// # Errors
    /// The broker's refusal, or what the exchange gave.
    pub fn register(&self, ring: KeyRing) -> Result<User, Error> {
        self.0.run(Register::new(ring))
    }

    /// Changes the signed-in user's password, passphrase and reminder (S-157 to S-159, S-224).
    ///
    /// # Errors
    /// As [`create`](Self::create); the key file is then as it was.
    pub fn change_credentials(&self, credentials: Credentials) -> Result<User, Error> {
        self.change_credentials_noted(credentials, None).map(|noted| noted.value)
    }

    /// As [`change_credentials`](Self::change_credentials), with validators for this call only.
    ///
    /// # Errors
    /// As there.
    pub fn change_credentials_validated_by(
        &self,
        credentials: Credentials,
        validators: Validators,
    ) -> Result<User, Error> {
        self.change_credentials_noted(credentials, Some(validators)).map(|noted| noted.value)
    }

    /// As [`change_credentials`](Self::change_credentials), and says whether the new key file could be
    /// kept on this device.
    ///
    /// # Errors
    /// As there.
    pub fn change_credentials_noted(
        &self,
        credentials: Credentials,
        validators: Option<Validators>,
    ) -> Result<Noted<User>, Error> {
        self.0.run(self.0.provider.change_credentials(credentials, validators))
    }

    /// Gives the signed-in user a new signing and a new derivation key; the old ones are retired. What
    /// they signed and opened stays as it is, and peers follow by themselves. The key file on
    /// this device follows; others sync.
    ///
    /// # Errors
    /// [`RemoteCode::Conflict`](absio_proto::RemoteCode::Conflict) if another device changed the key
    /// file first; the keys are then as they were. After
    /// [`Error::Transport`] log in again: see [`RotateKeys`].
    pub fn rotate_keys(&self) -> Result<Noted<User>, Error> {
        self.0.run(self.0.provider.rotate_keys(RotateKeys::new()))
    }

    /// The same for a user without a key file, to a `ring` made with [`KeyRing::rotated`]: keep it
    /// before.
    ///
    /// # Errors
    /// As there, and [`InputError::InvalidArgument`](absio_proto::InputError::InvalidArgument) if it is
    /// not the next ring.
    pub fn rotate_keys_to(&self, ring: KeyRing) -> Result<Noted<User>, Error> {
        self.0.run(self.0.provider.rotate_keys(RotateKeys::to(ring)))
    }

    /// Revokes the keys of the signed-in user after a theft: makes new ones, ends every session, and
    /// signs anew each container that the old key signed last. Says which it could not.
    ///
    /// # Errors
    /// As [`rotate_keys`](Self::rotate_keys).
    pub fn revoke_keys(&self) -> Result<Noted<Revoked>, Error> {
        self.0.run(self.0.provider.revoke_keys(RevokeKeys::new()))
    }

    /// Deletes the signed-in user, for ever (S-160, S-206, S-226): containers that nobody else has go
    /// with it. Nobody is signed in afterwards.
    ///
    /// # Errors
    /// The broker's refusal, or what the exchange gave.
    pub fn delete(&self) -> Result<(), Error> {
        self.0.run(self.0.provider.delete_user(None))
    }

    /// The public reminder of `user_id`, or of the signed-in user (S-161 to S-163).
    ///
    /// # Errors
    /// The broker's refusal, or what the exchange gave.
    pub fn reminder(&self, user_id: Option<UserId>) -> Result<String, Error> {
        self.0.run(self.0.provider.reminder(user_id))
    }

    /// The verified public keys of users, in ascending order of id: one request for all that are
    /// not known yet (S-183, S-203, S-222).
    ///
    /// # Errors
    /// [`RemoteCode::UserNotFound`](absio_proto::RemoteCode::UserNotFound),
    /// [`LocalError::KeysNotFound`](absio_proto::LocalError::KeysNotFound) if only this device is
    /// asked, or [`CryptoError`](absio_proto::CryptoError) if the keys are not the ones the ids commit
    /// to.
    pub fn public_keys(&self, users: impl IntoIterator<Item = UserId>) -> Result<Vec<CardChain>, Error> {
        self.0.run(self.0.provider.public_keys(users.into_iter().collect()))
    }

    /// Keeps the public keys of a user on this device (S-223).
    ///
    /// # Errors
    /// The local store's.
    pub fn keep_public_keys(&self, chain: CardChain) -> Result<(), Error> {
        self.0.run(self.0.provider.keep_public_keys(chain))
    }
}
