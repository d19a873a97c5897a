//! Identifiers: distinct types, so that a user id is never taken for a container id.

use crate::error::InputError;
use core::fmt;
use core::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_type {
    ($(#[$doc:meta])* $name:ident, $argument:literal, $error:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// From the 16 bytes in network order (RFC 9562).
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes in network order.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The UUIDv8 (RFC 9562) made of the first 16 bytes of `digest`, version and variant set.
            #[must_use]
            pub fn from_digest(digest: &[u8; 48]) -> Self {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&digest[..16]);
                Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = InputError;

            fn from_str(text: &str) -> Result<Self, InputError> {
                Uuid::try_parse(text).map(Self).map_err(|error| ($error)($argument, error))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

fn not_a_uuid(argument: &'static str, error: uuid::Error) -> InputError {
    InputError::InvalidArgument { argument, reason: format!("it is not a UUID ({error})") }
}

uuid_type! {
    /// A user: commits to the user's first identity card (`docs/protocol.md`, "Identity").
    UserId, "user id", not_a_uuid
}

uuid_type! {
    /// A container: commits to its creator (`docs/protocol.md`, "Container ids").
    ContainerId, "container id", not_a_uuid
}

uuid_type! {
    /// The key by which a broker knows an application (S-002).
    ApiKey, "API key", |_, _| InputError::InvalidApiKey
}
