use super::*;
use crate::driver::blocking::{self, Host};
use crate::effect::{AllCall, BlobId, CellId, ContentCall, Effect, HttpCall, Method, Reply, StoreCall};
use crate::effect::{StoreErrorKind, TransportErrorKind};
use crate::model::Timestamp;
use crate::{Cx, Entropy, EntropyError, Error, Generation, Guard, Join, Leaf, Now, Operation, Step};
use core::cell::{Cell, RefCell};

const ID: &str = "0d9e6b1c-2f30-8a44-9c55-e0f6a7b8c9d0";
const OTHER_ID: &str = "1d9e6b1c-2f30-8a44-9c55-e0f6a7b8c9d0";
const SECRET: &str = "c2VjcmV0IHRva2VuIHRoYXQgbm9ib2R5IG1heSBzZWUgaW4gYSB0cmFjZQ";

#[derive(Debug, PartialEq, Eq)]
struct State(u64);

impl Generation for State {
    fn generation(&self) -> u64 {
        0
    }
}

struct Dice(u8);

impl Entropy for Dice {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(29).wrapping_add(11);
            *byte = self.0;
        }
        Ok(())
    }
}

/// Answers everything, each time with something else.
struct World {
    session: RefCell<State>,
    dice: RefCell<Dice>,
    time: Cell<u64>,
}

impl World {
    fn new(seed: u8) -> Self {
        Self { session: RefCell::new(State(7)), dice: RefCell::new(Dice(seed)), time: Cell::new(1000) }
    }
}

impl Host<State> for World {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, State>) -> R) -> R {
        self.time.set(self.time.get() + 5);
        let now = Now {
            utc: Timestamp::from_millis(self.time.get()),
            monotonic: Duration::from_nanos(self.time.get()),
        };
        turn(&mut Cx { now, entropy: &mut *self.dice.borrow_mut(), session: &mut self.session.borrow_mut() })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if request.method == Method::Delete {
            return Err(TransportError::new(TransportErrorKind::TimedOut, SECRET));
        }
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = format!("{{\"token\":\"{SECRET}\",\"id\":\"{ID}\"}}").into_bytes();
        Ok(HttpResponse { status: 201, headers, body })
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        match op {
            StoreOp::Get { keys } => Ok(StoreOutcome::Values(
                keys.into_iter().map(|key| (!key.is_empty()).then_some(key)).collect(),
            )),
            StoreOp::BlobList { .. } => Ok(StoreOutcome::Blobs(vec![BlobId([3; 20])])),
            _ => Err(StoreError::new(StoreErrorKind::Full, SECRET)),
        }
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        match op {
            ContentOp::ReadAt { length, .. } => Ok(ContentOutcome::Bytes(vec![9; length])),
            ContentOp::WriteAt { .. } | ContentOp::Record { .. } => Ok(ContentOutcome::Written),
        }
    }

    fn sleep(&self, _duration: Duration) {}
}

fn request(method: Method, path: &str, nonce: &[u8]) -> HttpRequest {
    HttpRequest {
        method,
        origin: "https://example.org".into(),
        path: path.into(),
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("authorization".into(), format!("Bearer {SECRET}")),
        ],
        body: format!("{{\"proof\":{nonce:?},\"user_id\":\"{ID}\"}}").into_bytes().into(),
        deadline: Duration::from_secs(3),
        max_response: 10,
    }
}

/// Asks for one effect of each kind, with random bytes in the first; gives what it was given.
struct Everything {
    step: usize,
    extra: bool,
    seen: String,
}

fn everything(extra: bool) -> Guard<Everything> {
    Guard::new(Everything { step: 0, extra, seen: String::new() })
}

impl Operation<State> for Everything {
    type Output = String;

