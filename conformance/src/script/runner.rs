//! The two runners of scripts: a thread a lane, or all lanes in one task.

use super::{Reply, Script, Turn, said};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

/// A lane stops here when another one failed, so that none waits for what will never come.
const STOPPED: &str = "stopped, another lane failed";

/// Runs `script` on this thread, and its lanes on threads of their own.
pub(crate) fn run<Q: Send, A: Send>(
    script: Script<Q, A>,
    perform: &(dyn Fn(Q) -> A + Sync),
) -> Result<(), String> {
    run_lane(script, perform, &AtomicBool::new(false))
}

fn run_lane<Q: Send, A: Send>(
    mut script: Script<Q, A>,
    perform: &(dyn Fn(Q) -> A + Sync),
    failed: &AtomicBool,
) -> Result<(), String> {
    let mut reply = None;
    let result = loop {
        if failed.load(Ordering::Acquire) {
            return Err(STOPPED.into());
        }
        match script.resume(reply.take()) {
            Turn::Done(result) => break result,
            // The backend is not trusted to return.
            Turn::Ask(question) => match catch_unwind(AssertUnwindSafe(|| perform(question))) {
                Ok(answer) => reply = Some(Reply::Answer(answer)),
                Err(panic) => break Err(format!("the backend panicked: {}", said(&*panic))),
            },
            Turn::Together(lanes) => match all_lanes(lanes, perform) {
                Ok(()) => reply = Some(Reply::Joined),
                Err(error) => break Err(error),
            },
        }
    };
    if result.is_err() {
        failed.store(true, Ordering::Release);
    }
    result
}

fn all_lanes<Q: Send, A: Send>(
    lanes: Vec<Script<Q, A>>,
    perform: &(dyn Fn(Q) -> A + Sync),
) -> Result<(), String> {
    let failed = &AtomicBool::new(false);
    let results: Vec<Result<(), String>> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            lanes.into_iter().map(|lane| scope.spawn(move || run_lane(lane, perform, failed))).collect();
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|ended| ended.unwrap_or_else(|panic| Err(said(&*panic)))).collect()
    });
    verdict(results)
}

/// The first lane that failed by itself.
fn verdict(results: Vec<Result<(), String>>) -> Result<(), String> {
    let mut errors: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    errors.sort_by_key(|error| error == STOPPED);
    errors.into_iter().next().map_or(Ok(()), Err)
}

type Lane<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// Runs `script` inside this task, its lanes beside one another.
pub(crate) async fn run_async<Q, A, F: Future<Output = A>>(
    script: Script<Q, A>,
    perform: impl Fn(Q) -> F,
) -> Result<(), String> {
    let none = AtomicBool::new(false);
    let mut running = run_lane_async(script, &perform, &none);
    poll_fn(|context| {
        // The backend is not trusted to return.
        match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))) {
            Ok(polled) => polled,
            Err(panic) => Poll::Ready(Err(format!("the backend panicked: {}", said(&*panic)))),
        }
    })
    .await
}

fn run_lane_async<'a, Q: 'a, A: 'a, F: Future<Output = A> + 'a>(
    mut script: Script<Q, A>,
    perform: &'a impl Fn(Q) -> F,
    failed: &'a AtomicBool,
) -> Lane<'a> {
    Box::pin(async move {
        let mut reply = None;
        let result = loop {
            if failed.load(Ordering::Acquire) {
                return Err(STOPPED.into());
            }
            match script.resume(reply.take()) {
                Turn::Done(result) => break result,
                Turn::Ask(question) => reply = Some(Reply::Answer(perform(question).await)),
                Turn::Together(lanes) => {
                    let failed = AtomicBool::new(false);
                    let lanes =
                        lanes.into_iter().map(|lane| run_lane_async(lane, perform, &failed)).collect();
                    match join(lanes).await {
                        Ok(()) => reply = Some(Reply::Joined),
                        Err(error) => break Err(error),
                    }
                }
            }
        };
        if result.is_err() {
            failed.store(true, Ordering::Release);
        }
        result
    })
}

/// Polls every lane that is not over, until all are.
async fn join(mut lanes: Vec<Lane<'_>>) -> Result<(), String> {
    let mut results = Vec::new();
    poll_fn(|context| {
        lanes.retain_mut(|lane| match lane.as_mut().poll(context) {
            Poll::Ready(result) => {
                results.push(result);
                false
            }
            Poll::Pending => true,
        });
        if lanes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    verdict(results)
}
