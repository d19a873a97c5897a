//! Medians of interleaved rounds: whatever disturbs the machine disturbs both sides alike.

use std::time::{Duration, Instant};

/// The median time of each piece of work, over `rounds` rounds in which all take their turn.
pub fn interleaved<const N: usize>(rounds: usize, mut work: [&mut dyn FnMut(); N]) -> [Duration; N] {
    let mut times = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (work, times) in work.iter_mut().zip(&mut times) {
            let started = Instant::now();
            work();
            // The first round warms caches and pages up.
            if round > 0 {
                times.push(started.elapsed());
            }
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

/// Gigabytes a second.
#[must_use]
pub fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64() / 1e9
}
