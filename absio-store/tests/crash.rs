//! kill -9: a child process commits and says so line by line until it is killed; nothing it said is
//! lost. The child is this test program itself, told by the environment what to be.
#![cfg(all(unix, any(feature = "redb", feature = "sled")))]

use absio_proto::driver::blocking::Store;
use absio_proto::effect::{BlobId, Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome, Write};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

const CHILD_ROOT: &str = "ABSIO_CRASH_TEST_ROOT";
const ROUNDS: u64 = 4;
const THREADS: u64 = 3;

type Open<S> = fn(&Path) -> Result<S, StoreError>;

#[cfg(feature = "redb")]
#[test]
fn what_redb_acknowledged_survives_kill() {
    survives("what_redb_acknowledged_survives_kill", |root| absio_store::RedbStore::open(root));
}

#[cfg(feature = "sled")]
#[test]
fn what_sled_acknowledged_survives_kill() {
    survives("what_sled_acknowledged_survives_kill", |root| absio_store::SledStore::open(root));
}

fn survives<S: Store + Sync>(test: &str, open: Open<S>) {
    if let Some(root) = std::env::var_os(CHILD_ROOT) {
        let store = open(root.as_ref()).expect("the child opens the store");
        commit_until_killed(&store);
    }
    let root = tempfile::tempdir().expect("a temporary directory can be made");
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        // Killed after ever more acknowledgements: at different places of what the engines do.
        acknowledged.extend(run_child(test, open, root.path(), 20 + 45 * round as usize));
        let store = open(root.path()).expect("the store opens after the kill");
        check(&store, &acknowledged);
    }
    assert!(acknowledged.len() > 100, "only {} acknowledgements", acknowledged.len());
}

/// Starts the child, kills it after `enough` acknowledgements, and gives all that it printed.
fn run_child<S>(test: &str, open: Open<S>, root: &Path, enough: usize) -> Vec<u64> {
    let program = std::env::current_exe().expect("a running test has a program");
    let mut child = Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD_ROOT, root)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child starts");
    let output = BufReader::new(child.stdout.take().expect("it was asked to be piped"));
    let mut acknowledged = Vec::new();
    for line in output.lines() {
        let line = line.expect("the child prints text");
        let Some((_, number)) = line.rsplit_once("acknowledged ") else { continue };
        let Ok(number) = number.parse() else { continue };
        acknowledged.push(number);
        if acknowledged.len() == enough {
            let refused = open(root).err().expect("one root, one process");
            assert_eq!(refused.kind, StoreErrorKind::Unavailable, "{refused}");
            child.kill().expect("the child can be killed");
        }
    }
    let status = child.wait().expect("the child can be waited for");
    assert!(!status.success() && acknowledged.len() >= enough, "the child ended by itself: {status}");
    acknowledged
}

/// Each commit appends an entry and writes two records that name it; every fourth also has a blob,
/// sealed before. Several threads, so that groups form.
fn commit_until_killed(store: &(impl Store + Sync)) -> ! {
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for round in 0u64.. {
                    commit_one(store, thread, round);
                }
            });
        }
    });
    unreachable!("the threads go on until the process is killed")
}

fn commit_one(store: &impl Store, thread: u64, round: u64) {
    // Large enough to reach the pieces of long values and the growth of the file now and then.
    let filler = if round.is_multiple_of(16) { 100_000 } else { 100 };
    let writes = vec![
        Write::Append { prefix: b"log".to_vec(), value: vec![thread as u8; filler] },
        Write::Put { key: format!("left {thread}").into_bytes(), value: round.to_be_bytes().to_vec() },
        Write::Put { key: format!("right {thread}").into_bytes(), value: round.to_be_bytes().to_vec() },
    ];
    let outcome = store.apply(StoreOp::Commit(Commit { preconditions: Vec::new(), writes }));
    let Ok(StoreOutcome::Committed(numbers)) = outcome else { panic!("the commit failed") };
    let number = numbers[0];
    if number.is_multiple_of(4) {
        let blob = blob_of(number);
        let bytes = number.to_be_bytes().repeat(500);
        store
            .apply(StoreOp::BlobWrite { blob, offset: 0, bytes: bytes.into() })
            .expect("the blob is written");
        store.apply(StoreOp::BlobSeal { blob }).expect("the blob is sealed");
    }
    println!("acknowledged {number}");
    std::io::stdout().flush().expect("the parent reads");
}

fn blob_of(number: u64) -> BlobId {
    let mut id = [0; 20];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    id[12..].copy_from_slice(&number.to_be_bytes());
    BlobId(id)
}

fn value(store: &impl Store, key: &[u8]) -> Option<Vec<u8>> {
    match store.apply(StoreOp::Get { keys: vec![key.to_vec()] }) {
        Ok(StoreOutcome::Values(mut values)) => values.remove(0),
        _ => panic!("the get failed"),
    }
}

fn check(store: &impl Store, acknowledged: &[u64]) {
    let count = value(store, b"log").expect("the counter is there");
    let count = u64::from_be_bytes(count.try_into().expect("a counter has 8 bytes"));
    assert!(acknowledged.iter().all(|number| *number <= count), "the counter went back");
    for number in 1..=count {
        let entry = value(store, &[&b"log"[..], &number.to_be_bytes()].concat());
        assert!(entry.is_some(), "entry {number} of {count} is lost");
    }
    for thread in 0..THREADS {
        let [left, right] = ["left", "right"].map(|side| value(store, format!("{side} {thread}").as_bytes()));
        assert_eq!(left, right, "half a commit of thread {thread}");
    }
    for number in acknowledged.iter().filter(|number| number.is_multiple_of(4)) {
        let blob = store.apply(StoreOp::BlobRead { blob: blob_of(*number), offset: 0, length: 8000 });
        let expected = StoreOutcome::Blob(Some(number.to_be_bytes().repeat(500)));
        assert!(blob == Ok(expected), "blob {number} is lost");
    }
}
