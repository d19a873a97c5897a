//! A broker that lies in its events (security cases 47 and 48): they are hints, and nothing that is kept
//! changes for one.

use super::follow::{follow, second, what};
use super::{Both, Laptop, Ofs, laptops};
use absio_broker::Fault;
use absio_proto::effect::{HttpRequest, HttpResponse};
use absio_proto::model::ContainerId;
use absio_proto::provider::{Follow, Provider, What};
use absio_proto::{Error, RemoteCode};
use serde_json::{Value, json};

/// Alters every answer to a request for events, until the hook is cleared.
fn alter_events(laptop: &Laptop, alter: impl Fn(&mut Value) + Clone + Send + 'static) {
    laptop.broker.set_hook(move |request: &HttpRequest| {
        let alter = alter.clone();
        if !request.path.starts_with("/v1/events") {
            return Fault::None;
        }
        Fault::Alter(Box::new(move |response| {
            let mut body: Value = serde_json::from_slice(&response.body).expect("the broker sends JSON");
            alter(&mut body);
            response.body = body.to_string().into_bytes();
        }))
    });
}

fn event(id: u64, action: &str, container: ContainerId) -> Value {
    json!({
        "id": id, "action": action, "type": "container", "date": 1_767_225_600_000u64,
        "container_id": container.to_string(),
    })
}

