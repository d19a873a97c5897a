//! A device seen from outside: its clock, its wires and its randomness pass through here.

use crate::people::Device;
use absio_proto::driver::blocking::{Host, run};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome,
    TransportError,
};
use absio_proto::{Cx, Entropy, EntropyError, Error, Guard, Operation, Session};
use std::cell::{Cell, RefCell};
use std::time::Duration;

pub struct Altered<'d> {
    device: &'d Device,
    /// How far the device's wall clock is ahead, in milliseconds; behind if negative.
    pub skew: i64,
    /// What happens to a request on the way.
    pub rewrite: fn(&mut HttpRequest),
    /// All requests, as the device sent them.
    pub sent: RefCell<Vec<HttpRequest>>,
    /// All that was drawn from the random source.
    pub drawn: RefCell<Vec<Vec<u8>>>,
    /// How often the store was asked.
    pub stored: Cell<usize>,
}

impl<'d> Altered<'d> {
    pub fn new(device: &'d Device) -> Self {
        Self {
            device,
            skew: 0,
            rewrite: |_| {},
            sent: RefCell::default(),
            drawn: RefCell::default(),
            stored: Cell::default(),
        }
    }

    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        run(&mut Guard::new(operation), self)
    }
}

struct Drawing<'a>(&'a mut dyn Entropy, &'a RefCell<Vec<Vec<u8>>>);

impl Entropy for Drawing<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        self.0.fill(buffer)?;
        self.1.borrow_mut().push(buffer.to_vec());
        Ok(())
    }
}

impl Host<Session> for Altered<'_> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        self.device.lend(|cx| {
            let mut now = cx.now;
            let utc = now.utc.as_millis().saturating_add_signed(self.skew);
            now.utc = absio_proto::model::Timestamp::from_millis(utc);
            let mut entropy = Drawing(&mut *cx.entropy, &self.drawn);
            turn(&mut Cx { now, entropy: &mut entropy, session: &mut *cx.session })
        })
    }

    fn exchange(&self, mut request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.sent.borrow_mut().push(request.clone());
        (self.rewrite)(&mut request);
        self.device.exchange(request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.stored.set(self.stored.get() + 1);
        self.device.store(op)
    }

    fn content(&self, op: ContentOp) -> Result<ContentOutcome, ContentError> {
        Host::content(self.device, op)
    }

    fn sleep(&self, duration: Duration) {
        self.device.sleep(duration);
    }
}
