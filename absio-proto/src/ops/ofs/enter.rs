//! Opens and closes the partition of a user.
//!
//! ```text
//!  Start ──▶ Head ──▶ Anchor 0 ──▶ Anchor 1 ──┬─▶ Counting blobs ─┬─▶ (Founding, or Sweeping) ──▶ Peers ──▶ open
//!                                             │       ▲           │
//!                                             └─▶ Repairing ◀─────┘ something is lost
//! ```
//!
//! A partition begins with a state of its own, so that blobs without one tell of a loss.
//!
//! A state that is behind an anchor, or gone while an anchor stands, means that the index lost what
//! had been acknowledged. A state ahead of both is what a crash between commit and anchor leaves.

use super::ask::{self, Answer};
use super::{Repair, Scan, Sweep, Transact};
use crate::effect::{BlobId, Reply};
use crate::error::{Error, Misuse};
use crate::ofs::keys::{Kind, StoreKeys};
use crate::ofs::peer::PeerRecord;
use crate::ofs::state::State as Totals;
use crate::operation::{Cx, Operation, Step};
use crate::session::{Local, Session, User};
use crate::{attempt, drive};

/// Names of blobs counted at once.
const BLOBS: usize = 10_000;

/// Opens the local store's partition of a user whose key file is open. Gives the user. Whoever was
/// signed in to the local store before is signed out of it; on an error nobody is signed in there.
pub struct Enter {
    user: Option<User>,
    head: Option<Totals>,
    /// The state was there and did not verify.
    broken: bool,
    anchors: Vec<Totals>,
    blobs: u64,
    is_repaired: bool,
    state: State,
}

enum State {
    Start,
    Head(Answer),
    Anchor(u8, Answer),
    Counting(Answer),
    Founding(Box<Transact>),
    Sweeping(Box<Sweep>),
    Repairing(Box<Repair>),
    Peers(Scan),
}

impl Enter {
    /// As `user`, who must have a key file: the secret of the local store is in it.
    pub fn new(user: User) -> Self {
        Self {
            user: Some(user),
            head: None,
            broken: false,
            anchors: Vec::new(),
            blobs: 0,
            is_repaired: false,
            state: State::Start,
        }
    }

    fn start(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        cx.session.config()?;
        let user = self.user.take().ok_or(Misuse::ResumedAfterDone)?;
        let (open, _) = user.require_key_file()?;
        let keys = StoreKeys::derive(user.id(), open.store_secret());
        let name = keys.name(Kind::State, &[]);
        cx.session.enter(Local::new(user, keys));
        Ok(State::Head(ask::get(vec![name])))
    }

    fn anchor(slot: u8, cx: &Cx<'_>) -> Result<State, Error> {
        Ok(State::Anchor(slot, ask::read_cell(cx.session.local()?.keys.anchor_cell(slot))))
    }

    /// What was found, held together.
    fn judge(&mut self, cx: &mut Cx<'_>) -> Result<State, Error> {
        let anchored = self.anchors.iter().max_by_key(|anchor| anchor.sequence).copied().unwrap_or_default();
        let head = self.head.unwrap_or_default();
        let agrees = head.sequence > anchored.sequence || head == anchored;
        // The first anchor of all may have been torn by a crash; from the second write on one stands.
        let vouched = head.sequence <= 1 || !self.anchors.is_empty();
        if self.broken || !agrees || !vouched {
            return Ok(self.repair());
        }
        cx.session.local_mut()?.learn(head);
        Ok(State::Counting(ask::list_blobs(None, BLOBS)))
    }

    fn repair(&mut self) -> State {
        (self.is_repaired, self.blobs) = (true, 0);
        State::Repairing(Box::default())
    }

