//! Validators (checklist 1.2) and changed credentials (S-157 to S-159).

use crate::people::{Device, PASSPHRASE, PASSWORD, REMINDER, assert_refused, broker, people, person};
use absio_proto::model::{
    Credentials, Validators, is_passphrase_valid, is_password_valid, is_reminder_valid,
};
use absio_proto::ops::key_file::Checksum;
use absio_proto::ops::user::{ChangeCredentials, Create, Login, LoginWith, Reminder};
use absio_proto::{Error, InputError, RemoteCode, User};
use std::sync::{Arc, Mutex};

const NEW_PASSWORD: &str = "Another horse 3";
const NEW_PASSPHRASE: &str = "Another staple 4";

fn refused_field(result: Result<User, Error>) -> &'static str {
    match result {
        Err(Error::Input(InputError::CredentialRefused { field })) => field,
        other => panic!("expected a refused credential, got {other:?}"),
    }
}

/// Accepts everything.
fn lax() -> Validators {
    let yes = || Arc::new(|_: &str| true);
    Validators { password: yes(), reminder: yes(), passphrase: yes() }
}

#[test]
fn s017_s018_length_and_classes() {
    for (text, valid) in [
        ("abcdefgh", false),
        ("Abcdefg1", true),
        ("Abcdef1", false),
        ("abcdef1!", true),
        ("ABCDEFG1", false),
        ("ABCDEF1!", true),
        ("Abcdefg!", true),
        ("", false),
    ] {
        assert_eq!(is_password_valid(text), valid, "{text:?}");
        assert_eq!(is_passphrase_valid(text), valid, "{text:?}");
    }
}

#[test]
fn s019_every_reminder_is_valid() {
    for reminder in ["", "x", "\u{202e}\u{0}\u{10ffff} ключ", &"long ".repeat(100_000)] {
        assert!(is_reminder_valid(reminder));
    }
}

#[test]
fn s024_characters_count_not_bytes() {
    // 7 and 8 characters of up to 3 bytes, of four classes.
    assert!(!is_password_valid("Дом4€яж"));
    assert!(is_password_valid("Дом4€яжш"));
    // 8 bytes are not 8 characters; a letter with a combining accent is one.
    assert!(!is_password_valid("Дома1!"));
    assert!(!is_password_valid("Abcde1e\u{301}"));
    assert!(is_password_valid("Abcdef1e\u{301}"));
}

#[test]
fn s020_validators_of_a_client_replace_the_rules_for_every_call() {
    let broker = broker();
    let weak = || Create::new(Credentials::new("a", "b"));
    let relaxed = Device::configured(&broker, |config| config.validators(lax()));
    relaxed.run(weak()).unwrap();
    relaxed.run(weak()).unwrap();
    let restored =
        Device::configured(&broker, |config| config.validators(lax()).validators(Validators::default()));
    assert_eq!(refused_field(restored.run(weak())), "password");
}

#[test]
fn s021_validators_of_a_call_win_and_count_for_that_call_only() {
    let device = person(&broker());
    let weak = || Credentials::new("a", "b");
    device.run(Create::new(weak()).validated_by(lax())).unwrap();
    assert_eq!(refused_field(device.run(Create::new(weak()))), "password");
    device.run(ChangeCredentials::new(weak()).validated_by(lax())).unwrap();
    assert_eq!(refused_field(device.run(ChangeCredentials::new(weak()))), "password");

    let relaxed = Device::configured(&device.broker, |config| config.validators(lax()));
    assert_eq!(
        refused_field(relaxed.run(Create::new(weak()).validated_by(Validators::default()))),
        "password"
    );
}

#[test]
fn s022_each_validator_is_called_once_with_its_value() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let recording = |name: &'static str| {
        let seen = seen.clone();
        Arc::new(move |value: &str| {
            seen.lock().unwrap().push((name, value.to_owned()));
            true
        })
    };
    let validators = Validators {
        password: recording("password"),
        reminder: recording("reminder"),
        passphrase: recording("passphrase"),
    };
    let device = person(&broker());
    let credentials = || Credentials::new("the password", "the passphrase").reminder("the reminder");
    let expected = ["password", "reminder", "passphrase"].map(|name| (name, format!("the {name}"))).to_vec();
    device.run(Create::new(credentials()).validated_by(validators.clone())).unwrap();
    assert_eq!(core::mem::take(&mut *seen.lock().unwrap()), expected);
    device.run(ChangeCredentials::new(credentials()).validated_by(validators)).unwrap();
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn s023_a_refusal_stops_before_any_change_and_names_the_field() {
    let device = person(&broker());
    let no = || Arc::new(|_: &str| false);
    let good = || Credentials::new(NEW_PASSWORD, NEW_PASSPHRASE).reminder("new");
    let before = device.run(Checksum::new()).unwrap();
    for (field, validators) in [
        ("password", Validators { password: no(), ..lax() }),
        ("reminder", Validators { reminder: no(), ..lax() }),
        ("passphrase", Validators { passphrase: no(), ..lax() }),
    ] {
        let change = || ChangeCredentials::new(good()).validated_by(validators.clone());
        let (refused, requests) = device.requests(|device| device.run(change()));
        assert_eq!((refused_field(refused), requests), (field, 0));
        let create = || Create::new(good()).validated_by(validators.clone());
        let (refused, requests) = device.requests(|device| device.run(create()));
        assert_eq!((refused_field(refused), requests), (field, 0));
    }
    assert_eq!(device.run(Checksum::new()).unwrap(), before);
    assert_eq!(device.run(Reminder::new(None)).unwrap(), REMINDER);
    Device::new(&device.broker).log_in(device.id());
}

