//! What handler tests share: users with real keys who speak the wire by hand, so that every request
//! can also be made wrong on purpose.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "every test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod containers;

pub use containers::{Draft, Edit, Grant, View};

use absio_broker::{Fixture, SeededEntropy};
use absio_proto::crypto::{
    KdfPolicy, KeyFileContent, KeyRing, LoginProof, OpenKeyFile, RetrievalKey, RetrievalProof, SealedKeyFile,
    Secret, SignedRequest, WrapSecrets,
};
use absio_proto::driver::blocking::{Store, Transport};
use absio_proto::effect::{HttpRequest, HttpResponse};
use absio_proto::model::{ApiKey, Event, EventFilter, Timestamp, UserId};
use absio_proto::wire::{
    API_KEY, APP_NAME, AUTHORIZATION, Base64, Challenge, CreateUser, EventAnswer, IDEMPOTENCY_KEY,
    LoginAnswer, LoginRequest, RequestSignature, RetrieveRequest, Route, SIGNATURE, decode_error, from_json,
    to_json,
};
use absio_proto::{Entropy, Error, RemoteCode};
use absio_store::MemoryStore;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub const PASSWORD: &str = "Correct horse 1";
pub const PASSPHRASE: &str = "Battery staple 2";

/// The bytes of `response`, or the code it refuses with.
pub fn outcome(response: HttpResponse) -> Result<Vec<u8>, RemoteCode> {
    if matches!(response.status, 200 | 201) {
        return Ok(response.body);
    }
    match decode_error(&response) {
        Error::Remote(error) => {
            assert_eq!(error.code.status(), response.status);
            Err(error.code)
        }
        other => panic!("not an error body: {other}"),
    }
}

/// Sends a request as it is.
pub fn send<S: Store>(fixture: &Fixture<S>, request: HttpRequest) -> HttpResponse {
    fixture.exchange(request).expect("the fixture answers")
}

/// A request for `route` with an API key and nothing else.
pub fn request<S: Store>(fixture: &Fixture<S>, route: &Route, body: Vec<u8>) -> HttpRequest {
    HttpRequest {
        method: route.method(),
        origin: fixture.origin().into(),
        path: route.path(),
        headers: vec![(API_KEY.into(), fixture.api_key().to_string())],
        body: body.into(),
        deadline: Duration::from_secs(10),
        max_response: route.max_response(),
    }
}

pub fn header(request: &mut HttpRequest, name: &str, value: impl Into<String>) {
    request.headers.push((name.into(), value.into()));
}

/// A fresh nonce.
pub fn challenge<S: Store>(fixture: &Fixture<S>) -> Base64 {
    let answer = outcome(send(fixture, request(fixture, &Route::Challenge, b"{}".to_vec()))).unwrap();
    from_json::<Challenge>("challenge", &answer).unwrap().nonce
}

/// A user with keys, and a session once logged in.
pub struct Actor<S = MemoryStore> {
    pub fixture: Fixture<S>,
    pub ring: KeyRing,
    pub key_file: SealedKeyFile,
    pub open: OpenKeyFile,
    pub app: Option<&'static str>,
    pub entropy: Mutex<SeededEntropy>,
    token: Mutex<Option<Vec<u8>>>,
    counter: AtomicU64,
}

impl<S: Store> Actor<S> {
    /// Registered and logged in.
    pub fn new(fixture: &Fixture<S>, seed: u64) -> Self {
        let actor = Self::unregistered(fixture, seed);
        outcome(actor.register()).unwrap();
        actor.log_in();
        actor
    }

    pub fn unregistered(fixture: &Fixture<S>, seed: u64) -> Self {
        let mut entropy = SeededEntropy::new(seed);
        let now = Self::clock(fixture);
        let ring = KeyRing::generate(&mut entropy, now).unwrap();
        let (open, key_file) = Self::seal_key_file(fixture, &ring, &mut entropy);
        Self {
            fixture: fixture.clone(),
            ring,
            key_file,
            open,
            app: None,
            entropy: Mutex::new(entropy),
            token: Mutex::new(None),
            counter: AtomicU64::new(0),
        }
    }

    fn seal_key_file(
        fixture: &Fixture<S>,
        ring: &KeyRing,
        entropy: &mut SeededEntropy,
    ) -> (OpenKeyFile, SealedKeyFile) {
        let content = KeyFileContent {
            ring: ring.duplicate(),
            reminder: "the usual".into(),
            origin: fixture.origin().into(),
            api_key: fixture.api_key(),
            store_secret: Secret::new([7; 32]),
        };
        let policy = KdfPolicy::insecure_for_tests();
        let wraps =
            WrapSecrets::draw(entropy).unwrap().wrap(ring.user_id(), PASSWORD, PASSPHRASE, &policy).unwrap();
        OpenKeyFile::seal_new(content, wraps, entropy).unwrap()
    }

    fn clock(fixture: &Fixture<S>) -> Timestamp {
        use absio_broker::Clock;
        fixture.clock().now().utc
    }

    pub fn now(&self) -> Timestamp {
        Self::clock(&self.fixture)
    }

