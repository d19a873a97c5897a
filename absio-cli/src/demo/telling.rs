//! Tells the story: a heading, then a line for each check, and at the end whether all held.

use crate::failure::Failure;
use crate::output::Output;
use serde_json::json;
use std::fmt::Display;
use std::time::Instant;

/// The checks so far.
pub(crate) struct Telling<'o> {
    output: &'o Output,
    checks: usize,
    failed: Vec<String>,
    begun: Instant,
}

impl<'o> Telling<'o> {
    pub(crate) fn new(output: &'o Output) -> Self {
        Self { output, checks: 0, failed: Vec::new(), begun: Instant::now() }
    }

    /// Begins a part of the story.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn part(&self, title: &str) -> Result<(), Failure> {
        if self.output.is_json() { Ok(()) } else { self.output.bytes(format!("\n{title}\n").as_bytes()) }
    }

    /// One check: what should hold, and whether it does.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn check(&mut self, what: &str, held: bool) -> Result<(), Failure> {
        self.line(what, held.then_some(()).ok_or("it does not hold"))
    }

    /// One check that an action was refused with one of the stable `codes`.
    ///
    /// # Errors
    /// If stdout cannot be written.
    pub(crate) fn refused<T>(
        &mut self,
        what: &str,
        codes: &[&str],
        outcome: Result<T, absio_proto::Error>,
    ) -> Result<(), Failure> {
        match outcome {
            Err(error) if codes.contains(&error.code()) => {
                self.line(&format!("{what} [{}]", error.code()), Ok::<(), &str>(()))
            }
            Err(error) => self.line(what, Err(format!("refused otherwise: {error} [{}]", error.code()))),
            Ok(_) => self.line(what, Err("it was not refused")),
        }
    }

    fn line(&mut self, what: &str, outcome: Result<(), impl Display>) -> Result<(), Failure> {
        self.checks += 1;
        let (mark, reason) = match &outcome {
            Ok(()) => (" ok ", String::new()),
            Err(reason) => ("FAIL", format!(": {reason}")),
        };
        if outcome.is_err() {
            self.failed.push(what.to_owned());
        }
        self.output.data(&json!({"check": what, "ok": outcome.is_ok()}), &format!("  {mark}  {what}{reason}"))
    }

    /// Ends the story.
    ///
    /// # Errors
    /// `checks_failed` if any check did not hold.
    pub(crate) fn end(self) -> Result<(), Failure> {
        let seconds = self.begun.elapsed().as_secs_f32();
        let held = self.checks - self.failed.len();
        self.output.data(
            &json!({"checks": self.checks, "held": held}),
            &format!("\n{held} of {} checks held, in {seconds:.1} s.", self.checks),
        )?;
        if self.failed.is_empty() {
            Ok(())
        } else {
            Err(Failure::new("checks_failed", format!("these did not hold: {}", self.failed.join("; "))))
        }
    }
}
