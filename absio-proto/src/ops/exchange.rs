//! One request of the API: headers, session, signature, retries.
//!
//! ```text
//!  Prepare ──session needed, none held──▶ Authenticate ──▶ Prepare
//!     │
//!     ▼                401, once
//!  Sending ──────────────────────────────▶ Authenticate ──▶ Prepare
//!     │  └─ lost answer, busy broker, and safe to repeat ─▶ Pausing ──▶ Prepare
//!     ▼
//!   body of a 200 or 201, or the refusal
//! ```
//!
//! A request whose answer was lost is repeated only if its idempotency key, or its nature, makes a
//! second arrival harmless (a gateway's 5xx is a lost answer too); one that was refused as too busy, in any case. The body and the key stay the same; time, token and signature are fresh.
//!
//! A change is repeated after a time-out too. There are at most three attempts, each with the deadline of
//! [`Config`](crate::Config) and a pause of at most ten seconds between two: so that is at most three
//! deadlines and twenty seconds. A change without an answer in the end says that it may have been made
//! ([`TransportError::unconfirmed`]).

use super::Authenticate;
use crate::crypto::{KeyRing, SignedRequest};
use crate::effect::{Body, HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
use crate::error::{Error, RemoteCode, RemoteError};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::session::{Session, User};
use crate::wire::{self, RequestSignature, Route};
use crate::{attempt, drive, effect::Reply};
use core::time::Duration;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};

/// Waits before the second and third attempt when an answer was lost.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// A broker that asks for a longer pause than this is reported to the caller instead (X-16).
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Sends one request and gives the body of its answer.
pub(crate) struct Exchange {
    route: Route,
    body: Body,
    content_type: &'static str,
    signer: Option<User>,
    idempotency_key: Option<[u8; 16]>,
    attempts: usize,
    authenticated_again: bool,
    /// The last attempt of a change that may have been carried out.
    lost: Option<TransportError>,
    state: State,
}

enum State {
    Prepare,
    Authenticating(Box<Authenticate>),
    Sending(Leaf<Result<HttpResponse, TransportError>>),
    Pausing(Leaf<()>),
}

impl Exchange {
    /// A request without a body.
    pub(crate) fn new(route: Route) -> Self {
        Self {
            route,
            body: Body::new(),
            content_type: "",
            signer: None,
            idempotency_key: None,
            attempts: 0,
            authenticated_again: false,
            lost: None,
            state: State::Prepare,
        }
    }

    /// A request with a JSON body.
    pub(crate) fn json(route: Route, body: &impl serde::Serialize) -> Self {
        Self { body: wire::to_json(body).into(), content_type: wire::JSON_TYPE, ..Self::new(route) }
    }

    /// A request with a bundle as body.
    pub(crate) fn bundle(route: Route, body: Vec<u8>) -> Self {
        Self { body: body.into(), content_type: wire::BUNDLE_TYPE, ..Self::new(route) }
    }

    /// A request with raw bytes as body.
    pub(crate) fn bytes(route: Route, body: Body) -> Self {
        Self { body, content_type: wire::BYTES_TYPE, ..Self::new(route) }
    }

    /// With this idempotency key, which was kept before: the change may have been sent under it already.
    pub(crate) fn under(mut self, idempotency_key: [u8; 16]) -> Self {
        self.idempotency_key = Some(idempotency_key);
        self
    }

    /// Signed by `user` instead of the signed-in one: for creating a user.
    pub(crate) fn signed_by(mut self, user: User) -> Self {
        self.signer = Some(user);
        self
    }

    fn request(&mut self, cx: &mut Cx<'_>) -> Result<HttpRequest, Error> {
        if self.route.is_change()
            && crate::planted!(FreshIdempotencyKey, true, self.idempotency_key.is_none())
        {
            self.idempotency_key = Some(cx.random()?);
        }
        let config = cx.session.config()?;
        let mut headers = vec![(wire::API_KEY.to_owned(), config.api_key.to_string())];
        let mut push = |name: &str, value: String| headers.push((name.to_owned(), value));
        if let Some(name) = &config.app_name {
            push(wire::APP_NAME, wire::encode_app_name(name));
        }
        if !self.content_type.is_empty() {
            push(wire::CONTENT_TYPE, self.content_type.to_owned());
        }
        if let Some(key) = &self.idempotency_key {
            push(wire::IDEMPOTENCY_KEY, HEXLOWER.encode(key));
        }
        if self.route.needs_session()
            && let Some(token) = cx.session.token(cx.now)
        {
            push(wire::AUTHORIZATION, format!("Bearer {}", BASE64URL_NOPAD.encode(token)));
        }
        if self.route.is_signed() {
            let ring = match &self.signer {
                Some(user) => user.keys(),
                None => cx.session.signer()?.keys(),
            };
            push(wire::SIGNATURE, self.sign(ring, &config.origin, cx)?.to_header());
        }
        Ok(HttpRequest {
            method: self.route.method(),
            origin: config.origin.clone(),
            path: self.route.path(),
            headers,
            body: self.body.clone(),
            deadline: config.deadline + self.waiting(),
            max_response: self.route.max_response(),
        })
    }

