//! Nothing secret travels (S-155) and nothing secret is shown (S-235).

use crate::altered::Altered;
use crate::people::{Device, broker, person};
use absio_broker::{Exchange, SeededEntropy};
use absio_proto::crypto::suite::{HashLabel, hash};
use absio_proto::crypto::{Container, RetrievalKey};
use absio_proto::effect::HttpRequest;
use absio_proto::model::{AccessList, ApiKey, Credentials, EventFilter};
use absio_proto::ops::container::{Create, Update, UpdateOrCreate};
use absio_proto::ops::key_file::{self, Checksum};
use absio_proto::ops::user::{self, ChangeCredentials, Login, LoginWith, Logout, Reminder};
use absio_proto::ops::{events, info};
use absio_proto::wire::{Base64, LoginAnswer};
use absio_proto::{Config, User};
use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
use ed25519_dalek::SigningKey;

const PASSWORD: &str = "canary-Password-1";
const PASSPHRASE: &str = "canary-Passphrase-2";
const NEW_PASSWORD: &str = "canary-Next-password-3";
const NEW_PASSPHRASE: &str = "canary-Next-passphrase-4";
const CONTENT: &str = "canary-content-of-the-container";
const HEADER: &str = "canary-header-of-the-container";

/// `secret` in every form in which it might travel: raw, hexadecimal, and base64 of both alphabets at
/// each of the three places it can have inside something longer.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![
        secret.to_vec(),
        HEXLOWER.encode(secret).into_bytes(),
        HEXUPPER.encode(secret).into_bytes(),
        secret.iter().rev().copied().collect(),
    ];
    for shift in 0..3 {
        let shifted = [&vec![0; shift][..], secret].concat();
        for encoding in [&BASE64, &BASE64URL] {
            let text = encoding.encode(&shifted).into_bytes();
            // Only characters that stand for nothing but the secret.
            let (first, end) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
            forms.push(text[first..end].to_vec());
        }
    }
    forms
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Everything that went over the wire in `exchange`.
fn traffic(exchange: &Exchange) -> Vec<u8> {
    let HttpRequest { path, headers, body, .. } = &exchange.request;
    let mut bytes = [path.as_bytes(), b"\n", body].concat();
    let response = exchange.outcome.as_ref().ok();
    for (name, value) in headers.iter().chain(response.iter().flat_map(|response| &response.headers)) {
        bytes.extend_from_slice(format!("\n{name}: {value}").as_bytes());
    }
    bytes.extend_from_slice(response.map_or(&[][..], |response| &response.body));
    bytes
}

/// Where in `recorded` the first of `secrets` is found.
fn find(recorded: &[Exchange], secrets: &[(String, Vec<u8>)]) -> Option<String> {
    recorded.iter().find_map(|exchange| {
        let bytes = traffic(exchange);
        secrets.iter().find_map(|(name, secret)| {
            let found = forms(secret).iter().any(|form| contains(&bytes, form));
            found.then(|| format!("{name} in {:?}", exchange.request))
        })
    })
}

/// What password stretching gives for `secret`, from the salts of the document and the file.
fn stretched(user: &User, password: &str, passphrase: &str, origin: &str) -> Vec<(String, Vec<u8>)> {
    let stretch = |secret: &str, salt: &[u8], iterations: u32| {
        let mut output = vec![0; 48];
        pbkdf2::pbkdf2_hmac::<sha2::Sha384>(secret.as_bytes(), salt, iterations, &mut output);
        output
    };
    let file = user.sealed_key_file().expect("a user with a key file").as_bytes();
    let wrap = |label, at: usize, secret: &str| {
        // docs/protocol.md §4.1 and §4.2: iterations u32, then the salt.
        let iterations: [u8; 4] = file[at..at + 4].try_into().expect("four bytes");
        let context = [&file[4..6], user.id().as_bytes(), &file[at..at + 36]].concat();
        stretch(secret, &hash(label, &[&context]), u32::from_be_bytes(iterations))
    };
    let salt = hash(HashLabel::Retrieval, &[origin.as_bytes(), user.id().as_bytes()]);
    let policy = absio_proto::crypto::KdfPolicy::insecure_for_tests();
    let retrieval = stretch(passphrase, &salt, policy.retrieval_iterations());
    // The key that signs retrievals is made of it: this is the computation that the core does.
    let seed: [u8; 32] = retrieval[..32].try_into().expect("48 bytes begin with 32");
    let derived = RetrievalKey::derive(passphrase, origin, user.id(), &policy);
    assert_eq!(SigningKey::from_bytes(&seed).verifying_key().to_bytes(), derived.public());
    let (by_password, by_passphrase) =
        (wrap(HashLabel::PasswordWrap, 30, password), wrap(HashLabel::PassphraseWrap, 146, passphrase));
    [
        ("the stretched password", by_password),
        ("the stretched passphrase", by_passphrase),
        ("the retrieval seed", retrieval),
    ]
    .into_iter()
    .flat_map(|(name, bytes)| {
        // Its parts are as secret as the whole.
        [(name.to_owned(), bytes[..32].to_vec()), (name.to_owned(), bytes[16..].to_vec())]
    })
    .collect()
}

