//! Key files that are opened rightly, wrongly, and after tampering.

use super::*;
use crate::crypto::KeyRing;
use crate::crypto::stretch::stretch_calls;
use crate::crypto::suite::SignatureLabel;
use crate::crypto::test_entropy::TestEntropy;
use crate::model::Timestamp;

const POLICY: KdfPolicy = KdfPolicy::insecure_for_tests();
const PASSWORD: &str = "Abcdefg1";
const PASSPHRASE: &str = "a passphrase of 5 words";

fn content(seed: u64) -> KeyFileContent {
    let mut entropy = TestEntropy::new(seed);
    KeyFileContent {
        ring: KeyRing::generate(&mut entropy, Timestamp::from_millis(1_000)).unwrap(),
        reminder: "a hint".into(),
        origin: "https://absio.example".into(),
        api_key: ApiKey::from_bytes([7; 16]),
        store_secret: Secret::filled(|bytes| entropy.fill(bytes)).unwrap(),
    }
}

fn wraps(user: UserId, password: &str, passphrase: &str) -> Wraps {
    let secrets = WrapSecrets::draw(&mut TestEntropy::new(77)).unwrap();
    secrets.wrap(user, password, passphrase, &POLICY).unwrap()
}

fn sealed(seed: u64) -> (OpenKeyFile, SealedKeyFile) {
    let content = content(seed);
    let wraps = wraps(content.ring.user_id(), PASSWORD, PASSPHRASE);
    OpenKeyFile::seal_new(content, wraps, &mut TestEntropy::new(seed + 100)).unwrap()
}

fn assert_same(one: &OpenKeyFile, other: &OpenKeyFile) {
    assert_eq!(one.ring().chain(), other.ring().chain());
    assert_eq!(one.ring().seeds(), other.ring().seeds());
    assert_eq!(one.store_secret(), other.store_secret());
    assert_eq!(
        (one.reminder(), one.origin(), one.api_key(), one.generation()),
        (other.reminder(), other.origin(), other.api_key(), other.generation())
    );
}

#[test]
fn s201_either_secret_opens_the_same_ring() {
    let (open, file) = sealed(1);
    let user = open.user_id();
    assert_eq!((file.user_id(), file.generation()), (user, 1));
    assert_same(&open_with_password(file.as_bytes(), user, PASSWORD, &POLICY).unwrap(), &open);
    assert_same(&open_with_passphrase(file.as_bytes(), user, PASSPHRASE, &POLICY).unwrap(), &open);
}

#[test]
fn s013_wrong_secrets_are_refused_each_by_name() {
    let (open, file) = sealed(1);
    let user = open.user_id();
    let wrong = open_with_password(file.as_bytes(), user, PASSPHRASE, &POLICY);
    assert_eq!(wrong.err(), Some(InputError::WrongPassword { user }.into()), "a passphrase is no password");
    let wrong = open_with_passphrase(file.as_bytes(), user, PASSWORD, &POLICY);
    assert_eq!(wrong.err(), Some(InputError::WrongPassphrase { user }.into()));
}

#[test]
fn s157_changed_credentials_replace_both_and_keep_the_keys() {
    let (open, _) = sealed(1);
    let user = open.user_id();
    let secrets = WrapSecrets::draw(&mut TestEntropy::new(5)).unwrap();
    let wraps = secrets.wrap(user, "Other-pass1", "another passphrase 2", &POLICY).unwrap();
    let (changed, file) = open.change_credentials(wraps, "", &mut TestEntropy::new(6)).unwrap();
    assert_eq!((changed.generation(), changed.reminder()), (2, ""), "S-158: an omitted reminder is blank");
    assert!(open_with_password(file.as_bytes(), user, PASSWORD, &POLICY).is_err());
    assert!(open_with_passphrase(file.as_bytes(), user, PASSPHRASE, &POLICY).is_err());
    let again = open_with_password(file.as_bytes(), user, "Other-pass1", &POLICY).unwrap();
    assert_same(&again, &changed);
    assert_eq!(again.ring().seeds(), open.ring().seeds());
    assert_ne!(again.wraps.file_key(), open.wraps.file_key(), "F2: the file key changes with them");
}

#[test]
fn f02_resealing_keeps_wraps_and_draws_a_new_keystream() {
    let (open, first) = sealed(1);
    let calls = stretch_calls();
    let (next, second) = open.reseal(open.content().duplicate(), &mut TestEntropy::new(9)).unwrap();
    assert_eq!(stretch_calls(), calls, "resealing stretched a secret");
    assert_eq!(next.generation(), 2);
    let (one, other) = (first.as_bytes(), second.as_bytes());
    assert_eq!(one[30..262], other[30..262], "the wraps changed");
    let same = one[prefix::LENGTH..].iter().zip(&other[prefix::LENGTH..]).filter(|(a, b)| a == b).count();
    assert!(same < 32, "the same body under the same keystream: {same} equal bytes");
    assert_same(&open_with_password(other, open.user_id(), PASSWORD, &POLICY).unwrap(), &next);
}

#[test]
fn equal_credentials_are_refused_before_any_stretching() {
    let calls = stretch_calls();
    // The same word once composed and once decomposed.
    for passphrase in ["Caf\u{e9}-4you", "Cafe\u{301}-4you"] {
        let secrets = WrapSecrets::draw(&mut TestEntropy::new(5)).unwrap();
        let result = secrets.wrap(UserId::from_bytes([1; 16]), "Caf\u{e9}-4you", passphrase, &POLICY);
        assert_eq!(result.err(), Some(InputError::EqualCredentials.into()));
    }
    assert_eq!(stretch_calls(), calls);
}

#[test]
fn f36_secrets_are_normalised() {
    let content = content(1);
    let user = content.ring.user_id();
    let wraps = wraps(user, "Caf\u{e9}-4you", PASSPHRASE);
    let (_, file) = OpenKeyFile::seal_new(content, wraps, &mut TestEntropy::new(3)).unwrap();
    assert!(open_with_password(file.as_bytes(), user, "Cafe\u{301}-4you", &POLICY).is_ok());
}

#[test]
fn s220_the_checksum_is_sha_256_of_the_file() {
    let (_, file) = sealed(1);
    assert_eq!(file.checksum(), <[u8; 32]>::from(Sha256::digest(file.as_bytes())));
}
