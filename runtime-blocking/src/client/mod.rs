//! The client: a session and the means to run operations on it, with a method for each operation. The
//! methods are written once for both runtimes, in [`absio_proto::client`].

mod builder;
mod calls;
mod container;
mod default_transport;
mod key_file;
mod scope;
mod store;
mod user;

pub use builder::{ClientBuilder, SetupError};
pub use container::Containers;
pub use key_file::KeyFiles;
pub use user::Users;

use crate::host::BlockingHost;
use absio_proto::Session;
use absio_proto::effect::Progress;
use absio_proto::provider::{Options, Provider};
use std::path::Path;
use std::sync::Arc;

/// A client of one broker, for plain threads. Cheap to clone; clones share the session, so that who
/// signs in on one is signed in on all. Calls block their thread; they may run at once.
///
/// Every call goes to the client's [`Provider`]: the broker, the local store, both, or one of the
/// caller's own. [`under`](Self::under) and [`with`](Self::with) give the same client with another
/// provider or other options, for one call or for many; the client they are called on stays as it is.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use absio_blocking::Client;
/// use absio_proto::model::Portion;
/// use absio_proto::provider::{Options, Standard};
///
/// let api_key = "1d4c568b-e762-4284-b14e-167cc4776026".parse()?;
/// let client = Client::builder(api_key, "https://broker.example").root("letters").build()?;
/// let id = "0e28abdc-1a8f-83db-b565-088161af2b53".parse()?;
/// client.container().get(id, Portion::All)?; // from the local store, else from the broker
/// client.under(Standard::Ofs).container().get(id, Portion::All)?; // no network
/// client.with(Options::new().force_refresh()).container().get(id, Portion::All)?; // asks the broker
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    host: Arc<BlockingHost<Session>>,
    provider: Arc<dyn Provider>,
    options: Options,
    watch: Arc<Watch>,
    quarantined: Option<Arc<Path>>,
}

/// Who hears how far a call is.
type Watch = dyn Fn(Progress) + Send + Sync;
