//! Events (checklist 1.3 S-060 to S-069, and 1.8).

use crate::people::{Device, broker, people, person};
use absio_broker::Fault;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{StoreOp, StoreOutcome};
use absio_proto::model::{
    AccessChange, ContainerId, Credentials, Event, EventAction, EventFilter, EventType, Permissions,
};
use absio_proto::ops::container::{Create, Update};
use absio_proto::ops::{events, user};
use absio_proto::{Error, InputError};
use serde_json::{Value, json};
use std::time::Duration;

fn new_ones(device: &Device) -> Vec<Event> {
    device.run(events::Get::of_containers(EventFilter::default(), None)).expect("events are answered")
}

fn since(device: &Device, start: u64) -> Vec<Event> {
    device.run(events::Get::of_containers(EventFilter::default(), Some(start))).expect("events are answered")
}

fn of(container: ContainerId) -> EventFilter {
    EventFilter { container_id: Some(container), ..EventFilter::default() }
}

fn typed(device: &Device, container_type: &str) -> ContainerId {
    device.changed(Create::new(b"x".to_vec()).container_type(container_type))
}

fn actions(events: &[Event]) -> Vec<EventAction> {
    events.iter().map(|event| event.action.clone()).collect()
}

fn is_increasing(events: &[Event]) -> bool {
    events.is_sorted_by(|a, b| a.id < b.id)
}

/// The newest event that `device` sees of `container`.
#[track_caller]
fn newest(device: &Device, container: ContainerId) -> Event {
    device.events(of(container)).pop().expect("there is one")
}

/// Alters the next answer as JSON.
fn alter_next(device: &Device, alter: impl FnOnce(&mut Value) + Send + 'static) {
    device.broker.fault_next(Fault::Alter(Box::new(move |response| {
        let mut body: Value = serde_json::from_slice(&response.body).expect("the broker sends JSON");
        alter(&mut body);
        response.body = body.to_string().into_bytes();
    })));
}

#[test]
fn s060_s061_s062_new_ones_all_and_from_an_id_on() {
    let alice = person(&broker());
    let id = alice.id();
    alice.create(b"1", &[]);
    alice.create(b"2", &[]);
    assert_eq!(new_ones(&alice).len(), 2);
    alice.create(b"3", &[]);
    assert_eq!(new_ones(&alice).len(), 1);
    assert_eq!(new_ones(&alice).len(), 0);
    let all = since(&alice, 0);
    assert_eq!(all.len(), 3);
    assert_eq!(since(&alice, all[1].id), all[1..]);
    assert_eq!(since(&alice, all[2].id + 1), []);
    // Reading old ones again does not make them new.
    assert_eq!(new_ones(&alice).len(), 0);
    // AMB-06: the cursor is the session's; it is still there after signing in again, and no other
    // device has it.
    alice.run(user::Logout::new()).unwrap();
    alice.log_in(id);
    assert_eq!(new_ones(&alice).len(), 0);
    let fresh = Device::new(&alice.broker);
    fresh.log_in(id);
    assert_eq!(new_ones(&fresh).len(), 3);
}

#[test]
fn s060_each_filter_and_each_user_has_a_cursor_of_its_own() {
    let [alice, bob] = people();
    typed(&alice, "t1");
    typed(&alice, "t2");
    let only = |container_type: &str| {
        let filter = EventFilter { container_type: Some(container_type.into()), ..EventFilter::default() };
        alice.run(events::Get::of_containers(filter, None)).unwrap().len()
    };
    assert_eq!((only("t1"), only("t1"), only("t2"), new_ones(&alice).len()), (1, 0, 1, 2));
    alice.log_in(bob.id());
    bob.create(b"x", &[]);
    assert_eq!(new_ones(&alice).len(), 1);
}

