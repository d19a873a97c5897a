//! A device whose wires do what a plan says, and the weakened transport of the controls, which follows where it
//! is led.

use crate::people::Device;
use absio_broker::Fixture;
use absio_conformance::transport::{Hostile, Plan};
use absio_proto::driver::blocking::{Host, Transport, run};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome,
    TransportError,
};
use absio_proto::{Cx, Error, Guard, Operation, Session};
use std::cell::RefCell;
use std::time::Duration;

/// A device whose broker answers as a plan says, and the requests that reach any origin.
pub struct Lured<'d> {
    device: &'d Device,
    broker: Hostile<&'d Fixture>,
    /// Whether the transport follows a redirect: the weakened one of the controls does.
    follows: bool,
    pub sent: RefCell<Vec<HttpRequest>>,
}

impl<'d> Lured<'d> {
    pub fn new(device: &'d Device, plan: Plan) -> Self {
        Self { device, broker: Hostile::new(&device.broker, plan), follows: false, sent: RefCell::default() }
    }

    pub fn following(self) -> Self {
        Self { follows: true, ..self }
    }

    pub fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        run(&mut Guard::new(operation), self)
    }

    /// Requests that went to another origin than the configured one.
    pub fn strayed(&self) -> Vec<HttpRequest> {
        let own = self.device.broker.origin();
        self.sent.borrow().iter().filter(|request| request.origin != own).cloned().collect()
    }
}

impl Host<Session> for Lured<'_> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        self.device.lend(turn)
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.sent.borrow_mut().push(request.clone());
        let answer = self.broker.exchange(request.clone())?;
        let target = answer.header("location").filter(|_| self.follows).map(str::to_owned);
        if let Some((origin, path)) = target.as_deref().and_then(split) {
            self.sent.borrow_mut().push(HttpRequest { origin, path, ..request });
        }
        Ok(answer)
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

/// Origin and path of an absolute URL.
pub fn split(url: &str) -> Option<(String, String)> {
    let rest = &url[url.find("://")? + 3..];
    let path = rest.find('/').map_or(url.len(), |slash| url.len() - rest.len() + slash);
    Some((url[..path].to_owned(), url[path..].to_owned()))
}
