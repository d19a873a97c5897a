//! Whether a change may be made: everything a broker can verify without a key.
//!
//! Pure functions of what was read; they run inside a computation.

use super::{denied, expired, not_found};
use crate::turn::{Halt, Turned, invalid, refuse_about};
use absio_proto::RemoteCode;
use absio_proto::crypto::CardChain;
use absio_proto::crypto::chain::verify_author;
use absio_proto::crypto::key_blob::{KEY_BLOB_LENGTH, blob_hash};
use absio_proto::crypto::manifest::{
    AccessEntry, AccessSlot, AccessSlots, ManifestView, TypeOpening, no_type,
};
use absio_proto::crypto::rules::{RuleViolation, Transition, check_creation, check_transition};
use absio_proto::crypto::tombstone::Tombstone;
use absio_proto::model::{ContainerId, UserId};
use std::collections::BTreeMap;

/// The revision that a signer sent, with the rows they could not see put back from `previous`: an
/// unchanged row keeps its hash (F17).
pub(super) fn complete(sent: &ManifestView, previous: Option<&ManifestView>) -> Turned<ManifestView> {
    let known: BTreeMap<_, _> = previous
        .map(|view| view.access().hashes().iter().copied().zip(view.access().entries()).collect())
        .unwrap_or_default();
    let slots = sent.access().slots().iter().map(|slot| match slot {
        AccessSlot::Entry(_) => Ok(slot.clone()),
        AccessSlot::Hash(hash) => known
            .get(hash)
            .map(|entry| AccessSlot::Entry((*entry).clone()))
            .ok_or_else(|| invalid(&"a bare hash stands for no row of the revision before")),
    });
    let slots = AccessSlots::sorted(slots.collect::<Turned<_>>()?).map_err(|error| invalid(&error))?;
    ManifestView::new(sent.manifest().clone(), slots).map_err(|error| invalid(&error))
}

/// Verifies signature and rules of `next` after `previous`, or as a creation.
pub(super) fn revision(
    previous: Option<&ManifestView>,
    next: &ManifestView,
    signer: &CardChain,
) -> Turned<Transition> {
    let signers = BTreeMap::from([(signer.user_id(), signer.clone())]);
    verify_author(next, &signers).map_err(|error| invalid(&error))?;
    let checked = match previous {
        Some(previous) => check_transition(previous, next),
        None => check_creation(next).map(|()| Transition {
            header: next.body().header.state.exists(),
            content: next.body().content.state.exists(),
            container_type: next.body().type_commitment != no_type(),
            access: true,
            self_removal: false,
        }),
    };
    checked.map_err(|violation| refusal(violation, next))
}

fn refusal(violation: RuleViolation, next: &ManifestView) -> Halt {
    let container = next.body().container;
    match violation {
        RuleViolation::NoAccess => not_found(container),
        RuleViolation::Expired => expired(container),
        RuleViolation::MissingRight(right) => denied(container, right),
        RuleViolation::UploadNeedsAccess(right) => {
            let right = right.names().next().unwrap_or("access");
            let message = format!("an upload makes everybody's keys anew, so it needs {right} too");
            refuse_about(RemoteCode::UploadNeedsAccess, message, container)
        }
        RuleViolation::Broken(_) => invalid(&violation.into_error(next.body())),
    }
}

/// The rows of `next` that are new, or differ from `previous`.
pub(super) fn changed_rows<'a>(
    previous: Option<&'a ManifestView>,
    next: &'a ManifestView,
) -> impl Iterator<Item = (Option<&'a AccessEntry>, &'a AccessEntry)> {
    let before: BTreeMap<UserId, &AccessEntry> = previous
        .map(|view| view.access().entries().map(|entry| (entry.user, entry)).collect())
        .unwrap_or_default();
    next.access().entries().filter_map(move |entry| {
        let before = before.get(&entry.user).copied();
        (before != Some(entry)).then_some((before, entry))
    })
}

/// Whether a row's key blob was made for this revision.
pub(super) fn is_wrapped_anew(before: Option<&AccessEntry>, entry: &AccessEntry) -> bool {
    let hash = |entry: &AccessEntry| entry.wrapped.as_ref().map(|wrapped| wrapped.blob_hash);
    hash(entry).is_some() && before.and_then(hash) != hash(entry)
}

