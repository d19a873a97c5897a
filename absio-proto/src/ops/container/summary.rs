//! From a verified manifest to the metadata that callers see.

use crate::crypto::manifest::Section;
use crate::model::{Metadata, Permissions, UserId};
use crate::session::Head;

/// The metadata as `reader` may see it: everybody's access with `access.view`, otherwise the
/// reader's own row (S-125).
pub(crate) fn metadata(head: &Head, reader: UserId) -> Metadata {
    let body = head.view.body();
    let own = head.view.entry(reader);
    let views = own.is_some_and(|own| own.permissions.contains(Permissions::ACCESS_VIEW));
    let blob_of = |user| head.blob.clone().filter(|_| user == reader);
    let shown = head.view.access().entries().filter(|entry| views || entry.user == reader);
    let changed = body.revision > 1;
    Metadata {
        id: body.container,
        revision: body.revision,
        created_at: body.created_at,
        created_by: body.created_by,
        modified_at: changed.then_some(body.modified_at),
        modified_by: changed.then_some(body.author.user),
        content_at: body.content.state.exists().then_some(body.content.changed_at),
        container_type: head.type_opening.as_ref().map(|opening| opening.text().to_owned()),
        access: shown.map(|entry| (entry.user, entry.to_access(blob_of(entry.user)))).collect(),
        access_complete: views && head.view.access().is_complete(),
        header_length: length(&body.header),
        length: length(&body.content),
    }
}

fn length(section: &Section) -> Option<u64> {
    section.state.exists().then_some(section.digest.length)
}
