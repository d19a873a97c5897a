//! Who may sign what: the one implementation of the rules for revisions, used by the broker on whole
//! views and by clients on what they are shown (`docs/protocol.md`, section 13).
//!
//! A rule about rows applies to every row that is shown; what bare hashes cannot tell is left to
//! those who see more (F16).

use crate::crypto::container_id::check_container_id;
use crate::crypto::manifest::{AccessEntry, ManifestBody, ManifestView, Section};
use crate::crypto::suite::Digest48;
use crate::error::CryptoError;
use crate::model::Permissions;

/// What stands against a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleViolation {
    /// The signer has no row in the revision before.
    NoAccess,
    /// The signer's row had expired.
    Expired,
    /// The signer's row lacks this one right.
    MissingRight(Permissions),
    /// An upload changes everybody's key blobs, so it needs access.view and access.modify too; this
    /// one is missing (S-134).
    UploadNeedsAccess(Permissions),
    /// A rule about the form of a chain.
    Broken(&'static str),
}

impl RuleViolation {
    /// The missing right as the seed spells it; none for a rule about form.
    #[must_use]
    pub fn right(self) -> Option<&'static str> {
        match self {
            Self::NoAccess => Some("access"),
            Self::Expired => Some("unexpired access"),
            Self::MissingRight(right) | Self::UploadNeedsAccess(right) => right.names().next(),
            Self::Broken(_) => None,
        }
    }

    /// The error about `body`, the revision that breaks the rule.
    #[must_use]
    pub fn into_error(self, body: &ManifestBody) -> CryptoError {
        let (container, revision) = (body.container, body.revision);
        match (self, self.right()) {
            (Self::Broken(reason), _) => CryptoError::RevisionInvalid { container, revision, reason },
            (_, right) => {
                CryptoError::NotAuthorised { container, revision, right: right.unwrap_or("access") }
            }
        }
    }
}

type Rule<T = ()> = Result<T, RuleViolation>;

fn require(holds: bool, reason: &'static str) -> Rule {
    if holds { Ok(()) } else { Err(RuleViolation::Broken(reason)) }
}

/// What a revision changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transition {
    /// The header.
    pub header: bool,
    /// The content.
    pub content: bool,
    /// The type.
    pub container_type: bool,
    /// The access list.
    pub access: bool,
    /// Nothing but the signer's own row, which is gone (F5).
    pub self_removal: bool,
}

impl Transition {
    /// Whether it re-keys: header, content or both are new.
    #[must_use]
    pub const fn is_upload(self) -> bool {
        self.header || self.content
    }

    fn between(previous: &ManifestView, next: &ManifestView) -> Self {
        let (old, new) = (previous.body(), next.body());
        let header = !old.header.same_bytes(&new.header);
        let content = !old.content.same_bytes(&new.content);
        let container_type = old.type_commitment != new.type_commitment;
        let access = previous.access().hashes() != next.access().hashes();
        let untouched = !header && !content && !container_type;
        let self_removal = untouched && access && removes_own_row(previous, next);
        Self { header, content, container_type, access, self_removal }
    }
}

/// F5: the list before without exactly the signer's own row, told by hashes alone.
fn removes_own_row(previous: &ManifestView, next: &ManifestView) -> bool {
    let Some(own) = previous.entry(next.body().author.user).map(AccessEntry::hash) else { return false };
    let left = previous.access().hashes().iter().filter(|hash| **hash != own);
    left.eq(next.access().hashes())
}

/// The rules for a first revision.
///
/// # Errors
/// The [`RuleViolation`].
pub fn check_creation(view: &ManifestView) -> Rule {
    let body = view.body();
    require(body.revision == 1, "the first revision is not numbered 1")?;
    require(
        check_container_id(body.container, body.created_by, &body.id_salt).is_ok(),
        "the container id is not its creator's",
    )?;
    require(body.author.user == body.created_by, "the first revision is not signed by the creator")?;
    require(body.modified_at == body.created_at, "the first revision is not dated as the creation")?;
    for section in [&body.header, &body.content] {
        require(section.epoch == 1, "a first epoch is not 1")?;
        check_changed_now(body, section)?;
    }
    for row in view.access().entries() {
        check_row(body, row)?;
        check_new_row(body, row)?;
        require(!made_when_expired(body, row), "an expired row has a key blob")?;
    }
    Ok(())
}

