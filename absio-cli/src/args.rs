//! The words of the command line.

mod container;
mod local;
mod server;
mod user;

pub(crate) use container::ContainerAction;
pub(crate) use local::{CheckpointArgs, EventsArgs, OfsAction, OutboxAction, SyncArgs};
pub(crate) use server::{ApiKeyAction, ServeArgs};
pub(crate) use user::UserAction;

use absio_proto::DEFAULT_SERVER_URL;
use absio_proto::model::{ApiKey, UserId};
use absio_proto::provider::Standard;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The local store, unless told otherwise: the seed takes the current directory itself, in which a
/// person has files of their own.
pub(crate) const ROOT: &str = "absio-ofs";

/// End-to-end encrypted containers, shared under permissions that the broker enforces and cannot
/// read past.
#[derive(Debug, Parser)]
#[command(name = "absio", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Secrets are asked for, or taken from ABSIO_PASSWORD and ABSIO_PASSPHRASE.\n\
                        Exit code 0: done, 1: failed, 2: wrong usage.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The broker's URL: https, or http on this machine
    #[arg(long, global = true, env = "ABSIO_SERVER", value_name = "URL", default_value = DEFAULT_SERVER_URL)]
    pub(crate) server: String,
    /// The API key, as `absio api-key create` prints it
    #[arg(long, global = true, env = "ABSIO_API_KEY", value_name = "UUID", hide_env_values = true)]
    pub(crate) api_key: Option<ApiKey>,
    /// Directory of the local store, for you alone; the provider `server` writes nothing there
    #[arg(long, global = true, env = "ABSIO_ROOT", value_name = "DIR", default_value = ROOT)]
    pub(crate) root: PathBuf,
    /// Who you are
    #[arg(long, global = true, env = "ABSIO_USER", value_name = "USER_ID")]
    pub(crate) user: Option<UserId>,
    /// Name of the program, shown in other users' events
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) app_name: Option<String>,
    /// Where containers, keys and key files are kept
    #[arg(long, global = true, env = "ABSIO_PROVIDER", value_enum, default_value_t = Provider::ServerCacheOfs)]
    pub(crate) provider: Provider,
    /// Let changes wait on this device while the broker cannot be reached; `absio outbox drain` sends them
    #[arg(long, global = true)]
    pub(crate) outbox: bool,
    /// Trust the certificate authorities in this PEM file instead of the usual ones
    #[arg(long, global = true, env = "ABSIO_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Print one JSON object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The seed's providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Provider {
    /// On the broker
    Server,
    /// In the local store; nothing is sent
    Ofs,
    /// On the broker, with copies in the local store
    ServerCacheOfs,
}

impl From<Provider> for Standard {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Server => Self::Server,
            Provider::Ofs => Self::Ofs,
            Provider::ServerCacheOfs => Self::ServerCacheOfs,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell the whole story on this machine; exit code 0 only if every check in it holds
    Demo,
    /// Serve a broker
    Serve(ServeArgs),
    /// Let applications talk to a broker
    #[command(subcommand)]
    ApiKey(ApiKeyAction),
    /// Create users, look at them, change credentials
    #[command(subcommand)]
    User(UserAction),
    /// Create, get, list, update and delete containers
    #[command(subcommand)]
    Container(ContainerAction),
    /// Show what happened, or follow it
    Events(EventsArgs),
    /// Bring this device up to date with the broker, whatever it missed
    Sync(SyncArgs),
    /// Show a short string over what this device has seen: devices and people that saw the same have
    /// the same
    Checkpoint(CheckpointArgs),
    /// Look after the local store
    #[command(subcommand)]
    Ofs(OfsAction),
    /// Look after changes that wait for the broker; they wait only with --outbox
    #[command(subcommand)]
    Outbox(OutboxAction),
}

#[cfg(test)]
mod tests;
