//! What becomes of a change of the outbox, and of what is kept of its container, in one commit each.

use crate::crypto::chain::Pin;
use crate::error::{Error, RemoteCode};
use crate::model::{ContainerId, Timestamp};
use crate::ofs::container::ContainerRecord;
use crate::ofs::keys::Kind;
use crate::ofs::outbox::{OutboxRow, QueuedKind, QueuedState};
use crate::ops::ofs::{Change, Transact};

type Names = Vec<(Kind, Vec<u8>)>;

/// The container first, then the rows.
fn names(container: ContainerId, sequences: &[u64]) -> Names {
    let rows = sequences.iter().map(|sequence| (Kind::Outbox, OutboxRow::id(*sequence)));
    core::iter::once((Kind::Container, container.as_bytes().to_vec())).chain(rows).collect()
}

fn record_in(found: Option<&[u8]>) -> Result<Option<ContainerRecord>, Error> {
    Ok(found.map(ContainerRecord::decode).transpose()?)
}

/// The revision that is kept.
fn newest(record: &ContainerRecord) -> Option<u64> {
    record.kept.as_ref().map(|kept| kept.head.view.body().revision)
}

/// The broker has it: the row goes, and what is kept is as the broker has it unless more waits.
pub(super) fn sent(row: OutboxRow, now: Timestamp) -> Transact {
    let container = row.container;
    Transact::new(names(container, &[row.sequence]), move |found| {
        if found[1].is_none() {
            return Ok(vec![Change::Keep, Change::Keep]);
        }
        let known = record_in(found[0].as_deref().map(Vec::as_slice))?;
        let mut record = known.unwrap_or_else(|| ContainerRecord::pinned(container, row.pin));
        if row.pin.tombstone || row.pin.revision > record.pin.revision {
            record.pin = row.pin;
        }
        if row.kind == QueuedKind::Delete {
            record = ContainerRecord::pinned(container, record.pin);
        } else if record.is_unsent && newest(&record) <= Some(row.pin.revision) {
            (record.is_unsent, record.is_reported, record.fresh_at) = (false, false, Some(now));
        }
        Ok(vec![Change::Put(record.encode()), Change::Remove])
    })
}

/// A deletion of what is gone already: as the caller wanted. What the session saw last is pinned.
pub(super) fn gone(row: &OutboxRow, pin: Option<Pin>) -> Transact {
    let container = row.container;
    Transact::new(names(container, &[row.sequence]), move |found| {
        let known = record_in(found[0].as_deref().map(Vec::as_slice))?.map(|record| record.pin);
        let pin = pin.or(known).filter(|pin| pin.revision > 0);
        let record = pin.map(|pin| ContainerRecord::pinned(container, pin).encode());
        Ok(vec![record.map_or(Change::Remove, Change::Put), Change::Remove])
    })
}

/// Somebody else was first: ours stays in the outbox, what is kept makes way for theirs.
pub(super) fn conflict(container: ContainerId, sequences: &[u64], present: u64) -> Transact {
    Transact::new(names(container, sequences), move |found| {
        let mut changes = Vec::with_capacity(found.len());
        changes.push(match record_in(found[0].as_deref().map(Vec::as_slice))? {
            None => Change::Keep,
            Some(mut record) => {
                (record.kept, record.is_unsent, record.is_leaving) = (None, false, false);
                Change::Put(record.encode())
            }
        });
        restate(&found[1..], &QueuedState::Conflict { present }, &mut changes)?;
        Ok(changes)
    })
}

/// The broker will not have it: it stays in the outbox until the caller decides, and here it is read
/// as before.
pub(super) fn refused(container: ContainerId, sequences: &[u64], code: &str) -> Transact {
    let is_gone = [RemoteCode::ContainerNotFound, RemoteCode::Deleted, RemoteCode::AccessExpired]
        .iter()
        .any(|gone| gone.as_str() == code);
    let state = QueuedState::refused(code);
    Transact::new(names(container, sequences), move |found| {
        let mut changes = Vec::with_capacity(found.len());
        changes.push(match record_in(found[0].as_deref().map(Vec::as_slice))? {
            None => Change::Keep,
            Some(mut record) => {
                record.is_leaving = false;
                record.is_reported |= is_gone;
                Change::Put(record.encode())
            }
        });
        restate(&found[1..], &state, &mut changes)?;
        Ok(changes)
    })
}

/// What was refused is to be sent again.
pub(super) fn retried(container: ContainerId, sequences: &[u64]) -> Transact {
    Transact::new(names(container, sequences), move |found| {
        let mut changes = vec![Change::Keep];
        restate(&found[1..], &QueuedState::Waiting, &mut changes)?;
        let mut deletes = false;
        for data in found[1..].iter().flatten() {
            deletes |= OutboxRow::decode(data)?.kind == QueuedKind::Delete;
        }
        if let Some(mut record) = record_in(found[0].as_deref().map(Vec::as_slice))?.filter(|_| deletes) {
            record.is_leaving = true;
            changes[0] = Change::Put(record.encode());
        }
        Ok(changes)
    })
}

/// The caller gives it up: what is kept of it goes, and comes from the broker at the next get; or stays,
/// if others of the container wait, until one of them takes its place.
pub(super) fn discarded(row: &OutboxRow, others_wait: bool) -> Transact {
    let (container, kind, revision) = (row.container, row.kind, row.pin.revision);
    let was_read = !matches!(row.state, QueuedState::Conflict { .. });
    Transact::new(names(container, &[row.sequence]), move |found| {
        let record = record_in(found[0].as_deref().map(Vec::as_slice))?.filter(|_| was_read);
        let change = match record {
            None => Change::Keep,
            Some(mut record) if kind == QueuedKind::Delete => {
                record.is_leaving = false;
                Change::Put(record.encode())
            }
            Some(mut record) if record.is_unsent && !others_wait && newest(&record) <= Some(revision) => {
                (record.kept, record.is_unsent) = (None, false);
                let is_blank = record.pin.revision == 0 && !record.is_leaving;
                if is_blank { Change::Remove } else { Change::Put(record.encode()) }
            }
            Some(_) => Change::Keep,
        };
        Ok(vec![change, Change::Remove])
    })
}

/// The rows that are still there get `state`.
fn restate(
    found: &[Option<zeroize::Zeroizing<Vec<u8>>>],
    state: &QueuedState,
    changes: &mut Vec<Change>,
) -> Result<(), Error> {
    for data in found {
        changes.push(match data {
            None => Change::Keep,
            Some(data) => {
                let row = OutboxRow { state: state.clone(), ..OutboxRow::decode(data)? };
                Change::Put(row.encode())
            }
        });
    }
    Ok(())
}
