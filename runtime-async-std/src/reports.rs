//! Progress that is taken from somewhere else than where the call is made.

use absio_proto::effect::Progress;
use async_channel::Receiver;
use futures_lite::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Reports of how far calls are, in their order: a stream that ends when the client that
/// [`reporting`](crate::Client::reporting) gave is gone.
pub struct Reports(Pin<Box<Receiver<Progress>>>);

/// The other end.
pub(crate) struct Sender(async_channel::Sender<Progress>);

pub(crate) fn reports() -> (Sender, Reports) {
    let (sender, receiver) = async_channel::unbounded();
    (Sender(sender), Reports(Box::pin(receiver)))
}

impl Sender {
    /// Whether anybody still takes reports is of no concern to the call.
    pub(crate) fn send(&self, progress: Progress) {
        let _ = self.0.try_send(progress);
    }
}

impl Reports {
    /// The newest report there is now, if there is one that was not taken.
    #[must_use]
    pub fn newest(&self) -> Option<Progress> {
        core::iter::from_fn(|| self.0.try_recv().ok()).last()
    }
}

impl Stream for Reports {
    type Item = Progress;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Progress>> {
        self.0.as_mut().poll_next(cx)
    }
}
