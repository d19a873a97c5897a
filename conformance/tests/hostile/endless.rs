//! Answers without end (security case 67): every one is bounded where it is asked for, and every loop ends.

use crate::forgery::newest;
use crate::lured::Lured;
use crate::people::{Device, broker, people, person};
use crate::staging::{answer, fresh};
use absio_broker::Fault;
use absio_conformance::transport::{Misdeed, Plan};
use absio_proto::effect::{HttpResponse, TransportErrorKind};
use absio_proto::model::{EventFilter, Portion};
use absio_proto::ops::container::{Get, List};
use absio_proto::ops::key_file::Checksum;
use absio_proto::ops::user::PublicKeys;
use absio_proto::ops::{events, info};
use absio_proto::wire::ManifestPage;
use absio_proto::{Error, limits};
use serde_json::json;

fn ok(body: Vec<u8>) -> HttpResponse {
    HttpResponse { status: 200, headers: Vec::new(), body }
}

/// One byte more than was asked for, whatever was asked for.
#[test]
fn ms_endless_body_of_every_answer() {
    let alice = person(&broker());
    let id = alice.create(b"x", &[]);
    let over =
        || Plan::new(|_, request| Some(Misdeed::Answers(ok(vec![b' '; request.max_response as usize + 1]))));
    let lured = Lured::new(&alice, over());
    let results = [
        lured.run(info::Info::new()).map(drop),
        lured.run(Checksum::new()).map(drop),
        lured.run(Get::new(id, Portion::All)).map(drop),
        lured.run(List::new()).map(drop),
        lured.run(events::Get::new(EventFilter::default())).map(drop),
        lured.run(PublicKeys::new([alice.id()]).refreshed()).map(drop),
    ];
    for result in results {
        let Err(Error::Transport(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.kind, TransportErrorKind::TooLarge);
    }
    let sent = lured.sent.borrow();
    assert_eq!(sent.len(), 6, "and none is asked for again");
    assert!(sent.iter().all(|request| request.max_response <= limits::BUNDLE));
    // The control: as much as was asked for gets through, and is refused for what it says.
    let full = Plan::new(|_, request| Some(Misdeed::Answers(ok(vec![b' '; request.max_response as usize]))));
    assert_eq!(Lured::new(&alice, full).run(Checksum::new()).unwrap_err().code(), "protocol");
}

/// A million entries, in one answer.
#[test]
fn ms_endless_list_of_a_million_entries() {
    let alice = person(&broker());
    let kept = alice.create(b"x", &[]);
    let listed = String::from_utf8(raw_list(&alice)).unwrap();
    let (start, end) = (listed.find('{').unwrap() + 1, listed.rfind('}').unwrap());
    let entry =
        &listed[start..end][listed[start..end].find('{').unwrap()..=listed[start..end].rfind('}').unwrap()];
    let list = |count: usize| {
        let entries = format!("{entry},").repeat(count);
        format!(r#"{{"containers":[{}],"more":false}}"#, entries.trim_end_matches(',')).into_bytes()
    };
    let million = list(1_000_000);
    assert!(million.len() as u64 > limits::JSON_REPLY);
    let lured = Lured::new(&alice, Plan::always(Misdeed::Answers(ok(million))));
    let refused = lured.run(List::new());
    assert!(matches!(refused, Err(Error::Transport(error)) if error.kind == TransportErrorKind::TooLarge));
    // As many as fit: the same one again and again is no list.
    let lured = Lured::new(&alice, Plan::always(Misdeed::Answers(ok(list(50_000)))));
    assert_eq!(lured.run(List::new()).unwrap_err().code(), "protocol");
    // The control: one of them.
    let lured = Lured::new(&alice, Plan::always(Misdeed::Answers(ok(list(1)))));
    assert_eq!(lured.run(List::new()).unwrap()[0].container_id, kept);
}

fn raw_list(device: &Device) -> Vec<u8> {
    device.broker.record();
    device.run(List::new()).unwrap();
    device.broker.recorded().pop().unwrap().outcome.unwrap().body
}

/// Pages that say that there are more, and hold nothing.
#[test]
fn ms_endless_pages_of_containers_and_revisions_end() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    let empty = json!({"containers": [], "more": true}).to_string().into_bytes();
    let lured = Lured::new(&alice, Plan::always(Misdeed::Answers(ok(empty))));
    assert_eq!(lured.run(List::new()).unwrap_err().code(), "protocol");
    assert_eq!(lured.sent.borrow().len(), 1);

    let mut shown = answer(&bob, id);
    let view = newest(&shown).encode();
    shown.complete = false;
    shown.views.clear();
    let reader = fresh(&bob);
    let body = shown.encode(bob.id());
    for views in [Vec::new(), vec![view.clone()], vec![view; limits::REVISIONS_PAGE]] {
        let body = body.clone();
        reader.broker.record();
        reader.broker.set_hook(move |request| match request.path.contains("/manifests") {
            true => Fault::Answer(ok(
                ManifestPage { views: views.clone(), cards: Vec::new(), more: true }.encode()
            )),
            false => Fault::Answer(ok(body.clone())),
        });
        assert!(reader.get(id).is_err());
        assert!(reader.broker.recorded().len() <= 3, "no page after the one that leads nowhere");
        reader.broker.clear_hook();
    }
    assert_eq!(reader.content(id), Some(b"x".to_vec()), "the control");
}

/// A hundred thousand headers on every answer, if a transport lets them through, change nothing.
#[test]
fn ms_endless_headers_are_not_read() {
    let alice = person(&broker());
    let flood: Vec<(String, String)> =
        (0..100_000).map(|number| (format!("x-{number}"), "y".repeat(10))).collect();
    let headers = flood.clone();
    alice.broker.set_hook(move |_| {
        let flood = flood.clone();
        Fault::Alter(Box::new(move |response| response.headers.extend(flood)))
    });
    let id = alice.create(b"x", &[]);
    assert_eq!(alice.content(id), Some(b"x".to_vec()));
    // An error that is made of such an answer shows none of it.
    alice.broker.set_hook(move |_| {
        Fault::Answer(HttpResponse { status: 400, headers: headers.clone(), body: b"?".to_vec() })
    });
    let error = alice.run(Checksum::new()).unwrap_err();
    assert!(error.to_string().len() < 1000 && format!("{error:?}").len() < 1000);
    alice.broker.clear_hook();
    assert!(alice.run(Checksum::new()).is_ok(), "the control");
}