/// The rules for `next` as the revision after `previous`. Both lists are proven against their
/// manifests; the signature of `next` is the caller's to verify.
///
/// # Errors
/// The [`RuleViolation`]; of several, the first in the order of the document.
pub fn check_transition(previous: &ManifestView, next: &ManifestView) -> Rule<Transition> {
    let (old, new) = (previous.body(), next.body());
    check_succession(old, new)?;
    let change = Transition::between(previous, next);
    check_section(new, &old.header, &new.header)?;
    check_section(new, &old.content, &new.content)?;
    if change.self_removal {
        return Ok(change);
    }
    let signer = previous.entry(new.author.user).ok_or(RuleViolation::NoAccess)?;
    if signer.is_expired(new.modified_at) {
        return Err(RuleViolation::Expired);
    }
    check_rights(new, signer.permissions, change)?;
    check_rows(previous, next, signer, change)?;
    Ok(change)
}

fn check_succession(old: &ManifestBody, new: &ManifestBody) -> Rule {
    require(new.container == old.container && new.id_salt == old.id_salt, "it is another container")?;
    require(
        new.created_by == old.created_by && new.created_at == old.created_at,
        "the creator or the time of creation changes",
    )?;
    require(Some(new.revision) == old.revision.checked_add(1), "its number is not one more than the last")?;
    require(new.previous == old.hash(), "it does not follow the revision before it")?;
    require(new.suite >= old.suite, "it lowers the suite")?;
    require(new.modified_at >= old.modified_at, "it is dated before the revision it follows")
}

fn check_section(new: &ManifestBody, before: &Section, after: &Section) -> Rule {
    if before.same_bytes(after) {
        return require(before == after, "a section that did not change is described anew");
    }
    let next = before.epoch.checked_add(1);
    require(Some(after.epoch) == next, "the epoch of a changed section is not one more than before")?;
    check_changed_now(new, after)
}

fn check_changed_now(body: &ManifestBody, section: &Section) -> Rule {
    let named = (section.changed_by, section.changed_at, section.changed_in);
    let now = (body.author.user, body.modified_at, body.revision);
    require(named == now, "a changed section does not name this revision, its signer and time")
}

fn check_rights(new: &ManifestBody, rights: Permissions, change: Transition) -> Rule {
    let need = |right: Permissions, or: fn(Permissions) -> RuleViolation| {
        if rights.contains(right) { Ok(()) } else { Err(or(right)) }
    };
    if change.is_upload() {
        need(Permissions::CONTAINER_UPLOAD, RuleViolation::MissingRight)?;
        need(Permissions::ACCESS_VIEW, RuleViolation::UploadNeedsAccess)?;
        need(Permissions::ACCESS_MODIFY, RuleViolation::UploadNeedsAccess)?;
        if !replaces_every_secret(new, change) {
            need(Permissions::CONTAINER_DECRYPT, RuleViolation::MissingRight)?;
        }
    }
    if change.container_type {
        need(Permissions::CONTAINER_TYPE_MODIFY, RuleViolation::MissingRight)?;
    }
    // A revision that changes nothing needs it too (F20): it re-signs the list.
    if change.access || change == Transition::default() {
        need(Permissions::ACCESS_MODIFY, RuleViolation::MissingRight)?;
    }
    Ok(())
}

/// Whether nothing sealed before is still to be read with these keys, so that who wraps them need
/// not have known the old ones (F18).
fn replaces_every_secret(new: &ManifestBody, change: Transition) -> bool {
    change.is_upload()
        && (change.header || !new.header.state.exists())
        && (change.content || !new.content.state.exists())
}

