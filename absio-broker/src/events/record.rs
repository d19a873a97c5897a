//! Writing events.

use super::EventRow;
use crate::handler::Caller;
use crate::rows;
use crate::turn::{Plan, Turn};
use absio_proto::crypto::manifest::AccessEntry;
use absio_proto::model::{ContainerId, EventAction, EventType, Permissions, Timestamp, UserId};
use absio_proto::planted;
use absio_proto::wire::Base64;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// More changed rows than this are not listed in an event: everybody in the container gets one, and
/// a list that many long can be fetched.
const LISTED_ROWS: usize = 50;

/// What changed about a key file.
#[derive(Default)]
pub(crate) struct KeyFileChange {
    /// SHA-256 of the new file.
    pub(crate) checksum: Option<Base64>,
    pub(crate) reminder: bool,
    pub(crate) passphrase: bool,
}

/// Tells `user` about the own key file.
pub(crate) fn key_file_event(
    turn: &Turn<'_>,
    caller: &Caller,
    plan: &mut Plan,
    user: UserId,
    action: EventAction,
    change: KeyFileChange,
) {
    let mut changes = Map::new();
    if let Some(checksum) = change.checksum {
        changes.insert("checksum".into(), json!(checksum));
    }
    for (name, changed) in [("reminder", change.reminder), ("passphrase", change.passphrase)] {
        if changed {
            changes.insert(name.into(), Value::Bool(true));
        }
    }
    let row = EventRow {
        action,
        event_type: EventType::KeyFile,
        date: turn.time().as_millis(),
        changes,
        app: caller.app_name.clone(),
        container: None,
        modified: None,
        container_type: None,
        related: None,
    };
    plan.append(rows::events(user), rows::encode(&row));
}

/// One change of a container, told to many users, each as their rights allow.
pub(crate) struct ContainerEvents {
    pub(crate) container: ContainerId,
    /// Who caused it.
    pub(crate) actor: UserId,
    pub(crate) app: Option<String>,
    pub(crate) date: Timestamp,
    /// When the content changed, if this changed it.
    pub(crate) content_modified: Option<Timestamp>,
    pub(crate) container_type: Option<String>,
    /// What changed, for `updated`.
    pub(crate) header: bool,
    pub(crate) content_length: Option<u64>,
    pub(crate) retyped: bool,
    pub(crate) access: Option<Value>,
}

/// With which rights an event is seen; none once the access is over: then it says no more than that
/// something happened to this container.
pub(crate) type Sight = Option<Permissions>;

/// How the user of `entry` sees what happens at `now`.
pub(crate) fn sight(entry: &AccessEntry, now: Timestamp) -> Sight {
    (!entry.is_expired(now)).then_some(entry.permissions)
}

/// What is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tell {
    /// It became visible.
    Added,
    /// It changed.
    Updated,
    /// It is no longer visible.
    Deleted,
    /// The actor fetched it.
    Accessed,
}

impl ContainerEvents {
    /// A change in which nothing is known to have changed yet.
    pub(crate) fn new(turn: &Turn<'_>, caller: &Caller, actor: UserId, container: ContainerId) -> Self {
        Self {
            container,
            actor,
            app: caller.app_name.clone(),
            date: turn.time(),
            content_modified: None,
            container_type: None,
            header: false,
            content_length: None,
            retyped: false,
            access: None,
        }
    }

    /// What `changes` says of rows that came, changed and went.
    pub(crate) fn access_change(
        added: &[&AccessEntry],
        changed: &[&AccessEntry],
        removed: &[UserId],
    ) -> Value {
        if added.len() + changed.len() + removed.len() > LISTED_ROWS {
            return json!({});
        }
        let rows = |entries: &[&AccessEntry]| -> Vec<Value> {
            entries
                .iter()
                .map(|entry| {
                    json!({
                        "user_id": entry.user,
                        "permissions": entry.permissions.as_int(),
                        "expiration": entry.expiration.map(Timestamp::as_millis),
                    })
                })
                .collect()
        };
        json!({ "added": rows(added), "changed": rows(changed), "removed": removed })
    }

    /// Appends one event for each of `users`. Users with equal rights get equal bytes, made once.
    pub(crate) fn tell(&self, plan: &mut Plan, users: impl IntoIterator<Item = (UserId, Sight, Tell)>) {
        let mut made: BTreeMap<(Sight, Tell, bool), Vec<u8>> = BTreeMap::new();
        let seen = Permissions::ACCESS_VIEW | Permissions::CONTAINER_TYPE_VIEW;
        let mut users = users.into_iter();
        if planted!(EventLost, true, false) {
            users.next();
        }
        for (user, sight, tell) in users {
            let own = user == self.actor;
            let row = made
                .entry((sight.map(|rights| rights & seen), tell, own))
                .or_insert_with_key(|(sight, tell, own)| rows::encode(&self.row(*sight, *tell, *own)));
            plan.append(rows::events(user), row.clone());
        }
    }

    fn row(&self, sight: Sight, tell: Tell, own: bool) -> EventRow {
        let sees_type = sight.is_some_and(|rights| rights.contains(Permissions::CONTAINER_TYPE_VIEW));
        let sees_access = sight.is_some_and(|rights| rights.contains(Permissions::ACCESS_VIEW));
        let details = tell == Tell::Updated && sight.is_some();
        let mut changes = Map::new();
        if details {
            if self.retyped && sees_type {
                changes.insert("type".into(), json!(self.container_type));
            }
            if self.header {
                changes.insert("header".into(), Value::Bool(true));
            }
            if let Some(length) = self.content_length {
                changes.insert("content".into(), Value::Bool(true));
                changes.insert("length".into(), json!(length));
            }
            if let (Some(access), true) = (&self.access, sees_access) {
                changes.insert("access".into(), access.clone());
            }
        }
        EventRow {
            action: match tell {
                Tell::Added => EventAction::Added,
                Tell::Updated => EventAction::Updated,
                Tell::Deleted => EventAction::Deleted,
                Tell::Accessed => EventAction::Accessed,
            },
            event_type: EventType::Container,
            date: self.date.as_millis(),
            changes,
            app: self.app.clone().filter(|_| own || sight.is_some()),
            container: Some(self.container),
            modified: self.content_modified.filter(|_| details).map(Timestamp::as_millis),
            container_type: self.container_type.clone().filter(|_| sees_type),
            related: Some(self.actor).filter(|_| !own && sees_access),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use absio_proto::wire::to_json;

    #[test]
    fn rows_are_json_without_absent_fields() {
        let row = EventRow {
            action: EventAction::Added,
            event_type: EventType::KeyFile,
            date: 5,
            changes: Map::new(),
            app: None,
            container: None,
            modified: None,
            container_type: None,
            related: None,
        };
        assert_eq!(to_json(&row), br#"{"action":"added","type":"key_file","date":5}"#);
    }
}
