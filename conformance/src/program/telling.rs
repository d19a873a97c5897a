//! Which cases are run, and how their report is told.

use absio_conformance::{Outcome, Report};
use anyhow::ensure;
use serde_json::{Value, json};

/// The options that every suite has.
#[derive(clap::Args)]
pub(crate) struct Telling {
    /// How the report is told.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// The same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Only cases whose name contains this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// A line a case, for people.
    Text,
    /// One JSON value.
    Json,
    /// The Test Anything Protocol.
    Tap,
    /// JUnit's XML.
    Junit,
}

impl Telling {
    /// A report to be filled. From now on panics print nothing: of a case that does not hold, the report
    /// tells the words.
    pub(crate) fn begin(&self) -> Report {
        std::panic::set_hook(Box::new(|_| ()));
        Report::default()
    }

    /// Whether the case of that name is to be run.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }

    /// Prints the report; whether everything held.
    pub(crate) fn tell(&self, suite: &str, report: &Report) -> anyhow::Result<bool> {
        ensure!(!report.entries().is_empty(), "no case has that name");
        let format = if self.json { Format::Json } else { self.format };
        match format {
            Format::Text => print!("{}", report.text()),
            Format::Json => println!("{:#}", as_json(suite, report)),
            Format::Tap => print!("{}", report.tap()),
            Format::Junit => print!("{}", report.junit(suite)),
        }
        Ok(report.failed().is_empty())
    }
}

fn as_json(suite: &str, report: &Report) -> Value {
    let cases: Vec<Value> = report
        .entries()
        .iter()
        .map(|entry| {
            let (outcome, reason) = match &entry.outcome {
                Outcome::Passed => ("passed", None),
                Outcome::Skipped(reason) => ("skipped", Some(reason)),
                Outcome::Failed(seen) => ("failed", Some(seen)),
            };
            let milliseconds = u64::try_from(entry.took.as_millis()).unwrap_or(u64::MAX);
            json!({
                "name": entry.name,
                "shows": entry.shows,
                "outcome": outcome,
                "reason": reason,
                "milliseconds": milliseconds,
            })
        })
        .collect();
    json!({
        "suite": suite,
        "passed": report.passed().len(),
        "skipped": report.skipped().len(),
        "failed": report.failed().len(),
        "cases": cases,
    })
}
