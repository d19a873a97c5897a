//! What becomes of a record that an export brings, beside the one that is here. What was seen never
//! goes back: the higher pin stands, and a tombstone for ever.

use crate::error::{CryptoError, Error};
use crate::model::{Timestamp, UserId};
use crate::ofs::container::ContainerRecord;
use crate::ofs::cursor::{CursorRecord, EVENTS};
use crate::ofs::export::malformed;
use crate::ofs::keys::{Kind, StoreKeys};
use crate::ofs::outbox::OutboxRow;
use crate::ofs::peer::PeerRecord;
use crate::ops::ofs::Change;
use core::cmp::Ordering;
use zeroize::Zeroizing;

/// Opens a sealed record of an export.
pub(super) fn open(keys: &StoreKeys, name: &[u8], value: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    keys.open_record(name, value).ok_or(malformed("a record does not verify"))
}

/// What a record is.
pub(super) enum Record {
    Container(Box<ContainerRecord>),
    Peer(PeerRecord),
    Cursor,
    Outbox(OutboxRow),
}

/// Reads an opened record, which must have the name of what it is about.
pub(super) fn decode(keys: &StoreKeys, kind: Kind, name: &[u8], data: &[u8]) -> Result<Record, CryptoError> {
    let (record, id) = match kind {
        Kind::Container => {
            let record = ContainerRecord::decode(data)?;
            let id = record.container.as_bytes().to_vec();
            (Record::Container(Box::new(record)), id)
        }
        Kind::Peer => {
            let record = PeerRecord::decode(data)?;
            let id = record.chain.user_id().as_bytes().to_vec();
            (Record::Peer(record), id)
        }
        Kind::Cursor => {
            CursorRecord::decode(data)?;
            (Record::Cursor, EVENTS.to_vec())
        }
        Kind::Outbox => {
            let row = OutboxRow::decode(data)?;
            let id = OutboxRow::id(row.sequence);
            (Record::Outbox(row), id)
        }
        Kind::State => return Err(malformed("its state is among its records")),
    };
    if keys.name(kind, &id) != name {
        return Err(malformed("a record has another's name"));
    }
    Ok(record)
}

/// What becomes of the record that is here, `old`, beside the `new` one of the export.
pub(super) fn merge(
    kind: Kind,
    old: Option<&[u8]>,
    new: &[u8],
    user: UserId,
    now: Timestamp,
) -> Result<Change, Error> {
    match kind {
        Kind::Container => {
            let mut new = ContainerRecord::decode(new)?;
            let own = new.kept.as_ref().and_then(|kept| kept.head.view.entry(user));
            if own.is_some_and(|own| own.is_expired(now)) {
                // It is not brought back by an export from before (S-058).
                (new.kept, new.envelope) = (None, None);
            }
            let merged = match old {
                None => Some(new),
                Some(old) => containers(&ContainerRecord::decode(old)?, new),
            };
            Ok(merged.map_or(Change::Keep, |record| Change::Put(record.encode())))
        }
        Kind::Peer => {
            let Some(old) = old else { return Ok(Change::Put(Zeroizing::new(new.to_vec()))) };
            let merged = peers(&PeerRecord::decode(old)?, PeerRecord::decode(new)?);
            Ok(merged.map_or(Change::Keep, |record| Change::Put(record.encode().into())))
        }
        // These are not merged one by one.
        Kind::Outbox | Kind::Cursor | Kind::State => Ok(Change::Keep),
    }
}

/// What is to be kept in place of `old`; none if it stays.
fn containers(old: &ContainerRecord, mut new: ContainerRecord) -> Option<ContainerRecord> {
    if old.pin.tombstone {
        return None;
    }
    if new.pin.tombstone {
        return Some(new);
    }
    if old.is_unsent || old.is_leaving {
        // What waits to be sent here stays in sight; the outbox finds out what became of the rest.
        let is_newer = new.pin.revision > old.pin.revision;
        return is_newer.then(|| ContainerRecord { pin: new.pin, ..old.clone() });
    }
    match new.pin.revision.cmp(&old.pin.revision) {
        Ordering::Less => None,
        Ordering::Greater => {
            if let (Some(kept), Some(older)) = (&mut new.kept, old.kept.clone()) {
                kept.inherit(older);
            }
            Some(new)
        }
        // Another history is not taken for this one.
        Ordering::Equal if new.pin.hash != old.pin.hash => None,
        Ordering::Equal if new.is_leaving || new.is_unsent => Some(new),
        Ordering::Equal => match &old.kept {
            None => new.kept.is_some().then_some(new),
            Some(kept) => {
                let (mut merged, mut filled) = (old.clone(), kept.clone());
                if let Some(other) = new.kept {
                    filled.inherit(other);
                }
                let gained = (filled.header.is_some(), filled.content.is_some())
                    != (kept.header.is_some(), kept.content.is_some());
                merged.kept = Some(filled);
                gained.then_some(merged)
            }
        },
    }
}

/// The longer chain if it goes on from the other; verified by hand if either was.
fn peers(old: &PeerRecord, new: PeerRecord) -> Option<PeerRecord> {
    let is_verified = old.is_verified || new.is_verified;
    let goes_on = new.chain.extends(old.chain.sequence(), &old.chain.head()).is_ok();
    let chain = if goes_on { new.chain } else { old.chain.clone() };
    let merged = PeerRecord { chain, is_verified };
    (merged != *old).then_some(merged)
}

/// The cursor when two stores become one. What either followed and the other did not is followed
/// again: that does no harm, and leaving it out would.
pub(super) fn cursors(
    old: Option<&[u8]>,
    new: Option<&[u8]>,
    was_empty: bool,
) -> Result<CursorRecord, Error> {
    let read = |data: Option<&[u8]>| data.map(CursorRecord::decode).transpose();
    let (old, new) = (read(old)?, read(new)?.unwrap_or_default());
    let Some(old) = old else {
        let next = if was_empty { new.next } else { 0 };
        return Ok(CursorRecord { next, waiting: new.waiting });
    };
    let waiting = old.waiting.into_iter().chain(new.waiting).collect();
    Ok(CursorRecord { next: old.next.min(new.next), waiting })
}

/// Changes that wait, as they join those that wait here: in their order, behind them, and none twice.
pub(super) fn queue(here: &[OutboxRow], brought: Vec<OutboxRow>) -> Vec<OutboxRow> {
    let is_here = |row: &OutboxRow| here.iter().any(|other| other.blob == row.blob);
    let new: Vec<_> = brought.into_iter().filter(|row| !is_here(row)).collect();
    let Some(last) = here.iter().map(|row| row.sequence).max() else { return new };
    let behind = |(sequence, row)| OutboxRow { sequence, ..row };
    (last.saturating_add(1)..).zip(new).map(behind).collect()
}
