//! What a reader believes of the revisions a server shows.

use crate::story::{Counter, Draft, START, at, cards_of, id_of, person};
use absio_proto::CryptoError;
use absio_proto::crypto::chain::verify_author;
use absio_proto::crypto::{
    ChainWalk, KeyRing, KeyState, ManifestView, Pin, Signers, VerifiedHead, checkpoint, verify_run,
};
use absio_proto::model::{Permissions, Timestamp};
use std::collections::BTreeMap;

/// Alice creates and shares with Bob, who uploads; Alice uploads; Bob uploads again.
struct Story {
    alice: KeyRing,
    bob: KeyRing,
    views: Vec<ManifestView>,
}

fn story() -> Story {
    let (alice, bob) = (person(1), person(2));
    let mut views = vec![Draft::create(&alice).grant(&bob, Permissions::CREATOR).sign(&alice)];
    for (author, seconds) in [(&bob, 10), (&alice, 20), (&bob, 30)] {
        let next = Draft::after(views.last().unwrap(), author, seconds).upload().sign(author);
        views.push(next);
    }
    Story { alice, bob, views }
}

impl Story {
    fn verify(&self, pin: Option<Pin>, views: &[ManifestView]) -> Result<VerifiedHead, CryptoError> {
        self.verify_with(&cards_of(&[&self.alice, &self.bob, &person(3)]), pin, views)
    }

    fn verify_with(
        &self,
        cards: &impl Signers,
        pin: Option<Pin>,
        views: &[ManifestView],
    ) -> Result<VerifiedHead, CryptoError> {
        verify_run(id_of(&self.alice), pin, views.iter().cloned(), cards, at(40))
    }

    /// What somebody remembers who saw revision `number` last.
    fn pin(&self, number: usize) -> Option<Pin> {
        let view = &self.views[number - 1];
        Some(Pin { revision: number as u64, hash: view.body().hash(), tombstone: false })
    }
}

#[test]
fn honest_runs_verify_from_every_beginning() {
    let story = story();
    for from in 1..=4 {
        let head = story.verify(story.pin(from), &story.views[from - 1..]).unwrap();
        assert_eq!(Some(head.pin()), story.pin(4));
        assert!(head.has_verified(from as u64) && head.has_verified(4) && !head.has_verified(5));
        assert!(!head.has_verified(from as u64 - 1));
    }
    let whole = story.verify(None, &story.views).unwrap();
    assert!(whole.has_verified(1));
    // F7: the creator signed 3, so 2 is enough to begin with.
    let shortcut = story.verify(None, &story.views[1..]).unwrap();
    assert!(shortcut.has_verified(3) && !shortcut.has_verified(2));
    assert!(story.verify(None, &story.views[1..3]).is_ok());
}

/// A page at a time, with what each revision changed.
#[test]
fn a_walk_takes_pages_and_tells_changes() {
    let story = story();
    let cards = cards_of(&[&story.alice, &story.bob]);
    let mut walk = ChainWalk::new(id_of(&story.alice), None, at(40));
    assert_eq!(walk.next_revision(), None);
    assert_eq!(walk.push(story.views[0].clone(), &cards).unwrap(), None);
    for (view, next) in story.views[1..].iter().zip(3..) {
        assert!(walk.push(view.clone(), &cards).unwrap().unwrap().content);
        assert_eq!(walk.next_revision(), Some(next));
    }
    assert!(walk.finish().is_ok());
}

/// F7: without a pin the history must begin at something the creator vouches for.
#[test]
fn first_contact_needs_the_creator() {
    let story = story();
    let invalid = |views: &[ManifestView]| {
        let result = story.verify(None, views);
        assert!(matches!(result, Err(CryptoError::RevisionInvalid { .. })), "{result:?}");
    };
    invalid(&story.views[2..]);
    invalid(&story.views[3..]);
    invalid(&story.views[1..2]);
    invalid(&[]);
    assert!(story.verify(None, &story.views[..1]).is_ok());
    // The creator's own entry is needed as well: creation gives no right for ever.
    let (alice, bob) = (&story.alice, &story.bob);
    let without = Draft::after(&story.views[3], bob, 31).remove(alice).upload().sign(bob);
    let back = Draft::after(&without, alice, 32).upload().sign(alice);
    let refused = story.verify(None, &[without, back]);
    assert!(matches!(refused, Err(CryptoError::NotAuthorised { .. })), "{refused:?}");
}

