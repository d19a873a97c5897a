//! Users, sessions and key files at the handler: every refusal, and what stays alike.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod support;

use absio_broker::{Fixture, RateLimit, SeededEntropy};
use absio_proto::RemoteCode;
use absio_proto::crypto::KeyState;
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{HttpRequest, Method, StoreError, StoreOp, StoreOutcome};
use absio_proto::limits;
use absio_proto::model::UserId;
use absio_proto::wire::{
    API_KEY, AUTHORIZATION, Base64, CreateUser, DeleteUser, IDEMPOTENCY_KEY, KeyFileState, KeysAnswer,
    KeysRequest, LoginRequest, PutKeyFile, ReminderAnswer, RetrieveAnswer, RetrieveRequest, Route, SIGNATURE,
    from_json, to_json,
};
use absio_store::MemoryStore;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Actor, PASSPHRASE, challenge, foreign_api_key, header, outcome, request, send};

type Refused<T = ()> = Result<T, RemoteCode>;

fn refused<T>(outcome: Refused<T>) -> Option<RemoteCode> {
    outcome.err()
}

fn code(fixture: &Fixture, request: HttpRequest) -> Option<RemoteCode> {
    outcome(send(fixture, request)).err()
}

fn retrieve(fixture: &Fixture, body: &RetrieveRequest) -> Refused<RetrieveAnswer> {
    outcome(send(fixture, request(fixture, &Route::RetrieveKeyFile, to_json(body))))
        .map(|body| RetrieveAnswer::decode(&body).unwrap())
}

fn reminder(fixture: &Fixture, user: UserId) -> String {
    let body = outcome(send(fixture, request(fixture, &Route::Reminder(user), Vec::new()))).unwrap();
    from_json::<ReminderAnswer>("reminder", &body).unwrap().reminder
}

#[test]
fn s005_x13_an_api_key_of_another_broker_is_refused() {
    let fixture = Fixture::seeded(1);
    let mut foreign = request(&fixture, &Route::Challenge, Vec::new());
    foreign.headers = vec![(API_KEY.into(), foreign_api_key().to_string())];
    assert_eq!(code(&fixture, foreign.clone()), Some(RemoteCode::UnknownApiKey));
    foreign.headers.clear();
    assert_eq!(code(&fixture, foreign), Some(RemoteCode::UnknownApiKey));
    let info = HttpRequest { headers: Vec::new(), ..request(&fixture, &Route::Info, Vec::new()) };
    assert_eq!(code(&fixture, info), None, "info needs none");
}

#[test]
fn x13_requests_that_are_not_well_formed() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let path = |method, path: &str| HttpRequest {
        method,
        path: path.into(),
        ..alice.request(&Route::Info, Vec::new())
    };
    assert_eq!(code(&fixture, path(Method::Get, "/v1/nothing")), Some(RemoteCode::NotFound));
    assert_eq!(code(&fixture, path(Method::Get, "/")), Some(RemoteCode::NotFound));
    assert_eq!(code(&fixture, path(Method::Put, "/v1/info")), Some(RemoteCode::MethodNotAllowed));
    assert_eq!(code(&fixture, path(Method::Get, "/v1/info?x=1")), Some(RemoteCode::BadRequest));

    let login = |body: &[u8]| request(&fixture, &Route::Login, body.to_vec());
    for body in [b"{".as_slice(), b"", b"[]", b"{}{}", b"{\"a\":1,\"a\":2}", &[0xff; 40]] {
        assert_eq!(code(&fixture, login(body)), Some(RemoteCode::BadRequest), "{body:?}");
    }
    let deep = [b"[".repeat(2000), b"]".repeat(2000)].concat();
    assert_eq!(code(&fixture, login(&deep)), Some(RemoteCode::BadRequest));
    assert_eq!(code(&fixture, login(&vec![b' '; 4097])), Some(RemoteCode::TooLarge));

    for (name, value) in [
        (API_KEY, "not a uuid"),
        (AUTHORIZATION, "Basic abc"),
        (IDEMPOTENCY_KEY, "00"),
        (SIGNATURE, "a.b.c.d"),
        ("absio-app-name", "****"),
    ] {
        let mut sent = request(&fixture, &Route::Challenge, Vec::new());
        sent.headers.retain(|(other, _)| other != name);
        header(&mut sent, name, value);
        assert_eq!(code(&fixture, sent), Some(RemoteCode::BadRequest), "{name}");
    }
    let mut doubled = request(&fixture, &Route::Challenge, Vec::new());
    header(&mut doubled, API_KEY, fixture.api_key().to_string());
    assert_eq!(code(&fixture, doubled), Some(RemoteCode::BadRequest));

    let mut keyless = alice.request(&Route::CreateContainer, Vec::new());
    keyless.headers.retain(|(name, _)| name != IDEMPOTENCY_KEY);
    assert_eq!(code(&fixture, keyless), Some(RemoteCode::BadRequest));
    // A bundle that claims 2^31 bytes in a few.
    let liar = [b"BND1".as_slice(), &1u32.to_be_bytes(), &2u16.to_be_bytes(), &(1u32 << 31).to_be_bytes()];
    let refusal = alice.ask(&Route::CreateContainer, liar.concat());
    assert_eq!(refusal, Err(RemoteCode::BadRequest));
}

