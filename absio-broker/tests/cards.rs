//! New cards at the handler: every refusal, and what is over afterwards.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod support;

use absio_broker::{Fixture, SeededEntropy};
use absio_proto::RemoteCode;
use absio_proto::crypto::{KeyFileContent, KeyRing, KeyState};
use absio_proto::limits;
use absio_proto::wire::{
    AddCard, CardAdded, CreateUser, DeleteUser, KeyFileState, KeysAnswer, KeysRequest, PutKeyFile, Route,
    from_json, to_json,
};
use std::time::Duration;
use support::{Actor, PASSPHRASE, outcome, send};

/// The next ring of `actor`, dated `ahead` milliseconds from now.
fn next_ring(actor: &Actor, state: KeyState, seed: u64) -> KeyRing {
    actor.ring.rotated(state, &mut SeededEntropy::new(seed), actor.now()).unwrap()
}

/// The request for `ring`, with the key file that holds it.
fn card(actor: &Actor, ring: &KeyRing) -> AddCard {
    let content = KeyFileContent { ring: ring.duplicate(), ..actor.open.content().duplicate() };
    let (_, sealed) = actor.open.reseal(content, &mut SeededEntropy::new(77)).unwrap();
    let held = &actor.key_file;
    AddCard {
        user_id: actor.id(),
        card: ring.chain().cards().last().unwrap().clone(),
        key_file: Some(PutKeyFile {
            expected: Some((held.generation(), held.checksum())),
            key_file: sealed.into_bytes(),
            retrieval_key: None,
            reminder: None,
        }),
    }
}

fn add(actor: &Actor, body: &AddCard) -> Result<CardAdded, RemoteCode> {
    actor.ask(&Route::AddCard(actor.id()), body.encode()).map(|body| from_json("the answer", &body).unwrap())
}

/// What a device signed while another changed the keys must go on to count: a card that came too late is
/// refused. Found by the simulation.
#[test]
fn x08_a_card_dated_before_what_its_old_key_signed_is_refused() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let drafted = card(&alice, &next_ring(&alice, KeyState::Retired, 9));
    let closing = |seed| {
        let closing_card = alice.ring.closing_card(alice.now(), &mut SeededEntropy::new(seed)).unwrap();
        DeleteUser { user_id: alice.id(), closing_card }.encode()
    };
    let early = closing(11);
    let view = alice.share(vec![alice.grant(127)]);
    assert!(view.body().modified_at >= alice.now());

    assert_eq!(add(&alice, &drafted), Err(RemoteCode::Conflict));
    assert_eq!(alice.ask(&Route::DeleteUser(alice.id()), early).err(), Some(RemoteCode::Conflict));
    assert_eq!(cards(&alice, &alice).len(), 1, "nothing was changed");
    fixture.clock().advance(Duration::from_millis(1));
    // Controls: a card of now, and one that takes back what the key signed, are not in the way of anything.
    let again = Fixture::seeded(1);
    let other = Actor::new(&again, 2);
    other.share(vec![other.grant(127)]);
    assert!(add(&other, &card(&other, &next_ring(&other, KeyState::Revoked, 10))).is_ok());
    assert!(add(&alice, &card(&alice, &next_ring(&alice, KeyState::Retired, 12))).is_ok());
}

fn cards(asker: &Actor, of: &Actor) -> Vec<Vec<u8>> {
    let body = to_json(&KeysRequest { user_ids: vec![of.id()] });
    let answer = KeysAnswer::decode(&asker.ask(&Route::Keys, body).unwrap()).unwrap();
    answer.cards.into_iter().map(|(_, card)| card).collect()
}

fn state(actor: &Actor) -> KeyFileState {
    from_json("state", &actor.ask(&Route::KeyFileChecksum, Vec::new()).unwrap()).unwrap()
}

