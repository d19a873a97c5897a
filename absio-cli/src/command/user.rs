//! `absio user …`.

use crate::args::{Global, UserAction};
use crate::connection::{client, signed_in};
use crate::failure::Failure;
use crate::output::{Output, shown};
use crate::progress::waiting;
use crate::secret::{NEW_PASSPHRASE, NEW_PASSWORD, PASSPHRASE, PASSWORD};
use absio_proto::crypto::CardChain;
use absio_proto::model::{Credentials, UserId};
use data_encoding::HEXLOWER;
use serde_json::json;

pub(crate) fn run(global: &Global, action: UserAction, output: &Output) -> Result<(), Failure> {
    match action {
        UserAction::Create { reminder } => create(global, &reminder, output),
        UserAction::Show { id } => show(global, id, output),
        UserAction::Reminder { id } => remind(global, id, output),
        UserAction::ChangeCredentials { reminder } => change_credentials(global, &reminder, output),
        UserAction::RotateKeys { revoke: false } => rotate_keys(global, output),
        UserAction::RotateKeys { revoke: true } => revoke_keys(global, output),
        UserAction::Delete { .. } => delete(global, output),
    }
}

fn create(global: &Global, reminder: &str, output: &Output) -> Result<(), Failure> {
    let client = client(global)?;
    let credentials = Credentials::new(&PASSWORD.chosen()?, &PASSPHRASE.chosen()?).reminder(reminder);
    let user = waiting("creating the user", || client.user().create(credentials))?;
    let (id, fingerprint) = (user.id().to_string(), user.keys().chain().fingerprint());
    output.data(&json!({"user_id": id, "fingerprint": fingerprint}), &id)?;
    output.note(&format!("created; fingerprint {fingerprint}; set ABSIO_USER={id} to be this user"));
    Ok(())
}

fn show(global: &Global, id: Option<UserId>, output: &Output) -> Result<(), Failure> {
    let (client, user) = signed_in(global)?;
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
    let reminder = client(global)?.user().reminder(Some(id))?;
    output.data(&json!({"user_id": id.to_string(), "reminder": reminder}), &shown(&reminder))
}

fn change_credentials(global: &Global, reminder: &str, output: &Output) -> Result<(), Failure> {
    let (client, user) = signed_in(global)?;
    let credentials = Credentials::new(&NEW_PASSWORD.chosen()?, &NEW_PASSPHRASE.chosen()?).reminder(reminder);
    waiting("changing credentials", || client.user().change_credentials(credentials))?;
    let id = user.id().to_string();
    output.data(&json!({"user_id": id, "changed": true}), &id)?;
    output.note("changed; the old password and passphrase no longer work");
    Ok(())
}

fn rotate_keys(global: &Global, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global)?;
    let user = waiting("changing keys", || client.user().rotate_keys())?;
    let (id, sequence) = (user.id().to_string(), user.keys().chain().sequence());
    output.data(&json!({"user_id": id, "sequence": sequence, "revoked": false}), &id)?;
    output.note(&format!("changed; the keys are those of card {sequence}, the old ones are retired"));
    Ok(())
}

fn revoke_keys(global: &Global, output: &Output) -> Result<(), Failure> {
    let (client, _) = signed_in(global)?;
    let revoked = waiting("revoking keys", || client.user().revoke_keys())?;
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
    let (client, user) = signed_in(global)?;
    client.user().delete()?;
    let id = user.id().to_string();
    output.data(&json!({"user_id": id, "deleted": true}), &id)?;
    output.note("deleted: the keys are gone, and what only they could open");
    Ok(())
}
