//! A server in the background.

use super::{Server, ServerError};
use absio_proto::driver::blocking::Store;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A server that runs on threads of its own. Dropping the handle stops it.
pub struct Running {
    address: SocketAddr,
    origin: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
}

impl Running {
    pub(super) fn start<S: Store + Send + Sync + 'static>(
        server: Server<S>,
        runtime: Runtime,
    ) -> Result<Self, ServerError> {
        let (address, origin) = (server.local_addr(), server.origin());
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("absio-broker".into()).spawn(move || {
            let result = runtime.block_on(server.serve(async {
                // A handle that is gone asks to stop as well.
                let _gone = stopped.await;
            }));
            runtime.shutdown_timeout(core::time::Duration::from_secs(5));
            result
        });
        let thread = thread.map_err(ServerError::Runtime)?;
        Ok(Self { address, origin, stop: Some(stop), thread: Some(thread) })
    }

    /// The address that is listened on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What clients are configured with.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Lets running requests finish, then gives the address back.
    ///
    /// # Errors
    /// [`ServerError`] if serving ended with one.
    pub fn stop(mut self) -> Result<(), ServerError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ServerError> {
        drop(self.stop.take());
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ServerError::Runtime(std::io::Error::other("the server's thread panicked"))),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _result = self.end();
    }
}
