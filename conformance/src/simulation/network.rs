//! The simulated network: what is on its way, when it arrives, and what happens to it meanwhile.
//!
//! ```text
//!  sent ──▶ Outbound(when) ──▶ at the broker ──▶ Inbound(when) ──▶ heard
//!    │ drop, partition              │ half-open          │ truncated, corrupt, 5xx, 429, 401, stale
//!    └───────────── Inbound(the deadline or at once, no answer) ◀──┘
//! ```

use super::fault::{Fault, Faults};
use absio_proto::effect::{HttpRequest, HttpResponse, Method, Reply, TransportError, TransportErrorKind};
use core::time::Duration;
use std::collections::BTreeMap;

/// Answers remembered to be shown again.
const REMEMBERED: usize = 200;

/// How a task is answered.
pub(crate) type Answer = Box<dyn FnOnce(Result<HttpResponse, TransportError>) -> Reply>;

/// Where an exchange is.
enum Place {
    Outbound(Duration),
    AtBroker,
    Inbound(Duration, Result<HttpResponse, TransportError>),
}

/// One exchange.
struct Exchange {
    /// The task that waits; none for a copy that nobody sent.
    task: Option<(u64, Answer)>,
    request: HttpRequest,
    place: Place,
    /// Its answer is lost.
    is_half_open: bool,
}

