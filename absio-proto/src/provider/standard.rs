//! The seed's three providers.

use super::container::{Delete, Get, Getting, Got, Write, Writing};
use super::keys::Keys;
use super::login::{Login, Logout, SignedIn};
use super::{Options, Provider, unsupported};
use crate::crypto::CardChain;
use crate::error::InputError;
use crate::model::{ContainerId, Event, EventFilter, UserId};
use crate::operation::BoxOp;
use crate::ops::container::{Changed, Create, Update, UpdateOrCreate};
use crate::ops::events;
use crate::ops::user::LoginWith;
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

    fn events(&self, filter: EventFilter) -> BoxOp<Vec<Event>> {
        match self {
            Self::Ofs => unsupported("events"),
            Self::Server | Self::ServerCacheOfs => Box::new(events::Get::new(filter)),
        }
    }

    fn public_keys(&self, users: Vec<UserId>) -> BoxOp<Vec<CardChain>> {
        Box::new(Keys::new(*self, users, Options::new()))
    }
}
