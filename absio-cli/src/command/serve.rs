//! `absio serve` and `absio api-key create`.

use super::control::{self, Control};
use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::output::Output;
use absio_broker::http::{Server, ServerConfig, ServerError};
use absio_broker::{BrokerConfig, create_api_key};
use absio_proto::model::ApiKey;
use absio_proto::wire::parse_origin;
use absio_proto::{Error, InputError};
use absio_store::RedbStore;
use serde_json::json;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// Serves until SIGINT or SIGTERM; requests that are running then are finished.
///
/// # Errors
/// If the store or the address cannot be had.
pub(crate) fn run(args: ServeArgs, output: &Output) -> Result<(), Failure> {
    let origins = args.origin.iter().map(|url| parse_origin(url)).collect::<Result<Vec<_>, InputError>>()?;
    let config = ServerConfig {
        broker: BrokerConfig::new(origins),
        behind_proxy: args.behind_proxy,
        ..ServerConfig::default()
    };
    let store = Arc::new(open_store(&args.data)?);
    let server = Server::bind(args.listen, Arc::clone(&store), config).map_err(failure)?;
    let _control = match Control::listen(&args.data, move |name| create_in(&store, name)) {
        Ok(control) => Some(control),
        // Sockets allow about 100 bytes of path; everything else works without.
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            output
                .note("absio: warning: the path of --data is too long for API keys to be made while serving");
            None
        }
        Err(error) => return Err(Failure::file(&args.data, &error)),
    };
    if args.origin.is_empty() && !server.local_addr().ip().is_loopback() {
        output.note(
            "absio: warning: clients speak plain http on their own machine only; put a proxy with TLS in front and \
             name its URL with --origin",
        );
    }
    let url = format!("http://{}", server.local_addr());
    output.data(
        &json!({"url": url, "origin": server.origin(), "data": args.data.to_string_lossy()}),
        &format!("listening on {url}"),
    )?;
    server.run().map_err(failure)?;
    output.note("stopped");
    Ok(())
}

fn failure(error: ServerError) -> Failure {
    match error {
        ServerError::Broker(error) => error.into(),
        other => Failure::new("listen", other.to_string()),
    }
}

fn open_store(data: &Path) -> Result<RedbStore, Failure> {
    Ok(RedbStore::open(data).map_err(Error::from)?)
}

/// Makes an API key, through the broker that is running on `data` or in its store.
///
/// # Errors
/// If the store cannot be opened or written.
pub(crate) fn create_key(data: &Path, name: &str, output: &Output) -> Result<(), Failure> {
    let key = match control::ask_for_key(data, name)? {
        Some(key) => key,
        None => create_in(&open_store(data)?, name)?,
    };
    output.data(&json!({"api_key": key.to_string(), "name": name}), &key.to_string())
}

fn create_in(store: &RedbStore, name: &str) -> Result<ApiKey, Failure> {
    Ok(create_api_key(store, name)?)
}
