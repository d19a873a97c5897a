//! `absio user sync` and `absio user needs-sync`: the key file of this device beside the broker's.

use crate::args::Global;
use crate::connection::{client, login_with, signed_in, user_id};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::waiting;
use crate::secret::{PASSPHRASE, PASSWORD};
use absio_proto::provider::SyncState;
use serde_json::json;

/// Takes the broker's key file. Nobody is signed in: the secrets known here may be old ones.
pub(super) fn sync(global: &Global, output: &Output) -> Result<(), Failure> {
    let client = client(global, output)?;
    let id = user_id(global)?;
    let (passphrase, password) = (PASSPHRASE.existing()?, PASSWORD.given()?);
    let with = login_with(password.as_ref().map(|text| text.as_str()), Some(&passphrase));
    let synced = waiting("fetching the key file", || client.key_file().sync(Some(id), with))?;
    let warnings = output.warnings(&synced.warnings);
    let id = id.to_string();
    output.data(&json!({"user_id": id, "synced": true, "warnings": warnings}), &id)?;
    output.note("the key file of this device is the broker's");
    Ok(())
}

/// Tells how the two stand to each other.
pub(super) fn needs_sync(global: &Global, output: &Output) -> Result<(), Failure> {
    let (client, user) = signed_in(global, output)?;
    let state = client.key_file().state(None)?;
    let (word, sentence) = match state {
        SyncState::InSync => ("in_sync", "no: the key file of this device is the broker's"),
        SyncState::Differs => ("differs", "yes: the broker has another; run `absio user sync`"),
        SyncState::LocalMissing => {
            ("local_missing", "yes: there is none on this device; run `absio user sync`")
        }
        SyncState::RemoteMissing => ("remote_missing", "yes: the broker has none"),
    };
    output.data(
        &json!({"user_id": user.id().to_string(), "needs_sync": state.needs_sync(), "state": word}),
        sentence,
    )
}
