//! `absio events --follow`, `absio sync` and `absio checkpoint`: this device brought up to date.

use crate::args::{CheckpointArgs, EventsArgs, Global, SyncArgs};
use crate::connection::{signed_in, signed_in_under};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::watched;
use absio_proto::model::ContainerId;
use absio_proto::ops::ofs::Checkpoint;
use absio_proto::provider::{Applied, Follow, Followed, Standard, Sync, SyncState, Synced, What};
use absio_proto::{Error, limits};
use serde_json::{Value, json};

/// Follows the events, once to their end or until interrupted.
pub(super) fn run(global: &Global, args: &EventsArgs, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global, output)?;
    let follow = |wait| {
        let follow = Follow::new().one_page().wait(wait);
        if args.kept_only { follow.kept_only() } else { follow }
    };
    let mut wait = 0;
    loop {
        let followed = client.follow(follow(wait))?;
        tell_followed(&followed, output)?;
        match (followed.more, args.wait) {
            (true, _) => wait = 0,
            (false, true) => wait = limits::EVENT_WAIT_S,
            (false, false) => return Ok(()),
        }
    }
}

fn tell_followed(followed: &Followed, output: &Output) -> Result<(), Failure> {
    if followed.key_file_changed {
        output.warn(
            "the key file at the broker changed; `absio user needs-sync` tells whether it is news here",
        );
    }
    followed.applied.iter().try_for_each(|applied| tell_applied(applied, output))
}

fn tell_applied(applied: &Applied, output: &Output) -> Result<(), Failure> {
    let (word, sentence) = match &applied.what {
        What::Refreshed => ("refreshed", "is the newest revision now".to_owned()),
        What::Unchanged => ("unchanged", "was the newest revision already".to_owned()),
        What::Erased => ("erased", "is gone or no longer yours, proven: erased here".to_owned()),
        What::Reported => ("reported", "is gone, the broker says without proof: kept here".to_owned()),
        What::NotKept => ("not_kept", "is not kept here".to_owned()),
        What::Held => ("held", "waits: a change of yours is to be sent first".to_owned()),
        What::Failed(error) => ("failed", format!("is not up to date: {error}")),
        _ => ("other", "was looked at".to_owned()),
    };
    let container = applied.container.to_string();
    let mut object = json!({"container_id": container, "what": word, "events": applied.events});
    if let What::Failed(error) = &applied.what {
        object["error"] = failure(error);
    }
    output.data(&object, &format!("{container}  {sentence}"))
}

fn failure(error: &Error) -> Value {
    json!({"code": error.code(), "message": error.to_string()})
}

/// Brings this device up to date, whatever it missed. Exit code 1 if something could not be.
pub(crate) fn sync(global: &Global, args: &SyncArgs, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global, output)?;
    let sync = match args {
        SyncArgs { all: true, .. } => Sync::new().fetching_all(),
        SyncArgs { kept_only: true, .. } => Sync::new().kept_only(),
        SyncArgs { .. } => Sync::new(),
    };
    let synced = watched(&client, "syncing", |client| client.sync(sync))?;
    tell_synced(&synced, output)?;
    match (synced.failed.len(), synced.incomplete_since) {
        (0, None) => Ok(()),
        (0, Some(since)) => Err(Failure::new(
            "degraded",
            format!("something that was kept here is lost since {since}; `absio ofs accept-loss` settles it"),
        )),
        (failed, _) => {
            Err(Failure::new("incomplete", format!("containers that are not up to date: {failed}")))
        }
    }
}

fn tell_synced(synced: &Synced, output: &Output) -> Result<(), Failure> {
    let key_file = match synced.key_file {
        SyncState::InSync => "in_sync",
        SyncState::Differs => "differs",
        SyncState::LocalMissing => "local_missing",
        SyncState::RemoteMissing => "remote_missing",
    };
    if synced.key_file.needs_sync() {
        output.warn("the key file of this device is not the broker's; `absio user sync` takes that");
    }
    let ids = |set: &std::collections::BTreeSet<ContainerId>| -> Vec<String> {
        set.iter().map(ToString::to_string).collect()
    };
    let failed: Vec<Value> = synced
        .failed
        .iter()
        .map(|(id, error)| json!({"container_id": id.to_string(), "error": failure(error)}))
        .collect();
    for (id, error) in &synced.failed {
        output.warn(&format!("container {id} is not up to date: {error}"));
    }
    for id in &synced.reported {
        output.warn(&format!("the broker says without proof that container {id} is gone; it is kept here"));
    }
    let object = json!({
        "key_file": key_file,
        "refreshed": ids(&synced.refreshed),
        "erased": ids(&synced.erased),
        "reported": ids(&synced.reported),
        "unknown": ids(&synced.unknown),
        "held": ids(&synced.held),
        "failed": failed,
        "incomplete_since": synced.incomplete_since.map(|time| time.to_string()),
    });
    let text = format!(
        "refreshed {}, erased {}, reported gone {}, not on this device {}, waiting to be sent {}, failed {}",
        synced.refreshed.len(),
        synced.erased.len(),
        synced.reported.len(),
        synced.unknown.len(),
        synced.held.len(),
        synced.failed.len(),
    );
    output.data(&object, &text)
}

/// Shows the checkpoint over what this device has seen.
pub(crate) fn checkpoint(global: &Global, args: &CheckpointArgs, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in_under(Standard::Ofs, global, output)?;
    let made = client.run(match args.containers.as_slice() {
        [] => Checkpoint::of_all(),
        some => Checkpoint::of(some.iter().copied()),
    })?;
    output.data(&json!({"checkpoint": made.text, "containers": made.containers}), &made.text)
}
