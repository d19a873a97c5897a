//! URLs that a server supplies (security case 66). The protocol has none: whatever a reply says in a field or
//! a header that might be taken for one, the same requests go out, and only to the configured origin.

use crate::people::{Device, PASSPHRASE, broker, person};
use absio_broker::{Fault, Fixture};
use absio_proto::effect::HttpResponse;
use absio_proto::model::{ContainerId, EventFilter, Portion};
use absio_proto::ops::container::{Get, List, Update};
use absio_proto::ops::key_file::Checksum;
use absio_proto::ops::user::{Login, LoginWith, Logout, PublicKeys, Reminder};
use absio_proto::ops::{events, info};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Names under which other services hand out places to fetch from.
const FIELDS: [&str; 8] =
    ["url", "content_url", "contentUrl", "location", "href", "redirect", "upload_url", "origin"];
const HEADERS: [&str; 6] = ["location", "content-location", "link", "refresh", "alt-svc", "x-content-url"];

/// Puts `url` wherever a client might look for one; counts where.
fn plant(response: &mut HttpResponse, url: &str, planted: &AtomicUsize) {
    for name in HEADERS {
        response.headers.push((name.into(), url.into()));
        planted.fetch_add(1, Ordering::SeqCst);
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(&response.body) else { return };
    for name in FIELDS {
        fields.entry(name).or_insert_with(|| json!(url));
        planted.fetch_add(1, Ordering::SeqCst);
    }
    // Inside of lists as well: each container and each event has a place of its own.
    for list in ["containers", "events"] {
        for item in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            item[FIELDS[1]] = json!(url);
            planted.fetch_add(1, Ordering::SeqCst);
        }
    }
    response.body = Value::Object(fields).to_string().into_bytes();
}

/// Everything a client asks for, over a broker that plants `url` in every reply: what was sent.
fn story(url: Option<&str>) -> (Vec<(String, String)>, usize) {
    let fixture: Fixture = broker();
    let alice = person(&fixture);
    let large: ContainerId = alice.create(&vec![7; 5 << 20], &[]);
    let device = Device::new(&fixture);
    let planted = Arc::new(AtomicUsize::new(0));
    if let Some(url) = url {
        let (url, planted) = (url.to_owned(), Arc::clone(&planted));
        fixture.set_hook(move |_| {
            let (url, planted) = (url.clone(), Arc::clone(&planted));
            Fault::Alter(Box::new(move |response| plant(response, &url, &planted)))
        });
    }
    fixture.record();
    device.run(info::Info::new()).unwrap();
    device.run(Login::new(alice.id(), LoginWith::nothing().passphrase(PASSPHRASE))).unwrap();
    let id = device.create(b"content", &[]);
    assert_eq!(device.content(id), Some(b"content".to_vec()));
    device.update(Update::new(id).content(vec![9; 5 << 20])).unwrap();
    assert_eq!(device.run(Get::new(large, Portion::All)).unwrap().content, Some(vec![7; 5 << 20]));
    assert_eq!(device.run(List::new()).unwrap().len(), 2);
    device.run(events::Get::new(EventFilter::default())).unwrap();
    device.run(PublicKeys::new([alice.id()]).refreshed()).unwrap();
    device.run(Reminder::new(None)).unwrap();
    device.run(Checksum::new()).unwrap();
    device.delete(id).unwrap();
    device.run(Logout::new()).unwrap();
    // An id is no place: which one it is may differ between two stories, where it goes may not.
    let ids = [id.to_string(), large.to_string(), alice.id().to_string()];
    let line = |exchange: absio_broker::Exchange| {
        let path = ids.iter().fold(exchange.request.path, |path, id| path.replace(id, "ID"));
        let upload = path.split('/').position(|part| part == "uploads").map(|at| at + 1);
        let parts = path.split('/').enumerate();
        let path =
            parts.map(|(at, part)| if Some(at) == upload { "UPLOAD" } else { part }).collect::<Vec<_>>();
        (exchange.request.origin, path.join("/"))
    };
    let sent = fixture.recorded().into_iter().map(line).collect();
    fixture.clear_hook();
    (sent, planted.load(Ordering::SeqCst))
}

#[track_caller]
fn ignored(url: &str) {
    static HONEST: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let honest = HONEST.get_or_init(|| story(None).0);
    let (lured, planted) = story(Some(url));
    assert!(planted > 150, "the control: {planted} URLs stood where a client could have read them");
    assert!(lured.iter().all(|(origin, _)| origin == "http://localhost:8600"));
    assert!(lured.iter().all(|(_, path)| path.starts_with("/v1/") && !path.contains("://")));
    assert_eq!(&lured, honest, "what is asked for does not depend on what is offered");
    assert!(honest.len() > 15);
    // Nor can a URL like this become the configured one, except for this machine's own name.
    let key = absio_proto::model::ApiKey::from_bytes([1; 16]);
    let is_loopback = url.contains("127.0.0.1") || url.contains("[::1]");
    let bare = url.trim_end_matches("/secret");
    assert_eq!(absio_proto::Config::new(key, bare).is_ok(), is_loopback, "{bare}");
}

#[test]
fn ms_content_url_file() {
    ignored("file:///etc/passwd");
}

#[test]
fn ms_content_url_http() {
    ignored("http://elsewhere.example/secret");
}

#[test]
fn ms_content_url_loopback() {
    ignored("http://127.0.0.1:9/secret");
}

#[test]
fn ms_content_url_loopback_of_ipv6() {
    ignored("http://[::1]:9/secret");
}

#[test]
fn ms_content_url_link_local() {
    ignored("http://169.254.169.254/secret");
}

/// A name whose owner lets it point at this machine: over plain http only literal addresses and `localhost`
/// count as this machine, so no answer of a name server makes a name one.
#[test]
fn ms_content_url_rebinding() {
    ignored("http://rebind.elsewhere.example/secret");
    let key = absio_proto::model::ApiKey::from_bytes([1; 16]);
    for name in ["127.0.0.1.elsewhere.example", "localhost.elsewhere.example", "localhost.", "0x7f000001"] {
        assert!(absio_proto::Config::new(key, &format!("http://{name}")).is_err(), "{name}");
    }
    assert!(absio_proto::Config::new(key, "http://localhost").is_ok(), "the control");
}
