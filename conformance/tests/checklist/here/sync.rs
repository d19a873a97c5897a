//! One key file on several devices (S-159, S-178 to S-181, F28).

use super::*;

use absio_proto::crypto::KeyRing;
use absio_proto::ops::key_file::Update;
use absio_proto::ops::user::{Register, RevokeKeys, RotateKeys};
use absio_proto::provider::SyncState;
use absio_proto::{CryptoError, InputError};

const PLACE: Standard = Standard::ServerCacheOfs;

/// Two devices of one user, both signed in.
fn two_devices() -> (Desk, Desk, UserId) {
    let first = Desk::new(&broker());
    let user = first.person(PLACE).id();
    let second = Desk::new(&first.broker);
    second.log_in(PLACE, user, passphrase(PASSPHRASE)).unwrap();
    (first, second, user)
}

fn state(desk: &Desk) -> SyncState {
    desk.run(PLACE.key_file_state(None)).unwrap()
}

/// Somebody changes the credentials at the broker until the key file is of `generation`.
fn advance(desk: &Desk, user: UserId, generation: u64) {
    let elsewhere = Desk::new(&desk.broker);
    elsewhere.log_in(Standard::Server, user, passphrase(PASSPHRASE)).unwrap();
    while elsewhere.run(Standard::Server.key_file_checksum(None)).unwrap().generation < generation {
        elsewhere.run(Standard::Server.change_credentials(credentials(), None)).unwrap();
    }
}

#[test]
fn s178_the_four_states() {
    let (first, second, user) = two_devices();
    assert_eq!((state(&first), state(&second)), (SyncState::InSync, SyncState::InSync));
    first.run(PLACE.change_credentials(new_credentials(), None)).unwrap();
    assert_eq!((state(&first), state(&second)), (SyncState::InSync, SyncState::Differs));
    let nothing_here = Desk::new(&first.broker);
    nothing_here.log_in(PLACE, user, passphrase(NEW_PASSPHRASE).keeping_nothing()).unwrap();
    assert_eq!(state(&nothing_here), SyncState::LocalMissing);

    // Keys that the broker knows, and a key file that it does not.
    let made_here = first.person(Standard::Ofs);
    let ring = first.run(Register::new(made_here.keys().duplicate())).unwrap();
    first.log_in(PLACE, made_here.id(), LoginWith::nothing().user(ring)).unwrap();
    assert_eq!(state(&first), SyncState::RemoteMissing);

    let needs = [SyncState::InSync, SyncState::Differs, SyncState::LocalMissing, SyncState::RemoteMissing];
    assert_eq!(needs.map(SyncState::needs_sync), [false, true, true, true]);
}

#[test]
fn s178_s181_the_state_of_whom_and_under_which_provider() {
    let (first, _, user) = two_devices();
    assert_eq!(first.run(PLACE.key_file_state(Some(user))), Ok(SyncState::InSync));
    let other = Some(UserId::from_bytes([9; 16]));
    let (refused, requests) = first.requests(|desk| desk.run(PLACE.key_file_state(other)));
    assert_eq!((code(refused), requests), ("invalid_argument", 0));
    let nobody = first.restarted();
    for named in [None, Some(user)] {
        assert_eq!(code(nobody.run(PLACE.key_file_state(named))), "not_logged_in");
    }
    assert_eq!(code(nobody.run(PLACE.sync_key_file(None, both()))), "not_logged_in");
    for place in [Standard::Server, Standard::Ofs] {
        assert_eq!(code(first.run(place.key_file_state(None))), "unsupported");
        assert_eq!(code(first.run(place.sync_key_file(None, both()))), "unsupported");
    }
    assert_eq!(code(first.offline(|desk| desk.run(PLACE.key_file_state(None)))), "transport");
}

