//! Gets and scans.

use super::asking::{Desk, apply, get, put, scan, write};
use absio_proto::effect::{StoreOp, StoreOutcome};

/// One answer for each key, in the order of the question, also when asked twice.
pub(super) async fn get_answers_in_the_order_of_the_keys(store: Desk) {
    write(&store, vec![put(b"a", b"1"), put(b"b", b"2")]).await;
    let keys = [b"b", b"x", b"a", b"b"].map(|key| key.to_vec()).to_vec();
    let expected = [Some(b"2"), None, Some(b"1"), Some(b"2")].map(|value| value.map(|v| v.to_vec()));
    assert!(apply(&store, StoreOp::Get { keys }).await == StoreOutcome::Values(expected.to_vec()));
}

/// A question without keys has an answer without values.
pub(super) async fn get_of_nothing_is_empty(store: Desk) {
    let outcome = apply(&store, StoreOp::Get { keys: Vec::new() }).await;
    assert!(outcome == StoreOutcome::Values(Vec::new()));
}

/// Empty and binary keys and values are stored as they are; an empty value is not an absent one.
pub(super) async fn keys_and_values_are_opaque(store: Desk) {
    let samples: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"\xff", b"\xff\xff", "käse".as_bytes()];
    for (index, sample) in samples.iter().enumerate() {
        write(&store, vec![put(sample, &samples[(index + 1) % samples.len()].repeat(index))]).await;
    }
    for (index, sample) in samples.iter().enumerate() {
        let expected = samples[(index + 1) % samples.len()].repeat(index);
        assert_eq!(get(&store, sample).await, Some(expected), "the value under {sample:?}");
    }
}

async fn four(store: &Desk) {
    // Not in order, and with a key that is a prefix of another.
    write(store, vec![put(b"b", b"2"), put(b"a", b"1"), put(b"ba", b"3"), put(b"c", b"4")]).await;
}

fn keys(entries: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<Vec<u8>> {
    entries.into_iter().map(|(key, _)| key).collect()
}

/// Entries come in lexicographic order, the start included and the end not.
pub(super) async fn scan_is_ordered_and_half_open(store: Desk) {
    four(&store).await;
    assert_eq!(
        scan(&store, b"a", b"c", 10, false).await,
        [(b"a".to_vec(), b"1".to_vec()), (b"b".to_vec(), b"2".to_vec()), (b"ba".to_vec(), b"3".to_vec())]
    );
    assert_eq!(keys(scan(&store, b"aa", b"ba", 10, false).await), [b"b"]);
    assert_eq!(keys(scan(&store, b"", b"\xff", 10, false).await), [&b"a"[..], b"b", b"ba", b"c"]);
}

/// The same range, from its end.
pub(super) async fn scan_backwards_begins_at_the_end(store: Desk) {
    four(&store).await;
    assert_eq!(keys(scan(&store, b"a", b"c", 10, true).await), [&b"ba"[..], b"b", b"a"]);
    assert_eq!(keys(scan(&store, b"a", b"c", 1, true).await), [b"ba"]);
}

/// Exactly as many as asked for while there are more, and none for a limit of zero.
pub(super) async fn scan_stops_at_its_limit(store: Desk) {
    four(&store).await;
    assert_eq!(scan(&store, b"", b"z", 0, false).await.len(), 0);
    assert_eq!(keys(scan(&store, b"", b"z", 2, false).await), [b"a", b"b"]);
    assert_eq!(scan(&store, b"", b"z", 4, false).await.len(), 4);
    assert_eq!(scan(&store, b"", b"z", 5, false).await.len(), 4);
}

/// A range with nothing in it is no error, and neither is one whose end lies before its start.
pub(super) async fn scan_of_an_empty_or_inverted_range_is_empty(store: Desk) {
    four(&store).await;
    for (start, end) in [(b"b", b"b"), (b"c", b"a"), (b"d", b"e")] {
        for reverse in [false, true] {
            assert_eq!(scan(&store, start, end, 10, reverse).await.len(), 0);
        }
    }
}
