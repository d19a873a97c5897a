//! The HTTP front: hyper on tokio around the pure [`Handler`](crate::Handler).
//!
//! ```text
//! accept ─▶ connection (header timeout, limits) ─▶ gate ─▶ body (caps, timeout) ─▶ Handler on a blocking thread
//!   ▲                                               │ no: answered without the body        │ Sleep: a timer
//!   └ as many as allowed                            ▼                                      ▼
//!                          (write timeout) ◀── HttpResponse ◀──────────────────────────────┘
//! ```
//!
//! Everything about the protocol is the handler's. What is here bounds what strangers can make a
//! broker hold: connections, headers, bodies each and together, answers that nobody reads, time. TLS is ended in front of it; `https` origins are
//! named in the configuration.

mod convert;
mod gate;
mod perform;
mod running;
mod serve;
mod write_deadline;

pub use running::Running;
pub use serve::{Server, terminated};

use crate::state::BrokerConfig;
use core::time::Duration;

/// How long a whole answer may take to be written: the longest, 32 MiB, at some 280 KB/s. A client that
/// reads more slowly is cut off.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(120);

/// Bytes of all request bodies held at once: eight of the longest, or some sixty parts of uploads. A
/// request for which there is no room is answered `unavailable`, to be sent again.
pub const BODIES: u64 = 256 << 20;

/// How a server is set up. [`Default`] is fit for one machine.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The broker behind it. Without origins, it is known by the address it listens on, as
    /// `http://` origins.
    pub broker: BrokerConfig,
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// Requests worked on at once, each on a thread of its own; more wait.
    pub working: usize,
    /// How long the headers of a request may take, an idle connection included.
    pub header_timeout: Duration,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// How long an answer may take to be written; [`WRITE_TIMEOUT`] by default.
    pub write_timeout: Duration,
    /// Bytes of all request bodies held at once; [`BODIES`] by default. Bodies of up to 4 KiB are not
    /// counted: there are no more of them than connections. One body alone is always taken.
    pub bodies: u64,
    /// How long running requests get to finish once the server is to stop.
    pub grace: Duration,
    /// How often expired rows are removed.
    pub housekeeping: Duration,
    /// Whether the client's address is the last one of the header `x-forwarded-for`. Only behind a
    /// proxy that sets it.
    pub behind_proxy: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            broker: BrokerConfig::new(Vec::new()),
            connections: 1024,
            working: 64,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(120),
            write_timeout: WRITE_TIMEOUT,
            bodies: BODIES,
            grace: Duration::from_secs(30),
            housekeeping: Duration::from_secs(60),
            behind_proxy: false,
        }
    }
}

/// Why a server could not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address could not be bound or listened on.
    #[error("cannot listen ({0}); is the port taken?")]
    Listen(#[source] std::io::Error),
    /// The store could not be opened or swept.
    #[error("the broker's store cannot be used: {0}")]
    Broker(#[from] absio_proto::Error),
    /// The runtime could not be started.
    #[error("the server's threads could not be started ({0})")]
    Runtime(#[source] std::io::Error),
}
