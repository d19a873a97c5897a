//! `container`.

use crate::share::parse_share;
use absio_proto::model::{ContainerId, Grant, Portion, UserId};
use clap::Subcommand;
use std::path::PathBuf;

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
        /// Record in .FILE.absio-upload what is sent, and go on from there after an interruption: give the
        /// same command again (contents over 4 MiB)
        #[arg(long)]
        resume: bool,
    },
    /// Get a container: the content to a file or stdout
    Get {
        /// Which
        id: ContainerId,
        /// Write the content to this file, whole or not at all
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Keep in .FILE.absio-part what came before an interruption, and go on from there: give the same
        /// command again
        #[arg(long, requires = "output")]
        resume: bool,
        /// What to get: all, content, header or metadata
        #[arg(long, default_value_t = Portion::All)]
        portion: Portion,
        /// Ask the broker even for what is on this device
        #[arg(long)]
        refresh: bool,
        /// Ask the broker for what it confirmed longer ago than this
        #[arg(long, value_name = "SECONDS", conflicts_with = "refresh")]
        max_age: Option<u64>,
    },
    /// Read a part of a content, without the rest of it, to stdout
    Read {
        /// Which
        id: ContainerId,
        /// The first byte, from 0
        #[arg(long, default_value_t = 0, value_name = "BYTES")]
        offset: u64,
        /// How many bytes; to the end unless given
        #[arg(long, value_name = "BYTES")]
        length: Option<u64>,
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
        /// Record in .FILE.absio-upload what is sent, and go on from there after an interruption: give the
        /// same command again (contents over 4 MiB)
        #[arg(long, requires = "content")]
        resume: bool,
    },
}
