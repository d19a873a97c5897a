//! Effects, one by one and joined: each performed once, each answered by its own reply.

use super::{AnyStore, Runtime};
use absio_broker::Fixture;
use absio_proto::InputError;
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{
    AllCall, Body, Effect, HttpCall, HttpRequest, HttpResponse, Job, Method, Progress, ProgressCall,
    ProgressUnit, Reply, SleepCall, StoreCall, StoreOp, StoreOutcome, TransportError, TransportErrorKind,
};
use absio_proto::{Cx, Error, Operation, Session, Step};
use absio_store::MemoryStore;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

/// Answers with the path it was asked for; if told to, only when so many exchanges are there together.
struct Echo {
    together: usize,
    arrived: Mutex<usize>,
    changed: Condvar,
}

impl Echo {
    fn new(together: usize) -> Arc<Self> {
        Arc::new(Self { together, arrived: Mutex::new(0), changed: Condvar::new() })
    }

    fn arrived(&self) -> usize {
        *self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Echo {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if request.path == "/cut" {
            return Err(TransportError::new(TransportErrorKind::Interrupted, "planned"));
        }
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        *arrived += 1;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(arrived, LONG / 4, |arrived| *arrived < self.together);
        let there = *waited.unwrap_or_else(PoisonError::into_inner).0;
        let status = if there >= self.together { 200 } else { 503 };
        Ok(HttpResponse { status, headers: Vec::new(), body: request.path.into_bytes() })
    }
}

fn host<R: Runtime>(runtime: &R, transport: Arc<Echo>) -> R::Host {
    let store: AnyStore = Arc::new(MemoryStore::new());
    let session = super::story::session(&Fixture::at_present());
    runtime.host(session, transport, store)
}

fn http(path: &str) -> Effect {
    Effect::Http(HttpCall::new(HttpRequest {
        method: Method::Get,
        origin: "http://127.0.0.1:1".into(),
        path: path.into(),
        headers: Vec::new(),
        body: Body::new(),
        deadline: LONG,
        max_response: 1000,
    }))
}

fn store() -> Effect {
    Effect::Store(StoreCall::new(StoreOp::Get { keys: vec![b"k".to_vec()] }))
}

/// Asks for one effect and is its reply.
struct Once(Option<Effect>);

impl Operation<Session> for Once {
    type Output = Reply;

