//! The world: one broker, a few people with their devices, one clock, one thread.
//!
//! What happens next is drawn among everything that could: one effect of an operation on some device, one
//! effect of a request at the broker, one arrival. So operations of different devices, and of one device,
//! overlap in every way that effects can.

use super::Settings;
use super::broker::{Broker, ORIGIN, Served};
use super::call::{Call, Outcome, Place};
use super::device::{Device, START, millis};
use super::fault::{Fault, Faults, How, Victim};
use super::invariants::{self, Held, Keystreams, Tokens, Violation};
use super::journal::Journal;
use super::model::Model;
use super::network::Network;
use super::random::Random;
use absio_proto::effect::{Effect, JoinSlot, Reply, StoreOp, StoreOutcome};
use absio_proto::model::UserId;
use absio_proto::{BoxOp, Cx, Error, Guard, Operation, Step};
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

/// An operation under way.
pub(super) struct Task {
    pub(super) device: usize,
    pub(super) user: Option<usize>,
    pub(super) call: Call,
    operation: Guard<BoxOp<Outcome>>,
    /// Effects of the last turn that are not begun.
    queue: VecDeque<Effect>,
    /// Exchanges that are not answered.
    outstanding: usize,
    slot: Option<JoinSlot>,
    replies: Vec<Reply>,
    pub(super) began: Began,
}

/// How things stood when an operation began.
#[derive(Clone, Copy)]
pub(super) struct Began {
    pub(super) device_clock: u64,
    pub(super) broker_clock: u64,
    /// The newest acknowledged revision of the container it is about.
    pub(super) top: u64,
    /// The newest revision its device had shown of it; under the local store alone, had kept of it.
    pub(super) seen: u64,
}

/// A result, with what is needed to judge it.
pub(super) struct Finished {
    pub(super) task: Task,
    pub(super) result: Result<Outcome, Error>,
}

pub(crate) struct World {
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
    /// Since the beginning, by the broker's clock.
    pub(super) now: Duration,
    pub(super) broker: Broker,
    pub(super) network: Network,
    pub(super) devices: Vec<Device>,
    pub(super) tasks: BTreeMap<u64, Task>,
    pub(super) model: Model,
    pub(super) ids: Vec<UserId>,
    pub(super) operations: BTreeMap<&'static str, u64>,
    pub(super) effects: u64,
    pub(super) tokens: Tokens,
    pub(super) keystreams: Keystreams,
    pub(super) weights: Vec<u64>,
    pub(super) steps: u64,
    /// The task whose result somebody waits for, and that result.
    pub(super) kept_result: Option<u64>,
    pub(super) result: Option<Finished>,
    next_task: u64,
}

impl World {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Violation> {
        let root = Random::new(settings.seed);
        let mut random = root.fork(1);
        let mut faults = Faults::new(settings.faults, &root);
        faults.pause(true);
        let users = settings.users.unwrap_or(2 + random.index(4));
        let now = Duration::ZERO;
        let clock =
            absio_proto::Now { utc: absio_proto::model::Timestamp::from_millis(START), monotonic: now };
        let broker = Broker::new(root.fork(2), clock, &mut faults);
        let mut devices = Vec::new();
        for user in 0..users {
            for _ in 0..=random.index(3) {
                let mut owners = vec![user];
                // Some devices are shared.
                if random.chance(2_000) {
                    owners.push(random.index(users));
                    owners.dedup();
                }
                let own = root.fork(100 + devices.len() as u64);
                devices.push(Device::new(owners, own, broker.api_key, ORIGIN));
            }
        }
        let weights = super::plan::weights(&mut random);
        let mut world = Self {
            random,
            faults,
            journal: Journal::new(settings.kept_events),
            now,
            broker,
            network: Network::default(),
            devices,
            tasks: BTreeMap::new(),
            model: Model::default(),
            ids: Vec::new(),
            operations: BTreeMap::new(),
            effects: 0,
            tokens: Tokens::default(),
            keystreams: Keystreams::default(),
            weights,
            steps: 0,
            kept_result: None,
            result: None,
            next_task: 0,
        };
        for user in 0..users {
            world.register(user)?;
        }
        world.faults.pause(false);
        Ok(world)
    }

    /// Begins an operation on a device.
    pub(super) fn begin(&mut self, device: usize, call: Call) -> u64 {
        let operation = call.operation(&self.ids);
        self.begin_operation(device, call, operation)
    }

    pub(super) fn begin_operation(&mut self, device: usize, call: Call, operation: BoxOp<Outcome>) -> u64 {
        let id = self.next_task;
        self.next_task += 1;
        let owner = &mut self.devices[device];
        owner.running += 1;
        let user = match &call {
            Call::SignIn { user, .. } => Some(*user),
            _ => owner.signed_in.map(|(user, _)| user),
        };
        let container = match &call {
            Call::Get { container, .. } | Call::Encrypted { container } => Some(*container),
            _ => None,
        };
        let floor = match &call {
            Call::Get { place: Place::Ofs, .. } => &owner.kept,
            _ => &owner.seen,
        };
        let began = Began {
            device_clock: owner.now(self.now).utc.as_millis(),
            broker_clock: START + millis(self.now),
            top: container.map_or(0, |id| self.model.top(id)),
            seen: user.zip(container).and_then(|key| floor.get(&key)).copied().unwrap_or(0),
        };
        *self.operations.entry(call.name()).or_default() += 1;
        self.journal.note(format!("{}: device {device} begins {call:?}", self.steps));
        let task = Task {
            device,
            user,
            call,
            operation: Guard::new(operation),
            queue: VecDeque::new(),
            outstanding: 0,
            slot: None,
            replies: Vec::new(),
            began,
        };
        self.tasks.insert(id, task);
        id
    }

