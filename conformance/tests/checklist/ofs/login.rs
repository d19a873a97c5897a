//! Signing in with a store (S-007 to S-016, S-164 to S-168, S-211 to S-214, X-17).

use super::{Both, Laptop, Ofs, Server, account, assert_not_found, assert_unreachable, laptops};
use crate::people::{PASSPHRASE, PASSWORD, broker};
use crate::stores::Trouble;
use absio_proto::effect::StoreErrorKind;
use absio_proto::ops::container::Warning;
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::Provider;
use absio_proto::{Error, InputError, LocalError};

fn password() -> LoginWith {
    LoginWith::nothing().password(PASSWORD)
}

#[test]
fn s009_s014_the_password_is_enough_where_the_key_file_is() {
    let [(alice, user)] = laptops();
    for place in [Ofs, Both] {
        let again = alice.restarted();
        again.set_offline(true);
        let signed = again.run(place.login(user, password())).unwrap();
        assert_eq!(signed.user.id(), user);
        assert_eq!(signed.is_offline, place == Both);
        assert!(signed.warnings.is_empty());
        let passphrase = again.run(place.login(user, LoginWith::nothing().passphrase(PASSPHRASE)));
        assert_eq!(passphrase.unwrap().user.id(), user, "S-011");
    }
}

#[test]
fn s010_the_password_alone_finds_nothing_on_a_fresh_device() {
    let broker = broker();
    let (laptop, user) = (Laptop::new(&broker), account(&broker));
    let refused = laptop.run(Both.login(user, password()));
    assert!(matches!(refused, Err(Error::Input(InputError::PassphraseRequired))), "{refused:?}");
    let refused = laptop.run(Ofs.login(user, password()));
    assert!(matches!(refused, Err(Error::Local(LocalError::KeyFileNotFound { .. }))), "{refused:?}");
    assert!(laptop.disk().bytes().is_empty(), "nothing is kept");
    let refused = laptop.run(Both.login(user, LoginWith::nothing()));
    assert!(matches!(refused, Err(Error::Input(InputError::CredentialsRequired))), "S-008: {refused:?}");
}

#[test]
fn s012_s014_both_given_fetches_and_keeps() {
    let broker = broker();
    let (laptop, user) = (Laptop::new(&broker), account(&broker));
    laptop.run(Both.login(user, password().passphrase(PASSPHRASE))).unwrap();
    let again = laptop.restarted();
    again.set_offline(true);
    again.run(Both.login(user, password())).unwrap();
}

#[test]
fn s013_wrong_secrets_sign_nobody_in() {
    let [(alice, user)] = laptops();
    alice.keep(Ofs, "text");
    for place in [Ofs, Both] {
        let again = alice.restarted();
        for with in [
            LoginWith::nothing().password("Wrong horse 1"),
            LoginWith::nothing().passphrase("Wrong staple 2"),
        ] {
            let before = again.disk();
            assert!(again.run(place.login(user, with)).is_err());
            assert!(again.disk() == before);
            again.session(|session| {
                assert!(session.user().is_none() && session.local_user().is_none());
            });
        }
    }
}

#[test]
fn s015_s166_s168_signed_out_nothing_is_to_be_had() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "text");
    alice.session(|session| assert_eq!(session.user().map(absio_proto::User::id), Some(user)));
    alice.run(Both.logout()).unwrap();
    alice.session(|session| assert!(session.user().is_none() && session.local_user().is_none()));
    for place in [Server, Ofs, Both] {
        let refused = alice.fetch(place, id);
        assert!(matches!(refused, Err(Error::Input(InputError::NotAuthenticated))), "{place}: {refused:?}");
    }
}

#[test]
fn s016_another_user_takes_the_place() {
    let broker = broker();
    let (first, second) = (account(&broker), account(&broker));
    let laptop = Laptop::new(&broker);
    laptop.sign_in(Both, first);
    let id = laptop.keep(Both, "of the first");
    laptop.sign_in(Both, second);
    laptop.session(|session| {
        assert_eq!(session.user().map(absio_proto::User::id), Some(second));
        assert_eq!(session.local_user().map(absio_proto::User::id), Some(second));
    });
    assert_not_found(laptop.fetch(Ofs, id));
    assert!(matches!(laptop.fetch(Both, id), Err(Error::Remote(_))));
    laptop.sign_in(Both, first);
    assert_eq!(laptop.requests(|laptop| laptop.text(Both, id)), ("of the first".into(), 0));
}

