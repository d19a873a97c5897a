//! The caller's containers.

use super::change::type_text;
use crate::handler::{Caller, json_answer};
use crate::rows::{self, HeadRow, ListRow};
use crate::turn::{Plan, Turn, Turned, damaged};
use absio_proto::model::{ContainerId, Permissions};
use absio_proto::wire::{ContainerList, ContainerSummary};

/// `GET /v1/containers`: hints, to be verified by getting them.
pub(in crate::handler) fn list(
    turn: &mut Turn<'_>,
    caller: &Caller,
    after: Option<ContainerId>,
    limit: usize,
) -> Turned<Plan> {
    let user = caller.user()?;
    let now = turn.time();
    let all = rows::listed_of(user);
    let start = after.map_or_else(|| all.clone(), |after| [rows::listed(user, after), vec![0]].concat());
    let mut found = turn.scan(start, rows::end_of(&all), limit + 1)?.to_vec();
    let more = found.len() > limit;
    found.truncate(limit);
    let containers: Option<Vec<(ContainerId, ListRow)>> = found
        .iter()
        .map(|(key, value)| Some((rows::container_of_listed(key)?, ListRow::decode(value)?)))
        .collect();
    let containers = containers.ok_or_else(damaged)?;
    let keys: Vec<_> = containers.iter().map(|(container, _)| rows::head(*container)).collect();
    let mut list = ContainerList { containers: Vec::new(), more };
    for ((container_id, row), head) in containers.into_iter().zip(turn.rows(&keys)?) {
        // Removed since the list was read.
        let Some(head) = head else { continue };
        let head: HeadRow = rows::decode(&head).ok_or_else(damaged)?;
        let sees_type = Permissions::from_bits_retain(row.permissions)
            .contains(Permissions::CONTAINER_TYPE_VIEW)
            && row.expiration.is_none_or(|expiration| expiration > now);
        list.containers.push(ContainerSummary {
            container_id,
            revision: head.revision,
            sole: head.rows == 1,
            container_type: type_text(&head).filter(|_| sees_type),
        });
    }
    Ok(Plan::answer(json_answer(200, &list)))
}
