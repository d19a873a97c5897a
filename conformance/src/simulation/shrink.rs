//! The shortest way to see a failure again: fewest steps, then fewest kinds of faults.

use super::{Settings, run};

/// A smaller simulation that fails by the same invariant.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// What to run.
    pub settings: Settings,
    /// How many simulations it took to find it.
    pub runs: u64,
}

/// Shrinks a simulation that failed at `step` by `invariant`.
///
/// A world becomes quiet at its last step, so it is enough to end there: the steps are cut to those before
/// the failure, by halving what is left; then each kind of fault is left out in turn.
#[must_use]
pub fn shrink(settings: &Settings, invariant: &str, step: u64) -> Shrunk {
    let mut runs = 0;
    let mut fails = |settings: &Settings| {
        runs += 1;
        run(settings)
            .failure
            .filter(|failure| failure.violation.invariant == invariant)
            .map(|failure| failure.step)
    };
    let mut best = Settings { steps: step, ..settings.clone() };
    loop {
        let mut is_smaller = false;
        for fault in best.faults.iter().collect::<Vec<_>>() {
            let candidate = Settings { faults: best.faults.without(fault), ..best.clone() };
            if let Some(step) = fails(&candidate) {
                best = Settings { steps: step, ..candidate };
                is_smaller = true;
            }
        }
        // The quiet at the end may find it sooner.
        let (mut low, mut high) = (0, best.steps);
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            match fails(&Settings { steps: middle, ..best.clone() }) {
                Some(step) => high = step.min(middle),
                None => low = middle,
            }
        }
        if high < best.steps {
            best.steps = high;
            is_smaller = true;
        }
        if !is_smaller {
            return Shrunk { settings: best, runs };
        }
    }
}