#[test]
fn s063_s064_s065_s066_s198_filters_and_their_conjunction() {
    let alice = person(&broker());
    let (first, second) = (typed(&alice, "t1"), typed(&alice, "t2"));
    alice.update(Update::new(first).content(b"new".to_vec())).unwrap();
    alice.get(second).unwrap();
    alice.delete(second).unwrap();
    let count = |filter| alice.events(filter).len();
    let by_type = |text: &str| EventFilter { container_type: Some(text.into()), ..EventFilter::default() };
    let by_action = |action| EventFilter { action: Some(action), ..EventFilter::default() };
    assert_eq!(count(by_type("t1")), 2);
    assert_eq!(count(by_type("t")), 0, "compared exactly");
    assert_eq!(count(by_type("T1")), 0);
    assert_eq!(count(of(second)), 3);
    let containers = |action| EventFilter { event_type: Some(EventType::Container), ..by_action(action) };
    for (action, number) in [
        (EventAction::Added, 2),
        (EventAction::Updated, 1),
        (EventAction::Accessed, 1),
        (EventAction::Deleted, 1),
    ] {
        let found = alice.events(containers(action.clone()));
        assert_eq!(found.len(), number, "{action}");
        assert!(found.iter().all(|event| event.action == action));
    }
    let both = |text: &str, action| EventFilter { action: Some(action), ..by_type(text) };
    assert_eq!(count(both("t1", EventAction::Updated)), 1);
    assert_eq!(count(both("t2", EventAction::Updated)), 0);
    let all = alice.events(EventFilter { event_type: Some(EventType::Container), ..EventFilter::default() });
    let from = |id, filter| EventFilter { starting_event_id: id, ..filter };
    let updated = all.iter().find(|event| event.action == EventAction::Updated).unwrap().id;
    assert_eq!(count(from(updated, both("t1", EventAction::Updated))), 1);
    assert_eq!(count(from(updated + 1, both("t1", EventAction::Updated))), 0);
    let key_files = EventFilter { event_type: Some(EventType::KeyFile), ..EventFilter::default() };
    assert!(alice.events(key_files).iter().all(|event| event.container_id.is_none()));
    let of_other = EventFilter { event_type: Some(EventType::KeyFile), ..of(first) };
    assert_eq!(count(of_other), 0);
}

#[test]
fn s068_a_stranger_hears_nothing() {
    let [alice, bob, stranger] = people();
    let before = stranger.events(EventFilter::default());
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    bob.get(id).unwrap();
    bob.update(Update::new(id).content(b"y".to_vec())).unwrap();
    alice.delete(id).unwrap();
    assert_eq!(stranger.events(of(id)), []);
    assert_eq!(stranger.events(EventFilter::default()), before);
    assert_eq!(new_ones(&stranger), []);
}

#[test]
fn s069_s140_ids_increase_over_a_thousand_events_of_four_clients() {
    let alice = person(&broker());
    let clients: [(Device, ContainerId); 4] = core::array::from_fn(|_| {
        let client = Device::new(&alice.broker);
        client.log_in(alice.id());
        let id = typed(&client, "0");
        (client, id)
    });
    let before = alice.events(EventFilter::default()).len();
    for round in 0..250 {
        for (client, id) in &clients {
            client.update(Update::new(*id).container_type(round.to_string())).unwrap();
        }
    }
    let events = alice.events(EventFilter::default());
    assert_eq!(events.len(), before + 1000);
    assert!(is_increasing(&events));
}

