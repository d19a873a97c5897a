//! The token of a session (security case 63): in memory and in the one header that needs it, nowhere else.

use crate::people::{Device, PASSPHRASE, broker, person};
use absio_broker::Fault;
use absio_proto::driver::blocking::{Transport, run};
use absio_proto::effect::{HttpResponse, StoreOp, StoreOutcome, TransportErrorKind};
use absio_proto::model::Portion;
use absio_proto::ops::container::{Create, Get, List};
use absio_proto::ops::key_file::Checksum;
use absio_proto::ops::user::{LoginWith, Logout};
use absio_proto::provider::{Provider, Standard};
use absio_proto::trace::Trace;
use absio_proto::transport::Recording;
use absio_proto::wire::{AUTHORIZATION, LoginAnswer, from_json};
use absio_proto::{Guard, RemoteCode};
use absio_store::MemoryStore;
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use std::sync::Arc;

/// A token in every form in which it might be written down.
fn forms(token: &[u8]) -> Vec<Vec<u8>> {
    let numbers = token.iter().take(6).map(u8::to_string).collect::<Vec<_>>().join(", ");
    // Without the ends, which depend on what stands beside them.
    let inner = |text: String| text.as_bytes()[4..text.len() - 4].to_vec();
    vec![
        token.to_vec(),
        inner(BASE64URL_NOPAD.encode(token)),
        inner(BASE64.encode(token)),
        inner(HEXLOWER.encode(token)),
        numbers.into_bytes(),
    ]
}

fn holds(text: &[u8], token: &[u8]) -> bool {
    forms(token).iter().any(|form| text.windows(form.len()).any(|window| window == form))
}

/// The token that `device` is using.
fn token(device: &Device) -> Vec<u8> {
    device.broker.record();
    device.run(Checksum::new()).unwrap();
    let request = device.broker.recorded().pop().unwrap().request;
    let (_, value) = request.headers.iter().find(|(name, _)| name == AUTHORIZATION).unwrap();
    BASE64URL_NOPAD.decode(value.strip_prefix("Bearer ").unwrap().as_bytes()).unwrap()
}