/// Whether every new row and every new key blob is for a user who exists, under the key in use, and
/// the blobs are exactly those the rows name.
pub(super) fn recipients(
    previous: Option<&ManifestView>,
    next: &ManifestView,
    chains: &BTreeMap<UserId, CardChain>,
    blobs: &[(UserId, Vec<u8>)],
) -> Turned<()> {
    let mut given: BTreeMap<UserId, &[u8]> = BTreeMap::new();
    for (user, blob) in blobs {
        if blob.len() != KEY_BLOB_LENGTH {
            let message = format!("a key blob is {KEY_BLOB_LENGTH} bytes long");
            return Err(refuse_about(RemoteCode::InvalidObject, message, user));
        }
        if given.insert(*user, blob).is_some() {
            return Err(refuse_about(RemoteCode::InvalidObject, "two key blobs are for one user", user));
        }
    }
    for (before, entry) in changed_rows(previous, next) {
        let wrapped = entry.wrapped.as_ref().filter(|_| is_wrapped_anew(before, entry));
        if before.is_some() && wrapped.is_none() {
            continue;
        }
        let chain = chains.get(&entry.user).filter(|chain| !chain.is_closed());
        let chain = chain.ok_or_else(|| {
            refuse_about(RemoteCode::UserNotFound, "there is no such user, or not any more", entry.user)
        })?;
        let Some(wrapped) = wrapped else { continue };
        if chain.active_derivation().map(|(index, _)| index) != Some(wrapped.derivation_index) {
            let message = "a key blob is not for the key in use; fetch the user's cards again";
            return Err(refuse_about(RemoteCode::InvalidObject, message, entry.user));
        }
        let blob = given.remove(&entry.user);
        if blob.map(blob_hash) != Some(wrapped.blob_hash) {
            let message = "the key blob is missing or not the one its row names";
            return Err(refuse_about(RemoteCode::InvalidObject, message, entry.user));
        }
    }
    match given.first_key_value() {
        None => Ok(()),
        Some((user, _)) => Err(refuse_about(RemoteCode::InvalidObject, "no row needs this key blob", user)),
    }
}

/// The type after the change: the opening given, if the commitment is new; otherwise what was there.
pub(super) fn type_opening(
    next: &ManifestView,
    changed: bool,
    given: Option<&[u8]>,
    before: Option<Vec<u8>>,
) -> Turned<Option<Vec<u8>>> {
    let body = next.body();
    match (changed, given) {
        (false, None) => Ok(before),
        (true, None) if body.type_commitment == no_type() => Ok(None),
        (true, Some(bytes)) if body.type_commitment != no_type() => {
            let opening = TypeOpening::decode(bytes).map_err(|error| invalid(&error))?;
            opening.check(body).map_err(|error| invalid(&error))?;
            Ok(Some(bytes.to_vec()))
        }
        _ => Err(invalid(&"a type opening belongs to exactly a new type")),
    }
}

/// How many rows a list may have.
pub(super) fn list_length(next: &ManifestView, limit: usize, container: ContainerId) -> Turned<()> {
    if next.access().slots().len() > limit {
        let message = format!("the access list is over its limit of {limit} entries");
        return Err(refuse_about(RemoteCode::TooLarge, message, container));
    }
    Ok(())
}

/// Whether the request's own words fit the manifest in it.
pub(super) fn addressed(next: &ManifestView, container: ContainerId, signer: UserId) -> Turned<()> {
    if next.body().container != container {
        return Err(invalid(&"the manifest is another container's"));
    }
    if next.body().author.user != signer {
        return Err(invalid(&"the manifest is signed by another user than the session's"));
    }
    Ok(())
}

/// The set of rows by hash, for telling who is gone.
pub(super) fn removed<'a>(previous: &'a ManifestView, next: &ManifestView) -> Vec<&'a AccessEntry> {
    let users: std::collections::BTreeSet<UserId> = next.access().entries().map(|entry| entry.user).collect();
    previous.access().entries().filter(|entry| !users.contains(&entry.user)).collect()
}

/// Verifies signature and rules of a tombstone after `last`.
pub(super) fn tombstone(tombstone: &Tombstone, last: &ManifestView, signer: &CardChain) -> Turned<()> {
    let author = &tombstone.author;
    let key =
        signer.signing_key_valid_at(author.index, tombstone.deleted_at).map_err(|error| invalid(&error))?;
    if signer.card_hash(author.card_sequence) != Some(author.card_hash) {
        return Err(invalid(&"the tombstone names another card of its signer"));
    }
    tombstone.verify_signature(&key).map_err(|error| invalid(&error))?;
    tombstone.check_follows(last).map_err(|error| invalid(&error))
}
