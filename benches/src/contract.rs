//! What the contract itself costs: one `resume` of a guarded operation that has nothing to compute.

use absio_proto::effect::{Effect, Reply};
use absio_proto::{Config, Cx, Error, Guard, Leaf, Now, Operation, Session, Step, attempt, drive};
use core::time::Duration;

/// Waits a number of times, one effect each.
struct Waits {
    left: u32,
    wait: Leaf<()>,
}

impl Operation for Waits {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            drive!(&mut self.wait, cx, reply);
            self.left = attempt!(self.left.checked_sub(1).ok_or(Error::SessionChanged));
            if self.left == 0 {
                return Step::Done(Ok(()));
            }
            self.wait = Leaf::sleep(Duration::ZERO);
        }
    }
}

/// An operation under way, and the session it works on.
pub struct Contract {
    session: Session,
    entropy: crate::Entropy,
    now: Now,
}

impl Contract {
    /// A client that is set up; nobody is signed in.
    ///
    /// # Panics
    /// Never: the key and the URL are constants.
    #[must_use]
    pub fn new() -> Self {
        let key = "00000000-0000-4000-8000-000000000001".parse().expect("the key is a UUID");
        let config = Config::new(key, "http://localhost:8600").expect("the URL is a loopback one");
        let now = Now {
            utc: absio_proto::model::Timestamp::from_millis(1_700_000_000_000),
            monotonic: Duration::ZERO,
        };
        Self { session: Session::new(config), entropy: crate::Entropy::new(1), now }
    }

    /// Resumes an operation `times` times, and gives each reply without doing anything.
    ///
    /// # Panics
    /// If the operation fails.
    pub fn resumes(&mut self, times: u32) {
        let mut operation = Guard::new(Waits { left: times, wait: Leaf::sleep(Duration::ZERO) });
        let mut reply = None;
        loop {
            let mut cx = Cx { now: self.now, entropy: &mut self.entropy, session: &mut self.session };
            match operation.resume(&mut cx, reply.take()) {
                Step::Effect(Effect::Sleep(call)) => reply = Some(call.reply()),
                Step::Effect(_) => panic!("the operation only waits"),
                Step::Done(result) => return result.expect("nothing can fail"),
            }
        }
    }
}

impl Default for Contract {
    fn default() -> Self {
        Self::new()
    }
}
