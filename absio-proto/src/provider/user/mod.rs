//! Users under the standard providers.
//!
//! | | `server` | `server_cache_ofs` | `ofs` |
//! |---|---|---|---|
//! | create | at the broker | at the broker, then the key file here | here; nobody is told |
//! | change credentials | at the broker | at the broker, then here | here: the broker's file stays as it was (see [`key_file`](super::key_file)) |
//! | new keys | at the broker | at the broker, then the key file here | not offered: peers follow the broker's cards |
//! | delete | at the broker | at the broker, then everything here | everything here; the broker is not told |
//! | reminder | the public one | the public one | the copy in the signed-in user's key file |
//!
//! A user who was made here alone can be registered later: `ops::user::Register` with their key ring,
//! a login with it, and an update to the key file with its passphrase.

mod change_credentials;
mod change_keys;
mod create;
mod delete;
mod reminder;

pub(super) use change_credentials::ChangeCredentials;
pub(in crate::provider) use change_keys::ChangeKeys;
pub(super) use create::Create;
pub(super) use delete::Delete;
pub(super) use reminder::LocalReminder;
