//! `--share USER_ID[=PERMISSIONS][@EXPIRES]`.

use absio_proto::InputError;
use absio_proto::model::{AccessChange, AccessList, Grant, UserId};
use std::collections::BTreeMap;

/// Reads one `--share`: permissions are the integer or names joined by `+`, 11 unless given; the
/// time is RFC 3339, never unless given.
///
/// # Errors
/// [`InputError::InvalidArgument`] naming the part that is wrong.
pub(crate) fn parse_share(text: &str) -> Result<Grant, InputError> {
    let (rest, expires) = match text.split_once('@') {
        Some((rest, expires)) => (rest, Some(expires)),
        None => (text, None),
    };
    let (user, permissions) = match rest.split_once('=') {
        Some((user, permissions)) => (user, Some(permissions)),
        None => (rest, None),
    };
    let mut grant = Grant::recipient(user.parse()?);
    if let Some(permissions) = permissions {
        grant = grant.with_permissions(permissions.parse()?);
    }
    if let Some(expires) = expires {
        grant = grant.until(expires.parse()?);
    }
    Ok(grant)
}

/// What the user said about access on the command line.
#[derive(Debug, Default)]
pub(crate) struct Sharing {
    pub(crate) share: Vec<Grant>,
    pub(crate) unshare: Vec<UserId>,
    pub(crate) without_me: bool,
}

impl Sharing {
    /// The access list of a new container: the shares, and the caller with full rights unless they
    /// are shared with by name or left out.
    ///
    /// # Errors
    /// [`InputError::InvalidArgument`] for a user named in two ways.
    pub(crate) fn of_new(&self, caller: UserId) -> Result<AccessList, InputError> {
        if self.share.is_empty() {
            return Ok(AccessList::Unspecified);
        }
        let mut grants = self.grants(caller)?;
        if !self.without_me {
            grants.entry(caller).or_insert_with(|| Grant::full(caller));
        }
        Ok(AccessList::Grants(grants))
    }

    /// What changes in the access list of an existing container.
    ///
    /// # Errors
    /// [`InputError::InvalidArgument`] for a user named in two ways.
    pub(crate) fn of_existing(&self, caller: UserId) -> Result<AccessChange, InputError> {
        let set = self.grants(caller)?.into_values().collect::<Vec<_>>();
        let mut remove = self.unshare.clone();
        if self.without_me {
            remove.push(caller);
        }
        Ok(if set.is_empty() && remove.is_empty() {
            AccessChange::Keep
        } else {
            AccessChange::Edit { set, remove }
        })
    }

