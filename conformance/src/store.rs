//! The store suite: what every [`Store`] owes (`absio_proto::effect`, the storage language).

pub mod blobs;
pub mod bounds;
pub mod cells;
pub mod commits;
pub mod history;
pub mod records;
pub mod reopening;
pub mod sequences;

mod asking;

use crate::report::Report;
use absio_proto::driver::blocking::Store;

/// Makes the stores under test.
pub trait Backend {
    /// The store. Cases use it from many threads.
    type Store: Store + Send + Sync;

    /// An empty store, apart from all others.
    fn fresh(&self) -> Self::Store;

    /// Closes `store` and opens what it kept; `None` if it keeps nothing.
    fn reopen(&self, store: Self::Store) -> Option<Self::Store>;

    /// An empty store that has room for about `bytes`; `None` if the backend cannot be told.
    fn with_room_for(&self, bytes: u64) -> Option<Self::Store> {
        let _ = bytes;
        None
    }
}

macro_rules! cases {
    ($backend:expr, $report:expr; $($module:ident: $($case:ident),+;)+) => {
        $($($report.case(
            concat!(stringify!($module), "::", stringify!($case)),
            || $module::$case($backend),
        );)+)+
    };
}

/// Runs every case against `backend` and prints one line for each, skipped ones with the reason.
pub fn run<B: Backend>(backend: &B) -> Report {
    let mut report = Report::default();
    cases! { backend, report;
        records: get_answers_in_the_order_of_the_keys, get_of_nothing_is_empty, keys_and_values_are_opaque,
            scan_is_ordered_and_half_open, scan_backwards_begins_at_the_end, scan_stops_at_its_limit,
            scan_of_an_empty_or_inverted_range_is_empty;
        commits: writes_apply_in_order, all_preconditions_must_hold, a_conflict_names_the_first_and_writes_nothing,
            a_commit_without_writes_is_a_check, deleting_the_absent_is_no_error, compare_and_set_has_one_winner,
            increments_of_many_threads_are_all_counted, a_reader_never_sees_half_a_commit;
        sequences: appends_count_from_one, appends_go_on_after_deletes, appends_of_one_commit_are_numbered_in_order,
            a_conflict_takes_no_number, concurrent_appends_have_distinct_numbers, sequences_are_apart,
            a_broken_counter_is_an_error_and_changes_nothing, an_exhausted_sequence_is_an_error;
        blobs: a_blob_is_readable_once_sealed, parts_may_come_in_any_order, a_part_may_be_written_again,
            a_gap_reads_as_zeros, reads_are_cut_at_the_end, a_sealed_blob_never_changes, sealing_twice_is_no_error,
            sealing_the_unknown_is_refused, an_empty_blob_exists, deleting_frees_the_name,
            deleting_the_unknown_is_no_error, the_list_is_ordered_and_paged, parts_of_many_threads_come_together;
        cells: a_cell_reads_back, an_unknown_cell_is_none, a_cell_is_replaced_whole, no_bytes_remove_a_cell,
            cells_are_listed_in_order, cells_have_a_limit, cells_are_apart_from_records_and_blobs,
            cells_survive, cells_of_many_threads_are_apart, readers_see_whole_cells,
            a_full_store_keeps_its_cells;
        bounds: keys_have_a_limit, values_have_a_limit, commits_have_a_limit, scans_have_a_limit,
            answers_have_a_limit, blob_parts_have_a_limit, a_full_store_changes_nothing;
        history: a_long_mixed_history_equals_the_model;
        reopening: records_survive, the_number_of_a_sequence_survives, sealed_blobs_survive,
            unsealed_blobs_leave_nothing_behind;
    }
    report
}
