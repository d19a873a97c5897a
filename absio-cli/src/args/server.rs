//! `serve`, `api-key`.

use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

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