#[test]
fn s154_a_user_is_created_once_and_its_id_is_the_one_its_keys_imply() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::unregistered(&fixture, 2);
    assert_eq!(outcome(alice.register()).map(|_| ()), Ok(()));
    assert_eq!(outcome(alice.register()).map(|_| ()), Err(RemoteCode::AlreadyExists));
    assert_eq!(reminder(&fixture, alice.id()), "the usual");
    alice.log_in();
    assert_eq!(alice.story(0), ["added key_file"]);
}

#[test]
fn x13_users_that_are_not_created() {
    let fixture = Fixture::seeded(1);
    let (alice, bob) = (Actor::unregistered(&fixture, 2), Actor::unregistered(&fixture, 3));
    let ask = |body: CreateUser| alice.ask(&Route::CreateUser, body.encode());
    let good = alice.creation();

    let foreign = CreateUser { user_id: bob.id(), ..good.clone() };
    assert_eq!(ask(foreign), Err(RemoteCode::InvalidObject), "another id than the card's");
    let signed_by_another = bob.creation();
    assert_eq!(ask(signed_by_another), Err(RemoteCode::BadSignature));
    let mut altered = good.clone();
    let last = altered.card.len() - 1;
    altered.card[last] ^= 1;
    assert_eq!(ask(altered), Err(RemoteCode::InvalidObject));
    let half = CreateUser { retrieval_key: None, ..good.clone() };
    assert_eq!(ask(half), Err(RemoteCode::BadRequest));
    let weak = CreateUser { retrieval_key: Some([0; 32]), ..good.clone() };
    assert_eq!(ask(weak), Err(RemoteCode::InvalidObject));
    let foreign_file = CreateUser { key_file: bob.creation().key_file, ..good.clone() };
    assert_eq!(ask(foreign_file), Err(RemoteCode::InvalidObject));
    let long = CreateUser { reminder: "x".repeat(limits::REMINDER + 1), ..good.clone() };
    assert_eq!(ask(long), Err(RemoteCode::TooLarge));
    let file = vec![0; limits::KEY_FILE + 1];
    assert_eq!(ask(CreateUser { key_file: Some(file), ..good.clone() }), Err(RemoteCode::TooLarge));

    let exact = CreateUser { reminder: "x".repeat(limits::REMINDER), ..good };
    assert!(ask(exact).is_ok(), "at the limit");
    // A card from the future.
    let ahead = Actor::unregistered(&fixture, 4);
    fixture.clock().set(absio_proto::model::Timestamp::from_millis(alice.now().as_millis() - 400_000));
    assert_eq!(outcome(ahead.register()), Err(RemoteCode::InvalidObject));
}

#[test]
fn x13_signed_requests_must_be_signed_for_exactly_this() {
    let fixture = Fixture::seeded(1);
    let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let route = Route::DeleteUser(alice.id());
    let closing = alice.ring.closing_card(alice.now(), &mut SeededEntropy::new(9)).unwrap();
    let body = DeleteUser { user_id: alice.id(), closing_card: closing }.encode();
    let good = alice.request(&route, body);

    let mut unsigned = good.clone();
    unsigned.headers.retain(|(name, _)| name != SIGNATURE);
    let mut other_body = good.clone();
    other_body.body = [&other_body.body[..], &[0]].concat().into();
    let mut other_key = good.clone();
    other_key.headers.retain(|(name, _)| name != IDEMPOTENCY_KEY);
    header(&mut other_key, IDEMPOTENCY_KEY, "ff".repeat(16));
    let mut other_signer = good.clone();
    other_signer.headers.retain(|(name, _)| name != SIGNATURE);
    header(&mut other_signer, SIGNATURE, bob.sign(&good, [0; 16]).to_header());
    for (what, sent) in [
        ("unsigned", unsigned),
        ("another body", other_body),
        ("another key", other_key),
        ("another signer", other_signer),
    ] {
        assert_eq!(code(&fixture, sent), Some(RemoteCode::BadSignature), "{what}");
    }
    fixture.clock().advance(Duration::from_secs(301));
    assert_eq!(code(&fixture, good.clone()), Some(RemoteCode::BadSignature), "too old");
    // S-206: another user's account.
    let foreign = alice.ask(&Route::DeleteUser(bob.id()), Vec::new());
    assert_eq!(foreign, Err(RemoteCode::PermissionDenied));
}

