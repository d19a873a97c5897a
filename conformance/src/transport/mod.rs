//! Transports that misbehave, for tests of whatever has to bear it: a client, a broker, or a transport
//! of your own with a wrapper of its own around it (`docs/transports.md`).
//!
//! - [`Hostile`] stands between a client and its broker and does what networks and servers do when they
//!   fail or are not to be trusted: answers are lost, cut, altered, repeated, late, or another's. What it
//!   does is a [`Plan`]: explicit, or drawn from a seed.
//! - [`Throttled`] is a line with a speed and a delay, on whatever clock the test has.
//!
//! Both take any [`Transport`](absio_proto::driver::blocking::Transport), so they stack. Around one that
//! answers at once (a broker in this process), [`Immediate`](absio_proto::transport::Immediate) makes
//! them transports for tasks.
//!
//! ```
//! use absio_conformance::transport::{Hostile, Misdeed, Plan};
//! use absio_proto::driver::blocking::Transport;
//! # use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
//! # struct Broker;
//! # impl Transport for Broker {
//! #     fn exchange(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
//! #         Ok(HttpResponse { status: 200, headers: vec![], body: vec![1, 2, 3] })
//! #     }
//! # }
//! # let request = HttpRequest {
//! #     method: Method::Get,
//! #     origin: "https://broker.example".into(),
//! #     path: "/v1/info".into(),
//! #     headers: vec![],
//! #     body: Default::default(),
//! #     deadline: std::time::Duration::from_secs(1),
//! #     max_response: 100,
//! # };
//! // The answer to the second request is lost, after the broker did what it asks for.
//! let lost = Misdeed::AnswerLost(TransportErrorKind::Interrupted);
//! let network = Hostile::new(Broker, Plan::at(1, lost));
//! assert!(network.exchange(request.clone()).is_ok());
//! assert!(network.exchange(request.clone()).is_err());
//! assert!(network.exchange(request).is_ok());
//! assert_eq!(network.done().len(), 1);
//! ```

mod hostile;
mod misdeed;
mod plan;
mod throttled;

pub use hostile::{Done, Hostile};
pub use misdeed::Misdeed;
pub use plan::Plan;
pub use throttled::Throttled;

#[cfg(test)]
mod tests;
