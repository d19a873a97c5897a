//! The engine under every request and chore: runs turns of a [`Logic`], fetches what they ask for, and
//! carries out the plan they end in.
//!
//! ```text
//!            ┌───────── Again, Conflict: forget what was read, at most 16 times ─────────┐
//!            ▼                                                                           │
//!  Start ─ Thinking ─ Fetch ──▶ Reading ──▶ Thinking …                                   │
//!            │      ─ Compute ─▶ Computing ─▶ Thinking …                                 │
//!            │      ─ Sleep ──▶ Sleeping ──▶ Thinking …                                  │
//!            │ Plan                                                                      │
//!            ▼                                                                           │
//!         Blob: write, seal, next … ─▶ Committing ───────────────────────────────────────┘
//!                                                │ committed, or failed
//!                                                ▼
//!                                            Discarding ─▶ … ─▶ Done
//! ```

use crate::state::BrokerState;
use crate::turn::{Fetch, Found, Halt, Inbound, Memory, Plan, Turn, Turned};
use absio_proto::effect::{
    BlobId, Effect, Job, Precondition, Reply, SleepCall, StoreCall, StoreError, StoreErrorKind, StoreOp,
    StoreOutcome,
};
use absio_proto::{Cx, Error, Misuse, Operation, RemoteCode, RemoteError, Step, attempt, planted};

/// How often a request starts over because others changed what it read.
const ATTEMPTS: u32 = 16;

/// What is done in turns.
pub(crate) trait Logic {
    /// What it gives.
    type Output;

    /// One turn: a pure function of what it is given.
    fn turn(&mut self, turn: &mut Turn<'_>) -> Turned<Plan<Self::Output>>;

    /// The output when the answer is no.
    fn refused(&mut self, error: RemoteError) -> Result<Self::Output, Error>;
}

/// An operation that runs the turns of `L`.
pub(crate) struct Engine<L: Logic> {
    logic: L,
    inbound: Inbound,
    memory: Memory,
    phase: Phase<L::Output>,
}

enum Phase<T> {
    Start,
    Thinking,
    Reading(Fetch, Vec<Vec<u8>>),
    Computing(&'static str),
    Sleeping,
    /// Writing the blob at this index, or sealing it.
    Blob(Box<Plan<T>>, usize, bool),
    Committing(Box<Plan<T>>),
    /// Deleting these blobs, then this.
    Discarding(Vec<BlobId>, After<T>),
    Over,
}

enum After<T> {
    Answer(Result<T, Error>),
    Again,
}

impl<L: Logic> Engine<L> {
    /// Runs `logic` about what came in.
    pub(crate) fn new(logic: L, inbound: Inbound) -> Self {
        Self { logic, inbound, memory: Memory::new([0; 32]), phase: Phase::Start }
    }

    /// One turn of the logic: what to do next.
    fn think(&mut self, cx: &mut Cx<'_, BrokerState>) -> Option<Effect> {
        let mut turn = Turn::new(cx.now, cx.session, &self.inbound, &mut self.memory);
        match self.logic.turn(&mut turn) {
            Ok(plan) => self.phase = Phase::Blob(Box::new(plan), 0, false),
            Err(Halt::Refuse(error)) => self.refuse(error),
            Err(Halt::Again) => self.start_over(),
            Err(Halt::Fetch(fetch)) => {
                let op = fetch.op(&self.memory);
                let keys = match &op {
                    StoreOp::Get { keys } => keys.clone(),
                    _ => Vec::new(),
                };
                self.phase = Phase::Reading(fetch, keys);
                return Some(Effect::Store(StoreCall::new(op)));
            }
            Err(Halt::Compute(name, work)) => {
                self.phase = Phase::Computing(name);
                return Some(Effect::Compute(Job::new(name, work)));
            }
            Err(Halt::Sleep(duration)) => {
                self.phase = Phase::Sleeping;
                return Some(Effect::Sleep(SleepCall::new(duration)));
            }
        }
        None
    }

    fn refuse(&mut self, error: RemoteError) {
        let refused = self.logic.refused(error);
        self.phase = Phase::Discarding(Vec::new(), After::Answer(refused));
    }