    /// Lets one thing happen, if anything can; waits for the next arrival if nothing else is left.
    pub(super) fn happen(&mut self) -> Result<bool, Violation> {
        let arrivals = self.network.arrivals(self.now);
        let answers = self.network.answers(self.now);
        let serving = self.broker.busy();
        let ready: Vec<u64> = self
            .tasks
            .iter()
            .filter(|(_, task)| !task.queue.is_empty() || task.outstanding == 0)
            .map(|(id, _)| *id)
            .collect();
        let all = arrivals.len() + answers.len() + serving.len() + ready.len();
        if all == 0 {
            let Some(next) = self.network.next_arrival() else { return Ok(false) };
            self.now = self.now.max(next);
            return Ok(true);
        }
        let mut which = self.random.index(all);
        if let Some(id) = arrivals.get(which) {
            if let Some(request) = self.network.deliver(*id) {
                self.broker.accept(*id, request);
            }
            return Ok(true);
        }
        which -= arrivals.len();
        if let Some(id) = answers.get(which) {
            self.hear(*id)?;
            return Ok(true);
        }
        which -= answers.len();
        if let Some(id) = serving.get(which) {
            self.serve(*id);
            return Ok(true);
        }
        which -= serving.len();
        self.go_on(ready[which])?;
        Ok(true)
    }

    fn hear(&mut self, exchange: u64) -> Held {
        let Some(heard) = self.network.hear(exchange) else { return Ok(()) };
        self.journal.note(format!("  {}", heard.line));
        self.journal.bytes(&heard.body);
        invariants::memory_is_bounded(heard.body.len(), "an answer")?;
        if let Some(task) = self.tasks.get_mut(&heard.task) {
            task.replies.push(heard.reply);
            task.outstanding -= 1;
        }
        Ok(())
    }

    fn serve(&mut self, exchange: u64) {
        self.effects += 1;
        let utc = absio_proto::model::Timestamp::from_millis(START + millis(self.now));
        let now = absio_proto::Now { utc, monotonic: Duration::from_secs(1) + self.now };
        match self.broker.step(exchange, now, &mut self.faults, &mut self.journal) {
            Served::NotYet(took) => self.now += took,
            Served::Answered(id, outcome) => self.network.answered(id, outcome, self.now, &mut self.faults),
            Served::Crashed(gone) => {
                for id in gone {
                    let kind = absio_proto::effect::TransportErrorKind::Interrupted;
                    let error = absio_proto::effect::TransportError::new(kind, "the broker ended");
                    self.network.answered(id, Err(error), self.now, &mut self.faults);
                }
            }
        }
    }

    /// The next effect of a task, or its next turn; its device may end instead.
    fn go_on(&mut self, id: u64) -> Held {
        let Some(device) = self.tasks.get(&id).map(|task| task.device) else { return Ok(()) };
        let power_lost = self.faults.strikes(Fault::KillUnsynced);
        let ends = power_lost
            || self.faults.strikes(Fault::Crash)
            || self.devices[device].is_starting && self.faults.strikes(Fault::CrashInRecovery);
        if ends {
            // In the middle of what it was about to do, or right after it, unanswered.
            let effect = self.tasks.get_mut(&id).and_then(|task| task.queue.pop_front());
            if let Some(Effect::Store(call)) = effect {
                let (op, _) = call.take();
                let how = match self.faults.draw(Fault::Crash, 3) {
                    0 => How::Torn,
                    1 => How::After,
                    _ => How::Before,
                };
                self.devices[device].disk.die_at(op, how);
            }
            return self.restart(device, power_lost);
        }
        match self.tasks.get_mut(&id).and_then(|task| task.queue.pop_front()) {
            Some(effect) => self.perform(id, device, effect),
            None => self.turn(id, device),
        }
    }

    /// The device ends and is started again; what it was doing is never answered.
    pub(super) fn restart(&mut self, device: usize, power_lost: bool) -> Held {
        self.journal.note(format!(
            "{}: device {device} ends{}",
            self.steps,
            if power_lost { ", power lost" } else { "" }
        ));
        let abandoned: Vec<_> =
            self.tasks.iter().filter(|(_, task)| task.device == device).map(|(id, _)| *id).collect();
        for id in abandoned {
            self.tasks.remove(&id);
        }
        let api_key = self.broker.api_key;
        let owner = &mut self.devices[device];
        owner.disk.reopen(power_lost, &mut self.faults);
        owner.restart(api_key, ORIGIN);
        Ok(())
    }

