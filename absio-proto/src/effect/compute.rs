//! Heavy computation as an effect, so that no `resume` blocks an executor.

use super::{Reply, ReplyValue, Token};
use core::any::Any;

type Work = Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>;

/// A pure computation: password stretching, sealing or opening a large part, wrapping keys for
/// many users. It owns its inputs (secrets wiped when dropped, run or not), reads no clock and
/// draws no randomness, so running it twice with equal inputs gives equal results.
#[must_use = "run the job and hand its reply to the operation"]
pub struct Job {
    pub(crate) token: Token,
    name: &'static str,
    work: Work,
}

impl Job {
    /// A job called `name` (for traces) that computes `work`. Values that `work` captures must
    /// wipe themselves when dropped if they are secret.
    pub fn new<T: Send + 'static>(name: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Self {
        Self { token: Token::default(), name, work: Box::new(move || Box::new(work())) }
    }

    /// What is computed, for traces and profiles; never a secret.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Computes on the calling thread. Blocking drivers call this directly or on a pool,
    /// asynchronous ones off the executor.
    pub fn run(self) -> Reply {
        Reply { token: self.token, value: ReplyValue::Compute((self.work)()) }
    }
}
