//! What devices do: the operations of the library as values, and what each gave.

use super::model::{Edit, Sets};
use absio_proto::crypto::container::Container;
use absio_proto::model::{
    AccessChange, AccessList, ContainerId, Credentials, EventFilter, Grant, Portion, UserId,
};
use absio_proto::ops::container::{Changed, Create, Get as GetThere, List as ListThere, Update};
use absio_proto::ops::ofs::{Check, Checked, Repair, Sweep};
use absio_proto::ops::user::{self, LoginWith, RotateKeys};
use absio_proto::provider::container::Get;
use absio_proto::provider::outbox::{self, Discard, Drain, Drained, Queued};
use absio_proto::provider::{Follow, Followed, Got, Listed, Options, Provider, Standard, Sync, WithOutbox};
use absio_proto::{BoxOp, Map, Operation};
use serde_json::json;

pub(crate) const PASSWORD: &str = "Correct horse 1";
pub(crate) const PASSPHRASE: &str = "Battery staple 2";
/// What every content and header begins with: it must be seen nowhere else.
pub(crate) const SECRET: &str = "SECRET-";

/// Under which provider something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Server,
    Ofs,
    Both,
    Outbox,
}

impl Place {
    fn provider(self) -> &'static dyn Provider {
        match self {
            Self::Server => &Standard::Server,
            Self::Ofs => &Standard::Ofs,
            Self::Both => &Standard::ServerCacheOfs,
            Self::Outbox => &WithOutbox,
        }
    }
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Register,
    SignIn { user: usize, place: Place, refreshed: bool },
    SignOut,
    Create { place: Place, write: u64, sets: Sets },
    Update { place: Place, container: ContainerId, write: u64, sets: Sets },
    Delete { place: Place, container: ContainerId, write: u64 },
    Get { place: Place, container: ContainerId, portion: Portion, is_fresh: bool },
    Encrypted { container: ContainerId },
    List { place: Place },
    ListThere,
    Events,
    Follow,
    Sync,
    Drain,
    Queue,
    Discard { sequence: u64 },
    PublicKeys { users: Vec<usize> },
    RotateKeys,
    ChangeCredentials { reminder: u64 },
    KeyFileState,
    Check,
    Sweep,
    Repair,
}

/// What an operation gave.
pub(crate) enum Outcome {
    Done,
    Registered(UserId),
    Changed(Box<Changed>),
    Got(Box<Got>),
    Encrypted(Box<Container>),
    Listed(Vec<Listed>),
    There(Vec<ContainerId>),
    Drained(Drained),
    Queue(Vec<Queued>),
    Checked(Checked),
    Followed(Followed),
}

fn boxed<O>(operation: O, outcome: fn(O::Output) -> Outcome) -> BoxOp<Outcome>
where
    O: Operation + Send + 'static,
    O::Output: 'static,
{
    Box::new(Map::new(operation, move |output| Ok(outcome(output))))
}

/// The content of a write: told apart by its number, and as long as it says.
pub(crate) fn content(write: u64, length: usize) -> Vec<u8> {
    let line = format!("{SECRET}content {write:010} ");
    line.bytes().cycle().take(length.max(line.len())).collect()
}

/// The number in a content, if the whole of it is what that write wrote.
pub(crate) fn content_number(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.get(SECRET.len() + 8..SECRET.len() + 18)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (content(number, bytes.len()) == bytes).then_some(number)
}

/// The header of a write, which also says by which write its container was created.
pub(crate) fn header(create: u64, write: u64) -> serde_json::Value {
    json!({ "secret": format!("{SECRET}header"), "create": create, "write": write })
}

