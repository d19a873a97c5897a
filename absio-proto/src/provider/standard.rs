//! The seed's three providers.

use super::container::{Delete, Get, Getting, Got, Listing, ListingPage, Write, Writing};
use super::key_file::{self, Checksum, Sync as SyncKeyFile};
use super::keys::{KeepKeys, Keys};
use super::login::{Login, Logout, SignedIn};
use super::user::{ChangeCredentials, ChangeKeys, Create as CreateUser, Delete as DeleteUser, LocalReminder};
use super::{
    Follow, Followed, Listed, ListedPage, Noted, Options, Provider, Sync, SyncState, Synced, unsupported,
};
use crate::crypto::CardChain;
use crate::error::InputError;
use crate::model::{ContainerId, Credentials, Event, EventFilter, UserId, Validators};
use crate::operation::BoxOp;
use crate::ops::container::{Changed, Create, Update, UpdateOrCreate};
use crate::ops::events;
use crate::ops::key_file::{KeyFileChecksum, Update as UpdateKeyFile};
use crate::ops::user::{LoginWith, Reminder, RevokeKeys, Revoked, RotateKeys};
use crate::session::User;
use core::fmt;
use core::str::FromStr;

/// A provider that comes with the library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standard {
    /// The broker alone. Nothing is written on this device (S-208).
    Server,
    /// The local store alone. No network (S-211).
    Ofs,
    /// The broker, with copies in the local store: the seed's default (S-164).
    #[default]
    ServerCacheOfs,
}

impl Standard {
    /// The seed's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Ofs => "ofs",
            Self::ServerCacheOfs => "server_cache_ofs",
        }
    }
}

impl fmt::Display for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Standard {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        [Self::Server, Self::Ofs, Self::ServerCacheOfs]
            .into_iter()
            .find(|place| place.as_str() == text)
            .ok_or_else(|| InputError::InvalidArgument {
                argument: "provider",
                reason: format!("{text:?} is none of server, ofs, server_cache_ofs"),
            })
    }
}

impl Provider for Standard {
    fn login(&self, user: UserId, with: LoginWith) -> BoxOp<SignedIn> {
        Box::new(Login::new(*self, user, with))
    }

    fn logout(&self) -> BoxOp<()> {
        Box::new(Logout::new(*self))
    }

    fn create_container(&self, create: Create) -> BoxOp<Changed> {
        Box::new(Writing::new(*self, Write::Create(Box::new(create))))
    }

    fn get_container(&self, get: Get) -> BoxOp<Got> {
        Box::new(Getting::new(*self, get))
    }

    fn update_container(&self, update: Update) -> BoxOp<Changed> {
        Box::new(Writing::new(*self, Write::Update(Box::new(update))))
    }

    fn update_or_create_container(&self, write: UpdateOrCreate) -> BoxOp<Changed> {
        Box::new(Writing::new(*self, Write::UpdateOrCreate(Box::new(write))))
    }

    fn delete_container(&self, container: ContainerId) -> BoxOp<()> {
        Box::new(Delete::new(*self, container))
    }

    fn list_containers(&self) -> BoxOp<Vec<Listed>> {
        Box::new(Listing::new(*self))
    }

    fn list_containers_page(&self, after: Option<ContainerId>, limit: usize) -> BoxOp<ListedPage> {
        Box::new(ListingPage::new(*self, after, limit))
    }

    fn events(&self, filter: EventFilter) -> BoxOp<Vec<Event>> {
        match self {
            Self::Ofs => unsupported("events"),
            Self::Server | Self::ServerCacheOfs => Box::new(events::Get::new(filter)),
        }
    }

    fn follow_events(&self, follow: Follow) -> BoxOp<Followed> {
        match self {
            Self::Server | Self::Ofs => unsupported("following events: that needs the server and a store"),
            Self::ServerCacheOfs => Box::new(follow),
        }
    }

    fn sync(&self, sync: Sync) -> BoxOp<Synced> {
        match self {
            Self::Server | Self::Ofs => unsupported("syncing: that needs the server and a store"),
            Self::ServerCacheOfs => Box::new(sync),
        }
    }

    fn public_keys(&self, users: Vec<UserId>) -> BoxOp<Vec<CardChain>> {
        Box::new(Keys::new(*self, users, Options::new()))
    }

    fn get_key_file(&self, user: UserId, with: LoginWith) -> BoxOp<User> {
        Box::new(key_file::Get::new(*self, user, with))
    }

    fn key_file_checksum(&self, user: Option<UserId>) -> BoxOp<KeyFileChecksum> {
        Box::new(Checksum::new(*self, user))
    }

    fn key_file_state(&self, user: Option<UserId>) -> BoxOp<SyncState> {
        match self {
            Self::Server | Self::Ofs => unsupported("comparing key files: it has one place for them"),
            Self::ServerCacheOfs => Box::new(key_file::State::new(user)),
        }
    }

    fn sync_key_file(&self, user: Option<UserId>, with: LoginWith) -> BoxOp<Noted<User>> {
        match self {
            Self::Server | Self::Ofs => unsupported("syncing key files: it has one place for them"),
            Self::ServerCacheOfs => Box::new(SyncKeyFile::new(user, with)),
        }
    }

    fn update_key_file(&self, update: UpdateKeyFile) -> BoxOp<Noted<User>> {
        Box::new(key_file::Update::new(*self, update))
    }

    fn keep_public_keys(&self, chain: CardChain) -> BoxOp<()> {
        match self {
            Self::Server => unsupported("keeping public keys: it writes nothing on this device"),
            Self::Ofs | Self::ServerCacheOfs => Box::new(KeepKeys::new(chain)),
        }
    }

    fn create_user(&self, credentials: Credentials, validators: Option<Validators>) -> BoxOp<Noted<User>> {
        Box::new(CreateUser::new(*self, credentials, validators))
    }

    fn change_credentials(&self, to: Credentials, validators: Option<Validators>) -> BoxOp<Noted<User>> {
        Box::new(ChangeCredentials::new(*self, to, validators))
    }

    fn rotate_keys(&self, change: RotateKeys) -> BoxOp<Noted<User>> {
        match self {
            Self::Ofs => unsupported("changing keys without the server"),
            Self::Server | Self::ServerCacheOfs => Box::new(ChangeKeys::rotate(*self, change)),
        }
    }

    fn revoke_keys(&self, change: RevokeKeys) -> BoxOp<Noted<Revoked>> {
        match self {
            Self::Ofs => unsupported("changing keys without the server"),
            Self::Server | Self::ServerCacheOfs => Box::new(ChangeKeys::revoke(*self, change)),
        }
    }

    fn delete_user(&self, user: Option<UserId>) -> BoxOp<()> {
        Box::new(DeleteUser::new(*self, user))
    }

    fn reminder(&self, user: Option<UserId>) -> BoxOp<String> {
        match self {
            Self::Ofs => Box::new(LocalReminder(user)),
            Self::Server | Self::ServerCacheOfs => Box::new(Reminder::new(user)),
        }
    }
}