#[test]
fn x08_card_and_key_file_are_taken_together_and_the_old_key_logs_in_no_more() {
    let fixture = Fixture::seeded(1);
    let (mut alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let start = alice.next_event();
    let ring = next_ring(&alice, KeyState::Retired, 9);
    let added = add(&alice, &card(&alice, &ring)).unwrap();
    assert_eq!((added.user_id, added.sequence), (alice.id(), 2));
    assert_eq!(added.key_file.as_ref(), Some(&state(&alice)), "the session goes on");
    assert_eq!(state(&alice).generation, 2);
    assert_eq!(cards(&bob, &alice), ring.chain().cards());
    assert_eq!(alice.story(start), ["updated key_file"]);
    let event = alice.events().pop().unwrap();
    assert_eq!(event.changes.keys().map(String::as_str).collect::<Vec<_>>(), ["checksum"]);

    assert_eq!(alice.try_login(&alice.login_request()).err(), Some(RemoteCode::LoginRefused));
    let old_again = card(&alice, &next_ring(&alice, KeyState::Retired, 10));
    assert_eq!(add(&alice, &old_again), Err(RemoteCode::BadSignature), "only the key in use signs");
    alice.ring = ring;
    alice.log_in();
    let fetched = outcome(send(
        &fixture,
        support::request(&fixture, &Route::RetrieveKeyFile, to_json(&alice.retrieval(PASSPHRASE))),
    ));
    assert!(fetched.is_ok(), "the retrieval key is kept");
}

#[test]
fn x08_a_repeat_is_answered_although_the_key_and_the_session_are_over() {
    for state in [KeyState::Retired, KeyState::Revoked] {
        let fixture = Fixture::seeded(1);
        let mut alice = Actor::new(&fixture, 2);
        let ring = next_ring(&alice, state, 9);
        let start = alice.next_event();
        let body = card(&alice, &ring).encode();
        let sent = alice.request_under(&Route::AddCard(alice.id()), body, [5; 16]);
        let first = outcome(send(&fixture, sent.clone())).unwrap();
        assert_eq!(outcome(send(&fixture, sent.clone())).unwrap(), first);
        let other = card(&alice, &next_ring(&alice, state, 10)).encode();
        let other = alice.request_under(&Route::AddCard(alice.id()), other, [5; 16]);
        assert_eq!(outcome(send(&fixture, other)), Err(RemoteCode::IdempotencyMismatch));
        // The answer is for whoever has the session's token only.
        let mut stranger = sent;
        stranger.headers.retain(|(name, _)| name != absio_proto::wire::AUTHORIZATION);
        assert_eq!(outcome(send(&fixture, stranger)), Err(RemoteCode::NotAuthenticated));
        alice.ring = ring;
        alice.log_in();
        assert_eq!(cards(&alice, &alice).len(), 2);
        assert_eq!(alice.story(start), ["updated key_file"]);
    }
}

#[test]
fn x08_a_revocation_ends_the_sessions_before_it_and_a_retirement_none() {
    let fixture = Fixture::seeded(1);
    let (mut alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let list = Route::ListContainers { after: None, limit: 10 };
    let first = alice.token();
    let retired = next_ring(&alice, KeyState::Retired, 9);
    let body = card(&alice, &retired);
    add(&alice, &body).unwrap();
    assert!(alice.ask(&list, Vec::new()).is_ok());
    alice.ring = retired;
    alice.key_file = absio_proto::crypto::SealedKeyFile::from_bytes(body.key_file.unwrap().key_file).unwrap();
    alice.log_in();
    let second = alice.token();
    // The file of generation 3: sealed on top of the one that is there now.
    let revoked = next_ring(&alice, KeyState::Revoked, 10);
    let content = KeyFileContent { ring: revoked.duplicate(), ..alice.open.content().duplicate() };
    let (open, _) = alice.open.reseal(content, &mut SeededEntropy::new(78)).unwrap();
    alice.open = open;
    add(&alice, &card(&alice, &revoked)).unwrap();
    for token in [first, second] {
        alice.set_token(token);
        assert_eq!(alice.ask(&list, Vec::new()), Err(RemoteCode::NotAuthenticated));
        assert_eq!(alice.ask(&Route::Logout, Vec::new()), Err(RemoteCode::NotAuthenticated));
    }
    alice.ring = revoked;
    alice.log_in();
    assert!(alice.ask(&list, Vec::new()).is_ok());
    assert!(bob.ask(&list, Vec::new()).is_ok(), "others are not concerned");
    // Signing out of the new session does not bring the old ones back.
    alice.ask(&Route::Logout, Vec::new()).unwrap();
    assert_eq!(alice.ask(&list, Vec::new()), Err(RemoteCode::NotAuthenticated));
}

#[test]
fn x08_cards_and_key_files_that_are_not_taken() {
    let fixture = Fixture::seeded(1);
    let (alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let ring = next_ring(&alice, KeyState::Retired, 9);
    let good = card(&alice, &ring);
    let with_card = |card: Vec<u8>| AddCard { card, ..good.clone() };
    let with_file = |change: &dyn Fn(&mut PutKeyFile)| {
        let mut body = good.clone();
        change(body.key_file.as_mut().unwrap());
        body
    };
    let at = |now| alice.ring.rotated(KeyState::Retired, &mut SeededEntropy::new(9), now).unwrap();
    let newest = |ring: &KeyRing| ring.chain().cards().last().unwrap().clone();
    let skew = limits::CLOCK_SKEW_MS;
    let after_next = ring.rotated(KeyState::Retired, &mut SeededEntropy::new(11), alice.now()).unwrap();
    let foreign = next_ring(&bob, KeyState::Retired, 9);
    let closing = alice.ring.closing_card(alice.now(), &mut SeededEntropy::new(9)).unwrap();
    let mut altered = good.card.clone();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    for (what, body) in [
        ("the first card", with_card(alice.ring.chain().cards()[0].clone())),
        ("a card ahead of the next", with_card(newest(&after_next))),
        ("another user's card", with_card(newest(&foreign))),
        ("an altered signature", with_card(altered)),
        ("no card at all", with_card(vec![0; 40])),
        ("a closing card", with_card(closing)),
        ("a card from the future", with_card(newest(&at(alice.now().plus_millis(skew + 1))))),
        ("another user's key file", with_file(&|put| put.key_file = bob.key_file.as_bytes().to_vec())),
        (
            "a generation that does not grow",
            with_file(&|put| {
                put.key_file = alice.key_file.as_bytes().to_vec();
            }),
        ),
        ("a weak retrieval key", with_file(&|put| put.retrieval_key = Some([0; 32]))),
    ] {
        assert_eq!(add(&alice, &body), Err(RemoteCode::InvalidObject), "{what}");
    }
    for (what, body) in [
        ("another base", with_file(&|put| put.expected = Some((1, [9; 32])))),
        ("no base", with_file(&|put| put.expected = None)),
        ("no key file, which would lock the user out", AddCard { key_file: None, ..good.clone() }),
    ] {
        assert_eq!(add(&alice, &body), Err(RemoteCode::Conflict), "{what}");
    }
    let long = with_file(&|put| put.reminder = Some("x".repeat(limits::REMINDER + 1)));
    assert_eq!(add(&alice, &long), Err(RemoteCode::TooLarge));
    let misnamed = AddCard { user_id: bob.id(), ..good.clone() };
    assert_eq!(add(&alice, &misnamed), Err(RemoteCode::BadRequest));
    let refused = bob.ask(&Route::AddCard(alice.id()), good.encode());
    assert_eq!(refused, Err(RemoteCode::PermissionDenied));
    let mut unsigned = alice.request(&Route::AddCard(alice.id()), good.encode());
    unsigned.headers.retain(|(name, _)| name != absio_proto::wire::SIGNATURE);
    assert_eq!(outcome(send(&fixture, unsigned)), Err(RemoteCode::BadSignature));
    // Dated back: it would take the key from under what was signed in between.
    fixture.clock().advance(Duration::from_millis(skew + 1));
    assert_eq!(add(&alice, &good), Err(RemoteCode::InvalidObject));

    assert_eq!(cards(&bob, &alice).len(), 1, "nothing was taken so far");
    assert_eq!(state(&alice).generation, 1);
    assert_eq!(add(&alice, &card(&alice, &at(alice.now()))).unwrap().sequence, 2);
}

#[test]
fn x08_a_user_without_a_key_file_sends_none() {
    let fixture = Fixture::seeded(1);
    let agent = Actor::unregistered(&fixture, 2);
    let bare = CreateUser { key_file: None, retrieval_key: None, ..agent.creation() };
    agent.ask(&Route::CreateUser, bare.encode()).unwrap();
    agent.log_in();
    let start = agent.next_event();
    let ring = next_ring(&agent, KeyState::Retired, 9);
    let with_file = card(&agent, &ring);
    assert_eq!(add(&agent, &with_file), Err(RemoteCode::Conflict), "there is none to replace");
    let added = add(&agent, &AddCard { key_file: None, ..with_file }).unwrap();
    assert_eq!((added.sequence, added.key_file), (2, None));
    assert!(agent.story(start).is_empty());
}

/// What two devices send at the same time is taken from one of them.
#[test]
fn x08_of_two_cards_for_one_place_one_is_taken() {
    let fixture = Fixture::seeded(1);
    let alice = Actor::new(&fixture, 2);
    let bodies = [9, 10].map(|seed| card(&alice, &next_ring(&alice, KeyState::Retired, seed)));
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = bodies.iter().map(|body| scope.spawn(|| add(&alice, body))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(cards(&alice, &alice).len(), 2);
}

#[test]
fn x08_a_retired_key_signs_no_new_revision_and_new_blobs_are_for_the_new_key() {
    let fixture = Fixture::seeded(1);
    let (mut alice, bob) = (Actor::new(&fixture, 2), Actor::new(&fixture, 3));
    let shared = alice.share(vec![alice.grant(127), bob.grant(127)]);
    fixture.clock().advance(Duration::from_millis(1));
    let ring = next_ring(&alice, KeyState::Retired, 9);
    add(&alice, &card(&alice, &ring)).unwrap();
    let id = shared.body().container;
    assert!(bob.get(id).is_ok(), "what it signed before is still served");
    let by_old =
        alice.draft(&support::Edit { access: Some(vec![alice.grant(127)]), ..support::Edit::default() });
    assert_eq!(alice.send_creation(&by_old).err(), Some(RemoteCode::InvalidObject));
    // `grant` seals for the key that the ring has in use.
    let for_old = bob.draft(&support::Edit {
        access: Some(vec![bob.grant(127), alice.grant(11)]),
        ..support::Edit::default()
    });
    assert_eq!(bob.send_creation(&for_old).err(), Some(RemoteCode::InvalidObject));
    alice.ring = ring;
    let for_new = bob.draft(&support::Edit {
        access: Some(vec![bob.grant(127), alice.grant(11)]),
        ..support::Edit::default()
    });
    assert!(bob.send_creation(&for_new).is_ok());
}
