//! From what the caller wished to who shall have access (S-025, S-031 to S-039, S-074 to S-077).

use crate::error::InputError;
use crate::limits;
use crate::model::{AccessChange, AccessList, Grant, Permissions, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Who shall have access, by user.
pub(super) type Grants = BTreeMap<UserId, Grant>;

/// The list of a new container; nothing given means only `caller`, with 127 and for ever.
pub(super) fn of_new(list: &AccessList, caller: UserId) -> Result<Grants, InputError> {
    Ok(resolve(list, caller)?.unwrap_or_else(|| only(caller)))
}

/// The list after `change` of `present`; `None` if it stays.
pub(super) fn after_change(
    change: &AccessChange,
    present: &Grants,
    caller: UserId,
) -> Result<Option<Grants>, InputError> {
    let edited = |set: &[Grant], remove: &[UserId]| {
        let mut grants = present.clone();
        grants.retain(|user, _| crate::planted!(RemovalIgnored, true, !remove.contains(user)));
        let given = |grant: &Grant| {
            let expiration = crate::planted!(ExpirationDropped, None, grant.expiration);
            (grant.user_id, Grant { expiration, ..*grant })
        };
        grants.extend(set.iter().map(given));
        grants
    };
    let grants = match change {
        AccessChange::Keep => None,
        AccessChange::Replace(AccessList::Unspecified) => None,
        AccessChange::Replace(list) => Some(of_new(list, caller)?),
        AccessChange::Set(set) => Some(edited(set, &[])),
        AccessChange::Remove(remove) => Some(edited(&[], remove)),
        AccessChange::Edit { set, remove } => Some(edited(set, remove)),
        AccessChange::OnlyMe => Some(only(caller)),
    };
    if grants.as_ref().is_some_and(Grants::is_empty) {
        return Err(InputError::InvalidArgument {
            argument: "access",
            reason: "nobody would have access any more; delete the container instead".into(),
        });
    }
    grants.map(within_limit).transpose()
}

/// Whose rows `change` is about; none for everybody's.
pub(super) fn concerned(change: &AccessChange) -> Option<BTreeSet<UserId>> {
    let users = |set: &[Grant], remove: &[UserId]| {
        set.iter().map(|grant| grant.user_id).chain(remove.iter().copied()).collect()
    };
    match change {
        AccessChange::Keep => Some(BTreeSet::new()),
        AccessChange::Set(set) => Some(users(set, &[])),
        AccessChange::Remove(remove) => Some(users(&[], remove)),
        AccessChange::Edit { set, remove } => Some(users(set, remove)),
        AccessChange::Replace(_) | AccessChange::OnlyMe => None,
    }
}

/// A combination that an upload by this user would be refused for (S-135).
pub(super) fn check_strictly(grants: &Grants) -> Result<(), InputError> {
    let needed = Permissions::ACCESS_VIEW | Permissions::ACCESS_MODIFY;
    let refused = grants.values().find(|grant| {
        grant.permissions.contains(Permissions::CONTAINER_UPLOAD) && !grant.permissions.contains(needed)
    });
    match refused {
        Some(grant) => Err(InputError::RefusedPermissions {
            user: grant.user_id,
            reason: "container.upload needs access.view and access.modify too",
        }),
        None => Ok(()),
    }
}

fn only(caller: UserId) -> Grants {
    BTreeMap::from([(caller, Grant::full(caller))])
}

fn resolve(list: &AccessList, caller: UserId) -> Result<Option<Grants>, InputError> {
    let grants: Grants = match list {
        AccessList::Unspecified => return Ok(None),
        AccessList::Users(users) => users
            .iter()
            .map(|&user| (user, if user == caller { Grant::full(user) } else { Grant::recipient(user) }))
            .collect(),
        AccessList::Grants(grants) => {
            if let Some((user, grant)) = grants.iter().find(|(user, grant)| **user != grant.user_id) {
                return Err(InputError::InvalidArgument {
                    argument: "access",
                    reason: format!("the entry under {user} is for {}", grant.user_id),
                });
            }
            grants.clone()
        }
    };
    if grants.is_empty() { Ok(None) } else { within_limit(grants).map(Some) }
}

fn within_limit(grants: Grants) -> Result<Grants, InputError> {
    let (actual, limit) = (grants.len() as u64, limits::ACCESS_ENTRIES as u64);
    if actual > limit {
        return Err(InputError::TooLarge { what: "the access list", actual, limit });
    }
    Ok(grants)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    const A: UserId = UserId::from_bytes([1; 16]);
    const B: UserId = UserId::from_bytes([2; 16]);
    const C: UserId = UserId::from_bytes([3; 16]);

    #[test]
    fn s025_s036_nothing_given_is_only_the_caller_for_ever() {
        for list in [AccessList::Unspecified, AccessList::Users(vec![]), AccessList::of([])] {
            assert_eq!(of_new(&list, A).unwrap(), BTreeMap::from([(A, Grant::full(A))]));
        }
    }

    #[test]
    fn s031_s123_s124_a_list_gives_each_the_default_of_their_role() {
        let grants = of_new(&AccessList::Users(vec![A, B]), A).unwrap();
        assert_eq!(grants[&A].permissions.as_int(), 127);
        assert_eq!(grants[&B].permissions.as_int(), 11);
    }

    #[test]
    fn s032_a_map_is_taken_exactly() {
        let limited =
            Grant::full(B).with_permissions(Permissions::ACCESS_VIEW).until(Timestamp::from_millis(5));
        let grants = of_new(&AccessList::of([Grant::full(A), limited]), A).unwrap();
        assert_eq!(grants[&B], limited);
    }

    #[test]
    fn s033_a_map_key_that_disagrees_is_refused() {
        let list = AccessList::Grants(BTreeMap::from([(B, Grant::full(C))]));
        assert!(matches!(of_new(&list, A), Err(InputError::InvalidArgument { argument: "access", .. })));
    }

    #[test]
    fn s034_an_explicit_list_is_the_whole_list() {
        let grants = of_new(&AccessList::Users(vec![B]), A).unwrap();
        assert_eq!(grants.keys().collect::<Vec<_>>(), [&B]);
    }

    #[test]
    fn s039_an_id_given_twice_counts_once() {
        assert_eq!(of_new(&AccessList::Users(vec![A, B, B]), A).unwrap().len(), 2);
    }

    #[test]
    fn s075_s076_s077_changes_of_a_list() {
        let present = of_new(&AccessList::Users(vec![A, B]), A).unwrap();
        let after = |change| after_change(&change, &present, A).unwrap();
        assert_eq!(after(AccessChange::Keep), None);
        assert_eq!(after(AccessChange::Replace(AccessList::Unspecified)), None);
        assert_eq!(after(AccessChange::OnlyMe), Some(BTreeMap::from([(A, Grant::full(A))])));
        let replaced = after(AccessChange::Replace(AccessList::Users(vec![B]))).unwrap();
        assert_eq!(replaced.keys().collect::<Vec<_>>(), [&B]);
        let added = after(AccessChange::Set(vec![Grant::recipient(C)])).unwrap();
        assert_eq!(added.len(), 3);
        assert_eq!(added[&B], present[&B]);
        assert_eq!(after(AccessChange::Remove(vec![B])).unwrap().len(), 1);
    }

    #[test]
    fn an_update_that_would_leave_nobody_is_refused() {
        let present = of_new(&AccessList::Unspecified, A).unwrap();
        let outcome = after_change(&AccessChange::Remove(vec![A]), &present, A);
        assert!(matches!(outcome, Err(InputError::InvalidArgument { argument: "access", .. })));
    }

    #[test]
    fn s135_upload_without_view_and_modify_is_refused_when_strict() {
        let grants =
            of_new(&AccessList::of([Grant::full(B).with_permissions(Permissions::from_int(15).unwrap())]), A);
        assert!(matches!(
            check_strictly(&grants.unwrap()),
            Err(InputError::RefusedPermissions { user: B, .. })
        ));
        assert!(check_strictly(&of_new(&AccessList::Unspecified, A).unwrap()).is_ok());
    }

    #[test]
    fn lists_over_the_limit_are_refused() {
        let users = |count: u32| {
            AccessList::Users(
                (0..count)
                    .map(|n| {
                        let mut bytes = [0; 16];
                        bytes[..4].copy_from_slice(&n.to_be_bytes());
                        UserId::from_bytes(bytes)
                    })
                    .collect(),
            )
        };
        assert!(of_new(&users(4096), A).is_ok());
        assert!(matches!(of_new(&users(4097), A), Err(InputError::TooLarge { .. })));
    }
}
