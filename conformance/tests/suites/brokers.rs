//! The broker that ships: in this process for every case, and over HTTP.

use absio_blocking::HttpTransport;
use absio_broker::http::{Running, Server, ServerConfig};
use absio_broker::{Fixture, create_api_key};
use absio_conformance::broker::{Target, broker_cases, run};
use absio_proto::model::ApiKey;
use absio_store::MemoryStore;
use std::sync::Arc;

/// The broker behind HTTP on a free port, and a key of its own.
pub(crate) fn served() -> (Running, ApiKey) {
    let store = Arc::new(MemoryStore::new());
    let key = create_api_key(&*store, "conformance").unwrap();
    let server = Server::bind("127.0.0.1:0", store, ServerConfig::default()).unwrap();
    (server.start().unwrap(), key)
}

#[test]
fn the_broker_conforms_over_http() {
    let (server, key) = served();
    let target = Target::new(server.origin(), key).unwrap();
    assert_eq!(target.probe(&HttpTransport::new()), Ok(()));
    let report = run(&HttpTransport::new(), &target);
    report.assert_passed();
    assert!(report.passed().len() >= 40 && report.skipped().is_empty(), "{}", report.text());
    server.stop().unwrap();
}

/// The same cases over a transport of tasks.
#[test]
fn the_broker_conforms_over_tasks() {
    let fixture = Fixture::at_present();
    let target = Target::new(fixture.origin(), fixture.api_key()).unwrap();
    let transport = absio_async_std::Unblocked::new(fixture);
    for case in broker_cases().iter().filter(|case| case.name().starts_with("permissions::")) {
        smol::block_on(case.run_async(&transport, &target)).assert_held(case.name());
    }
}

/// Every id that a case names is one of the checklist.
#[test]
fn cases_name_rows_of_the_checklist() {
    let list = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/checklist.ids")).unwrap();
    let ids: Vec<&str> = list.lines().filter_map(|line| line.split(' ').next()).collect();
    let cases = broker_cases();
    for case in &cases {
        for id in case.shows() {
            assert!(ids.contains(id), "{}: {id}", case.name());
        }
    }
    assert!(cases.len() >= 40 && cases.iter().filter(|case| !case.shows().is_empty()).count() >= 30);
}
