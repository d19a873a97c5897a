//! Key files under the standard providers.
//!
//! The key file of this device and that of the broker are versions of one file, counted by its
//! generation (F28). Whoever changes the one here alone, under [`Standard::Ofs`](super::Standard::Ofs), makes two of them: then
//! [`state`](super::Provider::key_file_state) says [`Differs`](super::SyncState::Differs), and a sync
//! says which of two things came about, and changes nothing here:
//!
//! | the broker's file | a sync gives |
//! |---|---|
//! | is of a later generation | the broker's: it replaces the one here |
//! | is of the same generation, with other bytes | [`KeyFileForked`](crate::error::CryptoError::KeyFileForked) |
//! | is of an earlier generation | [`KeyFileRollback`](crate::error::CryptoError::KeyFileRollback): an old file, shown by a server that may mean harm, looks the same |
//!
//! Both files hold the same keys, so nothing is lost meanwhile. To settle it, change the credentials
//! under the provider `server`, where the broker's file opens, until its generation is beyond the one
//! here; then sync. Or delete the user under `ofs`, with all that is kept here, and sign in anew.

mod adopt;
mod checksum;
mod get;
mod state;
mod sync;
mod update;

pub(super) use adopt::{Adopt, Keeping};
pub(super) use checksum::Checksum;
pub(super) use get::{Get, is_behind};
pub(super) use state::State;
pub(super) use sync::Sync;
pub(super) use update::Update;

use crate::error::{Error, InputError};
use crate::model::UserId;
use crate::session::Session;

/// The user that is meant, where the broker answers the signed-in one alone.
fn own(user: Option<UserId>, session: &Session) -> Result<UserId, Error> {
    let own = session.signed_in()?.id();
    match user {
        Some(user) if user != own => Err(InputError::InvalidArgument {
            argument: "user",
            reason: format!("{own} is signed in, and the server tells nobody of the key file of {user}"),
        }
        .into()),
        _ => Ok(own),
    }
}
