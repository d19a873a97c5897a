//! The end of a container.

use crate::story::{Draft, at, cards_of, id_of, person};
use absio_proto::CryptoError;
use absio_proto::crypto::tombstone::TOMBSTONE_LENGTH;
use absio_proto::crypto::{ManifestView, Tombstone, VerifiedHead, verify_run};
use absio_proto::model::{Permissions, Timestamp};

fn head(view: ManifestView) -> VerifiedHead {
    verify_run(view.body().container, None, [view], &cards_of(&[&person(1)]), at(10)).unwrap()
}

fn check(head: &VerifiedHead, tombstone: &Tombstone) -> Result<(), CryptoError> {
    head.check_tombstone(tombstone, &cards_of(&[&person(1), &person(2)]), at(10)).map(drop)
}

#[test]
fn s043_the_last_reader_ends_a_container() {
    let alice = person(1);
    let head = head(Draft::create(&alice).sign(&alice));
    let tombstone = Tombstone::sign(head.view(), at(5), &alice);
    let bytes = tombstone.encode();
    assert_eq!((bytes.len(), TOMBSTONE_LENGTH), (226, 226));
    assert_eq!(Tombstone::decode(&bytes).unwrap(), tombstone);
    let pin = head.check_tombstone(&tombstone, &cards_of(&[&alice]), at(10)).unwrap();
    assert!(pin.tombstone && pin.revision == 2);
    // F6: a dead pin stays dead, whatever is offered.
    let again = verify_run(id_of(&alice), Some(pin), [head.view().clone()], &cards_of(&[&alice]), at(10));
    assert!(matches!(again, Err(CryptoError::RollbackDetected { seen: 2, .. })), "{again:?}");
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let accepted = Tombstone::decode(&altered).and_then(|tombstone| check(&head, &tombstone));
        assert!(accepted.is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(Tombstone::decode(&bytes[..length]).is_err());
    }
}

/// Security case 49: an old tombstone does not kill a container that went on.
#[test]
fn ms_replay_tombstone() {
    let alice = person(1);
    let first = Draft::create(&alice).sign(&alice);
    let tombstone = Tombstone::sign(&first, at(5), &alice);
    assert_eq!(check(&head(first.clone()), &tombstone), Ok(()), "negative control: where it belongs");
    let second = Draft::after(&first, &alice, 2).upload().sign(&alice);
    let walked = verify_run(id_of(&alice), None, [first, second], &cards_of(&[&alice]), at(10)).unwrap();
    let mismatch = CryptoError::ManifestMismatch { container: id_of(&alice), what: "tombstone" };
    assert_eq!(check(&walked, &tombstone), Err(mismatch));
    // Nor another container of the same creator.
    let other = Draft::create(&alice).with(|draft| {
        draft.body.id_salt = [2; 32];
        draft.body.container = absio_proto::crypto::container_id(alice.user_id(), &[2; 32]);
    });
    assert!(check(&head(other.sign(&alice)), &tombstone).is_err());
}

#[test]
fn only_the_sole_reader_ends_a_container_and_not_before_its_time() {
    let (alice, bob) = (person(1), person(2));
    let sole = head(Draft::create(&alice).sign(&alice));
    let shared = head(Draft::create(&alice).grant(&bob, Permissions::RECIPIENT).sign(&alice));
    let not_sole = check(&shared, &Tombstone::sign(shared.view(), at(5), &alice));
    assert!(matches!(not_sole, Err(CryptoError::NotAuthorised { right: "sole access", .. })));
    let stranger = check(&sole, &Tombstone::sign(sole.view(), at(5), &bob));
    assert!(matches!(stranger, Err(CryptoError::NotAuthorised { .. })));
    let early = Tombstone::sign(sole.view(), Timestamp::from_millis(1), &alice);
    assert!(matches!(check(&sole, &early), Err(CryptoError::RevisionInvalid { .. })));
    let ahead = Tombstone::sign(sole.view(), at(1000), &alice);
    assert!(matches!(check(&sole, &ahead), Err(CryptoError::FromTheFuture { .. })));
    let mut forged = Tombstone::sign(sole.view(), at(5), &bob);
    forged.author = absio_proto::crypto::Author::of(&alice);
    assert!(matches!(check(&sole, &forged), Err(CryptoError::BadSignature { .. })));
}
