//! Events: what is told to whom (`docs/protocol.md` §15).
//!
//! Each user has a stream of their own. An event is written into it in the commit of what it tells
//! about, as this user may see it then; the store numbers it, so ids increase without anybody reading
//! a counter first. Only whether the access has expired is added when the stream is read.

mod page;
mod record;

pub(crate) use page::page;
pub(crate) use record::{ContainerEvents, KeyFileChange, Tell, key_file_event, sight};

use absio_proto::model::{ContainerId, Event, EventAction, EventType, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One event as stored; its id is in its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EventRow {
    action: EventAction,
    #[serde(rename = "type")]
    event_type: EventType,
    date: u64,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    changes: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container: Option<ContainerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    container_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    related: Option<UserId>,
}

impl EventRow {
    fn into_event(self, id: u64) -> Event {
        Event {
            id,
            action: self.action,
            event_type: self.event_type,
            date: Timestamp::from_millis(self.date),
            changes: self.changes,
            client_app_name: self.app,
            container_expired_at: None,
            container_id: self.container,
            container_modified_at: self.modified.map(Timestamp::from_millis),
            container_type: self.container_type,
            related_user_id: self.related,
        }
    }
}