#[test]
fn s199_x12_more_events_than_a_page_come_in_order_page_after_page() {
    let alice = person(&broker());
    let id = typed(&alice, "0");
    for number in 1..=2100 {
        alice.update(Update::new(id).container_type(number.to_string())).unwrap();
    }
    let (events, requests) = alice.requests(|alice| alice.events(of(id)));
    assert_eq!((events.len(), requests), (2101, 3), "one round trip a page");
    assert!(is_increasing(&events));
    let types: Vec<String> =
        events.iter().skip(1).map(|event| event.changes["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, (1..=2100).map(|number| number.to_string()).collect::<Vec<_>>());

    let mut filter = of(id);
    let mut paged = Vec::new();
    loop {
        let page = alice.run(events::Page::new(filter.clone(), 700, 0)).unwrap();
        assert!(page.events.len() <= 700);
        paged.extend(page.events);
        filter.starting_event_id = page.next;
        if !page.more {
            break;
        }
    }
    assert_eq!(paged, events);

    let (first, last) = (events[100].id, events[1900].id);
    let range = EventFilter { starting_event_id: first, ending_event_id: Some(last), ..of(id) };
    assert_eq!(alice.events(range), events[100..=1900], "both are inclusive");
}

#[test]
fn s139_s144_s147_each_operation_has_its_action() {
    let [alice, bob] = people();
    let started = alice.now();
    alice.broker.clock().advance(Duration::from_secs(5));
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    bob.get(id).unwrap();
    alice.broker.clock().advance(Duration::from_secs(5));
    bob.update(Update::new(id).content(b"y".to_vec())).unwrap();
    bob.delete(id).unwrap();
    let events = bob.events(of(id));
    let expected = [EventAction::Added, EventAction::Accessed, EventAction::Updated, EventAction::Deleted];
    assert_eq!(actions(&events), expected);
    for event in &events {
        assert_eq!((event.event_type.clone(), event.container_id), (EventType::Container, Some(id)));
    }
    let dates: Vec<u64> = events.iter().map(|event| event.date.as_millis() - started.as_millis()).collect();
    assert_eq!(dates, [5000, 5000, 10_000, 10_000]);
}

#[test]
fn s139_s149_words_of_a_newer_server_and_both_spellings_are_read() {
    let alice = person(&broker());
    alice.create(b"x", &[]);
    alter_next(&alice, |body| {
        let events = body["events"].as_array_mut().unwrap();
        events[0]["type"] = json!("keysFile");
        let last = events.last_mut().unwrap();
        last["action"] = json!("archived");
        last["type"] = json!("folder");
        last["colour"] = json!("blue");
    });
    let events = alice.events(EventFilter::default());
    assert_eq!(events[0].event_type, EventType::KeyFile);
    assert_eq!(EventType::KeyFile.to_string(), "key_file");
    let last = events.last().unwrap();
    assert_eq!(last.action, EventAction::Other("archived".into()));
    assert_eq!(last.event_type, EventType::Other("folder".into()));
}

#[test]
fn s141_changes_name_what_changed_and_its_new_value() {
    let [alice, bob, carol] = people();
    let id = typed(&alice, "old");
    let changes = |device: &Device| Value::Object(newest(device, id).changes);
    alice.update(Update::new(id).container_type("new")).unwrap();
    assert_eq!(changes(&alice), json!({"type": "new"}));
    alice.update(Update::new(id).header(json!({"a": 1}))).unwrap();
    assert_eq!(changes(&alice), json!({"header": true}));
    alice.update(Update::new(id).content(vec![0; 77])).unwrap();
    assert_eq!(changes(&alice), json!({"content": true, "length": 77}));

    let until = alice.now().plus_millis(60_000);
    let give = |grant| AccessChange::Set(vec![grant]);
    alice.update(Update::new(id).access(give(bob.full()))).unwrap();
    let row = |device: &Device, permissions: i64, expiration: Value| json!({"user_id": device.id(), "permissions": permissions, "expiration": expiration});
    let access = |added: Value, changed: Value, removed: Value| json!({"access": {"added": added, "changed": changed, "removed": removed}});
    assert_eq!(changes(&alice), access(json!([row(&bob, 127, Value::Null)]), json!([]), json!([])));
    assert_eq!(newest(&bob, id).action, EventAction::Added);
    alice.update(Update::new(id).access(give(bob.rights(8).until(until)))).unwrap();
    let limited = row(&bob, 8, json!(until.as_millis()));
    assert_eq!(changes(&alice), access(json!([]), json!([limited]), json!([])));
    let edit = AccessChange::Edit { set: vec![carol.rights(11)], remove: vec![bob.id()] };
    alice.update(Update::new(id).access(edit)).unwrap();
    let both = access(json!([row(&carol, 11, Value::Null)]), json!([]), json!([bob.id()]));
    assert_eq!(changes(&alice), both);
    assert_eq!(newest(&bob, id).action, EventAction::Deleted);
    // Without access.view the list is nobody's business.
    alice.update(Update::new(id).access(give(carol.rights(2)))).unwrap();
    assert_eq!(changes(&carol), json!({}));
}

#[test]
fn s143_the_end_of_an_access_is_shown_once_it_is_over() {
    let [alice, bob] = people();
    let ends = alice.now().plus_millis(2000);
    let id = alice.create(b"x", &[alice.full(), bob.full().until(ends)]);
    assert_eq!(newest(&bob, id).container_expired_at, None);
    alice.broker.clock().advance(Duration::from_secs(3));
    assert_eq!(newest(&bob, id).container_expired_at, Some(ends));
    assert_eq!(newest(&alice, id).container_expired_at, None);
}

#[test]
fn s143_after_the_end_of_an_access_nothing_is_told_in_detail() {
    let broker = broker();
    let alice = person(&broker);
    let [bob, carol, dave] = core::array::from_fn(|_| person(&broker));
    let ends = alice.now().plus_millis(2000);
    let access = [alice.full(), bob.full().until(ends), carol.full()];
    let id = alice.changed(
        Create::new(b"x".to_vec()).container_type("t1").access(absio_proto::model::AccessList::of(access)),
    );
    let update = || {
        Update::new(id)
            .content(b"y".to_vec())
            .header(json!(1))
            .container_type("t2")
            .access(AccessChange::Set(vec![dave.rights(8)]))
    };
    alice.broker.clock().advance(Duration::from_secs(3));
    alice.update(update()).unwrap();
    let bare = |event: &Event| {
        event.changes.is_empty()
            && event.container_type.is_none()
            && event.container_modified_at.is_none()
            && event.related_user_id.is_none()
            && event.client_app_name.is_none()
    };
    let told = newest(&bob, id);
    assert_eq!((&told.action, told.container_expired_at), (&EventAction::Updated, Some(ends)));
    assert!(bare(&told), "{told:?}");
    // The controls: whose access lasts is told, and so is Bob once it does again.
    let told = newest(&carol, id);
    assert_eq!((told.changes.len(), told.related_user_id), (5, Some(alice.id())), "{told:?}");
    alice.update(Update::new(id).access(AccessChange::Set(vec![bob.full()]))).unwrap();
    let told = newest(&bob, id);
    assert_eq!((told.container_expired_at, told.container_type.as_deref()), (None, Some("t2")));
    assert!(!bare(&told));
    // What was told while it lasted stays, and what is taken away after it is not named.
    alice.update(Update::new(id).access(AccessChange::Set(vec![bob.full().until(alice.now())]))).unwrap();
    alice.update(Update::new(id).access(AccessChange::Remove(vec![bob.id()]))).unwrap();
    let events = bob.events(of(id));
    assert_eq!(events[0].container_type.as_deref(), Some("t1"));
    let [.., updated, deleted] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&updated.action, &deleted.action), (&EventAction::Updated, &EventAction::Deleted));
    assert!(bare(updated) && bare(deleted));
}

