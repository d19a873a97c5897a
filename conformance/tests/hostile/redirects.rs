//! Redirects (security case 65): eight kinds, and a transport that follows them for the control.

use crate::lured::{Lured, split};
use crate::people::{Device, PASSPHRASE, people, person};
use absio_conformance::transport::{Misdeed, Plan};
use absio_proto::Config;
use absio_proto::effect::HttpResponse;
use absio_proto::ops::container::{Create, List};
use absio_proto::ops::key_file::Checksum;
use absio_proto::ops::user::{self, Login, LoginWith};
use absio_proto::wire::{API_KEY, AUTHORIZATION};

const ELSEWHERE: &str = "https://elsewhere.example";

fn redirect(status: u16, target: Option<&str>) -> Misdeed {
    let headers = target.map(|target| ("location".to_owned(), target.to_owned())).into_iter().collect();
    Misdeed::Answers(HttpResponse { status, headers, body: Vec::new() })
}

/// Every kind of request meets `status` with `target`: an error each, and nothing goes anywhere else.
#[track_caller]
fn refused(status: u16, target: Option<&str>) {
    let alice = person(&crate::people::broker());
    let lured = Lured::new(&alice, Plan::always(redirect(status, target)));
    let results = [
        lured.run(Checksum::new()).map(drop),
        lured.run(List::new()).map(drop),
        lured.run(Create::new(b"x".to_vec())).map(drop),
        lured.run(user::Reminder::new(None)).map(drop),
    ];
    for result in results {
        assert_eq!(result.unwrap_err().code(), "protocol", "{status} {target:?}");
    }
    assert_eq!(lured.sent.borrow().len(), 4, "each was sent once");
    assert!(lured.strayed().is_empty());
    // The control: a transport that follows would have told another server who asks, with what token.
    let leads_away = target.and_then(split).is_some();
    let weakened = Lured::new(&alice, Plan::always(redirect(status, target))).following();
    let _ = weakened.run(Checksum::new());
    assert_eq!(weakened.strayed().len(), usize::from(leads_away));
    for request in weakened.strayed() {
        for secret in [AUTHORIZATION, API_KEY] {
            assert!(request.headers.iter().any(|(name, _)| name == secret), "{secret} went along");
        }
    }
    // And without the attack, all is as ever.
    let honest = Lured::new(&alice, Plan::honest());
    honest.run(Checksum::new()).unwrap();
    assert!(honest.run(List::new()).unwrap().is_empty(), "nothing was created");
}

#[test]
fn mn_redirect_moved_permanently() {
    refused(301, Some("https://elsewhere.example/v1/key-file/checksum"));
}

#[test]
fn mn_redirect_found() {
    refused(302, Some("https://elsewhere.example/v1/key-file/checksum"));
}

#[test]
fn mn_redirect_see_other() {
    refused(303, Some("https://elsewhere.example/"));
}

#[test]
fn mn_redirect_temporary_with_the_body() {
    refused(307, Some("https://elsewhere.example/v1/containers"));
}

#[test]
fn mn_redirect_permanent_with_the_body() {
    refused(308, Some("https://elsewhere.example/v1/containers"));
}

/// From https to http, on the same host and on this machine.
#[test]
fn mn_redirect_to_http() {
    refused(301, Some("http://elsewhere.example/v1/info"));
    refused(307, Some("http://localhost:9/v1/info"));
    let plain = Config::new(absio_proto::model::ApiKey::from_bytes([1; 16]), "http://elsewhere.example");
    assert_eq!(plain.unwrap_err().code(), "invalid_server_url");
    assert!(Config::new(absio_proto::model::ApiKey::from_bytes([1; 16]), ELSEWHERE).is_ok(), "the control");
}

/// Relative, without a scheme, empty, without any target, and with other codes than the usual five.
#[test]
fn mn_redirect_of_an_odd_kind() {
    for target in [Some("/v1/info"), Some("//elsewhere.example/"), Some(""), None] {
        refused(302, target);
    }
    for status in [300, 304, 305, 306, 399] {
        refused(status, Some("https://elsewhere.example/"));
    }
}

/// The way to sign in: the proof, the key file and what is signed go nowhere else.
#[test]
fn mn_redirect_of_a_sign_in() {
    let [alice] = people();
    for path in ["/v1/challenge", "/v1/key-file/retrieve", "/v1/login"] {
        let target = format!("{ELSEWHERE}{path}");
        let plan = move || {
            let target = target.clone();
            Plan::new(move |_, request| (request.path == path).then(|| redirect(307, Some(&target))))
        };
        let login = || Login::new(alice.id(), LoginWith::nothing().passphrase(PASSPHRASE));
        let device = Device::new(&alice.broker);
        let lured = Lured::new(&device, plan());
        assert_eq!(lured.run(login()).unwrap_err().code(), "protocol");
        assert!(lured.strayed().is_empty());
        assert!(device.session(|session| session.user().is_none()));
        let device = Device::new(&alice.broker);
        let weakened = Lured::new(&device, plan()).following();
        assert!(weakened.run(login()).is_err());
        assert_eq!(weakened.strayed().len(), 1, "the control: what was asked at {path} would be elsewhere");
        let device = Device::new(&alice.broker);
        Lured::new(&device, Plan::honest()).run(login()).unwrap();
    }
}
