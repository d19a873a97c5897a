//! Users, cards and key files (§14.5).

use super::actor::{Actor, Line, PASSPHRASE, REMINDER, header, outcome};
use absio_proto::RemoteCode;
use absio_proto::limits;
use absio_proto::model::UserId;
use absio_proto::wire::{
    CreateUser, DeleteUser, IDEMPOTENCY_KEY, KeyFileState, KeysAnswer, KeysRequest, PutKeyFile,
    ReminderAnswer, RetrieveAnswer, Route, SIGNATURE, UserCreated, from_json, to_json,
};
use absio_store::system::SystemEntropy;

/// 201 with its id; again it is taken.
pub(super) async fn a_user_is_created_once(line: Line) {
    let mut actor = line.stranger().await;
    let answer = actor.register().await;
    assert_eq!(answer.status, 201, "{:?}", outcome(&answer).err());
    let created: UserCreated = from_json("user", &answer.body).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(created.user_id, actor.id());
    assert_eq!(outcome(&actor.register().await), Err(RemoteCode::AlreadyExists));
    actor.log_in().await;
    assert_eq!(actor.story(0).await, ["added key_file"]);
}

async fn refused_creation(actor: &Actor, body: CreateUser) -> Option<RemoteCode> {
    actor.ask(&Route::CreateUser, body.encode()).await.err()
}

/// Nobody takes another id, or signs for another.
pub(super) async fn an_id_is_what_its_card_implies(line: Line) {
    let (alice, bob) = (line.stranger().await, line.stranger().await);
    let foreign = CreateUser { user_id: bob.id(), ..alice.creation() };
    assert_eq!(refused_creation(&alice, foreign).await, Some(RemoteCode::InvalidObject));
    assert_eq!(refused_creation(&alice, bob.creation()).await, Some(RemoteCode::BadSignature));
    let file = CreateUser { key_file: bob.creation().key_file, ..alice.creation() };
    assert_eq!(refused_creation(&alice, file).await, Some(RemoteCode::InvalidObject), "another's key file");
    assert_eq!(refused_creation(&alice, alice.creation()).await, None);
}

/// One bit of it altered.
pub(super) async fn a_card_must_be_signed_by_itself(line: Line) {
    let alice = line.stranger().await;
    let mut altered = alice.creation();
    *altered.card.last_mut().expect("a card is not empty") ^= 1;
    assert_eq!(refused_creation(&alice, altered).await, Some(RemoteCode::InvalidObject));
    let half = CreateUser { retrieval_key: None, ..alice.creation() };
    assert_eq!(
        refused_creation(&alice, half).await,
        Some(RemoteCode::BadRequest),
        "a file nobody could retrieve"
    );
}

async fn reminder(line: &Line, user: UserId) -> String {
    let body = outcome(&line.send(line.request(&Route::Reminder(user), [])).await);
    let body = body.unwrap_or_else(|code| panic!("a reminder is public: {code}"));
    from_json::<ReminderAnswer>("reminder", &body).unwrap_or_else(|error| panic!("{error}")).reminder
}

/// Without a session; the empty one for whom nobody knows.
pub(super) async fn a_reminder_is_public_and_bounded(line: Line) {
    let alice = line.actor().await;
    assert_eq!(reminder(&line, alice.id()).await, REMINDER);
    assert_eq!(reminder(&line, line.stranger().await.id()).await, "");
    assert_eq!(alice.story(0).await, ["added key_file"], "reading it changes nothing");
    let bob = line.stranger().await;
    let long = CreateUser { reminder: "x".repeat(limits::REMINDER + 1), ..bob.creation() };
    assert_eq!(refused_creation(&bob, long).await, Some(RemoteCode::TooLarge));
}

/// The cards of each, in one answer.
pub(super) async fn keys_are_served_and_the_unknown_named(line: Line) {
    let (alice, bob, ghost) = (line.actor().await, line.actor().await, line.stranger().await);
    let body = to_json(&KeysRequest { user_ids: vec![alice.id(), ghost.id(), bob.id()] });
    let answer =
        KeysAnswer::decode(&alice.done(&Route::Keys, body).await).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.unknown, [ghost.id()]);
    for actor in [&alice, &bob] {
        let card = (actor.id(), actor.ring.chain().cards()[0].clone());
        assert!(answer.cards.contains(&card), "a card that was published");
    }
}

