//! Progress that is taken from somewhere else than where the call is made.

use absio_proto::effect::Progress;
use std::sync::mpsc::{self, Receiver};

/// Reports of how far calls are, in their order: an iterator that waits for the next one and ends when the
/// client that [`reporting`](crate::Client::reporting) gave is gone.
pub struct Reports(Receiver<Progress>);

/// The other end.
pub(crate) struct Sender(mpsc::Sender<Progress>);

pub(crate) fn reports() -> (Sender, Reports) {
    let (sender, receiver) = mpsc::channel();
    (Sender(sender), Reports(receiver))
}

impl Sender {
    /// Whether anybody still takes reports is of no concern to the call.
    pub(crate) fn send(&self, progress: Progress) {
        let _ = self.0.send(progress);
    }
}

impl Reports {
    /// The newest report there is now, if there is one that was not taken.
    #[must_use]
    pub fn newest(&self) -> Option<Progress> {
        core::iter::from_fn(|| self.0.try_recv().ok()).last()
    }
}

impl Iterator for Reports {
    type Item = Progress;

    fn next(&mut self) -> Option<Progress> {
        self.0.recv().ok()
    }
}
