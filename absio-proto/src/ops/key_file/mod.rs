//! The sealed key file at the broker: fetch, compare, replace (S-200 to S-202).

mod checksum;
mod get;
mod open;
mod update;

pub use checksum::{Checksum, KeyFileChecksum};
pub use get::Get;
pub(crate) use open::Open;
pub use update::Update;

use crate::crypto::SealedKeyFile;
use crate::error::{CryptoError, Error, InputError};
use crate::ops::Exchange;
use crate::session::User;
use crate::wire::{self, KeyFileState, PutKeyFile, Route};

/// The exchange that replaces the key file `held` at the broker, or none, by that of `new`.
pub(crate) fn replace(
    held: Option<&SealedKeyFile>,
    new: &User,
    retrieval_key: Option<[u8; 32]>,
) -> Result<Exchange, InputError> {
    Ok(Exchange::bundle(Route::PutKeyFile, put_request(held, new, retrieval_key)?.encode()))
}

/// What replaces the key file `held` at the broker, or none, by that of `new`. The reminder inside
/// becomes the public one: they must not differ, or no device could fetch it.
pub(crate) fn put_request(
    held: Option<&SealedKeyFile>,
    new: &User,
    retrieval_key: Option<[u8; 32]>,
) -> Result<PutKeyFile, InputError> {
    let (open, sealed) = new.require_key_file()?;
    Ok(PutKeyFile {
        expected: held.map(|held| (held.generation(), held.checksum())),
        key_file: sealed.as_bytes().to_vec(),
        retrieval_key,
        reminder: Some(open.reminder().to_owned()),
    })
}

/// The broker must have taken exactly `new`.
pub(crate) fn check_replaced(body: &[u8], new: &User) -> Result<(), Error> {
    let (_, new) = new.require_key_file()?;
    let state: KeyFileState = wire::from_json("the key file reply", body)?;
    if state.checksum.0 == new.checksum() && state.generation == new.generation() {
        Ok(())
    } else {
        Err(CryptoError::KeyFileInvalid { user: new.user_id(), reason: "the server stored other bytes" }
            .into())
    }
}