    fn resume(&mut self, cx: &mut Cx<'_, State>, reply: Option<Reply>) -> Step<Result<String, Error>> {
        self.step += 1;
        cx.session.0 += 1;
        self.seen.push_str(&format!("{} {:?};", cx.now.utc.as_millis(), cx.now.monotonic));
        let gets =
            |key: &[u8]| Effect::Store(StoreCall::new(StoreOp::Get { keys: vec![key.to_vec(), vec![]] }));
        let effect = match (self.step, reply) {
            (1, _) => {
                let nonce = crate::attempt!(cx.random::<4>());
                let path = format!("/v1/users/{ID}?of={OTHER_ID}&token={SECRET}");
                Effect::Http(HttpCall::new(request(Method::Post, &path, &nonce)))
            }
            (2, Some(reply)) => {
                let response = crate::attempt!(crate::attempt!(reply.http()));
                self.seen.push_str(&String::from_utf8_lossy(&response.body));
                Effect::All(AllCall::new(vec![
                    gets(b"key"),
                    Effect::Http(HttpCall::new(request(Method::Delete, "/v1/x", b""))),
                    Effect::Compute(crate::effect::Job::new("add", || 2 + 2)),
                ]))
            }
            (3, Some(reply)) => {
                for reply in crate::attempt!(reply.all()) {
                    self.seen.push_str(&describe(reply));
                }
                Effect::Content(ContentCall::new(ContentOp::ReadAt { offset: 5, length: 3 }))
            }
            (4, Some(reply)) => {
                self.seen.push_str(&format!("{:?}", reply.content()));
                Effect::Store(StoreCall::new(StoreOp::BlobList { after: None, limit: 4 }))
            }
            (5, Some(reply)) => {
                self.seen.push_str(&describe(reply));
                Effect::Sleep(crate::effect::SleepCall::new(Duration::from_millis(1500)))
            }
            (6, Some(_)) => {
                Effect::Content(ContentCall::new(ContentOp::WriteAt { offset: 0, bytes: vec![1, 2] }))
            }
            (7, Some(_)) if self.extra => gets(b"more"),
            _ => return Step::Done(Ok(self.seen.clone())),
        };
        Step::Effect(effect)
    }
}

fn describe(reply: Reply) -> String {
    use crate::effect::ReplyValue;
    match reply.value {
        ReplyValue::Http(outcome) => format!("{outcome:?}"),
        ReplyValue::Store(Ok(StoreOutcome::Values(values))) => format!("{values:?}"),
        ReplyValue::Store(Ok(StoreOutcome::Blobs(ids))) => format!("{:?}", ids[0].0),
        ReplyValue::Store(outcome) => format!("{:?}", outcome.map(|_| ())),
        ReplyValue::Compute(value) => format!("{:?}", value.downcast_ref::<i32>()),
        _ => String::new(),
    }
}

fn record(extra: bool, seed: u8) -> (Result<String, Error>, Recording) {
    let world = World::new(seed);
    let trace = Trace::new(&world);
    let result = blocking::run(&mut everything(extra), &trace);
    (result, trace.into_recording())
}

#[test]
fn the_printed_form_shows_the_sequence_and_no_secret() {
    let (_, recording) = record(false, 1);
    let expected = "\
http: POST /v1/users/#1?of=#2&token=(58 characters) [authorization content-type] {proof, user_id} -> 201 {id, token}
all of 3:
  store: get 2 keys -> 1 of 2 values present
  http: DELETE /v1/x [authorization content-type] {proof, user_id} -> TimedOut
  compute: add
content: read 3 bytes at 5 -> 3 bytes
store: list at most 4 blobs -> 1 blobs
sleep: 1.5s
content: write 2 bytes at 0 -> written
";
    assert_eq!(recording.to_string(), expected);
    assert_eq!(recording.effects(), 8);
    assert!(!format!("{recording:?}").contains(SECRET));
}

#[test]
fn the_printed_form_is_the_same_for_other_random_bytes() {
    let (one, other) = (record(false, 1).1, record(false, 2).1);
    assert_eq!(one.to_string(), other.to_string());
    assert!(one != other);
}

#[test]
fn a_replay_gives_the_same_result_and_session() {
    let (result, recording) = record(true, 3);
    let replay = Replay::new(recording, State(7));
    assert_eq!(blocking::run(&mut everything(true), &replay), result);
    assert_eq!(replay.finish(), Ok(State(15)));
}

#[test]
fn the_replayable_form_comes_back_whole() {
    let (result, recording) = record(true, 3);
    let read = Recording::from_json(&recording.to_json()).unwrap();
    assert!(read == recording);
    let replay = Replay::new(read, State(7));
    assert_eq!(blocking::run(&mut everything(true), &replay), result);
    assert!(replay.finish().is_ok());
}

