//! `absio events`.

use super::follow;
use crate::args::{EventsArgs, Global, Provider};
use crate::connection::signed_in;
use crate::failure::Failure;
use crate::output::{Output, shown};
use absio_proto::model::Event;
use absio_proto::{InputError, limits};
use serde_json::{Value, json};

pub(crate) fn run(global: &Global, args: EventsArgs, output: &Output) -> Result<(), Failure> {
    if args.follow {
        return follow::run(global, &args, output);
    }
    if global.provider == Provider::Ofs {
        return Err(InputError::Unsupported { what: "events: they are at the broker" }.into());
    }
    let mut filter = args.into_filter();
    let (client, _) = signed_in(global, output)?;
    loop {
        let page = client.events_page(filter.clone(), limits::EVENTS_PAGE, 0)?;
        for event in &page.events {
            output.data(&object(event), &line(event))?;
        }
        if !page.more {
            return Ok(());
        }
        filter.starting_event_id = page.next;
    }
}

fn object(event: &Event) -> Value {
    json!({
        "event_id": event.id,
        "action": event.action.to_string(),
        "type": event.event_type.to_string(),
        "date": event.date.to_string(),
        "changes": event.changes,
        "client_app_name": event.client_app_name,
        "container_id": event.container_id.map(|id| id.to_string()),
        "container_type": event.container_type,
        "container_expired_at": event.container_expired_at.map(|time| time.to_string()),
        "container_modified_at": event.container_modified_at.map(|time| time.to_string()),
        "related_user_id": event.related_user_id.map(|id| id.to_string()),
    })
}

fn line(event: &Event) -> String {
    use std::fmt::Write;
    // Words that this version does not know are the server's own.
    let (event_type, action) = (shown(&event.event_type.to_string()), shown(&event.action.to_string()));
    let mut line = format!("{:>6}  {}  {event_type} {action}", event.id, event.date);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(line, "  {name} {}", shown(&value));
        }
    };
    add("container", event.container_id.map(|id| id.to_string()));
    add("of type", event.container_type.clone());
    add("by", event.related_user_id.map(|id| id.to_string()));
    add("with", event.client_app_name.clone());
    add("expired", event.container_expired_at.map(|time| time.to_string()));
    if !event.changes.is_empty() {
        add("changes", Some(Value::Object(event.changes.clone()).to_string()));
    }
    line
}
