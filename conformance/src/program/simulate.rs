//! `absio-conformance simulate`: a whole system in one process, from one seed.

use crate::output::tell;
use absio_conformance::simulation::{self, Failure, FaultSet, Settings, Simulated};
use absio_proto::plant::{self, Bug};
use anyhow::{Context, ensure};
use serde_json::json;
use std::io::{self, Write as _};
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
    /// Plants a bug, by its name, to see it found.
    #[arg(long, value_parser = bug)]
    plant: Option<Bug>,
    /// Plants every bug there is, one after another, and shows which invariant found it.
    #[arg(long, conflicts_with_all = ["plant", "seed", "seeds"])]
    planted_bugs: bool,
    /// How many of the last events are shown when something does not hold.
    #[arg(long, default_value_t = 40)]
    events: usize,
    /// Shows what happened as JSON, one line a run.
    #[arg(long)]
    json: bool,
}

fn bug(name: &str) -> Result<Bug, String> {
    let known = || Bug::ALL.iter().map(|bug| bug.name()).collect::<Vec<_>>().join(", ");
    let found = Bug::ALL.iter().copied().find(|bug| bug.name() == name);
    found.ok_or_else(|| format!("{name:?} is no bug; there are {}", known()))
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
    if args.planted_bugs {
        return find_planted(args);
    }
    plant::select(args.plant);
    for seed in args.seeds.clone().unwrap_or(args.seed..args.seed.saturating_add(1)) {
        let settings = settings(args, seed);
        let began = Instant::now();
        let simulated = simulation::run(&settings);
        let seconds = began.elapsed().as_secs_f64();
        if args.json {
            tell(as_json(&settings, &simulated, seconds)?)?;
        } else {
            show(&settings, &simulated, seconds)?;
        }
        if let Some(failure) = &simulated.failure {
            explain(&settings, failure, args)?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// Seeds tried for each bug.
const SEEDS: Range<u64> = 1..41;

/// Plants each bug in turn; whether all were found.
fn find_planted(args: &Args) -> anyhow::Result<bool> {
    let mut missed = 0;
    for bug in Bug::ALL.iter().copied() {
        plant::select(Some(bug));
        let mut taken = 0;
        let mut seeds = SEEDS;
        let found = seeds.find_map(|seed| {
            let settings = settings(args, seed);
            let simulated = simulation::run(&settings);
            taken += simulated.steps;
            simulated.failure.map(|failure| (seed, failure))
        });
        match found {
            Some((seed, failure)) => tell(format_args!(
                "{:28} found by {:30} seed {seed:2}, step {:4} ({taken} in all): {}",
                bug.name(),
                failure.violation.invariant,
                failure.step,
                bug.what()
            ))?,
            None => {
                missed += 1;
                tell(format_args!("{:28} NOT FOUND in {taken} steps: {}", bug.name(), bug.what()))?;
            }
        }
    }
    plant::select(None);
    tell(format_args!("{} of {} found", Bug::ALL.len() - missed, Bug::ALL.len()))?;
    Ok(missed == 0)
}

fn settings(args: &Args, seed: u64) -> Settings {
    Settings { seed, steps: args.steps, faults: args.faults, users: args.users, kept_events: args.events }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn show(settings: &Settings, simulated: &Simulated, seconds: f64) -> anyhow::Result<()> {
    let counts = |pairs: Vec<(&str, u64)>| {
        let pairs = pairs.into_iter().map(|(name, count)| format!("{name} {count}"));
        pairs.collect::<Vec<_>>().join(", ")
    };
    #[expect(clippy::cast_precision_loss, reason = "a rate is printed, not counted on")]
    let rate = simulated.steps as f64 / seconds.max(1e-9);
    tell(format_args!(
        "seed {}: {} steps, {} effects in {seconds:.1} s ({rate:.0} steps/s), trace {}",
        settings.seed,
        simulated.steps,
        simulated.effects,
        hex(&simulated.trace)
    ))?;
    tell(format_args!(
        "  operations: {}",
        counts(simulated.operations.iter().map(|(name, count)| (*name, *count)).collect())
    ))?;
    let struck = simulated.faults.iter().filter(|(_, count)| *count > 0);
    tell(format_args!(
        "  faults: {}",
        counts(struck.map(|(fault, count)| (fault.name(), *count)).collect())
    ))?;
    Ok(())
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

fn explain(settings: &Settings, failure: &Failure, args: &Args) -> anyhow::Result<()> {
    if !args.json {
        let (violation, step) = (&failure.violation, failure.step);
        tell(format_args!("violated: {} at step {step}: {}", violation.invariant, violation.what))?;
        tell("what happened last:")?;
        failure.events.iter().try_for_each(|event| tell(format_args!("  {event}")))?;
    }
    let shrunk = simulation::shrink(settings, failure.violation.invariant, failure.step);
    let smallest = &shrunk.settings;
    let users = smallest.users.map(|users| format!(" --users {users}")).unwrap_or_default();
    let planted = args.plant.map(|bug| format!(" --plant {}", bug.name())).unwrap_or_default();
    writeln!(
        io::stderr().lock(),
        "the smallest of {} runs that fails so:\n  absio-conformance simulate --seed {} --steps {} --faults {}{users}{planted}",
        shrunk.runs,
        smallest.seed,
        smallest.steps,
        smallest.faults
    )?;
    Ok(())
}
