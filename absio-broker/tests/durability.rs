//! Races, restarts, full disks: on a real store, with real threads.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod support;

use absio_broker::{Fixture, SeededEntropy};
use absio_proto::RemoteCode;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{StoreError, StoreErrorKind, StoreOp, StoreOutcome};
use absio_proto::wire::Route;
use absio_store::{MemoryStore, RedbStore};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Barrier};
use support::{Actor, Edit, View};

fn content(text: &str) -> Edit {
    Edit { content: Some(Some(text.as_bytes().to_vec())), ..Edit::default() }
}

/// Eight writers change one revision at once: one wins, the others are told.
fn race<S: Store + Send + Sync>(store: S) {
    let fixture = Fixture::on(store, SeededEntropy::new(1));
    let alice = Actor::new(&fixture, 2);
    let writers: Vec<_> = (0..8).map(|seed| Actor::new(&fixture, 10 + seed)).collect();
    let grants = core::iter::once(&alice).chain(&writers).map(|actor| actor.grant(127)).collect();
    let mut view = alice.share(grants);
    for round in 0..4 {
        let start = Barrier::new(writers.len());
        let outcomes: Vec<Result<View, RemoteCode>> = std::thread::scope(|scope| {
            let running: Vec<_> = writers
                .iter()
                .map(|writer| {
                    let (view, start) = (&view, &start);
                    scope.spawn(move || {
                        let draft = writer.revise(view, &content(&format!("{round}")));
                        start.wait();
                        writer.send_update(&draft).map(|_| draft.view)
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert!(lost.into_iter().all(|outcome| outcome.err() == Some(RemoteCode::Conflict)));
        view = won.into_iter().next().unwrap().unwrap();
        assert_eq!(alice.get(view.body().container).unwrap().views.last(), Some(&view.encode()));
    }
    assert_eq!(fixture.sweep().blobs, 0, "the losers' segments were taken back");
}

#[test]
fn s069_one_of_many_changes_wins_in_memory() {
    race(MemoryStore::new());
}

#[test]
fn s069_one_of_many_changes_wins_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    race(RedbStore::open(directory.path()).unwrap());
}

/// The same change arrives eight times at once under one key: one effect, one answer.
#[test]
fn case_64_repeats_that_race_have_one_effect() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let draft = alice.draft(&content("once"));
    let sent = alice.request_under(&Route::CreateContainer, draft.change.encode(), [7; 16]);
    let start = Barrier::new(8);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (fixture, sent, start) = (&fixture, &sent, &start);
                scope.spawn(move || {
                    start.wait();
                    support::send(fixture, sent.clone())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers[0].status, 201);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(alice.story(2), ["added container"]);
    assert_eq!(fixture.sweep().blobs, 0);
}

/// A login nonce that is used by many at once is used once.
#[test]
fn f26_a_nonce_that_races_is_used_once() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let login = alice.login_request();
    let start = Barrier::new(8);
    let fine = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (fixture, login, start) = (&fixture, &login, &start);
                scope.spawn(move || {
                    let body = absio_proto::wire::to_json(login);
                    start.wait();
                    support::outcome(support::send(fixture, support::request(fixture, &Route::Login, body)))
                        .is_ok()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|fine| *fine).count()
    });
    assert_eq!(fine, 1);
}

#[test]
fn everything_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Fixture::on(RedbStore::open(directory.path()).unwrap(), SeededEntropy::new(1));
    let (view, token, seed_next) = {
        let fixture = open();
        let alice = Actor::new(&fixture, 2);
        let view = alice.share(vec![alice.grant(127)]);
        let orphan = absio_proto::effect::BlobId([9; 20]);
        fixture.store().apply(StoreOp::BlobWrite { blob: orphan, offset: 0, bytes: vec![1].into() }).unwrap();
        fixture.store().apply(StoreOp::BlobSeal { blob: orphan }).unwrap();
        (view, alice.token(), alice.next_event())
    };
    // Another random seed: the deployment secret comes from the store.
    let fixture = Fixture::on(RedbStore::open(directory.path()).unwrap(), SeededEntropy::new(77));
    assert_eq!(fixture.sweep().blobs, 1, "what a crash left behind is swept");
    let alice = Actor::unregistered(&fixture, 2);
    assert_eq!(alice.id(), view.body().created_by);
    let list = Route::ListContainers { after: None, limit: 10 };
    alice.set_token(token);
    // The token was given under the first API key: it is good for that one only.
    assert_eq!(alice.ask(&list, Vec::new()), Err(RemoteCode::NotAuthenticated));
    alice.log_in();
    assert_eq!(alice.get(view.body().container).unwrap().views, [view.encode()]);
    assert_eq!(alice.story(seed_next), ["accessed container"], "event ids go on");
    assert_eq!(alice.update(&view, &content("after")).unwrap().body().revision, 2);
}

/// A store in which an operation can be made to fail.
struct Failing {
    store: MemoryStore,
    mode: Arc<AtomicU8>,
}

const COMMITS: u8 = 1;
const BLOBS: u8 = 2;
const READS: u8 = 3;

impl Store for Failing {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let fails = match (self.mode.load(Ordering::SeqCst), &op) {
            (COMMITS, StoreOp::Commit(_)) | (BLOBS, StoreOp::BlobWrite { .. }) => Some(StoreErrorKind::Full),
            (READS, StoreOp::Get { .. } | StoreOp::Scan { .. }) => Some(StoreErrorKind::Io),
            _ => None,
        };
        match fails {
            Some(kind) => Err(StoreError::new(kind, "told to")),
            None => self.store.apply(op),
        }
    }
}

#[test]
fn x13_a_full_or_failing_disk_is_said_and_changes_nothing() {
    let mode = Arc::new(AtomicU8::new(0));
    let store = Failing { store: MemoryStore::new(), mode: mode.clone() };
    let fixture = Fixture::on(store, SeededEntropy::new(1));
    let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let view = alice.share(vec![alice.grant(127), bob.grant(11)]);
    let id = view.body().container;
    for (fault, expected) in
        [(COMMITS, RemoteCode::StorageFull), (BLOBS, RemoteCode::StorageFull), (READS, RemoteCode::Internal)]
    {
        let draft = alice.revise(&view, &content("two"));
        mode.store(fault, Ordering::SeqCst);
        assert_eq!(alice.send_update(&draft).err(), Some(expected));
        mode.store(0, Ordering::SeqCst);
        assert_eq!(alice.shown(id), view, "nothing changed");
        assert_eq!(fixture.sweep().blobs, 0, "nothing was left behind");
    }
    // Reading goes on although the event of it cannot be written.
    mode.store(COMMITS, Ordering::SeqCst);
    assert!(bob.get(id).is_ok());
    mode.store(0, Ordering::SeqCst);
    assert!(alice.update(&view, &content("two")).is_ok(), "and so does everything once there is room");
}

#[test]
fn x13_without_the_store_nothing_is_answered_but_the_truth() {
    struct Closed;
    impl Store for Closed {
        fn apply(&self, _op: StoreOp) -> Result<StoreOutcome, StoreError> {
            Err(StoreError::new(StoreErrorKind::Unavailable, "closed"))
        }
    }
    struct Closing(MemoryStore, Arc<AtomicU8>);
    impl Store for Closing {
        fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
            if self.1.load(Ordering::SeqCst) == 0 { self.0.apply(op) } else { Closed.apply(op) }
        }
    }
    let mode = Arc::new(AtomicU8::new(0));
    let fixture = Fixture::on(Closing(MemoryStore::new(), mode.clone()), SeededEntropy::new(1));
    mode.store(1, Ordering::SeqCst);
    let answer = support::send(&fixture, support::request(&fixture, &Route::Challenge, Vec::new()));
    assert_eq!(support::outcome(answer), Err(RemoteCode::Unavailable));
}
