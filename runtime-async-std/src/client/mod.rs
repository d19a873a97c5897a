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

use crate::host::AsyncHost;
use absio_proto::Session;
use absio_proto::effect::Progress;
use absio_proto::provider::{Options, Provider};
use std::path::Path;
use std::sync::Arc;

/// A client of one broker, for tasks of any executor. Cheap to clone; clones share the session, so that
/// who signs in on one is signed in on all. Calls may run at once, and their futures are [`Send`].
///
/// Every call goes to the client's [`Provider`]: the broker, the local store, both, or one of the
/// caller's own. [`under`](Self::under) and [`with`](Self::with) give the same client with another
/// provider or other options, for one call or for many; the client they are called on stays as it is.
///
/// Any future may be dropped at any await: [what then holds](crate#dropping-a-future).
#[derive(Clone)]
pub struct Client {
    host: Arc<AsyncHost<Session>>,
    provider: Arc<dyn Provider>,
    options: Options,
    watch: Arc<Watch>,
    quarantined: Option<Arc<Path>>,
}

/// Who hears how far a call is.
type Watch = dyn Fn(Progress) + Send + Sync;