#[test]
fn s145_the_time_of_a_change_is_told_for_content_only() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[]);
    let modified = |update: Update| {
        alice.broker.clock().advance(Duration::from_secs(1));
        alice.update(update).unwrap();
        newest(&alice, id).container_modified_at
    };
    assert_eq!(modified(Update::new(id).container_type("t")), None);
    assert_eq!(modified(Update::new(id).header(json!(1))), None);
    assert_eq!(modified(Update::new(id).access(AccessChange::Set(vec![bob.full()]))), None);
    assert_eq!(modified(Update::new(id).content(b"y".to_vec())), Some(alice.now()));
}

#[test]
fn s146_the_type_is_that_of_then_and_only_for_those_who_may_see_it() {
    let [alice, bob, carol] = people();
    let without = Permissions::CREATOR - Permissions::CONTAINER_TYPE_VIEW;
    let grants = [alice.full(), bob.full(), carol.full().with_permissions(without)];
    let access = absio_proto::model::AccessList::of(grants);
    let id = alice.changed(Create::new(b"x".to_vec()).container_type("t1").access(access));
    alice.update(Update::new(id).container_type("t2")).unwrap();
    let types = |device: &Device| -> Vec<Option<String>> {
        device.events(of(id)).into_iter().map(|event| event.container_type).collect()
    };
    assert_eq!(types(&bob), [Some("t1".into()), Some("t2".into())]);
    assert_eq!(types(&carol), [None, None]);
    assert!(newest(&carol, id).changes.is_empty());
    // A filter does not tell what an event does not.
    let by_type = EventFilter { container_type: Some("t2".into()), ..EventFilter::default() };
    assert_eq!(carol.events(by_type.clone()), []);
    assert_eq!(bob.events(by_type).len(), 1);
}

