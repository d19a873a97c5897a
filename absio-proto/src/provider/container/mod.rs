//! Containers under the standard providers.

mod delete;
mod get;
mod list;
mod write;

pub use get::{Get, Got};

pub(super) use delete::Delete;
pub(super) use get::{Getting, checked};
pub(super) use list::{Listing, ListingPage};
pub(super) use write::{Write, Writing};

use crate::error::{Error, LocalError};
use crate::model::{ContainerId, Timestamp};
use crate::ofs::container::{ContainerRecord, Kept};
use crate::ops::container::Retained;
use crate::ops::outbox::NOTHING_SEEN;
use crate::session::Session;

/// The record of a container that the session has just verified; none if it has not, or if another operation
/// came further meanwhile: the keys and segments of one revision do not open under the manifest of the next.
pub(super) fn record_of(
    session: &Session,
    container: ContainerId,
    retained: Retained,
    fresh_at: Option<Timestamp>,
) -> Option<ContainerRecord> {
    let (head, pin) = (session.head(container)?.clone(), *session.pin_of_anybody(container)?);
    if fresh_at.is_some() && head.view.body().revision != retained.revision {
        return None;
    }
    let kept = Kept { head, keys: retained.keys, header: retained.header, content: None };
    let is_local = fresh_at.is_none();
    Some(ContainerRecord { fresh_at, is_local, kept: Some(kept), ..ContainerRecord::pinned(container, pin) })
}

/// The record of a container whose newest revision waits to be sent.
fn unsent_record_of(
    session: &Session,
    container: ContainerId,
    retained: Retained,
) -> Option<ContainerRecord> {
    let head = session.head(container)?.clone();
    let pin = session.pin_of_anybody(container).copied().unwrap_or(NOTHING_SEEN);
    let kept = Kept { head, keys: retained.keys, header: retained.header, content: None };
    Some(ContainerRecord { is_unsent: true, kept: Some(kept), ..ContainerRecord::pinned(container, pin) })
}

/// The outbox is the open partition of the user who is signed in at the server.
pub(super) fn check_outbox(session: &Session) -> Result<(), Error> {
    let user = session.signed_in()?.id();
    match session.local() {
        Ok(local) if local.user_id() == user => Ok(()),
        _ => {
            let reason = "the store of the signed-in user is not open, so nothing can be queued".to_owned();
            Err(LocalError::Degraded { reason }.into())
        }
    }
}