/// An answer, to whom, and to which question.
pub(crate) struct Heard {
    pub(crate) task: u64,
    pub(crate) reply: Reply,
    pub(crate) line: String,
    pub(crate) body: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Network {
    exchanges: BTreeMap<u64, Exchange>,
    next: u64,
    remembered: BTreeMap<(String, String), Vec<HttpResponse>>,
}

fn lost(kind: TransportErrorKind) -> Result<HttpResponse, TransportError> {
    Err(TransportError::new(kind, "a simulated fault"))
}

fn refusal(status: u16, code: &str) -> HttpResponse {
    let body = format!(r#"{{"error":{{"code":"{code}","message":"a simulated fault"}}}}"#);
    HttpResponse { status, headers: Vec::new(), body: body.into_bytes() }
}

impl Network {
    /// A task sends `request`; `is_cut_off` if its device is off the net.
    pub(crate) fn send(
        &mut self,
        task: u64,
        request: HttpRequest,
        answer: Answer,
        is_cut_off: bool,
        now: Duration,
        faults: &mut Faults,
    ) {
        let mut place = Place::Outbound(now + Duration::from_millis(1));
        let deadline = now + request.deadline;
        if is_cut_off {
            place = Place::Inbound(now, lost(TransportErrorKind::Unreachable));
        } else if faults.strikes(Fault::Drop) {
            place = match faults.draw(Fault::Drop, 2) {
                0 => Place::Inbound(now, lost(TransportErrorKind::Unreachable)),
                _ => Place::Inbound(deadline, lost(TransportErrorKind::TimedOut)),
            };
        } else if faults.strikes(Fault::Reorder) {
            place = Place::Outbound(now + Duration::from_millis(faults.draw(Fault::Reorder, 5_000)));
        }
        if let Some(response) = self.misanswered(&request, faults) {
            place = Place::Inbound(now, Ok(response));
        }
        if faults.strikes(Fault::Duplicate) {
            let at = now + Duration::from_millis(faults.draw(Fault::Duplicate, 30_000));
            let copy = Exchange {
                task: None,
                request: request.clone(),
                place: Place::Outbound(at),
                is_half_open: false,
            };
            self.add(copy);
        }
        let is_half_open = faults.strikes(Fault::HalfOpen);
        self.add(Exchange { task: Some((task, answer)), request, place, is_half_open });
    }

    fn add(&mut self, exchange: Exchange) {
        self.exchanges.insert(self.next, exchange);
        self.next += 1;
    }

    /// An answer that never saw the broker.
    fn misanswered(&self, request: &HttpRequest, faults: &mut Faults) -> Option<HttpResponse> {
        if faults.strikes(Fault::ServerError) {
            return Some(match faults.draw(Fault::ServerError, 3) {
                0 => refusal(503, "unavailable"),
                1 => refusal(500, "internal"),
                _ => HttpResponse {
                    status: 502,
                    headers: Vec::new(),
                    body: b"<html>bad gateway</html>".to_vec(),
                },
            });
        }
        if faults.strikes(Fault::TooManyRequests) {
            return Some(refusal(429, "rate_limited"));
        }
        let has_token = request.headers.iter().any(|(name, _)| name == "authorization");
        if has_token && faults.strikes(Fault::Unauthorized) {
            return Some(refusal(401, "session_expired"));
        }
        if request.method == Method::Get
            && let Some(old) = self.remembered.get(&Self::question(request))
            && faults.strikes(Fault::StaleRead)
        {
            let which = usize::try_from(faults.draw(Fault::StaleRead, old.len() as u64)).unwrap_or(0);
            return old.get(which).cloned();
        }
        None
    }

    /// What is asked, and by whom.
    fn question(request: &HttpRequest) -> (String, String) {
        let token = request.headers.iter().find(|(name, _)| name == "authorization");
        (request.path.clone(), token.map(|(_, token)| token.clone()).unwrap_or_default())
    }

    /// Requests that have arrived at the broker by `now`, if one waits.
    pub(crate) fn arrivals(&self, now: Duration) -> Vec<u64> {
        let arrived = |exchange: &Exchange| matches!(exchange.place, Place::Outbound(at) if at <= now);
        self.exchanges.iter().filter(|(_, exchange)| arrived(exchange)).map(|(id, _)| *id).collect()
    }

    /// Hands an arrived request to the broker.
    pub(crate) fn deliver(&mut self, id: u64) -> Option<HttpRequest> {
        let exchange = self.exchanges.get_mut(&id)?;
        exchange.place = Place::AtBroker;
        Some(exchange.request.clone())
    }

    /// The broker answered, or ended.
    pub(crate) fn answered(
        &mut self,
        id: u64,
        outcome: Result<HttpResponse, TransportError>,
        now: Duration,
        faults: &mut Faults,
    ) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        if let Ok(response) = &outcome
            && exchange.request.method == Method::Get
            && response.status == 200
        {
            let question = Self::question(&exchange.request);
            if self.remembered.len() < REMEMBERED || self.remembered.contains_key(&question) {
                let old = self.remembered.entry(question).or_default();
                if old.len() < 4 {
                    old.push(response.clone());
                }
            }
        }
        if exchange.is_half_open {
            let kind = match faults.draw(Fault::HalfOpen, 2) {
                0 => TransportErrorKind::TimedOut,
                _ => TransportErrorKind::Interrupted,
            };
            exchange.place = Place::Inbound(now + exchange.request.deadline, lost(kind));
            return;
        }
        let mut at = now + Duration::from_millis(1);
        if faults.strikes(Fault::Delay) {
            at += Duration::from_millis(faults.draw(Fault::Delay, 40_000));
        }
        let outcome = outcome.map(|mut response| {
            if !response.body.is_empty() && faults.strikes(Fault::TruncatedBody) {
                let kept = faults.draw(Fault::TruncatedBody, response.body.len() as u64);
                response.body.truncate(usize::try_from(kept).unwrap_or(0));
            }
            if !response.body.is_empty() && faults.strikes(Fault::CorruptByte) {
                let at =
                    usize::try_from(faults.draw(Fault::CorruptByte, response.body.len() as u64)).unwrap_or(0);
                response.body[at] ^= 1 << faults.draw(Fault::CorruptByte, 8);
            }
            response
        });
        exchange.place = Place::Inbound(at, outcome);
    }

    /// Answers that have arrived by `now`.
    pub(crate) fn answers(&self, now: Duration) -> Vec<u64> {
        let arrived = |exchange: &Exchange| matches!(&exchange.place, Place::Inbound(at, _) if *at <= now);
        self.exchanges.iter().filter(|(_, exchange)| arrived(exchange)).map(|(id, _)| *id).collect()
    }

    /// Takes an answer that has arrived to whoever waits.
    pub(crate) fn hear(&mut self, id: u64) -> Option<Heard> {
        let exchange = self.exchanges.remove(&id)?;
        let Place::Inbound(_, outcome) = exchange.place else { return None };
        let (task, answer) = exchange.task?;
        let outcome = match outcome {
            Ok(response) if response.body.len() as u64 > exchange.request.max_response => {
                lost(TransportErrorKind::TooLarge)
            }
            outcome => outcome,
        };
        let line = match &outcome {
            Ok(response) => format!("{:?} -> {response:?}", exchange.request),
            Err(error) => format!("{:?} -> {:?}", exchange.request, error.kind),
        };
        let body = outcome.as_ref().map(|response| response.body.clone()).unwrap_or_default();
        Some(Heard { task, reply: answer(outcome), line, body })
    }

    /// When the next thing arrives, if anything is on its way.
    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        let at = |exchange: &Exchange| match exchange.place {
            Place::Outbound(at) | Place::Inbound(at, _) => Some(at),
            Place::AtBroker => None,
        };
        self.exchanges.values().filter_map(at).min()
    }
}