/// The broker says these events and no others, numbered from where it is asked to begin.
fn say(laptop: &Laptop, events: &[(&'static str, ContainerId)]) {
    let events = events.to_vec();
    alter_events(laptop, move |body| {
        let start = body["next"].as_u64().unwrap();
        let numbered = (start..).zip(&events).map(|(id, (action, container))| event(id, action, *container));
        body["events"] = numbered.collect();
        body["next"] = json!(start + events.len() as u64);
    });
}

/// Two devices of one user that have the same, and a container of somebody else.
fn devices() -> (Laptop, Laptop, ContainerId) {
    let [(first, _)] = laptops();
    let other = second(&first);
    let id = first.keep(Both, "text");
    follow(&other);
    follow(&other);
    (first, other, id)
}

#[test]
fn ms_event_fake_delete_never_erases() {
    let (_, other, id) = devices();
    say(&other, &[("deleted", id)]);
    let followed = follow(&other);
    assert_eq!(what(&followed, id), What::Unchanged, "it was asked for, and it is there");
    other.broker.clear_hook();
    assert_eq!((other.text(Ofs, id).as_str(), other.text(Both, id).as_str()), ("text", "text"));

    // The broker stands by its lie, and serves no container either: kept all the same, and marked.
    let (_, liar, lied) = devices();
    let gone = |code: RemoteCode| {
        let body = json!({"error": {"code": code.as_str(), "message": "gone"}});
        HttpResponse { status: code.status(), headers: Vec::new(), body: body.to_string().into_bytes() }
    };
    for code in [RemoteCode::Deleted, RemoteCode::ContainerNotFound, RemoteCode::AccessExpired] {
        let answer = gone(code.clone());
        liar.broker.set_hook(move |request: &HttpRequest| {
            if request.path.starts_with("/v1/events") {
                return Fault::Alter(Box::new(move |response| {
                    let mut body: Value = serde_json::from_slice(&response.body).unwrap();
                    let start = body["next"].as_u64().unwrap();
                    body["events"] = json!([event(start, "deleted", lied)]);
                    body["next"] = json!(start + 1);
                    response.body = body.to_string().into_bytes();
                }));
            }
            if request.path.starts_with("/v1/containers/") {
                return Fault::Answer(answer.clone());
            }
            Fault::None
        });
        assert_eq!(what(&follow(&liar), lied), What::Reported, "{code}");
        assert_eq!(liar.text(Ofs, lied), "text");
        liar.broker.clear_hook();
    }
    assert_eq!(liar.text(Both, lied), "text", "the default provider asks, and hears the truth again");

    // The control: a tombstone that its signer made.
    let (first, other, id) = devices();
    first.run(Both.delete_container(id)).unwrap();
    assert_eq!(what(&follow(&other), id), What::Erased);
    assert!(other.fetch(Ofs, id).is_err());
}

#[test]
fn ms_event_forge_changes_nothing_that_is_not_verified() {
    let (_, other, id) = devices();
    let listed = other.run(Ofs.list_containers()).unwrap();
    for action in ["added", "updated", "accessed", "deleted", "exploded"] {
        say(&other, &[(action, id)]);
        assert_eq!(what(&follow(&other), id), What::Unchanged, "{action}");
        other.broker.clear_hook();
        let now = other.run(Ofs.list_containers()).unwrap();
        assert_eq!(now.len(), 1);
        assert_eq!((now[0].revision, now[0].is_reported), (listed[0].revision, false));
        assert_eq!(other.text(Ofs, id), "text");
    }
    let (first, other, id) = devices();
    // The control: what was really changed is taken, whatever the event says of it.
    let update = absio_proto::ops::container::Update::new(id).content(b"newer".to_vec());
    first.change(Both, update).unwrap();
    alter_events(&other, |body| {
        for event in body["events"].as_array_mut().unwrap() {
            event["action"] = json!("deleted");
        }
    });
    assert_eq!(what(&follow(&other), id), What::Refreshed);
    assert_eq!(other.text(Ofs, id), "newer");
}

/// Runs against a broker that answers `alter`ed pages; then against an honest one. Gives the error.
#[track_caller]
fn refused(alter: impl Fn(&mut Value) + Clone + Send + 'static) -> Error {
    let [(first, _)] = laptops();
    let other = second(&first);
    follow(&other);
    let ids = ["one", "two"].map(|text| first.keep(Both, text));
    let disk = other.disk();
    alter_events(&other, alter);
    let error = other.run(Both.follow_events(Follow::new())).expect_err("it is refused");
    assert!(other.disk() == disk, "nothing was kept, and the cursor stays");
    other.broker.clear_hook();
    let followed = follow(&other);
    assert!(ids.iter().all(|id| what(&followed, *id) == What::Refreshed), "the control");
    error
}

#[test]
fn ms_event_dup_is_refused() {
    let error = refused(|body| {
        let events = body["events"].as_array_mut().unwrap();
        events.push(events.last().unwrap().clone());
    });
    assert_eq!(error.code(), "protocol");
    // What was followed before comes again in a page of its own.
    let error = refused(|body| {
        for event in body["events"].as_array_mut().unwrap() {
            event["id"] = json!(1);
        }
    });
    assert_eq!(error.code(), "protocol");
}

#[test]
fn ms_event_reorder_is_refused() {
    let error = refused(|body| body["events"].as_array_mut().unwrap().reverse());
    assert_eq!(error.code(), "protocol");
    let error = refused(|body| body["next"] = json!(0));
    assert_eq!(error.code(), "protocol");
    let error = refused(|body| {
        body["events"] = json!([]);
        body["more"] = json!(true);
        body["next"] = json!(0);
    });
    assert_eq!(error.code(), "protocol");
}

#[test]
fn ms_event_foreign_brings_nothing_here() {
    let [(alice, _), (bob, _)] = laptops();
    let secret = bob.keep(Both, "for nobody else");
    let nowhere = ContainerId::from_bytes([7; 16]);
    let shared = bob.create(b"for both", &[bob.full(), alice.full()]);
    follow(&alice);
    let listed = alice.run(Ofs.list_containers()).unwrap();
    for action in ["added", "updated", "deleted"] {
        say(&alice, &[(action, secret), (action, nowhere)]);
        let followed = follow(&alice);
        assert_eq!((what(&followed, secret), what(&followed, nowhere)), (What::NotKept, What::NotKept));
        alice.broker.clear_hook();
    }
    let now = alice.run(Ofs.list_containers()).unwrap();
    assert_eq!((listed.len(), now.len(), now[0].container), (1, 1, shared), "the control is what was shared");
}

#[test]
fn ms_event_of_the_end_of_time_hides_nothing_from_a_sync() {
    let (first, other, id) = devices();
    say(&other, &[("updated", id)]);
    alter_events(&other, move |body| {
        body["events"] = json!([event(u64::MAX - 1, "updated", id)]);
        body["next"] = json!(u64::MAX);
    });
    follow(&other);
    other.broker.clear_hook();
    let update = absio_proto::ops::container::Update::new(id).content(b"newer".to_vec());
    first.change(Both, update).unwrap();
    assert_eq!(other.text(Ofs, id), "text");
    let synced = other.run(Both.sync(absio_proto::provider::Sync::new())).unwrap();
    assert!(synced.refreshed.contains(&id));
    assert_eq!(other.text(Ofs, id), "newer");
}
