//! Events at the handler: who is told what, filters, paging, waiting.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod support;

use absio_broker::{Clock, Fixture, SeededEntropy};
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{StoreError, StoreOp, StoreOutcome};
use absio_proto::model::{Event, EventAction, EventFilter, EventType, Permissions};
use absio_proto::wire::{EventAnswer, Route, from_json};
use absio_proto::{RemoteCode, model::EventPage};
use absio_store::MemoryStore;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Actor, Edit};

fn content(text: &str) -> Edit {
    Edit { content: Some(Some(text.as_bytes().to_vec())), ..Edit::default() }
}

fn page<S: Store>(actor: &Actor<S>, filter: EventFilter, limit: usize, wait: u64) -> EventPage {
    let wanted = filter.ids();
    let body = actor.ask(&Route::Events { filter, limit, wait }, Vec::new()).unwrap();
    from_json::<EventAnswer>("events", &body).unwrap().into_page(&wanted).unwrap()
}

/// The newest event.
fn last(actor: &Actor) -> Event {
    actor.events().pop().unwrap()
}

fn two() -> (Fixture, Actor, Actor) {
    let fixture = Fixture::seeded(1);
    let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    (fixture, alice, bob)
}

const RX: u32 = Permissions::ACCESS_RX_ACCESS_EVENTS.bits();

#[test]
fn s139_s144_s148_each_action_reaches_those_concerned() {
    let (_fixture, mut alice, bob) = two();
    alice.app = Some("x");
    let view = alice.share(vec![alice.grant(127), bob.grant(11)]);
    let id = view.body().container;
    assert_eq!(bob.story(2), ["added container"]);
    let added = last(&bob);
    assert_eq!((added.container_id, added.related_user_id), (Some(id), Some(alice.id())));
    assert_eq!(added.client_app_name.as_deref(), Some("x"), "S-003");
    assert_eq!(added.container_type, None, "S-129: without container.type.view");
    let own = last(&alice);
    assert_eq!((own.related_user_id, own.container_type.as_deref()), (None, Some("t1")));
    assert_eq!(own.date, alice.now(), "S-147");

    let view = alice.update(&view, &content("two")).unwrap();
    assert_eq!(last(&bob).action, EventAction::Updated);
    let only_me = Edit { access: Some(vec![alice.grant(127)]), ..Edit::default() };
    let view = alice.update(&view, &only_me).unwrap();
    assert_eq!(last(&bob).action, EventAction::Deleted);
    alice.end(&view).unwrap();
    assert_eq!(
        alice.story(2),
        ["added container", "updated container", "updated container", "deleted container"]
    );
    assert_eq!(bob.story(2), ["added container", "updated container", "deleted container"]);
}

#[test]
fn s150_x01_a_fetch_is_told_once_for_each_user_and_revision() {
    let (fixture, alice, bob) = two();
    let carol = Actor::new(&fixture, 4);
    let view = alice.share(vec![alice.grant(127), bob.grant(3), carol.grant(11 | RX)]);
    let id = view.body().container;
    let (alice_from, carol_from, bob_from) = (alice.next_event(), carol.next_event(), bob.next_event());
    for _ in 0..3 {
        bob.get(id).unwrap();
    }
    assert_eq!(alice.story(alice_from), ["accessed container"], "the creator is told");
    assert_eq!(last(&alice).related_user_id, Some(bob.id()), "S-148");
    assert_eq!(carol.story(carol_from), ["accessed container"], "whoever asked for it is told");
    assert_eq!(bob.story(bob_from), ["accessed container"], "the reader's own");
    assert_eq!(last(&bob).related_user_id, None);
    // Once more for the next revision.
    alice.update(&view, &content("two")).unwrap();
    bob.get(id).unwrap();
    assert_eq!(alice.story(alice_from), ["accessed container", "updated container", "accessed container"]);
    // Without rxAccessEvents nobody else is told.
    carol.get(id).unwrap();
    assert_eq!(bob.story(bob_from), ["accessed container", "updated container", "accessed container"]);
}