    fn start_over(&mut self) {
        if self.memory.attempt >= ATTEMPTS {
            self.refuse(RemoteError {
                code: RemoteCode::Unavailable,
                message: "others change the same thing all the time; nothing was changed, try again".into(),
                subject: None,
                retry_after_ms: Some(1_000),
            });
        } else {
            self.memory.forget();
            self.phase = Phase::Thinking;
        }
    }

    fn read(&mut self, fetch: Fetch, keys: Vec<Vec<u8>>, outcome: Result<StoreOutcome, StoreError>) {
        self.phase = Phase::Thinking;
        match (fetch, outcome) {
            (Fetch::Rows(_), Ok(StoreOutcome::Values(values))) if values.len() == keys.len() => {
                if !self.memory.keep_rows(keys, values) {
                    self.start_over();
                }
            }
            (Fetch::Scan { start, end, limit }, Ok(StoreOutcome::Entries(entries))) => {
                self.memory.scans.insert((start, end, limit), entries.into());
            }
            (Fetch::Blobs { after, limit }, Ok(StoreOutcome::Blobs(blobs))) => {
                self.memory.lists.insert((after, limit), blobs.into());
            }
            (Fetch::Blob { blob, offset, length }, Ok(StoreOutcome::Blob(bytes))) => {
                self.memory.blobs.insert((blob, offset, length), bytes.map(Into::into));
            }
            (_, Ok(_)) => self.refuse(store_failed(StoreErrorKind::Invalid)),
            (_, Err(error)) => self.refuse(store_failed(error.kind)),
        }
    }

    /// The next step of carrying out a plan: blobs one by one, then the commit.
    fn carry_out(&mut self, mut plan: Box<Plan<L::Output>>, index: usize, written: bool) -> Option<Effect> {
        let op = match plan.blobs.get_mut(index) {
            Some((blob, bytes)) if !written => {
                StoreOp::BlobWrite { blob: *blob, offset: 0, bytes: core::mem::take(bytes) }
            }
            Some((blob, _)) => StoreOp::BlobSeal { blob: *blob },
            None if plan.commit.writes.is_empty() => {
                self.phase = Phase::Discarding(plan.discard, After::Answer(Ok(plan.output)));
                return None;
            }
            None => {
                let mut commit = core::mem::take(&mut plan.commit);
                let watched = self.memory.watched.iter().map(|key| Precondition {
                    key: key.clone(),
                    value: self.memory.rows.get(key).cloned().flatten(),
                });
                commit.preconditions.extend(watched.take(planted!(BrokerUnguarded, 0, usize::MAX)));
                self.phase = Phase::Committing(plan);
                return Some(Effect::Store(StoreCall::new(StoreOp::Commit(commit))));
            }
        };
        self.phase = Phase::Blob(plan, index, written);
        Some(Effect::Store(StoreCall::new(op)))
    }

    fn committed(&mut self, plan: Plan<L::Output>, outcome: Result<StoreOutcome, StoreError>) {
        let written = plan.blobs.iter().map(|(blob, _)| *blob).collect();
        let (discard, after) = match outcome {
            Ok(StoreOutcome::Committed(_)) => (plan.discard, After::Answer(Ok(plan.output))),
            Ok(StoreOutcome::Conflict(_)) => (written, After::Again),
            _ if planted!(AnsweredUnwritten, true, plan.lenient) => {
                (Vec::new(), After::Answer(Ok(plan.output)))
            }
            // Only a full store is known to have written nothing: otherwise blobs stay for the sweep.
            Err(StoreError { kind: kind @ StoreErrorKind::Full, .. }) => {
                (written, After::Answer(self.logic.refused(store_failed(kind))))
            }
            Err(error) => (Vec::new(), After::Answer(self.logic.refused(store_failed(error.kind)))),
            Ok(_) => (Vec::new(), After::Answer(self.logic.refused(store_failed(StoreErrorKind::Invalid)))),
        };
        self.phase = Phase::Discarding(discard, after);
    }