#[test]
fn mc_no_token_in_logs() {
    let alice = person(&broker());
    let store = MemoryStore::new();
    let device = Device::new(&alice.broker).with_store(Arc::new(store.clone()));
    let place = Standard::ServerCacheOfs;
    device.broker.record();
    let trace = Trace::new(&device);
    let login = place.login(alice.id(), LoginWith::nothing().passphrase(PASSPHRASE));
    run(&mut Guard::new(login), &trace).unwrap();
    let create = place.create_container(Create::new(b"x".to_vec()).header(serde_json::json!(1)));
    let id = run(&mut Guard::new(create), &trace).unwrap().container.id.unwrap();
    run(&mut Guard::new(List::new()), &trace).unwrap();
    run(&mut Guard::new(Get::new(id, Portion::All)), &trace).unwrap();
    let recording = trace.into_recording();
    let exchanges = device.broker.recorded();
    let token = token(&device);

    // What a program may log: the printed trace, and Debug of all that passes.
    let mut logs = vec![recording.to_string(), format!("{exchanges:?}")];
    for exchange in &exchanges {
        logs.push(format!("{:?} {:?}", exchange.request, exchange.outcome));
    }
    let login = exchanges.iter().find(|exchange| exchange.request.path == "/v1/login").unwrap();
    let body = &login.outcome.as_ref().unwrap().body;
    let (transport, kept) = Recording::kept(&device.broker);
    for exchange in &exchanges {
        transport.exchange(exchange.request.clone()).unwrap();
    }
    logs.extend(kept.take().iter().map(|line| format!("{line} {line:?}")));
    // Errors of every blame, made while the token was in use.
    let spoiled = |body: &[u8], status| HttpResponse { status, headers: Vec::new(), body: body.to_vec() };
    type Make = fn(&dyn Fn(&[u8], u16) -> HttpResponse) -> Fault;
    let faults: [Make; 6] = [
        |_| Fault::Drop(TransportErrorKind::Interrupted),
        |_| Fault::Drop(TransportErrorKind::Tls),
        |answer| Fault::Answer(answer(b"{", 200)),
        |answer| Fault::Answer(answer(b"<html>", 500)),
        |answer| Fault::Answer(answer(b"?", 302)),
        |answer| Fault::Answer(answer(br#"{"error":{"code":"forbidden","message":"no"}}"#, 403)),
    ];
    for fault in faults {
        for _ in 0..3 {
            device.broker.fault_next(fault(&spoiled));
        }
        let error = device.run(Checksum::new()).unwrap_err();
        logs.push(format!("{error} {error:?} {}", error.code()));
        while device.run(Checksum::new()).is_err() {}
    }
    for text in &logs {
        assert!(!holds(text.as_bytes(), &token), "{text}");
    }
    // Nor is it kept: records, blobs and cells of the device.
    assert!(!holds(&everything(&store), &token));

    // The controls: where it does stand, it is found.
    let answer: LoginAnswer = from_json("login", body).unwrap();
    assert_eq!(answer.token.0, token, "the same session all along");
    assert!(holds(body, &token), "in the answer that brings it");
    assert!(holds(format!("{:?}", answer.token).as_bytes(), &token), "as numbers");
    let with_token = exchanges.iter().flat_map(|exchange| &exchange.request.headers);
    assert!(with_token.into_iter().any(|(_, value)| holds(value.as_bytes(), &token)), "in its header");

    device.run(Logout::new()).unwrap();
    assert!(
        !device.session(|session| session.is_authenticated(absio_broker::Clock::now(device.broker.clock())))
    );
}

/// Every byte that a store holds.
fn everything(store: &MemoryStore) -> Vec<u8> {
    use absio_proto::driver::blocking::Store;
    let scan = StoreOp::Scan { start: Vec::new(), end: vec![0xff; 64], limit: 10_000, reverse: false };
    let StoreOutcome::Entries(entries) = store.apply(scan).unwrap() else { panic!("a scan gives entries") };
    assert!(!entries.is_empty(), "something is kept");
    let mut bytes: Vec<u8> = entries.into_iter().flat_map(|(key, value)| [key, value].concat()).collect();
    let StoreOutcome::Cells(cells) = store.apply(StoreOp::CellList).unwrap() else { panic!("cells") };
    assert!(!cells.is_empty());
    for cell in cells {
        if let StoreOutcome::Cell(Some(found)) = store.apply(StoreOp::CellRead { cell }).unwrap() {
            bytes.extend(found);
        }
    }
    bytes
}

/// A token goes to the configured origin alone, and to no request that needs none.
#[test]
fn ms_token_crossuse_no_request_carries_a_token_it_does_not_need() {
    let alice = person(&broker());
    alice.broker.record();
    alice.run(absio_proto::ops::info::Info::new()).unwrap();
    alice.run(absio_proto::ops::user::Reminder::new(None)).unwrap();
    alice.log_in(alice.id());
    alice.run(Checksum::new()).unwrap();
    let refused = alice.run(absio_proto::ops::key_file::Get::new(alice.id(), "Wrong staple 2", None));
    assert!(refused.is_err_and(|error| error.is_remote(&RemoteCode::RetrievalRefused)));
    let mut with_token = Vec::new();
    for exchange in alice.broker.recorded() {
        if exchange.request.headers.iter().any(|(name, _)| name == AUTHORIZATION) {
            assert_eq!(exchange.request.origin, alice.broker.origin());
            with_token.push(exchange.request.path);
        }
    }
    assert!(with_token.contains(&"/v1/key-file/checksum".to_owned()), "the control");
    for path in ["/v1/info", "/v1/challenge", "/v1/login", "/v1/key-file/retrieve"] {
        assert!(!with_token.contains(&path.to_owned()), "{path}");
    }
}
