//! Signing in, with a key file here or without (S-007 to S-015, S-186, S-187, S-214, X-04, X-11).

use super::*;
use absio_proto::InputError;

#[test]
fn s007_s166_s214_signing_in_gives_the_user_with_private_keys() {
    for (place, server, local) in [
        (Standard::Server, true, false),
        (Standard::Ofs, false, true),
        (Standard::ServerCacheOfs, true, true),
    ] {
        let desk = Desk::new(&broker());
        let id = desk.create(place);
        let user = desk.log_in(place, id, both()).unwrap();
        assert_eq!(user.id(), id);
        assert_eq!(desk.signed_in(), (Some(id).filter(|_| server), Some(id).filter(|_| local)), "{place}");
        assert!(user.keys().derivation_secret(1).is_some());
        desk.run(place.logout()).unwrap();
        assert_eq!(desk.signed_in(), (None, None));
    }
}

#[test]
fn s008_neither_password_nor_passphrase_asks_nobody() {
    for place in ALL {
        let desk = Desk::new(&broker());
        let user = desk.create(place);
        for operation in [true, false] {
            let (refused, requests) = desk.requests(|desk| match operation {
                true => desk.log_in(place, user, LoginWith::nothing()),
                false => desk.run(place.get_key_file(user, LoginWith::nothing())),
            });
            assert_eq!((refused.unwrap_err(), requests), (InputError::CredentialsRequired.into(), 0));
        }
    }
}

#[test]
fn s009_s011_s012_s211_the_passphrase_alone_opens_what_is_here_without_a_network() {
    let desk = Desk::new(&broker());
    let user = desk.create(Standard::ServerCacheOfs);
    for place in LOCAL {
        for with in [passphrase(PASSPHRASE), password(PASSWORD), both()] {
            let again = desk.restarted();
            let signed_in = again.offline(|desk| desk.run(place.login(user, with))).unwrap();
            assert_eq!(signed_in.is_offline, place == Standard::ServerCacheOfs);
            let secret = again.offline(|desk| desk.keep(Standard::Ofs, b"x"));
            assert_eq!(again.content(Standard::Ofs, secret), Ok(Some(b"x".to_vec())), "its keys are usable");
        }
    }
}

#[test]
fn s013_what_is_wrong_is_told_apart_and_leaves_nobody_signed_in() {
    let desk = Desk::new(&broker());
    let user = desk.create(Standard::ServerCacheOfs);
    let unknown = UserId::from_bytes([9; 16]);
    for place in LOCAL {
        for (who, with, expected) in [
            (user, password("Wrong horse 11"), "wrong_password"),
            (user, passphrase("Wrong staple 2"), "wrong_passphrase"),
            (user, passphrase(PASSPHRASE).password("Wrong horse 11"), "wrong_password"),
            (
                unknown,
                password(PASSWORD),
                if place == Standard::Ofs { "key_file_not_on_device" } else { "passphrase_required" },
            ),
        ] {
            let again = desk.restarted();
            again.log_in(Standard::Ofs, user, password(PASSWORD)).unwrap();
            let refused = again.offline(|desk| desk.log_in(place, who, with));
            assert_eq!(code(refused), expected, "{place}");
            assert_eq!(again.signed_in(), (None, None));
            assert_eq!(code(again.content(Standard::Ofs, ContainerId::from_bytes([1; 16]))), "not_logged_in");
        }
    }
    // The broker answers a wrong passphrase and an unknown id alike.
    let fresh = Desk::new(&desk.broker);
    for (who, with) in [(user, passphrase("Wrong staple 2")), (unknown, passphrase(PASSPHRASE))] {
        assert_eq!(code(fresh.log_in(Standard::ServerCacheOfs, who, with)), "retrieval_refused");
    }
    assert_eq!(fresh.inventory(), [0, 0, 0], "nothing is kept of an attempt");
}

#[test]
fn s014_s015_s186_the_password_needs_a_key_file_here_which_the_passphrase_brings() {
    let broker = broker();
    let user = Desk::new(&broker).create(Standard::Server);
    let desk = Desk::new(&broker);
    for place in [Standard::Server, Standard::ServerCacheOfs] {
        let (refused, requests) = desk.requests(|desk| desk.log_in(place, user, password(PASSWORD)));
        assert_eq!((refused.unwrap_err(), requests), (InputError::PassphraseRequired.into(), 0));
    }
    desk.log_in(Standard::ServerCacheOfs, user, passphrase(PASSPHRASE)).unwrap();
    desk.run(Standard::ServerCacheOfs.logout()).unwrap();
    for place in ALL {
        let id = ContainerId::from_bytes([1; 16]);
        assert_eq!(code(desk.content(place, id)), "not_logged_in");
    }
    desk.offline(|desk| desk.log_in(Standard::ServerCacheOfs, user, password(PASSWORD))).unwrap();
}

#[test]
fn s187_s165_a_user_of_another_session_signs_in_without_a_secret() {
    let desk = Desk::new(&broker());
    let id = desk.create(Standard::ServerCacheOfs);
    let user = desk.offline(|desk| desk.log_in(Standard::Ofs, id, password(PASSWORD))).unwrap();
    let with = || LoginWith::nothing().user(user.clone());
    for place in ALL {
        let other = Desk::on(&desk.broker, desk.root.clone());
        other.log_in(place, id, with()).unwrap();
        let secret = other.keep(place, b"x");
        assert_eq!(other.content(place, secret), Ok(Some(b"x".to_vec())));
        let stranger = UserId::from_bytes([7; 16]);
        assert_eq!(code(other.log_in(place, stranger, with())), "invalid_argument");
    }
}

#[test]
fn x04_a_login_that_keeps_nothing_leaves_nothing() {
    let broker = broker();
    let place = Standard::ServerCacheOfs;
    let user = Desk::new(&broker).create(Standard::Server);
    let desk = Desk::new(&broker);
    desk.log_in(place, user, both().keeping_nothing()).unwrap();
    assert_eq!(desk.signed_in(), (Some(user), None));
    let secret = desk.keep(place, b"x");
    assert_eq!(desk.content(place, secret), Ok(Some(b"x".to_vec())));
    desk.run(place.change_credentials(new_credentials(), None)).unwrap();
    desk.run(place.sync_key_file(None, passphrase(NEW_PASSPHRASE).keeping_nothing())).unwrap();
    assert_eq!(desk.inventory(), [0, 0, 0]);
    // Without that word all of it is kept.
    desk.log_in(place, user, passphrase(NEW_PASSPHRASE)).unwrap();
    desk.content(place, secret).unwrap();
    assert_ne!(desk.inventory(), [0, 0, 0]);
}

#[test]
fn x11_a_key_file_is_taken_out_and_brought_in_as_bytes() {
    let desk = Desk::new(&broker());
    let sealed = desk.person(Standard::Ofs).sealed_key_file().unwrap().clone();
    let user = sealed.user_id();
    let elsewhere = Desk::new(&desk.broker);
    for place in ALL {
        let with = password(PASSWORD).key_file(sealed.clone());
        let (opened, requests) = elsewhere.requests(|desk| desk.run(place.get_key_file(user, with)));
        assert_eq!((opened.unwrap().id(), requests), (user, 0));
    }
    elsewhere.log_in(Standard::Ofs, user, password(PASSWORD).key_file(sealed.clone())).unwrap();
    assert_eq!(elsewhere.signed_in().1, Some(user));
    let wrong = password("Wrong horse 11").key_file(sealed);
    assert_eq!(code(elsewhere.log_in(Standard::Ofs, user, wrong)), "wrong_password");
}
