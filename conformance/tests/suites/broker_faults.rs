//! Brokers with a planted fault each: what a proxy does to the real one's answers, or to what reaches it.

use absio_broker::Fixture;
use absio_conformance::broker::{Target, broker_cases};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportError};
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    TakesAnyApiKey,
    ForgetsRepeats,
    AnswersRefusalsWith200,
    TellsWhoExists,
    CutsContents,
    CutsProofs,
    IgnoresFilters,
    IgnoresStart,
    TellsNoMore,
    KeepsDeletedSessions,
    LetsAnybodyRead,
    ServesAllPortions,
    SaysCreatedAsOk,
    ForgetsTheAppsName,
}

struct Faulty {
    broker: Fixture,
    fault: Fault,
    /// What was answered to reads, by path: told again to anybody.
    cache: Mutex<BTreeMap<String, HttpResponse>>,
}

fn replaced(body: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8_lossy(body).replace(from, to).into_bytes()
}

impl Faulty {
    fn altered(&self, mut request: HttpRequest) -> HttpRequest {
        let header = |name: &str| request.headers.iter().position(|(key, _)| key == name);
        match self.fault {
            Fault::TakesAnyApiKey => {
                if let Some(index) = header("absio-api-key") {
                    request.headers[index].1 = self.broker.api_key().to_string();
                }
            }
            Fault::ForgetsRepeats if request.path == "/v1/containers" => {
                if let Some(index) = header("absio-idempotency-key") {
                    let mut seen = self.cache.lock().unwrap();
                    let fresh = format!("{:032x}", seen.len() + 1);
                    let response = HttpResponse { status: 0, headers: Vec::new(), body: Vec::new() };
                    seen.insert(fresh.clone(), response);
                    request.headers[index].1 = fresh;
                }
            }
            Fault::IgnoresFilters => request.path = request.path.replace("action=", "limit=1000&x="),
            Fault::IgnoresStart if request.path.starts_with("/v1/events") => {
                let query: Vec<&str> = request.path.split(['?', '&']).skip(1).collect();
                let kept: Vec<&str> = query.into_iter().filter(|pair| !pair.starts_with("start=")).collect();
                request.path = format!("/v1/events?{}", kept.join("&"));
            }
            Fault::ServesAllPortions => {
                request.path = request.path.replace("portion=metadata", "portion=all")
            }
            Fault::ForgetsTheAppsName => request.headers.retain(|(name, _)| name != "absio-app-name"),
            _ => {}
        }
        request
    }
}

impl Transport for Faulty {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let request = self.altered(request);
        let (path, method) = (request.path.clone(), request.method);
        if self.fault == Fault::KeepsDeletedSessions && path == "/v1/logout" {
            return Ok(HttpResponse { status: 200, headers: Vec::new(), body: b"{}".to_vec() });
        }
        let read = method == Method::Get && path.starts_with("/v1/containers/");
        let mut response = self.broker.exchange(request)?;
        match self.fault {
            Fault::AnswersRefusalsWith200 if response.status == 404 => response.status = 200,
            Fault::TellsWhoExists if path == "/v1/login" && response.status == 401 => {
                let mut count = self.cache.lock().unwrap();
                let number = count.len().to_string();
                response.body =
                    replaced(&response.body, "\"message\":\"", &format!("\"message\":\"{number} "));
                count.insert(number, response.clone());
            }
            Fault::CutsContents if path.contains("/content?") => response.body.truncate(7),
            Fault::CutsProofs if path.contains("/chunks?") && response.status == 200 => {
                if let Some(last) = response.body.last_mut() {
                    *last ^= 1;
                }
            }
            Fault::TellsNoMore => response.body = replaced_json(&response, "\"more\":true", "\"more\":false"),
            Fault::SaysCreatedAsOk if response.status == 201 => response.status = 200,
            Fault::LetsAnybodyRead if read => {
                let mut cache = self.cache.lock().unwrap();
                if response.status == 200 {
                    cache.insert(path, response.clone());
                } else if let Some(earlier) = cache.get(&path) {
                    return Ok(earlier.clone());
                }
            }
            _ => {}
        }
        Ok(response)
    }
}

/// JSON alone: bundles are bytes.
fn replaced_json(response: &HttpResponse, from: &str, to: &str) -> Vec<u8> {
    if response.body.starts_with(b"{") { replaced(&response.body, from, to) } else { response.body.clone() }
}

const FAULTS: [(Fault, &str); 14] = [
    (Fault::TakesAnyApiKey, "requests::a_wrong_or_missing_api_key_is_refused"),
    (Fault::ForgetsRepeats, "containers::a_repeat_gets_the_first_answer"),
    (Fault::AnswersRefusalsWith200, "requests::unknown_paths_are_not_found"),
    (Fault::TellsWhoExists, "sessions::unknown_users_are_answered_alike"),
    (Fault::CutsContents, "uploads::ranges_are_proven"),
    (Fault::CutsProofs, "uploads::ranges_are_proven"),
    (Fault::IgnoresFilters, "events::filters_combine"),
    (Fault::IgnoresStart, "events::ids_increase_and_start_is_inclusive"),
    (Fault::TellsNoMore, "lists::containers_come_in_pages"),
    (Fault::KeepsDeletedSessions, "sessions::logout_ends_that_session_alone"),
    (Fault::LetsAnybodyRead, "containers::a_stranger_sees_nothing"),
    (Fault::ServesAllPortions, "containers::portions_bring_their_sections"),
    (Fault::SaysCreatedAsOk, "users::a_user_is_created_once"),
    (Fault::ForgetsTheAppsName, "events::the_apps_name_is_told"),
];

fn outcome(fault: Fault, name: &str) -> absio_conformance::Outcome {
    let broker = Fixture::at_present();
    let target = Target::new(broker.origin(), broker.api_key()).unwrap();
    let faulty = Faulty { broker, fault, cache: Mutex::default() };
    let cases = broker_cases();
    cases.iter().find(|case| case.name() == name).unwrap().run(&faulty, &target)
}

#[test]
fn each_fault_is_found_by_its_case_and_without_it_the_case_holds() {
    for (fault, case) in FAULTS {
        let found = outcome(fault, case);
        assert!(matches!(found, absio_conformance::Outcome::Failed(_)), "{fault:?}: {case} held");
        outcome(Fault::None, case).assert_held(case);
    }
}
