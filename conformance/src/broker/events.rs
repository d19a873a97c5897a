//! Events (§15): who is told what, in which order.

use super::actor::{Actor, Line};
use super::containers::content;
use super::sealing::Edit;
use absio_proto::model::{Event, EventAction, EventFilter, EventType};
use absio_proto::wire::{EventAnswer, Route, from_json};

/// Created, updated, fetched for the first time, added later, removed.
pub(super) async fn causes_and_their_readers(line: Line) {
    let (alice, bob, carol) = (line.actor().await, line.actor().await, line.actor().await);
    let view = alice.share(vec![alice.grant(127), bob.grant(127)]).await;
    assert_eq!(alice.story(2).await, ["added container"]);
    assert_eq!(bob.story(2).await, ["added container"]);
    let start = [alice.next_event().await, bob.next_event().await];
    let changed = Edit { access: Some(vec![alice.grant(127), carol.grant(11)]), ..content("new") };
    let view = alice.update(&view, &changed).await.unwrap_or_else(|code| panic!("{code}"));
    assert_eq!(alice.story(start[0]).await, ["updated container"]);
    assert_eq!(bob.story(start[1]).await, ["deleted container"], "no longer in the list");
    assert_eq!(carol.story(2).await, ["added container"], "new in the list");
    let start = alice.next_event().await;
    for _ in 0..2 {
        assert!(carol.get(view.body().container).await.is_ok());
    }
    assert_eq!(
        alice.story(start).await,
        ["accessed container"],
        "the first fetch of a revision is told once"
    );
}

async fn several(line: &Line) -> Actor {
    let alice = line.actor().await;
    for text in ["one", "two"] {
        let edit = Edit { container_type: Some(Some("wanted")), ..content(text) };
        let view = alice.create(&edit).await;
        assert!(alice.update(&view, &content("again")).await.is_ok());
    }
    alice.share(vec![alice.grant(127)]).await;
    alice
}

/// Of each user; `id >= start`, `id <= end`.
pub(super) async fn ids_increase_and_start_is_inclusive(line: Line) {
    let alice = several(&line).await;
    let all = alice.events_of(EventFilter::default()).await;
    assert!(all.len() == 6 && all.is_sorted_by(|a, b| a.id < b.id), "{} events", all.len());
    let between = EventFilter {
        starting_event_id: all[2].id,
        ending_event_id: Some(all[4].id),
        ..EventFilter::default()
    };
    assert_eq!(alice.events_of(between).await, all[2..=4]);
}

fn ids(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.id).collect()
}

/// Each by itself, and all of them together.
pub(super) async fn filters_combine(line: Line) {
    let alice = several(&line).await;
    let all = alice.events_of(EventFilter::default()).await;
    let container = all[1].container_id;
    let by_type = EventFilter { event_type: Some(EventType::KeyFile), ..EventFilter::default() };
    let by_container = EventFilter { container_id: container, ..EventFilter::default() };
    let by_kind = EventFilter { container_type: Some("wanted".into()), ..EventFilter::default() };
    let by_action = EventFilter { action: Some(EventAction::Updated), ..EventFilter::default() };
    let both = EventFilter { action: Some(EventAction::Updated), ..by_container.clone() };
    type Passes = fn(&Event, &Event) -> bool;
    let filters: [(EventFilter, Passes); 5] = [
        (by_type, |event, _| event.event_type == EventType::KeyFile),
        (by_container, |event, second| event.container_id == second.container_id),
        (by_kind, |event, _| event.container_type.as_deref() == Some("wanted")),
        (by_action, |event, _| event.action == EventAction::Updated),
        (both, |event, second| {
            event.container_id == second.container_id && event.action == EventAction::Updated
        }),
    ];
    for (filter, passes) in filters {
        let expected: Vec<Event> = all.iter().filter(|event| passes(event, &all[1])).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{filter:?}");
        assert_eq!(ids(&alice.events_of(filter.clone()).await), ids(&expected), "{filter:?}");
    }
}

/// `next` begins the next page, `more` says whether there is one.
pub(super) async fn pages_go_on_where_they_ended(line: Line) {
    let alice = several(&line).await;
    let all = alice.events_of(EventFilter::default()).await;
    let (mut seen, mut start) = (Vec::new(), 0);
    loop {
        let filter = EventFilter { starting_event_id: start, ..EventFilter::default() };
        let wanted = filter.ids();
        let body = alice.done(&Route::Events { filter, limit: 2, wait: 0 }, Vec::new()).await;
        let answer: EventAnswer = from_json("events", &body).unwrap_or_else(|error| panic!("{error}"));
        let page = answer.into_page(&wanted).unwrap_or_else(|error| panic!("{error}"));
        assert!(page.events.len() <= 2 && page.next > start, "a page that does not go on");
        seen.extend(page.events);
        start = page.next;
        if !page.more {
            break;
        }
        assert!(seen.len() < all.len(), "more is told where there is nothing");
    }
    assert_eq!(seen, all);
}

/// Whoever is in no list hears nothing.
pub(super) async fn only_parties_are_told(line: Line) {
    let (alice, bob, eve) = (line.actor().await, line.actor().await, line.actor().await);
    let view = alice.share(vec![alice.grant(127), bob.grant(127)]).await;
    assert!(bob.update(&view, &content("x")).await.is_ok());
    assert_eq!(eve.story(0).await, ["added key_file"]);
    let filter = EventFilter { container_id: Some(view.body().container), ..EventFilter::default() };
    assert!(eve.events_of(filter.clone()).await.is_empty());
    let told = alice.events_of(filter).await;
    assert_eq!(told.last().and_then(|event| event.related_user_id), Some(bob.id()), "who it was");
}

/// As the request said it.
pub(super) async fn the_apps_name_is_told(line: Line) {
    let mut alice = line.actor().await;
    alice.create(&content("nameless")).await;
    alice.app = Some("käse");
    alice.create(&content("named")).await;
    let names: Vec<_> = alice
        .events_of(EventFilter::default())
        .await
        .into_iter()
        .map(|event| event.client_app_name)
        .collect();
    assert_eq!(names[1..], [None, Some("käse".to_owned())]);
}
