//! Appends: numbers that only ever increase.

use super::Backend;
use super::asking::{absent, append, commit, delete, get, put, refused, scan, write};
use crate::report::Verdict;
use absio_proto::effect::{Commit, StoreErrorKind, StoreOp, StoreOutcome};
use std::collections::BTreeSet;

fn numbered(prefix: &[u8], number: u64) -> Vec<u8> {
    [prefix, &number.to_be_bytes()].concat()
}

/// 1, 2, 3…; the entry under prefix and number, the count under the prefix.
pub fn appends_count_from_one(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    for expected in 1u64..=3 {
        assert_eq!(write(&store, vec![append(b"s", &[expected as u8])]), [expected]);
        assert_eq!(get(&store, &numbered(b"s", expected)), Some(vec![expected as u8]));
        assert_eq!(get(&store, b"s"), Some(expected.to_be_bytes().to_vec()));
    }
    Verdict::Passed
}

/// A number is never given twice, also when every entry was deleted.
pub fn appends_go_on_after_deletes(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    write(&store, vec![append(b"s", b"one"), append(b"s", b"two")]);
    write(&store, vec![delete(&numbered(b"s", 1)), delete(&numbered(b"s", 2))]);
    assert_eq!(write(&store, vec![append(b"s", b"three")]), [3]);
    assert_eq!(scan(&store, &numbered(b"s", 0), &numbered(b"s", u64::MAX), 10, false).len(), 1);
    Verdict::Passed
}

/// Several appends of one commit, to one sequence and to another, among other writes.
pub fn appends_of_one_commit_are_numbered_in_order(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let writes = vec![append(b"s", b"a"), put(b"x", b""), append(b"t", b"b"), append(b"s", b"c")];
    assert_eq!(write(&store, writes), [1, 1, 2]);
    assert_eq!(get(&store, &numbered(b"s", 2)), Some(b"c".to_vec()));
    assert_eq!(get(&store, &numbered(b"t", 1)), Some(b"b".to_vec()));
    Verdict::Passed
}

/// A commit that did not happen left no gap.
pub fn a_conflict_takes_no_number(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    write(&store, vec![append(b"s", b"a")]);
    let outcome = commit(&store, vec![absent(b"s")], vec![append(b"s", b"b")]);
    assert!(outcome == StoreOutcome::Conflict(0));
    assert_eq!(write(&store, vec![append(b"s", b"c")]), [2]);
    Verdict::Passed
}

/// Threads append at once: every number from 1 to the end is given once, in increasing order to
/// each of them, and each number holds the entry of whoever was given it.
pub fn concurrent_appends_have_distinct_numbers(backend: &impl Backend) -> Verdict {
    const THREADS: u64 = 8;
    const EACH: u64 = 25;
    let store = &backend.fresh();
    let append_all = |thread: u64| {
        let mut given = Vec::new();
        for round in 0..EACH {
            let numbers = write(store, vec![append(b"s", &[thread as u8, round as u8])]);
            given.push((numbers[0], vec![thread as u8, round as u8]));
        }
        assert!(given.is_sorted_by(|a, b| a.0 < b.0), "the numbers of one thread must increase");
        given
    };
    let given: Vec<(u64, Vec<u8>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || append_all(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let numbers: BTreeSet<u64> = given.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=THREADS * EACH).collect());
    for (number, entry) in given {
        assert_eq!(get(store, &numbered(b"s", number)), Some(entry));
    }
    Verdict::Passed
}

/// Each prefix has its own count, also when one is the beginning of the other.
pub fn sequences_are_apart(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    assert_eq!(write(&store, vec![append(b"s", b"")]), [1]);
    assert_eq!(write(&store, vec![append(b"ss", b"")]), [1]);
    assert_eq!(write(&store, vec![append(b"", b"")]), [1]);
    assert_eq!(write(&store, vec![append(b"s", b"")]), [2]);
    Verdict::Passed
}

/// A counter that no store can have written.
pub fn a_broken_counter_is_an_error_and_changes_nothing(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    write(&store, vec![put(b"s", b"seven")]);
    let writes = vec![put(b"a", b"1"), append(b"s", b"")];
    refused(&store, StoreOp::Commit(Commit { preconditions: vec![], writes }), StoreErrorKind::Corrupt);
    assert_eq!((get(&store, b"a"), get(&store, b"s")), (None, Some(b"seven".to_vec())));
    Verdict::Passed
}

/// After the last number there is no other; the store goes on.
pub fn an_exhausted_sequence_is_an_error(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    write(&store, vec![put(b"s", &(u64::MAX - 1).to_be_bytes())]);
    assert_eq!(write(&store, vec![append(b"s", b"last")]), [u64::MAX]);
    let writes = vec![append(b"s", b"")];
    refused(&store, StoreOp::Commit(Commit { preconditions: vec![], writes }), StoreErrorKind::Invalid);
    assert_eq!(write(&store, vec![append(b"t", b"")]), [1]);
    Verdict::Passed
}
