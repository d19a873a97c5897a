//! The broker cases: what every server of the protocol owes (`docs/protocol.md` §14 to §17), seen from outside.
//!
//! They speak to any server at an origin, with an API key, over any transport, and make what they need: users
//! and containers with random names. Nothing is assumed about what else is there. A server under test must
//! not limit the number of users one address may create.

mod actor;
mod containers;
mod events;
mod lists;
mod permissions;
mod requests;
mod sealing;
mod sessions;
mod uploads;
mod users;

use crate::report::{Outcome, Report};
use crate::script::Script;
use crate::store::outcome;
use absio_proto::InputError;
use absio_proto::driver::{blocking, nonblocking};
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError};
use absio_proto::model::ApiKey;
use absio_proto::wire::{InfoAnswer, Route, from_json, parse_origin};
use actor::{Desk, Line};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

type Question = HttpRequest;
type Answer = Result<HttpResponse, TransportError>;

/// The server under test.
#[derive(Debug, Clone)]
pub struct Target {
    origin: String,
    api_key: ApiKey,
}

impl Target {
    /// The server at `url` (`scheme://host[:port]`), under an API key of its own.
    ///
    /// # Errors
    /// [`InputError`] if `url` is no origin of §14.1.
    pub fn new(url: &str, api_key: ApiKey) -> Result<Self, InputError> {
        Ok(Self { origin: parse_origin(url)?, api_key })
    }

    /// The origin, in its one form.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    fn request(&self, route: &Route) -> HttpRequest {
        HttpRequest {
            method: route.method(),
            origin: self.origin.clone(),
            path: route.path(),
            headers: vec![(absio_proto::wire::API_KEY.into(), self.api_key.to_string())],
            body: absio_proto::effect::Body::new(),
            deadline: Duration::from_secs(10),
            max_response: route.max_response(),
        }
    }

    /// Asks once whether there is a server of this protocol that knows the API key.
    ///
    /// # Errors
    /// Why not, in words for a person.
    pub fn probe(&self, transport: &impl blocking::Transport) -> Result<(), String> {
        let info = transport
            .exchange(self.request(&Route::Info))
            .map_err(|error| format!("the server could not be reached ({error})"))?;
        from_json::<InfoAnswer>("info", &info.body).map_err(|_| {
            format!("what answers there is no Absio server (status {} to GET /v1/info)", info.status)
        })?;
        let challenge = transport
            .exchange(self.request(&Route::Challenge))
            .map_err(|error| format!("the server could not be reached ({error})"))?;
        match actor::outcome(&challenge) {
            Ok(_) => Ok(()),
            Err(code) => Err(format!("the server does not take this API key ({code})")),
        }
    }
}

/// One case: a name, the rows of the behaviour checklist it shows, and what is exchanged.
pub struct BrokerCase {
    name: &'static str,
    shows: &'static [&'static str],
    script: fn(Target) -> Script<Question, Answer>,
}

/// A run of a case over a transport of tasks, for the executor.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

impl BrokerCase {
    /// `module::case`, the same in every version of the suite.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Rows of the behaviour checklist (`.ci/checklist.ids`).
    #[must_use]
    pub fn shows(&self) -> &'static [&'static str] {
        self.shows
    }

    /// Runs the case over `transport`.
    pub fn run<T: blocking::Transport + Sync>(&self, transport: &T, target: &Target) -> Outcome {
        let script = (self.script)(target.clone());
        outcome(crate::script::run(script, &|request| transport.exchange(request)))
    }

    /// The run of the case over a transport of tasks.
    pub fn run_async<'a, T: nonblocking::Transport>(&self, transport: &'a T, target: &Target) -> Running<'a> {
        let script = (self.script)(target.clone());
        Box::pin(async move {
            outcome(crate::script::run_async(script, |request| transport.exchange(request)).await)
        })
    }
}

macro_rules! list {
    ($($module:ident: $($case:ident $([$($id:literal)+])?),+;)+) => {
        vec![$($(BrokerCase {
            name: concat!(stringify!($module), "::", stringify!($case)),
            shows: &[$($($id),+)?],
            script: |target| Script::new(move |desk: Desk| $module::$case(Line { desk, target })),
        },)+)+]
    };
}

/// Every case, in the order of the suite.
#[must_use]
pub fn broker_cases() -> Vec<BrokerCase> {
    list! {
        requests: info_needs_no_key, a_wrong_or_missing_api_key_is_refused ["S-002" "S-005"], unknown_paths_are_not_found,
            other_methods_are_not_allowed, unknown_queries_are_refused, json_is_strict, bodies_have_limits,
            headers_must_be_well_formed, a_doubled_header_is_refused, a_bundle_that_lies_is_refused,
            redirects_never_come;
        users: a_user_is_created_once ["S-154"], an_id_is_what_its_card_implies ["S-152"],
            a_card_must_be_signed_by_itself, a_reminder_is_public_and_bounded ["S-161" "S-163"],
            keys_are_served_and_the_unknown_named ["S-183" "S-203"], a_deleted_user_is_gone ["S-160" "S-206"],
            nobody_deletes_another ["S-206"], key_files_are_compared_and_set ["S-178" "S-182"],
            retrieval_needs_the_passphrase ["S-011" "S-202"], signed_requests_are_for_exactly_this;
        sessions: a_login_is_good_once ["S-007"], altered_logins_are_refused ["S-013"],
            unknown_users_are_answered_alike ["S-013"], logout_ends_that_session_alone ["S-015"],
            without_a_session_nothing_is_told ["S-001" "S-015"], a_made_up_token_is_refused;
        containers: what_was_stored_comes_back ["S-025" "S-050" "S-051" "S-197"],
            portions_bring_their_sections ["S-052" "S-053" "S-054"], a_portion_that_is_none_is_refused ["S-055"],
            a_stranger_sees_nothing ["S-046"], an_expired_row_is_refused ["S-037" "S-058"],
            an_old_revision_is_a_conflict ["S-070"], a_repeat_gets_the_first_answer,
            another_body_under_a_key_is_refused, what_is_not_signed_is_refused ["S-059"],
            bytes_of_another_container_are_refused, unknown_readers_are_refused ["S-038"],
            leaving_needs_no_right ["S-042" "S-047"], the_last_reader_ends_it ["S-043" "S-045"];
        permissions: without_view_rows_are_hashes ["S-125"], without_modify_the_list_stays ["S-126"],
            without_decrypt_no_key ["S-113" "S-127"], without_download_no_bytes ["S-057" "S-128"],
            without_type_view_no_type ["S-129"], without_type_modify_the_type_stays ["S-130"],
            without_upload_content_and_header_stay ["S-131" "S-136"], uploads_need_view_and_modify ["S-133" "S-134"];
        lists: containers_come_in_pages ["X-02"], manifests_come_in_pages, limits_of_pages_are_kept;
        uploads: parts_come_in_any_order ["S-026"], an_upload_is_what_the_manifest_signs,
            ranges_are_proven, an_upload_is_its_owners;
        events: causes_and_their_readers ["S-048" "S-139" "S-150" "S-151"], ids_increase_and_start_is_inclusive ["S-062" "S-069" "S-140"],
            filters_combine ["S-063" "S-064" "S-065" "S-066"], pages_go_on_where_they_ended ["S-199"],
            only_parties_are_told ["S-068"], the_apps_name_is_told ["S-142"];
    }
}

/// Runs every case over `transport`.
pub fn run<T: blocking::Transport + Sync>(transport: &T, target: &Target) -> Report {
    let mut report = Report::default();
    for case in broker_cases() {
        report.case(case.name, case.shows, || case.run(transport, target));
    }
    report
}