#[test]
fn f26_login_proofs_are_good_for_one_nonce_one_user_and_a_while() {
    let fixture = Fixture::seeded(1);
    let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let good = alice.login_request();
    let answer = alice.try_login(&good).unwrap();
    assert_eq!(answer.expires_at, alice.now().as_millis() + limits::TOKEN_LIFE_MS);
    let refuse = |login: &LoginRequest| refused(alice.try_login(login));
    assert_eq!(refuse(&good), Some(RemoteCode::LoginRefused), "the nonce is used");

    let fresh = || alice.login_request();
    let flip = |bytes: &Base64| Base64([&[bytes.0[0] ^ 1], &bytes.0[1..]].concat());
    let changed = [
        LoginRequest { user_id: bob.id(), ..fresh() },
        LoginRequest { user_id: UserId::from_bytes([9; 16]), ..fresh() },
        LoginRequest { key_index: 7, ..fresh() },
        LoginRequest { nonce: challenge(&fixture), ..fresh() },
        LoginRequest { nonce: Base64(vec![0; 40]), ..fresh() },
        LoginRequest { nonce: Base64(Vec::new()), ..fresh() },
        LoginRequest { client_nonce: Base64(vec![0; 32]), ..fresh() },
        LoginRequest { time: alice.now().as_millis() + 1, ..fresh() },
        LoginRequest { signature: flip(&fresh().signature), ..fresh() },
    ];
    for login in &changed {
        assert_eq!(refuse(login), Some(RemoteCode::LoginRefused));
    }
    let short = LoginRequest { signature: Base64(vec![0; 63]), ..fresh() };
    assert_eq!(refuse(&short), Some(RemoteCode::BadRequest));
    let old = fresh();
    fixture.clock().advance(Duration::from_millis(limits::NONCE_LIFE_MS));
    assert_eq!(refuse(&old), Some(RemoteCode::LoginRefused), "the nonce is too old");
}

#[test]
fn s015_tokens_end_by_time_and_by_logout_and_belong_to_one_api_key() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let first = alice.token();
    alice.log_in();
    let second = alice.token();
    assert!(alice.ask(&Route::Logout, Vec::new()).is_ok());
    let list = Route::ListContainers { after: None, limit: 10 };
    assert_eq!(alice.ask(&list, Vec::new()), Err(RemoteCode::NotAuthenticated), "logged out");
    alice.set_token(first);
    assert!(alice.ask(&list, Vec::new()).is_ok(), "the other session goes on");
    fixture.clock().advance(Duration::from_millis(limits::TOKEN_LIFE_MS - 1));
    assert!(alice.ask(&list, Vec::new()).is_ok());
    fixture.clock().advance(Duration::from_millis(1));
    assert_eq!(alice.ask(&list, Vec::new()), Err(RemoteCode::SessionExpired));
    alice.set_token(None);
    assert_eq!(alice.ask(&list, Vec::new()), Err(RemoteCode::NotAuthenticated));
    alice.set_token(second.map(|mut token| {
        token[20] ^= 1;
        token
    }));
    assert_eq!(alice.ask(&list, Vec::new()), Err(RemoteCode::NotAuthenticated));
    // A second API key of the same broker, and a token given under the first.
    alice.log_in();
    let other = absio_broker::create_api_key(&fixture, "other").unwrap();
    let mut sent = alice.request(&list, Vec::new());
    sent.headers.retain(|(name, _)| name != API_KEY);
    header(&mut sent, API_KEY, other.to_string());
    assert_eq!(code(&fixture, sent), Some(RemoteCode::NotAuthenticated));
}

