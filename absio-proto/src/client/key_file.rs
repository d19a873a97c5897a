//! Key files: the seed's `key_file` module.

/// Expands to `KeyFiles` and its methods; see [`client`](crate::client).
#[doc(hidden)]
#[macro_export]
macro_rules! key_file_methods {
    ([$($colour:tt)?] [$($wait:tt)*] $runtime:ident) => {
        use $crate::model::UserId;
        use $crate::ops::key_file::{KeyFileChecksum, Update};
        use $crate::ops::user::LoginWith;
        use $crate::provider::{Noted, SyncState};
        use $crate::{Error, User};

        /// What can be done with key files; given by [`Client::key_file`]. Where a user may be left out,
        /// the signed-in one is meant.
        ///
        /// ```no_run
        #[doc = concat!("# ", stringify!($($colour)?), " fn example(client: &", stringify!($runtime),
            "::Client) -> Result<(), absio_proto::Error> {")]
        /// use absio_proto::ops::user::LoginWith;
        ///
        /// // The password was changed on another device.
        #[doc = concat!("if client.key_file().needs_sync(None)", stringify!($($wait)*), "? {")]
        /// let with = LoginWith::nothing().passphrase("Pass-phrase 2");
        #[doc = concat!("    client.key_file().sync(None, with)", stringify!($($wait)*), "?;")]
        /// }
        /// # Ok(())
        /// # }
        /// ```
        #[derive(Clone, Copy)]
        pub struct KeyFiles<'c>(pub(super) &'c Client);

        impl KeyFiles<'_> {
            /// Opens the key file of `user_id`: the one on this device, else the broker's, which takes the
            /// passphrase (S-177, S-200, S-219). Nobody is signed in by it.
            ///
            /// # Errors
            /// [`RemoteCode::RetrievalRefused`](absio_proto::RemoteCode::RetrievalRefused) for a wrong
            /// passphrase or an unknown user, [`LocalError`](absio_proto::LocalError) if only this device is
            /// asked and has none, [`InputError`](absio_proto::InputError) for a wrong password.
            pub $($colour)? fn get(self, user_id: UserId, with: LoginWith) -> Result<User, Error> {
                self.0.run(self.0.provider.get_key_file(user_id, with))$($wait)*
            }

            /// SHA-256 and generation of a key file: at the broker the signed-in user's, on this device
            /// anybody's (S-201, S-220).
            ///
            /// # Errors
            /// The broker's refusal, what the exchange gave, or that there is none on this device.
            pub $($colour)? fn checksum(self, user_id: Option<UserId>) -> Result<KeyFileChecksum, Error> {
                self.0.run(self.0.provider.key_file_checksum(user_id))$($wait)*
            }

            /// How the key file of this device and that of the broker stand to each other (AMB-01).
            ///
            /// # Errors
            /// As [`checksum`](Self::checksum), and if nobody is signed in.
            pub $($colour)? fn state(self, user_id: Option<UserId>) -> Result<SyncState, Error> {
                self.0.run(self.0.provider.key_file_state(user_id))$($wait)*
            }

            /// Whether the broker's key file differs from the one on this device, or there is none here
            /// (S-178, AMB-01: true = sync needed).
            ///
            /// # Errors
            /// As [`state`](Self::state).
            pub $($colour)? fn needs_sync(self, user_id: Option<UserId>) -> Result<bool, Error> {
                self.state(user_id)$($wait)*.map(SyncState::needs_sync)
            }

            /// Replaces the key file of this device by the broker's, which takes the passphrase; a password
            /// given besides must open it (S-179 to S-181).
            ///
            /// # Errors
            /// As [`get`](Self::get); the key file of this device is then as it was.
            pub $($colour)? fn sync(
                self,
                user_id: Option<UserId>,
                with: LoginWith,
            ) -> Result<Noted<User>, Error> {
                self.0.run(self.0.provider.sync_key_file(user_id, with))$($wait)*
            }

            /// Replaces the signed-in user's key file (S-182, S-202); build the operation with
            /// [`Update::new`].
            ///
            /// # Errors
            /// [`RemoteCode::Conflict`](absio_proto::RemoteCode::Conflict) if another device was first.
            pub $($colour)? fn update(self, update: Update) -> Result<Noted<User>, Error> {
                self.0.run(self.0.provider.update_key_file(update))$($wait)*
            }
        }
    };
}