#[test]
fn s165_a_user_at_hand_signs_in_to_both_without_a_secret() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "text");
    let again = alice.restarted();
    let signed = again.run(Both.login(user, LoginWith::nothing().user(alice.user()))).unwrap();
    assert!(!signed.is_offline);
    assert_eq!(again.text(Ofs, id), "text");
    again.fetch_anew(id).unwrap();
    let other = account(&alice.broker);
    assert!(again.run(Both.login(other, LoginWith::nothing().user(alice.user()))).is_err());
}

#[test]
fn s167_one_set_up_serves_every_provider() {
    let laptop = Laptop::new(&broker());
    let user = account(&laptop.broker);
    for place in [Both, Server, Ofs] {
        laptop.sign_in(place, user);
        assert!(laptop.session(absio_proto::Session::is_initialized));
    }
    let bare = crate::people::Device::with_session(&laptop.broker, absio_proto::Session::default());
    for place in [Server, Ofs, Both] {
        let refused = bare.run(place.login(user, password()));
        assert!(matches!(refused, Err(Error::Input(InputError::NotInitialized))), "S-001: {refused:?}");
    }
}

#[test]
fn s211_s214_the_local_store_needs_no_network() {
    let [(alice, user)] = laptops();
    let again = alice.restarted();
    again.session(|session| assert!(session.local_user().is_none()));
    let (_, requests) = again.requests(|again| again.sign_in(Ofs, user));
    assert_eq!(requests, 0);
    again.session(|session| {
        assert_eq!(session.local_user().map(absio_proto::User::id), Some(user));
        assert!(session.user().is_none(), "S-229: the server was not asked");
    });
    assert!(matches!(
        again.fetch(Server, alice.keep(Both, "x")),
        Err(Error::Input(InputError::NotAuthenticated))
    ));
    again.run(Ofs.logout()).unwrap();
    again.session(|session| assert!(session.local_user().is_none()));
}

#[test]
fn s229_each_provider_has_its_own_session() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "text");
    let again = alice.restarted();
    again.sign_in(Server, user);
    assert!(matches!(again.fetch(Ofs, id), Err(Error::Input(InputError::NotAuthenticated))));
    assert_eq!(again.text(Server, id), "text");
    again.sign_in(Ofs, user);
    again.run(Server.logout()).unwrap();
    assert_eq!(again.text(Ofs, id), "text");
    assert!(matches!(again.fetch(Server, id), Err(Error::Input(InputError::NotAuthenticated))));
}

#[test]
fn x17_offline_the_right_password_is_enough_and_the_server_follows() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Both, "text");
    let again = alice.restarted();
    again.set_offline(true);
    let wrong = again.run(Both.login(user, LoginWith::nothing().password("Wrong horse 1")));
    assert!(matches!(wrong, Err(Error::Input(InputError::WrongPassword { .. }))), "{wrong:?}");
    assert!(again.run(Both.login(user, password())).unwrap().is_offline);
    assert_unreachable(again.fetch_anew(id));
    again.set_offline(false);
    assert_eq!(again.fetch_anew(id).unwrap().container.content, Some(b"text".to_vec()));
    again.keep(Both, "another");
    // The server as the only place is another matter.
    let again = alice.restarted();
    again.set_offline(true);
    assert_unreachable(again.try_sign_in(Server, user));
}

#[test]
fn s234_a_store_that_fails_keeps_nobody_from_the_server() {
    for kind in [StoreErrorKind::Io, StoreErrorKind::Unavailable, StoreErrorKind::Full] {
        let broker = broker();
        let (laptop, user) = (Laptop::new(&broker), account(&broker));
        laptop.store.set(Trouble::Always(kind));
        let signed = laptop.sign_in(Both, user);
        assert!(signed.warnings.contains(&Warning::NotKept(kind)), "{:?}", signed.warnings);
        let id = laptop.keep(Both, "text");
        assert_eq!(laptop.text(Both, id), "text");
        assert!(matches!(laptop.try_sign_in(Ofs, user), Err(Error::Store(_))));
        laptop.session(|session| assert!(session.local_user().is_none()));
    }
}

#[test]
fn x04_nothing_is_kept_if_nothing_is_to_be() {
    let broker = broker();
    let (laptop, user) = (Laptop::new(&broker), account(&broker));
    let with = LoginWith::nothing().passphrase(PASSPHRASE).keeping_nothing();
    laptop.run(Both.login(user, with)).unwrap();
    let id = laptop.keep(Both, "text");
    assert_eq!(laptop.text(Both, id), "text");
    assert!(laptop.disk().bytes().is_empty());
}
