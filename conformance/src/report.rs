//! What a suite found.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// How a case ended if it did not panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It held.
    Passed,
    /// It does not apply to this backend, for this reason.
    Skipped(&'static str),
}

/// The outcome of a whole suite.
#[derive(Debug, Default)]
#[must_use = "call assert_passed"]
pub struct Report {
    passed: Vec<&'static str>,
    skipped: Vec<(&'static str, &'static str)>,
    failed: Vec<&'static str>,
}

impl Report {
    /// Runs one case and prints how it ended.
    pub(crate) fn case(&mut self, name: &'static str, case: impl FnOnce() -> Verdict) {
        match catch_unwind(AssertUnwindSafe(case)) {
            Ok(Verdict::Passed) => {
                println!("passed   {name}");
                self.passed.push(name);
            }
            Ok(Verdict::Skipped(reason)) => {
                println!("skipped  {name}: {reason}");
                self.skipped.push((name, reason));
            }
            Err(_) => {
                println!("FAILED   {name}");
                self.failed.push(name);
            }
        }
    }

    /// Names of the cases that held.
    #[must_use]
    pub fn passed(&self) -> &[&'static str] {
        &self.passed
    }

    /// Names of the cases that do not apply, with the reasons.
    #[must_use]
    pub fn skipped(&self) -> &[(&'static str, &'static str)] {
        &self.skipped
    }

    /// Names of the cases that did not hold.
    #[must_use]
    pub fn failed(&self) -> &[&'static str] {
        &self.failed
    }

    /// # Panics
    /// If a case failed, or none ran.
    pub fn assert_passed(&self) {
        assert!(self.failed.is_empty(), "failed: {}", self.failed.join(", "));
        assert!(!self.passed.is_empty(), "no case ran");
    }
}