    /// Goes on without a reply.
    fn advance(
        &mut self,
        phase: Phase<L::Output>,
        cx: &mut Cx<'_, BrokerState>,
    ) -> Result<Next<L::Output>, Error> {
        let effect = match phase {
            Phase::Start => {
                self.memory.seed = cx.random()?;
                self.phase = Phase::Thinking;
                None
            }
            Phase::Thinking => self.think(cx),
            Phase::Blob(plan, index, written) => self.carry_out(plan, index, written),
            Phase::Discarding(mut blobs, after) => match (blobs.pop(), after) {
                (Some(blob), after) => {
                    self.phase = Phase::Discarding(blobs, after);
                    Some(Effect::Store(StoreCall::new(StoreOp::BlobDelete { blob })))
                }
                (None, After::Again) => {
                    self.start_over();
                    None
                }
                (None, After::Answer(answer)) => return answer.map(Next::Done),
            },
            Phase::Reading(..) | Phase::Computing(_) | Phase::Sleeping | Phase::Committing(_) => {
                return Err(Misuse::MissingReply.into());
            }
            Phase::Over => return Err(Misuse::ResumedAfterDone.into()),
        };
        Ok(effect.map_or(Next::Turn, Next::Effect))
    }
}

enum Next<T> {
    Turn,
    Effect(Effect),
    Done(T),
}

impl<L: Logic> Operation<BrokerState> for Engine<L> {
    type Output = L::Output;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, BrokerState>,
        mut reply: Option<Reply>,
    ) -> Step<Result<L::Output, Error>> {
        loop {
            let phase = core::mem::replace(&mut self.phase, Phase::Over);
            let Some(answered) = reply.take() else {
                match self.advance(phase, cx) {
                    Ok(Next::Turn) => continue,
                    Ok(Next::Effect(effect)) => return Step::Effect(effect),
                    Ok(Next::Done(output)) => return Step::Done(Ok(output)),
                    Err(error) => return Step::Done(Err(error)),
                }
            };
            match phase {
                Phase::Reading(fetch, keys) => self.read(fetch, keys, attempt!(answered.store())),
                Phase::Computing(name) => {
                    let found: Found = attempt!(answered.compute());
                    self.memory.computed.insert(name, found);
                    self.phase = Phase::Thinking;
                }
                Phase::Sleeping => {
                    attempt!(answered.slept());
                    // A wait is no failed attempt, but what was read is old now.
                    let attempt = self.memory.attempt;
                    self.memory.forget();
                    self.memory.attempt = attempt;
                    self.phase = Phase::Thinking;
                }
                Phase::Blob(plan, index, written) => match attempt!(answered.store()) {
                    Ok(StoreOutcome::Done) if written => self.phase = Phase::Blob(plan, index + 1, false),
                    Ok(StoreOutcome::Done) => self.phase = Phase::Blob(plan, index, true),
                    failed => self.committed(*plan, failed),
                },
                Phase::Committing(plan) => {
                    let outcome = attempt!(answered.store());
                    self.committed(*plan, outcome);
                }
                // A blob that could not be deleted is an orphan: the next sweep finds it.
                Phase::Discarding(blobs, after) => {
                    let _deleted = attempt!(answered.store());
                    self.phase = Phase::Discarding(blobs, after);
                }
                Phase::Start | Phase::Thinking | Phase::Over => {
                    return Step::Done(Err(Misuse::UnexpectedReply.into()));
                }
            }
        }
    }
}

/// The answer when the store cannot do what is asked.
fn store_failed(kind: StoreErrorKind) -> RemoteError {
    let (code, message) = match kind {
        StoreErrorKind::Full => {
            (RemoteCode::StorageFull, "the broker has no room; nothing was changed, tell its operator")
        }
        StoreErrorKind::Unavailable => (
            RemoteCode::Unavailable,
            "the broker's store is not available; nothing was changed, try again later",
        ),
        _ => (RemoteCode::Internal, "the broker's store failed; nothing was changed, tell its operator"),
    };
    RemoteError { code, message: message.into(), subject: None, retry_after_ms: None }
}