#[test]
fn s141_s145_s146_changes_say_what_changed_to_those_who_may_know() {
    let (fixture, alice, bob) = two();
    let carol = Actor::new(&fixture, 4);
    let blind = Permissions::CONTAINER_DOWNLOAD | Permissions::CONTAINER_DECRYPT;
    let view = alice.share(vec![alice.grant(127), bob.grant(blind.as_int())]);
    fixture.clock().advance(Duration::from_secs(5));

    let view = alice.update(&view, &content("new content")).unwrap();
    let event = last(&alice);
    assert_eq!(json!(event.changes), json!({"content": true, "length": 11}));
    assert_eq!(event.container_modified_at, Some(alice.now()));

    let view = alice.update(&view, &Edit { header: Some(Some(vec![b'1'])), ..Edit::default() }).unwrap();
    let event = last(&bob);
    assert_eq!((json!(event.changes), event.container_modified_at), (json!({"header": true}), None));

    let retype = |text| Edit { container_type: Some(text), ..Edit::default() };
    let view = alice.update(&view, &retype(Some("t2"))).unwrap();
    let event = last(&alice);
    assert_eq!((json!(event.changes), event.container_modified_at), (json!({"type": "t2"}), None));
    assert_eq!(event.container_type.as_deref(), Some("t2"), "S-146");
    let event = last(&bob);
    assert_eq!((json!(event.changes), event.container_type), (json!({}), None), "S-129");

    let until = alice.now().plus_millis(9);
    let grants = vec![alice.grant(127), bob.grant_until(blind.as_int(), Some(until)), carol.grant(11)];
    let view = alice.update(&view, &Edit { access: Some(grants), ..Edit::default() }).unwrap();
    let row = |user, permissions, expiration: Option<u64>| json!({"user_id": user, "permissions": permissions, "expiration": expiration});
    let access = json!({
        "added": [row(carol.id(), 11, None)],
        "changed": [row(bob.id(), 3, Some(until.as_millis()))],
        "removed": [],
    });
    assert_eq!(json!(last(&alice).changes), json!({ "access": access }));
    assert_eq!(json!(last(&bob).changes), json!({}), "without access.view");
    assert_eq!(last(&bob).related_user_id, None, "without access.view");
    assert_eq!(last(&carol).action, EventAction::Added);

    let view = alice.update(&view, &retype(None)).unwrap();
    assert_eq!(json!(last(&alice).changes), json!({"type": null}));
    let bobs_next = bob.next_event();
    let left = carol.leave(&carol.shown(view.body().container)).unwrap();
    let event = last(&alice);
    let access = json!({"added": [], "changed": [], "removed": [carol.id()]});
    assert_eq!((event.action, json!(event.changes)), (EventAction::Updated, json!({ "access": access })));
    assert_eq!(bob.next_event(), bobs_next, "without access.view nobody is told who left");
    assert_eq!(left.access().count(), 2);
}

#[test]
fn s143_expired_access_shows_when_the_stream_is_read() {
    let (fixture, alice, bob) = two();
    let until = alice.now().plus_millis(1_000);
    alice.share(vec![alice.grant(127), bob.grant_until(11, Some(until))]);
    assert_eq!(last(&bob).container_expired_at, None);
    fixture.clock().advance(Duration::from_secs(1));
    assert_eq!(last(&bob).container_expired_at, Some(until));
    assert_eq!(last(&alice).container_expired_at, None);
}

#[test]
fn s061_s066_filters_hold_together() {
    let (_fixture, alice, _bob) = two();
    let typed = |text| Edit { container_type: Some(Some(text)), ..Edit::default() };
    let one = alice.create(&typed("t1"));
    let two = alice.create(&typed("t2"));
    alice.update(&one, &Edit { content: content("x").content, ..Edit::default() }).unwrap();
    let ids = |filter| alice.events_of(filter).iter().map(|event| event.id).collect::<Vec<_>>();
    let none = EventFilter::default;
    assert_eq!(ids(none()), [1, 2, 3, 4], "S-061");
    assert_eq!(ids(EventFilter { starting_event_id: 3, ..none() }), [3, 4], "S-062");
    let range = |first, last| EventFilter {
        starting_event_id: first,
        ending_event_id: Some(last),
        ..EventFilter::default()
    };
    assert_eq!(ids(range(2, 3)), [2, 3], "X-12: both are inclusive");
    assert_eq!(ids(range(4, u64::MAX)), [4]);
    assert_eq!(ids(range(3, 2)), [0; 0]);
    assert_eq!(ids(range(u64::MAX, u64::MAX)), [0; 0]);
    assert_eq!(ids(EventFilter { container_type: Some("t1".into()), ..none() }), [2, 4], "S-063");
    assert_eq!(ids(EventFilter { container_type: Some("t".into()), ..none() }), [0; 0], "S-063: exact");
    let container_id = Some(two.body().container);
    assert_eq!(ids(EventFilter { container_id, ..none() }), [3], "S-064");
    assert_eq!(ids(EventFilter { action: Some(EventAction::Added), ..none() }), [1, 2, 3], "S-065");
    assert_eq!(ids(EventFilter { event_type: Some(EventType::KeyFile), ..none() }), [1], "AMB-07");
    let both =
        EventFilter { action: Some(EventAction::Updated), container_type: Some("t1".into()), ..none() };
    assert_eq!(ids(both), [4], "S-066");
    let unknown = EventFilter { action: Some(EventAction::Other("sung".into())), ..none() };
    assert_eq!(ids(unknown), [0; 0]);
}

#[test]
fn s068_a_stranger_sees_nothing() {
    let (fixture, alice, bob) = two();
    let eve = Actor::new(&fixture, 9);
    alice.share(vec![alice.grant(127), bob.grant(11)]);
    assert_eq!(eve.story(0), ["added key_file"]);
}

