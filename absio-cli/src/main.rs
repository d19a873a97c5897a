//! `absio`: what a person runs.
//!
//! Data goes to stdout, messages to stderr. Exit code 0: done; 1: failed; 2: wrong usage.
#![forbid(unsafe_code)]

mod args;
mod command;
mod connection;
mod core_dump;
mod demo;
mod describe;
mod failure;
mod interrupt;
mod output;
mod progress;
mod secret;
mod share;
mod source;

use args::{ApiKeyAction, Cli, Command};
use clap::Parser;
use failure::Failure;
use output::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    core_dump::forbid();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(&error),
    };
    let output = Output::new(cli.global.json);
    match run(cli, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

fn run(cli: Cli, output: &Output) -> Result<(), Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Demo => demo::run(output),
        Command::Serve(args) => command::serve::run(args, output),
        Command::ApiKey(ApiKeyAction::Create { data, name }) => {
            command::serve::create_key(&data, &name, output)
        }
        Command::User(action) => command::user::run(global, action, output),
        Command::Container(action) => command::container::run(global, action, output),
        Command::Events(args) => command::events::run(global, args, output),
        Command::Sync(args) => command::follow::sync(global, &args, output),
        Command::Checkpoint(args) => command::follow::checkpoint(global, &args, output),
        Command::Outbox(action) => command::outbox::run(global, &action, output),
        Command::Ofs(action) => command::ofs::run(global, action, output),
    }
}

/// Clap's own words for people; the form of every other failure for programs.
fn wrong_usage(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json");
    if json && error.use_stderr() {
        let text = error.to_string();
        let sentence = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Output::new(true).failure(&Failure::usage("usage", sentence));
    } else {
        // Nothing can be done about a closed stderr.
        let _ = error.print();
    }
    if error.use_stderr() { ExitCode::from(failure::WRONG_USAGE) } else { ExitCode::SUCCESS }
}
