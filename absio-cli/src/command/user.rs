//! `absio user …`.

use super::{identity, key_file};
use crate::args::{Global, Provider, UserAction};
use crate::connection::{client, client_under, signed_in};
use crate::failure::Failure;
use crate::output::{Output, shown};
use crate::progress::waiting;
use crate::secret::{NEW_PASSPHRASE, NEW_PASSWORD, PASSPHRASE, PASSWORD};
use absio_proto::crypto::CardChain;
use absio_proto::model::{Credentials, UserId};
use absio_proto::provider::Standard;
use data_encoding::HEXLOWER;
use serde_json::json;

pub(crate) fn run(global: &Global, action: UserAction, output: &Output) -> Result<(), Failure> {
    match action {
        UserAction::Create { reminder } => create(global, &reminder, output),
        UserAction::Show { id } => show(global, id, output),
        UserAction::Fingerprint { id } => identity::fingerprint(global, id, output),
        UserAction::Verify { id, fingerprint } => identity::verify(global, id, &fingerprint.concat(), output),
        UserAction::Peers => identity::peers(global, output),
        UserAction::Sync => key_file::sync(global, output),
        UserAction::NeedsSync => key_file::needs_sync(global, output),
        UserAction::Reminder { id } => remind(global, id, output),
        UserAction::ChangeCredentials { reminder } => change_credentials(global, &reminder, output),
        UserAction::RotateKeys { revoke: false } => rotate_keys(global, output),
        UserAction::RotateKeys { revoke: true } => revoke_keys(global, output),
        UserAction::Delete { .. } => delete(global, output),
    }
}

fn create(global: &Global, reminder: &str, output: &Output) -> Result<(), Failure> {
    let client = client(global, output)?;
    let credentials = Credentials::new(&PASSWORD.chosen()?, &PASSPHRASE.chosen()?).reminder(reminder);
    let made = waiting("creating the user", || client.user().create_noted(credentials, None))?;
    let warnings = output.warnings(&made.warnings);
    let (id, fingerprint) = (made.value.id().to_string(), made.value.keys().chain().fingerprint());
    output.data(&json!({"user_id": id, "fingerprint": fingerprint, "warnings": warnings}), &id)?;
    output.note(&format!("created; fingerprint {fingerprint}; set ABSIO_USER={id} to be this user"));
    Ok(())
}

fn show(global: &Global, id: Option<UserId>, output: &Output) -> Result<(), Failure> {
    let (client, user) = signed_in(global, output)?;
    let chains = client.user().public_keys([id.unwrap_or_else(|| user.id())])?;
    chains.iter().try_for_each(|chain| show_one(chain, output))
}

fn show_one(chain: &CardChain, output: &Output) -> Result<(), Failure> {
    let signing = chain.active_signing().map(|(index, key)| (index, HEXLOWER.encode(key.as_bytes())));
    let derivation = chain.active_derivation().map(|(index, key)| (index, HEXLOWER.encode(&key)));
    let object = |key: &Option<(u32, String)>| {
        key.as_ref().map(|(index, public)| json!({"index": index, "public": public}))
    };
    let text = |key: &Option<(u32, String)>| {
        key.as_ref().map_or_else(|| "none".to_owned(), |(index, public)| format!("{public} (index {index})"))
    };
    output.data(
        &json!({
            "user_id": chain.user_id().to_string(),
            "fingerprint": chain.fingerprint(),
            "sequence": chain.sequence(),
            "closed": chain.is_closed(),
            "signing_key": object(&signing),
            "derivation_key": object(&derivation),
        }),
        &format!(
            "user         {}\nfingerprint  {}\ncards        {}{}\nsigning      {}\nderivation   {}",
            chain.user_id(),
            chain.fingerprint(),
            chain.sequence(),
            if chain.is_closed() { ", closed: the user was deleted" } else { "" },
            text(&signing),
            text(&derivation),
        ),
    )
}

fn remind(global: &Global, id: UserId, output: &Output) -> Result<(), Failure> {
    let provider = match global.provider {
        Provider::Ofs => Standard::Ofs,
        // It is asked of the broker: no need of a local store, which another command may have open.
        Provider::Server | Provider::ServerCacheOfs => Standard::Server,
    };
    let reminder = client_under(provider, global, output)?.user().reminder(Some(id))?;
    output.data(&json!({"user_id": id.to_string(), "reminder": reminder}), &shown(&reminder))
}

fn change_credentials(global: &Global, reminder: &str, output: &Output) -> Result<(), Failure> {
    let (client, user) = signed_in(global, output)?;
    let credentials = Credentials::new(&NEW_PASSWORD.chosen()?, &NEW_PASSPHRASE.chosen()?).reminder(reminder);
    let changed =
        waiting("changing credentials", || client.user().change_credentials_noted(credentials, None))?;
    let warnings = output.warnings(&changed.warnings);
    let id = user.id().to_string();
    output.data(&json!({"user_id": id, "changed": true, "warnings": warnings}), &id)?;
    output.note("changed; the old password and passphrase no longer work");
    Ok(())
}

fn rotate_keys(global: &Global, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global, output)?;
    let rotated = waiting("changing keys", || client.user().rotate_keys())?;
    let (user, warnings) = (rotated.value, output.warnings(&rotated.warnings));
    let (id, sequence) = (user.id().to_string(), user.keys().chain().sequence());
    output
        .data(&json!({"user_id": id, "sequence": sequence, "revoked": false, "warnings": warnings}), &id)?;
    output.note(&format!("changed; the keys are those of card {sequence}, the old ones are retired"));
    Ok(())
}

fn revoke_keys(global: &Global, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global, output)?;
    let revoked = waiting("revoking keys", || client.user().revoke_keys())?;
    let (revoked, warnings) = (revoked.value, output.warnings(&revoked.warnings));
    let (id, sequence) = (revoked.user.id().to_string(), revoked.user.keys().chain().sequence());
    let resigned: Vec<_> = revoked.resigned.iter().map(ToString::to_string).collect();
    let failed: Vec<_> = revoked.failed.into_iter().map(|(id, error)| (id, Failure::from(error))).collect();
    let objects: Vec<_> = failed
        .iter()
        .map(|(id, failure)| json!({"container_id": id, "code": failure.code, "message": failure.message}))
        .collect();
    output.data(
        &json!({
            "user_id": id,
            "sequence": sequence,
            "revoked": true,
            "resigned": resigned,
            "failed": objects,
            "warnings": warnings,
        }),
        &id,
    )?;
    output.note(&format!(
        "revoked; the keys are those of card {sequence}, every session is over, containers signed anew: {}",
        resigned.len()
    ));
    for (container, failure) in failed {
        output.note(&format!("container {container} was not signed anew: {}", failure.message));
    }
    Ok(())
}

fn delete(global: &Global, output: &Output) -> Result<(), Failure> {
    let (client, user) = signed_in(global, output)?;
    client.user().delete()?;
    let id = user.id().to_string();
    output.data(&json!({"user_id": id, "deleted": true}), &id)?;
    output.note("deleted: the keys are gone, and what only they could open");
    Ok(())
}
