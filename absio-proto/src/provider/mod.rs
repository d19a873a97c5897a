//! Providers: where containers, key files and keys are kept (the seed's `absio.providers`).
//!
//! | provider | keeps | reads |
//! |---|---|---|
//! | [`Standard::Server`] | at the broker | from the broker |
//! | [`Standard::Ofs`] | in the local store, encrypted | from there; no network at all |
//! | [`Standard::ServerCacheOfs`] | at the broker, then in the local store | from the local store, else from the broker |
//!
//! [`WithOutbox`] is the third with an outbox: a change that cannot be sent waits there instead of
//! failing.
//!
//! Each has a session of its own: who signs in under one is not signed in under another;
//! `ServerCacheOfs` signs in to both (S-229). A custom provider implements [`Provider`], as much of it
//! as is called; the rest answers [`InputError::Unsupported`] (S-232).
//!
//! ```text
//!  provider ──▶ ops::container, ops::user, … (the broker's)
//!           └─▶ ops::ofs (the local store's)
//! ```

pub mod container;
pub mod follow;
mod key_file;
mod keys;
mod locally;
mod login;
mod noted;
mod options;
pub mod outbox;
mod standard;
pub mod sync;
mod user;

pub use container::Got;
pub use follow::{Applied, Follow, Followed, What};
pub use login::SignedIn;
pub use noted::{Listed, ListedPage, Noted, SyncState};
pub use options::Options;
pub use outbox::WithOutbox;
pub use standard::Standard;
pub use sync::{Sync, Synced};

use crate::crypto::CardChain;
use crate::effect::Reply;
use crate::error::{Error, InputError};
use crate::model::{ContainerId, Credentials, Event, EventFilter, UserId, Validators};
use crate::operation::{BoxOp, Cx, Operation, Step};
use crate::ops::container::{Changed, Create, Update, UpdateOrCreate};
use crate::ops::key_file::{KeyFileChecksum, Update as UpdateKeyFile};
use crate::ops::user::{LoginWith, RevokeKeys, Revoked, RotateKeys};
use crate::session::{Session, User};
use core::marker::PhantomData;

/// What a client asks of whoever keeps its things. Every call gives an operation, so that a provider
/// needs no I/O of its own and runs under threads and tasks alike.
pub trait Provider: Send + core::marker::Sync {
    /// Signs a user in (S-007 to S-016).
    fn login(&self, user: UserId, with: LoginWith) -> BoxOp<SignedIn> {
        let _ = (user, with);
        unsupported("login")
    }

    /// Signs out (S-015).
    fn logout(&self) -> BoxOp<()> {
        unsupported("logout")
    }

    /// Creates a container (S-025 to S-041).
    fn create_container(&self, create: Create) -> BoxOp<Changed> {
        let _ = create;
        unsupported("creating containers")
    }

    /// Gets a container (S-049 to S-059).
    fn get_container(&self, get: container::Get) -> BoxOp<Got> {
        let _ = get;
        unsupported("getting containers")
    }

    /// Changes a container (S-070 to S-083).
    fn update_container(&self, update: Update) -> BoxOp<Changed> {
        let _ = update;
        unsupported("updating containers")
    }

    /// Writes a container that the caller encrypted (S-175, S-192 to S-197, S-217).
    fn update_or_create_container(&self, write: UpdateOrCreate) -> BoxOp<Changed> {
        let _ = write;
        unsupported("writing containers")
    }

    /// Gives up a container (S-042 to S-048, S-173, S-215).
    fn delete_container(&self, container: ContainerId) -> BoxOp<()> {
        let _ = container;
        unsupported("deleting containers")
    }

    /// The containers there are: at the broker, or in the local store (X-02).
    fn list_containers(&self) -> BoxOp<Vec<Listed>> {
        unsupported("listing containers")
    }

    /// One page of that list: at most `limit` containers (1 to 1,000) after `after`, which was the
    /// `next` of the page before (X-02).
    fn list_containers_page(&self, after: Option<ContainerId>, limit: usize) -> BoxOp<ListedPage> {
        let _ = (after, limit);
        unsupported("listing containers")
    }

    /// Reads events (S-067, S-176, S-198).
    fn events(&self, filter: EventFilter) -> BoxOp<Vec<Event>> {
        let _ = filter;
        unsupported("events")
    }

