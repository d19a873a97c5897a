//! The store suite: what every store owes (`absio_proto::effect`, the storage language).
//!
//! The same cases serve stores of threads ([`Backend`]) and of tasks ([`AsyncBackend`]). With
//! [`store_suite!`](crate::store_suite) each is a `#[test]` of its own; [`store_cases`] gives them as values.

mod asking;
mod backend;
mod blobs;
mod bounds;
mod cells;
mod commits;
mod history;
mod records;
mod reopening;
mod sequences;

pub use backend::{AsyncBackend, Backend, Capabilities};

use crate::report::{Outcome, Report};
use crate::script::Script;
use asking::{Answer, Question};
use backend::{AsyncBench, Bench};

/// One case: a name, what a store must be able to do for it, and what is asked.
pub struct StoreCase {
    name: &'static str,
    needs: Option<Need>,
    script: fn() -> Script<Question, Answer>,
}

/// What not every store can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Durable,
    Bounded,
    Concurrent,
}

impl Need {
    fn missing(self, declared: Capabilities) -> Option<&'static str> {
        match self {
            Self::Durable if !declared.durable => Some("the backend does not declare that it is durable"),
            Self::Bounded if !declared.bounded => Some("the backend does not declare that it is bounded"),
            Self::Concurrent if !declared.concurrent => {
                Some("the backend does not declare that it is concurrent")
            }
            _ => None,
        }
    }
}

impl StoreCase {
    /// `module::case`, the same in every version of the suite.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the case against a store of `backend`, lanes on threads of their own.
    pub fn run<B: Backend>(&self, backend: &B) -> Outcome {
        if let Some(outcome) = self.skipped(backend.capabilities()) {
            return outcome;
        }
        let bench = Bench::new(backend);
        outcome(crate::script::run((self.script)(), &|question| bench.answer(question)))
    }

    /// Runs the case against an asynchronous store of `backend`, lanes inside one task.
    pub fn run_async<B: AsyncBackend>(&self, backend: &B) -> Outcome {
        if let Some(outcome) = self.skipped(backend.capabilities()) {
            return outcome;
        }
        let bench = AsyncBench::new(backend);
        outcome(
            backend.block_on(crate::script::run_async((self.script)(), |question| bench.answer(question))),
        )
    }

    fn skipped(&self, declared: Capabilities) -> Option<Outcome> {
        let reason = self.needs?.missing(declared)?;
        Some(Outcome::Skipped(reason.to_owned()))
    }
}

pub(crate) fn outcome(result: Result<(), String>) -> Outcome {
    result.map_or_else(Outcome::Failed, |()| Outcome::Passed)
}

/// The list of cases, once: as values, and as names of tests.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_list {
    ($how:ident $(($($arg:tt)*))?) => {
        $crate::__store_list! { @$how $(($($arg)*))?
            records: get_answers_in_the_order_of_the_keys, get_of_nothing_is_empty, keys_and_values_are_opaque,
                scan_is_ordered_and_half_open, scan_backwards_begins_at_the_end, scan_stops_at_its_limit,
                scan_of_an_empty_or_inverted_range_is_empty;
            commits: writes_apply_in_order, all_preconditions_must_hold,
                a_conflict_names_the_first_and_writes_nothing, a_commit_without_writes_is_a_check,
                deleting_the_absent_is_no_error, compare_and_set_has_one_winner (Concurrent),
                increments_of_many_threads_are_all_counted (Concurrent),
                a_reader_never_sees_half_a_commit (Concurrent);
            sequences: appends_count_from_one, appends_go_on_after_deletes,
                appends_of_one_commit_are_numbered_in_order, a_conflict_takes_no_number,
                concurrent_appends_have_distinct_numbers (Concurrent), sequences_are_apart,
                a_broken_counter_is_an_error_and_changes_nothing, an_exhausted_sequence_is_an_error;
            blobs: a_blob_is_readable_once_sealed, parts_may_come_in_any_order, a_part_may_be_written_again,
                a_gap_reads_as_zeros, reads_are_cut_at_the_end, a_sealed_blob_never_changes,
                sealing_twice_is_no_error, sealing_the_unknown_is_refused, an_empty_blob_exists,
                deleting_frees_the_name, deleting_the_unknown_is_no_error, the_list_is_ordered_and_paged,
                parts_of_many_threads_come_together (Concurrent);
            cells: a_cell_reads_back, an_unknown_cell_is_none, a_cell_is_replaced_whole, no_bytes_remove_a_cell,
                cells_are_listed_in_order, cells_have_a_limit, cells_are_apart_from_records_and_blobs,
                cells_survive (Durable), cells_of_many_threads_are_apart (Concurrent),
                readers_see_whole_cells (Concurrent), a_full_store_keeps_its_cells (Bounded);
            bounds: keys_have_a_limit, values_have_a_limit, commits_have_a_limit, scans_have_a_limit,
                answers_have_a_limit, blob_parts_have_a_limit, a_full_store_changes_nothing (Bounded);
            history: a_long_mixed_history_equals_the_model;
            reopening: records_survive (Durable), the_number_of_a_sequence_survives (Durable),
                sealed_blobs_survive (Durable), unsealed_blobs_leave_nothing_behind (Durable);
        }
    };
    (@values $($module:ident: $($case:ident $(($need:ident))?),+;)+) => {
        vec![$($(StoreCase {
            name: concat!(stringify!($module), "::", stringify!($case)),
            needs: None$(.or(Some(Need::$need)))?,
            script: || Script::new($module::$case),
        },)+)+]
    };
    (@tests ($run:ident $backend:expr) $($module:ident: $($case:ident $(($need:ident))?),+;)+) => {
        $(mod $module {
            #[allow(unused_imports, reason = "the backend is an expression of the module around")]
            use super::*;

            $(#[test]
            fn $case() {
                let name = concat!(stringify!($module), "::", stringify!($case));
                let case = $crate::store::store_case(name).expect("the list of names is that of the cases");
                case.$run(&$backend).assert_held(name);
            })+
        })+
    };
}

/// Makes a `#[test]` of each case of the store suite: `records::scan_stops_at_its_limit` and so on.
///
/// `store_suite!(backend)` takes a [`Backend`], `store_suite!(async backend)` an [`AsyncBackend`]. The
/// expression is evaluated in every test. Two suites in one file each need a module around them.
#[macro_export]
macro_rules! store_suite {
    (async $backend:expr) => {
        $crate::__store_list! { tests (run_async $backend) }
    };
    ($backend:expr) => {
        $crate::__store_list! { tests (run $backend) }
    };
}

/// Every case, in the order of the suite.
#[must_use]
pub fn store_cases() -> Vec<StoreCase> {
    __store_list!(values)
}

/// The case of that name.
#[must_use]
pub fn store_case(name: &str) -> Option<StoreCase> {
    store_cases().into_iter().find(|case| case.name == name)
}

/// Runs every case against `backend`.
pub fn run<B: Backend>(backend: &B) -> Report {
    let mut report = Report::default();
    for case in store_cases() {
        report.case(case.name, &[], || case.run(backend));
    }
    report
}

/// Runs every case against the asynchronous stores of `backend`.
pub fn run_async<B: AsyncBackend>(backend: &B) -> Report {
    let mut report = Report::default();
    for case in store_cases() {
        report.case(case.name, &[], || case.run_async(backend));
    }
    report
}
