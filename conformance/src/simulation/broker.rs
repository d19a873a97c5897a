//! The broker: the real request handler on a simulated disk, effect by effect, so that requests overlap
//! and the process can end between any two.

use super::disk::Disk;
use super::fault::{Fault, Faults, Victim};
use super::journal::Journal;
use super::random::Random;
use absio_broker::{BrokerConfig, BrokerState, CreateApiKey, Handler, Open, RateLimit, Sweep};
use absio_proto::effect::{Effect, HttpRequest, HttpResponse, Reply, TransportError, TransportErrorKind};
use absio_proto::model::ApiKey;
use absio_proto::{Cx, Guard, Now, Operation, Step};
use core::time::Duration;
use std::collections::BTreeMap;

/// The only origin there is.
pub(crate) const ORIGIN: &str = "http://localhost:8600";

/// A request in the handler.
struct Serving {
    handler: Guard<Handler>,
    effect: Option<Effect>,
}

pub(crate) struct Broker {
    disk: Disk,
    state: BrokerState,
    random: Random,
    pub(crate) api_key: ApiKey,
    serving: BTreeMap<u64, Serving>,
}

/// What a step of the broker gave.
pub(crate) enum Served {
    /// It goes on.
    NotYet(Duration),
    Answered(u64, Result<HttpResponse, TransportError>),
    /// The process ended: none of these is answered.
    Crashed(Vec<u64>),
}

impl Broker {
    pub(crate) fn new(random: Random, now: Now, faults: &mut Faults) -> Self {
        let wide = RateLimit { attempts: 1_000_000, period: Duration::from_secs(60) };
        let config = BrokerConfig {
            retrievals_per_user: wide,
            retrievals_per_address: wide,
            ..BrokerConfig::new(vec![ORIGIN.into()])
        };
        let (mut disk, mut random) = (Disk::new(false), random);
        let mut nobody = ();
        let mut lent = Lent { disk: &mut disk, random: &mut random, now, faults };
        let state = lent.run(Open::new(config), &mut nobody).expect("an empty store opens without faults");
        let api_key =
            lent.run(CreateApiKey::new("simulation"), &mut nobody).expect("there is room for a key");
        Self { disk, state, random, api_key, serving: BTreeMap::new() }
    }

    /// Takes a request in.
    pub(crate) fn accept(&mut self, exchange: u64, request: HttpRequest) {
        self.serving
            .insert(exchange, Serving { handler: Guard::new(Handler::new(request, None)), effect: None });
    }

    pub(crate) fn busy(&self) -> Vec<u64> {
        self.serving.keys().copied().collect()
    }

    /// One effect of one request.
    pub(crate) fn step(
        &mut self,
        exchange: u64,
        now: Now,
        faults: &mut Faults,
        journal: &mut Journal,
    ) -> Served {
        let power_lost = faults.strikes(Fault::KillUnsynced);
        if power_lost || faults.strikes(Fault::Crash) || self.disk.is_poisoned {
            return Served::Crashed(self.restart(power_lost, now, faults, journal));
        }
        let Some(serving) = self.serving.get_mut(&exchange) else { return Served::NotYet(Duration::ZERO) };
        let mut took = Duration::ZERO;
        let reply = match serving.effect.take() {
            None => None,
            Some(Effect::Store(call)) => {
                let (op, reply) = call.take();
                if let Some(how) = faults.dies(Victim::Broker) {
                    self.disk.die_at(op, how);
                    return Served::Crashed(self.restart(true, now, faults, journal));
                }
                journal.bytes(format!("{op:?}").as_bytes());
                let (outcome, time) = self.disk.apply(op, faults);
                took = time;
                Some(reply(outcome))
            }
            Some(effect) => {
                let (reply, time) = perform(effect, &mut self.disk, faults, journal);
                took = time;
                Some(reply)
            }
        };
        let mut cx = Cx { now, entropy: &mut self.random, session: &mut self.state };
        match serving.handler.resume(&mut cx, reply) {
            Step::Effect(effect) => {
                serving.effect = Some(effect);
                Served::NotYet(took)
            }
            Step::Done(result) => {
                self.serving.remove(&exchange);
                let failed = |error: absio_proto::Error| {
                    TransportError::new(TransportErrorKind::Interrupted, error.to_string())
                };
                Served::Answered(exchange, result.map_err(failed))
            }
        }
    }

    /// Ends the process and starts it again: requests under way are gone, rate limits are new.
    fn restart(
        &mut self,
        power_lost: bool,
        now: Now,
        faults: &mut Faults,
        journal: &mut Journal,
    ) -> Vec<u64> {
        journal.note(format!("broker: restarted{}", if power_lost { ", power lost" } else { "" }));
        let gone = self.busy();
        self.serving.clear();
        loop {
            self.disk.reopen(power_lost, faults);
            let config = self.state.config().clone();
            let mut nobody = ();
            let mut lent = Lent { disk: &mut self.disk, random: &mut self.random, now, faults };
            let opened = lent.run(Open::new(config), &mut nobody);
            let swept = opened.and_then(|mut state| {
                let swept = lent.run(Sweep::new(), &mut state);
                swept.map(|_| state)
            });
            match swept {
                Ok(state) => {
                    self.state = state;
                    return gone;
                }
                // Whoever runs it starts it once more.
                Err(error) => journal.note(format!("broker: did not start: {error}")),
            }
        }
    }
}

/// What an operation of the broker that runs alone is lent.
struct Lent<'a> {
    disk: &'a mut Disk,
    random: &'a mut Random,
    now: Now,
    faults: &'a mut Faults,
}

impl Lent<'_> {
    fn run<S, O: Operation<S>>(
        &mut self,
        mut operation: O,
        session: &mut S,
    ) -> Result<O::Output, absio_proto::Error> {
        let mut reply = None;
        let mut unheard = Journal::new(0);
        loop {
            let mut cx = Cx { now: self.now, entropy: &mut *self.random, session: &mut *session };
            match operation.resume(&mut cx, reply.take()) {
                Step::Done(result) => return result,
                Step::Effect(effect) => reply = Some(perform(effect, self.disk, self.faults, &mut unheard).0),
            }
        }
    }
}

/// Performs an effect of a broker, which sends nothing and has no content.
fn perform(effect: Effect, disk: &mut Disk, faults: &mut Faults, journal: &mut Journal) -> (Reply, Duration) {
    match effect {
        Effect::Store(call) => {
            let (op, reply) = call.take();
            journal.bytes(format!("{op:?}").as_bytes());
            let (outcome, took) = disk.apply(op, faults);
            (reply(outcome), took)
        }
        Effect::Compute(job) => (job.run(), Duration::ZERO),
        Effect::Sleep(call) => {
            let duration = call.duration();
            (call.reply(), duration)
        }
        Effect::Progress(call) => (call.reply(), Duration::ZERO),
        Effect::Http(call) => {
            let (_, reply) = call.take();
            let refused = TransportError::new(TransportErrorKind::Invalid, "a broker makes no requests");
            (reply(Err(refused)), Duration::ZERO)
        }
        Effect::Content(call) => {
            let (_, reply) = call.take();
            let refused =
                absio_proto::effect::ContentError { reason: "a broker has no content of its own".into() };
            (reply(Err(refused)), Duration::ZERO)
        }
        Effect::All(call) => {
            let (slot, members) = call.split();
            let mut took = Duration::ZERO;
            let replies = members.into_iter().map(|member| {
                let (reply, time) = perform(member, disk, faults, journal);
                took += time;
                reply
            });
            let replies = replies.collect();
            (slot.join(replies), took)
        }
    }
}
