//! The suites themselves: what ships passes them, and each fault that is planted is found by the case that is
//! meant to find it.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod broker_faults;
mod brokers;
mod programs;
mod runtimes;
mod store_faults;
mod stores;
mod transport_faults;
mod transports;

use absio_conformance::Report;

/// The named case fails, and the report is not all failures.
fn found(report: &Report, fault: &str, case: &str) {
    assert!(report.failed().contains(&case), "{fault}: {case} held\n{}", report.text());
    assert!(!report.passed().is_empty(), "{fault}: nothing held\n{}", report.text());
}
