//! Changed credentials (S-157, S-224).

use super::*;

/// Whether the old credentials and the new ones open what is here.
fn opened_by(desk: &Desk, user: UserId) -> (bool, bool) {
    let opens = |with: [LoginWith; 2]| with.map(|with| desk.opens(user, with).is_ok()) == [true; 2];
    let (old, new) =
        ([password(PASSWORD), passphrase(PASSPHRASE)], [password(NEW_PASSWORD), passphrase(NEW_PASSPHRASE)]);
    (opens(old), opens(new))
}

#[test]
fn s157_s224_old_credentials_fail_and_new_ones_work_in_every_place() {
    for place in ALL {
        let desk = Desk::new(&broker());
        let user = desk.person(place);
        let secret = desk.keep(place, b"older than the change");
        let changed = desk.run(place.change_credentials(new_credentials(), None)).unwrap();
        assert!(changed.warnings.is_empty());
        assert_eq!(changed.value.keys().chain().cards(), user.keys().chain().cards());
        assert_eq!(changed.value.key_file().unwrap().reminder(), "the new one");
        // Both halves of the session have it, and what was there opens.
        for held in desk.session(|session| [session.user().cloned(), session.local_user().cloned()]) {
            assert!(held.is_none_or(|held| held.sealed_key_file() == changed.value.sealed_key_file()));
        }
        assert_eq!(desk.content(place, secret), Ok(Some(b"older than the change".to_vec())));

        let again = desk.restarted();
        for (with, expected) in
            [(password(PASSWORD), "wrong_password"), (passphrase(PASSPHRASE), "wrong_passphrase")]
        {
            if place != Standard::Server {
                assert_eq!(code(again.offline(|desk| desk.log_in(place, user.id(), with))), expected);
            }
        }
        if place != Standard::Ofs {
            let fresh = Desk::new(&desk.broker);
            assert_eq!(code(fresh.log_in(place, user.id(), passphrase(PASSPHRASE))), "retrieval_refused");
            fresh.log_in(place, user.id(), passphrase(NEW_PASSPHRASE).password(NEW_PASSWORD)).unwrap();
        }
        again.log_in(place, user.id(), passphrase(NEW_PASSPHRASE).password(NEW_PASSWORD)).unwrap();
        assert_eq!(again.content(place, secret), Ok(Some(b"older than the change".to_vec())));
    }
}

#[test]
fn s157_ml_no_cell_opens_with_the_old_password_when_the_other_is_damaged() {
    let desk = Desk::new(&broker());
    let user = desk.person(Standard::ServerCacheOfs).id();
    desk.run(Standard::ServerCacheOfs.change_credentials(new_credentials(), None)).unwrap();
    for cell in desk.cells() {
        let Ok(StoreOutcome::Cell(Some(whole))) = desk.root.apply(StoreOp::CellRead { cell }) else {
            panic!()
        };
        let mut torn = whole.clone();
        torn[3] ^= 1;
        desk.root.apply(StoreOp::CellWrite { cell, bytes: torn }).unwrap();
        assert_eq!(opened_by(&desk, user), (false, true));
        desk.root.apply(StoreOp::CellWrite { cell, bytes: whole }).unwrap();
    }
}

#[test]
fn s224_nothing_is_sent_and_the_reminder_is_in_the_key_file() {
    let desk = Desk::new(&broker());
    let user = desk.person(Standard::Ofs);
    let (changed, requests) =
        desk.requests(|desk| desk.run(Standard::Ofs.change_credentials(new_credentials(), None)).unwrap());
    assert_eq!(requests, 0);
    let (old, new) = (user.sealed_key_file().unwrap(), changed.value.sealed_key_file().unwrap().clone());
    assert_eq!((old.generation(), new.generation()), (1, 2));
    let here = desk.run(Standard::Ofs.key_file_checksum(None)).unwrap();
    assert_eq!(here.checksum, new.checksum());
    assert_eq!(desk.run(Standard::Ofs.reminder(None)).unwrap(), "the new one");
    assert_eq!(
        code(desk.restarted().run(Standard::Ofs.change_credentials(credentials(), None))),
        "not_logged_in"
    );
}

#[test]
fn s157_s080_a_broker_that_cannot_be_reached_changes_nothing_here() {
    let place = Standard::ServerCacheOfs;
    let desk = Desk::new(&broker());
    let user = desk.person(place).id();
    let refused = desk.offline(|desk| desk.run(place.change_credentials(new_credentials(), None)));
    assert_eq!(code(refused), "transport");
    assert_eq!(opened_by(&desk, user), (true, false));
    desk.run(place.change_credentials(new_credentials(), None)).unwrap();
    assert_eq!(opened_by(&desk, user), (false, true));
}

#[test]
fn s224_ml_a_crash_at_any_write_leaves_the_old_or_the_new_credentials() {
    let broker = broker();
    let mut seen = Vec::new();
    for writes in 0.. {
        let desk = Desk::new(&broker);
        let user = desk.person(Standard::Ofs).id();
        let desk = desk.dying_after(writes);
        let changed = desk.run(Standard::Ofs.change_credentials(new_credentials(), None));
        let outcome = opened_by(&desk.restarted(), user);
        assert!(outcome.0 != outcome.1, "{writes}: {outcome:?}");
        if changed.is_ok() {
            assert_eq!(outcome, (false, true));
            break;
        }
        // Told as failed, the session is the old one and can try again.
        desk.revived();
        seen.push(outcome.1);
        desk.run(Standard::Ofs.change_credentials(new_credentials(), None)).unwrap();
        assert_eq!(opened_by(&desk.restarted(), user), (false, true));
    }
    assert_eq!(seen, [false, true], "torn in the first cell, and in the second");
}

#[test]
fn x04_s157_a_session_that_keeps_nothing_still_replaces_an_older_file_here() {
    let place = Standard::ServerCacheOfs;
    let desk = Desk::new(&broker());
    let user = desk.create(place);
    desk.log_in(place, user, both().keeping_nothing()).unwrap();
    desk.run(place.change_credentials(new_credentials(), None)).unwrap();
    assert_eq!(opened_by(&desk, user), (false, true));
}
