//! Connections that wait for their next exchange.

use super::connection::Connection;
use futures_io::{AsyncRead, AsyncWrite};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Connections kept open for reuse, for each origin: as many as an operation uses at once.
const IDLE_CONNECTIONS: usize = 8;
/// How long a connection is kept without use; servers close theirs after a while.
const IDLE_LIFE: Duration = Duration::from_secs(15);

/// Idle connections by origin. Only those are here whose last exchange ended as it should.
pub(crate) struct Pool<S> {
    idle: Mutex<BTreeMap<Arc<str>, Vec<Idle<S>>>>,
}

struct Idle<S> {
    connection: Connection<S>,
    since: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pool<S> {
    pub(crate) fn new() -> Self {
        Self { idle: Mutex::new(BTreeMap::new()) }
    }

    /// The connection to `origin` that was used last and is still open.
    pub(crate) fn take(&self, origin: &str) -> Option<Connection<S>> {
        loop {
            let idle = {
                let mut all = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                discard_old(&mut all);
                all.get_mut(origin)?.pop()?
            };
            // Looked at without the lock: it may compute (TLS).
            let mut connection = idle.connection;
            if connection.is_quiet() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose exchange is over and that may be used again.
    pub(crate) fn put(&self, connection: Connection<S>) {
        // Bytes that nobody asked for: the next answer could not be told from them.
        if !connection.input().is_empty() {
            return;
        }
        let mut all = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        discard_old(&mut all);
        let idle = all.entry(Arc::clone(connection.origin())).or_default();
        if idle.len() >= IDLE_CONNECTIONS {
            idle.remove(0);
        }
        idle.push(Idle { connection, since: Instant::now() });
    }
}

fn discard_old<S>(all: &mut BTreeMap<Arc<str>, Vec<Idle<S>>>) {
    all.retain(|_, idle| {
        idle.retain(|idle| idle.since.elapsed() < IDLE_LIFE);
        !idle.is_empty()
    });
}
