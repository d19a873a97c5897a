//! The words of the command line.

use crate::share::parse_share;
use absio_proto::DEFAULT_SERVER_URL;
use absio_proto::model::{ApiKey, ContainerId, EventAction, EventType, Grant, Portion, UserId};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

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
    /// Directory of the local store; the provider `server` writes nothing there
    #[arg(long, global = true, env = "ABSIO_ROOT", value_name = "DIR", default_value = ".")]
    pub(crate) root: PathBuf,
    /// Who you are
    #[arg(long, global = true, env = "ABSIO_USER", value_name = "USER_ID")]
    pub(crate) user: Option<UserId>,
    /// Name of the program, shown in other users' events
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) app_name: Option<String>,
    /// Where containers are kept
    #[arg(long, global = true, value_enum, default_value_t = Provider::Server)]
    pub(crate) provider: Provider,
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
    /// In the local store (not available yet)
    Ofs,
    /// On the broker, with copies in the local store (not available yet)
    ServerCacheOfs,
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
    /// Show what happened
    Events(EventsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8600")]
    pub(crate) listen: SocketAddr,
    /// Directory of the broker's store, made if it is absent
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// A URL that clients know this broker by, where it is another than the address; may be repeated.
    /// TLS is ended by a proxy in front
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Vec<String>,
    /// Take clients' addresses from the x-forwarded-for header, which a proxy in front must set
    #[arg(long)]
    pub(crate) behind_proxy: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyAction {
    /// Create an API key; prints it. The broker may be running
    Create {
        /// Directory of the broker's store
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// What the key is for
        #[arg(long, value_name = "N", default_value = "")]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserAction {
    /// Create a user; prints the new id
    Create {
        /// Public text that helps you to recall the passphrase
        #[arg(long, value_name = "TEXT", default_value = "")]
        reminder: String,
    },
    /// Show a user's id, fingerprint and public keys
    Show {
        /// Whose; yours unless given
        id: Option<UserId>,
    },
    /// Show a user's public reminder
    Reminder {
        /// Whose
        id: UserId,
    },
    /// Change password, passphrase and reminder; the new ones are asked for, or taken from
    /// ABSIO_NEW_PASSWORD and ABSIO_NEW_PASSPHRASE
    ChangeCredentials {
        /// The new public reminder; none unless given
        #[arg(long, value_name = "TEXT", default_value = "")]
        reminder: String,
    },
    /// Make new keys, under the same password and passphrase; what the old ones opened still opens
    RotateKeys {
        /// The old keys were stolen: revoke them, end every session, and sign your containers anew
        #[arg(long)]
        revoke: bool,
    },
    /// Delete your user, for ever
    Delete {
        /// You mean it
        #[arg(long, required = true)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContainerAction {
    /// Create a container; prints its id
    Create {
        /// The content: a file, or - for stdin
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
        /// A JSON value that is encrypted beside the content
        #[arg(long, value_name = "JSON")]
        header: Option<String>,
        /// A word that the broker can read and filter by
        #[arg(long = "type", value_name = "T")]
        container_type: Option<String>,
        /// Share with a user, may be repeated. PERMISSIONS is a number or names joined by + (11 =
        /// container.download+container.decrypt+access.view unless given), EXPIRES an RFC 3339 time
        #[arg(long, value_name = "USER_ID[=PERMISSIONS][@EXPIRES]", value_parser = parse_share)]
        share: Vec<Grant>,
        /// Give yourself no access
        #[arg(long, requires = "share")]
        without_me: bool,
    },
    /// Get a container: the content to a file or stdout
    Get {
        /// Which
        id: ContainerId,
        /// Write the content to this file, whole or not at all
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// What to get: all, content, header or metadata
        #[arg(long, default_value_t = Portion::All)]
        portion: Portion,
    },
    /// List the containers you have access to
    List,
    /// Give up your access; the container goes when nobody else has any
    Delete {
        /// Which
        id: ContainerId,
    },
    /// Sign a container anew after your keys were revoked, where `user rotate-keys` could not
    Resign {
        /// Which
        id: ContainerId,
        /// Take the newest revision for yours although it may be the work of who stole the key
        #[arg(long)]
        trust_unseen: bool,
    },
    /// Change content, header, type or access; what is not named stays as it is
    Update {
        /// Which
        id: ContainerId,
        /// The new content: a file, or - for stdin
        #[arg(long, value_name = "FILE|-")]
        content: Option<PathBuf>,
        /// The new header; null removes it
        #[arg(long, value_name = "JSON")]
        header: Option<String>,
        /// The new type; empty removes it
        #[arg(long = "type", value_name = "T")]
        container_type: Option<String>,
        /// Add a user or change a user's access, may be repeated
        #[arg(long, value_name = "USER_ID[=PERMISSIONS][@EXPIRES]", value_parser = parse_share)]
        share: Vec<Grant>,
        /// Remove a user's access, may be repeated
        #[arg(long, value_name = "USER_ID")]
        unshare: Vec<UserId>,
        /// Remove your own access
        #[arg(long)]
        without_me: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// The first event id wanted
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) from: u64,
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    const ID: &str = "1d4c568b-e762-8284-b14e-167cc4776026";

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(
            std::iter::once("absio").chain(line.split(' ')).map(|word| word.replace("ID", ID)),
        )
    }

    #[test]
    fn the_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_form_that_scripts_depend_on_is_read() {
        for line in [
            "demo",
            "serve --listen 127.0.0.1:8600 --data DIR",
            "serve --data DIR",
            "api-key create --data DIR",
            "api-key create --data DIR --name N",
            "user create",
            "user create --reminder hint",
            "user show",
            "user show ID",
            "user reminder ID",
            "user change-credentials",
            "user rotate-keys",
            "user rotate-keys --revoke",
            "user delete --yes",
            "container create file",
            "container create - --header {\"a\":1} --type t --share ID --share ID=11@2026-12-31T23:59:59Z",
            "container create file --share ID --without-me",
            "container get ID",
            "container get ID -o out --portion content",
            "container get ID --portion header",
            "container get ID --portion metadata",
            "container list",
            "container delete ID",
            "container resign ID",
            "container resign ID --trust-unseen",
            "container update ID --content - --header null --type t --share ID=42 --unshare ID",
            "events",
            "events --from 5 --type key_file --container ID --container-type t --action accessed",
            "--server http://127.0.0.1:1 --api-key ID --root . --user ID --app-name n --provider server --json user show",
            "user show --json --server http://127.0.0.1:1 --provider server-cache-ofs",
        ] {
            if let Err(error) = parse(line) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn wrong_usage_is_refused() {
        for line in [
            "fly",
            "serve",
            "serve --data DIR --listen here",
            "api-key create",
            "user",
            "user delete",
            "user rotate-keys ID",
            "user reminder",
            "user show bob",
            "container create",
            "container create f --without-me",
            "container create f --share bob",
            "container get ID --portion some",
            "events --action eaten",
            "events --type box",
            "events --from -1",
            "--provider cloud user show",
            "--api-key key user show",
            "user create --password secret",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn s004_the_server_has_the_seeds_default() {
        let cli = parse("user show").unwrap();
        assert_eq!(cli.global.server, "https://sandbox.absio.com");
        assert_eq!(cli.global.provider, Provider::Server);
    }
}
