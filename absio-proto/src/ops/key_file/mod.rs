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
use crate::error::{CryptoError, Error};
use crate::ops::Exchange;
use crate::wire::{self, KeyFileState, PutKeyFile, Route};

/// The exchange that replaces the key file `held` at the broker by `new`.
pub(crate) fn replace(
    held: &SealedKeyFile,
    new: &SealedKeyFile,
    retrieval_key: Option<[u8; 32]>,
    reminder: Option<String>,
) -> Exchange {
    let request = PutKeyFile {
        expected: Some((held.generation(), held.checksum())),
        key_file: new.as_bytes().to_vec(),
        retrieval_key,
        reminder,
    };
    Exchange::bundle(Route::PutKeyFile, request.encode())
}

/// The broker must have taken exactly `new`.
pub(crate) fn check_replaced(body: &[u8], new: &SealedKeyFile) -> Result<(), Error> {
    let state: KeyFileState = wire::from_json("the key file reply", body)?;
    if state.checksum.0 == new.checksum() && state.generation == new.generation() {
        Ok(())
    } else {
        Err(CryptoError::KeyFileInvalid { user: new.user_id(), reason: "the server stored other bytes" }
            .into())
    }
}