    fn resume(&mut self, _: &mut Cx<'_, Session>, reply: Option<Reply>) -> Step<Result<Reply, Error>> {
        match (self.0.take(), reply) {
            (Some(effect), _) => Step::Effect(effect),
            (None, Some(reply)) => Step::Done(Ok(reply)),
            (None, None) => Step::Done(Err(InputError::CredentialsRequired.into())),
        }
    }
}

fn ask<R: Runtime>(runtime: &R, host: &R::Host, effect: Effect) -> Reply {
    let reply = runtime.run(host, Once(Some(effect)), &|_| ());
    reply.unwrap_or_else(|error| panic!("the operation did not get its reply: {error}"))
}

fn body(reply: Reply) -> Vec<u8> {
    let response = reply.http().unwrap_or_else(|error| panic!("not the reply of an exchange: {error}"));
    let response = response.unwrap_or_else(|error| panic!("an exchange failed: {error}"));
    assert_eq!(response.status, 200, "the exchanges were not there together");
    response.body
}

fn value(reply: Reply) -> StoreOutcome {
    let outcome = reply.store().unwrap_or_else(|error| panic!("not the reply of a store: {error}"));
    outcome.unwrap_or_else(|error| panic!("the store failed: {error}"))
}

/// Of every kind.
pub(super) fn each_effect_gets_its_own_reply<R: Runtime>(runtime: &R) {
    let host = host(runtime, Echo::new(1));
    assert_eq!(body(ask(runtime, &host, http("/one"))), b"/one");
    assert!(value(ask(runtime, &host, store())) == StoreOutcome::Values(vec![None]));
    let job = Effect::Compute(Job::new("sum", || 40 + 2));
    let sum = ask(runtime, &host, job).compute::<i32>();
    assert_eq!(sum.unwrap_or_else(|error| panic!("not the reply of the job: {error}")), 42);
    let slept = ask(runtime, &host, Effect::Sleep(SleepCall::new(Duration::from_millis(1)))).slept();
    slept.unwrap_or_else(|error| panic!("not the reply of a sleep: {error}"));
    let progress =
        Effect::Progress(ProgressCall::new(Progress { unit: ProgressUnit::BytesSent, done: 1, total: 2 }));
    let heard = ask(runtime, &host, progress).heard();
    heard.unwrap_or_else(|error| panic!("not the reply of a progress: {error}"));
}

fn all(members: Vec<Effect>) -> Effect {
    Effect::All(AllCall::new(members))
}

fn members(reply: Reply) -> Vec<Reply> {
    reply.all().unwrap_or_else(|error| panic!("not every member was answered: {error}"))
}

/// Whatever order they are performed in.
pub(super) fn members_are_answered_in_their_order<R: Runtime>(runtime: &R) {
    let host = host(runtime, Echo::new(1));
    for _ in 0..3 {
        let asked = vec![
            Effect::Compute(Job::new("first", || 1)),
            http("/a"),
            store(),
            Effect::Progress(ProgressCall::new(Progress {
                unit: ProgressUnit::BytesSent,
                done: 1,
                total: 2,
            })),
            http("/b"),
            Effect::Sleep(SleepCall::new(Duration::from_millis(5))),
            Effect::Compute(Job::new("last", || 2)),
        ];
        let mut replies = members(ask(runtime, &host, all(asked))).into_iter();
        let mut next = || replies.next().expect("as many replies as members");
        assert_eq!(next().compute::<i32>().ok(), Some(1));
        assert_eq!(body(next()), b"/a");
        assert!(value(next()) == StoreOutcome::Values(vec![None]));
        assert!(next().heard().is_ok());
        assert_eq!(body(next()), b"/b");
        assert!(next().slept().is_ok());
        assert_eq!(next().compute::<i32>().ok(), Some(2));
    }
}

/// Four parts of a content are under way together.
pub(super) fn exchanges_of_an_all_run_at_once<R: Runtime>(runtime: &R) {
    let echo = Echo::new(4);
    let host = host(runtime, Arc::clone(&echo));
    let replies = members(ask(runtime, &host, all(["/1", "/2", "/3", "/4"].map(http).into())));
    let bodies: Vec<Vec<u8>> = replies.into_iter().map(body).collect();
    assert_eq!(bodies, [b"/1", b"/2", b"/3", b"/4"]);
    assert_eq!(echo.arrived(), 4, "each once");
}

/// No members, no replies, and an end.
pub(super) fn an_all_of_nothing_is_over<R: Runtime>(runtime: &R) {
    let host = host(runtime, Echo::new(1));
    assert!(members(ask(runtime, &host, all(Vec::new()))).is_empty());
}

/// Not shorter; by itself and as a member.
pub(super) fn a_sleep_is_as_long_as_asked<R: Runtime>(runtime: &R) {
    const PAUSE: Duration = Duration::from_millis(60);
    let host = host(runtime, Echo::new(1));
    let sleep = || Effect::Sleep(SleepCall::new(PAUSE));
    for effect in [sleep(), all(vec![http("/a"), sleep()])] {
        let begun = Instant::now();
        drop(ask(runtime, &host, effect));
        assert!(begun.elapsed() >= PAUSE, "it slept for {:?}", begun.elapsed());
    }
}

/// The driver judges none.
pub(super) fn failures_flow_into_the_operation<R: Runtime>(runtime: &R) {
    let host = host(runtime, Echo::new(1));
    let failed = |reply: Reply| reply.http().ok().and_then(Result::err).map(|error| error.kind);
    assert_eq!(failed(ask(runtime, &host, http("/cut"))), Some(TransportErrorKind::Interrupted));
    let mut replies = members(ask(runtime, &host, all(vec![http("/cut"), http("/a")])));
    assert_eq!(body(replies.remove(1)), b"/a", "the other member is not hurt");
    assert_eq!(failed(replies.remove(0)), Some(TransportErrorKind::Interrupted));
}

/// With the operation's own words; the host goes on.
pub(super) fn errors_end_the_operation<R: Runtime>(runtime: &R) {
    let host = host(runtime, Echo::new(1));
    let failed = runtime.run(&host, Once(None), &|_| ()).err();
    assert!(matches!(failed, Some(Error::Input(InputError::CredentialsRequired))), "{failed:?}");
    assert_eq!(body(ask(runtime, &host, http("/after"))), b"/after");
}

/// Reports progress a few times and ends.
struct Reporting(u64);

impl Operation<Session> for Reporting {
    type Output = ();