    fn count(&mut self, blobs: &[BlobId], cx: &Cx<'_>) -> Result<State, Error> {
        let local = cx.session.local()?;
        self.blobs += blobs.iter().filter(|blob| local.keys.owns(blob)).count() as u64;
        if let Some(last) = blobs.last().filter(|_| blobs.len() >= BLOBS) {
            return Ok(State::Counting(ask::list_blobs(Some(*last), BLOBS)));
        }
        let state = local.state;
        Ok(match (state.sequence, self.blobs) {
            (0, 0) => State::Founding(Box::new(Transact::settle())),
            (0, _) => self.repair(),
            // What is left over may be all that is left of something lost.
            (_, found) if found > state.blobs && state.incomplete_since.is_none() => {
                State::Sweeping(Box::default())
            }
            _ => peers(),
        })
    }
}

fn peers() -> State {
    State::Peers(Scan::new(&[Kind::Peer]))
}

impl Enter {
    fn step(&mut self, cx: &mut Cx<'_>, mut reply: Option<Reply>) -> Step<Result<User, Error>> {
        loop {
            self.state = match &mut self.state {
                State::Start => attempt!(self.start(cx)),
                State::Head(answer) => {
                    let value =
                        attempt!(ask::values(drive!(answer, cx, reply), 1)).into_iter().next().flatten();
                    let keys = attempt!(cx.session.local()).keys.clone();
                    self.broken = value.is_some();
                    if let Some(data) =
                        value.and_then(|value| keys.open_record(&keys.name(Kind::State, &[]), &value))
                    {
                        // A state of a newer version is no damage: it is not touched.
                        self.head = Some(attempt!(Totals::decode(&data)));
                        self.broken = false;
                    }
                    attempt!(Self::anchor(0, cx))
                }
                State::Anchor(slot, answer) => {
                    let slot = *slot;
                    let bytes = attempt!(ask::cell(drive!(answer, cx, reply)));
                    let keys = attempt!(cx.session.local()).keys.clone();
                    let data = bytes.and_then(|bytes| keys.open_anchor(&keys.anchor_cell(slot), &bytes));
                    if let Some(data) = data {
                        self.anchors.push(attempt!(Totals::decode(&data)));
                    }
                    match slot {
                        0 => attempt!(Self::anchor(1, cx)),
                        _ => attempt!(self.judge(cx)),
                    }
                }
                State::Counting(answer) => {
                    let blobs = attempt!(ask::blobs(drive!(answer, cx, reply)));
                    attempt!(self.count(&blobs, cx))
                }
                // It is founded by the first write at the latest.
                State::Founding(transact) => match transact.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(_) => peers(),
                },
                State::Sweeping(sweep) => match sweep.resume(cx, reply.take()) {
                    Step::Effect(effect) => return Step::Effect(effect),
                    Step::Done(Ok(_)) => peers(),
                    Step::Done(Err(Error::Local(_))) if self.is_repaired => peers(),
                    Step::Done(Err(Error::Local(_))) => self.repair(),
                    Step::Done(Err(error)) => return Step::Done(Err(error)),
                },
                State::Repairing(repair) => {
                    drive!(repair, cx, reply);
                    State::Counting(ask::list_blobs(None, BLOBS))
                }
                State::Peers(scan) => {
                    let Some(page) = drive!(scan, cx, reply) else {
                        return Step::Done(cx.session.local().map(|local| local.user.clone()));
                    };
                    let keys = attempt!(cx.session.local()).keys.clone();
                    let mut whole = true;
                    for (name, value) in &page.entries {
                        let peer = keys.open_record(name, value).map(|data| PeerRecord::decode(&data));
                        match peer {
                            Some(Ok(peer)) => cx.session.recall_peer(peer.chain, peer.is_verified),
                            _ => whole = false,
                        }
                    }
                    if whole || self.is_repaired { continue } else { self.repair() }
                }
            };
        }
    }
}

impl Operation for Enter {
    type Output = User;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, reply: Option<Reply>) -> Step<Result<User, Error>> {
        let step = self.step(cx, reply);
        if let Step::Done(Err(_)) = &step {
            cx.session.leave();
        }
        step
    }
}