#[test]
fn s159_s179_another_device_syncs_and_goes_on_with_the_new_credentials() {
    for signed_in in [true, false] {
        let (first, second, user) = two_devices();
        first.run(PLACE.change_credentials(new_credentials(), None)).unwrap();
        assert!(state(&second).needs_sync());
        if !signed_in {
            second.run(PLACE.logout()).unwrap();
        }
        let named = Some(user).filter(|_| !signed_in);
        let synced = second.run(PLACE.sync_key_file(named, passphrase(NEW_PASSPHRASE))).unwrap();
        assert_eq!((synced.value.key_file().unwrap().generation(), synced.warnings.len()), (2, 0));
        assert_eq!(second.signed_in(), if signed_in { (Some(user), Some(user)) } else { (None, None) });
        for held in second.session(|session| [session.user().cloned(), session.local_user().cloned()]) {
            assert!(held.is_none_or(|held| held.sealed_key_file() == synced.value.sealed_key_file()));
        }
        let again = second.restarted();
        again.offline(|desk| {
            assert_eq!(code(desk.log_in(PLACE, user, password(PASSWORD))), "wrong_password");
            desk.log_in(PLACE, user, password(NEW_PASSWORD)).unwrap();
        });
        assert_eq!(state(&again), SyncState::InSync);
    }
}

#[test]
fn s179_the_session_takes_up_keys_that_were_changed_elsewhere() {
    let (first, second, _) = two_devices();
    let kept = second.keep(Standard::Ofs, b"kept");
    let rotated = first.run(PLACE.rotate_keys(RotateKeys::new())).unwrap();
    assert!(rotated.warnings.is_empty());
    assert_eq!(state(&first), SyncState::InSync);
    second.run(PLACE.sync_key_file(None, passphrase(PASSPHRASE))).unwrap();
    for desk in [&first, &second] {
        for held in desk.session(|session| [session.user().cloned(), session.local_user().cloned()]) {
            assert_eq!(held.unwrap().keys().chain().sequence(), 2);
        }
    }
    assert_eq!(second.content(Standard::Ofs, kept), Ok(Some(b"kept".to_vec())), "the same partition");
    let shared = second.keep(PLACE, b"signed by the new key");
    assert_eq!(first.content(PLACE, shared), Ok(Some(b"signed by the new key".to_vec())));
}

#[test]
fn s179_s159_a_login_with_the_passphrase_fetches_keys_that_were_changed_elsewhere() {
    for revoked in [false, true] {
        let (first, second, user) = two_devices();
        if revoked {
            first.run(PLACE.revoke_keys(RevokeKeys::new())).unwrap();
        } else {
            first.run(PLACE.rotate_keys(RotateKeys::new())).unwrap();
        }
        let again = second.restarted();
        assert_eq!(code(again.log_in(PLACE, user, password(PASSWORD))), "login_refused");
        assert_eq!(again.signed_in(), (None, None));
        let fetched = again.log_in(PLACE, user, both()).unwrap();
        assert_eq!(fetched.keys().chain().sequence(), 2);
        assert_eq!(state(&again), SyncState::InSync);
        again.restarted().log_in(PLACE, user, password(PASSWORD)).unwrap();
    }
    let desk = Desk::new(&broker());
    desk.person(Standard::Ofs);
    assert_eq!(code(desk.run(Standard::Ofs.rotate_keys(RotateKeys::new()))), "unsupported");
}

#[test]
fn s180_the_password_too_proves_both_and_a_wrong_one_changes_nothing() {
    let (first, second, user) = two_devices();
    first.run(PLACE.change_credentials(new_credentials(), None)).unwrap();
    for (with, expected) in [
        (passphrase(NEW_PASSPHRASE).password(PASSWORD), "wrong_password"),
        (passphrase(PASSPHRASE).password(NEW_PASSWORD), "retrieval_refused"),
        (password(NEW_PASSWORD), "passphrase_required"),
    ] {
        assert_eq!(code(second.run(PLACE.sync_key_file(None, with))), expected);
        second.opens(user, password(PASSWORD)).unwrap();
        let held = second.session(|session| session.user().cloned()).unwrap();
        assert_eq!(held.key_file().unwrap().generation(), 1);
    }
    let with = passphrase(NEW_PASSPHRASE).password(NEW_PASSWORD);
    second.run(PLACE.sync_key_file(None, with)).unwrap();
    second.opens(user, password(NEW_PASSWORD)).unwrap();
}

