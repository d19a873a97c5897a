//! Commits: order, preconditions, atomicity, many threads.

use super::Backend;
use super::asking::{absent, apply, commit, delete, get, holds, put, write};
use crate::report::Verdict;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{StoreOp, StoreOutcome};
use std::sync::atomic::{AtomicBool, Ordering};

const THREADS: u64 = 8;

/// Of several writes to one key the last one stands.
pub fn writes_apply_in_order(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    write(&store, vec![put(b"a", b"1"), delete(b"a"), put(b"b", b"1"), put(b"b", b"2")]);
    assert_eq!((get(&store, b"a"), get(&store, b"b")), (None, Some(b"2".to_vec())));
    write(&store, vec![delete(b"b"), put(b"b", b"3")]);
    assert_eq!(get(&store, b"b"), Some(b"3".to_vec()));
    Verdict::Passed
}

/// Present with that value, absent, several at once, and looked at before the commit's own writes.
pub fn all_preconditions_must_hold(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    let done = StoreOutcome::Committed(Vec::new());
    assert!(commit(&store, vec![absent(b"a")], vec![put(b"a", b"1")]) == done);
    assert!(commit(&store, vec![holds(b"a", b"1"), absent(b"b")], vec![put(b"a", b"2")]) == done);
    assert!(commit(&store, vec![holds(b"a", b"2")], vec![delete(b"a"), put(b"b", b"")]) == done);
    assert!(commit(&store, vec![holds(b"b", b""), absent(b"a")], vec![put(b"a", b"3")]) == done);
    assert_eq!(get(&store, b"a"), Some(b"3".to_vec()));
    Verdict::Passed
}

/// The index of the first precondition that does not hold; nothing of the commit happens.
pub fn a_conflict_names_the_first_and_writes_nothing(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    write(&store, vec![put(b"a", b"1"), put(b"b", b"")]);
    let tries = [
        (vec![holds(b"a", b"2"), absent(b"a")], 0),
        (vec![holds(b"a", b"1"), absent(b"a"), absent(b"b")], 1),
        (vec![holds(b"a", b"1"), absent(b"b")], 1),
        (vec![holds(b"missing", b"")], 0),
        (vec![holds(b"a", b"1"), holds(b"b", b""), holds(b"a", b"")], 2),
    ];
    for (preconditions, index) in tries {
        let outcome = commit(&store, preconditions, vec![put(b"a", b"9"), delete(b"b"), put(b"c", b"9")]);
        assert!(outcome == StoreOutcome::Conflict(index), "expected a conflict at {index}");
    }
    assert_eq!(get(&store, b"a"), Some(b"1".to_vec()));
    assert_eq!((get(&store, b"b"), get(&store, b"c")), (Some(Vec::new()), None));
    Verdict::Passed
}

/// No writes: a consistent look at the preconditions.
pub fn a_commit_without_writes_is_a_check(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    write(&store, vec![put(b"a", b"1")]);
    assert!(commit(&store, Vec::new(), Vec::new()) == StoreOutcome::Committed(Vec::new()));
    assert!(commit(&store, vec![holds(b"a", b"1")], Vec::new()) == StoreOutcome::Committed(Vec::new()));
    assert!(commit(&store, vec![absent(b"a")], Vec::new()) == StoreOutcome::Conflict(0));
    Verdict::Passed
}

/// As the language says.
pub fn deleting_the_absent_is_no_error(backend: &impl Backend) -> Verdict {
    let store = backend.fresh();
    write(&store, vec![delete(b"a")]);
    assert_eq!(get(&store, b"a"), None);
    Verdict::Passed
}

/// Of many threads that replace the same value by compare-and-set exactly one succeeds.
pub fn compare_and_set_has_one_winner(backend: &impl Backend) -> Verdict {
    let store = &backend.fresh();
    write(store, vec![put(b"head", b"0")]);
    let attempt = |thread: u64| {
        let mine = thread.to_be_bytes();
        commit(store, vec![holds(b"head", b"0")], vec![put(b"head", &mine)])
            == StoreOutcome::Committed(vec![])
    };
    let winners: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (1..=THREADS).map(|thread| scope.spawn(move || attempt(thread).then_some(thread))).collect();
        threads.into_iter().filter_map(|thread| thread.join().expect("no thread panics")).collect()
    });
    assert_eq!(winners.len(), 1, "winners: {winners:?}");
    assert_eq!(get(store, b"head"), Some(winners[0].to_be_bytes().to_vec()));
    Verdict::Passed
}

fn read_number(store: &impl Store, key: &[u8]) -> u64 {
    get(store, key).map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().expect("8 bytes were put")))
}

/// Read, add, compare-and-set, again after a conflict: no increment is lost and none counted twice.
pub fn increments_of_many_threads_are_all_counted(backend: &impl Backend) -> Verdict {
    const EACH: u64 = 20;
    let store = &backend.fresh();
    write(store, vec![put(b"n", &0u64.to_be_bytes())]);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut left = EACH;
                while left > 0 {
                    let seen = read_number(store, b"n");
                    let next = (seen + 1).to_be_bytes();
                    let outcome =
                        commit(store, vec![holds(b"n", &seen.to_be_bytes())], vec![put(b"n", &next)]);
                    if outcome == StoreOutcome::Committed(Vec::new()) {
                        left -= 1;
                    }
                }
            });
        }
    });
    assert_eq!(read_number(store, b"n"), THREADS * EACH);
    Verdict::Passed
}

/// Two keys that are always written together are always read equal, by get and by scan.
pub fn a_reader_never_sees_half_a_commit(backend: &impl Backend) -> Verdict {
    let store = &backend.fresh();
    write(store, vec![put(b"left", b""), put(b"right", b"")]);
    let over = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for round in 0u64..100 {
                let value = round.to_be_bytes();
                write(store, vec![put(b"left", &value), put(b"right", &value)]);
            }
            over.store(true, Ordering::Release);
        });
        let mut last_look = false;
        while !last_look {
            last_look = over.load(Ordering::Acquire);
            let keys = vec![b"left".to_vec(), b"right".to_vec()];
            match apply(store, StoreOp::Get { keys }) {
                StoreOutcome::Values(values) => assert!(values[0] == values[1], "a get saw half a commit"),
                _ => panic!("a get must answer values"),
            }
            let entries = super::asking::scan(store, b"l", b"z", 2, false);
            assert!(entries[0].1 == entries[1].1, "a scan saw half a commit");
        }
    });
    Verdict::Passed
}
