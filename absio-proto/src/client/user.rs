//! Users: the seed's `user` module, and `keys`.

/// Expands to `Users` and its methods; see [`client`](crate::client).
#[doc(hidden)]
#[macro_export]
macro_rules! user_methods {
    ([$($colour:tt)?] [$($wait:tt)*] $runtime:ident) => {
        use $crate::crypto::{CardChain, KeyRing};
        use $crate::model::{Credentials, UserId, Validators};
        use $crate::ops::user::{Register, RevokeKeys, Revoked, RotateKeys};
        use $crate::provider::Noted;
        use $crate::{Error, User};

        /// What can be done with users; given by [`Client::user`].
        ///
        /// ```no_run
        #[doc = concat!("# ", stringify!($($colour)?), " fn example(client: &", stringify!($runtime),
            "::Client) -> Result<(), absio_proto::Error> {")]
        /// use absio_proto::model::Credentials;
        /// use absio_proto::ops::user::LoginWith;
        ///
        /// let credentials = Credentials::new("Pass-word 1", "Pass-phrase 2").reminder("the river");
        #[doc = concat!("let alice = client.user().create(credentials)", stringify!($($wait)*), "?;")]
        #[doc = concat!("client.login(alice.id(), LoginWith::nothing().passphrase(\"Pass-phrase 2\"))",
            stringify!($($wait)*), "?;")]
        #[doc = concat!("assert_eq!(client.user().reminder(None)",
            stringify!($($wait)*), "?, \"the river\");")]
        /// # Ok(())
        /// # }
        /// ```
        #[derive(Clone, Copy)]
        pub struct Users<'c>(pub(super) &'c Client);

        impl Users<'_> {
            /// Makes a user with fresh keys and registers it (S-154 to S-156). Nobody is signed in by it.
            ///
            /// # Errors
            /// [`InputError::CredentialRefused`](absio_proto::InputError::CredentialRefused) before
            /// anything is sent, or the broker's refusal.
            pub $($colour)? fn create(self, credentials: Credentials) -> Result<User, Error> {
                self.create_noted(credentials, None)$($wait)*.map(|noted| noted.value)
            }

            /// As [`create`](Self::create), with validators for this call only (S-021).
            ///
            /// # Errors
            /// As there.
            pub $($colour)? fn create_validated_by(
                self,
                credentials: Credentials,
                validators: Validators,
            ) -> Result<User, Error> {
                self.create_noted(credentials, Some(validators))$($wait)*.map(|noted| noted.value)
            }

            /// As [`create`](Self::create), and says whether the key file could be kept on this device.
            ///
            /// # Errors
            /// As there.
            pub $($colour)? fn create_noted(
                self,
                credentials: Credentials,
                validators: Option<Validators>,
            ) -> Result<Noted<User>, Error> {
                self.0.run(self.0.provider.create_user(credentials, validators))$($wait)*
            }

            /// Registers, at the broker whatever the provider, the user of a key ring that the program keeps
            /// itself, without a key file (X-10).
            ///
            /// # Errors
            /// The broker's refusal, or what the exchange gave.
            pub $($colour)? fn register(self, ring: KeyRing) -> Result<User, Error> {
                self.0.run(Register::new(ring))$($wait)*
            }

            /// Changes the signed-in user's password, passphrase and reminder (S-157 to S-159, S-224).
            ///
            /// # Errors
            /// As [`create`](Self::create); the key file is then as it was.
            pub $($colour)? fn change_credentials(self, credentials: Credentials) -> Result<User, Error> {
                self.change_credentials_noted(credentials, None)$($wait)*.map(|noted| noted.value)
            }

            /// As [`change_credentials`](Self::change_credentials), with validators for this call only.
            ///
            /// # Errors
            /// As there.
            pub $($colour)? fn change_credentials_validated_by(
                self,
                credentials: Credentials,
                validators: Validators,
            ) -> Result<User, Error> {
                self.change_credentials_noted(credentials, Some(validators))$($wait)*.map(|noted| noted.value)
            }

            /// As [`change_credentials`](Self::change_credentials), and says whether the new key file could
            /// be kept on this device.
            ///
            /// # Errors
            /// As there.
            pub $($colour)? fn change_credentials_noted(
                self,
                credentials: Credentials,
                validators: Option<Validators>,
            ) -> Result<Noted<User>, Error> {
                self.0.run(self.0.provider.change_credentials(credentials, validators))$($wait)*
            }

            /// Gives the signed-in user a new signing and a new derivation key; the old ones are retired.
            /// What they signed and opened stays as it is, and peers follow by themselves (X-08). The key
            /// file on this device follows; others sync.
            ///
            /// # Errors
            /// [`RemoteCode::Conflict`](absio_proto::RemoteCode::Conflict) if another device changed the key
            /// file first; the keys are then as they were. After
            /// [`Error::Transport`] log in again: see [`RotateKeys`].
            pub $($colour)? fn rotate_keys(self) -> Result<Noted<User>, Error> {
                self.0.run(self.0.provider.rotate_keys(RotateKeys::new()))$($wait)*
            }

            /// The same for a user without a key file, to a `ring` made with [`KeyRing::rotated`]: keep it
            /// before.
            ///
            /// # Errors
            /// As there, and [`InputError::InvalidArgument`](absio_proto::InputError::InvalidArgument) if it
            /// is not the next ring.
            pub $($colour)? fn rotate_keys_to(self, ring: KeyRing) -> Result<Noted<User>, Error> {
                self.0.run(self.0.provider.rotate_keys(RotateKeys::to(ring)))$($wait)*
            }

            /// Revokes the keys of the signed-in user after a theft: makes new ones, ends every session, and
            /// signs anew each container that the old key signed last. Says which it could not (X-08).
            ///
            /// # Errors
            /// As [`rotate_keys`](Self::rotate_keys).
            pub $($colour)? fn revoke_keys(self) -> Result<Noted<Revoked>, Error> {
                self.0.run(self.0.provider.revoke_keys(RevokeKeys::new()))$($wait)*
            }

            /// Deletes the signed-in user, for ever (S-160, S-206, S-226): containers that nobody else has go
            /// with it. Nobody is signed in afterwards.
            ///
            /// # Errors
            /// The broker's refusal, or what the exchange gave.
            pub $($colour)? fn delete(self) -> Result<(), Error> {
                self.0.run(self.0.provider.delete_user(None))$($wait)*
            }

            /// The public reminder of `user_id`, or of the signed-in user (S-161 to S-163).
            ///
            /// # Errors
            /// The broker's refusal, or what the exchange gave.
            pub $($colour)? fn reminder(self, user_id: Option<UserId>) -> Result<String, Error> {
                self.0.run(self.0.provider.reminder(user_id))$($wait)*
            }

            /// The verified public keys of users, in ascending order of id: one request for all that are
            /// not known yet (S-183, S-203, S-222).
            ///
            /// # Errors
            /// [`RemoteCode::UserNotFound`](absio_proto::RemoteCode::UserNotFound),
            /// [`LocalError::KeysNotFound`](absio_proto::LocalError::KeysNotFound) if only this device is
            /// asked, or [`CryptoError`](absio_proto::CryptoError) if the keys are not the ones the ids
            /// commit to.
            pub $($colour)? fn public_keys(
                self,
                users: impl IntoIterator<Item = UserId>,
            ) -> Result<Vec<CardChain>, Error> {
                self.0.run(self.0.provider.public_keys(users.into_iter().collect()))$($wait)*
            }

            /// Keeps the public keys of a user on this device (S-223).
            ///
            /// # Errors
            /// The local store's.
            pub $($colour)? fn keep_public_keys(self, chain: CardChain) -> Result<(), Error> {
                self.0.run(self.0.provider.keep_public_keys(chain))$($wait)*
            }
        }
    };
}
