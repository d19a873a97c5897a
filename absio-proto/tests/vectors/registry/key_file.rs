//! Key files (§4), at the least number of iterations that is allowed.

use super::independent::KeyFileParts;
use super::{Script, array, bytes_of, cases, frame, hex, identity_card, unhex};
use absio_proto::crypto::key_file::{open_with_passphrase, open_with_password};
use absio_proto::crypto::{
    KdfPolicy, KeyFileContent, OpenKeyFile, SealedKeyFile, Secret, WrapSecrets, Wraps,
};
use absio_proto::model::{ApiKey, UserId};
use serde_json::{Value, json};

const ITERATIONS: u32 = 210_000;
const PASSWORD: &str = "Pass-w\u{f6}rd 1";
const PASSPHRASE: &str = "correct Horse battery 4 staple";
const REMINDER: &str = "what the horse said \u{1f40e}";
const ORIGIN: &str = "https://absio.example:8443";

/// What the story below seals: the identity of the card vectors.
fn content() -> KeyFileContent {
    KeyFileContent {
        ring: identity_card::ring(),
        reminder: REMINDER.into(),
        origin: ORIGIN.into(),
        api_key: ApiKey::from_bytes([0x11; 16]),
        store_secret: Secret::new(bytes_of("store secret")),
    }
}

/// The body as §4.3 has it, with what a fault may change.
struct Body {
    reminder: Vec<u8>,
    signing: Vec<(u32, [u8; 32])>,
    derivation: Vec<(u32, [u8; 32])>,
    cards: Vec<Vec<u8>>,
}

