//! What happened: the broker's account of containers and key files (checklist 1.8).

use super::{ContainerId, Timestamp, UserId};
use core::fmt;
use core::ops::RangeInclusive;
use core::str::FromStr;

macro_rules! event_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal $(| $alias:literal)*,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$vdoc])* $variant,)*
            /// A word of a newer broker (S-139).
            Other(String),
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($text $(| $alias)* => Self::$variant,)*
                    _ => Self::Other(word),
                }
            }
        }

        impl FromStr for $name {
            type Err = core::convert::Infallible;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Ok(word.to_owned().into())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $text,)*
                    Self::Other(word) => word,
                })
            }
        }
    };
}

event_words! {
    /// What was done.
    EventAction {
        /// Somebody fetched it for the first time in this revision (S-150).
        Accessed = "accessed",
        /// It became visible to this user.
        Added = "added",
        /// This user no longer has access, or it is gone.
        Deleted = "deleted",
        /// It changed.
        Updated = "updated",
    }
}

event_words! {
    /// What it was done to. The sister libraries' spelling `keysFile` is understood (AMB-08).
    EventType {
        /// A container.
        Container = "container",
        /// A key file.
        KeyFile = "key_file" | "keysFile",
    }
}

/// One event of the signed-in user. A hint from the broker, never a proof: nothing is changed or
/// deleted because of an event alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Strictly increasing for each user (S-069).
    pub id: u64,
    /// What was done.
    pub action: EventAction,
    /// What it was done to.
    pub event_type: EventType,
    /// When (S-147).
    pub date: Timestamp,
    /// Field names and their new values (S-141), as JSON.
    pub changes: serde_json::Map<String, serde_json::Value>,
    /// The program that caused it, if it said its name (S-142).
    pub client_app_name: Option<String>,
    /// When this user's access to the container expired, if it has (S-143).
    pub container_expired_at: Option<Timestamp>,
    /// The container, for container events (S-144).
    pub container_id: Option<ContainerId>,
    /// When the content changed; none for changes of access, header or type (S-145).
    pub container_modified_at: Option<Timestamp>,
    /// The container's type then, if this user may see it (S-146).
    pub container_type: Option<String>,
    /// The other user who caused it, if the viewer may know (S-148).
    pub related_user_id: Option<UserId>,
}

/// Which events are wanted; all that is given must hold (S-063 to S-066).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventFilter {
    /// Only of this type.
    pub event_type: Option<EventType>,
    /// Only of this container.
    pub container_id: Option<ContainerId>,
    /// Only of containers of this type, compared exactly.
    pub container_type: Option<String>,
    /// Only this action.
    pub action: Option<EventAction>,
    /// The first event id wanted, inclusive (S-062); 0 is from the beginning (S-061).
    pub starting_event_id: u64,
    /// The last event id wanted, inclusive; no end unless given.
    pub ending_event_id: Option<u64>,
}

impl EventFilter {
    /// The event ids wanted.
    #[must_use]
    pub fn ids(&self) -> RangeInclusive<u64> {
        self.starting_event_id..=self.ending_event_id.unwrap_or(u64::MAX)
    }
}

/// Events in order, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// In increasing order of id.
    pub events: Vec<Event>,
    /// The id to start the next page from.
    pub next: u64,
    /// Whether more are waiting.
    pub more: bool,
}
