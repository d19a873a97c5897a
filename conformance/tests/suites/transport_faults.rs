//! Transports with a planted fault each, over the one that ships.

use super::found;
use absio_blocking::HttpTransport;
use absio_conformance::exchanges::{TransportCapabilities, run};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError, TransportErrorKind};
use std::sync::Mutex;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    DropsAHeader,
    AddsAHeader,
    CutsBodies,
    DropsTheQuery,
    DropsRequestBodies,
    KeepsTheCaseOfNames,
    FollowsRedirects,
    Repeats,
    FailsOnServerErrors,
    ConfusesKinds,
    IgnoresTheDeadline,
    IgnoresTheLimit,
    OneAtATime,
    TellsSecrets,
}

struct Faulty {
    inner: HttpTransport,
    fault: Fault,
    turn: Mutex<()>,
}

impl Faulty {
    fn altered(&self, mut request: HttpRequest) -> HttpRequest {
        match self.fault {
            Fault::DropsAHeader => request.headers.retain(|(name, _)| name != "absio-signature"),
            Fault::AddsAHeader => request.headers.push(("cookie".into(), "a=b".into())),
            Fault::DropsTheQuery => {
                request.path.truncate(request.path.find('?').unwrap_or(request.path.len()))
            }
            Fault::DropsRequestBodies => request.body = Vec::new().into(),
            Fault::IgnoresTheDeadline => request.deadline = Duration::from_secs(6),
            Fault::IgnoresTheLimit => request.max_response = u64::MAX >> 1,
            _ => {}
        }
        request
    }
}

impl Transport for Faulty {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let _turn = (self.fault == Fault::OneAtATime).then(|| self.turn.lock().unwrap());
        let request = self.altered(request);
        let outcome = self.inner.exchange(request.clone());
        let mut response = match (self.fault, outcome) {
            (Fault::Repeats, Err(_)) => self.inner.exchange(request.clone())?,
            (Fault::ConfusesKinds, Err(error)) => {
                return Err(TransportError::new(TransportErrorKind::Unreachable, error.reason));
            }
            (Fault::TellsSecrets, Err(error)) => {
                let reason = format!("{}: {:?}", error.reason, request.headers);
                return Err(TransportError::new(error.kind, reason));
            }
            (_, outcome) => outcome?,
        };
        match self.fault {
            Fault::CutsBodies => response.body.truncate(response.body.len().saturating_sub(1)),
            Fault::KeepsTheCaseOfNames => {
                response.headers.iter_mut().for_each(|(name, _)| *name = name.to_ascii_uppercase());
            }
            Fault::FollowsRedirects if response.status / 100 == 3 => {
                let target = response.header("location").unwrap_or_default().to_owned();
                let origin = target.trim_end_matches("/v1/info").to_owned();
                return self.inner.exchange(HttpRequest { origin, ..request });
            }
            Fault::FailsOnServerErrors if response.status >= 500 => {
                return Err(TransportError::new(TransportErrorKind::Interrupted, "a server error"));
            }
            _ => {}
        }
        Ok(response)
    }
}

fn faulty(fault: Fault) -> Faulty {
    Faulty { inner: HttpTransport::new(), fault, turn: Mutex::new(()) }
}

const FAULTS: [(Fault, &str); 14] = [
    (Fault::DropsAHeader, "sending::headers_arrive_as_they_are"),
    (Fault::AddsAHeader, "sending::nothing_is_added"),
    (Fault::CutsBodies, "receiving::any_bytes_come_back"),
    (Fault::DropsTheQuery, "sending::every_method_path_and_body_arrives"),
    (Fault::DropsRequestBodies, "sending::a_large_body_arrives"),
    (Fault::KeepsTheCaseOfNames, "receiving::header_names_are_lower_case"),
    (Fault::FollowsRedirects, "receiving::mn_redirects_are_not_followed"),
    (Fault::Repeats, "failures::nothing_is_repeated"),
    (Fault::FailsOnServerErrors, "receiving::every_status_is_a_response"),
    (Fault::ConfusesKinds, "failures::an_early_end_is_interrupted"),
    (Fault::IgnoresTheDeadline, "timing::silence_ends_at_the_deadline"),
    (Fault::IgnoresTheLimit, "bounds::a_body_over_the_limit_is_too_large"),
    (Fault::OneAtATime, "sending::exchanges_run_at_once"),
    (Fault::TellsSecrets, "failures::nothing_secret_is_in_an_error"),
];

/// The cases that wait are run only for the faults that are about waiting.
fn report(fault: Fault, case: &str) -> absio_conformance::Report {
    let transport = faulty(fault);
    let mut report = absio_conformance::Report::default();
    for other in absio_conformance::transport_cases() {
        if other.name() == case || other.name().starts_with("receiving::an") {
            report.case(other.name(), &[], || other.run(&transport, TransportCapabilities::ALL));
        }
    }
    report
}

#[test]
fn each_fault_is_found_by_its_case() {
    for (fault, case) in FAULTS {
        let report = report(fault, case);
        assert!(report.failed().contains(&case), "{fault:?}: {case} held\n{}", report.text());
    }
}

/// The control.
#[test]
fn without_a_fault_nothing_fails() {
    let report = run(&faulty(Fault::None), TransportCapabilities::ALL);
    report.assert_passed();
    assert!(report.skipped().is_empty());
}

#[test]
fn what_is_not_declared_is_skipped_and_what_is_cut_is_found_among_all() {
    let report = run(&faulty(Fault::CutsBodies), TransportCapabilities::NONE);
    found(&report, "CutsBodies", "receiving::any_bytes_come_back");
    assert!(report.skipped().contains(&"receiving::chunks_are_joined"));
    assert!(report.passed().contains(&"timing::silence_ends_at_the_deadline"));
}