#[test]
fn s179_ms_rollback_and_fork_of_a_key_file_are_named_and_change_nothing() {
    let desk = Desk::new(&broker());
    let user = desk.person(PLACE).id();
    // Changed here alone: the broker's is older, then another of the same generation, then newer.
    desk.run(Standard::Ofs.change_credentials(new_credentials(), None)).unwrap();
    assert_eq!(state(&desk), SyncState::Differs);
    let sync = |desk: &Desk| desk.run(PLACE.sync_key_file(Some(user), passphrase(PASSPHRASE)));
    for desk in [&desk, &desk.restarted()] {
        let rollback = CryptoError::KeyFileRollback { user, seen: 2, offered: 1 };
        assert_eq!(sync(desk).unwrap_err(), rollback.into());
    }
    advance(&desk, user, 2);
    for desk in [&desk, &desk.restarted()] {
        assert_eq!(sync(desk).unwrap_err(), CryptoError::KeyFileForked { user, generation: 2 }.into());
        desk.opens(user, password(NEW_PASSWORD)).unwrap();
    }
    advance(&desk, user, 3);
    assert_eq!(sync(&desk).unwrap().value.key_file().unwrap().generation(), 3);
    desk.opens(user, password(PASSWORD)).unwrap();
    assert_eq!(state(&desk), SyncState::InSync);
}

#[test]
fn s179_what_differs_is_settled_by_deleting_it_here() {
    let desk = Desk::new(&broker());
    let user = desk.person(PLACE).id();
    desk.run(Standard::Ofs.change_credentials(new_credentials(), None)).unwrap();
    desk.run(Standard::Ofs.delete_user(None)).unwrap();
    desk.log_in(PLACE, user, passphrase(PASSPHRASE)).unwrap();
    assert_eq!(state(&desk), SyncState::InSync);
}

#[test]
fn s179_a_store_that_fails_is_a_warning_and_the_session_has_the_file() {
    let (first, second, user) = two_devices();
    first.run(PLACE.change_credentials(new_credentials(), None)).unwrap();
    let second = second.dying_after(0);
    let synced = second.run(PLACE.sync_key_file(None, passphrase(NEW_PASSPHRASE))).unwrap();
    assert_eq!(synced.warnings.len(), 1);
    let held = second.session(|session| session.user().cloned()).unwrap();
    assert_eq!(held.key_file().unwrap().generation(), 2);
    second.revived();
    second.run(PLACE.sync_key_file(None, passphrase(NEW_PASSPHRASE))).unwrap();
    second.opens(user, password(NEW_PASSWORD)).unwrap();
}

#[test]
fn s182_the_first_key_file_of_a_user_without_is_kept_here_too() {
    let desk = Desk::new(&broker());
    let file = Desk::new(&desk.broker).person(Standard::Ofs);
    let ring: KeyRing = file.keys().duplicate();
    let user = desk.run(Register::new(ring)).unwrap();
    desk.log_in(PLACE, file.id(), LoginWith::nothing().user(user)).unwrap();
    let refused = desk.run(PLACE.change_credentials(new_credentials(), None)).unwrap_err();
    assert_eq!(refused, InputError::NoKeyFile { user: file.id() }.into());
    desk.run(PLACE.update_key_file(Update::new(file.clone()).passphrase(PASSPHRASE))).unwrap();
    assert_eq!(state(&desk), SyncState::InSync);
    desk.restarted().offline(|desk| desk.log_in(PLACE, file.id(), password(PASSWORD))).unwrap();
}
