//! Events on the wire (`docs/protocol.md`, "Events").

use crate::error::Error;
use crate::model::{ContainerId, Event, EventAction, EventPage, EventType, Timestamp, UserId};
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
    /// The page, for a request that started at `start`: ids must increase strictly from there on.
    ///
    /// # Errors
    /// [`Error::Protocol`] if they do not (security case 47).
    pub fn into_page(self, start: u64) -> Result<EventPage, Error> {
        let mut least = start;
        for event in &self.events {
            if event.id < least {
                return Err(Error::Protocol("event ids do not increase".into()));
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
