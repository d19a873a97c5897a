//! Large contents over transports, sources, sinks and clocks that misbehave: what is given out is right
//! or nothing, and a container is the old one or the new one.

mod clocks;
mod contents;
mod downloads;
mod uploads;

use crate::people::Device;
use absio_conformance::transport::Misdeed;
use absio_proto::driver::blocking::{Content, Host, Transport, run};
use absio_proto::effect::TransportErrorKind::{Interrupted, TimedOut, Unreachable};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome,
    TransportError,
};
use absio_proto::model::{ContainerId, Portion, Timestamp};
use absio_proto::ops::container::{ContentInput, Create, Get, List, Update};
use absio_proto::{Cx, Error, Guard, Operation, Session};
use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const PART: usize = 4 << 20;
/// Five parts, the last one short: more than are under way at once.
pub const LENGTH: usize = 4 * PART + 77;

/// A device with another transport between it and the broker.
pub struct Wired<'d, T> {
    device: &'d Device,
    pub transport: T,
    /// How far the device's wall clock is ahead, in milliseconds; behind if negative.
    pub skew: Cell<i64>,
}

impl<'d, T: Transport> Wired<'d, T> {
    pub fn new(device: &'d Device, transport: T) -> Self {
        Self { device, transport, skew: Cell::new(0) }
    }

    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        run(&mut Guard::new(operation), self)
    }

    /// Creates a container from `truth`.
    pub fn upload(&self, truth: &Arc<Vec<u8>>) -> Result<ContainerId, Error> {
        self.device.give(Box::new(Disk::source(truth)));
        self.run(Create::new(streamed(truth.len())))
            .map(|changed| changed.container.id.expect("it has an id"))
    }

    /// Replaces the content by `truth`.
    pub fn replace(&self, id: ContainerId, truth: &Arc<Vec<u8>>) -> Result<(), Error> {
        self.device.give(Box::new(Disk::source(truth)));
        self.run(Update::new(id).content(streamed(truth.len()))).map(|_| ())
    }

    /// Gets the content, every byte of which is compared with `truth` when it is written: whatever comes
    /// of it in the end, nothing wrong ever reaches the sink.
    pub fn download(&self, id: ContainerId, truth: &Arc<Vec<u8>>) -> Result<(), Error> {
        let sink = Disk::sink(truth);
        let written = sink.written.clone();
        self.device.give(Box::new(sink));
        let got = self.run(Get::new(id, Portion::All).into_sink())?;
        let in_sink = *written.lock().unwrap();
        assert!(got.content.as_ref().is_none_or(|bytes| bytes == &**truth), "other bytes were given out");
        assert!(got.content.is_some() || in_sink == truth.len(), "it says it is whole, and is not");
        Ok(())
    }
}

impl<T: Transport> Host<Session> for Wired<'_, T> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        self.device.lend(|cx| {
            let mut now = cx.now;
            now.utc = Timestamp::from_millis(now.utc.as_millis().saturating_add_signed(self.skew.get()));
            turn(&mut Cx { now, entropy: &mut *cx.entropy, session: &mut *cx.session })
        })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.transport.exchange(request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.device.store(op)
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        Host::content(self.device, op)
    }

    fn sleep(&self, duration: Duration) {
        self.device.sleep(duration);
    }
}

/// A file that knows what it must hold.
struct Disk {
    truth: Arc<Vec<u8>>,
    is_source: bool,
    /// Bytes written; each once.
    written: Arc<Mutex<usize>>,
}

impl Disk {
    fn source(truth: &Arc<Vec<u8>>) -> Self {
        Self { truth: truth.clone(), is_source: true, written: Arc::default() }
    }

    fn sink(truth: &Arc<Vec<u8>>) -> Self {
        Self { is_source: false, ..Self::source(truth) }
    }
}

impl Content for Disk {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        assert!(self.is_source, "a sink is only written");
        let offset = usize::try_from(offset).unwrap();
        let piece = self.truth.get(offset..offset + length);
        piece.map(<[u8]>::to_vec).ok_or_else(|| ContentError { reason: "the file is shorter".into() })
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        assert!(!self.is_source, "a source is only read");
        let offset = usize::try_from(offset).unwrap();
        let wanted = self.truth.get(offset..offset + bytes.len());
        assert!(wanted == Some(&bytes[..]), "wrong bytes were released at {offset}");
        *self.written.lock().unwrap() += bytes.len();
        Ok(())
    }
}

/// Bytes that `seed` stands for.
pub fn content(length: usize, seed: u32) -> Arc<Vec<u8>> {
    let byte = |n: u32| ((n ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(2_654_435_761) >> 15) as u8;
    Arc::new((0..u32::try_from(length).unwrap()).map(byte).collect())
}

pub fn streamed(length: usize) -> ContentInput {
    ContentInput::Streamed { length: length as u64 }
}

/// The containers there are, as an honest broker shows them.
pub fn containers(device: &Device) -> Vec<ContainerId> {
    device.run(List::new()).unwrap().iter().map(|listed| listed.container_id).collect()
}

/// An error that blames the network or the server: not the caller, the driver or the store.
#[track_caller]
pub fn assert_clear(error: &Error, case: &str) {
    let is_clear = matches!(
        error.cause(),
        Error::Transport(_) | Error::Remote(_) | Error::Protocol(_) | Error::Crypto(_)
    );
    assert!(is_clear, "{case}: {error:?}");
}

/// Whether the error tells that a change may have been made.
pub fn says_unconfirmed(error: &Error) -> bool {
    matches!(error.cause(), Error::Transport(error) if error.unconfirmed.is_some())
}

/// Misdeeds of a network: no answer is another than the broker's.
pub fn faults() -> Vec<Misdeed> {
    vec![
        Misdeed::NeverArrives(Interrupted),
        Misdeed::NeverArrives(TimedOut),
        Misdeed::NeverArrives(Unreachable),
        Misdeed::AnswerLost(Interrupted),
        Misdeed::AnswerLost(TimedOut),
        Misdeed::ArrivesTwice,
        Misdeed::ComesLate,
        Misdeed::FailsBefore(503),
        Misdeed::FailsAfter(502),
        Misdeed::Busy(1),
    ]
}

/// Misdeeds of whoever alters answers.
pub fn forgeries() -> Vec<Misdeed> {
    vec![
        Misdeed::Truncates(1),
        Misdeed::Truncates(70_000),
        Misdeed::FlipsBit(3),
        Misdeed::FlipsBit(4_000_001),
        Misdeed::RepeatsPrevious,
        Misdeed::AnswersAnother,
    ]
}