    /// Applies the broker's events to what is kept on this device (S-172).
    fn follow_events(&self, follow: Follow) -> BoxOp<Followed> {
        let _ = follow;
        unsupported("following events")
    }

    /// Brings what is kept on this device up to date.
    fn sync(&self, sync: Sync) -> BoxOp<Synced> {
        let _ = sync;
        unsupported("syncing")
    }

    /// Opens the key file of a user: the one on this device, else the broker's (S-177, S-200, S-219).
    /// Nobody is signed in by it.
    fn get_key_file(&self, user: UserId, with: LoginWith) -> BoxOp<User> {
        let _ = (user, with);
        unsupported("key files")
    }

    /// Checksum and generation of a key file: the signed-in user's at the broker, anybody's in the
    /// local store (S-220).
    fn key_file_checksum(&self, user: Option<UserId>) -> BoxOp<KeyFileChecksum> {
        let _ = user;
        unsupported("key files")
    }

    /// Whether the key file of this device is the broker's (S-178, AMB-01).
    fn key_file_state(&self, user: Option<UserId>) -> BoxOp<SyncState> {
        let _ = user;
        unsupported("comparing key files")
    }

    /// Replaces the key file of this device by the broker's (S-179 to S-181).
    fn sync_key_file(&self, user: Option<UserId>, with: LoginWith) -> BoxOp<Noted<User>> {
        let _ = (user, with);
        unsupported("syncing key files")
    }

    /// Writes a key file (S-182, S-202, S-221).
    fn update_key_file(&self, update: UpdateKeyFile) -> BoxOp<Noted<User>> {
        let _ = update;
        unsupported("key files")
    }

    /// The verified public keys of users, in ascending order of id (S-183, S-203, S-222).
    fn public_keys(&self, users: Vec<UserId>) -> BoxOp<Vec<CardChain>> {
        let _ = users;
        unsupported("public keys")
    }

    /// Keeps the public keys of a user (S-223).
    fn keep_public_keys(&self, chain: CardChain) -> BoxOp<()> {
        let _ = chain;
        unsupported("keeping public keys")
    }

    /// Makes a user (S-154 to S-156, S-205, S-225). Nobody is signed in by it.
    fn create_user(&self, credentials: Credentials, validators: Option<Validators>) -> BoxOp<Noted<User>> {
        let _ = (credentials, validators);
        unsupported("creating users")
    }

    /// Changes password, passphrase and reminder (S-157 to S-159, S-224).
    fn change_credentials(&self, to: Credentials, validators: Option<Validators>) -> BoxOp<Noted<User>> {
        let _ = (to, validators);
        unsupported("changing credentials")
    }

    /// Gives the signed-in user new keys (X-08).
    fn rotate_keys(&self, change: RotateKeys) -> BoxOp<Noted<User>> {
        let _ = change;
        unsupported("changing keys")
    }

    /// Revokes the signed-in user's keys after a theft, and signs anew what they signed (X-08).
    fn revoke_keys(&self, change: RevokeKeys) -> BoxOp<Noted<Revoked>> {
        let _ = change;
        unsupported("changing keys")
    }

    /// Removes the signed-in user, who may be named to be sure (S-160, S-206, S-226).
    fn delete_user(&self, user: Option<UserId>) -> BoxOp<()> {
        let _ = user;
        unsupported("deleting users")
    }

    /// The public reminder of a user, or of the signed-in one (S-161 to S-163, S-207).
    fn reminder(&self, user: Option<UserId>) -> BoxOp<String> {
        let _ = user;
        unsupported("reminders")
    }
}

/// An operation that is refused: the provider does not offer `what`.
pub fn unsupported<T: Send + 'static>(what: &'static str) -> BoxOp<T> {
    Box::new(Refused(what, PhantomData))
}

struct Refused<T>(&'static str, PhantomData<fn() -> T>);

impl<T> Operation for Refused<T> {
    type Output = T;

    fn resume(&mut self, _cx: &mut Cx<'_, Session>, _reply: Option<Reply>) -> Step<Result<T, Error>> {
        Step::Done(Err(InputError::Unsupported { what: self.0 }.into()))
    }
}
