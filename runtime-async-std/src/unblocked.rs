//! Transports and stores of threads, used by tasks.

use absio_proto::driver::{blocking, nonblocking};
use absio_proto::effect::{HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome, TransportError};
use blocking::{Store as BlockingStore, Transport as BlockingTransport};
use std::sync::Arc;

/// A transport or a store that blocks, performed on threads of its own: so that whatever implements the
/// traits of [`driver::blocking`](absio_proto::driver::blocking) serves the asynchronous client too (the
/// stores of `absio-store`, the broker's `Fixture`, an HTTP client that knows no tasks).
///
/// A call whose future is dropped before it began is not performed; one that began goes on to its end.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # smol::block_on(async {
/// use absio_async_std::{Client, Unblocked};
/// use absio_store::MemoryStore;
///
/// let api_key = "1d4c568b-e762-4284-b14e-167cc4776026".parse()?;
/// let builder = Client::builder(api_key, "https://broker.example");
/// let client = builder.store(Unblocked::new(MemoryStore::new())).build().await?;
/// assert!(client.local_user().is_none());
/// # Ok(())
/// # })
/// # }
/// ```
pub struct Unblocked<T: ?Sized>(Arc<T>);

impl<T> Unblocked<T> {
    /// Takes `inner` off the executor.
    pub fn new(inner: T) -> Self {
        Self(Arc::new(inner))
    }
}

impl<T: ?Sized> Unblocked<T> {
    /// What blocks; not to be called on an executor.
    #[must_use]
    pub fn inner(&self) -> &T {
        &self.0
    }
}

/// The same one, shared.
impl<T: ?Sized> From<Arc<T>> for Unblocked<T> {
    fn from(inner: Arc<T>) -> Self {
        Self(inner)
    }
}

/// Another handle on the same one.
impl<T: ?Sized> Clone for Unblocked<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: BlockingTransport + Send + Sync + ?Sized + 'static> nonblocking::Transport for Unblocked<T> {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let inner = Arc::clone(&self.0);
        ::blocking::unblock(move || inner.exchange(request)).await
    }
}

impl<T: BlockingStore + Send + Sync + ?Sized + 'static> nonblocking::Store for Unblocked<T> {
    async fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let inner = Arc::clone(&self.0);
        ::blocking::unblock(move || inner.apply(op)).await
    }
}
