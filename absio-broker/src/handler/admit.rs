//! What every request goes through before its own logic: route, headers, limits, API key, session,
//! idempotency, signature (`docs/protocol.md` §14).

use super::{cards, containers, key_files, sessions, uploads, users};
use crate::idempotency::{self, Binding};
use crate::proofs;
use crate::rows::{self, DenyRow};
use crate::session_token::{self, SessionToken, TokenError};
use crate::turn::{Plan, Turn, Turned, damaged, refuse, refuse_about};
use crate::{events, rate_limit};
use absio_proto::model::{ApiKey, UserId};
use absio_proto::wire::{RequestHeaders, RequestSignature, Route, RouteError};
use absio_proto::{CryptoError, RemoteCode};

/// Who asks, and with what.
pub(crate) struct Caller {
    pub(crate) api_key: ApiKey,
    pub(crate) app_name: Option<String>,
    /// The session, where the route needs one.
    session: Option<SessionToken>,
    /// Where the route is a change.
    idempotency_key: Option<[u8; 16]>,
    pub(crate) signature: Option<RequestSignature>,
}

impl Caller {
    /// The session. Routes that need none must not ask.
    pub(crate) fn session(&self) -> Turned<&SessionToken> {
        self.session.as_ref().ok_or_else(not_authenticated)
    }

    /// Who is signed in.
    pub(crate) fn user(&self) -> Turned<UserId> {
        self.session().map(|session| session.user)
    }

    /// The key of a change.
    pub(crate) fn idempotency_key(&self) -> Turned<[u8; 16]> {
        self.idempotency_key.ok_or_else(|| {
            refuse(RemoteCode::BadRequest, "a change needs the header absio-idempotency-key: 32 hex digits")
        })
    }
}

fn not_authenticated() -> crate::turn::Halt {
    refuse(RemoteCode::NotAuthenticated, "there is no valid session; log in")
}

/// The whole logic of a request.
pub(crate) fn respond(turn: &mut Turn<'_>) -> Turned<Plan> {
    let request = &turn.inbound.request;
    let route = Route::parse(request.method, &request.path).map_err(|error| match error {
        RouteError::NotFound => refuse(RemoteCode::NotFound, "there is no such path"),
        RouteError::MethodNotAllowed => refuse(RemoteCode::MethodNotAllowed, "the path takes other methods"),
        RouteError::BadQuery(name) => {
            refuse(RemoteCode::BadRequest, format!("the query is not well formed: {name}"))
        }
    })?;
    let limit = route.max_body();
    if request.body.len() as u64 > limit {
        return Err(too_large(limit));
    }
    let headers = RequestHeaders::read(request).map_err(|name| {
        refuse(RemoteCode::BadRequest, format!("the header {name} is doubled or not well formed"))
    })?;
    if route == Route::Info {
        return Ok(Plan::answer(sessions::info(turn)));
    }
    let caller = admit(turn, &route, headers)?;
    if route.is_change() && route != Route::CreateUser {
        let user = caller.user()?;
        // Deletion and revocation end the session they were made under, and the answer may get lost:
        // only there is a repeat answered before the session is looked at.
        let is_last = matches!(route, Route::DeleteUser(_) | Route::AddCard(_));
        if !is_last {
            admit_session(turn, &caller)?;
        }
        return idempotency::once(turn, user, caller.idempotency_key()?, |turn| {
            admit_session(turn, &caller)?;
            admit_signature(turn, &route, &caller)?;
            dispatch(turn, route, &caller)
        });
    }
    admit_session(turn, &caller)?;
    dispatch(turn, route, &caller)
}

/// A body over its limit.
pub(crate) fn too_large(limit: u64) -> crate::turn::Halt {
    refuse(RemoteCode::TooLarge, format!("the body is over its limit of {limit} bytes"))
}

/// Verifies API key and token, and reads all that every check needs in one go.
fn admit(turn: &mut Turn<'_>, route: &Route, headers: RequestHeaders) -> Turned<Caller> {
    let unknown = || {
        let message = "this broker did not issue the API key; ask its operator for one";
        refuse(RemoteCode::UnknownApiKey, message)
    };
    let api_key = headers.api_key.ok_or_else(unknown)?;
    let session = match (route.needs_session(), headers.token) {
        (false, _) => None,
        (true, None) => return Err(not_authenticated()),
        (true, Some(token)) => {
            Some(session_token::verify(turn.state.secret(), &token, api_key, turn.time()).map_err(
                |error| match error {
                    TokenError::Invalid => not_authenticated(),
                    TokenError::Expired => {
                        refuse(RemoteCode::SessionExpired, "the session's time is over; log in again")
                    }
                },
            )?)
        }
    };
    let mut keys = vec![rows::api_key(api_key)];
    if let Some(session) = &session {
        keys.push(rows::deny(session.user));
        if let (true, Some(key)) = (route.is_change(), &headers.idempotency_key) {
            keys.push(rows::idempotency(session.user, key));
        }
        if route.is_signed() {
            keys.push(rows::cards(session.user));
        }
    }
    if turn.rows(&keys)?[0].is_none() {
        return Err(unknown());
    }
    Ok(Caller {
        api_key,
        app_name: headers.app_name,
        session,
        idempotency_key: headers.idempotency_key,
        signature: headers.signature,
    })
}

