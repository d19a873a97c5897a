//! From the global options to a client that is signed in.

use crate::args::{Global, Provider};
use crate::failure::Failure;
use crate::progress::waiting;
use crate::secret::{PASSPHRASE, PASSWORD, can_ask};
use absio_blocking::Client;
use absio_proto::User;
use absio_proto::ops::user::LoginWith;
use std::fs;

/// A client of the broker that the options name.
///
/// # Errors
/// A missing or unusable option.
pub(crate) fn client(global: &Global) -> Result<Client, Failure> {
    if global.provider != Provider::Server {
        return Err(Failure::usage(
            "unsupported",
            "this version has no local store yet; use --provider server",
        ));
    }
    let api_key = global.api_key.ok_or_else(|| {
        Failure::usage("invalid_api_key", "no API key; give --api-key or set ABSIO_API_KEY")
    })?;
    let mut builder = Client::builder(api_key, &global.server);
    if let Some(name) = &global.app_name {
        builder = builder.app_name(name);
    }
    if let Some(path) = &global.ca_file {
        builder = builder.authorities_pem(&fs::read(path).map_err(|error| Failure::file(path, &error))?);
    }
    Ok(builder.build()?)
}

/// A client with the user of the options signed in. There is no local store: the key file is
/// fetched with the passphrase each time, and opened with the password where one is given.
///
/// # Errors
/// A missing option or secret, or a login that failed.
pub(crate) fn signed_in(global: &Global) -> Result<(Client, User), Failure> {
    let client = client(global)?;
    let id = global
        .user
        .ok_or_else(|| Failure::usage("user_required", "no user; give --user or set ABSIO_USER"))?;
    let password = PASSWORD.given()?;
    let mut with = LoginWith::nothing();
    if let Some(password) = &password {
        with = with.password(password);
    }
    let passphrase = match PASSPHRASE.given()? {
        // The core says that only a passphrase can fetch the key file.
        None if password.is_some() && !can_ask() => None,
        None => Some(PASSPHRASE.existing()?),
        given => given,
    };
    if let Some(passphrase) = &passphrase {
        with = with.passphrase(passphrase);
    }
    let user = waiting("signing in", || client.login(id, with))?;
    Ok((client, user))
}
