//! A whole system in one process, from one seed: "one process, one seed" (`docs/simulation.md`).
//!
//! ```text
//!   seed ─▶ plan ─▶ device ─ operation of absio-proto ─ effects ─┬─▶ disk (store faults)
//!              │                                                 ├─▶ network (network faults) ─▶ broker ─▶ disk
//!              ├─▶ tick: time passes                             └─▶ process faults: crash, power loss, clock
//!              └─▶ quiet: faults stop                 results ─▶ judge ─▶ model, invariants
//! ```
//!
//! The core, its cryptography and the broker's handler are the real ones; only the key stretching is cut
//! short. Equal seeds give equal traces, byte for byte.

mod broker;
mod call;
mod crash_points;
mod device;
mod disk;
mod fault;
mod invariants;
mod journal;
mod judge;
mod model;
mod network;
mod plan;
mod quiet;
mod random;
mod shrink;
mod world;

pub use crash_points::{CrashPoints, Dying, crash_points};
pub use fault::{Fault, FaultSet, Group};
pub use invariants::Violation;
pub use shrink::{Shrunk, shrink};

use std::collections::BTreeMap;

/// Steps after which the world becomes quiet and everything is looked at.
const QUIET_EVERY: u64 = 120;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decides everything else.
    pub seed: u64,
    /// Operations and ticks.
    pub steps: u64,
    /// What may go wrong.
    pub faults: FaultSet,
    /// People, 2 to 5 if the seed decides.
    pub users: Option<usize>,
    /// How many of the last events are kept for a failure.
    pub kept_events: usize,
}

impl Settings {
    /// `steps` steps from `seed`, with all faults.
    #[must_use]
    pub fn new(seed: u64, steps: u64) -> Self {
        Self { seed, steps, faults: FaultSet::all(), users: None, kept_events: 40 }
    }

    /// With these faults only.
    #[must_use]
    pub const fn faults(mut self, faults: FaultSet) -> Self {
        self.faults = faults;
        self
    }
}

/// What a simulation gave.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// SHA-256 over every effect, reply and result.
    pub trace: [u8; 32],
    /// Steps taken.
    pub steps: u64,
    /// Effects performed, the broker's included.
    pub effects: u64,
    /// How often each operation was begun.
    pub operations: BTreeMap<&'static str, u64>,
    /// How often each fault struck.
    pub faults: Vec<(Fault, u64)>,
    /// What did not hold, and when.
    pub failure: Option<Failure>,
}

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which, and what it saw.
    pub violation: Violation,
    /// After how many steps.
    pub step: u64,
    /// What happened last.
    pub events: Vec<String>,
}

/// Runs a simulation to its end, or to the first thing that does not hold.
#[must_use]
pub fn run(settings: &Settings) -> Simulated {
    let mut world = match world::World::new(settings) {
        Ok(world) => world,
        Err(violation) => {
            let failure = Some(Failure { violation, step: 0, events: Vec::new() });
            let (operations, faults) = (BTreeMap::new(), Vec::new());
            return Simulated { trace: [0; 32], steps: 0, effects: 0, operations, faults, failure };
        }
    };
    let mut failure = None;
    for step in 1..=settings.steps {
        let mut held = world.step();
        if held.is_ok() && (step % QUIET_EVERY == 0 || step == settings.steps) {
            held = world.quiet();
        }
        if let Err(violation) = held {
            failure = Some(Failure { violation, step, events: world.journal.last() });
            break;
        }
    }
    Simulated {
        trace: world.journal.hash(),
        steps: world.steps,
        effects: world.effects,
        operations: world.operations.clone(),
        faults: world.faults.counts(),
        failure,
    }
}
