//! The host that writes down what passes through it.

use super::{Asked, Entry, Given, Performed, Recording, printing};
use crate::driver::blocking::{Host, perform};
use crate::effect::{
    ContentError, ContentOp, ContentOutcome, Effect, HttpRequest, HttpResponse, Job, Progress, Reply,
    StoreError, StoreOp, StoreOutcome, TransportError,
};
use crate::operation::{Cx, Entropy, EntropyError};
use core::cell::RefCell;
use core::time::Duration;

/// A host around another host that records everything. Members of an `All` are performed one after
/// another, so that two recordings of one operation are alike.
pub struct Trace<'a, H> {
    host: &'a H,
    recording: RefCell<Recording>,
}

impl<'a, H> Trace<'a, H> {
    /// Records what `host` is asked for.
    #[must_use]
    pub fn new(host: &'a H) -> Self {
        Self { host, recording: RefCell::default() }
    }

    /// What was recorded.
    #[must_use]
    pub fn into_recording(self) -> Recording {
        self.recording.into_inner()
    }

    fn record(&self, entry: Entry) {
        self.recording.borrow_mut().entries.push(entry);
    }

    fn record_effect(&self, asked: String, digest: [u8; 32], given: Given) {
        self.record(Entry::Effect(Performed { asked, digest, given }));
    }
}

/// Hands randomness on and keeps a copy.
struct Tap<'a> {
    source: &'a mut dyn Entropy,
    drawn: Vec<u8>,
}

impl Entropy for Tap<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.source.fill(buffer)?;
        self.drawn.extend_from_slice(buffer);
        Ok(())
    }
}

impl<S, H: Host<S>> Host<S> for Trace<'_, H> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, S>) -> R) -> R {
        self.host.lend(|cx: &mut Cx<'_, S>| {
            let mut tap = Tap { source: &mut *cx.entropy, drawn: Vec::new() };
            let result = turn(&mut Cx { now: cx.now, entropy: &mut tap, session: &mut *cx.session });
            self.record(Entry::Turn {
                utc: cx.now.utc.as_millis(),
                monotonic: cx.now.monotonic,
                entropy: tap.drawn,
            });
            result
        })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (asked, digest) = (printing::request(&request), Asked::http(&request));
        let given = self.host.exchange(request);
        self.record_effect(asked, digest, Given::Http(given.clone()));
        given
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let (asked, digest) = (printing::store(&op), Asked::store(&op));
        let given = self.host.store(op);
        self.record_effect(asked, digest, Given::Store(given.clone()));
        given
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        let (asked, digest) = (printing::content(&op), Asked::content(&op));
        let given = self.host.content(op);
        self.record_effect(asked, digest, Given::Content(given.clone()));
        given
    }

    fn compute(&self, job: Job) -> Reply {
        self.record_effect(printing::job(job.name()), Asked::job(job.name()), Given::Computed);
        self.host.compute(job)
    }

    fn sleep(&self, duration: Duration) {
        self.record_effect(printing::sleep(duration), Asked::sleep(duration), Given::Slept);
        self.host.sleep(duration);
    }

    fn progress(&self, progress: Progress) {
        self.record_effect(printing::progress(&progress), Asked::progress(&progress), Given::Heard);
        self.host.progress(progress);
    }

    fn all(&self, members: Vec<Effect>) -> Vec<Reply> {
        self.record(Entry::All(members.len()));
        members.into_iter().map(|effect| perform(self, effect)).collect()
    }
}
