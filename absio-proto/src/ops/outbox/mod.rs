//! The outbox: changes that were made while the broker could not be reached, kept in the local store
//! until it has them (F27). The formats are in `ofs::outbox`; who asks for it is in
//! [`provider::outbox`](crate::provider::outbox).
//!
//! ```text
//!  a change ──▶ Enqueue ──▶ Exchange ─┬─ accepted, or refused ─▶ dequeue
//!                                     └─ nobody answered ─▶ it waits, for a drain
//! ```

mod align;
mod enqueue;
mod load;
mod rows;

pub(crate) use align::{Align, Aligned};
pub(crate) use enqueue::{Enqueue, Enqueued, Unsent};
pub(crate) use load::Load;
pub(crate) use rows::Rows;

use crate::crypto::ContainerKeys;
use crate::crypto::chain::Pin;
use crate::crypto::manifest::ManifestView;
use crate::error::{Error, RemoteCode};
use crate::ofs::container::Kept;
use crate::ofs::keys::Kind;
use crate::ofs::outbox::{OutboxRow, QueuedChange};
use crate::ops::ofs::{Change, NewContent, Transact};
use crate::session::Head;
use crate::wire::ChangeContainer;
use std::sync::Arc;

/// The pin of a container that no broker was seen to have.
pub(crate) const NOTHING_SEEN: Pin = Pin { revision: 0, hash: [0; 48], tombstone: false };

/// What a queued revision makes of the container, as far as it says so.
pub(crate) fn kept_of(change: &QueuedChange) -> Result<(Kept, NewContent), Error> {
    let body = ChangeContainer::decode(&change.body)?;
    let head = Head {
        view: ManifestView::decode(&body.view)?,
        blob: change.key_blob.clone(),
        type_opening: change.type_opening.clone(),
    };
    let keys = change.keys.as_ref().map(|keys| ContainerKeys::from_bytes(keys)).transpose()?;
    let kept = Kept { head, keys: keys.map(Arc::new), header: body.header, content: None };
    Ok((kept, body.content.map_or(NewContent::Inherit, NewContent::Segment)))
}

/// Takes a change out of the outbox, if it is there.
pub(crate) fn dequeue(sequence: u64) -> Transact {
    Transact::new(vec![(Kind::Outbox, OutboxRow::id(sequence))], |_| Ok(vec![Change::Remove]))
}

/// Whether `error` leaves open what becomes of a change: nobody answered, or the answer says nothing
/// about the change itself. Then it is kept and sent again.
pub(crate) const fn is_undecided(error: &Error) -> bool {
    match error {
        Error::Transport(_) | Error::Protocol(_) => true,
        Error::Remote(error) => matches!(
            error.code,
            RemoteCode::Unavailable
                | RemoteCode::RateLimited
                | RemoteCode::Internal
                | RemoteCode::StorageFull
        ),
        _ => false,
    }
}
