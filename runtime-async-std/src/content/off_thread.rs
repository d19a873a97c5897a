//! What blocks, lent to a thread for each call.
//!
//! ```text
//!   Idle ──run──▶ Busy(task) ──done──▶ Idle
//!                      │
//!                      └─ the future was dropped: the next call waits for the task first
//! ```
//!
//! So a write that nobody waits for any more can never overtake one that came later.

use absio_proto::driver::blocking::Content;
use absio_proto::effect::ContentError;
use blocking::{Task, unblock};
use std::sync::mpsc::sync_channel;

pub(super) struct OffThread<C>(State<C>);

enum State<C> {
    Idle(C),
    Busy(Task<C>),
    /// It was taken.
    Gone,
}

fn gone() -> ContentError {
    ContentError { reason: "it is gone".into() }
}

impl<C: Send + 'static> OffThread<C> {
    pub(super) fn new(content: C) -> Self {
        Self(State::Idle(content))
    }

    /// Does `work` on a thread.
    pub(super) async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut C) -> T + Send + 'static,
    ) -> Result<T, ContentError> {
        let mut content = self.take().await?;
        let (tell, told) = sync_channel(1);
        self.0 = State::Busy(unblock(move || {
            // Nobody hears it if the future was dropped.
            let _ = tell.send(work(&mut content));
            content
        }));
        self.settle().await;
        told.try_recv().map_err(|_| gone())
    }

    /// The content, when nothing is done with it any more.
    pub(super) async fn take(&mut self) -> Result<C, ContentError> {
        self.settle().await;
        match std::mem::replace(&mut self.0, State::Gone) {
            State::Idle(content) => Ok(content),
            State::Busy(_) | State::Gone => Err(gone()),
        }
    }

    /// Waits for the thread, if one is busy.
    async fn settle(&mut self) {
        if let State::Busy(task) = &mut self.0 {
            let content = task.await;
            self.0 = State::Idle(content);
        }
    }
}

impl<C: Content + Send + 'static> OffThread<C> {
    /// Reads on a thread.
    pub(super) async fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        self.run(move |content| content.read_at(offset, length)).await?
    }

    /// Writes on a thread.
    pub(super) async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.run(move |content| content.write_at(offset, bytes)).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{block_on, poll_once};
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Writes when it is told to.
    struct Held(Receiver<()>, Sender<u64>);

    impl Content for Held {
        fn read_at(&mut self, _offset: u64, _length: usize) -> Result<Vec<u8>, ContentError> {
            Ok(Vec::new())
        }

        fn write_at(&mut self, offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
            self.0.recv().unwrap();
            self.1.send(offset).unwrap();
            Ok(())
        }
    }

    #[test]
    fn a_write_that_was_dropped_does_not_overtake_the_next_one() {
        let (go, held) = channel();
        let (written, order) = channel();
        let mut content = OffThread::new(Held(held, written));
        block_on(async {
            assert!(poll_once(content.write_at(1, vec![1])).await.is_none(), "it is held, and dropped here");
            let second = poll_once(content.write_at(2, vec![1])).await;
            assert!(second.is_none(), "waits for the first");
            go.send(()).unwrap();
            go.send(()).unwrap();
            go.send(()).unwrap();
            content.write_at(3, vec![1]).await.unwrap();
        });
        // The second was dropped before it began.
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [1, 3]);
    }
}
