//! Appends: numbers that only ever increase.

use super::asking::{Desk, Lane, absent, append, commit, delete, get, put, refused, scan, write};
use absio_proto::effect::{Commit, StoreErrorKind, StoreOp, StoreOutcome};
use std::collections::BTreeSet;

fn numbered(prefix: &[u8], number: u64) -> Vec<u8> {
    [prefix, &number.to_be_bytes()].concat()
}

/// 1, 2, 3…; the entry under prefix and number, the count under the prefix.
pub(super) async fn appends_count_from_one(store: Desk) {
    for expected in 1u64..=3 {
        assert_eq!(write(&store, vec![append(b"s", &[expected as u8])]).await, [expected]);
        assert_eq!(get(&store, &numbered(b"s", expected)).await, Some(vec![expected as u8]));
        assert_eq!(get(&store, b"s").await, Some(expected.to_be_bytes().to_vec()));
    }
}

/// A number is never given twice, also when every entry was deleted.
pub(super) async fn appends_go_on_after_deletes(store: Desk) {
    write(&store, vec![append(b"s", b"one"), append(b"s", b"two")]).await;
    write(&store, vec![delete(&numbered(b"s", 1)), delete(&numbered(b"s", 2))]).await;
    assert_eq!(write(&store, vec![append(b"s", b"three")]).await, [3]);
    assert_eq!(scan(&store, &numbered(b"s", 0), &numbered(b"s", u64::MAX), 10, false).await.len(), 1);
}

/// Several appends of one commit, to one sequence and to another, among other writes.
pub(super) async fn appends_of_one_commit_are_numbered_in_order(store: Desk) {
    let writes = vec![append(b"s", b"a"), put(b"x", b""), append(b"t", b"b"), append(b"s", b"c")];
    assert_eq!(write(&store, writes).await, [1, 1, 2]);
    assert_eq!(get(&store, &numbered(b"s", 2)).await, Some(b"c".to_vec()));
    assert_eq!(get(&store, &numbered(b"t", 1)).await, Some(b"b".to_vec()));
}

/// A commit that did not happen left no gap.
pub(super) async fn a_conflict_takes_no_number(store: Desk) {
    write(&store, vec![append(b"s", b"a")]).await;
    let outcome = commit(&store, vec![absent(b"s")], vec![append(b"s", b"b")]).await;
    assert!(outcome == StoreOutcome::Conflict(0));
    assert_eq!(write(&store, vec![append(b"s", b"c")]).await, [2]);
}

/// Threads append at once: every number from 1 to the end is given once, in increasing order to
/// each of them, and each number holds the entry of whoever was given it.
pub(super) async fn concurrent_appends_have_distinct_numbers(store: Desk) {
    const THREADS: u64 = 8;
    const EACH: u64 = 25;
    let lane = |thread: u64| {
        Lane::new(move |store| async move {
            let mut given = Vec::new();
            for round in 0..EACH {
                let numbers = write(&store, vec![append(b"s", &[thread as u8, round as u8])]).await;
                given.push((numbers[0], vec![thread as u8, round as u8]));
            }
            assert!(given.is_sorted_by(|a, b| a.0 < b.0), "the numbers of one thread must increase");
            given
        })
    };
    let ended = store.together((0..THREADS).map(lane).collect()).await;
    let given: Vec<(u64, Vec<u8>)> = ended.into_iter().flatten().collect();
    let numbers: BTreeSet<u64> = given.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=THREADS * EACH).collect());
    for (number, entry) in given {
        assert_eq!(get(&store, &numbered(b"s", number)).await, Some(entry));
    }
}

/// Each prefix has its own count, also when one is the beginning of the other.
pub(super) async fn sequences_are_apart(store: Desk) {
    assert_eq!(write(&store, vec![append(b"s", b"")]).await, [1]);
    assert_eq!(write(&store, vec![append(b"ss", b"")]).await, [1]);
    assert_eq!(write(&store, vec![append(b"", b"")]).await, [1]);
    assert_eq!(write(&store, vec![append(b"s", b"")]).await, [2]);
}

/// A counter that no store can have written.
pub(super) async fn a_broken_counter_is_an_error_and_changes_nothing(store: Desk) {
    write(&store, vec![put(b"s", b"seven")]).await;
    let writes = vec![put(b"a", b"1"), append(b"s", b"")];
    refused(&store, StoreOp::Commit(Commit { preconditions: vec![], writes }), StoreErrorKind::Corrupt).await;
    assert_eq!((get(&store, b"a").await, get(&store, b"s").await), (None, Some(b"seven".to_vec())));
}

/// After the last number there is no other; the store goes on.
pub(super) async fn an_exhausted_sequence_is_an_error(store: Desk) {
    write(&store, vec![put(b"s", &(u64::MAX - 1).to_be_bytes())]).await;
    assert_eq!(write(&store, vec![append(b"s", b"last")]).await, [u64::MAX]);
    let writes = vec![append(b"s", b"")];
    refused(&store, StoreOp::Commit(Commit { preconditions: vec![], writes }), StoreErrorKind::Invalid).await;
    assert_eq!(write(&store, vec![append(b"t", b"")]).await, [1]);
}
