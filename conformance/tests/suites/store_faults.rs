//! Stores with a planted fault each.

use super::found;
use absio_async_std::Unblocked;
use absio_conformance::store::{AsyncBackend, Backend, Capabilities, StoreCase, run, run_async};
use absio_conformance::{Outcome, Report, store_case, store_cases};
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome};
use absio_store::MemoryStore;
use std::future::Future;
use std::sync::Mutex;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    LosesAWrite,
    ScansBackwards,
    IgnoresTheLimit,
    IncludesTheEnd,
    KeepsHalfACommit,
    IgnoresPreconditions,
    ComparesThenWrites,
    NumbersFromZero,
    CutsAnswersShort,
    SealsNothing,
    WritesToSealed,
    TearsCells,
    Panics,
}

struct Faulty {
    inner: MemoryStore,
    fault: Fault,
    commits: Mutex<u32>,
}

impl Faulty {
    fn commit(&self, mut commit: Commit) -> Result<StoreOutcome, StoreError> {
        match self.fault {
            Fault::LosesAWrite => {
                let mut commits = self.commits.lock().unwrap();
                *commits += 1;
                if commits.is_multiple_of(3) {
                    commit.writes.truncate(commit.writes.len().saturating_sub(1));
                }
            }
            Fault::KeepsHalfACommit if commit.writes.len() > 1 => {
                let second = commit.writes.split_off(commit.writes.len() / 2);
                let first = self.inner.apply(StoreOp::Commit(commit))?;
                let StoreOutcome::Committed(mut numbers) = first else { return Ok(first) };
                std::thread::yield_now();
                let rest = Commit { preconditions: Vec::new(), writes: second };
                if let StoreOutcome::Committed(more) = self.inner.apply(StoreOp::Commit(rest))? {
                    numbers.extend(more);
                }
                return Ok(StoreOutcome::Committed(numbers));
            }
            Fault::IgnoresPreconditions => commit.preconditions.clear(),
            Fault::ComparesThenWrites => {
                let check = Commit { preconditions: commit.preconditions, writes: Vec::new() };
                let outcome = self.inner.apply(StoreOp::Commit(check))?;
                if let StoreOutcome::Conflict(_) = outcome {
                    return Ok(outcome);
                }
                // Long enough for another thread to come between, whatever the machine does.
                (0..500).for_each(|_| std::thread::yield_now());
                commit.preconditions = Vec::new();
            }
            Fault::NumbersFromZero => {
                let outcome = self.inner.apply(StoreOp::Commit(commit))?;
                let StoreOutcome::Committed(numbers) = outcome else { return Ok(outcome) };
                return Ok(StoreOutcome::Committed(numbers.into_iter().map(|number| number - 1).collect()));
            }
            _ => {}
        }
        self.inner.apply(StoreOp::Commit(commit))
    }
}

impl Store for Faulty {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        match (self.fault, op) {
            (_, StoreOp::Commit(commit)) => self.commit(commit),
            (Fault::ScansBackwards, StoreOp::Scan { start, end, limit, reverse }) => {
                self.inner.apply(StoreOp::Scan { start, end, limit, reverse: !reverse })
            }
            (Fault::IgnoresTheLimit, StoreOp::Scan { start, end, limit, reverse }) if limit > 0 => {
                self.inner.apply(StoreOp::Scan { start, end, limit: limit + 1, reverse })
            }
            (Fault::IncludesTheEnd, StoreOp::Scan { start, mut end, limit, reverse }) => {
                end.push(0);
                self.inner.apply(StoreOp::Scan { start, end, limit, reverse })
            }
            (Fault::CutsAnswersShort, StoreOp::BlobRead { blob, offset, length }) => {
                self.inner.apply(StoreOp::BlobRead { blob, offset, length: length.saturating_sub(1) })
            }
            (Fault::SealsNothing, StoreOp::BlobSeal { .. }) => Ok(StoreOutcome::Done),
            (Fault::WritesToSealed, StoreOp::BlobWrite { blob, offset, bytes }) => {
                let op = StoreOp::BlobWrite { blob, offset, bytes };
                match self.inner.apply(op) {
                    Err(error) if error.kind == StoreErrorKind::Invalid => Ok(StoreOutcome::Done),
                    outcome => outcome,
                }
            }
            (Fault::TearsCells, StoreOp::CellWrite { cell, bytes }) if bytes.len() > 1 => {
                let half = bytes[..bytes.len() / 2].to_vec();
                self.inner.apply(StoreOp::CellWrite { cell, bytes: half })?;
                std::thread::yield_now();
                self.inner.apply(StoreOp::CellWrite { cell, bytes: bytes[..bytes.len() - 1].to_vec() })
            }
            (Fault::Panics, StoreOp::CellList) => panic!("planned"),
            (_, op) => self.inner.apply(op),
        }
    }
}