impl Body {
    fn new(reminder: &str) -> Self {
        Self {
            reminder: reminder.into(),
            signing: vec![(1, bytes_of("signing 1"))],
            derivation: vec![(1, bytes_of("derivation 1"))],
            cards: identity_card::ring().chain().cards().to_vec(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let count = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
        let prefixed = |bytes: &[u8]| [&count(bytes.len())[..], bytes].concat();
        let seeds = |seeds: &[(u32, [u8; 32])]| {
            let rows = seeds.iter().flat_map(|(index, seed)| [&index.to_be_bytes()[..], seed].concat());
            [&count(seeds.len())[..], &rows.collect::<Vec<_>>()].concat()
        };
        let cards: Vec<u8> = self.cards.iter().flat_map(|card| prefixed(card)).collect();
        [
            prefixed(&self.reminder),
            prefixed(ORIGIN.as_bytes()),
            [0x11; 16].to_vec(),
            bytes_of("store secret").to_vec(),
            seeds(&self.signing),
            seeds(&self.derivation),
            count(self.cards.len()).to_vec(),
            cards,
        ]
        .concat()
    }
}

fn parts(generation: u64, wraps: &str, password: &str, passphrase: &str, reminder: &str) -> KeyFileParts {
    KeyFileParts {
        suite: 1,
        user_id: *identity_card::ring().user_id().as_bytes(),
        generation,
        iterations: ITERATIONS,
        password: password.into(),
        passphrase: passphrase.into(),
        file_key: bytes_of(&format!("file key {wraps}")),
        password_salt: bytes_of(&format!("password salt {wraps}")),
        passphrase_salt: bytes_of(&format!("passphrase salt {wraps}")),
        file_salt: bytes_of(&format!("file salt {generation}")),
        body: Body::new(reminder).encode(),
    }
}

fn wraps(parts: &KeyFileParts) -> Wraps {
    let mut random = Script::new(&[&parts.file_key, &parts.password_salt, &parts.passphrase_salt]);
    let secrets = WrapSecrets::draw(&mut random).unwrap();
    let policy = KdfPolicy::with_iterations(ITERATIONS).unwrap();
    let user = UserId::from_bytes(parts.user_id);
    secrets.wrap(user, &parts.password, &parts.passphrase, &policy).unwrap()
}

fn valid(name: &str, parts: &KeyFileParts, file: &SealedKeyFile) -> Value {
    assert_eq!(
        hex(&parts.with_body(&parts.prefix(), &parts.body)),
        hex(file.as_bytes()),
        "{name}: the document and the library differ"
    );
    json!({
        "name": name, "valid": true, "user_id": UserId::from_bytes(parts.user_id).to_string(),
        "generation": parts.generation, "iterations": parts.iterations, "password": parts.password,
        "passphrase": parts.passphrase, "file_key": hex(&parts.file_key),
        "password_salt": hex(&parts.password_salt), "passphrase_salt": hex(&parts.passphrase_salt),
        "file_salt": hex(&parts.file_salt), "body": hex(&parts.body), "key_file": hex(file.as_bytes()),
        "checksum": hex(&file.checksum()),
    })
}

pub(super) fn generate() -> Value {
    let first = parts(1, "1", PASSWORD, PASSPHRASE, REMINDER);
    let second = parts(2, "1", PASSWORD, PASSPHRASE, REMINDER);
    let third = parts(3, "3", "Another pass 2", "another phrase 3", "");
    let salt = |parts: &KeyFileParts| Script::new(&[&parts.file_salt]);
    let (open, first_file) = OpenKeyFile::seal_new(content(), wraps(&first), &mut salt(&first)).unwrap();
    let (open, second_file) = open.reseal(content(), &mut salt(&second)).unwrap();
    let (_, third_file) = open.change_credentials(wraps(&third), "", &mut salt(&third)).unwrap();
    let mut cases = vec![
        valid("made", &first, &first_file),
        valid("written again", &second, &second_file),
        valid("credentials changed", &third, &third_file),
    ];
    cases.extend(altered(&first, first_file.as_bytes(), second_file.as_bytes()));
    cases.extend(bodies(&first));
    frame("KEYF", "4", cases)
}

fn fault(name: &str, error: &str, door: (&str, &str), file: &[u8]) -> Value {
    let user = identity_card::ring().user_id().to_string();
    json!({
        "name": name, "valid": false, "error": error, "user_id": user, door.0: door.1, "key_file": hex(file),
    })
}

/// Files altered after they were sealed.
fn altered(parts: &KeyFileParts, file: &[u8], other: &[u8]) -> Vec<Value> {
    let password = ("password", PASSWORD);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = file.to_vec();
        change(&mut file);
        file
    };
    let flip = |name: &str, error: &str, offset: usize| {
        fault(name, error, password, &with(&|file| file[offset] ^= 1))
    };
    let iterations = |name: &str, offset: usize, count: u32| {
        let file = with(&|file| file[offset..offset + 4].copy_from_slice(&count.to_be_bytes()));
        fault(name, "kdf_out_of_range", password, &file)
    };
    let splice = [&file[..262], &other[262..]].concat();
    let mut foreign = fault("another user's file", "key_file_invalid", password, file);
    foreign["user_id"] = UserId::from_bytes([0x80; 16]).to_string().into();
    let body_end = file.len() - 48;
    assert_eq!(file.len(), 294 + parts.body.len() + 48);
    vec![
        flip("magic", "malformed", 0),
        flip("suite", "unknown_algorithm", 5),
        flip("user id", "key_file_invalid", 6),
        flip("generation", "key_file_invalid", 22),
        fault("generation zero", "malformed", password, &with(&|file| file[22..30].fill(0))),
        iterations("password iterations one under the floor", 30, 209_999),
        iterations("password iterations one over the ceiling", 30, 10_000_001),
        iterations("password iterations zero", 30, 0),
        iterations("passphrase iterations one under the floor", 146, 209_999),
        iterations("passphrase iterations at the maximum of u32", 146, u32::MAX),
        flip("password iterations within range", "wrong_password", 33),
        flip("password salt", "wrong_password", 34),
        flip("password wrap", "wrong_password", 66),
        flip("tag of the password wrap", "wrong_password", 145),
        flip("passphrase salt, opened by password", "key_file_invalid", 150),
        flip("passphrase wrap, opened by password", "key_file_invalid", 182),
        fault(
            "passphrase wrap",
            "wrong_passphrase",
            ("passphrase", PASSPHRASE),
            &with(&|file| file[182] ^= 1),
        ),
        flip("file salt", "key_file_invalid", 262),
        flip("first byte of the body", "key_file_invalid", 294),
        flip("last byte of the body", "key_file_invalid", body_end - 1),
        flip("tag", "key_file_invalid", file.len() - 1),
        fault("ends early", "key_file_invalid", password, &file[..file.len() - 1]),
        fault("shorter than prefix and tag", "malformed", password, &file[..294 + 47]),
        fault("a byte behind the end", "key_file_invalid", password, &with(&|file| file.push(0))),
        fault("prefix of one write, body of another", "key_file_invalid", password, &splice),
        fault(
            "wraps exchanged",
            "wrong_password",
            password,
            &with(&|file| {
                let (first, second) = (file[30..146].to_vec(), file[146..262].to_vec());
                file[30..146].copy_from_slice(&second);
                file[146..262].copy_from_slice(&first);
            }),
        ),
        fault("wrong password", "wrong_password", ("password", "pass-w\u{f6}rd 1"), file),
        fault("passphrase as password", "wrong_password", ("password", PASSPHRASE), file),
        fault("wrong passphrase", "wrong_passphrase", ("passphrase", PASSWORD), file),
        foreign,
    ]
}

/// Bodies that are sealed rightly and wrong in themselves: what a stolen file key could write.
fn bodies(parts: &KeyFileParts) -> Vec<Value> {
    let prefix = parts.prefix();
    let sealed = |name: &str, error: &str, body: &[u8]| {
        fault(name, error, ("password", PASSWORD), &parts.with_body(&prefix, body))
    };
    let body = |name: &str, error: &str, change: &dyn Fn(&mut Body)| {
        let mut body = Body::new(REMINDER);
        change(&mut body);
        sealed(name, error, &body.encode())
    };
    let stranger = || {
        let mut random = Script::new(&[&[1; 32], &[2; 32], &[3; 32]]);
        let now = absio_proto::model::Timestamp::from_millis(1);
        absio_proto::crypto::KeyRing::generate(&mut random, now).unwrap().chain().cards().to_vec()
    };
    let good = &parts.body;
    vec![
        body("body: signing seed of another key", "own_identity_mismatch", &|b| b.signing[0].1 = [9; 32]),
        body("body: derivation seed of another key", "own_identity_mismatch", &|b| {
            b.derivation[0].1 = [9; 32]
        }),
        body("body: no signing seed", "own_identity_mismatch", &|b| b.signing.clear()),
        body("body: no derivation seed", "own_identity_mismatch", &|b| b.derivation.clear()),
        body("body: seed of a key that is on no card", "own_identity_mismatch", &|b| {
            b.derivation.push((2, [9; 32]));
        }),
        body("body: seeds do not ascend", "malformed", &|b| b.signing.push(b.signing[0])),
        body("body: another user's cards", "identity_mismatch", &|b| b.cards = stranger()),
        body("body: no card", "card_chain_invalid", &|b| b.cards.clear()),
        body("body: reminder over its limit", "malformed", &|b| b.reminder = vec![b'x'; 1025]),
        body("body: reminder not UTF-8", "malformed", &|b| b.reminder = vec![0xff]),
        sealed("body: empty", "malformed", &[]),
        sealed("body: ends early", "malformed", &good[..good.len() - 1]),
        sealed("body: a byte behind the end", "malformed", &[&good[..], &[0]].concat()),
    ]
}

fn open(case: &Value, door: &str) -> Result<OpenKeyFile, String> {
    let user = case["user_id"].as_str().unwrap().parse().unwrap();
    let secret = case[door].as_str().unwrap();
    let opener = if door == "password" { open_with_password } else { open_with_passphrase };
    opener(&unhex(&case["key_file"]), user, secret, &KdfPolicy::default())
        .map_err(|error| error.code().into())
}

pub(super) fn check(file: &Value) {
    for case in cases(file, true) {
        for door in ["password", "passphrase"] {
            let open = open(case, door).unwrap_or_else(|error| panic!("{}: {error}", case["name"]));
            assert_eq!(open.generation(), case["generation"].as_u64().unwrap());
            let body = Body::new(open.reminder()).encode();
            assert_eq!(hex(&body), case["body"].as_str().unwrap());
            assert_eq!(open.store_secret().expose(), &bytes_of("store secret"));
            assert_eq!(open.ring().chain().cards(), identity_card::ring().chain().cards());
        }
        let sealed = SealedKeyFile::from_bytes(unhex(&case["key_file"])).unwrap();
        assert_eq!(sealed.checksum(), array(&case["checksum"]));
        assert_eq!(sealed.generation(), case["generation"].as_u64().unwrap());
    }
    for case in cases(file, false) {
        let door = if case["password"].is_string() { "password" } else { "passphrase" };
        let error = open(case, door).map(|_| ());
        assert_eq!(error, Err(case["error"].as_str().unwrap().into()), "{}", case["name"]);
    }
}