#[test]
fn s202_retrieval_gives_the_key_file_and_a_fresh_challenge_once_a_nonce() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let proof = alice.retrieval(PASSPHRASE);
    let answer = retrieve(&fixture, &proof).unwrap();
    assert_eq!(answer.key_file, alice.key_file.as_bytes());
    assert_eq!(answer.reminder, "the usual");
    assert_eq!(refused(retrieve(&fixture, &proof)), Some(RemoteCode::RetrievalRefused), "replayed");
    assert_eq!(alice.story(0), ["added key_file", "accessed key_file"]);
    let wrong = alice.retrieval("Another phrase 3");
    assert_eq!(refused(retrieve(&fixture, &wrong)), Some(RemoteCode::RetrievalRefused));
    let mut stale = alice.retrieval(PASSPHRASE);
    stale.time += 1;
    assert_eq!(refused(retrieve(&fixture, &stale)), Some(RemoteCode::RetrievalRefused));
}

/// Security case 59 without the clock: status, size and headers do not tell who exists.
#[test]
fn s013_broker_enum_indistinct_answers() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let keyless = Actor::unregistered(&fixture, 3);
    let bare = CreateUser { key_file: None, retrieval_key: None, ..keyless.creation() };
    keyless.ask(&Route::CreateUser, bare.encode()).unwrap();
    let ghost = Actor::unregistered(&fixture, 4);
    let neutral = |response: absio_proto::effect::HttpResponse, id: UserId| {
        let body = String::from_utf8(response.body).unwrap();
        (response.status, response.headers, body.replace(&id.to_string(), "ID"))
    };
    let retrievals = [&alice, &keyless, &ghost].map(|actor| {
        let body = to_json(&actor.retrieval("Wrong phrase 99"));
        neutral(send(&fixture, request(&fixture, &Route::RetrieveKeyFile, body)), actor.id())
    });
    assert_eq!(retrievals[0].0, 401);
    assert!(retrievals.iter().all(|answer| *answer == retrievals[0]));
    let logins = [&alice, &ghost].map(|actor| {
        let login = LoginRequest { signature: Base64(vec![1; 64]), ..actor.login_request() };
        neutral(send(&fixture, request(&fixture, &Route::Login, to_json(&login))), actor.id())
    });
    assert_eq!(logins[0].0, 401);
    assert_eq!(logins[0], logins[1]);
    assert_eq!(reminder(&fixture, ghost.id()), "");
}

/// A store that notes which rows are read.
struct Reads(MemoryStore, Arc<Mutex<Vec<Vec<Vec<u8>>>>>);

impl Store for Reads {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        if let StoreOp::Get { keys } = &op {
            self.1.lock().unwrap().push(keys.clone());
        }
        self.0.apply(op)
    }
}

/// The same without a clock in the test: what is verified at a login is verified in the turn after the
/// last read, so once, for a user who exists as for the stand-in of one who does not.
#[test]
fn s013_broker_enum_indistinct_work() {
    let reads = Arc::new(Mutex::new(Vec::new()));
    let fixture = Fixture::on(Reads(MemoryStore::new(), reads.clone()), SeededEntropy::new(1));
    let (alice, ghost) = (Actor::new(&fixture, 2), Actor::unregistered(&fixture, 4));
    let work = [&alice, &ghost].map(|actor| {
        let login = LoginRequest { signature: Base64(vec![1; 64]), ..actor.login_request() };
        reads.lock().unwrap().clear();
        let answer = send(&fixture, request(&fixture, &Route::Login, to_json(&login)));
        assert_eq!(outcome(answer), Err(RemoteCode::LoginRefused));
        let reads = reads.lock().unwrap();
        let cards = |keys: &Vec<Vec<u8>>| keys.iter().any(|key| key.ends_with(actor.id().as_bytes()));
        (reads.len(), reads.iter().position(cards))
    });
    assert_eq!(work[0], work[1]);
    let (count, cards) = work[0];
    assert_eq!(cards, Some(count - 1), "nothing is read behind the cards");
}

