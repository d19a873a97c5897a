//! The transport that follows a plan.

use super::misdeed::Misdeed;
use super::plan::Plan;
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Outcome = Result<HttpResponse, TransportError>;

/// A transport around an honest one that misbehaves as its [`Plan`] says. It keeps what every transport
/// owes its caller, the bound on a response among it, and breaks all that a network or a server may.
pub struct Hostile<T> {
    transport: T,
    state: Mutex<State>,
}

/// Something a [`Hostile`] transport did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// How many requests came before.
    pub number: u64,
    /// The request's method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// What was done.
    pub misdeed: Misdeed,
}

struct State {
    plan: Plan,
    number: u64,
    /// The last answer given.
    last: Option<HttpResponse>,
    /// The last honest answer by method and path without the query.
    known: BTreeMap<String, HttpResponse>,
    /// An answer on its way to a request that no longer waits for it.
    late: Option<HttpResponse>,
    done: Vec<Done>,
}

/// What to do with the request once the state is no longer locked.
enum Course {
    /// The broker is not asked.
    Answer(Outcome),
    /// The broker is asked, so many times, and its last answer treated like this.
    Ask { times: u32, then: Then },
}

enum Then {
    Give,
    Lose(TransportErrorKind),
    HoldBack,
    /// Give the one that came late; this one is lost.
    Replace(HttpResponse),
    Alter(Misdeed),
}

impl<T> Hostile<T> {
    /// Sends by `transport`, except as `plan` says.
    pub const fn new(transport: T, plan: Plan) -> Self {
        let state =
            State { plan, number: 0, last: None, known: BTreeMap::new(), late: None, done: Vec::new() };
        Self { transport, state: Mutex::new(state) }
    }

    /// Follows another plan from now on. A late answer is forgotten; earlier ones may still be repeated.
    pub fn follow(&self, plan: Plan) {
        let mut state = self.state();
        state.plan = plan;
        state.late = None;
    }

    /// What was done so far. A misdeed that had nothing to act on is not among it.
    #[must_use]
    pub fn done(&self) -> Vec<Done> {
        self.state().done.clone()
    }

    /// Requests that came so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.state().number
    }

    /// The transport inside.
    pub const fn inner(&self) -> &T {
        &self.transport
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Transport> Transport for Hostile<T> {
    fn exchange(&self, request: HttpRequest) -> Outcome {
        let (kind, limit) = (kind(&request), request.max_response);
        let course = self.state().course(&request);
        let outcome = match course {
            Course::Answer(outcome) => outcome,
            Course::Ask { times, then } => {
                for _ in 1..times {
                    // Whatever came of the first arrival, only the last is answered.
                    let _ = self.transport.exchange(request.clone());
                }
                let answer = self.transport.exchange(request);
                self.state().treat(kind, answer, then)
            }
        };
        // Whose answer it ever was: no transport hands out more than was asked for.
        let outcome = match outcome {
            Ok(response) if response.body.len() as u64 > limit => {
                Err(TransportError::new(TransportErrorKind::TooLarge, "the response is over its limit"))
            }
            other => other,
        };
        if let Ok(response) = &outcome {
            self.state().last = Some(response.clone());
        }
        outcome
    }
}

impl State {
    fn course(&mut self, request: &HttpRequest) -> Course {
        let number = self.number;
        self.number += 1;
        let late = self.late.take();
        let Some(misdeed) = self.plan.decide(request) else {
            return Course::Ask { times: 1, then: late.map_or(Then::Give, Then::Replace) };
        };
        let course = self.course_of(&misdeed, &kind(request));
        let acts = !matches!(course, Course::Ask { times: 1, then: Then::Give });
        if acts {
            let (method, path) = (request.method, request.path.clone());
            self.done.push(Done { number, method, path, misdeed });
        }
        course
    }

    fn course_of(&self, misdeed: &Misdeed, kind: &str) -> Course {
        let ask = |times, then| Course::Ask { times, then };
        let instead = |response: Option<&HttpResponse>| match response {
            Some(response) => Course::Answer(Ok(response.clone())),
            None => ask(1, Then::Give),
        };
        match misdeed {
            Misdeed::NeverArrives(kind) => Course::Answer(Err(failed(*kind))),
            Misdeed::AnswerLost(kind) => ask(1, Then::Lose(*kind)),
            Misdeed::ArrivesTwice => ask(2, Then::Give),
            Misdeed::ComesLate => ask(1, Then::HoldBack),
            Misdeed::Truncates(_) | Misdeed::FlipsBit(_) | Misdeed::FailsAfter(_) => {
                ask(1, Then::Alter(misdeed.clone()))
            }
            Misdeed::RepeatsPrevious => instead(self.last.as_ref()),
            Misdeed::AnswersAnother => instead(self.known.get(kind)),
            Misdeed::Answers(response) => instead(Some(response)),
            Misdeed::FailsBefore(status) => Course::Answer(Ok(page(*status, None))),
            Misdeed::Busy(seconds) => Course::Answer(Ok(page(429, Some(*seconds)))),
        }
    }

    fn treat(&mut self, kind: String, answer: Outcome, then: Then) -> Outcome {
        if let Ok(response) = &answer {
            self.known.insert(kind, response.clone());
        }
        match then {
            Then::Give => answer,
            Then::Lose(kind) => answer.and(Err(failed(kind))),
            Then::HoldBack => {
                self.late = Some(answer?);
                Err(failed(TransportErrorKind::TimedOut))
            }
            Then::Replace(late) => answer.map(|_| late),
            Then::Alter(misdeed) => answer.map(|response| alter(response, &misdeed)),
        }
    }
}

fn alter(mut response: HttpResponse, misdeed: &Misdeed) -> HttpResponse {
    match misdeed {
        Misdeed::Truncates(missing) => {
            response.body.truncate(response.body.len().saturating_sub(*missing));
        }
        Misdeed::FlipsBit(bit) => {
            let bit = bit.checked_rem(response.body.len().saturating_mul(8)).unwrap_or(0);
            if let Some(byte) = response.body.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
        Misdeed::FailsAfter(status) => response = page(*status, None),
        _ => {}
    }
    response
}

/// Which requests ask for the same kind of thing.
fn kind(request: &HttpRequest) -> String {
    let path = request.path.split_once('?').map_or(request.path.as_str(), |(path, _)| path);
    format!("{} {path}", request.method.as_str())
}

fn failed(kind: TransportErrorKind) -> TransportError {
    TransportError::new(kind, "the network is hostile")
}

/// What stands in front of a broker speaks in words of its own.
fn page(status: u16, retry_after: Option<u32>) -> HttpResponse {
    let mut headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    HttpResponse { status, headers, body: b"<h1>not now</h1>".to_vec() }
}
