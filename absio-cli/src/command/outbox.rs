//! `absio outbox …`: changes that wait for the broker.

use crate::args::{Global, OutboxAction};
use crate::connection::{signed_in, signed_in_under};
use crate::failure::Failure;
use crate::output::{Output, shown};
use crate::progress::waiting;
use absio_proto::provider::Standard;
use absio_proto::provider::outbox::{Discard, Drain, List, Open, Queued, QueuedKind, QueuedState, Retry};
use data_encoding::BASE64;
use serde_json::{Value, json};

pub(crate) fn run(global: &Global, action: &OutboxAction, output: &Output) -> Result<(), Failure> {
    if let OutboxAction::Drain = action {
        return drain(global, output);
    }
    let (client, _) = signed_in_under(Standard::Ofs, global, output)?;
    match action {
        OutboxAction::List => client.run(List::new())?.iter().try_for_each(|queued| tell(queued, output)),
        OutboxAction::Get { number } => {
            let content = client.run(Open::new(*number))?.content.unwrap_or_default();
            if output.is_json() {
                let object = json!({"number": number, "content_base64": BASE64.encode(&content)});
                return output.data(&object, "");
            }
            output.bytes(&content)
        }
        OutboxAction::Retry { number } => {
            client.run(Retry::new(*number))?;
            output.data(&json!({"number": number, "state": "waiting"}), &number.to_string())
        }
        OutboxAction::Discard { number } => {
            client.run(Discard::new(*number))?;
            output.data(&json!({"number": number, "discarded": true}), &number.to_string())
        }
        OutboxAction::Drain => Ok(()),
    }
}

fn tell(queued: &Queued, output: &Output) -> Result<(), Failure> {
    let kind = match queued.kind {
        QueuedKind::Create => "create",
        QueuedKind::Update => "update",
        QueuedKind::Delete => "delete",
    };
    let (state, sentence) = match &queued.state {
        QueuedState::Waiting => ("waiting", "waits".to_owned()),
        QueuedState::Conflict { present } => {
            ("conflict", format!("conflict: somebody else made revision {present} first"))
        }
        QueuedState::Refused { code } => ("refused", format!("refused: {}", shown(code))),
    };
    let mut object: Value = json!({
        "number": queued.sequence,
        "change": kind,
        "container_id": queued.container.to_string(),
        "revision": queued.revision,
        "queued_at": queued.queued_at.to_string(),
        "state": state,
    });
    match &queued.state {
        QueuedState::Conflict { present } => object["present_revision"] = (*present).into(),
        QueuedState::Refused { code } => object["code"] = code.as_str().into(),
        QueuedState::Waiting => {}
    }
    output.data(&object, &format!("{:>4}  {kind}  {}  {sentence}", queued.sequence, queued.container))
}

/// Sends what waits; fails if something stays.
fn drain(global: &Global, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global, output)?;
    let drained = waiting("sending", || client.run(Drain::new()))?;
    let stopped_by = drained.stopped_by.map(Failure::from);
    output.data(
        &json!({
            "sent": drained.sent,
            "conflicts": drained.conflicts,
            "refused": drained.refused,
            "waiting": drained.waiting,
        }),
        &format!(
            "sent {}, conflicts {}, refused {}, waiting {}",
            drained.sent.len(),
            drained.conflicts.len(),
            drained.refused.len(),
            drained.waiting.len()
        ),
    )?;
    match (stopped_by, drained.conflicts.len() + drained.refused.len()) {
        (Some(failure), _) => Err(failure),
        (None, 0) => Ok(()),
        (None, left) => {
            Err(Failure::new("unsent", format!("changes that stay: {left}; `absio outbox list` tells why")))
        }
    }
}