#[test]
fn equal_password_and_passphrase_and_long_reminders_are_refused_before_anything_is_sent() {
    let device = person(&broker());
    for (credentials, code) in [
        (Credentials::new("Caf\u{e9} 12345", "Cafe\u{301} 12345"), "equal_credentials"),
        (Credentials::new(NEW_PASSWORD, NEW_PASSPHRASE).reminder(&"x".repeat(1025)), "too_large"),
    ] {
        let (refused, requests) =
            device.requests(|device| device.run(ChangeCredentials::new(credentials)).unwrap_err());
        assert_eq!((refused.code(), requests), (code, 0));
    }
    let longest = Credentials::new(NEW_PASSWORD, NEW_PASSPHRASE).reminder(&"x".repeat(1024));
    device.run(ChangeCredentials::new(longest)).unwrap();
}

#[test]
fn s157_s204_changed_credentials_replace_the_old_everywhere_and_keep_the_keys() {
    let [alice, bob] = people();
    let old_file = alice.user().sealed_key_file().unwrap().clone();
    let container = alice.create(b"from before", &[alice.full(), bob.full()]);
    let chain = alice.user().keys().chain().cards().to_vec();
    let change = ChangeCredentials::new(Credentials::new(NEW_PASSWORD, NEW_PASSPHRASE).reminder("new"));
    let (changed, requests) = alice.requests(|alice| alice.run(change).unwrap());
    assert_eq!(requests, 1);
    assert_eq!(changed.sealed_key_file().unwrap().generation(), old_file.generation() + 1);
    assert_eq!(alice.run(Checksum::new()).unwrap().checksum, changed.sealed_key_file().unwrap().checksum());
    assert_eq!(changed.keys().chain().cards(), chain);
    assert_eq!(alice.content(container), Some(b"from before".to_vec()));

    let id = alice.id();
    alice.run(absio_proto::ops::user::Logout::new()).unwrap();
    let fresh = Device::new(&alice.broker);
    let try_with = |device: &Device, with: LoginWith| device.run(Login::new(id, with));
    assert_refused(
        try_with(&fresh, LoginWith::nothing().passphrase(PASSPHRASE)),
        RemoteCode::RetrievalRefused,
    );
    let new_file = changed.sealed_key_file().unwrap();
    let with_file = || LoginWith::nothing().key_file(new_file.clone());
    let code = |result: Result<User, Error>| result.unwrap_err().code().to_owned();
    assert_eq!(code(try_with(&fresh, with_file().password(PASSWORD))), "wrong_password");
    assert_eq!(code(try_with(&fresh, with_file().passphrase(PASSPHRASE))), "wrong_passphrase");
    // The device that changed them takes the old file for what it is.
    let old = || LoginWith::nothing().key_file(old_file.clone()).password(PASSWORD);
    assert_eq!(code(try_with(&alice, old())), "key_file_rollback");

    try_with(&fresh, with_file().password(NEW_PASSWORD)).unwrap();
    try_with(&fresh, LoginWith::nothing().passphrase(NEW_PASSPHRASE).password(NEW_PASSWORD)).unwrap();
    let user = try_with(&fresh, LoginWith::nothing().passphrase(NEW_PASSPHRASE)).unwrap();
    assert_eq!(user.keys().chain().cards(), chain);
    assert_eq!(
        user.keys().derivation_secret(1).unwrap().to_bytes(),
        changed.keys().derivation_secret(1).unwrap().to_bytes()
    );
    assert_eq!(fresh.content(container), Some(b"from before".to_vec()));
}

#[test]
fn s158_a_reminder_left_out_becomes_blank() {
    let device = person(&broker());
    assert_eq!(device.run(Reminder::new(None)).unwrap(), REMINDER);
    device.run(ChangeCredentials::new(Credentials::new(NEW_PASSWORD, NEW_PASSPHRASE))).unwrap();
    assert_eq!(device.run(Reminder::new(None)).unwrap(), "");
    assert_eq!(device.user().key_file().unwrap().reminder(), "");
}

#[test]
fn s159_another_device_needs_a_sync_then() {
    let first = person(&broker());
    let second = Device::new(&first.broker);
    second.log_in(first.id());
    let needs_sync = |device: &Device| {
        let local = device.user().sealed_key_file().unwrap().checksum();
        device.run(Checksum::new()).unwrap().checksum != local
    };
    assert!(!needs_sync(&first) && !needs_sync(&second));
    let change = || ChangeCredentials::new(Credentials::new(NEW_PASSWORD, NEW_PASSPHRASE));
    first.run(change()).unwrap();
    assert!(!needs_sync(&first) && needs_sync(&second));
    // What the second device holds is no base for a change.
    assert_refused(second.run(change()), RemoteCode::Conflict);
    second.run(Login::new(first.id(), LoginWith::nothing().passphrase(NEW_PASSPHRASE))).unwrap();
    assert!(!needs_sync(&second));
    second.run(change()).unwrap();
}

#[test]
fn changes_whose_answer_was_lost_are_made_once() {
    let device = person(&broker());
    let lost = absio_proto::effect::TransportErrorKind::Interrupted;
    device.broker.fault_next(absio_broker::Fault::LoseAnswer(lost));
    let change = ChangeCredentials::new(Credentials::new(NEW_PASSWORD, NEW_PASSPHRASE));
    let (changed, requests) = device.requests(|device| device.run(change).unwrap());
    assert_eq!((changed.sealed_key_file().unwrap().generation(), requests), (2, 2));
    assert_eq!(device.run(Checksum::new()).unwrap().generation, 2);
}
