//! The request handler: an operation over the broker's store, one file a resource.

mod admit;
mod cards;
mod containers;
mod key_files;
mod respond;
mod sessions;
mod signed;
mod uploads;
mod users;

pub(crate) use admit::{Caller, binding};
pub(crate) use respond::{bundle_answer, bytes_answer, error_answer, json_answer, json_text};

use crate::engine::{Engine, Logic};
use crate::state::BrokerState;
use crate::turn::{Inbound, Plan, Turn, Turned};
use absio_proto::effect::{HttpRequest, HttpResponse, Reply};
use absio_proto::{Cx, Error, Operation, RemoteError, Step};
use std::net::IpAddr;

/// Answers one request. Guard it and give it to a driver; its output is always a response, an error
/// only if the driver broke the contract or the random source failed.
pub struct Handler(Engine<Respond>);

struct Respond;

impl Handler {
    /// A handler for `request`, which came from `peer`; none in-process. Its body must already be
    /// bounded by [`Route::max_body`](absio_proto::wire::Route::max_body).
    #[must_use]
    pub fn new(request: HttpRequest, peer: Option<IpAddr>) -> Self {
        Self(Engine::new(Respond, Inbound { request: request.into(), peer }))
    }
}

impl Logic for Respond {
    type Output = HttpResponse;

    fn turn(&mut self, turn: &mut Turn<'_>) -> Turned<Plan> {
        admit::respond(turn)
    }

    fn refused(&mut self, error: RemoteError) -> Result<HttpResponse, Error> {
        Ok(error_answer(&error))
    }
}

impl Operation<BrokerState> for Handler {
    type Output = HttpResponse;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, BrokerState>,
        reply: Option<Reply>,
    ) -> Step<Result<HttpResponse, Error>> {
        self.0.resume(cx, reply)
    }
}
