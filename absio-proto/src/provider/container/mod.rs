//! Containers under the standard providers.

mod delete;
mod get;
mod write;

pub use get::{Get, Got};

pub(super) use delete::Delete;
pub(super) use get::Getting;
pub(super) use write::{Write, Writing};

use crate::model::{ContainerId, Timestamp};
use crate::ofs::container::{ContainerRecord, Kept};
use crate::ops::container::Retained;
use crate::session::Session;

/// The record of a container that the session has just verified; none if it has not.
fn record_of(
    session: &Session,
    container: ContainerId,
    retained: Retained,
    fresh_at: Option<Timestamp>,
) -> Option<ContainerRecord> {
    let (head, pin) = (session.head(container)?.clone(), *session.pin_of_anybody(container)?);
    let kept = Kept { head, keys: retained.keys, header: retained.header, content: None };
    let is_local = fresh_at.is_none();
    Some(ContainerRecord { fresh_at, is_local, kept: Some(kept), ..ContainerRecord::pinned(container, pin) })
}
