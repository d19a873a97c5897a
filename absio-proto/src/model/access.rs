//! Who may do what with a container, and until when (checklist 1.6).

use super::{Permissions, Timestamp, UserId};
use data_encoding::BASE64;
use std::collections::BTreeMap;

/// A wish to give `user_id` access: the input side of the seed's `Access` class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// For whom.
    pub user_id: UserId,
    /// What they may do.
    pub permissions: Permissions,
    /// Until when; none for ever.
    pub expiration: Option<Timestamp>,
}

impl Grant {
    /// Full rights, 127: what the seed's bare `Access(user_id)` means (S-108, AMB-04).
    #[must_use]
    pub const fn full(user_id: UserId) -> Self {
        Self { user_id, permissions: Permissions::CREATOR, expiration: None }
    }

    /// The other users' default, 11 (S-124).
    #[must_use]
    pub const fn recipient(user_id: UserId) -> Self {
        Self { user_id, permissions: Permissions::RECIPIENT, expiration: None }
    }

    /// The same with other permissions.
    #[must_use]
    pub const fn with_permissions(self, permissions: Permissions) -> Self {
        Self { permissions, ..self }
    }

    /// The same, ending at `expiration`.
    #[must_use]
    pub const fn until(self, expiration: Timestamp) -> Self {
        Self { expiration: Some(expiration), ..self }
    }
}

/// The access list given to a create or update: none, a list of ids, or a map (S-025, S-031, S-032).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessList {
    /// Not given. At create: only the creator, with 127. At update: unchanged (AMB-05b).
    #[default]
    Unspecified,
    /// Each with the default for their role: the caller 127, others 11. Ids given twice count once.
    Users(Vec<UserId>),
    /// Exactly these; a key that differs from its grant's user is refused (S-033).
    Grants(BTreeMap<UserId, Grant>),
}

impl AccessList {
    /// A map of `grants`, keyed by their users; the last one given for a user counts.
    pub fn of(grants: impl IntoIterator<Item = Grant>) -> Self {
        Self::Grants(grants.into_iter().map(|grant| (grant.user_id, grant)).collect())
    }
}

/// What an update does to the access list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessChange {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Replace it by exactly this list. `Unspecified` keeps it; an empty list means only the caller.
    Replace(AccessList),
    /// Add or change these, keep the others.
    Set(Vec<Grant>),
    /// Remove these, keep the others.
    Remove(Vec<UserId>),
    /// Add or change some and remove others.
    Edit {
        /// To add or change.
        set: Vec<Grant>,
        /// To remove.
        remove: Vec<UserId>,
    },
    /// Remove everybody but the caller, who gets 127.
    OnlyMe,
}

/// One user's access as it stands in a verified manifest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// For whom.
    pub user_id: UserId,
    /// What they may do.
    pub permissions: Permissions,
    /// Until when; none for ever.
    pub expiration: Option<Timestamp>,
    /// When it was given.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: UserId,
    /// When it was last changed; none if never.
    pub modified_at: Option<Timestamp>,
    /// By whom; none if never.
    pub modified_by: Option<UserId>,
    /// The container's keys, wrapped for this user (`docs/protocol.md`, "Key blob"). Present in the
    /// caller's own access when it may decrypt (S-111, S-113).
    pub key_blob: Option<Vec<u8>>,
}

impl Access {
    /// Whether the access is over at `now` (S-037).
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expiration.is_some_and(|expiration| expiration <= now)
    }

    /// The seed's `key`: the key blob as base64 (RFC 4648 §4), if there is one (S-111).
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.key_blob.as_ref().map(|blob| BASE64.encode(blob))
    }

    /// The grant that would give this access again.
    #[must_use]
    pub const fn grant(&self) -> Grant {
        Grant { user_id: self.user_id, permissions: self.permissions, expiration: self.expiration }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s106_s107_s108_s109_a_bare_grant_is_full_and_for_ever() {
        let text = "0e28abdc-1a8f-43db-b565-088161af2b53";
        let user: UserId = text.parse().unwrap();
        assert_eq!(UserId::from_bytes(*user.as_bytes()), user);
        assert_eq!(user.to_string(), text);
        let grant = Grant::full(user);
        assert_eq!((grant.permissions.as_int(), grant.expiration), (127, None));
        let limited = grant.with_permissions(Permissions::from_int(42).unwrap());
        assert_eq!(limited.permissions, "42".parse().unwrap());
        assert_eq!(Grant::recipient(user).permissions.as_int(), 11);
    }
}
