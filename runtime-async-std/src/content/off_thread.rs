//! A content that blocks, lent to a thread for each read and write.
//!
//! ```text
//!   Idle ──apply──▶ Busy(task) ──done──▶ Idle
//!                      │
//!                      └─ the future was dropped: the next call waits for the task first
//! ```
//!
//! So a write that nobody waits for any more can never overtake one that came later.

use absio_proto::driver::blocking::Content;
use absio_proto::effect::{ContentError, ContentOp, ContentOutcome};
use blocking::{Task, unblock};

pub(super) struct OffThread<C>(State<C>);

enum State<C> {
    Idle(C),
    Busy(Task<(C, Result<ContentOutcome, ContentError>)>),
    /// It was taken.
    Gone,
}

impl<C: Content + Send + 'static> OffThread<C> {
    pub(super) fn new(content: C) -> Self {
        Self(State::Idle(content))
    }

    /// Carries out `op` on a thread.
    pub(super) async fn apply(&mut self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        let mut content = self.take().await?;
        let work = move || {
            let outcome = content.apply(op);
            (content, outcome)
        };
        self.0 = State::Busy(unblock(work));
        self.settle().await
    }

    /// The content, when nothing is done with it any more.
    pub(super) async fn take(&mut self) -> Result<C, ContentError> {
        // What a dropped future had asked for; its outcome interests nobody.
        let _ = self.settle().await;
        match std::mem::replace(&mut self.0, State::Gone) {
            State::Idle(content) => Ok(content),
            State::Busy(_) | State::Gone => Err(ContentError { reason: "it is gone".into() }),
        }
    }

    /// Waits for the thread, if one is busy.
    async fn settle(&mut self) -> Result<ContentOutcome, ContentError> {
        let State::Busy(task) = &mut self.0 else { return Ok(ContentOutcome::Written) };
        let (content, outcome) = task.await;
        self.0 = State::Idle(content);
        outcome
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
        let write = |offset| ContentOp::WriteAt { offset, bytes: vec![1] };
        block_on(async {
            assert!(poll_once(content.apply(write(1))).await.is_none(), "it is held, and dropped here");
            let second = poll_once(content.apply(write(2))).await;
            assert!(second.is_none(), "waits for the first");
            go.send(()).unwrap();
            go.send(()).unwrap();
            go.send(()).unwrap();
            content.apply(write(3)).await.unwrap();
        });
        // The second was dropped before it began.
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [1, 3]);
    }
}
