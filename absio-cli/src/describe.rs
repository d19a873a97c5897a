//! What is known of a container, for programs and for people.

use crate::output::shown;
use absio_proto::model::{Access, Metadata, Timestamp};
use serde_json::{Value, json};

fn text(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

/// The metadata as an object.
pub(crate) fn metadata_object(metadata: &Metadata) -> Value {
    json!({
        "container_id": metadata.id.to_string(),
        "revision": metadata.revision,
        "type": metadata.container_type,
        "created_at": metadata.created_at.to_string(),
        "created_by": metadata.created_by.to_string(),
        "modified_at": text(metadata.modified_at),
        "modified_by": metadata.modified_by.map(|user| user.to_string()),
        "content_at": text(metadata.content_at),
        "length": metadata.length,
        "header_length": metadata.header_length,
        "access_complete": metadata.access_complete,
        "access": metadata.access.values().map(access_object).collect::<Vec<_>>(),
    })
}

fn access_object(access: &Access) -> Value {
    json!({
        "user_id": access.user_id.to_string(),
        "permissions": access.permissions.as_int(),
        "permission_names": access.permissions.names().collect::<Vec<_>>(),
        "expires_at": text(access.expiration),
        "created_at": access.created_at.to_string(),
        "created_by": access.created_by.to_string(),
        "modified_at": text(access.modified_at),
        "modified_by": access.modified_by.map(|user| user.to_string()),
    })
}

/// The metadata as lines.
pub(crate) fn metadata_text(metadata: &Metadata) -> String {
    let mut lines = vec![
        format!("container  {}", metadata.id),
        format!("revision   {}", metadata.revision),
        format!("created    {} by {}", metadata.created_at, metadata.created_by),
    ];
    if let (Some(at), Some(by)) = (metadata.modified_at, metadata.modified_by) {
        lines.push(format!("modified   {at} by {by}"));
    }
    if let Some(container_type) = &metadata.container_type {
        lines.push(format!("type       {}", shown(container_type)));
    }
    if let Some(length) = metadata.length {
        lines.push(format!("length     {length} bytes"));
    }
    for access in metadata.access.values() {
        let until = access.expiration.map_or_else(String::new, |time| format!(" until {time}"));
        let names = access.permissions.names().collect::<Vec<_>>().join("+");
        lines.push(format!("access     {} {} {names}{until}", access.user_id, access.permissions.as_int()));
    }
    if !metadata.access_complete {
        lines.push("access     of others is not shown to you".to_owned());
    }
    lines.join("\n")
}