/// Closes the partition: its keys are wiped, and the store is free for another.
pub struct Leave;

impl Operation for Leave {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, _reply: Option<Reply>) -> Step<Result<(), Error>> {
        attempt!(cx.session.config());
        cx.session.leave();
        Step::Done(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_entropy::TestEntropy;
    use crate::crypto::{KeyFileContent, KeyRing, OpenKeyFile, Secret, WrapSecrets};
    use crate::effect::{Effect, StoreOp, StoreOutcome};
    use crate::error::CryptoError;
    use crate::model::{ApiKey, Timestamp};
    use crate::operation::Now;
    use crate::session::Config;

    fn user() -> User {
        let mut entropy = TestEntropy::new(1);
        let ring = KeyRing::generate(&mut entropy, Timestamp::from_millis(1000)).unwrap();
        let secrets = WrapSecrets::draw(&mut entropy).unwrap();
        let policy = crate::crypto::KdfPolicy::insecure_for_tests();
        let wraps = secrets.wrap(ring.user_id(), "Abcdefg1", "a passphrase of 5 words", &policy).unwrap();
        let content = KeyFileContent {
            ring,
            reminder: String::new(),
            origin: "http://localhost".into(),
            api_key: ApiKey::from_bytes([1; 16]),
            store_secret: Secret::new([5; 32]),
        };
        OpenKeyFile::seal_new(content, wraps, &mut entropy).unwrap().into()
    }

    /// Enters a store that holds this state and nothing else, and gives what was asked of it.
    fn enter(state: &[u8]) -> (Result<User, Error>, Vec<StoreOp>, bool) {
        let user = user();
        let keys = StoreKeys::derive(user.id(), user.key_file().unwrap().store_secret());
        let (mut entropy, name) = (TestEntropy::new(2), keys.name(Kind::State, &[]));
        let value = keys.seal_record(&name, 1, state, &mut entropy).unwrap();
        let config = Config::new(ApiKey::from_bytes([1; 16]), "http://localhost").unwrap();
        let mut session = Session::new(config);
        let (mut enter, mut reply, mut asked) = (Enter::new(user), None, Vec::new());
        loop {
            let now = Now { utc: Timestamp::from_millis(9), monotonic: core::time::Duration::ZERO };
            let mut cx = Cx { now, entropy: &mut entropy, session: &mut session };
            match enter.resume(&mut cx, reply.take()) {
                Step::Done(result) => return (result, asked, session.local_user().is_some()),
                Step::Effect(Effect::Store(call)) => {
                    let (op, answer) = call.take();
                    let outcome = match &op {
                        StoreOp::Get { .. } => StoreOutcome::Values(vec![Some(value.clone())]),
                        StoreOp::CellRead { .. } => StoreOutcome::Cell(None),
                        StoreOp::BlobList { .. } => StoreOutcome::Blobs(Vec::new()),
                        StoreOp::Scan { .. } => StoreOutcome::Entries(Vec::new()),
                        _ => StoreOutcome::Done,
                    };
                    asked.push(op);
                    reply = Some(answer(Ok(outcome)));
                }
                Step::Effect(_) => panic!("it asks for nothing but the store"),
            }
        }
    }

    #[test]
    fn ml_a_state_of_a_newer_version_is_refused_by_name_and_left_alone() {
        let state = Totals { sequence: 1, ..Totals::default() }.encode();
        let (entered, _, is_open) = enter(&state);
        assert!(entered.is_ok() && is_open, "the control: of this version");
        let mut newer = state;
        newer[0] = 9;
        let (refused, asked, is_open) = enter(&newer);
        assert!(matches!(refused, Err(Error::Crypto(CryptoError::Unknown { value: 9, .. }))), "{refused:?}");
        assert!(!is_open);
        let reads = |op: &StoreOp| matches!(op, StoreOp::Get { .. } | StoreOp::CellRead { .. });
        assert!(asked.iter().all(reads), "nothing is written: {asked:?}");
    }
}