/// Whether the session was ended before its time.
fn admit_session(turn: &mut Turn<'_>, caller: &Caller) -> Turned<()> {
    let Some(session) = &caller.session else { return Ok(()) };
    let Some(deny) = turn.typed::<DenyRow>(&rows::deny(session.user))? else { return Ok(()) };
    let revoked = session.sequence < deny.before_card;
    if deny.all || revoked || deny.tokens.iter().any(|(id, _)| id.0 == session.id) {
        return Err(not_authenticated());
    }
    Ok(())
}

/// Whether a request that must be signed is, by the user of its session.
fn admit_signature(turn: &mut Turn<'_>, route: &Route, caller: &Caller) -> Turned<()> {
    if !route.is_signed() {
        return Ok(());
    }
    let user = caller.user()?;
    let chain = users::chain(turn, user)?.ok_or_else(not_authenticated)?;
    verify_signature(turn, caller, &chain)
}

/// Verifies the request's signature by the user of `chain`.
pub(crate) fn verify_signature(
    turn: &mut Turn<'_>,
    caller: &Caller,
    chain: &absio_proto::crypto::CardChain,
) -> Turned<()> {
    let in_use = chain.active_signing().map(|(index, _)| index);
    let outdated = caller.signature.is_some_and(|signature| Some(signature.key_index) != in_use);
    let bad = || {
        let message = if outdated {
            "the request is not signed by the key in use; the newest key file has it"
        } else {
            "the request's signature was not accepted"
        };
        refuse_about(RemoteCode::BadSignature, message, chain.user_id())
    };
    let signature = caller.signature.ok_or_else(bad)?;
    let now = turn.time();
    if signature.user != chain.user_id() || !proofs::is_near(signature.time, now) {
        return Err(bad());
    }
    let key = caller.idempotency_key()?;
    let request = &turn.inbound.request;
    let verified = proofs::for_each_origin(turn.state.origins(), |origin| {
        let signed = absio_proto::crypto::SignedRequest {
            origin: origin.to_owned(),
            user_id: signature.user,
            key_index: signature.key_index,
            idempotency_key: key,
            method: request.method.as_str().to_owned(),
            path_and_query: request.path.clone(),
            body_hash: absio_proto::crypto::SignedRequest::body_hash(&request.body),
            time: signature.time,
        };
        signed.verify(chain, &signature.signature)
    });
    verified.map_err(|_: CryptoError| bad())
}

fn dispatch(turn: &mut Turn<'_>, route: Route, caller: &Caller) -> Turned<Plan> {
    match route {
        Route::Info => Ok(Plan::answer(sessions::info(turn))),
        Route::Challenge => sessions::challenge(turn),
        Route::Login => sessions::login(turn, caller),
        Route::Logout => sessions::logout(turn, caller),
        Route::CreateUser => users::create(turn, caller),
        Route::DeleteUser(user) => users::delete(turn, caller, user),
        Route::AddCard(user) => cards::add(turn, caller, user),
        Route::Reminder(user) => users::reminder(turn, user),
        Route::Keys => users::keys(turn),
        Route::KeyFile => key_files::get(turn, caller),
        Route::KeyFileChecksum => key_files::checksum(turn, caller),
        Route::PutKeyFile => key_files::put(turn, caller),
        Route::RetrieveKeyFile => {
            rate_limit::admit_retrieval(turn)?;
            key_files::retrieve(turn, caller)
        }
        Route::CreateContainer => containers::create(turn, caller),
        Route::ListContainers { after, limit } => containers::list(turn, caller, after, limit),
        Route::GetContainer { container, portion, known } => {
            containers::get(turn, caller, container, portion, known)
        }
        Route::Content { container, epoch, offset, length } => {
            containers::content(turn, caller, container, epoch, offset, length)
        }
        Route::Chunks { container, epoch, first, count, bytes } => {
            containers::chunks(turn, caller, container, epoch, (first, count), bytes)
        }
        Route::Manifests { container, from, limit } => {
            containers::manifests(turn, caller, container, from, limit)
        }
        Route::UpdateContainer(container) => containers::update(turn, caller, container),
        Route::DeleteContainer(container) => containers::delete(turn, caller, container),
        Route::BeginUpload => uploads::begin(turn, caller),
        Route::PutPart { upload, part } => uploads::put_part(turn, caller, upload, part),
        Route::UploadStatus(upload) => uploads::status(turn, caller, upload),
        Route::AbortUpload(upload) => uploads::abort(turn, caller, upload),
        Route::Events { filter, limit, wait } => events::page(turn, caller, &filter, limit, wait),
    }
}

/// Bodies up to this many bytes are hashed in the turn itself: some 100 microseconds.
const SHORT: usize = 64 << 10;

/// The binding of an idempotency key: what is repeated under it must be the same.
pub(crate) fn binding(turn: &mut Turn<'_>) -> Turned<Binding> {
    let request = turn.inbound.request.clone();
    if request.body.len() <= SHORT {
        return turn.once("the binding", |_| Ok(Binding::of(&request))).map(|binding| *binding);
    }
    turn.compute("the binding", move || Binding::of(&request)).map(|binding| *binding)
}

/// A row that must be there because another one says so.
pub(crate) fn present<T>(row: Option<T>) -> Turned<T> {
    row.ok_or_else(damaged)
}