    fn grants(&self, caller: UserId) -> Result<BTreeMap<UserId, Grant>, InputError> {
        let refuse = |user: UserId, reason: &str| InputError::InvalidArgument {
            argument: "--share",
            reason: format!("user {user} {reason}"),
        };
        let mut grants = BTreeMap::new();
        for grant in &self.share {
            let user = grant.user_id;
            if self.unshare.contains(&user) {
                return Err(refuse(user, "is given to --unshare too"));
            }
            if self.without_me && user == caller {
                return Err(refuse(user, "is you, and --without-me leaves you out"));
            }
            if grants.insert(user, *grant).is_some_and(|before| before != *grant) {
                return Err(refuse(user, "is given twice with different rights"));
            }
        }
        Ok(grants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use absio_proto::model::{Permissions, Timestamp};

    const ID: &str = "1d4c568b-e762-8284-b14e-167cc4776026";

    fn user(n: u8) -> UserId {
        UserId::from_bytes([n; 16])
    }

    #[test]
    fn s106_s107_s109_s124_shares_are_read_in_every_form() {
        let grant = parse_share(ID).unwrap();
        assert_eq!(grant, Grant::recipient(ID.parse().unwrap()));
        assert_eq!(grant.permissions.as_int(), 11);
        assert_eq!(parse_share(&format!("{ID}=42")).unwrap().permissions.as_int(), 42);
        assert_eq!(parse_share(&format!("{ID}=0")).unwrap().permissions, Permissions::empty());
        let named =
            parse_share(&format!("{ID}=container.decrypt+container.type.modify+access.view")).unwrap();
        assert_eq!(named.permissions.as_int(), 42);
        let until = parse_share(&format!("{ID}@2026-12-31T23:59:59+01:00")).unwrap();
        assert_eq!(until.permissions.as_int(), 11);
        assert_eq!(until.expiration, Some("2026-12-31T22:59:59Z".parse().unwrap()));
        let both = parse_share(&format!("{ID}=75@2026-12-31T23:59:59Z")).unwrap();
        assert_eq!((both.permissions.as_int(), both.expiration.is_some()), (75, true));
        let upper = parse_share(&ID.to_uppercase()).unwrap();
        assert_eq!(upper, grant);
    }

    #[test]
    fn s110_a_time_in_the_past_is_accepted() {
        let past = parse_share(&format!("{ID}@1970-01-01T00:00:01Z")).unwrap();
        assert_eq!(past.expiration, Some(Timestamp::from_millis(1000)));
    }

    #[test]
    fn s122_bad_shares_name_what_is_wrong() {
        for (text, part) in [
            ("", "user id"),
            ("bob", "user id"),
            ("=11", "user id"),
            ("@2026-12-31T23:59:59Z", "user id"),
            ("ID=", "permissions"),
            ("ID=256", "permissions"),
            ("ID=-1", "permissions"),
            ("ID=99999999999999999999999", "permissions"),
            ("ID=container.fly", "permissions"),
            ("ID=container.download,container.decrypt", "permissions"),
            ("ID=11=11", "permissions"),
            ("ID@", "time"),
            ("ID@tomorrow", "time"),
            ("ID@2026-12-31", "time"),
            ("ID@1969-12-31T23:59:59Z", "time"),
            ("ID=11@2026-12-31T23:59:59Z@", "time"),
        ] {
            let error = parse_share(&text.replace("ID", ID)).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_new_container_keeps_the_caller_unless_left_out() {
        let (me, bob) = (user(1), user(2));
        let list = |sharing: Sharing| sharing.of_new(me).unwrap();
        assert_eq!(list(Sharing::default()), AccessList::Unspecified);
        let shared = || Sharing { share: vec![Grant::recipient(bob)], ..Sharing::default() };
        assert_eq!(list(shared()), AccessList::of([Grant::full(me), Grant::recipient(bob)]));
        let without = Sharing { without_me: true, ..shared() };
        assert_eq!(list(without), AccessList::of([Grant::recipient(bob)]));
        let limited = Sharing { share: vec![Grant::recipient(me)], ..Sharing::default() };
        assert_eq!(list(limited), AccessList::of([Grant::recipient(me)]));
    }

    #[test]
    fn an_update_adds_and_removes() {
        let (me, bob, carol) = (user(1), user(2), user(3));
        assert_eq!(Sharing::default().of_existing(me).unwrap(), AccessChange::Keep);
        let sharing = Sharing { share: vec![Grant::recipient(bob)], unshare: vec![carol], without_me: true };
        assert_eq!(
            sharing.of_existing(me).unwrap(),
            AccessChange::Edit { set: vec![Grant::recipient(bob)], remove: vec![carol, me] }
        );
    }

    #[test]
    fn users_named_in_two_ways_are_refused() {
        let (me, bob) = (user(1), user(2));
        let twice = vec![Grant::recipient(bob), Grant::full(bob)];
        assert!(Sharing { share: twice, ..Sharing::default() }.of_new(me).is_err());
        let same = vec![Grant::recipient(bob), Grant::recipient(bob)];
        assert!(Sharing { share: same, ..Sharing::default() }.of_new(me).is_ok());
        let both = Sharing { share: vec![Grant::full(bob)], unshare: vec![bob], without_me: false };
        assert!(both.of_existing(me).is_err());
        let me_without_me = Sharing { share: vec![Grant::full(me)], without_me: true, ..Sharing::default() };
        assert!(me_without_me.of_new(me).is_err());
    }
}
