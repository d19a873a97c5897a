//! How late the dates are under which a user signed: a card that retires the key must be dated after all of them,
//! or what the broker took would count for nobody (`docs/protocol.md` §3.4).
//!
//! The date is kept in 64 rows a user, by the container: whoever takes a revision watches one of them and the
//! cards, whoever takes a card watches all of them. So of the two one sees the other, and revisions of
//! several containers are rarely in each other's way.

use crate::rows;
use crate::turn::{Plan, Turn, Turned, damaged, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::CardChain;
use absio_proto::model::{ContainerId, Timestamp, UserId};

/// Rows of a user.
const SHARDS: u8 = 64;

/// Keeps the date of what `user` signed about `container`, if it is the latest. The caller watches the cards.
pub(super) fn keep(
    turn: &mut Turn<'_>,
    plan: &mut Plan,
    user: UserId,
    container: ContainerId,
    date: Timestamp,
) -> Turned<()> {
    // The last byte of an id is that of a hash.
    let shard = container.as_bytes()[15] % SHARDS;
    let key = rows::signed(user, shard);
    let before = turn.watch(&key)?.map(|row| read(&row)).transpose()?;
    if before < Some(date) {
        plan.put(key, date.as_millis().to_be_bytes().to_vec());
    }
    Ok(())
}

/// Refuses a card that retires the key in use as of a moment before something that it signed. What a card
/// revokes is meant to count no more.
pub(super) fn check_card(
    turn: &mut Turn<'_>,
    user: UserId,
    before: &CardChain,
    after: &CardChain,
) -> Turned<()> {
    let Some((index, _)) = before.active_signing() else { return Ok(()) };
    if after.has_revoked_since(before) {
        return Ok(());
    }
    let keys: Vec<_> = (0..SHARDS).map(|shard| rows::signed(user, shard)).collect();
    for row in turn.watch_all(&keys)?.iter().flatten() {
        if after.signing_key_valid_at(index, read(row)?).is_err() {
            let message = "the key that the card retires signed something that is dated later; nothing was changed, \
                           make the change of keys again";
            return Err(refuse_about(RemoteCode::Conflict, message, user));
        }
    }
    Ok(())
}

fn read(row: &[u8]) -> Turned<Timestamp> {
    let millis = row.try_into().map_err(|_| damaged())?;
    Ok(Timestamp::from_millis(u64::from_be_bytes(millis)))
}