#[test]
fn x16_guesses_are_limited_for_each_user_and_each_address() {
    let limit = RateLimit { attempts: 3, period: Duration::from_secs(30) };
    let mut config = Fixture::<MemoryStore>::config();
    config.retrievals_per_user = limit;
    config.retrievals_per_address = RateLimit { attempts: 5, ..limit };
    let fixture = Fixture::configured(MemoryStore::new(), SeededEntropy::new(1), config);
    let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    fixture.set_peer(Some("192.0.2.1".parse().unwrap()));
    let guess = |actor: &Actor| refused(retrieve(&fixture, &actor.retrieval("Wrong phrase 99")));
    for _ in 0..3 {
        assert_eq!(guess(&alice), Some(RemoteCode::RetrievalRefused));
    }
    let body = to_json(&alice.retrieval(PASSPHRASE));
    let answer = send(&fixture, request(&fixture, &Route::RetrieveKeyFile, body));
    assert_eq!(answer.header("retry-after"), Some("10"));
    assert_eq!(outcome(answer), Err(RemoteCode::RateLimited), "the right one is not told from a guess");
    // The address has one attempt left; another address has all of its own.
    assert_eq!(guess(&bob), Some(RemoteCode::RetrievalRefused));
    assert_eq!(guess(&bob), Some(RemoteCode::RateLimited));
    fixture.set_peer(Some("192.0.2.2".parse().unwrap()));
    assert_eq!(guess(&bob), Some(RemoteCode::RetrievalRefused));
    fixture.clock().advance(Duration::from_secs(30));
    assert!(retrieve(&fixture, &alice.retrieval(PASSPHRASE)).is_ok());
}

#[test]
fn f28_a_key_file_is_compared_and_set() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let first = (alice.key_file.generation(), alice.key_file.checksum());
    let (_, next) = alice.open.reseal(alice.open.content().duplicate(), &mut SeededEntropy::new(8)).unwrap();
    let put = |body: &PutKeyFile| alice.ask(&Route::PutKeyFile, body.encode());
    let good = PutKeyFile {
        expected: Some(first),
        key_file: next.as_bytes().to_vec(),
        retrieval_key: Some(alice.retrieval_key("A new phrase 42").public()),
        reminder: Some("new".into()),
    };
    let stale = PutKeyFile { expected: Some((first.0, [0; 32])), ..good.clone() };
    assert_eq!(put(&stale), Err(RemoteCode::Conflict));
    assert_eq!(put(&PutKeyFile { expected: None, ..good.clone() }), Err(RemoteCode::Conflict));
    let fork = PutKeyFile { key_file: alice.key_file.as_bytes().to_vec(), ..good.clone() };
    assert_eq!(put(&fork), Err(RemoteCode::InvalidObject), "the generation does not grow");
    let foreign = Actor::unregistered(&fixture, 5).key_file.into_bytes();
    assert_eq!(put(&PutKeyFile { key_file: foreign, ..good.clone() }), Err(RemoteCode::InvalidObject));
    assert!(retrieve(&fixture, &alice.retrieval(PASSPHRASE)).is_ok(), "nothing changed so far");

    let state: KeyFileState = from_json("state", &put(&good).unwrap()).unwrap();
    assert_eq!((state.generation, state.checksum.0.as_slice()), (2, next.checksum().as_slice()));
    let checksum = alice.ask(&Route::KeyFileChecksum, Vec::new()).unwrap();
    assert_eq!(from_json::<KeyFileState>("state", &checksum).unwrap(), state);
    assert_eq!(refused(retrieve(&fixture, &alice.retrieval(PASSPHRASE))), Some(RemoteCode::RetrievalRefused));
    let fetched = retrieve(&fixture, &alice.retrieval("A new phrase 42")).unwrap();
    assert_eq!((fetched.key_file.as_slice(), fetched.reminder.as_str()), (next.as_bytes(), "new"));
    let get = RetrieveAnswer::decode(&alice.ask(&Route::KeyFile, Vec::new()).unwrap()).unwrap();
    assert_eq!(get.key_file, next.as_bytes());
    // S-151: what the event says.
    let event = alice.events().into_iter().find(|event| event.action.to_string() == "updated").unwrap();
    assert_eq!(
        event.changes.keys().map(String::as_str).collect::<Vec<_>>(),
        ["checksum", "passphrase", "reminder"]
    );
}

#[test]
fn s205_a_user_without_a_key_file_has_none_to_give() {
    let fixture = Fixture::seeded(1);
    let agent = Actor::unregistered(&fixture, 2);
    let bare = CreateUser { key_file: None, retrieval_key: None, ..agent.creation() };
    agent.ask(&Route::CreateUser, bare.encode()).unwrap();
    agent.log_in();
    for route in [Route::KeyFile, Route::KeyFileChecksum] {
        assert_eq!(agent.ask(&route, Vec::new()), Err(RemoteCode::KeyFileNotFound));
    }
    let put = PutKeyFile {
        expected: None,
        key_file: agent.key_file.as_bytes().to_vec(),
        retrieval_key: None,
        reminder: None,
    };
    assert_eq!(agent.ask(&Route::PutKeyFile, put.encode()), Err(RemoteCode::BadRequest));
    let put = PutKeyFile { retrieval_key: Some(agent.retrieval_key(PASSPHRASE).public()), ..put };
    assert!(agent.ask(&Route::PutKeyFile, put.encode()).is_ok());
    assert!(retrieve(&fixture, &agent.retrieval(PASSPHRASE)).is_ok());
}

