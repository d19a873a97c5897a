//! From the global options to a client that is signed in.

use crate::args::{Global, Provider};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::waiting;
use crate::secret::{PASSPHRASE, PASSWORD, can_ask};
use absio_blocking::Client;
use absio_proto::model::{ApiKey, UserId};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::Standard;
use absio_proto::provider::outbox::WithOutbox;
use absio_proto::{LocalError, User};
use std::fs;

/// A client of the broker that the options name, under their provider.
///
/// # Errors
/// A missing or unusable option, or a local store that cannot be opened.
pub(crate) fn client(global: &Global, output: &Output) -> Result<Client, Failure> {
    client_under(global.provider.into(), global, output)
}

/// The same under another provider.
///
/// # Errors
/// As there.
pub(crate) fn client_under(provider: Standard, global: &Global, output: &Output) -> Result<Client, Failure> {
    let api_key = match (global.api_key, provider) {
        (Some(api_key), _) => api_key,
        // Nothing is sent, so it is shown to nobody.
        (None, Standard::Ofs) => ApiKey::from_bytes([0; 16]),
        (None, _) => {
            return Err(Failure::usage("invalid_api_key", "no API key; give --api-key or set ABSIO_API_KEY"));
        }
    };
    let mut builder = Client::builder(api_key, &global.server).provider(provider);
    if let Some(name) = &global.app_name {
        builder = builder.app_name(name);
    }
    if let Some(path) = &global.ca_file {
        builder = builder.authorities_pem(&fs::read(path).map_err(|error| Failure::file(path, &error))?);
    }
    if provider != Standard::Server {
        builder = builder.root(&global.root);
    }
    match (global.outbox, global.provider) {
        (true, Provider::ServerCacheOfs) if provider == Standard::ServerCacheOfs => {
            builder = builder.provider(WithOutbox);
        }
        // What the command does under another provider has no changes that could wait.
        (true, Provider::ServerCacheOfs) | (false, _) => {}
        (true, _) => {
            let reason = "--outbox is for the provider server-cache-ofs";
            return Err(Failure::usage("invalid_argument", reason));
        }
    }
    let client = builder.build()?;
    if let Some(path) = client.quarantined() {
        output.warn(&format!(
            "the index of the local store was damaged and lies in {} now; run `absio sync`",
            path.display()
        ));
    }
    Ok(client)
}

/// The user of the options.
///
/// # Errors
/// If there is none.
pub(crate) fn user_id(global: &Global) -> Result<UserId, Failure> {
    global.user.ok_or_else(|| Failure::usage("user_required", "no user; give --user or set ABSIO_USER"))
}

/// A client with the user of the options signed in.
///
/// # Errors
/// A missing option or secret, or a login that failed.
pub(crate) fn signed_in(global: &Global, output: &Output) -> Result<(Client, User), Failure> {
    signed_in_under(global.provider.into(), global, output)
}

/// The same under another provider.
///
/// # Errors
/// As there.
pub(crate) fn signed_in_under(
    provider: Standard,
    global: &Global,
    output: &Output,
) -> Result<(Client, User), Failure> {
    let client = client_under(provider, global, output)?;
    let id = user_id(global)?;
    let is_here = has_key_file(&client, provider, id);
    let with = secrets(provider, id, is_here).inspect_err(|error| {
        if error.code == "key_file_not_on_device" {
            output.note("absio: run `absio user sync` with the passphrase first");
        }
    })?;
    let signed_in = waiting("signing in", || client.sign_in(id, with)).inspect_err(|error| {
        if is_here && matches!(error.code(), "wrong_password" | "wrong_passphrase" | "login_refused") {
            output.note(
                "absio: if credentials or keys were changed on another device, run `absio user sync` first",
            );
        }
    })?;
    output.warnings(&signed_in.warnings);
    if signed_in.is_offline {
        output.note("absio: the broker cannot be reached; what is on this device can be read");
    }
    Ok((client, signed_in.user))
}

/// Whether this device has the key file: the password opens it then.
fn has_key_file(client: &Client, provider: Standard, id: UserId) -> bool {
    provider != Standard::Server && client.under(Standard::Ofs).key_file().checksum(Some(id)).is_ok()
}

/// The secrets that are given, and the one that is needed: the password if the key file is on this
/// device, the passphrase to fetch it otherwise.
fn secrets(provider: Standard, id: UserId, is_here: bool) -> Result<LoginWith, Failure> {
    let (mut password, mut passphrase) = (PASSWORD.given()?, PASSPHRASE.given()?);
    if is_here {
        if password.is_none() && passphrase.is_none() {
            password = Some(PASSWORD.existing()?);
        }
    } else if provider == Standard::Ofs {
        return Err(absio_proto::Error::from(LocalError::KeyFileNotFound { user: id }).into());
    } else if passphrase.is_none() && (password.is_none() || can_ask()) {
        // With a password and nobody to ask, the core says that only a passphrase can fetch it.
        passphrase = Some(PASSPHRASE.existing()?);
    }
    Ok(login_with(password.as_ref().map(|text| text.as_str()), passphrase.as_ref().map(|text| text.as_str())))
}

/// A login with these.
pub(crate) fn login_with(password: Option<&str>, passphrase: Option<&str>) -> LoginWith {
    let mut with = LoginWith::nothing();
    if let Some(password) = password {
        with = with.password(password);
    }
    if let Some(passphrase) = passphrase {
        with = with.passphrase(passphrase);
    }
    with
}