impl Call {
    /// Its name, for counting.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::SignIn { .. } => "sign in",
            Self::SignOut => "sign out",
            Self::Create { .. } => "create",
            Self::Update { .. } => "update",
            Self::Delete { .. } => "delete",
            Self::Get { .. } | Self::Encrypted { .. } => "get",
            Self::List { .. } | Self::ListThere => "list",
            Self::Events => "events",
            Self::Follow => "follow",
            Self::Sync => "sync",
            Self::Drain => "drain",
            Self::Queue => "outbox list",
            Self::Discard { .. } => "discard",
            Self::PublicKeys { .. } => "public keys",
            Self::RotateKeys => "rotate keys",
            Self::ChangeCredentials { .. } => "change credentials",
            Self::KeyFileState => "key file state",
            Self::Check => "check",
            Self::Sweep => "sweep",
            Self::Repair => "repair",
        }
    }

    /// The operation, `ids` being those of the users.
    pub(crate) fn operation(&self, ids: &[UserId]) -> BoxOp<Outcome> {
        match self {
            Self::Register => {
                let created =
                    user::Create::new(Credentials::new(PASSWORD, PASSPHRASE).reminder("reminder 0"));
                boxed(created, |user| Outcome::Registered(user.id()))
            }
            Self::SignIn { user, place, refreshed } => {
                let with = match place {
                    Place::Ofs => LoginWith::nothing().password(PASSWORD),
                    _ => LoginWith::nothing().password(PASSWORD).passphrase(PASSPHRASE),
                };
                let with = if *refreshed { with.refreshed() } else { with };
                boxed(place.provider().login(ids[*user], with), |_| Outcome::Done)
            }
            Self::SignOut => boxed(Place::Both.provider().logout(), |()| Outcome::Done),
            Self::Create { place, write, sets } => {
                let mut create = Create::new(content(*write, sets.length)).header(header(*write, *write));
                if sets.kind {
                    create = create.container_type(format!("type {write}"));
                }
                if !sets.access.is_empty() {
                    // A list that does not name its creator leaves them without access (AMB-05).
                    let grants = sets.access.iter().filter_map(|edit| edit.grant(ids));
                    create = create.access(AccessList::of(grants.chain([Grant::full(ids[sets.creator])])));
                }
                boxed(place.provider().create_container(create), |changed| {
                    Outcome::Changed(Box::new(changed))
                })
            }
            Self::Update { place, container, write, sets } => {
                let update = updated(Update::new(*container), *write, sets, ids);
                boxed(place.provider().update_container(update), |changed| {
                    Outcome::Changed(Box::new(changed))
                })
            }
            Self::Delete { place, container, .. } => {
                boxed(place.provider().delete_container(*container), |()| Outcome::Done)
            }
            Self::Get { place, container, portion, is_fresh } => {
                let options = if *is_fresh { Options::new().force_refresh() } else { Options::new() };
                let get = Get::new(*container, *portion).with(options);
                boxed(place.provider().get_container(get), |got| Outcome::Got(Box::new(got)))
            }
            Self::Encrypted { container } => {
                let get = GetThere::new(*container, Portion::All).encrypted();
                boxed(get, |container| Outcome::Encrypted(Box::new(container)))
            }
            Self::List { place } => boxed(place.provider().list_containers(), Outcome::Listed),
            Self::ListThere => boxed(ListThere::new(), |list| {
                Outcome::There(list.into_iter().map(|summary| summary.container_id).collect())
            }),
            Self::Events => boxed(Place::Both.provider().events(EventFilter::default()), |_| Outcome::Done),
            Self::Follow => boxed(Place::Both.provider().follow_events(Follow::new()), Outcome::Followed),
            Self::Sync => boxed(Place::Both.provider().sync(Sync::new()), |_| Outcome::Done),
            Self::Drain => boxed(Drain::new(), Outcome::Drained),
            Self::Queue => boxed(outbox::List::new(), Outcome::Queue),
            Self::Discard { sequence } => boxed(Discard::new(*sequence), |_| Outcome::Done),
            Self::PublicKeys { users } => {
                let users = users.iter().map(|user| ids[*user]).collect();
                boxed(Place::Both.provider().public_keys(users), |_| Outcome::Done)
            }
            Self::RotateKeys => {
                boxed(Place::Both.provider().rotate_keys(RotateKeys::new()), |_| Outcome::Done)
            }
            Self::ChangeCredentials { reminder } => {
                let to = Credentials::new(PASSWORD, PASSPHRASE).reminder(&format!("reminder {reminder}"));
                boxed(Place::Both.provider().change_credentials(to, None), |_| Outcome::Done)
            }
            Self::KeyFileState => boxed(Place::Both.provider().key_file_state(None), |_| Outcome::Done),
            Self::Check => boxed(Check::new(), Outcome::Checked),
            Self::Sweep => boxed(Sweep::new(), |_| Outcome::Done),
            Self::Repair => boxed(Repair::new(), |_| Outcome::Done),
        }
    }
}

fn updated(mut update: Update, write: u64, sets: &Sets, ids: &[UserId]) -> Update {
    if sets.content {
        update = update.content(content(write, sets.length));
    }
    if sets.header {
        update = update.header(header(sets.created_by_write, write));
    }
    if sets.kind {
        update = update.container_type(format!("type {write}"));
    }
    if !sets.access.is_empty() {
        let set: Vec<Grant> = sets.access.iter().filter_map(|edit| edit.grant(ids)).collect();
        let removed = |edit: &Edit| match edit {
            Edit::Remove { user } => Some(ids[*user]),
            Edit::Grant { .. } => None,
        };
        let remove = sets.access.iter().filter_map(removed).collect();
        update = update.access(AccessChange::Edit { set, remove });
    }
    update
}
