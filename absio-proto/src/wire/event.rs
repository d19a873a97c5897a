//! Events on the wire (`docs/protocol.md`, "Events").

use crate::error::Error;
use crate::model::{ContainerId, Event, EventAction, EventPage, EventType, Timestamp, UserId};
use core::ops::RangeInclusive;
use serde::{Deserialize, Serialize};

/// Answer of `GET /v1/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventAnswer {
    events: Vec<EventFields>,
    next: u64,
    more: bool,
}

/// One event; times are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct EventFields {
    id: u64,
    action: EventAction,
    #[serde(rename = "type")]
    event_type: EventType,
    date: u64,
    #[serde(default)]
    changes: serde_json::Map<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_app_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container_expired_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container_id: Option<ContainerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container_modified_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    related_user_id: Option<UserId>,
}

impl From<EventPage> for EventAnswer {
    fn from(page: EventPage) -> Self {
        let events = page.events.into_iter().map(|event| EventFields {
            id: event.id,
            action: event.action,
            event_type: event.event_type,
            date: event.date.as_millis(),
            changes: event.changes,
            client_app_name: event.client_app_name,
            container_expired_at: event.container_expired_at.map(Timestamp::as_millis),
            container_id: event.container_id,
            container_modified_at: event.container_modified_at.map(Timestamp::as_millis),
            container_type: event.container_type,
            related_user_id: event.related_user_id,
        });
        Self { events: events.collect(), next: page.next, more: page.more }
    }
}

impl EventAnswer {
    /// The page, for a request of the ids `wanted`: they must increase strictly, and be wanted.
    ///
    /// # Errors
    /// [`Error::Protocol`] if they do not (security case 47).
    pub fn into_page(self, wanted: &RangeInclusive<u64>) -> Result<EventPage, Error> {
        let start = *wanted.start();
        let mut least = start;
        for event in &self.events {
            if event.id < least {
                return Err(Error::Protocol("event ids do not increase".into()));
            }
            if event.id > *wanted.end() {
                return Err(Error::Protocol("an event is beyond the last one that was asked for".into()));
            }
            least = event.id.saturating_add(1);
        }
        if self.next < least || (self.more && self.next <= start) {
            return Err(Error::Protocol("the next event id would go back".into()));
        }
        let events = self.events.into_iter().map(|event| Event {
            id: event.id,
            action: event.action,
            event_type: event.event_type,
            date: Timestamp::from_millis(event.date),
            changes: event.changes,
            client_app_name: event.client_app_name,
            container_expired_at: event.container_expired_at.map(Timestamp::from_millis),
            container_id: event.container_id,
            container_modified_at: event.container_modified_at.map(Timestamp::from_millis),
            container_type: event.container_type,
            related_user_id: event.related_user_id,
        });
        Ok(EventPage { events: events.collect(), next: self.next, more: self.more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(ids: &[u64], next: u64, more: bool) -> EventAnswer {
        let events: Vec<_> = ids
            .iter()
            .map(|id| {
                serde_json::json!({"id": id, "action": "added", "type": "container", "date": 1, "changes": {}})
            })
            .collect();
        let answer = serde_json::json!({"events": events, "next": next, "more": more});
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn x12_ids_increase_and_are_those_asked_for() {
        let ids = |answer: EventAnswer| -> Vec<u64> {
            answer.into_page(&(3..=9)).unwrap().events.iter().map(|event| event.id).collect()
        };
        assert_eq!(ids(page(&[3, 4, 9], 10, false)), [3, 4, 9]);
        assert_eq!(ids(page(&[], 3, false)), [0; 0]);
        assert_eq!(ids(page(&[], 7, true)), [0; 0]);
        for (wrong, what) in [
            (page(&[2, 3], 10, false), "before the first"),
            (page(&[4, 4], 10, false), "twice"),
            (page(&[5, 4], 10, false), "back"),
            (page(&[9, 10], 11, false), "beyond the last"),
            (page(&[u64::MAX], u64::MAX, false), "beyond the last"),
            (page(&[3, 4], 4, true), "the next is one that was given"),
            (page(&[], 3, true), "no way forward"),
        ] {
            assert!(matches!(wrong.into_page(&(3..=9)), Err(Error::Protocol(_))), "{what}");
        }
    }
}