fn check_rows(
    previous: &ManifestView,
    next: &ManifestView,
    signer: &AccessEntry,
    change: Transition,
) -> Rule {
    let new = next.body();
    if change.access && !signer.permissions.contains(Permissions::ACCESS_VIEW) {
        check_blind_replacement(previous, next, signer)?;
    }
    let may_wrap =
        signer.permissions.contains(Permissions::CONTAINER_DECRYPT) || replaces_every_secret(new, change);
    for row in next.access().entries() {
        check_row(new, row)?;
        if change.is_upload() {
            require(sealed_by_author(new, row), "a key blob was not made again by the uploader")?;
            require(!made_when_expired(new, row), "an expired row has a key blob")?;
        }
        if previous.access().contains(&row.hash()) {
            continue;
        }
        let wrapped_anew = match previous.entry(row.user) {
            Some(before) => {
                check_changed_row(new, before, row)?;
                before.wrapped != row.wrapped && row.wrapped.is_some()
            }
            None if previous.access().is_complete() => {
                check_new_row(new, row)?;
                row.wrapped.is_some()
            }
            // Whether the row is new or changed, and whether its blob is, only others can tell.
            None => continue,
        };
        if wrapped_anew {
            require(sealed_by_author(new, row), "a new key blob is not the signer's")?;
            if !may_wrap {
                return Err(RuleViolation::MissingRight(Permissions::CONTAINER_DECRYPT));
            }
        }
    }
    Ok(())
}

/// F19: a signer who does not see the list replaces it; only rows they see may stay as they are.
fn check_blind_replacement(previous: &ManifestView, next: &ManifestView, signer: &AccessEntry) -> Rule {
    let last_author = previous.entry(previous.body().author.user);
    let seen: Vec<Digest48> =
        [Some(signer), last_author].into_iter().flatten().map(AccessEntry::hash).collect();
    let kept_unseen =
        next.access().hashes().iter().any(|hash| previous.access().contains(hash) && !seen.contains(hash));
    require(!kept_unseen, "a signer without access.view kept rows that they cannot see")
}

/// What must hold of any row.
fn check_row(body: &ManifestBody, row: &AccessEntry) -> Rule {
    match &row.wrapped {
        Some(wrapped) => require(
            (wrapped.header_epoch, wrapped.content_epoch) == (body.header.epoch, body.content.epoch),
            "a key blob is of another epoch",
        ),
        None => require(
            !row.permissions.contains(Permissions::CONTAINER_DECRYPT) || row.is_expired(body.modified_at),
            "a row with container.decrypt has no key blob",
        ),
    }
}

fn is_new_row(body: &ManifestBody, row: &AccessEntry) -> bool {
    row.created_by == body.author.user && row.created_at == body.modified_at && row.modified.is_none()
}

fn check_new_row(body: &ManifestBody, row: &AccessEntry) -> Rule {
    require(is_new_row(body, row), "a new row does not name its signer and time")?;
    require(sealed_by_author(body, row), "a new key blob is not the signer's")
}

/// A row of a user who had one before, under another hash.
fn check_changed_row(body: &ManifestBody, before: &AccessEntry, row: &AccessEntry) -> Rule {
    require(before.salt != row.salt, "a changed row keeps its salt")?;
    let resalted = AccessEntry { salt: before.salt, ..row.clone() };
    require(resalted != *before, "an unchanged row has another salt")?;
    if is_new_row(body, row) {
        return Ok(());
    }
    let granted = (row.created_by, row.created_at) == (before.created_by, before.created_at);
    require(granted, "a row changes who gave it, or when")?;
    let modified =
        if row.same_grant(before) { before.modified } else { Some((body.author.user, body.modified_at)) };
    require(row.modified == modified, "a changed row does not name its signer and time")
}

fn sealed_by_author(body: &ManifestBody, row: &AccessEntry) -> bool {
    row.wrapped.as_ref().is_none_or(|wrapped| {
        (wrapped.sealed_by, wrapped.sealed_by_index) == (body.author.user, body.author.index)
    })
}

/// F40: keys are not made for access that is over.
fn made_when_expired(body: &ManifestBody, row: &AccessEntry) -> bool {
    row.wrapped.is_some() && row.is_expired(body.modified_at)
}
