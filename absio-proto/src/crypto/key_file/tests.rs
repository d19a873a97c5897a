//! Key files that are opened rightly, wrongly, and after tampering.

use super::*;
use crate::crypto::KeyRing;
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

/// Opens with one secret, and counts the stretching.
fn counted(bytes: &[u8], user: UserId, door: Door, secret: &str, policy: &KdfPolicy) -> (Option<Error>, u32) {
    let mut calls = 0;
    let result = open(bytes, user, door, secret, policy, &mut |secret, salt, iterations| {
        calls += 1;
        stretch(secret, salt, iterations)
    });
    (result.err(), calls)
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
    let (next, second) = open.reseal(open.content().duplicate(), &mut TestEntropy::new(9)).unwrap();
    assert_eq!(next.generation(), 2);
    let (one, other) = (first.as_bytes(), second.as_bytes());
    assert_eq!(one[30..262], other[30..262], "the wraps changed");
    let same = one[prefix::LENGTH..].iter().zip(&other[prefix::LENGTH..]).filter(|(a, b)| a == b).count();
    assert!(same < 32, "the same body under the same keystream: {same} equal bytes");
    assert_same(&open_with_password(other, open.user_id(), PASSWORD, &POLICY).unwrap(), &next);
}

#[test]
fn equal_credentials_are_refused_before_any_stretching() {
    let mut never = |_: &str, _: &[u8], _: u32| -> Secret<48> { panic!("a secret was stretched") };
    // The same word once composed and once decomposed.
    for passphrase in ["Caf\u{e9}-4you", "Cafe\u{301}-4you"] {
        let secrets = WrapSecrets::draw(&mut TestEntropy::new(5)).unwrap();
        let user = UserId::from_bytes([1; 16]);
        let result = secrets.wrap_by(user, "Caf\u{e9}-4you", passphrase, &POLICY, &mut never);
        assert_eq!(result.err(), Some(InputError::EqualCredentials.into()));
    }
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

/// Opens with whichever secret; the content must never be had from a wrong file.
fn opens(bytes: &[u8], user: UserId) -> bool {
    open_with_password(bytes, user, PASSWORD, &POLICY).is_ok()
        || open_with_passphrase(bytes, user, PASSPHRASE, &POLICY).is_ok()
}

/// Bytes of a sealed file with one card, two keys and this reminder.
const BYTES: usize = 794;

#[test]
fn ms_keyfile_bitflip_all() {
    let (open, file) = sealed(1);
    let user = open.user_id();
    assert!(opens(file.as_bytes(), user), "control");
    let mut flips = 0;
    for bit in 0..file.as_bytes().len() * 8 {
        let mut altered = file.as_bytes().to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(&altered, user), "bit {bit} was flipped and the file opened");
        flips += 1;
    }
    assert_eq!((file.as_bytes().len(), flips), (BYTES, BYTES * 8));
}

#[test]
fn ms_keyfile_truncate_every_length() {
    let (open, file) = sealed(1);
    for length in 0..file.as_bytes().len() {
        assert!(!opens(&file.as_bytes()[..length], open.user_id()), "{length} bytes opened");
    }
    assert!(!opens(&[file.as_bytes(), &[0]].concat(), open.user_id()));
}

#[test]
fn ms_keyfile_splice() {
    let (open, first) = sealed(1);
    let (_, second) = open.reseal(open.content().duplicate(), &mut TestEntropy::new(9)).unwrap();
    let (one, other) = (first.as_bytes(), second.as_bytes());
    let control = [&one[..30], &one[30..262], &one[262..294], &one[294..]].concat();
    assert!(opens(&control, open.user_id()));
    for cut in [6, 22, 30, 262, 294, one.len() - 48] {
        let splices = [[&one[..cut], &other[cut..]].concat(), [&other[..cut], &one[cut..]].concat()];
        for splice in splices.iter().filter(|splice| *splice != one && *splice != other) {
            assert!(!opens(splice, open.user_id()), "spliced at {cut}");
        }
    }
}