    fn resume(&mut self, _: &mut Cx<'_, Session>, _: Option<Reply>) -> Step<Result<(), Error>> {
        self.0 += 1;
        match self.0 {
            4 => Step::Done(Ok(())),
            done => Step::Effect(Effect::Progress(ProgressCall::new(Progress {
                unit: ProgressUnit::BytesSent,
                done,
                total: 3,
            }))),
        }
    }
}

/// Or dropped: a runtime that shows some shows them as they came.
pub(super) fn progress_is_told_in_order<R: Runtime>(runtime: &R) {
    let host = host(runtime, Echo::new(1));
    let told = Mutex::new(Vec::new());
    let watch = |progress: Progress| told.lock().unwrap_or_else(PoisonError::into_inner).push(progress.done);
    assert!(runtime.run(&host, Reporting(0), &watch).is_ok());
    let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(told.is_sorted_by(|a, b| a < b) && told.len() <= 3, "{told:?}");
}

/// Looks at what is lent, twice, with a sleep between.
#[derive(Default)]
struct Looking(Vec<(u64, Duration, [u8; 16])>);

impl Operation<Session> for Looking {
    type Output = Vec<(u64, Duration, [u8; 16])>;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, _: Option<Reply>) -> Step<Result<Self::Output, Error>> {
        match cx.random() {
            Ok(bytes) => self.0.push((cx.now.utc.as_millis(), cx.now.monotonic, bytes)),
            Err(error) => return Step::Done(Err(error)),
        }
        if self.0.len() == 2 {
            return Step::Done(Ok(std::mem::take(&mut self.0)));
        }
        Step::Effect(Effect::Sleep(SleepCall::new(Duration::from_millis(20))))
    }
}

/// Clocks do not stand still or go back, and no bytes come twice.
pub(super) fn time_goes_on_and_chance_is_fresh<R: Runtime>(runtime: &R) {
    let host = host(runtime, Echo::new(1));
    let seen = runtime.run(&host, Looking::default(), &|_| ()).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        seen[0].0 > 1_500_000_000_000 && seen[1].1 > seen[0].1,
        "the clocks: {:?}",
        (seen[0].1, seen[1].1)
    );
    assert_ne!(seen[0].2, seen[1].2, "the same randomness twice");
    let again = runtime.run(&host, Looking::default(), &|_| ()).unwrap_or_else(|error| panic!("{error}"));
    assert!(again[0].2 != seen[0].2 && again[0].1 >= seen[1].1);
}

/// Never resumed, or resumed once and let go.
pub(super) fn an_operation_that_was_dropped_hurts_nobody<R: Runtime>(runtime: &R) {
    let host = host(runtime, Echo::new(1));
    drop(Once(Some(http("/never"))));
    let unread = ask(runtime, &host, all(vec![http("/a"), http("/b")]));
    drop(unread);
    assert_eq!(body(ask(runtime, &host, http("/after"))), b"/after");
}
