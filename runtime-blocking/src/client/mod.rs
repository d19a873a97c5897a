//! The client: a session and the means to run operations on it, with a method for each operation.

mod builder;
mod container;
mod key_file;
mod user;

pub use builder::{ClientBuilder, SetupError};
pub use container::Containers;
pub use key_file::KeyFiles;
pub use user::Users;

use crate::host::BlockingHost;
use absio_proto::driver::blocking::Content;
use absio_proto::model::{ApiKey, Event, EventFilter, EventPage, UserId};
use absio_proto::ops::user::{Login, LoginWith, Logout};
use absio_proto::ops::{events, info};
use absio_proto::wire::InfoAnswer;
use absio_proto::{Error, Operation, Session, User};
use std::sync::Arc;

/// A client of one broker, for plain threads. Cheap to clone; clones share the session, so that who
/// signs in on one is signed in on all. Calls block their thread; they may run at once.
///
/// Nothing is written to disk.
#[derive(Clone)]
pub struct Client {
    host: Arc<BlockingHost<Session>>,
}

impl Client {
    /// A client of the broker at `server_url` (`https`, or `http` on this machine), with an
    /// `api_key` issued by it (S-001 to S-005).
    pub fn builder(api_key: ApiKey, server_url: &str) -> ClientBuilder {
        ClientBuilder::new(api_key, server_url)
    }

    /// Signs `user_id` in, in place of whoever was before (S-007 to S-016).
    ///
    /// # Errors
    /// [`InputError`](absio_proto::InputError) for missing or wrong credentials, the broker's
    /// refusal, or a failed verification. Nobody is signed in then.
    pub fn login(&self, user_id: UserId, with: LoginWith) -> Result<User, Error> {
        self.run(Login::new(user_id, with))
    }

    /// Signs out: wipes keys here, and ends the session at the broker if it can be reached (S-015).
    ///
    /// # Errors
    /// [`Error::Protocol`] if the broker's answer cannot be understood; signed out it is anyway.
    pub fn logout(&self) -> Result<(), Error> {
        self.run(Logout::new())
    }

    /// The signed-in user.
    #[must_use]
    pub fn signed_in(&self) -> Option<User> {
        self.host.session(|session| session.user().cloned())
    }

    /// Whether there is a token for the broker that has not run out.
    #[must_use]
    pub fn is_authenticated(&self) -> bool {
        let now = self.host.now();
        self.host.session(|session| session.is_authenticated(now))
    }

    /// Users.
    #[must_use]
    pub fn user(&self) -> Users<'_> {
        Users(self)
    }

    /// Containers.
    #[must_use]
    pub fn container(&self) -> Containers<'_> {
        Containers(self)
    }

    /// The signed-in user's key file at the broker.
    #[must_use]
    pub fn key_file(&self) -> KeyFiles<'_> {
        KeyFiles(self)
    }

    /// All events that pass `filter`, of containers and key files, from
    /// [`starting_event_id`](EventFilter::starting_event_id) on, inclusive.
    ///
    /// # Errors
    /// [`Error::Input`] if nobody is signed in, or what the exchange gave.
    pub fn events(&self, filter: EventFilter) -> Result<Vec<Event>, Error> {
        self.run(events::Get::new(filter))
    }

    /// One page of events; waits up to `wait` seconds (at most 60) for the first.
    ///
    /// # Errors
    /// As [`events`](Self::events).
    pub fn events_page(&self, filter: EventFilter, limit: usize, wait: u64) -> Result<EventPage, Error> {
        self.run(events::Page::new(filter, limit, wait))
    }

    /// Container events: from `starting_event_id` on, or without it those that are new since the
    /// last call with the same filter (S-060 to S-069, AMB-06).
    ///
    /// # Errors
    /// As [`events`](Self::events).
    pub fn new_container_events(
        &self,
        filter: EventFilter,
        starting_event_id: Option<u64>,
    ) -> Result<Vec<Event>, Error> {
        self.run(events::Get::of_containers(filter, starting_event_id))
    }

    /// What the broker says of itself: protocol, clock, software.
    ///
    /// # Errors
    /// [`Error::Transport`], or [`Error::Protocol`] if it is no broker of this version.
    pub fn info(&self) -> Result<InfoAnswer, Error> {
        self.run(info::Info::new())
    }

    /// Runs any operation of [`absio_proto::ops`] on this client's session.
    ///
    /// # Errors
    /// The operation's own.
    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        self.host.run(operation)
    }

    /// Runs an operation that reads or writes `content`.
    ///
    /// # Errors
    /// The operation's own.
    pub fn run_with<O: Operation>(
        &self,
        operation: O,
        content: &mut dyn Content,
    ) -> Result<O::Output, Error> {
        self.host.run_with(operation, content)
    }
}