#[test]
fn ms_keyfile_swap() {
    let ((own, _), (_, foreign)) = (sealed(1), sealed(2));
    let user = own.user_id();
    let refused = CryptoError::KeyFileInvalid { user, reason: "it is another user's" };
    let served = counted(foreign.as_bytes(), user, Door::Password, PASSWORD, &POLICY);
    assert_eq!(served, (Some(refused.into()), 0));
    // The same with the owner's id written into it.
    let mut relabelled = foreign.as_bytes().to_vec();
    relabelled[6..22].copy_from_slice(user.as_bytes());
    assert!(!opens(&relabelled, user));
    // Negative control: as what it is, it opens with the very same secrets.
    let theirs = UserId::from_bytes(foreign.as_bytes()[6..22].try_into().unwrap());
    assert!(opens(foreign.as_bytes(), theirs));
}

#[test]
fn ms_keyfile_rollback() {
    let (open, first) = sealed(1);
    let user = open.user_id();
    let (_, second) = open.reseal(open.content().duplicate(), &mut TestEntropy::new(8)).unwrap();
    let (_, other) = open.reseal(open.content().duplicate(), &mut TestEntropy::new(9)).unwrap();
    let seen = (second.generation(), second.checksum());
    let rollback = CryptoError::KeyFileRollback { user, seen: 2, offered: 1 };
    assert_eq!(first.check_against(seen.0, &seen.1), Err(rollback));
    assert_eq!(other.check_against(seen.0, &seen.1), Err(CryptoError::KeyFileForked { user, generation: 2 }));
    assert_eq!(second.check_against(seen.0, &seen.1), Ok(()));
    assert_eq!(second.check_against(1, &first.checksum()), Ok(()));
}

/// Opens with both secrets what says `count` at `offset`, and counts the stretching.
fn with_iterations(offset: usize, count: u32, policy: &KdfPolicy) -> (Option<Error>, Option<Error>, u32) {
    let (own, file) = sealed(1);
    let mut altered = file.into_bytes();
    altered[offset..offset + 4].copy_from_slice(&count.to_be_bytes());
    let (password, one) = counted(&altered, own.user_id(), Door::Password, PASSWORD, policy);
    let (passphrase, other) = counted(&altered, own.user_id(), Door::Passphrase, PASSPHRASE, policy);
    (password, passphrase, one + other)
}

#[test]
fn ms_kdf_low() {
    for offset in [30, 146] {
        for count in [0, 1] {
            let refused: Error =
                CryptoError::KdfOutOfRange { iterations: count.into(), floor: 2, ceiling: 1000 }.into();
            let outcome = with_iterations(offset, count, &POLICY);
            assert_eq!(outcome, (Some(refused.clone()), Some(refused), 0));
        }
    }
    // What everybody else has compiled in: a file with fewer than 210,000 is refused.
    let (password, passphrase, calls) = with_iterations(30, 209_999, &KdfPolicy::default());
    assert_eq!(
        (password.unwrap().code(), passphrase.unwrap().code(), calls),
        ("kdf_out_of_range", "kdf_out_of_range", 0)
    );
}

#[test]
fn ms_kdf_high() {
    for offset in [30, 146] {
        for count in [1001, u32::MAX] {
            let refused: Error =
                CryptoError::KdfOutOfRange { iterations: count.into(), floor: 2, ceiling: 1000 }.into();
            let outcome = with_iterations(offset, count, &POLICY);
            assert_eq!(outcome, (Some(refused.clone()), Some(refused), 0));
        }
    }
    let (_, _, calls) = with_iterations(30, 10_000_001, &KdfPolicy::default());
    assert_eq!(calls, 0);
    let (_, _, control) = with_iterations(30, 4, &POLICY);
    assert_eq!(control, 2, "the counter does count");
}

#[test]
fn ms_kdf_other_id() {
    let (open, file) = sealed(1);
    for suite in [0_u16, 2, 3, 0xffff] {
        let mut altered = file.as_bytes().to_vec();
        altered[4..6].copy_from_slice(&suite.to_be_bytes());
        let refused = CryptoError::Unknown { what: "suite", value: suite.into() };
        let outcome = counted(&altered, open.user_id(), Door::Password, PASSWORD, &POLICY);
        assert_eq!(outcome, (Some(refused.into()), 0));
    }
    let control = counted(file.as_bytes(), open.user_id(), Door::Password, PASSWORD, &POLICY);
    assert_eq!(control, (None, 1), "control");
}

