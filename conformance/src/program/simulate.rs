//! `absio-conformance simulate`: a whole system in one process, from one seed.

use absio_conformance::simulation::{self, Failure, FaultSet, Settings, Simulated};
use anyhow::{Context, ensure};
use serde_json::json;
use std::ops::Range;
use std::time::Instant;

/// What to simulate.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decides everything that happens.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs every seed from the first on, before the last: `1..100`.
    #[arg(long, value_name = "A..B", conflicts_with = "seed", value_parser = range)]
    seeds: Option<Range<u64>>,
    /// Operations and ticks of each run.
    #[arg(long, default_value_t = 2_000)]
    steps: u64,
    /// What may go wrong: names or groups (network, store, process), `all`, `honest`, `none`.
    #[arg(long, default_value = "all")]
    faults: FaultSet,
    /// People: 1 to 20; the seed decides unless given.
    #[arg(long)]
    users: Option<usize>,
    /// Shows what happened as JSON, one line a run.
    #[arg(long)]
    json: bool,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("{text:?} is not of the form 1..100");
    let (first, last) = text.split_once("..").ok_or_else(wrong)?;
    let range = first.trim().parse().map_err(|_| wrong())?..last.trim().parse().map_err(|_| wrong())?;
    if range.is_empty() { Err(format!("{text:?} holds no seed")) } else { Ok(range) }
}

/// Runs the simulations; whether everything held in all of them.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    ensure!(args.steps > 0, "give at least one step");
    ensure!(args.users.is_none_or(|users| (1..=20).contains(&users)), "give 1 to 20 users");
    for seed in args.seeds.clone().unwrap_or(args.seed..args.seed.saturating_add(1)) {
        let settings = Settings { seed, steps: args.steps, faults: args.faults, users: args.users };
        let began = Instant::now();
        let simulated = simulation::run(&settings);
        let seconds = began.elapsed().as_secs_f64();
        if args.json {
            println!("{}", as_json(&settings, &simulated, seconds)?);
        } else {
            show(&settings, &simulated, seconds);
        }
        if let Some(failure) = &simulated.failure {
            explain(&settings, failure, args.json);
            return Ok(false);
        }
    }
    Ok(true)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn show(settings: &Settings, simulated: &Simulated, seconds: f64) {
    let counts = |pairs: Vec<(&str, u64)>| {
        let pairs = pairs.into_iter().map(|(name, count)| format!("{name} {count}"));
        pairs.collect::<Vec<_>>().join(", ")
    };
    #[expect(clippy::cast_precision_loss, reason = "a rate is printed, not counted on")]
    let rate = simulated.steps as f64 / seconds.max(1e-9);
    println!(
        "seed {}: {} steps, {} effects in {seconds:.1} s ({rate:.0} steps/s), trace {}",
        settings.seed,
        simulated.steps,
        simulated.effects,
        hex(&simulated.trace)
    );
    println!("  operations: {}", counts(simulated.operations.iter().map(|(name, count)| (*name, *count)).collect()));
    let struck = simulated.faults.iter().filter(|(_, count)| *count > 0);
    println!("  faults: {}", counts(struck.map(|(fault, count)| (fault.name(), *count)).collect()));
}

fn as_json(settings: &Settings, simulated: &Simulated, seconds: f64) -> anyhow::Result<String> {
    let faults: serde_json::Map<_, _> =
        simulated.faults.iter().map(|(fault, count)| (fault.name().to_owned(), json!(count))).collect();
    let failure = simulated.failure.as_ref().map(|failure| {
        json!({
            "invariant": failure.violation.invariant,
            "what": failure.violation.what,
            "step": failure.step,
            "events": failure.events,
        })
    });
    let value = json!({
        "seed": settings.seed,
        "steps": simulated.steps,
        "effects": simulated.effects,
        "seconds": seconds,
        "trace": hex(&simulated.trace),
        "operations": simulated.operations,
        "faults": faults,
        "failure": failure,
    });
    serde_json::to_string(&value).context("counts are always JSON")
}

fn explain(settings: &Settings, failure: &Failure, is_json: bool) {
    if !is_json {
        println!("violated: {} at step {}: {}", failure.violation.invariant, failure.step, failure.violation.what);
        println!("what happened last:");
        failure.events.iter().for_each(|event| println!("  {event}"));
    }
    let shrunk = simulation::shrink(settings, failure.violation.invariant, failure.step);
    let smallest = &shrunk.settings;
    let users = smallest.users.map(|users| format!(" --users {users}")).unwrap_or_default();
    eprintln!(
        "the smallest of {} runs that fails so:\n  absio-conformance simulate --seed {} --steps {} --faults {}{users}",
        shrunk.runs, smallest.seed, smallest.steps, smallest.faults
    );
}
