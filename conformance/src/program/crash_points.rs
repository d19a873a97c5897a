//! `absio-conformance crash-points`: every store effect of every workflow as the last one.

use absio_conformance::simulation::{CrashPoints, Dying, crash_points};
use anyhow::ensure;

/// How much to go through.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Everything: three states of what was not flushed, and a second death at every effect of the recovery.
    #[arg(long)]
    all: bool,
    /// This workflow alone, by the name that is shown.
    #[arg(long)]
    workflow: Option<String>,
}

/// Goes through them; whether everything was recovered from.
pub(crate) fn run(args: &Args) -> anyhow::Result<bool> {
    let mut holds = true;
    let mut states = 0;
    for dying in [Dying::Device, Dying::Broker] {
        let who = match dying {
            Dying::Device => "device",
            Dying::Broker => "broker",
        };
        let show = |points: &CrashPoints| {
            println!(
                "{who} dies in {:26} {:4} store effects, {:5} states, {:5} of them with a death in the recovery",
                points.workflow, points.effects, points.states, points.in_recovery
            );
            if let Some((state, violation)) = &points.failure {
                println!("  violated: {} in {state}: {}", violation.invariant, violation.what);
            }
        };
        let gone_through = crash_points(dying, args.workflow.as_deref(), !args.all, show);
        ensure!(!gone_through.is_empty(), "there is no workflow of that name; leave it out to see all names");
        holds &= gone_through.iter().all(|points| points.failure.is_none());
        states += gone_through.iter().map(|points| points.states).sum::<u64>();
    }
    println!("{states} states in all");
    Ok(holds)
}