/// The private keys of `user`: of what was drawn, the seed that makes the signing key on the card.
fn private_keys(user: &User, drawn: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
    let ring = user.keys();
    let (_, public) = ring.chain().active_signing().expect("a key in use");
    let seed = drawn.iter().find(|draw| {
        let seed = <[u8; 32]>::try_from(draw.as_slice());
        seed.is_ok_and(|seed| SigningKey::from_bytes(&seed).verifying_key().to_bytes() == public.to_bytes())
    });
    let derivation = ring.derivation_secret(1).expect("the first derivation key").to_bytes().to_vec();
    let store = user.key_file().expect("a key file").store_secret().expose().to_vec();
    vec![
        ("the signing seed".into(), seed.expect("it was drawn").clone()),
        ("the derivation key".into(), derivation),
        ("the store secret".into(), store),
    ]
}

#[test]
fn s155_the_broker_never_sees_a_secret() {
    let broker = broker();
    let (device, bob) = (Device::new(&broker), person(&broker));
    broker.record();
    let watched = Altered::new(&device);
    macro_rules! run {
        ($operation:expr) => {
            watched.run($operation).expect("the story goes on")
        };
    }
    let mut secrets: Vec<(String, Vec<u8>)> =
        [PASSWORD, PASSPHRASE, NEW_PASSWORD, NEW_PASSPHRASE, CONTENT, HEADER]
            .map(|text| (text.to_owned(), text.as_bytes().to_vec()))
            .to_vec();
    run!(info::Info::new());
    let created = run!(user::Create::new(Credentials::new(PASSWORD, PASSPHRASE).reminder("public")));
    secrets.extend(stretched(&created, PASSWORD, PASSPHRASE, broker.origin()));
    run!(Login::new(created.id(), LoginWith::nothing().passphrase(PASSPHRASE).password(PASSWORD)));
    let access = AccessList::Users(vec![created.id(), bob.id()]);
    let create = Create::new(CONTENT.as_bytes().to_vec()).header(HEADER.into()).access(access);
    let changed = run!(create);
    let id = changed.container.id.expect("it was created");
    let keys = |container: &Container| {
        let keys = container.container_keys().expect("its writer has its keys");
        [keys.cipher_key(), keys.mac_key()].map(|key| ("a container key".to_owned(), key.expose().to_vec()))
    };
    secrets.extend(keys(&changed.container));
    secrets.extend(keys(&run!(Update::new(id).content(CONTENT.as_bytes().to_vec())).container));
    let mut own = Container::new().with_content(CONTENT.as_bytes().to_vec()).with_header(HEADER);
    own.encrypt(None, &mut SeededEntropy::new(5)).expect("it encrypts");
    secrets.extend(keys(&own));
    secrets.extend(keys(&run!(UpdateOrCreate::new(own)).container));
    run!(absio_proto::ops::container::Get::new(id, absio_proto::model::Portion::All));
    run!(events::Get::new(EventFilter::default()));
    run!(Reminder::new(None));
    let changed = run!(ChangeCredentials::new(Credentials::new(NEW_PASSWORD, NEW_PASSPHRASE)));
    secrets.extend(stretched(&changed, NEW_PASSWORD, NEW_PASSPHRASE, broker.origin()));
    secrets.extend(private_keys(&changed, &watched.drawn.borrow()));
    let open = changed.key_file().expect("a key file");
    let resealed = open.reseal(open.content().duplicate(), &mut SeededEntropy::new(6)).expect("it seals");
    run!(key_file::Update::new(resealed.into()).passphrase(NEW_PASSPHRASE));
    run!(Logout::new());
    watched.run(Login::new(created.id(), LoginWith::nothing().passphrase(PASSPHRASE))).expect_err("old");
    run!(Login::new(created.id(), LoginWith::nothing().passphrase(NEW_PASSPHRASE)));
    run!(absio_proto::ops::container::Delete::new(id));
    run!(user::Delete::new());

    let recorded = broker.recorded();
    assert!(recorded.len() > 20);
    assert_eq!(secrets.len(), 6 + 6 + 8 + 6 + 3);
    assert_eq!(find(&recorded, &secrets), None);

    // The search does find what is there, in any form and place.
    for (index, form) in secrets.iter().flat_map(|(_, secret)| forms(secret)).enumerate() {
        let mut planted = recorded[index % recorded.len()].clone();
        planted.request.body = [&planted.request.body[..], &form].concat().into();
        assert!(find(&[planted], &secrets).is_some());
    }
    for shift in 0..4 {
        let mut planted = recorded[0].clone();
        let longer = [&vec![0x5a; shift], PASSPHRASE.as_bytes(), b"more"].concat();
        planted.request.headers.push(("x".into(), BASE64URL.encode(&longer)));
        assert!(find(&[planted], &secrets).is_some(), "{shift}");
    }
}

