//! Users with real keys who speak the wire by hand.

use super::{Answer, Question, Target};
use crate::script;
use absio_proto::crypto::{
    KdfPolicy, KeyFileContent, KeyRing, LoginProof, OpenKeyFile, RetrievalKey, RetrievalProof, Secret,
    SignedRequest, WrapSecrets,
};
use absio_proto::effect::{HttpRequest, HttpResponse};
use absio_proto::model::{Event, EventFilter, Timestamp, UserId};
use absio_proto::wire::{
    API_KEY, APP_NAME, AUTHORIZATION, Base64, Challenge, CreateUser, EventAnswer, IDEMPOTENCY_KEY,
    LoginAnswer, LoginRequest, RequestSignature, RetrieveRequest, Route, SIGNATURE, decode_error, from_json,
    to_json,
};
use absio_proto::{Entropy, Error, RemoteCode};
use absio_store::system::SystemEntropy;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use std::time::Duration;

pub(super) type Desk = script::Desk<Question, Answer>;

const PASSWORD: &str = "Correct horse 1";
pub(super) const PASSPHRASE: &str = "Battery staple 2";
pub(super) const REMINDER: &str = "the usual";
const GENERATED: &str = "the system's random source works";

/// A case's line to the server.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) desk: Desk,
    pub(super) target: Target,
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes).expect(GENERATED);
    bytes
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// The bytes of `response`, or the code it refuses with; the status must be that of the code.
pub(super) fn outcome(response: &HttpResponse) -> Result<Vec<u8>, RemoteCode> {
    if matches!(response.status, 200 | 201) {
        return Ok(response.body.clone());
    }
    match decode_error(response) {
        Error::Remote(error) => {
            assert_eq!(error.code.status(), response.status, "the status of {}", error.code);
            Err(error.code)
        }
        other => panic!("status {} without the body of an error: {other}", response.status),
    }
}

pub(super) fn header(request: &mut HttpRequest, name: &str, value: impl Into<String>) {
    request.headers.push((name.into(), value.into()));
}

impl Line {
    /// Sends a request as it is.
    pub(super) async fn send(&self, request: HttpRequest) -> HttpResponse {
        let shown = format!("{request:?}");
        self.desk.ask(request).await.unwrap_or_else(|error| panic!("{shown}: {error}"))
    }

    pub(super) async fn code(&self, request: HttpRequest) -> Option<RemoteCode> {
        outcome(&self.send(request).await).err()
    }

    /// A request for `route` with the API key and nothing else.
    pub(super) fn request(&self, route: &Route, body: impl Into<Vec<u8>>) -> HttpRequest {
        let body = body.into();
        let mut headers = vec![(API_KEY.into(), self.target.api_key.to_string())];
        if !body.is_empty() {
            let json = body.starts_with(b"{");
            let kind = if json { "application/json" } else { "application/vnd.absio.bundle" };
            headers.push(("content-type".into(), kind.into()));
        }
        HttpRequest {
            method: route.method(),
            origin: self.target.origin.clone(),
            path: route.path(),
            headers,
            body: body.into(),
            deadline: Duration::from_secs(30),
            max_response: route.max_response(),
        }
    }