    pub fn id(&self) -> UserId {
        self.ring.user_id()
    }

    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.lock().unwrap().fill(&mut bytes).unwrap();
        bytes
    }

    pub fn retrieval_key(&self, passphrase: &str) -> RetrievalKey {
        RetrievalKey::derive(passphrase, self.fixture.origin(), self.id(), &KdfPolicy::insecure_for_tests())
    }

    pub fn creation(&self) -> CreateUser {
        CreateUser {
            user_id: self.id(),
            card: self.ring.chain().cards()[0].clone(),
            key_file: Some(self.key_file.as_bytes().to_vec()),
            retrieval_key: Some(self.retrieval_key(PASSPHRASE).public()),
            reminder: "the usual".into(),
        }
    }

    pub fn register(&self) -> HttpResponse {
        self.send(&Route::CreateUser, self.creation().encode())
    }

    /// A login proof over a fresh nonce.
    pub fn login_request(&self) -> LoginRequest {
        let nonce = challenge(&self.fixture);
        let client_nonce = self.random();
        let proof = LoginProof {
            origin: self.fixture.origin().into(),
            api_key: self.fixture.api_key(),
            user_id: self.id(),
            key_index: self.ring.signing_index(),
            server_nonce: nonce.0.clone(),
            client_nonce,
            time: self.now(),
        };
        LoginRequest {
            user_id: self.id(),
            key_index: proof.key_index,
            nonce,
            client_nonce: Base64(client_nonce.to_vec()),
            time: proof.time.as_millis(),
            signature: Base64(proof.sign(&self.ring).unwrap().to_vec()),
        }
    }

    pub fn try_login(&self, login: &LoginRequest) -> Result<LoginAnswer, RemoteCode> {
        let sent = request(&self.fixture, &Route::Login, to_json(login));
        outcome(send(&self.fixture, sent)).map(|body| from_json("login", &body).unwrap())
    }

    pub fn log_in(&self) {
        let answer = self.try_login(&self.login_request()).unwrap();
        *self.token.lock().unwrap() = Some(answer.token.0);
    }

    pub fn token(&self) -> Option<Vec<u8>> {
        self.token.lock().unwrap().clone()
    }

    pub fn set_token(&self, token: Option<Vec<u8>>) {
        *self.token.lock().unwrap() = token;
    }

    pub fn retrieval(&self, passphrase: &str) -> RetrieveRequest {
        let nonce = challenge(&self.fixture);
        let client_nonce = self.random();
        let proof = RetrievalProof {
            origin: self.fixture.origin().into(),
            api_key: self.fixture.api_key(),
            user_id: self.id(),
            server_nonce: nonce.0.clone(),
            client_nonce,
            time: self.now(),
        };
        let signature = proof.sign(&self.retrieval_key(passphrase));
        RetrieveRequest {
            user_id: self.id(),
            nonce,
            client_nonce: Base64(client_nonce.to_vec()),
            time: proof.time.as_millis(),
            signature: Base64(signature.to_vec()),
        }
    }

    /// A request for `route` as this user would make it.
    pub fn request(&self, route: &Route, body: Vec<u8>) -> HttpRequest {
        let mut key = [0; 16];
        key[..8].copy_from_slice(&self.counter.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        self.request_under(route, body, key)
    }

    /// The same under a given idempotency key.
    pub fn request_under(&self, route: &Route, body: Vec<u8>, key: [u8; 16]) -> HttpRequest {
        let mut request = request(&self.fixture, route, body);
        if let (true, Some(token)) = (route.needs_session(), self.token()) {
            header(&mut request, AUTHORIZATION, format!("Bearer {}", BASE64URL_NOPAD.encode(&token)));
        }
        if let Some(app) = self.app {
            header(&mut request, APP_NAME, BASE64URL_NOPAD.encode(app.as_bytes()));
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

    pub fn sign(&self, request: &HttpRequest, key: [u8; 16]) -> RequestSignature {
        let signed = SignedRequest {
            origin: self.fixture.origin().into(),
            user_id: self.id(),
            key_index: self.ring.signing_index(),
            idempotency_key: key,
            method: request.method.as_str().into(),
            path_and_query: request.path.clone(),
            body_hash: SignedRequest::body_hash(&request.body),
            time: self.now(),
        };
        let signature = signed.sign(&self.ring).unwrap();
        RequestSignature { user: self.id(), key_index: signed.key_index, time: signed.time, signature }
    }

    pub fn send(&self, route: &Route, body: Vec<u8>) -> HttpResponse {
        send(&self.fixture, self.request(route, body))
    }

    pub fn ask(&self, route: &Route, body: Vec<u8>) -> Result<Vec<u8>, RemoteCode> {
        outcome(self.send(route, body))
    }

    /// Events that pass `filter`, from one page.
    pub fn events_of(&self, filter: EventFilter) -> Vec<Event> {
        let wanted = filter.ids();
        let body = self.ask(&Route::Events { filter, limit: 1000, wait: 0 }, Vec::new()).unwrap();
        let page = from_json::<EventAnswer>("events", &body).unwrap().into_page(&wanted).unwrap();
        assert!(!page.more);
        page.events
    }

    pub fn events(&self) -> Vec<Event> {
        self.events_of(EventFilter::default())
    }

    /// Events since `start`, as `action type`.
    pub fn story(&self, start: u64) -> Vec<String> {
        let events = self.events_of(EventFilter { starting_event_id: start, ..EventFilter::default() });
        events.iter().map(|event| format!("{} {}", event.action, event.event_type)).collect()
    }

    /// The id that the next event will have.
    pub fn next_event(&self) -> u64 {
        self.events().last().map_or(1, |event| event.id + 1)
    }
}

/// An API key of no broker.
pub fn foreign_api_key() -> ApiKey {
    ApiKey::from_bytes([0xee; 16])
}
