//! Logins and tokens.

use super::actor::{Line, outcome};
use absio_proto::RemoteCode;
use absio_proto::effect::HttpResponse;
use absio_proto::model::{EventFilter, Portion, UserId};
use absio_proto::wire::{Base64, CreateUser, LoginRequest, Route, to_json};

const LIST: Route = Route::ListContainers { after: None, limit: 10 };

/// A nonce is accepted once; a token lives at most an hour.
pub(super) async fn a_login_is_good_once(line: Line) {
    let alice = line.actor().await;
    let request = alice.login_request().await;
    let answer = alice.try_login(&request).await.unwrap_or_else(|code| panic!("login refused: {code}"));
    let life = answer.expires_at.saturating_sub(answer.server_time);
    assert!((1..=3_600_000).contains(&life), "a token that lives {life} ms");
    assert_eq!(alice.try_login(&request).await.err(), Some(RemoteCode::LoginRefused), "a replay");
}

/// Each field of the proof.
pub(super) async fn altered_logins_are_refused(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let other_nonce = line.challenge().await.nonce;
    type Alter = fn(&mut LoginRequest);
    let alterations: [(&str, Alter); 6] = [
        ("another key", |login| login.key_index = 7),
        ("no nonce", |login| login.nonce = Base64(Vec::new())),
        ("another nonce of the client", |login| login.client_nonce = Base64(vec![0; 32])),
        ("another time", |login| login.time += 1),
        ("another signature", |login| login.signature.0[0] ^= 1),
        ("a made-up nonce", |login| login.nonce = Base64(vec![0; 40])),
    ];
    for (what, alter) in alterations {
        // Each by itself over a nonce of its own: a refusal may use one up.
        let mut login = alice.login_request().await;
        alter(&mut login);
        assert_eq!(alice.try_login(&login).await.err(), Some(RemoteCode::LoginRefused), "{what}");
    }
    for (what, login) in [
        ("another user", LoginRequest { user_id: bob.id(), ..alice.login_request().await }),
        ("another nonce", LoginRequest { nonce: other_nonce, ..alice.login_request().await }),
    ] {
        assert_eq!(alice.try_login(&login).await.err(), Some(RemoteCode::LoginRefused), "{what}");
    }
    let short = LoginRequest { signature: Base64(vec![0; 63]), ..alice.login_request().await };
    assert_eq!(alice.try_login(&short).await.err(), Some(RemoteCode::BadRequest));
}

/// Status, body and the names of the headers do not tell who exists.
pub(super) async fn unknown_users_are_answered_alike(line: Line) {
    let (alice, keyless, ghost) = (line.actor().await, line.stranger().await, line.stranger().await);
    let bare = CreateUser { key_file: None, retrieval_key: None, ..keyless.creation() };
    keyless.done(&Route::CreateUser, bare.encode()).await;
    let neutral = |response: HttpResponse, id: UserId| {
        let body = String::from_utf8_lossy(&response.body).replace(&id.to_string(), "ID");
        let mut names: Vec<String> = response.headers.into_iter().map(|(name, _)| name).collect();
        names.sort();
        (response.status, names, body)
    };
    let (mut logins, mut retrievals) = (Vec::new(), Vec::new());
    for actor in [&alice, &keyless, &ghost] {
        let login = LoginRequest { signature: Base64(vec![1; 64]), ..actor.login_request().await };
        logins.push(neutral(line.send(line.request(&Route::Login, to_json(&login))).await, actor.id()));
        let proof = to_json(&actor.retrieval("Wrong phrase 99").await);
        retrievals.push(neutral(line.send(line.request(&Route::RetrieveKeyFile, proof)).await, actor.id()));
    }
    for answers in [logins, retrievals] {
        assert_eq!(answers[0].0, 401);
        assert!(answers.iter().all(|answer| *answer == answers[0]), "the answers differ: {answers:?}");
    }
}

/// Another one of the same user goes on.
pub(super) async fn logout_ends_that_session_alone(line: Line) {
    let mut alice = line.actor().await;
    let first = alice.token.clone();
    alice.log_in().await;
    alice.done(&Route::Logout, Vec::new()).await;
    assert_eq!(alice.ask(&LIST, Vec::new()).await, Err(RemoteCode::NotAuthenticated));
    alice.token = first;
    assert!(alice.ask(&LIST, Vec::new()).await.is_ok(), "the other session ended too");
}

/// Of every endpoint that needs one.
pub(super) async fn without_a_session_nothing_is_told(line: Line) {
    let mut alice = line.actor().await;
    alice.token = None;
    let container = absio_proto::model::ContainerId::from_bytes([1; 16]);
    let routes = [
        LIST,
        Route::Logout,
        Route::Keys,
        Route::KeyFile,
        Route::KeyFileChecksum,
        Route::Events { filter: EventFilter::default(), limit: 1, wait: 0 },
        Route::GetContainer { container, portion: Portion::All, known: None },
        Route::Manifests { container, from: 1, limit: 1 },
        Route::Content { container, epoch: 1, offset: 0, length: 1 },
        Route::CreateContainer,
        Route::UpdateContainer(container),
        Route::BeginUpload,
    ];
    for route in routes {
        let answer = outcome(&alice.send(&route, Vec::new()).await);
        assert_eq!(answer, Err(RemoteCode::NotAuthenticated), "{route:?}");
    }
}

/// One bit beside a good one, and nonsense.
pub(super) async fn a_made_up_token_is_refused(line: Line) {
    let mut alice = line.actor().await;
    let good = alice.token.clone().expect("she is logged in");
    let mut beside = good.clone();
    *beside.last_mut().expect("a token is not empty") ^= 1;
    for token in [beside, vec![0; good.len()], vec![7; 16], vec![1]] {
        alice.token = Some(token);
        let refusal = alice.ask(&LIST, Vec::new()).await.err();
        assert!(
            matches!(
                refusal,
                Some(RemoteCode::NotAuthenticated | RemoteCode::SessionExpired | RemoteCode::BadRequest)
            ),
            "{refusal:?}"
        );
    }
    alice.token = Some(good);
    assert!(alice.ask(&LIST, Vec::new()).await.is_ok());
}
