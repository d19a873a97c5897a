//! Users: create, sign in and out, change credentials and keys, delete, keys and reminders of anybody.

mod change_credentials;
mod create;
mod delete;
mod login;
mod logout;
mod public_keys;
mod register;
mod reminder;
mod revoke_keys;
mod rotate_keys;

pub use change_credentials::ChangeCredentials;
pub use create::Create;
pub(crate) use create::Make;
pub use delete::Delete;
pub(crate) use login::check_user;
pub use login::{Login, LoginWith};
pub use logout::Logout;
pub use public_keys::PublicKeys;
pub use register::Register;
pub use reminder::Reminder;
pub use revoke_keys::{RevokeKeys, Revoked};
pub use rotate_keys::RotateKeys;