#[test]
fn s148_who_else_did_it_is_told_to_those_who_see_the_list() {
    let [alice, bob, carol] = people();
    let without = Permissions::CREATOR - Permissions::ACCESS_VIEW;
    let id = alice.create(b"x", &[alice.full(), bob.full(), carol.full().with_permissions(without)]);
    assert_eq!(newest(&bob, id).related_user_id, Some(alice.id()));
    assert_eq!(newest(&carol, id).related_user_id, None);
    assert_eq!(newest(&alice, id).related_user_id, None, "it was she herself");
    bob.get(id).unwrap();
    let seen = newest(&alice, id);
    assert_eq!((seen.action, seen.related_user_id), (EventAction::Accessed, Some(bob.id())));
}

#[test]
fn s150_x01_the_first_access_of_each_version_is_told() {
    let [alice, bob, carol, dave] = people();
    let hears = Permissions::RECIPIENT | Permissions::ACCESS_RX_ACCESS_EVENTS;
    let id = alice
        .create(b"x", &[alice.full(), bob.rights(11), carol.full().with_permissions(hears), dave.rights(11)]);
    let accessed = |device: &Device| {
        let filter = EventFilter { action: Some(EventAction::Accessed), ..of(id) };
        device.events(filter).len()
    };
    let told = |devices: [&Device; 4]| devices.map(accessed);
    for _ in 0..3 {
        bob.get(id).unwrap();
    }
    assert_eq!(told([&alice, &bob, &carol, &dave]), [1, 1, 1, 0]);
    let again = Device::new(&bob.broker);
    again.log_in(bob.id());
    again.get(id).unwrap();
    assert_eq!(accessed(&bob), 1, "once a user, not once a device");
    dave.get(id).unwrap();
    assert_eq!(told([&alice, &bob, &carol, &dave]), [2, 1, 2, 1]);
    alice.update(Update::new(id).content(b"y".to_vec())).unwrap();
    bob.get(id).unwrap();
    assert_eq!(told([&alice, &bob, &carol, &dave]), [3, 2, 3, 1]);
}

#[test]
fn s149_s151_key_files_have_events_too() {
    let alice = person(&broker());
    let filter = || EventFilter { event_type: Some(EventType::KeyFile), ..EventFilter::default() };
    let change = Credentials::new("Another horse 3", "Another staple 4").reminder("new");
    alice.run(user::ChangeCredentials::new(change)).unwrap();
    let events = alice.events(filter());
    let expected = [EventAction::Added, EventAction::Accessed, EventAction::Updated];
    assert_eq!(actions(&events), expected, "created, fetched by the passphrase, changed");
    assert!(
        events.iter().all(|event| event.event_type == EventType::KeyFile && event.container_id.is_none())
    );
    let changes = &events[2].changes;
    assert_eq!((&changes["reminder"], &changes["passphrase"]), (&json!(true), &json!(true)));
    assert!(changes["checksum"].is_string());

    // The last one comes when its reader can sign in no more: the broker keeps it.
    let deleted = || {
        let all = StoreOp::Scan { start: Vec::new(), end: vec![0xff; 8], limit: 10_000, reverse: false };
        let StoreOutcome::Entries(rows) = alice.broker.apply(all).unwrap() else {
            panic!("a scan gives entries")
        };
        let told = br#"{"action":"deleted","type":"key_file""#;
        rows.iter().filter(|(_, row)| row.starts_with(told)).count()
    };
    assert_eq!(deleted(), 0);
    alice.run(user::Delete::new()).unwrap();
    assert_eq!(deleted(), 1);
}

