//! Changes while the server cannot be reached: the default provider with an outbox (F27).
//!
//! Nothing uses it unless it is asked for. Then a change is written to the local store before it is sent,
//! as the very bytes that are sent and under the idempotency key that they are sent with. It leaves
//! the outbox when the broker accepted or refused it. When nobody answers, it stays, and the call
//! succeeds with [`Warning::Queued`]: this device reads what waits as if it were sent.
//!
//! ```text
//!   WithOutbox ──▶ row and blob in the local store ──▶ the broker ─┬─ answers ─▶ the row goes
//!                                                                  └─ does not ─▶ Queued
//!   Drain ──▶ each row in order ─┬─ accepted ─▶ the row goes, what is kept is confirmed
//!                                ├─ conflict ─▶ theirs is kept, ours stays in the outbox: Open, then Discard
//!                                ├─ refused ─▶ it stays in the outbox: Retry or Discard
//!                                └─ no answer ─▶ the drain stops; everything stays
//! ```
//!
//! - **Order.** Changes of one container build on each other and are sent in order; while one waits, the
//!   next waits too, also when the server is back. Other containers do not wait for them.
//! - **Once.** However often a change is sent, it has one effect: by its idempotency key for 30 days, and
//!   by its place in the container's history for ever.
//! - **When.** Nothing is sent by itself, not even when signing in: [`Drain`] is for the caller to run.
//! - **What.** Whatever goes in one request: contents up to 4 MiB from memory. Larger ones go straight to
//!   the server, and if it is not there, the call is
//!   [`LocalError::CannotQueue`](crate::LocalError::CannotQueue). Recipients must be known on this device.
//! - **Mixing.** A change of a container without the outbox, while others wait in it, is
//!   [`LocalError::Unsent`](crate::LocalError::Unsent): it would make them conflicts.
//! - **Reading.** While a change waits, neither `force_refresh` nor `max_staleness` asks the server about
//!   that container. A container whose deletion waits is
//!   [`LocalError::DeletionQueued`](crate::LocalError::DeletionQueued).

mod discard;
mod drain;
mod list;
mod open;
mod retry;
mod settle;

pub use crate::ofs::outbox::{QueuedKind, QueuedState};
pub use discard::Discard;
pub use drain::{Drain, Drained};
pub use list::{List, Queued};
pub use open::Open;
pub use retry::Retry;

use super::container::{Delete, Get, Got, Write, Writing};
use super::login::SignedIn;
use super::{Follow, Followed, Listed, ListedPage, Noted, Provider, Standard, Sync, SyncState, Synced};
use crate::crypto::CardChain;
use crate::drive;
use crate::effect::Reply;
use crate::error::Error;
use crate::model::{ContainerId, Credentials, Event, EventFilter, UserId, Validators};
use crate::operation::{BoxOp, Cx, Operation, Step};
use crate::ops::container::{Changed, Create, Update, UpdateOrCreate, Warning};
use crate::ops::key_file::{self, KeyFileChecksum};
use crate::ops::user::{LoginWith, RevokeKeys, Revoked, RotateKeys};
use crate::session::{Session, User};

/// The default provider, whose changes of containers wait in the outbox if they cannot be sent.
/// Everything else is [`Standard::ServerCacheOfs`]'s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WithOutbox;

const CACHE: Standard = Standard::ServerCacheOfs;

impl WithOutbox {
    /// Gives up a container, and says whether that waits ([`Warning::Queued`]).
    #[must_use]
    pub fn delete(&self, container: ContainerId) -> BoxOp<Noted<()>> {
        Box::new(Deleting(Delete::to_outbox(container)))
    }
}

struct Deleting(Delete);

impl Operation for Deleting {
    type Output = Noted<()>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Noted<()>, Error>> {
        drive!(&mut self.0, cx, reply);
        let warnings = self.0.queued().map(|sequence| Warning::Queued { sequence }).into_iter().collect();
        Step::Done(Ok(Noted { value: (), warnings }))
    }
}

impl Provider for WithOutbox {
    fn create_container(&self, create: Create) -> BoxOp<Changed> {
        Box::new(Writing::to_outbox(Write::Create(Box::new(create))))
    }

    fn update_container(&self, update: Update) -> BoxOp<Changed> {
        Box::new(Writing::to_outbox(Write::Update(Box::new(update))))
    }

    fn update_or_create_container(&self, write: UpdateOrCreate) -> BoxOp<Changed> {
        Box::new(Writing::to_outbox(Write::UpdateOrCreate(Box::new(write))))
    }

    fn delete_container(&self, container: ContainerId) -> BoxOp<()> {
        Box::new(Delete::to_outbox(container))
    }

    fn login(&self, user: UserId, with: LoginWith) -> BoxOp<SignedIn> {
        CACHE.login(user, with)
    }

    fn logout(&self) -> BoxOp<()> {
        CACHE.logout()
    }

    fn rotate_keys(&self, change: RotateKeys) -> BoxOp<Noted<User>> {
        CACHE.rotate_keys(change)
    }

    fn revoke_keys(&self, change: RevokeKeys) -> BoxOp<Noted<Revoked>> {
        CACHE.revoke_keys(change)
    }

    fn get_container(&self, get: Get) -> BoxOp<Got> {
        CACHE.get_container(get)
    }

    fn list_containers(&self) -> BoxOp<Vec<Listed>> {
        CACHE.list_containers()
    }

    fn events(&self, filter: EventFilter) -> BoxOp<Vec<Event>> {
        CACHE.events(filter)
    }

    fn get_key_file(&self, user: UserId, with: LoginWith) -> BoxOp<User> {
        CACHE.get_key_file(user, with)
    }

    fn key_file_checksum(&self, user: Option<UserId>) -> BoxOp<KeyFileChecksum> {
        CACHE.key_file_checksum(user)
    }

    fn key_file_state(&self, user: Option<UserId>) -> BoxOp<SyncState> {
        CACHE.key_file_state(user)
    }

    fn list_containers_page(&self, after: Option<ContainerId>, limit: usize) -> BoxOp<ListedPage> {
        CACHE.list_containers_page(after, limit)
    }

    fn follow_events(&self, follow: Follow) -> BoxOp<Followed> {
        CACHE.follow_events(follow)
    }

    fn sync(&self, sync: Sync) -> BoxOp<Synced> {
        CACHE.sync(sync)
    }

    fn sync_key_file(&self, user: Option<UserId>, with: LoginWith) -> BoxOp<Noted<User>> {
        CACHE.sync_key_file(user, with)
    }

    fn update_key_file(&self, update: key_file::Update) -> BoxOp<Noted<User>> {
        CACHE.update_key_file(update)
    }

    fn public_keys(&self, users: Vec<UserId>) -> BoxOp<Vec<CardChain>> {
        CACHE.public_keys(users)
    }

    fn keep_public_keys(&self, chain: CardChain) -> BoxOp<()> {
        CACHE.keep_public_keys(chain)
    }

    fn create_user(&self, credentials: Credentials, validators: Option<Validators>) -> BoxOp<Noted<User>> {
        CACHE.create_user(credentials, validators)
    }

    fn change_credentials(&self, to: Credentials, validators: Option<Validators>) -> BoxOp<Noted<User>> {
        CACHE.change_credentials(to, validators)
    }

    fn delete_user(&self, user: Option<UserId>) -> BoxOp<()> {
        CACHE.delete_user(user)
    }

    fn reminder(&self, user: Option<UserId>) -> BoxOp<String> {
        CACHE.reminder(user)
    }
}