struct Planted(Fault);

impl Backend for Planted {
    type Store = Faulty;

    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: false, bounded: false, concurrent: true }
    }

    fn fresh(&self) -> Faulty {
        Faulty { inner: MemoryStore::new(), fault: self.0, commits: Mutex::new(0) }
    }
}

impl AsyncBackend for Planted {
    type Store = Unblocked<Faulty>;

    fn capabilities(&self) -> Capabilities {
        Backend::capabilities(self)
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    fn fresh(&self) -> Self::Store {
        Unblocked::new(Backend::fresh(self))
    }
}

const FAULTS: [(Fault, &str); 13] = [
    (Fault::LosesAWrite, "history::a_long_mixed_history_equals_the_model"),
    (Fault::ScansBackwards, "records::scan_is_ordered_and_half_open"),
    (Fault::IgnoresTheLimit, "records::scan_stops_at_its_limit"),
    (Fault::IncludesTheEnd, "records::scan_is_ordered_and_half_open"),
    (Fault::KeepsHalfACommit, "bounds::keys_have_a_limit"),
    (Fault::IgnoresPreconditions, "commits::a_conflict_names_the_first_and_writes_nothing"),
    (Fault::ComparesThenWrites, "commits::increments_of_many_threads_are_all_counted"),
    (Fault::NumbersFromZero, "sequences::appends_count_from_one"),
    (Fault::CutsAnswersShort, "blobs::reads_are_cut_at_the_end"),
    (Fault::SealsNothing, "blobs::a_blob_is_readable_once_sealed"),
    (Fault::WritesToSealed, "blobs::a_sealed_blob_never_changes"),
    (Fault::TearsCells, "cells::a_cell_reads_back"),
    (Fault::Panics, "cells::cells_are_listed_in_order"),
];

/// The case that is meant to find the fault, and one that none of the faults is about.
fn report(case: &str, run: impl Fn(&StoreCase) -> Outcome) -> Report {
    let mut report = Report::default();
    for other in store_cases() {
        if other.name() == case || other.name() == "cells::an_unknown_cell_is_none" {
            report.case(other.name(), &[], || run(&other));
        }
    }
    report
}

#[test]
fn each_fault_is_found_by_its_case() {
    for (fault, case) in FAULTS {
        found(&report(case, |case| case.run(&Planted(fault))), &format!("{fault:?}"), case);
    }
}

#[test]
fn each_fault_is_found_in_tasks_as_well() {
    for (fault, case) in FAULTS {
        found(&report(case, |case| case.run_async(&Planted(fault))), &format!("{fault:?}"), case);
    }
}

/// The control: without a fault the same wrapper passes, and what it does not declare is skipped.
#[test]
fn without_a_fault_nothing_fails() {
    for report in [run(&Planted(Fault::None)), run_async(&Planted(Fault::None))] {
        report.assert_passed();
        assert!(report.skipped().contains(&"reopening::records_survive"), "{}", report.text());
        assert!(report.skipped().contains(&"bounds::a_full_store_changes_nothing"));
        assert!(report.passed().contains(&"commits::compare_and_set_has_one_winner"));
    }
}

/// What is declared must hold.
struct Forgetful {
    opens: bool,
}

impl Backend for Forgetful {
    type Store = MemoryStore;

    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: true, bounded: true, concurrent: false }
    }

    fn fresh(&self) -> MemoryStore {
        MemoryStore::new()
    }

    fn reopen(&self, _: MemoryStore) -> Option<MemoryStore> {
        self.opens.then(MemoryStore::new)
    }
}

#[test]
fn a_capability_that_does_not_hold_fails() {
    let outcome = |opens, name| store_case(name).unwrap().run(&Forgetful { opens });
    let said = |outcome| match outcome {
        Outcome::Failed(said) => said,
        other => panic!("{other:?}"),
    };
    assert!(said(outcome(false, "reopening::records_survive")).contains("declares that it is durable"));
    assert!(said(outcome(true, "reopening::records_survive")).contains("left"), "it forgot everything");
    assert!(
        said(outcome(true, "bounds::a_full_store_changes_nothing")).contains("declares that it is bounded")
    );
    let skipped = outcome(true, "commits::compare_and_set_has_one_winner");
    assert!(matches!(skipped, Outcome::Skipped(_)), "{skipped:?}");
}
