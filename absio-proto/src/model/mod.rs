//! What the library talks about: ids, times, users, access, permissions, containers, events.

mod access;
mod container;
mod credentials;
mod event;
mod id;
mod permissions;
mod timestamp;

pub use access::{Access, AccessChange, AccessList, Grant};
pub use container::{Metadata, Portion};
pub(crate) use credentials::normalise;
pub use credentials::{
    Credentials, Validator, Validators, is_passphrase_valid, is_password_valid, is_reminder_valid,
};
pub use event::{Event, EventAction, EventFilter, EventPage, EventType};
pub use id::{ApiKey, ContainerId, UserId};
pub use permissions::Permissions;
pub use timestamp::Timestamp;