#[test]
fn what_cells_answer_comes_back_whole_and_is_printed_by_its_length() {
    let answers = [
        StoreOutcome::Cell(Some(SECRET.as_bytes().to_vec())),
        StoreOutcome::Cell(None),
        StoreOutcome::Cells(vec![CellId([1; 20]), CellId([2; 20])]),
    ];
    let performed = |outcome| Performed {
        asked: "store: a cell".into(),
        digest: [5; 32],
        given: Given::Store(Ok(outcome)),
    };
    let recording = Recording { entries: answers.map(|outcome| Entry::Effect(performed(outcome))).into() };
    assert!(Recording::from_json(&recording.to_json()).unwrap() == recording);
    let printed = recording.to_string();
    for line in ["-> 58 bytes", "-> no such cell", "-> 2 cells"] {
        assert!(printed.contains(line), "{printed}");
    }
    assert!(!printed.contains(SECRET));
}

#[test]
fn cell_writes_with_other_bytes_have_another_digest() {
    let write = |cell, bytes: &[u8]| Asked::store(&StoreOp::CellWrite { cell, bytes: bytes.to_vec() });
    let (one, two) = (CellId([1; 20]), CellId([2; 20]));
    assert_eq!(write(one, b"a"), write(one, b"a"));
    let others = [
        write(one, b"b"),
        write(two, b"a"),
        Asked::store(&StoreOp::CellRead { cell: one }),
        Asked::store(&StoreOp::CellList),
    ];
    assert!(others.iter().all(|other| *other != write(one, b"a")));
}

#[test]
fn another_effect_is_a_divergence() {
    let (_, recording) = record(false, 3);
    let replay = Replay::new(recording, State(7));
    let found = blocking::run(&mut everything(true), &replay);
    let divergence = replay.finish().unwrap_err();
    assert_eq!((divergence.recorded.as_str(), divergence.found.as_str()), ("the end", "store: get 2 keys"));
    assert!(found.is_ok(), "this operation does not look at the answer to its last question");
}

#[test]
fn the_same_shape_with_other_bytes_is_a_divergence() {
    let ask = |key: &[u8]| Guard::new(Leaf::store(StoreOp::Get { keys: vec![key.to_vec()] }));
    let world = World::new(1);
    let trace = Trace::new(&world);
    assert!(blocking::run(&mut ask(b"one"), &trace).is_ok());
    let replay = Replay::new(trace.into_recording(), State(7));
    let outcome = blocking::run(&mut ask(b"two"), &replay).unwrap();
    assert!(outcome.is_err_and(|error| error.kind == StoreErrorKind::Unavailable));
    let divergence = replay.finish().unwrap_err();
    assert_eq!(divergence.recorded, divergence.found);
}

#[test]
fn stopping_early_is_a_divergence() {
    let (_, recording) = record(true, 3);
    let replay = Replay::new(recording, State(7));
    assert!(blocking::run(&mut everything(false), &replay).is_ok());
    assert_eq!(replay.finish().unwrap_err().found, "the end");
}

#[test]
fn other_randomness_is_a_divergence() {
    // The guard draws 8 bytes at the first resume; nothing else is random here.
    let turns = |count: usize| Recording {
        entries: vec![Entry::Turn { utc: 0, monotonic: Duration::ZERO, entropy: vec![1; count] }],
    };
    for (count, found) in [(7, "a turn with more"), (9, "a turn with fewer")] {
        let replay = Replay::new(turns(count), State(0));
        let _ = blocking::run(&mut Guard::new(Join::new(Vec::<Leaf<()>>::new())), &replay);
        assert_eq!(replay.finish().unwrap_err().found, found);
    }
    let replay = Replay::new(turns(8), State(0));
    assert!(blocking::run(&mut Guard::new(Join::new(Vec::<Leaf<()>>::new())), &replay).is_ok());
    assert!(replay.finish().is_ok());
}

#[test]
fn a_broken_fixture_is_an_error() {
    let (_, recording) = record(false, 1);
    let json = recording.to_json();
    let digest = json.split("\"digest\": \"").nth(1).unwrap()[..64].to_owned();
    for broken in [
        json.replace("\"TimedOut\"", "\"Tired\""),
        json.replace(&digest, &digest[..62]),
        json.replace("\"slept\"", "\"dreamt\""),
        json.replacen("\"utc\"", "\"gmt\"", 1),
        json[..json.len() - 1].to_owned(),
        String::new(),
    ] {
        assert!(broken != json);
        assert!(Recording::from_json(&broken).is_err(), "{broken}");
    }
}
