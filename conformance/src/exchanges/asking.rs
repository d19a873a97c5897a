//! Short ways to exchange, for the cases.

use crate::script;
use crate::wire_server::{Script, WireServer};
use absio_proto::effect::{Body, HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
use std::time::Duration;

pub(super) type Question = HttpRequest;
pub(super) type Answer = Result<HttpResponse, TransportError>;
pub(super) type Desk = script::Desk<Question, Answer>;
pub(super) type Lane<T> = script::Lane<Question, Answer, T>;

/// Longer than any case takes that does not wait for its deadline.
pub(super) const LONG: Duration = Duration::from_secs(20);

pub(super) fn serve(script: impl Script) -> WireServer {
    WireServer::start(script).expect("a port of loopback is free")
}

pub(super) fn play(answers: impl IntoIterator<Item = crate::wire_server::Answer>) -> WireServer {
    WireServer::playing(answers).expect("a port of loopback is free")
}

pub(super) fn get(server: &WireServer) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        origin: server.origin(),
        path: "/v1/info".into(),
        headers: vec![("absio-api-key".into(), "k".into())],
        body: Body::new(),
        deadline: LONG,
        max_response: 1 << 20,
    }
}

pub(super) fn post(server: &WireServer, body: impl Into<Vec<u8>>) -> HttpRequest {
    HttpRequest { method: Method::Post, body: body.into().into(), ..get(server) }
}

pub(super) async fn whole(desk: &Desk, request: HttpRequest) -> HttpResponse {
    let shown = format!("{request:?}");
    desk.ask(request).await.unwrap_or_else(|error| panic!("{shown} failed: {error}"))
}

pub(super) async fn refused(desk: &Desk, request: HttpRequest, kind: TransportErrorKind, when: &str) {
    match desk.ask(request).await {
        Err(error) => {
            assert!(error.kind == kind, "{when}: expected {kind:?}, got {error}");
            assert!(error.unconfirmed.is_none(), "{when}: `unconfirmed` is the core's");
        }
        Ok(answer) => panic!("{when}: expected {kind:?}, got a response, {answer:?}"),
    }
}
