//! The caller's transport and store behind pointers: the traits of the contract give futures of unnamed
//! types, so that implementing them is plain `async fn`; these box them.

use absio_proto::driver::nonblocking::{Store, Transport};
use absio_proto::effect::{HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome, TransportError};
use std::pin::Pin;
use std::sync::Arc;

/// A future of a type that is not named.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

pub(crate) type SharedTransport = Arc<dyn BoxedTransport>;
pub(crate) type SharedStore = Arc<dyn BoxedStore>;

/// Any [`Transport`].
pub(crate) trait BoxedTransport: Send + Sync {
    fn exchange_boxed(&self, request: HttpRequest) -> Boxed<'_, Result<HttpResponse, TransportError>>;
}

impl<T: Transport + Send + Sync> BoxedTransport for T {
    fn exchange_boxed(&self, request: HttpRequest) -> Boxed<'_, Result<HttpResponse, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

/// Any [`Store`].
pub(crate) trait BoxedStore: Send + Sync {
    fn apply_boxed(&self, op: StoreOp) -> Boxed<'_, Result<StoreOutcome, StoreError>>;
}

impl<T: Store + Send + Sync> BoxedStore for T {
    fn apply_boxed(&self, op: StoreOp) -> Boxed<'_, Result<StoreOutcome, StoreError>> {
        Box::pin(self.apply(op))
    }
}