    pub(super) async fn challenge(&self) -> Challenge {
        let answer = self.send(self.request(&Route::Challenge, *b"{}")).await;
        assert_eq!(answer.status, 200, "a challenge");
        from_json("challenge", &answer.body).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Registered and logged in.
    pub(super) async fn actor(&self) -> Actor {
        let mut actor = self.stranger().await;
        let answer = actor.register().await;
        assert_eq!(answer.status, 201, "a user: {:?}", outcome(&answer).err());
        actor.log_in().await;
        actor
    }

    /// Keys that the server has not heard of.
    pub(super) async fn stranger(&self) -> Actor {
        let now = Timestamp::from_millis(self.challenge().await.server_time);
        let ring = KeyRing::generate(&mut SystemEntropy, now).expect(GENERATED);
        let content = KeyFileContent {
            ring: ring.duplicate(),
            reminder: REMINDER.into(),
            origin: self.target.origin.clone(),
            api_key: self.target.api_key,
            store_secret: Secret::new(random()),
        };
        let secrets = WrapSecrets::draw(&mut SystemEntropy).expect(GENERATED);
        let wraps = secrets.wrap(ring.user_id(), PASSWORD, PASSPHRASE, &KdfPolicy::insecure_for_tests());
        let wraps = wraps.expect("the password is long enough");
        let (_, key_file) =
            OpenKeyFile::seal_new(content, wraps, &mut SystemEntropy).expect("a new key file is sealed");
        Actor {
            line: self.clone(),
            ring,
            key_file: key_file.as_bytes().to_vec(),
            token: None,
            now,
            app: None,
        }
    }
}

/// A user with keys, and a session once logged in.
pub(super) struct Actor {
    pub(super) line: Line,
    pub(super) ring: KeyRing,
    pub(super) key_file: Vec<u8>,
    pub(super) token: Option<Vec<u8>>,
    pub(super) app: Option<&'static str>,
    now: Timestamp,
}

impl Actor {
    /// The server's time when this user was last heard.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn id(&self) -> UserId {
        self.ring.user_id()
    }

    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        random()
    }

    pub(super) fn retrieval_key(&self, passphrase: &str) -> RetrievalKey {
        let policy = KdfPolicy::insecure_for_tests();
        RetrievalKey::derive(passphrase, &self.line.target.origin, self.id(), &policy)
    }

    pub(super) fn creation(&self) -> CreateUser {
        CreateUser {
            user_id: self.id(),
            card: self.ring.chain().cards()[0].clone(),
            key_file: Some(self.key_file.clone()),
            retrieval_key: Some(self.retrieval_key(PASSPHRASE).public()),
            reminder: REMINDER.into(),
        }
    }

    pub(super) async fn register(&self) -> HttpResponse {
        self.send(&Route::CreateUser, self.creation().encode()).await
    }

    /// A login proof over a fresh nonce.
    pub(super) async fn login_request(&self) -> LoginRequest {
        let challenge = self.line.challenge().await;
        let client_nonce = random();
        let proof = LoginProof {
            origin: self.line.target.origin.clone(),
            api_key: self.line.target.api_key,
            user_id: self.id(),
            key_index: self.ring.signing_index(),
            server_nonce: challenge.nonce.0.clone(),
            client_nonce,
            time: Timestamp::from_millis(challenge.server_time),
        };
        LoginRequest {
            user_id: self.id(),
            key_index: proof.key_index,
            nonce: challenge.nonce,
            client_nonce: Base64(client_nonce.to_vec()),
            time: proof.time.as_millis(),
            signature: Base64(proof.sign(&self.ring).expect("the nonce is not too long").to_vec()),
        }
    }

    pub(super) async fn try_login(&self, login: &LoginRequest) -> Result<LoginAnswer, RemoteCode> {
        let answer = self.line.send(self.line.request(&Route::Login, to_json(login))).await;
        outcome(&answer).map(|body| from_json("login", &body).unwrap_or_else(|error| panic!("{error}")))
    }

    pub(super) async fn log_in(&mut self) {
        let request = self.login_request().await;
        let answer = self.try_login(&request).await.unwrap_or_else(|code| panic!("login refused: {code}"));
        self.now = Timestamp::from_millis(answer.server_time);
        self.token = Some(answer.token.0);
    }

    pub(super) async fn retrieval(&self, passphrase: &str) -> RetrieveRequest {
        let challenge = self.line.challenge().await;
        let client_nonce = random();
        let proof = RetrievalProof {
            origin: self.line.target.origin.clone(),
            api_key: self.line.target.api_key,
            user_id: self.id(),
            server_nonce: challenge.nonce.0.clone(),
            client_nonce,
            time: Timestamp::from_millis(challenge.server_time),
        };
        let signature = proof.sign(&self.retrieval_key(passphrase));
        RetrieveRequest {
            user_id: self.id(),
            nonce: challenge.nonce,
            client_nonce: Base64(client_nonce.to_vec()),
            time: proof.time.as_millis(),
            signature: Base64(signature.to_vec()),
        }
    }

    /// A request for `route` as this user would make it.
    pub(super) fn request(&self, route: &Route, body: Vec<u8>) -> HttpRequest {
        self.request_under(route, body, random())
    }

    /// The same under a given idempotency key.
    pub(super) fn request_under(&self, route: &Route, body: Vec<u8>, key: [u8; 16]) -> HttpRequest {
        let mut request = self.line.request(route, body);
        if let (true, Some(token)) = (route.needs_session(), &self.token) {
            header(&mut request, AUTHORIZATION, format!("Bearer {}", base64url(token)));
        }
        if let Some(app) = self.app {
            header(&mut request, APP_NAME, base64url(app.as_bytes()));
        }
        if route.is_change() {
            header(&mut request, IDEMPOTENCY_KEY, HEXLOWER.encode(&key));
        }
        if route.is_signed() {
            let signature = self.sign(&request, key);
            header(&mut request, SIGNATURE, signature.to_header());
        }
        request
    }

    pub(super) fn sign(&self, request: &HttpRequest, key: [u8; 16]) -> RequestSignature {
        let signed = SignedRequest {
            origin: self.line.target.origin.clone(),
            user_id: self.id(),
            key_index: self.ring.signing_index(),
            idempotency_key: key,
            method: request.method.as_str().into(),
            path_and_query: request.path.clone(),
            body_hash: SignedRequest::body_hash(&request.body),
            time: self.now,
        };
        let signature = signed.sign(&self.ring).expect("the path is not too long");
        RequestSignature { user: self.id(), key_index: signed.key_index, time: signed.time, signature }
    }

    pub(super) async fn send(&self, route: &Route, body: Vec<u8>) -> HttpResponse {
        self.line.send(self.request(route, body)).await
    }

    pub(super) async fn ask(&self, route: &Route, body: Vec<u8>) -> Result<Vec<u8>, RemoteCode> {
        outcome(&self.send(route, body).await)
    }

    /// The same where a refusal is a failed case.
    pub(super) async fn done(&self, route: &Route, body: Vec<u8>) -> Vec<u8> {
        self.ask(route, body).await.unwrap_or_else(|code| panic!("{route:?} was refused: {code}"))
    }

    /// Events that pass `filter`, from one page.
    pub(super) async fn events_of(&self, filter: EventFilter) -> Vec<Event> {
        let wanted = filter.ids();
        let body = self.done(&Route::Events { filter, limit: 1000, wait: 0 }, Vec::new()).await;
        let answer = from_json::<EventAnswer>("events", &body).unwrap_or_else(|error| panic!("{error}"));
        answer.into_page(&wanted).unwrap_or_else(|error| panic!("{error}")).events
    }

    /// Events since `start`, as `action type`.
    pub(super) async fn story(&self, start: u64) -> Vec<String> {
        let filter = EventFilter { starting_event_id: start, ..EventFilter::default() };
        let events = self.events_of(filter).await;
        events.iter().map(|event| format!("{} {}", event.action, event.event_type)).collect()
    }

    /// The id after that of the last event.
    pub(super) async fn next_event(&self) -> u64 {
        self.events_of(EventFilter::default()).await.last().map_or(1, |event| event.id + 1)
    }
}
