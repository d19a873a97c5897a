//! Commits: order, preconditions, atomicity, many threads.

use super::asking::{Desk, Lane, absent, apply, commit, delete, get, holds, put, write};
use absio_proto::effect::{StoreOp, StoreOutcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const THREADS: u64 = 8;

/// Of several writes to one key the last one stands.
pub(super) async fn writes_apply_in_order(store: Desk) {
    write(&store, vec![put(b"a", b"1"), delete(b"a"), put(b"b", b"1"), put(b"b", b"2")]).await;
    assert_eq!((get(&store, b"a").await, get(&store, b"b").await), (None, Some(b"2".to_vec())));
    write(&store, vec![delete(b"b"), put(b"b", b"3")]).await;
    assert_eq!(get(&store, b"b").await, Some(b"3".to_vec()));
}

/// Present with that value, absent, several at once, and looked at before the commit's own writes.
pub(super) async fn all_preconditions_must_hold(store: Desk) {
    let done = StoreOutcome::Committed(Vec::new());
    assert!(commit(&store, vec![absent(b"a")], vec![put(b"a", b"1")]).await == done);
    assert!(commit(&store, vec![holds(b"a", b"1"), absent(b"b")], vec![put(b"a", b"2")]).await == done);
    assert!(commit(&store, vec![holds(b"a", b"2")], vec![delete(b"a"), put(b"b", b"")]).await == done);
    assert!(commit(&store, vec![holds(b"b", b""), absent(b"a")], vec![put(b"a", b"3")]).await == done);
    assert_eq!(get(&store, b"a").await, Some(b"3".to_vec()));
}

/// The index of the first precondition that does not hold; nothing of the commit happens.
pub(super) async fn a_conflict_names_the_first_and_writes_nothing(store: Desk) {
    write(&store, vec![put(b"a", b"1"), put(b"b", b"")]).await;
    let tries = [
        (vec![holds(b"a", b"2"), absent(b"a")], 0),
        (vec![holds(b"a", b"1"), absent(b"a"), absent(b"b")], 1),
        (vec![holds(b"a", b"1"), absent(b"b")], 1),
        (vec![holds(b"missing", b"")], 0),
        (vec![holds(b"a", b"1"), holds(b"b", b""), holds(b"a", b"")], 2),
    ];
    for (preconditions, index) in tries {
        let outcome =
            commit(&store, preconditions, vec![put(b"a", b"9"), delete(b"b"), put(b"c", b"9")]).await;
        assert!(outcome == StoreOutcome::Conflict(index), "expected a conflict at {index}");
    }
    assert_eq!(get(&store, b"a").await, Some(b"1".to_vec()));
    assert_eq!((get(&store, b"b").await, get(&store, b"c").await), (Some(Vec::new()), None));
}

/// No writes: a consistent look at the preconditions.
pub(super) async fn a_commit_without_writes_is_a_check(store: Desk) {
    write(&store, vec![put(b"a", b"1")]).await;
    assert!(commit(&store, Vec::new(), Vec::new()).await == StoreOutcome::Committed(Vec::new()));
    assert!(commit(&store, vec![holds(b"a", b"1")], Vec::new()).await == StoreOutcome::Committed(Vec::new()));
    assert!(commit(&store, vec![absent(b"a")], Vec::new()).await == StoreOutcome::Conflict(0));
}

/// As the language says.
pub(super) async fn deleting_the_absent_is_no_error(store: Desk) {
    write(&store, vec![delete(b"a")]).await;
    assert_eq!(get(&store, b"a").await, None);
}

/// Of many threads that replace the same value by compare-and-set exactly one succeeds.
pub(super) async fn compare_and_set_has_one_winner(store: Desk) {
    write(&store, vec![put(b"head", b"0")]).await;
    let lane = |thread: u64| {
        Lane::new(move |store| async move {
            let writes = vec![put(b"head", &thread.to_be_bytes())];
            let outcome = commit(&store, vec![holds(b"head", b"0")], writes).await;
            (outcome == StoreOutcome::Committed(vec![])).then_some(thread)
        })
    };
    let ended = store.together((1..=THREADS).map(lane).collect()).await;
    let winners: Vec<u64> = ended.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "winners: {winners:?}");
    assert_eq!(get(&store, b"head").await, Some(winners[0].to_be_bytes().to_vec()));
}

async fn read_number(store: &Desk, key: &[u8]) -> u64 {
    get(store, key).await.map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().expect("8 bytes were put")))
}

/// Read, add, compare-and-set, again after a conflict: no increment is lost and none counted twice.
pub(super) async fn increments_of_many_threads_are_all_counted(store: Desk) {
    const EACH: u64 = 20;
    // Of all that compare at the same moment one succeeds, so this is more than enough for a store that keeps its word.
    const ATTEMPTS: u64 = 20 * THREADS * EACH;
    write(&store, vec![put(b"n", &0u64.to_be_bytes())]).await;
    let lane = |_| {
        Lane::new(move |store| async move {
            let (mut left, mut attempts) = (EACH, 0);
            while left > 0 {
                attempts += 1;
                assert!(attempts <= ATTEMPTS, "no increment succeeds any more");
                let seen = read_number(&store, b"n").await;
                let next = (seen + 1).to_be_bytes();
                let preconditions = vec![holds(b"n", &seen.to_be_bytes())];
                if commit(&store, preconditions, vec![put(b"n", &next)]).await
                    == StoreOutcome::Committed(Vec::new())
                {
                    left -= 1;
                }
            }
        })
    };
    store.together((0..THREADS).map(lane).collect()).await;
    assert_eq!(read_number(&store, b"n").await, THREADS * EACH);
}

/// Two keys that are always written together are always read equal, by get and by scan.
pub(super) async fn a_reader_never_sees_half_a_commit(store: Desk) {
    write(&store, vec![put(b"left", b""), put(b"right", b"")]).await;
    let over = Arc::new(AtomicBool::new(false));
    let written = Arc::clone(&over);
    let writer = Lane::new(move |store: Desk| async move {
        for round in 0u64..100 {
            let value = round.to_be_bytes();
            write(&store, vec![put(b"left", &value), put(b"right", &value)]).await;
        }
        written.store(true, Ordering::Release);
    });
    let reader = Lane::new(move |store: Desk| async move {
        let mut last_look = false;
        while !last_look {
            last_look = over.load(Ordering::Acquire);
            let keys = vec![b"left".to_vec(), b"right".to_vec()];
            match apply(&store, StoreOp::Get { keys }).await {
                StoreOutcome::Values(values) => assert!(values[0] == values[1], "a get saw half a commit"),
                _ => panic!("a get must answer values"),
            }
            let entries = super::asking::scan(&store, b"l", b"z", 2, false).await;
            assert!(entries[0].1 == entries[1].1, "a scan saw half a commit");
        }
    });
    store.together(vec![writer, reader]).await;
}