fn closing(actor: &Actor) -> Vec<u8> {
    let card = actor.ring.closing_card(actor.now(), &mut SystemEntropy).expect("a chain can be closed");
    DeleteUser { user_id: actor.id(), closing_card: card }.encode()
}

/// For ever, session and name included.
pub(super) async fn a_deleted_user_is_gone(line: Line) {
    let alice = line.actor().await;
    alice.done(&Route::DeleteUser(alice.id()), closing(&alice)).await;
    let list = Route::ListContainers { after: None, limit: 1 };
    assert_eq!(alice.ask(&list, Vec::new()).await, Err(RemoteCode::NotAuthenticated));
    assert_eq!(alice.try_login(&alice.login_request().await).await.err(), Some(RemoteCode::LoginRefused));
    assert!(outcome(&alice.register().await).is_err(), "the name is not free again");
}

/// Whatever the body says.
pub(super) async fn nobody_deletes_another(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let refusal = alice.ask(&Route::DeleteUser(bob.id()), closing(&alice)).await;
    assert_eq!(refusal, Err(RemoteCode::PermissionDenied));
    assert_eq!(bob.story(0).await, ["added key_file"], "Bob is still there");
}

/// On the generation and checksum that the writer saw.
pub(super) async fn key_files_are_compared_and_set(line: Line) {
    let alice = line.actor().await;
    let state = |body: Vec<u8>| -> KeyFileState {
        from_json("key file", &body).unwrap_or_else(|error| panic!("{error}"))
    };
    let first = state(alice.done(&Route::KeyFileChecksum, Vec::new()).await);
    assert_eq!(first.checksum.0.len(), 32);
    let checksum: [u8; 32] = first.checksum.0.clone().try_into().expect("32 bytes");
    let put = |generation: u64, checksum: [u8; 32]| PutKeyFile {
        expected: Some((generation, checksum)),
        key_file: alice.key_file.clone(),
        retrieval_key: None,
        reminder: Some("another".into()),
    };
    for wrong in [put(first.generation + 1, checksum), put(first.generation, [0; 32])] {
        assert_eq!(alice.ask(&Route::PutKeyFile, wrong.encode()).await, Err(RemoteCode::Conflict));
    }
    assert_eq!(reminder(&line, alice.id()).await, REMINDER, "nothing of a conflict happens");
}

/// The file, the reminder, a fresh challenge; each nonce once.
pub(super) async fn retrieval_needs_the_passphrase(line: Line) {
    let alice = line.actor().await;
    let retrieve =
        async |proof| outcome(&line.send(line.request(&Route::RetrieveKeyFile, to_json(&proof))).await);
    let proof = alice.retrieval(PASSPHRASE).await;
    let body = retrieve(proof.clone()).await.unwrap_or_else(|code| panic!("the passphrase is right: {code}"));
    let answer = RetrieveAnswer::decode(&body).unwrap_or_else(|error| panic!("{error}"));
    assert!(answer.key_file == alice.key_file && answer.reminder == REMINDER, "the file that was put");
    assert_eq!(retrieve(proof).await, Err(RemoteCode::RetrievalRefused), "a replay");
    let wrong = alice.retrieval("Another phrase 3").await;
    assert_eq!(retrieve(wrong).await, Err(RemoteCode::RetrievalRefused));
    assert_eq!(alice.story(0).await, ["added key_file", "accessed key_file"]);
}

/// For this body, under this key, by this user.
pub(super) async fn signed_requests_are_for_exactly_this(line: Line) {
    let (alice, bob) = (line.actor().await, line.actor().await);
    let good = alice.request(&Route::DeleteUser(alice.id()), closing(&alice));
    let without = |name: &str| {
        let mut request = good.clone();
        request.headers.retain(|(other, _)| other != name);
        request
    };
    let unsigned = without(SIGNATURE);
    let mut other_body = good.clone();
    other_body.body = [&good.body[..], &[0]].concat().into();
    let mut other_key = without(IDEMPOTENCY_KEY);
    header(&mut other_key, IDEMPOTENCY_KEY, "ff".repeat(16));
    let mut other_signer = without(SIGNATURE);
    header(&mut other_signer, SIGNATURE, bob.sign(&good, [0; 16]).to_header());
    let wrong = [unsigned, other_body, other_key, other_signer];
    for (what, request) in
        ["unsigned", "another body", "another key", "another signer"].into_iter().zip(wrong)
    {
        assert_eq!(line.code(request).await, Some(RemoteCode::BadSignature), "{what}");
    }
    assert_eq!(line.code(good).await, None, "the same, unaltered");
}