/// Security case 39: Carol, without access.modify, signs a new list; the server plays along.
#[test]
fn mp_unauthorised_revision() {
    let (alice, bob, carol) = (person(1), person(2), person(3));
    let first = Draft::create(&alice)
        .grant(&bob, Permissions::RECIPIENT)
        .grant(&carol, Permissions::RECIPIENT)
        .sign(&alice);
    let story = Story { alice, bob, views: vec![first] };
    let forged = Draft::after(&story.views[0], &carol, 10).remove(&story.bob).sign(&carol);
    for pin in [None, story.pin(1)] {
        let refused = story.verify(pin, &[story.views[0].clone(), forged.clone()]);
        let Err(CryptoError::NotAuthorised { revision: 2, right, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(right, "access.modify");
    }
    // Negative control: the same by Alice, who may.
    let honest = Draft::after(&story.views[0], &story.alice, 10).remove(&story.bob).sign(&story.alice);
    assert!(story.verify(story.pin(1), &[story.views[0].clone(), honest]).is_ok());
}

/// Security case 40: Bob, removed at revision 5, goes on from revision 4.
#[test]
fn mp_revoked_writer_fork() {
    let mut story = story();
    let removal =
        Draft::after(&story.views[3], &story.alice, 31).remove(&story.bob).upload().sign(&story.alice);
    let fork = Draft::after(&story.views[3], &story.bob, 32).upload().sign(&story.bob);
    story.views.push(removal);
    let offered = [story.views[3].clone(), fork.clone()];
    let pinned = story.verify(story.pin(5), &offered);
    assert!(matches!(pinned, Err(CryptoError::ForkDetected { revision: 5, .. })), "{pinned:?}");
    let next = Draft::after(&fork, &story.bob, 33).upload().sign(&story.bob);
    let longer = story.verify(story.pin(5), &[fork.clone(), next.clone()]);
    assert!(matches!(longer, Err(CryptoError::ForkDetected { revision: 5, .. })), "{longer:?}");
    let glued = story.verify(story.pin(5), &[story.views[4].clone(), next]);
    assert!(matches!(glued, Err(CryptoError::ForkDetected { revision: 5, .. })), "{glued:?}");
    assert!(story.verify(story.pin(4), &offered).is_ok(), "the stated limit: an older reader cannot tell");
}

/// Security case 44: an older revision, genuine in itself.
#[test]
fn ms_rollback_container() {
    let story = story();
    for offered in 1..4 {
        let refused = story.verify(story.pin(4), &story.views[..offered]);
        let Err(CryptoError::RollbackDetected { seen: 4, offered: told, .. }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(told, offered as u64);
        assert!(story.verify(None, &story.views[..offered]).is_ok(), "negative control: without a pin");
    }
    assert!(story.verify(story.pin(4), &story.views).is_ok(), "a longer answer that reaches the pin");
    assert!(matches!(story.verify(story.pin(4), &[]), Err(CryptoError::RollbackDetected { .. })));
}

/// Security case 45: two different revisions 4 for two readers.
#[test]
fn ms_equivocate() {
    let story = story();
    let other = Draft::after(&story.views[2], &story.bob, 35).upload().sign(&story.bob);
    let refused = story.verify(story.pin(4), std::slice::from_ref(&other));
    assert!(matches!(refused, Err(CryptoError::ForkDetected { revision: 4, .. })), "{refused:?}");
    let pins = |view: &ManifestView| {
        let pin = Pin { revision: 4, hash: view.body().hash(), tombstone: false };
        BTreeMap::from([(id_of(&story.alice), pin)])
    };
    let (one, two) = (checkpoint(&pins(&story.views[3])), checkpoint(&pins(&other)));
    assert_ne!(one, two, "people who compare see it");
    assert_eq!((one.len(), checkpoint(&pins(&story.views[3]))), (26, one));
}

/// Security case 43 at this level: a manifest from the future is refused; the past never returns.
#[test]
fn ms_time_ahead() {
    let story = story();
    let cards = cards_of(&[&story.alice, &story.bob]);
    let verify = |now: Timestamp| {
        verify_run(id_of(&story.alice), None, story.views.iter().cloned(), &cards, now).map(drop)
    };
    let ahead = at(30);
    let five_minutes = 5 * 60 * 1000;
    let now = Timestamp::from_millis(ahead.as_millis() - five_minutes);
    assert_eq!(verify(now), Ok(()));
    let refused = verify(Timestamp::from_millis(now.as_millis() - 1));
    assert!(matches!(refused, Err(CryptoError::FromTheFuture { revision: 4, .. })), "{refused:?}");
}

/// Security case 50: a container "created by Alice" that Alice never made.
#[test]
fn ms_frame_user() {
    let (alice, eve) = (person(1), person(9));
    let cards = cards_of(&[&alice, &eve]);
    let verify = |view: ManifestView| verify_run(view.body().container, None, [view.clone()], &cards, at(1));
    // Eve signs under Alice's name.
    let framed = Draft::create(&alice).sign(&eve);
    assert_eq!(verify(framed).unwrap_err(), CryptoError::BadSignature { what: "manifest" });
    // Eve shows her own container under an id of Alice's, or as Alice's creation.
    let own = Draft::create(&eve).with(|draft| draft.body.container = id_of(&alice)).sign(&eve);
    assert!(matches!(verify(own), Err(CryptoError::ForeignContainerId { .. })));
    let named = Draft::create(&eve).with(|draft| draft.body.created_by = alice.user_id()).sign(&eve);
    assert!(matches!(verify(named), Err(CryptoError::ForeignContainerId { .. })));
    let by_eve =
        Draft::create(&alice).with(|draft| draft.body.author = absio_proto::crypto::Author::of(&eve));
    assert!(verify(by_eve.sign(&eve)).is_err());
    assert!(verify(Draft::create(&eve).sign(&eve)).is_ok(), "negative control");
    // Another container than the one asked for.
    let other = verify_run(id_of(&alice), None, [Draft::create(&eve).sign(&eve)], &cards, at(1));
    assert!(matches!(other, Err(CryptoError::ManifestMismatch { .. })));
}

/// F10: a served card chain shorter than the signer's, or another one.
#[test]
fn ms_rollback_card_of_a_signer() {
    let story = story();
    let rotated = story.bob.rotated(KeyState::Retired, &mut Counter::new(77), at(31)).unwrap();
    let next = Draft::after(&story.views[3], &rotated, 35).upload().sign(&rotated);
    let views = [story.views[3].clone(), next];
    let stale = story.verify(story.pin(4), &views);
    assert!(matches!(stale, Err(CryptoError::CardChainInvalid { .. })), "{stale:?}");
    let fresh = cards_of(&[&story.alice, &rotated]);
    assert!(story.verify_with(&fresh, story.pin(4), &views).is_ok());
    let missing = cards_of(&[&story.alice]);
    let missing = story.verify_with(&missing, story.pin(4), &views);
    assert!(matches!(missing, Err(CryptoError::CardChainInvalid { .. })), "{missing:?}");
}

/// A retired key verifies what is dated before it was retired, and nothing later.
#[test]
fn a_retired_key_signs_nothing_new() {
    let story = story();
    let rotated = story.bob.rotated(KeyState::Retired, &mut Counter::new(77), at(31)).unwrap();
    let cards = cards_of(&[&story.alice, &rotated]);
    assert!(story.verify_with(&cards, None, &story.views).is_ok());
    let late = Draft::after(&story.views[3], &story.bob, 33).upload().sign(&story.bob);
    assert_eq!(verify_author(&story.views[3], &cards), Ok(()));
    assert!(matches!(verify_author(&late, &cards), Err(CryptoError::KeyNotValid { .. })));
    let refused = story.verify_with(&cards, story.pin(4), &[story.views[3].clone(), late]);
    assert!(matches!(refused, Err(CryptoError::KeyNotValid { .. })), "{refused:?}");
}

/// F10: a revoked key counts only below a revision that a valid key signed, or below a pin.
#[test]
fn a_revoked_key_counts_only_below_a_valid_one() {
    let story = story();
    let rotated = story.bob.rotated(KeyState::Revoked, &mut Counter::new(77), at(31)).unwrap();
    let cards = cards_of(&[&story.alice, &rotated]);
    let refused = story.verify_with(&cards, None, &story.views);
    assert!(matches!(refused, Err(CryptoError::KeyNotValid { .. })), "{refused:?}");
    assert!(story.verify_with(&cards, None, &story.views[..3]).is_ok(), "Alice signed the newest");
    assert!(story.verify_with(&cards, story.pin(4), &story.views[3..]).is_ok(), "it was pinned");
    let signed_again = Draft::after(&story.views[3], &rotated, 35).sign(&rotated);
    let views = [&story.views[..], &[signed_again]].concat();
    assert!(story.verify_with(&cards, None, &views).is_ok(), "revocation prompts re-signing");
    let forged = Draft::after(&story.views[3], &story.bob, 36).upload().sign(&story.bob);
    assert!(matches!(verify_author(&forged, &cards), Err(CryptoError::KeyNotValid { .. })));
    let refused = story.verify_with(&cards, story.pin(4), &[story.views[3].clone(), forged]);
    assert!(matches!(refused, Err(CryptoError::KeyNotValid { .. })), "{refused:?}");
}

/// The broker's check by itself.
#[test]
fn verify_author_wants_the_author() {
    let story = story();
    let cards = cards_of(&[&story.alice, &story.bob]);
    for view in &story.views {
        assert_eq!(verify_author(view, &cards), Ok(()));
    }
    let forged = Draft::after(&story.views[3], &story.alice, 31).sign(&story.bob);
    assert!(verify_author(&forged, &cards).is_err());
    assert!(START < at(1));
}

/// F15: a redacted run with what a reader without access.view is shown.
#[test]
fn s125_a_redacted_run_verifies() {
    let story = story();
    let carol = person(3);
    let mut views = vec![];
    let first = Draft::create(&story.alice)
        .grant(&story.bob, Permissions::CREATOR)
        .grant(&carol, Permissions::CONTAINER_DOWNLOAD)
        .sign(&story.alice);
    views.push(first);
    for (author, seconds) in [(&story.bob, 10), (&story.alice, 20), (&story.bob, 30)] {
        views.push(Draft::after(views.last().unwrap(), author, seconds).upload().sign(author));
    }
    let authors: Vec<_> = views.iter().map(|view| view.body().author.user).collect();
    let shown = |index: usize, view: &ManifestView| {
        let next = authors.get(index + 1).copied();
        let keep: Vec<_> =
            [Some(carol.user_id()), Some(authors[index]), next].into_iter().flatten().collect();
        view.redacted(&keep)
    };
    let redacted: Vec<_> = views.iter().enumerate().map(|(index, view)| shown(index, view)).collect();
    let head = story.verify(None, &redacted).unwrap();
    assert!(head.view().entry(carol.user_id()).is_some());
    // Without the signer's row in the revision before, nothing proves the right.
    let blind: Vec<_> = views.iter().map(|view| view.redacted(&[carol.user_id()])).collect();
    assert!(matches!(story.verify(None, &blind), Err(CryptoError::NotAuthorised { .. })));
}
