//! `absio-conformance`: checks a store or a server, and runs the simulation.
//!
//! Exit code 0: everything held; 1: something did not; 2: nothing was checked (wrong usage, no server).
#![forbid(unsafe_code)]

mod broker;
mod crash_points;
mod enumeration;
mod kit;
mod output;
mod record;
mod replay;
mod simulate;
mod store;
mod telling;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Checks what Absio stands on.
#[derive(Parser)]
#[command(name = "absio-conformance", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the broker cases against a server.
    Broker(broker::Args),
    /// Judges the kit of vectors, or makes fresh objects.
    Kit(kit::Args),
    /// Times refusals of a broker, for users who exist and who do not.
    Enumeration(enumeration::Args),
    /// Records the sessions of docs/fixtures.md again, or checks that they are as recorded.
    Record(record::Args),
    /// Replays a recorded session to a client over TCP, well or badly.
    Replay(replay::Args),
    /// Runs the store cases against a built-in store.
    Store(store::Args),
    /// Goes through every crash point of every workflow of a device and of the broker.
    CrashPoints(crash_points::Args),
    /// Runs a whole system in one process, from one seed, with faults.
    Simulate(simulate::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Broker(args) => broker::run(&args),
        Command::Kit(args) => kit::run(&args),
        Command::Enumeration(args) => enumeration::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Store(args) => store::run(&args),
        Command::CrashPoints(args) => crash_points::run(&args),
        Command::Simulate(args) => simulate::run(&args),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if output::has_no_reader(&error) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}