#[test]
fn kdf_limits_hold_at_their_edges() {
    let policy = KdfPolicy::default();
    assert_eq!((policy.iterations(), policy.retrieval_iterations()), (600_000, 600_000));
    for (count, accepted) in
        [(209_999, false), (210_000, true), (600_000, true), (10_000_000, true), (10_000_001, false)]
    {
        assert_eq!(policy.check(count).is_ok(), accepted, "{count} read");
        assert_eq!(KdfPolicy::with_iterations(count).is_ok(), accepted, "{count} written");
    }
}

#[test]
fn ms_multi_password_file() {
    // A file crafted so that several passwords open it needs a wrap whose tag holds under several keys.
    // Each try costs the attacked one PBKDF2, and a wrap made for one password is refused by another.
    let (open, file) = sealed(1);
    let user = open.user_id();
    for guess in ["Abcdefg2", "Abcdefg3", "Abcdefg4"] {
        let refused = InputError::WrongPassword { user };
        let outcome = counted(file.as_bytes(), user, Door::Password, guess, &POLICY);
        assert_eq!(outcome, (Some(refused.into()), 1), "a try cost less or more than one stretching");
    }
    // The wrap commits: exchanging it with that of another password never yields another file key.
    let other = wraps(user, "Abcdefg2", PASSPHRASE).prefix(1, [0; 32]).encode();
    let mut crafted = file.as_bytes().to_vec();
    crafted[66..146].copy_from_slice(&other[66..146]);
    for password in [PASSWORD, "Abcdefg2"] {
        assert!(open_with_password(&crafted, user, password, &POLICY).is_err());
    }
}

#[test]
fn ms_reminder_forged() {
    let (open, _) = sealed(1);
    assert_eq!(open.check_reminder("a hint"), Ok(()));
    let changed = CryptoError::ReminderChanged { user: open.user_id() };
    assert_eq!(open.check_reminder("type your password here"), Err(changed));
}

#[test]
fn s155_a_sealed_file_shows_no_secret() {
    let (open, file) = sealed(1);
    let (signing, derivation) = open.ring().seeds();
    let seeds = signing.values().chain(derivation.values()).map(|seed| seed.expose().to_vec());
    let secrets = seeds.chain([
        PASSWORD.into(),
        PASSPHRASE.into(),
        open.store_secret().expose().to_vec(),
        open.wraps.file_key().expose().to_vec(),
        open.reminder().into(),
        open.origin().into(),
        open.api_key().as_bytes().to_vec(),
    ]);
    for secret in secrets {
        let found = file.as_bytes().windows(secret.len()).any(|window| window == secret);
        assert!(!found, "a secret of {} bytes is readable in the sealed file", secret.len());
    }
    assert_eq!(format!("{open:?}"), format!("OpenKeyFile({}, generation 1)", open.user_id()));
    assert_eq!(format!("{file:?}"), format!("SealedKeyFile({} bytes)", file.as_bytes().len()));
}

#[test]
fn reminder_limit_at_and_past_1024_bytes() {
    for (length, fits) in [(1024, true), (1025, false)] {
        let mut content = content(1);
        content.reminder = "r".repeat(length);
        let wraps = wraps(content.ring.user_id(), PASSWORD, PASSPHRASE);
        let result = OpenKeyFile::seal_new(content, wraps, &mut TestEntropy::new(3));
        let large = InputError::TooLarge { what: "the reminder", actual: 1025, limit: 1024 };
        assert_eq!(result.err(), (!fits).then_some(large.into()));
    }
}

#[test]
fn key_file_limit_at_and_past_256_kib() {
    let (open, _) = sealed(1);
    let mut bytes = vec![0; limits::KEY_FILE + 1];
    bytes[..4].copy_from_slice(b"KEYF");
    let over = open_with_password(&bytes, open.user_id(), PASSWORD, &POLICY).err();
    let reason = "it is over its limit";
    assert_eq!(over, Some(CryptoError::Malformed { what: "key file", reason }.into()));
    bytes.pop();
    let at = open_with_password(&bytes, open.user_id(), PASSWORD, &POLICY).err();
    assert_eq!(at, Some(CryptoError::Unknown { what: "suite", value: 0 }.into()), "it was read further");
}

#[test]
fn a_file_under_test_iterations_is_refused_elsewhere() {
    let (open, file) = sealed(1);
    let refused = open_with_password(file.as_bytes(), open.user_id(), PASSWORD, &KdfPolicy::default());
    assert_eq!(refused.err().unwrap().code(), "kdf_out_of_range");
}
