//! Made and found again (S-154, S-184, S-225), reminders (S-161, S-162).

use super::*;
use absio_proto::InputError;
use absio_proto::crypto::CardChain;
use absio_proto::model::Validators;
use absio_proto::ops::container::Warning;
use absio_proto::ops::key_file;
use absio_proto::ops::user::Register;
use std::sync::Arc;

#[test]
fn s154_a_new_user_is_where_the_provider_says_and_nobody_is_signed_in() {
    for (place, sent, cells) in
        [(Standard::Server, 1, 0), (Standard::Ofs, 0, 4), (Standard::ServerCacheOfs, 1, 4)]
    {
        let desk = Desk::new(&broker());
        let (created, requests) = desk.requests(|desk| desk.run(place.create_user(credentials(), None)));
        let created = created.unwrap();
        assert_eq!((requests, created.warnings.len()), (sent, 0), "{place}");
        assert_eq!(desk.inventory(), [0, 0, cells], "two of the key file, two of the salt");
        assert_eq!(desk.signed_in(), (None, None));
        let user = created.value.id();
        let here = desk.opens(user, password(PASSWORD));
        let there = Desk::new(&desk.broker).run(Standard::Server.get_key_file(user, both()));
        match place {
            Standard::Server => assert_eq!(code(here), "key_file_not_on_device"),
            _ => assert_eq!(here.unwrap().sealed_key_file(), created.value.sealed_key_file()),
        }
        match place {
            Standard::Ofs => assert_eq!(code(there), "retrieval_refused"),
            _ => assert_eq!(there.unwrap().sealed_key_file(), created.value.sealed_key_file()),
        }
    }
}

#[test]
fn s154_s175_a_store_that_fails_is_a_warning_and_the_broker_has_the_user() {
    let desk = Desk::new(&broker()).dying_after(1);
    let created = desk.run(Standard::ServerCacheOfs.create_user(credentials(), None)).unwrap();
    assert_eq!(created.warnings, [Warning::NotKept(StoreErrorKind::Io)]);
    Desk::new(&desk.broker).log_in(Standard::Server, created.value.id(), both()).unwrap();
    // Where there is nothing but the store, it is an error, and no half of a key file stays.
    let desk = Desk::new(&desk.broker).dying_after(0);
    assert_eq!(code(desk.run(Standard::Ofs.create_user(credentials(), None))), "store");
}

#[test]
fn s154_s040_a_broker_that_cannot_be_reached_makes_no_user_here() {
    let desk = Desk::new(&broker());
    let refused = desk.offline(|desk| desk.run(Standard::ServerCacheOfs.create_user(credentials(), None)));
    assert_eq!(code(refused), "transport");
    assert_eq!(desk.inventory(), [0, 0, 0]);
}

#[test]
fn s225_a_user_made_here_has_an_id_of_their_keys_and_can_be_registered_later() {
    let desk = Desk::new(&broker());
    let (user, requests) = desk.requests(|desk| desk.person(Standard::Ofs));
    assert_eq!(requests, 0);
    CardChain::verify(user.id(), user.keys().chain().cards()).unwrap();
    assert_ne!(desk.create(Standard::Ofs), user.id(), "equal credentials are not equal keys");
    let secret = desk.keep(Standard::Ofs, b"made offline");
    let refused = desk.restarted().log_in(Standard::ServerCacheOfs, user.id(), password(PASSWORD));
    assert_eq!(code(refused), "login_refused");

    // Known to the broker from now on: first the keys, then the key file.
    let ring = desk.run(Register::new(user.keys().duplicate())).unwrap();
    desk.log_in(Standard::Server, user.id(), LoginWith::nothing().user(ring)).unwrap();
    let update = key_file::Update::new(user.clone()).passphrase(PASSPHRASE);
    desk.run(Standard::Server.update_key_file(update)).unwrap();
    let elsewhere = Desk::new(&desk.broker);
    let fetched = elsewhere.log_in(Standard::ServerCacheOfs, user.id(), passphrase(PASSPHRASE)).unwrap();
    assert_eq!(fetched.sealed_key_file(), user.sealed_key_file());
    let again = desk.restarted();
    again.log_in(Standard::ServerCacheOfs, user.id(), password(PASSWORD)).unwrap();
    assert_eq!(again.content(Standard::ServerCacheOfs, secret), Ok(Some(b"made offline".to_vec())));
}

fn verdict(verdict: bool) -> Validators {
    let answer = || Arc::new(move |_: &str| verdict);
    Validators { password: answer(), reminder: answer(), passphrase: answer() }
}

#[test]
fn s020_s021_s023_validators_hold_under_every_provider() {
    for place in ALL {
        let weak = || Credentials::new("a", "b");
        let desk = Desk::new(&broker());
        let refused = desk.run(place.create_user(weak(), None)).unwrap_err();
        assert_eq!(refused, InputError::CredentialRefused { field: "password" }.into(), "{place}");
        assert_eq!((desk.inventory(), desk.broker.requests()), ([0, 0, 0], 0));
        desk.run(place.create_user(weak(), Some(verdict(true)))).unwrap();
        let relaxed =
            Desk::configured(&desk.broker, MemoryStore::new(), |config| config.validators(verdict(true)));
        relaxed.run(place.create_user(weak(), None)).unwrap();
        assert_eq!(
            code(relaxed.run(place.create_user(credentials(), Some(verdict(false))))),
            "credential_refused"
        );

        let user = desk.person(place);
        let sealed = user.sealed_key_file().unwrap();
        let (refused, requests) =
            desk.requests(|desk| desk.run(place.change_credentials(new_credentials(), Some(verdict(false)))));
        assert_eq!((code(refused), requests), ("credential_refused", 0));
        assert_eq!(code(desk.run(place.change_credentials(weak(), None))), "credential_refused");
        let checksum = desk.run(place.key_file_checksum(None)).unwrap();
        assert_eq!(checksum.checksum, sealed.checksum());
        desk.run(place.change_credentials(weak(), Some(verdict(true)))).unwrap();
    }
}

#[test]
fn s184_the_top_level_user_functions_work_under_the_default_provider() {
    let place = Standard::default();
    let desk = Desk::new(&broker());
    let user = desk.create(place);
    assert_eq!(desk.run(place.reminder(Some(user))).unwrap(), REMINDER);
    desk.log_in(place, user, password(PASSWORD)).unwrap();
    desk.run(place.change_credentials(new_credentials(), None)).unwrap();
    assert_eq!(desk.run(place.reminder(None)).unwrap(), "the new one");
    desk.run(place.delete_user(Some(user))).unwrap();
    assert_eq!(desk.signed_in(), (None, None));
    assert_eq!(desk.inventory(), [0, 0, 0]);
}

#[test]
fn s161_s162_the_reminder_without_a_broker_is_the_own_one() {
    let desk = Desk::new(&broker());
    assert_eq!(code(desk.run(Standard::Ofs.reminder(None))), "not_logged_in");
    let user = desk.person(Standard::Ofs).id();
    let (reminder, requests) = desk.requests(|desk| desk.run(Standard::Ofs.reminder(Some(user))));
    assert_eq!((reminder, requests), (Ok(REMINDER.to_owned()), 0));
    let other = desk.create(Standard::Ofs);
    assert_eq!(code(desk.run(Standard::Ofs.reminder(Some(other)))), "unsupported");
}