/// The texts that `secret` must not leave in.
fn texts(secret: &[u8]) -> Vec<String> {
    let forms = forms(secret).into_iter().filter_map(|form| String::from_utf8(form).ok());
    // As a list of numbers, which is how bytes are printed.
    let numbers = secret.iter().take(6).map(u8::to_string).collect::<Vec<_>>().join(", ");
    forms.chain([numbers]).collect()
}

#[test]
fn s105_s235_no_secret_is_shown_by_debug_or_display() {
    let broker = broker();
    let device = Device::new(&broker);
    let watched = Altered::new(&device);
    let credentials = || Credentials::new(PASSWORD, PASSPHRASE).reminder("public");
    let user = watched.run(user::Create::new(credentials())).unwrap();
    broker.record();
    watched.run(Login::new(user.id(), LoginWith::nothing().passphrase(PASSPHRASE))).unwrap();
    let changed = watched.run(Create::new(CONTENT.as_bytes().to_vec()).header(HEADER.into())).unwrap();
    let id = changed.container.id.unwrap();
    let got = device.get(id).unwrap();
    watched.run(Checksum::new()).unwrap();
    let recorded = broker.recorded();
    let login = recorded.iter().find(|exchange| exchange.request.path == "/v1/login").unwrap();
    let answer: LoginAnswer =
        absio_proto::wire::from_json("login", &login.outcome.as_ref().unwrap().body).unwrap();
    let token = answer.token.0.clone();

    let mut secrets = private_keys(&user, &watched.drawn.borrow());
    secrets.extend(stretched(&user, PASSWORD, PASSPHRASE, broker.origin()));
    secrets.push(("the token".into(), token));
    for text in [PASSWORD, PASSPHRASE, CONTENT, HEADER] {
        secrets.push((text.into(), text.as_bytes().to_vec()));
    }
    let keys = got.container_keys().unwrap();
    secrets
        .extend([keys.cipher_key(), keys.mac_key()].map(|key| ("a key".to_owned(), key.expose().to_vec())));

    let config = Config::new(broker.api_key(), broker.origin()).unwrap();
    let open = user.key_file().unwrap();
    let mut shown = vec![
        format!("{user:?}"),
        format!("{:?} {:?}", user.keys(), open),
        format!("{:?}", user.sealed_key_file()),
        format!("{:?}", credentials()),
        format!("{config:?}"),
        format!("{changed:?} {got:?} {got}"),
        format!("{keys:?} {:?} {:?}", keys.cipher_key(), open.store_secret()),
        format!("{:?}", absio_proto::ops::container::ContentInput::from(CONTENT.as_bytes().to_vec())),
        format!(
            "{:?}",
            RetrievalKey::derive(
                PASSPHRASE,
                broker.origin(),
                user.id(),
                &absio_proto::crypto::KdfPolicy::insecure_for_tests()
            )
        ),
        format!("{recorded:?}"),
    ];
    // Errors of everything that took a secret.
    let errors = [
        device.run(Login::new(device.id(), LoginWith::nothing().passphrase("canary-Wrong-2"))).map(|_| ()),
        device.run(user::Create::new(Credentials::new("canary-a", PASSPHRASE))).map(|_| ()),
        device.run(user::Create::new(Credentials::new(PASSWORD, PASSWORD))).map(|_| ()),
        device.run(key_file::Get::new(user.id(), PASSPHRASE, Some("canary-Wrong-1"))).map(|_| ()),
    ];
    for error in errors {
        let error = error.unwrap_err();
        shown.push(format!("{error} {error:?} {}", error.code()));
    }
    for url in [
        format!("https://user:{PASSWORD}@broker.example"),
        format!("https://{PASSWORD}@broker.example/path"),
        format!("user:{PASSWORD}@broker.example"),
        format!("ftp://user:{PASSWORD}@broker.example"),
        format!("https://user:pass@{PASSWORD}@broker.example"),
    ] {
        let error = Config::new(ApiKey::from_bytes([1; 16]), &url).unwrap_err();
        assert!(format!("{error}").contains("broker.example"), "what is wrong can still be seen");
        shown.push(format!("{error} {error:?}"));
    }
    for text in &shown {
        assert!(!text.contains("canary"), "{text}");
        for (name, secret) in &secrets {
            assert!(!texts(secret).iter().any(|form| text.contains(form)), "{name} in {text}");
        }
    }
    // The search does find a token that is printed.
    let printed = format!("{:?}", Base64(answer.token.0.clone()));
    assert!(texts(&answer.token.0).iter().any(|form| printed.contains(form)));
}
