//! Containers: create, update, delete, read, list.

mod change;
mod check;
mod list;
mod read;
mod remove;
mod segments;
mod tree;

pub(super) use change::{create, update};
pub(super) use list::list;
pub(super) use read::{chunks, content, get, manifests};
pub(super) use remove::delete;

use crate::rows::{self, HeadRow};
use crate::turn::{Halt, Turn, Turned, damaged, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::manifest::{AccessEntry, ManifestView};
use absio_proto::model::{ContainerId, Permissions, Timestamp, UserId};
use std::sync::Arc;

/// No such container, or not for the caller: the two are not told apart.
fn not_found(container: ContainerId) -> Halt {
    refuse_about(RemoteCode::ContainerNotFound, "there is no such container for you", container)
}

/// The caller's access is over.
fn expired(container: ContainerId) -> Halt {
    refuse_about(RemoteCode::AccessExpired, "your access to the container has expired", container)
}

/// A right is missing.
fn denied(container: ContainerId, right: Permissions) -> Halt {
    let name = right.names().next().unwrap_or("access");
    refuse_about(
        RemoteCode::PermissionDenied,
        format!("you lack the right {name} on the container"),
        container,
    )
}

/// The container is gone.
fn deleted(container: ContainerId) -> Halt {
    refuse_about(RemoteCode::Deleted, "the container was deleted", container)
}

/// The present state of a container, and its newest revision with every row.
struct Present {
    head: HeadRow,
    view: Arc<ManifestView>,
}

/// Reads the head and the newest view, of one moment.
fn present(turn: &mut Turn<'_>, container: ContainerId) -> Turned<Present> {
    let head: Option<HeadRow> = turn.typed_watch(&rows::head(container))?;
    let head = head.ok_or_else(|| not_found(container))?;
    let bytes = turn.row(&rows::view(container, head.revision))?.ok_or_else(damaged)?;
    let view =
        turn.verify("the present revision", move || ManifestView::decode(&bytes).map_err(|_| damaged()))?;
    Ok(Present { head, view })
}

impl Present {
    /// The caller's row: there, and not expired.
    fn row_of(&self, user: UserId, now: Timestamp) -> Turned<&AccessEntry> {
        let container = self.view.body().container;
        let entry = self.view.entry(user).ok_or_else(|| not_found(container))?;
        if entry.is_expired(now) { Err(expired(container)) } else { Ok(entry) }
    }
}
