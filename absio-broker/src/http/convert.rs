//! Between hyper's types and the protocol's.

use crate::handler::error_answer;
use absio_proto::effect::{Body, HttpRequest, HttpResponse, Method};
use absio_proto::{RemoteCode, RemoteError};
use core::time::Duration;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use std::net::IpAddr;

/// The head of a request; its body follows. None if the method is none of the protocol's.
pub(super) fn head<B>(request: &Request<B>, origin: &str) -> Option<HttpRequest> {
    let method = match *request.method() {
        hyper::Method::GET => Method::Get,
        hyper::Method::POST => Method::Post,
        hyper::Method::PUT => Method::Put,
        hyper::Method::DELETE => Method::Delete,
        _ => return None,
    };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    // A value that is not ASCII fits none of the protocol's headers: an empty one is refused there.
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()));
    Some(HttpRequest {
        method,
        origin: origin.to_owned(),
        path,
        headers: headers.collect(),
        body: Body::new(),
        deadline: Duration::ZERO,
        max_response: u64::MAX,
    })
}

/// The address the request came from.
pub(super) fn peer(head: &HttpRequest, address: IpAddr, behind_proxy: bool) -> IpAddr {
    let forwarded = head.headers.iter().rev().find(|(name, _)| name == "x-forwarded-for");
    let last = forwarded.and_then(|(_, value)| value.rsplit(',').next());
    match last.and_then(|text| text.trim().parse().ok()) {
        Some(client) if behind_proxy => client,
        _ => address,
    }
}

/// A response as hyper sends it.
pub(super) fn response(answer: HttpResponse, close: bool) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    if close {
        response.headers_mut().insert(hyper::header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// An answer of the front itself.
pub(super) fn refusal(code: RemoteCode, message: &str) -> HttpResponse {
    let retry_after_ms = (code == RemoteCode::Unavailable).then_some(1_000);
    error_answer(&RemoteError { code, message: message.into(), subject: None, retry_after_ms })
}
