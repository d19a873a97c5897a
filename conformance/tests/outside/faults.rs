//! The same, with a fault each: lost write, wrong order in a scan, dropped header, cut body.

use super::{MapStore, PlainHttp};
use absio_conformance::store::{Backend, Capabilities, run};
use absio_conformance::{Outcome, TransportCapabilities, transport_case};
use absio_proto::driver::blocking::{Store, Transport};
use absio_proto::effect::{HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome, TransportError};

struct Bad(fn(&MapStore, StoreOp) -> Result<StoreOutcome, StoreError>);

struct BadStore {
    inner: MapStore,
    apply: fn(&MapStore, StoreOp) -> Result<StoreOutcome, StoreError>,
}

impl Store for BadStore {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        (self.apply)(&self.inner, op)
    }
}

impl Backend for Bad {
    type Store = BadStore;

    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: false, bounded: false, concurrent: false }
    }

    fn fresh(&self) -> BadStore {
        BadStore { inner: MapStore::default(), apply: self.0 }
    }
}

#[test]
fn a_lost_write_is_found() {
    let report = run(&Bad(|store, op| match op {
        StoreOp::Commit(mut commit) if commit.writes.len() == 2 => {
            commit.writes.pop();
            store.apply(StoreOp::Commit(commit))
        }
        op => store.apply(op),
    }));
    assert!(report.failed().contains(&"records::get_answers_in_the_order_of_the_keys"), "{}", report.text());
}

#[test]
fn a_scan_in_the_wrong_order_is_found() {
    let report = run(&Bad(|store, op| match store.apply(op)? {
        StoreOutcome::Entries(mut entries) => {
            entries.reverse();
            Ok(StoreOutcome::Entries(entries))
        }
        outcome => Ok(outcome),
    }));
    assert!(report.failed().contains(&"records::scan_is_ordered_and_half_open"), "{}", report.text());
    assert!(report.failed().iter().all(|name| !name.starts_with("blobs") && !name.starts_with("cells")));
}

struct BadTransport(fn(&mut HttpRequest), fn(&mut HttpResponse));

impl Transport for BadTransport {
    fn exchange(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        (self.0)(&mut request);
        let mut response = PlainHttp.exchange(request)?;
        (self.1)(&mut response);
        Ok(response)
    }
}

fn outcome(transport: &BadTransport, name: &str) -> Outcome {
    transport_case(name).unwrap().run(transport, TransportCapabilities::NONE)
}

#[test]
fn a_dropped_header_and_a_cut_body_are_found() {
    let (headers, bodies) = ("sending::headers_arrive_as_they_are", "receiving::any_bytes_come_back");
    let dropping = BadTransport(|request| request.headers.truncate(1), |_| ());
    assert!(matches!(outcome(&dropping, headers), Outcome::Failed(_)));
    assert_eq!(outcome(&dropping, bodies), Outcome::Passed);
    let cutting = BadTransport(|_| (), |response| response.body.truncate(10));
    assert!(matches!(outcome(&cutting, bodies), Outcome::Failed(_)));
    assert_eq!(outcome(&cutting, headers), Outcome::Passed);
}
