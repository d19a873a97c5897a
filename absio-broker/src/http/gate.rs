//! What is decided by the head of a request alone, before a byte of its body is kept.

use super::convert::refusal;
use crate::session_token;
use crate::state::BrokerState;
use absio_proto::RemoteCode;
use absio_proto::effect::{HttpRequest, HttpResponse};
use absio_proto::model::Timestamp;
use absio_proto::wire::{RequestHeaders, Route};

/// Bodies up to this many bytes are read from anybody.
pub(super) const SMALL: u64 = 4096;

/// The cap of the body, or the answer if the head is reason enough. Large bodies are read only with
/// a token that this deployment issued; whether it still stands is for the handler to say. What the
/// handler would refuse anyway passes here with a small cap.
pub(super) fn admit(
    state: &BrokerState,
    head: &HttpRequest,
    length: Option<u64>,
    now: Timestamp,
) -> Result<u64, HttpResponse> {
    let Ok(route) = Route::parse(head.method, &head.path) else { return Ok(SMALL) };
    let cap = route.max_body();
    if length.is_some_and(|length| length > cap) {
        return Err(refusal(
            RemoteCode::TooLarge,
            &format!("the body is over its limit of {cap} bytes; nothing of it was read"),
        ));
    }
    let known = || {
        let headers = RequestHeaders::read(head).ok()?;
        session_token::verify(state.secret(), &headers.token?, headers.api_key?, now).ok()
    };
    if route.needs_session() && length.is_none_or(|length| length > SMALL) && known().is_none() {
        return Err(refusal(RemoteCode::NotAuthenticated, "there is no valid session; log in"));
    }
    Ok(cap)
}