#[test]
fn s199_x12_pages_join_without_gap_or_repeat() {
    let (_fixture, alice, _bob) = two();
    let mut view = alice.create(&Edit::default());
    for round in 0..40 {
        let text = if round % 2 == 0 { "even" } else { "odd" };
        view = alice.update(&view, &Edit { container_type: Some(Some(text)), ..Edit::default() }).unwrap();
    }
    let walk = |filter: EventFilter, limit| {
        let mut filter = filter;
        let mut ids = Vec::new();
        loop {
            let got = page(&alice, filter.clone(), limit, 0);
            assert!(got.events.len() <= limit);
            ids.extend(got.events.iter().map(|event| event.id));
            filter.starting_event_id = got.next;
            if !got.more {
                return (ids, got.next);
            }
        }
    };
    assert_eq!(walk(EventFilter::default(), 7), ((1..=42).collect(), 43));
    let even = EventFilter { container_type: Some("even".into()), ..EventFilter::default() };
    let (ids, next) = walk(even, 7);
    assert_eq!((ids.len(), next), (20, 43), "next is past what the filter left out");
    let first = EventFilter { ending_event_id: Some(20), ..EventFilter::default() };
    assert_eq!(walk(first, 7), ((1..=20).collect(), 21), "what is beyond the end is not waiting");
    // Nor is it waited for.
    let past = EventFilter { starting_event_id: 21, ending_event_id: Some(20), ..EventFilter::default() };
    assert_eq!(page(&alice, past, 7, 60), EventPage { events: Vec::new(), next: 21, more: false });
}

#[test]
fn s060_a_wait_without_news_ends_with_the_time() {
    let (fixture, _alice, bob) = two();
    let start = bob.next_event();
    let filter = || EventFilter { starting_event_id: start, ..EventFilter::default() };
    let before = fixture.clock().now().monotonic;
    let empty = page(&bob, filter(), 10, 30);
    assert!(empty.events.is_empty() && empty.next == start);
    assert_eq!(fixture.clock().now().monotonic - before, Duration::from_secs(30));
}

/// A store that does something else first, at the given scan from now.
struct Interrupted {
    store: MemoryStore,
    news: Arc<Mutex<Option<News>>>,
}

type News = (u32, Box<dyn FnOnce() + Send>);

impl Interrupted {
    /// What is to happen before this scan; the lock is not held when it does.
    fn is_due(&self) -> Option<Box<dyn FnOnce() + Send>> {
        let mut news = self.news.lock().unwrap();
        let (left, happen) = news.take()?;
        if left == 1 {
            return Some(happen);
        }
        *news = Some((left - 1, happen));
        None
    }
}

impl Store for Interrupted {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let due = matches!(op, StoreOp::Scan { .. }).then(|| self.is_due()).flatten();
        if let Some(happen) = due {
            happen();
        }
        self.store.apply(op)
    }
}

#[test]
fn s060_news_that_come_during_a_wait_end_it() {
    let news = Arc::new(Mutex::new(None));
    let store = Interrupted { store: MemoryStore::new(), news: news.clone() };
    let fixture = Fixture::on(store, SeededEntropy::new(1));
    let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let start = bob.next_event();
    let draft = alice.draft(&Edit { access: Some(vec![alice.grant(127), bob.grant(11)]), ..Edit::default() });
    let sent = alice.request(&Route::CreateContainer, draft.change.encode());
    let other = fixture.clone();
    *news.lock().unwrap() = Some((4, Box::new(move || assert_eq!(support::send(&other, sent).status, 201))));
    let before = fixture.clock().now().monotonic;
    let filter = EventFilter { starting_event_id: start, ..EventFilter::default() };
    let got = page(&bob, filter, 10, 60);
    assert_eq!(got.events.len(), 1);
    assert_eq!(fixture.clock().now().monotonic - before, Duration::from_millis(600), "at the fourth look");
}

#[test]
fn s069_ids_increase_strictly_whoever_writes() {
    let fixture = Fixture::on(MemoryStore::new(), SeededEntropy::new(1));
    let reader = Actor::new(&fixture, 2);
    let grant = reader.grant(11);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let fixture = fixture.clone();
            scope.spawn(move || {
                let writer = Actor::new(&fixture, 100 + seed);
                for _ in 0..25 {
                    writer.share(vec![writer.grant(127), grant]);
                }
            });
        }
    });
    let ids: Vec<_> = reader.events().iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=101).collect::<Vec<_>>());
}

#[test]
fn x12_a_long_list_is_not_repeated_to_everybody() {
    let (fixture, alice, _bob) = two();
    let view = alice.create(&Edit::default());
    let many: Vec<_> = (0..51).map(|seed| Actor::new(&fixture, 1000 + seed)).collect();
    let mut grants: Vec<_> = many.iter().map(|actor| actor.grant(11)).collect();
    grants.push(alice.grant(127));
    alice.update(&view, &Edit { access: Some(grants), ..Edit::default() }).unwrap();
    assert_eq!(json!(last(&alice).changes), json!({"access": {}}));
}

#[test]
fn a_session_that_ends_while_it_waits_is_noticed() {
    let (fixture, _alice, bob) = two();
    // The wait moves the clock past the token's life.
    fixture.clock().advance(Duration::from_secs(3_590));
    let route = Route::Events {
        filter: EventFilter { starting_event_id: bob.next_event(), ..EventFilter::default() },
        limit: 10,
        wait: 60,
    };
    assert_eq!(bob.ask(&route, Vec::new()), Err(RemoteCode::SessionExpired));
}