#[test]
fn s203_keys_of_many_users_in_one_request() {
    let fixture = Fixture::seeded(1);
    let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let ghost = UserId::from_bytes([9; 16]);
    let user_ids = vec![bob.id(), ghost, alice.id(), bob.id()];
    let answer = alice.ask(&Route::Keys, to_json(&KeysRequest { user_ids })).unwrap();
    let answer = KeysAnswer::decode(&answer).unwrap();
    assert_eq!(answer.unknown, [ghost]);
    assert_eq!(answer.cards.len(), 2);
    let many = vec![ghost; limits::KEYS_PAGE + 1];
    let refusal = alice.ask(&Route::Keys, to_json(&KeysRequest { user_ids: many }));
    assert_eq!(refusal, Err(RemoteCode::BadRequest));
}

#[test]
fn s160_f22_deleting_a_user_ends_everything_but_the_card_chain() {
    let fixture = Fixture::seeded(1);
    let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let shared = alice.share(vec![alice.grant(127), bob.grant(11)]);
    fixture.clock().advance(Duration::from_millis(1));
    let closing = alice.ring.closing_card(alice.now(), &mut SeededEntropy::new(9)).unwrap();
    let route = Route::DeleteUser(alice.id());

    let not_closing = alice.ring.rotated(KeyState::Retired, &mut SeededEntropy::new(9), alice.now()).unwrap();
    let card = not_closing.chain().cards()[1].clone();
    let refusal = alice.ask(&route, DeleteUser { user_id: alice.id(), closing_card: card }.encode());
    assert_eq!(refusal, Err(RemoteCode::InvalidObject), "a card that leaves keys in use");

    let body = DeleteUser { user_id: alice.id(), closing_card: closing }.encode();
    let sent = alice.request(&route, body);
    assert_eq!(code(&fixture, sent.clone()), None);
    assert_eq!(code(&fixture, sent), None, "the answer may have been lost");
    let list = Route::ListContainers { after: None, limit: 10 };
    assert_eq!(alice.ask(&list, Vec::new()), Err(RemoteCode::NotAuthenticated), "every session ends");
    assert_eq!(refused(alice.try_login(&alice.login_request())), Some(RemoteCode::LoginRefused));
    let proof = alice.retrieval(PASSPHRASE);
    assert_eq!(refused(retrieve(&fixture, &proof)), Some(RemoteCode::RetrievalRefused));
    assert_eq!(reminder(&fixture, alice.id()), "");
    // Others still verify what the user signed, and cannot give the user anything.
    let keys = bob.ask(&Route::Keys, to_json(&KeysRequest { user_ids: vec![alice.id()] })).unwrap();
    assert_eq!(KeysAnswer::decode(&keys).unwrap().cards.len(), 2);
    assert!(bob.get(shared.body().container).is_ok());
    let gift = bob.draft(&support::Edit {
        access: Some(vec![bob.grant(127), alice.grant(11)]),
        ..support::Edit::default()
    });
    assert_eq!(refused(bob.send_creation(&gift)), Some(RemoteCode::UserNotFound));
    // The id is taken for ever.
    assert_eq!(outcome(alice.register()), Err(RemoteCode::AlreadyExists));
}

#[test]
fn x15_info_tells_the_time() {
    let fixture = Fixture::seeded(1);
    let body = outcome(send(&fixture, request(&fixture, &Route::Info, Vec::new()))).unwrap();
    let info: absio_proto::wire::InfoAnswer = from_json("info", &body).unwrap();
    let alice = Actor::unregistered(&fixture, 2);
    assert_eq!((info.protocol, info.server_time), (1, alice.now().as_millis()));
}

#[test]
fn a_stopped_broker_is_unreachable_and_comes_back() {
    use absio_proto::driver::blocking::Transport;
    let fixture = Fixture::seeded(1);
    fixture.set_stopped(true);
    let error = fixture.exchange(request(&fixture, &Route::Info, Vec::new())).unwrap_err();
    assert_eq!(error.kind, absio_proto::effect::TransportErrorKind::Unreachable);
    fixture.set_stopped(false);
    assert!(fixture.exchange(request(&fixture, &Route::Info, Vec::new())).is_ok());
    assert_eq!(fixture.requests(), 2);
}
