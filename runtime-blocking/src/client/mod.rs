//! The client: a session and the means to run operations on it, with a method for each operation.

mod builder;
mod container;
mod key_file;
mod scope;
mod store;
mod user;

pub use builder::{ClientBuilder, SetupError};
pub use container::Containers;
pub use key_file::KeyFiles;
pub use user::Users;

use crate::host::BlockingHost;
use absio_proto::driver::blocking::Content;
use absio_proto::model::{ApiKey, Event, EventFilter, EventPage, UserId};
use absio_proto::ops::user::LoginWith;
use absio_proto::ops::{events, info};
use absio_proto::provider::{Follow, Followed, Options, Provider, SignedIn, Sync, Synced};
use absio_proto::wire::InfoAnswer;
use absio_proto::{Error, Operation, Session, User};
use std::path::Path;
use std::sync::Arc;

/// A client of one broker, for plain threads. Cheap to clone; clones share the session, so that who
/// signs in on one is signed in on all. Calls block their thread; they may run at once.
///
/// Every call goes to the client's [`Provider`]: the broker, the local store, both, or one of the
/// caller's own. [`under`](Self::under) and [`with`](Self::with) give the same client with another
/// provider or other options, for one call or for many; the client they are called on stays as it is.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use absio_blocking::Client;
/// use absio_proto::model::Portion;
/// use absio_proto::provider::{Options, Standard};
///
/// let api_key = "1d4c568b-e762-4284-b14e-167cc4776026".parse()?;
/// let client = Client::builder(api_key, "https://broker.example").root("letters").build()?;
/// let id = "0e28abdc-1a8f-83db-b565-088161af2b53".parse()?;
/// client.container().get(id, Portion::All)?; // from the local store, else from the broker
/// client.under(Standard::Ofs).container().get(id, Portion::All)?; // no network
/// client.with(Options::new().force_refresh()).container().get(id, Portion::All)?; // asks the broker
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    host: Arc<BlockingHost<Session>>,
    provider: Arc<dyn Provider>,
    options: Options,
    quarantined: Option<Arc<Path>>,
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
        self.sign_in(user_id, with).map(|signed_in| signed_in.user)
    }

    /// As [`login`](Self::login), and says whether the broker was reached (X-17): with a key file on
    /// this device and the right password it need not be; its session is then made by the first call
    /// that reaches it.
    ///
    /// # Errors
    /// As there.
    pub fn sign_in(&self, user_id: UserId, with: LoginWith) -> Result<SignedIn, Error> {
        self.run(self.provider.login(user_id, with))
    }

    /// Signs out: wipes keys here, and ends the session at the broker if it can be reached (S-015).
    /// The standard providers have sessions of their own: this ends those of the client's (S-229).
    ///
    /// # Errors
    /// [`Error::Protocol`] if the broker's answer cannot be understood; signed out it is anyway.
    pub fn logout(&self) -> Result<(), Error> {
        self.run(self.provider.logout())
    }

    /// The user who is signed in at the broker, or will be by the first call that reaches it (X-27).
    #[must_use]
    pub fn signed_in(&self) -> Option<User> {
        self.host.session(|session| session.user().cloned())
    }

    /// The user who is signed in at the local store.
    #[must_use]
    pub fn local_user(&self) -> Option<User> {
        self.host.session(|session| session.local_user().cloned())
    }

    /// Whether there is a token for the broker that has not run out (X-27).
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

    /// Key files: on this device, at the broker, and how the two stand to each other.
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
        self.run(self.provider.events(filter))
    }

    /// One page of events, from the broker whatever the provider; waits up to `wait` seconds (at most
    /// 60) for the first.
    ///
    /// # Errors
    /// As [`events`](Self::events).
    pub fn events_page(&self, filter: EventFilter, limit: usize, wait: u64) -> Result<EventPage, Error> {
        self.run(events::Page::new(filter, limit, wait))
    }

    /// Container events: from `starting_event_id` on, or without it those that are new since the
    /// last call with the same filter (S-060 to S-069, AMB-06). From the broker whatever the provider.
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

    /// Applies the broker's events to what is kept on this device, exactly once over crashes and restarts:
    /// the loop of the original's FAQ (S-172).
    ///
    /// # Errors
    /// Of the broker and the store when they are not there; what was followed until then stands.
    pub fn follow(&self, follow: Follow) -> Result<Followed, Error> {
        self.run(self.provider.follow_events(follow))
    }

    /// Brings what is kept on this device up to date with the broker, whatever was missed.
    ///
    /// # Errors
    /// As [`follow`](Self::follow); what concerns one container alone is in the result.
    pub fn sync(&self, sync: Sync) -> Result<Synced, Error> {
        self.run(self.provider.sync(sync))
    }

    /// What the broker says of itself: protocol, clock, software (X-15).
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
