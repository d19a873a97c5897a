//! What a client remembers between operations: configuration, who is signed in, what was seen.

use crate::model::{ApiKey, Validators};
use crate::operation::Generation;
use core::time::Duration;

/// The server that the original spoke to unless told otherwise (S-004).
pub const DEFAULT_SERVER_URL: &str = "https://sandbox.absio.com";

/// How a client is set up (the seed's `initialize`).
#[derive(Clone, Debug)]
pub struct Config {
    /// The API key (S-002).
    pub api_key: ApiKey,
    /// The server's origin, checked.
    pub origin: String,
    /// The program's name in events, if it wants to be named (S-003).
    pub app_name: Option<String>,
    /// Rules for credentials (S-020).
    pub validators: Validators,
    /// How long one exchange may take.
    pub deadline: Duration,
}

/// The state lent to every client operation.
pub struct Session {
    config: Option<Config>,
    generation: u64,
}

impl Generation for Session {
    fn generation(&self) -> u64 {
        self.generation
    }
}