    fn turn(&mut self, id: u64, device: usize) -> Held {
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(()) };
        let mut replies = core::mem::take(&mut task.replies);
        let reply = match task.slot.take() {
            Some(slot) => Some(slot.join(replies)),
            None => replies.pop(),
        };
        let owner = &mut self.devices[device];
        let now = owner.now(self.now);
        let mut cx = Cx { now, entropy: &mut owner.random, session: &mut owner.session };
        match task.operation.resume(&mut cx, reply) {
            Step::Effect(Effect::All(call)) => {
                let (slot, members) = call.split();
                task.slot = Some(slot);
                task.queue = members.into();
            }
            Step::Effect(effect) => task.queue.push_back(effect),
            Step::Done(result) => {
                let Some(task) = self.tasks.remove(&id) else { return Ok(()) };
                self.devices[device].running -= 1;
                let finished = Finished { task, result };
                self.judge(&finished)?;
                if self.kept_result == Some(id) {
                    self.result = Some(finished);
                }
            }
        }
        Ok(())
    }

    fn perform(&mut self, id: u64, device: usize, effect: Effect) -> Held {
        self.effects += 1;
        let Some(task) = self.tasks.get_mut(&id) else { return Ok(()) };
        match effect {
            Effect::Http(call) => {
                let (request, reply) = call.take();
                let headers =
                    request.headers.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" ");
                self.journal.note(format!("  device {device} sends {request:?}"));
                self.journal.bytes(&request.body);
                let user = self.devices[device]
                    .session
                    .user()
                    .and_then(|user| self.ids.iter().position(|id| *id == user.id()));
                self.tokens.tokens_stay_at_their_origin(&request, device, user)?;
                self.keystreams.no_keystream_twice(&request.body)?;
                invariants::memory_is_bounded(request.body.len(), "a request")?;
                for sent in [&request.body[..], request.path.as_bytes(), headers.as_bytes()] {
                    invariants::no_secret_is_seen(sent, "a request")?;
                }
                task.outstanding += 1;
                let is_cut_off = self.now < self.devices[device].cut_off_until;
                self.network.send(id, request, Box::new(reply), is_cut_off, self.now, &mut self.faults);
            }
            Effect::Store(call) => {
                let (op, reply) = call.take();
                invariants::no_secret_is_seen(&bytes_of(&op), "a store")?;
                self.journal.bytes(format!("{op:?}").as_bytes());
                if let Some(how) = self.faults.dies(Victim::Device(device)) {
                    self.devices[device].disk.die_at(op, how);
                    return self.restart(device, true);
                }
                let (outcome, took) = self.devices[device].disk.apply(op, &mut self.faults);
                self.journal.bytes(&outcome_bytes(&outcome));
                self.now += took;
                task.replies.push(reply(outcome));
            }
            Effect::Compute(job) => task.replies.push(job.run()),
            Effect::Sleep(call) => {
                self.now += call.duration();
                task.replies.push(call.reply());
            }
            Effect::Progress(call) => task.replies.push(call.reply()),
            Effect::Content(call) => {
                let (_, reply) = call.take();
                let none = absio_proto::effect::ContentError { reason: "contents are in memory here".into() };
                task.replies.push(reply(Err(none)));
            }
            Effect::All(call) => {
                // Guard refuses an All inside an All.
                let (slot, members) = call.split();
                task.slot = Some(slot);
                task.queue = members.into();
            }
        }
        Ok(())
    }

    /// Runs one operation to its end, whatever else happens meanwhile.
    pub(super) fn run(&mut self, id: u64) -> Held {
        while self.tasks.contains_key(&id) && self.happen()? {}
        Ok(())
    }
}

/// Every byte that a store is given.
fn bytes_of(op: &StoreOp) -> Vec<u8> {
    use absio_proto::effect::Write;
    match op {
        StoreOp::Commit(commit) => {
            let write = |write: &Write| match write {
                Write::Put { key, value } | Write::Append { prefix: key, value } => {
                    [&key[..], value].concat()
                }
                Write::Delete { key } => key.clone(),
            };
            commit.writes.iter().flat_map(write).collect()
        }
        StoreOp::BlobWrite { bytes, .. } => bytes.to_vec(),
        StoreOp::CellWrite { bytes, .. } => bytes.clone(),
        _ => Vec::new(),
    }
}

/// What a store answered, for the trace.
fn outcome_bytes(outcome: &Result<StoreOutcome, absio_proto::effect::StoreError>) -> Vec<u8> {
    match outcome {
        Ok(StoreOutcome::Values(values)) => values.iter().flatten().flatten().copied().collect(),
        Ok(StoreOutcome::Entries(entries)) => {
            entries.iter().flat_map(|(key, value)| [&key[..], value].concat()).collect()
        }
        Ok(StoreOutcome::Blob(Some(bytes)) | StoreOutcome::Cell(Some(bytes))) => bytes.clone(),
        Ok(_) => vec![1],
        Err(error) => format!("{:?}", error.kind).into_bytes(),
    }
}
