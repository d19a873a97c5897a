//! The contract of `Operation`: whatever a driver does is an error at worst, never a panic; equal
//! inputs give equal effects; both loops give equal results.

mod determinism;
mod drivers;
mod join;
mod misuse;
mod story;

use absio_proto::effect::{Effect, Reply, StoreOp, StoreOutcome};
use absio_proto::model::Timestamp;
use absio_proto::{Cx, Entropy, EntropyError, Generation, Now, Operation, Step};
use std::time::Duration;

/// The state that is lent to the operations of these tests.
#[derive(Default)]
struct State {
    generation: u64,
}

impl Generation for State {
    fn generation(&self) -> u64 {
        self.generation
    }
}

/// SplitMix64.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for byte in buffer {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed >> 56) as u8;
        }
        Ok(())
    }
}

struct Broken;

impl Entropy for Broken {
    fn fill(&mut self, _buffer: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

/// A driver by hand: lends what the test says.
struct Hand {
    state: State,
    entropy: Seeded,
    time: u64,
}

impl Hand {
    fn new(seed: u64) -> Self {
        Self { state: State::default(), entropy: Seeded(seed), time: 0 }
    }

    fn resume<O: Operation<State>>(
        &mut self,
        operation: &mut O,
        reply: Option<Reply>,
    ) -> Step<Result<O::Output, absio_proto::Error>> {
        self.time += 1;
        let now = Now { utc: Timestamp::from_millis(self.time), monotonic: Duration::from_millis(self.time) };
        operation.resume(&mut Cx { now, entropy: &mut self.entropy, session: &mut self.state }, reply)
    }

    /// Resumes and expects an effect.
    #[track_caller]
    fn effect<O: Operation<State>>(&mut self, operation: &mut O, reply: Option<Reply>) -> Effect {
        match self.resume(operation, reply) {
            Step::Effect(effect) => effect,
            Step::Done(Ok(_)) => panic!("expected an effect, the operation is done"),
            Step::Done(Err(error)) => panic!("expected an effect, got {error}"),
        }
    }

    /// Resumes and expects the end.
    #[track_caller]
    fn end<O: Operation<State>>(
        &mut self,
        operation: &mut O,
        reply: Option<Reply>,
    ) -> Result<O::Output, absio_proto::Error> {
        match self.resume(operation, reply) {
            Step::Done(result) => result,
            Step::Effect(_) => panic!("expected the end, got an effect"),
        }
    }
}

fn question(key: &str) -> StoreOp {
    StoreOp::Get { keys: vec![key.as_bytes().to_vec()] }
}

/// Answers a question with its own key.
fn echo(op: StoreOp) -> StoreOutcome {
    match op {
        StoreOp::Get { keys } => StoreOutcome::Values(keys.into_iter().map(Some).collect()),
        other => panic!("these operations only get: {other:?}"),
    }
}

/// The reply to a store effect, its question echoed.
#[track_caller]
fn echoed(effect: Effect) -> Reply {
    match effect {
        Effect::Store(call) => {
            let (op, reply) = call.take();
            reply(Ok(echo(op)))
        }
        _ => panic!("expected a store effect"),
    }
}

/// The members of an `All`, answered in the order that `arrange` brings them into.
#[track_caller]
fn joined(effect: Effect, arrange: impl FnOnce(&mut Vec<Reply>)) -> Reply {
    match effect {
        Effect::All(call) => {
            let (slot, members) = call.split();
            let mut replies = members.into_iter().map(echoed).collect();
            arrange(&mut replies);
            slot.join(replies)
        }
        _ => panic!("expected an All"),
    }
}
