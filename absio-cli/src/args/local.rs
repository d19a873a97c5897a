//! `events`, `sync`, `checkpoint`, `ofs`, `outbox`: the device beside the broker.

use absio_proto::model::{ContainerId, EventAction, EventType};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// The first event id wanted
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) from: u64,
    /// The last event id wanted
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u64>,
    /// Only events of containers or of key files
    #[arg(long = "type", value_parser = ["container", "key_file"], value_name = "container|key_file")]
    pub(crate) event_type: Option<String>,
    /// Only of this container
    #[arg(long, value_name = "ID")]
    pub(crate) container: Option<ContainerId>,
    /// Only of containers of this type
    #[arg(long, value_name = "T")]
    pub(crate) container_type: Option<String>,
    /// Only accessed, added, deleted or updated
    #[arg(long, value_parser = ["accessed", "added", "deleted", "updated"], value_name = "A")]
    pub(crate) action: Option<String>,
    /// Bring this device up to date with all events that it has not followed yet, and say what became of
    /// each container
    #[arg(long, conflicts_with_all = ["from", "to", "event_type", "container", "container_type", "action"])]
    pub(crate) follow: bool,
    /// Go on until interrupted
    #[arg(long, requires = "follow")]
    pub(crate) wait: bool,
    /// Leave containers that are not on this device where they are
    #[arg(long, requires = "follow")]
    pub(crate) kept_only: bool,
}

impl EventsArgs {
    /// The filter that the options stand for.
    pub(crate) fn into_filter(self) -> absio_proto::model::EventFilter {
        absio_proto::model::EventFilter {
            event_type: self.event_type.map(EventType::from),
            container_id: self.container,
            container_type: self.container_type,
            action: self.action.map(EventAction::from),
            starting_event_id: self.from,
            ending_event_id: self.to,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Take every container that you have access to
    #[arg(long)]
    pub(crate) all: bool,
    /// Take none that is not on this device
    #[arg(long, conflicts_with = "all")]
    pub(crate) kept_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckpointArgs {
    /// Over these containers; over all that this device knows unless given
    #[arg(value_name = "ID")]
    pub(crate) containers: Vec<ContainerId>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OfsAction {
    /// Read every record, put in order what is damaged, and tell: exit code 1 if something is lost
    Check,
    /// Write all that is yours to a file, sealed
    Export {
        /// Written whole or not at all
        file: PathBuf,
    },
    /// Take an export of yours: what is newer here stays
    Import {
        /// As `absio ofs export` wrote it
        file: PathBuf,
    },
    /// Remove what nothing refers to
    Sweep,
    /// Say that what was lost is lost: what is not here counts as never having been
    AcceptLoss {
        /// You mean it
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Remove everything from the root, whosever it is; the broker keeps what it has
    Purge {
        /// You mean it
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxAction {
    /// List the changes that wait, with what became of them
    List,
    /// Send what waits; exit code 1 if something stays
    Drain,
    /// Get the content of a change that waits: your side of a conflict
    Get {
        /// Its number
        number: u64,
    },
    /// Let a refused change wait again
    Retry {
        /// Its number
        number: u64,
    },
    /// Take a change out, unsent
    Discard {
        /// Its number
        number: u64,
    },
}
