//! An operation that asks for every kind of effect, and a small world that answers. What it gives
//! and what it asks depends on every reply, on the clock and on the randomness.

use super::{State, question};
use absio_proto::effect::{
    AllCall, ContentCall, ContentError, ContentOp, ContentOutcome, Effect, HttpCall, HttpRequest,
    HttpResponse, Job, Method, Reply, SleepCall, StoreCall, StoreError, StoreErrorKind, StoreOp,
    StoreOutcome, TransportError, TransportErrorKind,
};
use absio_proto::{Cx, Error, Guard, Operation, Step, attempt};
use std::time::Duration;

pub(crate) struct Story {
    chapter: u32,
    transcript: String,
}

pub(crate) fn story() -> Guard<Story> {
    Guard::new(Story { chapter: 0, transcript: String::new() })
}

pub(crate) fn request(method: Method, path: String, body: Vec<u8>) -> HttpRequest {
    HttpRequest {
        method,
        origin: "https://example.org".into(),
        path,
        headers: vec![("x-story".into(), "yes".into())],
        body: body.into(),
        deadline: Duration::from_secs(2),
        max_response: 64,
    }
}

impl Story {
    fn note(&mut self, what: impl core::fmt::Debug) {
        self.transcript.push_str(&format!("{what:?}\n"));
    }

    fn read(&mut self, reply: Reply) -> Result<(), Error> {
        match self.chapter {
            1 => self.note(reply.http()?.map(|response| (response.status, response.body))),
            2 => {
                let mut members = reply.all()?.into_iter();
                let mut next = || members.next().expect("the guard counted them");
                let (store, failed, sum, slept) = (next(), next(), next(), next());
                self.note(store.store()?.map(|outcome| format!("{:?}", values(outcome))));
                self.note(failed.http()?.map(|response| response.status));
                self.note(sum.compute::<u64>()?);
                self.note(slept.slept()?);
            }
            3 => self.note(reply.compute::<String>()?),
            4 | 5 => self.note(reply.content()?),
            6 => self.note(reply.store()?.map(|outcome| format!("{:?}", values(outcome)))),
            _ => self.note(reply.slept()?),
        }
        Ok(())
    }

    fn ask(&self, cx: &mut Cx<'_, State>) -> Result<Option<Effect>, Error> {
        let length = self.transcript.len();
        Ok(Some(match self.chapter {
            1 => {
                let body = [&cx.random::<8>()?[..], &cx.now.utc.as_millis().to_be_bytes()].concat();
                Effect::Http(HttpCall::new(request(Method::Post, "/begin".into(), body)))
            }
            2 => {
                let gone = request(Method::Get, format!("/gone/{length}"), vec![]);
                Effect::All(AllCall::new(vec![
                    Effect::Store(StoreCall::new(question(&length.to_string()))),
                    Effect::Http(HttpCall::new(gone)),
                    Effect::Compute(Job::new("sum", move || (0..=length as u64).sum::<u64>())),
                    Effect::Sleep(SleepCall::new(Duration::from_millis(length as u64))),
                ]))
            }
            3 => {
                let salt = cx.random::<4>()?;
                Effect::Compute(Job::new("print", move || format!("{salt:?}")))
            }
            4 => Effect::Content(ContentCall::new(ContentOp::ReadAt { offset: 1, length: 3 })),
            5 => {
                let bytes = self.transcript.clone().into_bytes();
                Effect::Content(ContentCall::new(ContentOp::WriteAt { offset: 0, bytes }))
            }
            6 => Effect::Store(StoreCall::new(StoreOp::BlobSeal {
                blob: absio_proto::effect::BlobId([1; 20]),
            })),
            7 => Effect::Sleep(SleepCall::new(Duration::from_secs(1))),
            _ => return Ok(None),
        }))
    }
}

fn values(outcome: StoreOutcome) -> Option<Vec<Option<Vec<u8>>>> {
    match outcome {
        StoreOutcome::Values(values) => Some(values),
        _ => None,
    }
}

impl Operation<State> for Story {
    type Output = String;

    fn resume(&mut self, cx: &mut Cx<'_, State>, reply: Option<Reply>) -> Step<Result<String, Error>> {
        if let Some(reply) = reply {
            attempt!(self.read(reply));
        }
        self.chapter += 1;
        match attempt!(self.ask(cx)) {
            Some(effect) => Step::Effect(effect),
            None => Step::Done(Ok(self.transcript.clone())),
        }
    }
}

/// The other side: pure functions of what is asked.
pub(crate) fn exchange(request: &HttpRequest) -> Result<HttpResponse, TransportError> {
    if request.path.starts_with("/gone") {
        return Err(TransportError::new(TransportErrorKind::Unreachable, "gone"));
    }
    let body = request.body.iter().rev().copied().collect();
    Ok(HttpResponse { status: 200, headers: vec![], body })
}

pub(crate) fn store(op: StoreOp) -> Result<StoreOutcome, StoreError> {
    match op {
        StoreOp::Get { .. } => Ok(super::echo(op)),
        _ => Err(StoreError::new(StoreErrorKind::Full, "no room")),
    }
}

pub(crate) fn content(op: &ContentOp) -> Result<ContentOutcome, ContentError> {
    match op {
        ContentOp::ReadAt { offset, length } => Ok(ContentOutcome::Bytes(vec![*offset as u8; *length])),
        ContentOp::WriteAt { .. } | ContentOp::Record { .. } => Ok(ContentOutcome::Written),
    }
}