/// Security case 47: events are hints. A forged one changes nothing.
#[test]
fn ms_event_forge() {
    let alice = person(&broker());
    let id = alice.create(b"still here", &[]);
    alter_next(&alice, move |body| {
        let next = body["next"].as_u64().unwrap();
        body["events"].as_array_mut().unwrap().push(json!({
            "id": next, "action": "deleted", "type": "container", "date": 1, "container_id": id,
        }));
        body["next"] = json!(next + 1);
    });
    let forged = new_ones(&alice).pop().unwrap();
    assert_eq!((forged.action, forged.container_id), (EventAction::Deleted, Some(id)));
    let (updated, requests) = alice.requests(|alice| alice.update(Update::new(id).container_type("t")));
    updated.unwrap();
    assert_eq!(requests, 1, "what was verified is still known");
    assert_eq!(alice.content(id), Some(b"still here".to_vec()));
}

#[test]
fn ms_event_dup_and_reorder_are_refused_and_the_cursor_never_goes_back() {
    let alice = person(&broker());
    for _ in 0..3 {
        alice.create(b"x", &[]);
    }
    let refused = |alter: fn(&mut Value)| {
        alter_next(&alice, alter);
        let result = alice.run(events::Get::of_containers(EventFilter::default(), None));
        assert_eq!(result.unwrap_err().code(), "protocol");
    };
    refused(|body| {
        let first = body["events"][0].clone();
        body["events"].as_array_mut().unwrap().insert(0, first);
    });
    refused(|body| body["events"].as_array_mut().unwrap().swap(0, 1));
    refused(|body| body["next"] = json!(0));
    refused(|body| {
        body["more"] = json!(true);
        body["events"] = json!([]);
        body["next"] = json!(0);
    });
    // Nothing of a refused answer moved the cursor.
    assert_eq!(new_ones(&alice).len(), 3);
    // Old ones again, as if they were new.
    alter_next(&alice, |body| body["next"] = json!(1));
    let result = alice.run(events::Get::of_containers(EventFilter::default(), None));
    assert_eq!(result.unwrap_err().code(), "protocol");
    assert_eq!(new_ones(&alice).len(), 0);
    alice.create(b"x", &[]);
    assert_eq!(new_ones(&alice).len(), 1);
}

#[test]
fn ms_endless_pages_of_events_end() {
    let alice = person(&broker());
    alice.broker.set_hook(|request| {
        let start: u64 = request
            .path
            .split(['?', '&'])
            .find_map(|pair| pair.strip_prefix("start="))
            .map_or(0, |start| start.parse().expect("a number"));
        let body = json!({"events": [], "next": start + 1, "more": true}).to_string().into_bytes();
        Fault::Answer(absio_proto::effect::HttpResponse { status: 200, headers: Vec::new(), body })
    });
    let (result, requests) = alice.requests(|alice| alice.run(events::Get::new(EventFilter::default())));
    assert!(matches!(result, Err(Error::Input(InputError::TooLarge { .. }))));
    assert_eq!(requests, absio_proto::limits::PAGES as u64);
}

#[test]
fn a_page_waits_for_news_and_no_longer_than_asked() {
    let alice = person(&broker());
    let next = alice.run(events::Page::new(EventFilter::default(), 10, 0)).unwrap().next;
    let filter = EventFilter { starting_event_id: next, ..EventFilter::default() };
    let before = alice.now();
    let page = alice.run(events::Page::new(filter, 10, 20)).unwrap();
    assert!(page.events.is_empty() && !page.more);
    assert_eq!(alice.now().as_millis() - before.as_millis(), 20_000);
}