    fn sign(&self, ring: &KeyRing, origin: &str, cx: &Cx<'_>) -> Result<RequestSignature, Error> {
        let request = SignedRequest {
            origin: origin.to_owned(),
            user_id: ring.user_id(),
            key_index: ring.signing_index(),
            idempotency_key: self.idempotency_key.unwrap_or_default(),
            method: self.route.method().as_str().to_owned(),
            path_and_query: self.route.path(),
            body_hash: SignedRequest::body_hash(&self.body),
            time: cx.now.utc,
        };
        let (user, key_index, time) = (request.user_id, request.key_index, request.time);
        Ok(RequestSignature { user, key_index, time, signature: request.sign(ring)? })
    }

    /// A request that waits for news may take that much longer.
    fn waiting(&self) -> Duration {
        match self.route {
            Route::Events { wait, .. } => Duration::from_secs(wait),
            _ => Duration::ZERO,
        }
    }

    fn is_repeatable(&self) -> bool {
        self.route.is_change()
            || self.route.method() == Method::Get
            || matches!(
                self.route,
                Route::Challenge
                    | Route::Keys
                    | Route::Logout
                    | Route::PutPart { .. }
                    | Route::AbortUpload(_)
            )
    }

    /// Whether to try again after `error`, and after which pause.
    fn pause_after(&self, error: &Error) -> Option<Duration> {
        let pause = *PAUSES.get(self.attempts)?;
        match error {
            Error::Transport(error) if error.kind == TransportErrorKind::Interrupted => {
                Some(pause).filter(|_| self.is_repeatable())
            }
            Error::Transport(error) if error.kind == TransportErrorKind::TimedOut => {
                Some(pause).filter(|_| self.route.is_change())
            }
            // The broker says that it did nothing: any request may follow (X-16).
            Error::Remote(error) if is_busy(error) => {
                Some(error.retry_after_ms.map_or(pause, Duration::from_millis))
            }
            _ => None,
        }
        .filter(|pause| *pause <= LONGEST_PAUSE)
    }

    /// Remembers that a change may have been carried out.
    fn note(&mut self, error: &Error) {
        if let (Error::Transport(error), true) = (error, self.route.is_change())
            && error.is_ambiguous()
        {
            self.lost = Some(error.clone());
        }
    }

    /// What the caller is told in the end. That no answer came, or that the broker is busy now, says
    /// nothing of an earlier attempt.
    fn outcome(&mut self, error: Error) -> Error {
        let error = match (error, self.lost.take()) {
            (Error::Transport(error), Some(_)) => error,
            (Error::Remote(error), Some(lost)) if is_busy(&error) => lost,
            (error, _) => return error,
        };
        TransportError { unconfirmed: self.idempotency_key, ..error }.into()
    }

    fn wants_new_session(&self, error: &Error) -> bool {
        !self.authenticated_again
            && self.route.needs_session()
            && (error.is_remote(&RemoteCode::SessionExpired)
                || error.is_remote(&RemoteCode::NotAuthenticated))
    }
}

/// The broker says that it did nothing of this request.
const fn is_busy(error: &RemoteError) -> bool {
    matches!(error.code, RemoteCode::RateLimited | RemoteCode::Unavailable)
}

impl Operation for Exchange {
    type Output = Vec<u8>;

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<Vec<u8>, Error>> {
        loop {
            match &mut self.state {
                State::Prepare => {
                    if self.route.needs_session() && cx.session.token(cx.now).is_none() {
                        attempt!(cx.session.signed_in());
                        self.state = State::Authenticating(Box::new(Authenticate::new()));
                    } else {
                        self.state = State::Sending(Leaf::http(attempt!(self.request(cx))));
                    }
                }
                State::Authenticating(authenticate) => {
                    drive!(authenticate, cx, reply);
                    self.state = State::Prepare;
                }
                State::Sending(leaf) => {
                    let error = match drive!(leaf, cx, reply) {
                        Ok(response) if matches!(response.status, 200 | 201) => {
                            return Step::Done(Ok(response.body));
                        }
                        Ok(response) => wire::decode_error(&response),
                        Err(error) => error.into(),
                    };
                    self.note(&error);
                    if self.wants_new_session(&error) {
                        self.authenticated_again = true;
                        cx.session.drop_token();
                        self.state = State::Prepare;
                    } else if let Some(pause) = self.pause_after(&error) {
                        self.attempts += 1;
                        self.state = State::Pausing(Leaf::sleep(pause));
                    } else {
                        return Step::Done(Err(self.outcome(error)));
                    }
                }
                State::Pausing(leaf) => {
                    drive!(leaf, cx, reply);
                    self.state = State::Prepare;
                }
            }
        }
    }
}
