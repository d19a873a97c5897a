//! Signing in and out (S-007 to S-016, S-186 to S-188, X-10, X-11).

use crate::people::{Device, PASSPHRASE, PASSWORD, assert_refused, broker, people, person};
use absio_broker::{Clock, Fault, SeededEntropy};
use absio_proto::crypto::{KdfPolicy, KeyRing, SealedKeyFile};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::HttpRequest;
use absio_proto::model::{Credentials, Portion, UserId};
use absio_proto::ops::key_file::Checksum;
use absio_proto::ops::user::{ChangeCredentials, Create, Login, LoginWith, Logout, Register};
use absio_proto::ops::{container, key_file};
use absio_proto::wire::{AUTHORIZATION, RetrieveAnswer, decode_error};
use absio_proto::{CryptoError, Error, InputError, RemoteCode, User};

fn log_in(device: &Device, user: UserId, with: LoginWith) -> Result<User, Error> {
    device.run(Login::new(user, with))
}

fn sealed(device: &Device) -> SealedKeyFile {
    device.user().sealed_key_file().expect("the user has a key file").clone()
}

/// Nobody is signed in, nothing is held.
#[track_caller]
fn assert_signed_out(device: &Device) {
    let now = device.broker.clock().now();
    assert!(device.session(|session| session.user().is_none() && !session.is_authenticated(now)));
}

#[test]
fn s007_s152_login_gives_the_user_with_private_keys() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    let with = LoginWith::nothing().password(PASSWORD).passphrase(PASSPHRASE);
    let user = log_in(&device, alice.id(), with).unwrap();
    assert_eq!(user.id(), alice.id());
    assert!(user.keys().derivation_secret(1).is_some());
    assert_eq!(user.key_file().unwrap().user_id(), alice.id());
    assert_eq!(device.id(), alice.id());
}

#[test]
fn s008_login_with_neither_is_refused_before_anything_is_sent() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    for with in [LoginWith::nothing(), LoginWith::nothing().key_file(sealed(&alice))] {
        let (refused, requests) = device.requests(|device| log_in(device, alice.id(), with));
        assert_eq!(refused.unwrap_err(), InputError::CredentialsRequired.into());
        assert_eq!(requests, 0);
    }
    assert_signed_out(&device);
}

#[test]
fn s010_s186_the_password_alone_fetches_nothing() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    let (refused, requests) =
        device.requests(|device| log_in(device, alice.id(), LoginWith::nothing().password(PASSWORD)));
    assert_eq!(refused.unwrap_err(), InputError::PassphraseRequired.into());
    assert_eq!(requests, 0);
    assert_signed_out(&device);
}

#[test]
fn s011_the_passphrase_alone_fetches_and_opens() {
    let alice = person(&broker());
    let container = alice.create(b"hers", &[]);
    let device = Device::new(&alice.broker);
    let (user, requests) =
        device.requests(|device| log_in(device, alice.id(), LoginWith::nothing().passphrase(PASSPHRASE)));
    assert_eq!(user.unwrap().id(), alice.id());
    assert_eq!(requests, 3, "challenge, key file with the next challenge, login (F43)");
    assert_eq!(device.content(container), Some(b"hers".to_vec()));
    // With the file at hand nothing is fetched.
    let with = LoginWith::nothing().passphrase(PASSPHRASE).key_file(sealed(&alice));
    let (user, requests) = device.requests(|device| log_in(device, alice.id(), with));
    assert!(user.is_ok());
    assert_eq!(requests, 2);
}

#[test]
fn s012_with_both_the_passphrase_fetches_and_the_password_opens() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    let with = |password| LoginWith::nothing().passphrase(PASSPHRASE).password(password);
    log_in(&device, alice.id(), with(PASSWORD)).unwrap();
    let refused = log_in(&device, alice.id(), with("Wrong horse 1")).unwrap_err();
    assert_eq!(refused, InputError::WrongPassword { user: alice.id() }.into());
    assert_signed_out(&device);
}

#[test]
fn login_with_a_key_file_at_hand_is_two_round_trips() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    let with = LoginWith::nothing().password(PASSWORD).key_file(sealed(&alice));
    let (user, requests) = device.requests(|device| log_in(device, alice.id(), with));
    assert!(user.is_ok());
    assert_eq!(requests, 2, "challenge and login");
    let with = LoginWith::nothing().user(alice.user());
    let (_, requests) = device.requests(|device| log_in(device, alice.id(), with).unwrap());
    assert_eq!(requests, 2);
}

#[test]
fn s013_wrong_secrets_are_told_apart_here_and_nobody_is_signed_in() {
    let [alice, bob] = people();
    let unknown = UserId::from_bytes([9; 16]);
    let device = Device::new(&alice.broker);
    let local = || LoginWith::nothing().key_file(sealed(&alice));
    let cases: [(UserId, LoginWith, &str); 6] = [
        (alice.id(), local().password("Wrong horse 1"), "wrong_password"),
        (alice.id(), local().passphrase("Wrong staple 2"), "wrong_passphrase"),
        (alice.id(), LoginWith::nothing().passphrase("Wrong staple 2"), "retrieval_refused"),
        (unknown, LoginWith::nothing().passphrase(PASSPHRASE), "retrieval_refused"),
        (bob.id(), local().password(PASSWORD), "key_file_invalid"),
        (bob.id(), LoginWith::nothing().user(alice.user()), "invalid_argument"),
    ];
    for (user, with, code) in cases {
        device.log_in(alice.id());
        let refused = log_in(&device, user, with).unwrap_err();
        assert_eq!(refused.code(), code);
        assert_signed_out(&device);
    }
}

/// Security case 59: the broker answers a wrong passphrase and an unknown user alike.
#[test]
fn s013_broker_enum_indistinct() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    let unknown = UserId::from_bytes([9; 16]);
    let answer = |user: UserId, passphrase: &str| {
        device.broker.record();
        log_in(&device, user, LoginWith::nothing().passphrase(passphrase)).unwrap_err();
        let last = device.broker.recorded().pop().unwrap();
        let response = last.outcome.unwrap();
        let text = String::from_utf8(response.body).unwrap().replace(&user.to_string(), "USER");
        (response.status, response.headers, text)
    };
    assert_eq!(answer(alice.id(), "Wrong staple 2"), answer(unknown, "Wrong staple 2"));
    // A login proof by a user nobody knows is refused as one with a wrong signature is.
    let answer = |with: LoginWith, user: UserId, alter: fn(&mut HttpRequest)| {
        device.broker.record();
        let mut altered = crate::altered::Altered::new(&device);
        altered.rewrite = alter;
        altered.run(Login::new(user, with)).unwrap_err();
        let response = device.broker.recorded().pop().unwrap().outcome.unwrap();
        (response.status, String::from_utf8(response.body).unwrap().replace(&user.to_string(), "USER"))
    };
    let ring = KeyRing::generate(&mut SeededEntropy::new(5), alice.now()).unwrap();
    let stranger = ring.user_id();
    let of_unknown = answer(LoginWith::nothing().user(ring.into()), stranger, |_| {});
    let of_wrong = answer(LoginWith::nothing().user(alice.user()), alice.id(), |request| {
        if request.path == "/v1/login" {
            let body = String::from_utf8(request.body.to_vec()).unwrap();
            let at = body.find("\"signature\":\"").unwrap() + 20;
            let other = if body.as_bytes()[at] == b'A' { "B" } else { "A" };
            request.body = format!("{}{other}{}", &body[..at], &body[at + 1..]).into_bytes().into();
        }
    });
    assert_eq!(of_unknown, of_wrong);
    assert_eq!(of_unknown.0, 401);
}

#[test]
fn s015_logout_ends_the_session_here_and_at_the_broker() {
    let alice = person(&broker());
    let container = alice.create(b"x", &[]);
    alice.broker.record();
    alice.run(Checksum::new()).unwrap();
    let with_token = alice.broker.recorded().pop().unwrap().request;
    assert_eq!(alice.broker.exchange(with_token.clone()).unwrap().status, 200);

    let (_, requests) = alice.requests(|alice| alice.run(Logout::new()).unwrap());
    assert_eq!(requests, 1);
    assert_signed_out(&alice);
    assert_eq!(alice.get(container).unwrap_err(), InputError::NotAuthenticated.into());
    let refused = alice.broker.exchange(with_token).unwrap();
    assert!(decode_error(&refused).is_remote(&RemoteCode::NotAuthenticated));
    // Nobody to sign out any more.
    let (_, requests) = alice.requests(|alice| alice.run(Logout::new()).unwrap());
    assert_eq!(requests, 0);
}

#[test]
fn s015_logout_works_whatever_the_network_does() {
    let kinds = [
        absio_proto::effect::TransportErrorKind::Unreachable,
        absio_proto::effect::TransportErrorKind::Interrupted,
        absio_proto::effect::TransportErrorKind::TimedOut,
    ];
    for kind in kinds {
        let alice = person(&broker());
        alice.broker.set_hook(move |_| Fault::Drop(kind));
        let (result, requests) = alice.requests(|alice| alice.run(Logout::new()));
        result.unwrap();
        assert!(requests <= 3, "{requests}");
        assert_signed_out(&alice);
    }
}

#[test]
fn s016_another_user_replaces_the_session() {
    let [alice, bob] = people();
    let secret = alice.create(b"for alice", &[]);
    assert_eq!(alice.content(secret), Some(b"for alice".to_vec()));
    alice.log_in(bob.id());
    assert_eq!(alice.id(), bob.id());
    assert_refused(alice.get(secret), RemoteCode::ContainerNotFound);
    let update = container::Update::new(secret).container_type("mine");
    assert_refused(alice.update(update), RemoteCode::ContainerNotFound);
    assert_refused(alice.delete(secret), RemoteCode::ContainerNotFound);
}

/// Security case 63: what was sent for one user is never sent for the next.
#[test]
fn session_fixation_tokens_do_not_outlive_their_user() {
    let [alice, bob] = people();
    let device = Device::new(&alice.broker);
    device.broker.record();
    let tokens = |device: &Device| -> Vec<String> {
        let recorded = device.broker.recorded();
        recorded.iter().filter_map(|exchange| token_of(&exchange.request)).collect()
    };
    device.log_in(alice.id());
    device.run(Checksum::new()).unwrap();
    let of_alice = tokens(&device);
    device.log_in(bob.id());
    device.run(Checksum::new()).unwrap();
    device.create(b"x", &[]);
    let of_bob = tokens(&device);
    assert_eq!((of_alice.len(), of_bob.len()), (1, 2));
    assert!(of_bob.iter().all(|token| !of_alice.contains(token)));
    // Each login begins a new session.
    device.log_in(bob.id());
    device.run(Checksum::new()).unwrap();
    assert!(tokens(&device).iter().all(|token| !of_bob.contains(token)));
}

fn token_of(request: &HttpRequest) -> Option<String> {
    request.headers.iter().find(|(name, _)| name == AUTHORIZATION).map(|(_, value)| value.clone())
}

#[test]
fn s187_a_user_of_another_session_signs_in_without_a_secret() {
    let alice = person(&broker());
    let container = alice.create(b"x", &[]);
    let device = Device::new(&alice.broker);
    let user = log_in(&device, alice.id(), LoginWith::nothing().user(alice.user())).unwrap();
    assert_eq!(user.id(), alice.id());
    assert_eq!(device.content(container), Some(b"x".to_vec()));
}

#[test]
fn x10_s205_a_key_ring_registers_and_signs_in_without_a_key_file() {
    let [alice] = people();
    let device = Device::new(&alice.broker);
    let ring = KeyRing::generate(&mut SeededEntropy::new(6), alice.now()).unwrap();
    let (id, kept) = (ring.user_id(), ring.duplicate());
    let (user, requests) = device.requests(|device| device.run(Register::new(ring)).unwrap());
    assert_eq!((user.id(), requests), (id, 1));
    assert!(user.key_file().is_none() && user.sealed_key_file().is_none());
    assert_signed_out(&device);

    let again = || LoginWith::nothing().user(User::from(kept.duplicate()));
    log_in(&device, id, again()).unwrap();
    let shared = alice.create(b"for the agent", &[alice.full(), device.full()]);
    assert_eq!(device.content(shared), Some(b"for the agent".to_vec()));
    let own = device.create(b"by the agent", &[device.full(), alice.full()]);
    assert_eq!(alice.content(own), Some(b"by the agent".to_vec()));
    // There is no key file to fetch or to change.
    assert_refused(device.run(Checksum::new()), RemoteCode::KeyFileNotFound);
    let change = ChangeCredentials::new(Credentials::new(PASSWORD, PASSPHRASE));
    assert_eq!(device.run(change).unwrap_err(), InputError::NoKeyFile { user: id }.into());
    let fresh = Device::new(&alice.broker);
    let by_passphrase = log_in(&fresh, id, LoginWith::nothing().passphrase(PASSPHRASE));
    assert_refused(by_passphrase, RemoteCode::RetrievalRefused);
    // The session is renewed without one as well.
    device.broker.clock().advance(std::time::Duration::from_secs(4000));
    assert_eq!(device.content(shared), Some(b"for the agent".to_vec()));
}

#[test]
fn x11_the_bytes_of_a_key_file_can_be_kept_and_its_costs_raised() {
    let broker = broker();
    let at = |iterations| KdfPolicy::with_iterations(iterations).unwrap();
    let iterations = |user: &User| {
        let bytes = user.sealed_key_file().unwrap().as_bytes();
        u32::from_be_bytes(bytes[30..34].try_into().unwrap())
    };
    let old = Device::configured(&broker, |config| config.kdf_policy(at(210_000)));
    let created = old.run(Create::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap();
    assert_eq!(iterations(&created), 210_000);
    let exported = created.sealed_key_file().unwrap().as_bytes().to_vec();

    let new = Device::configured(&broker, |config| config.kdf_policy(at(220_000)));
    let imported = SealedKeyFile::from_bytes(exported).unwrap();
    log_in(&new, created.id(), LoginWith::nothing().key_file(imported).password(PASSWORD)).unwrap();
    let changed =
        new.run(ChangeCredentials::new(Credentials::new("Another horse 3", "Another staple 4"))).unwrap();
    assert_eq!(iterations(&changed), 220_000);
    log_in(&old, created.id(), LoginWith::nothing().passphrase("Another staple 4")).unwrap();
}

/// Security case 60.
#[test]
fn ms_reminder_forged() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    device.broker.set_hook(|request| match request.path.as_str() {
        "/v1/key-file/retrieve" => Fault::Alter(Box::new(|response| {
            let mut answer = RetrieveAnswer::decode(&response.body).unwrap();
            answer.reminder = "type your password here".into();
            response.body = answer.encode();
        })),
        _ => Fault::None,
    });
    let with = || LoginWith::nothing().passphrase(PASSPHRASE);
    let (refused, requests) = device.requests(|device| log_in(device, alice.id(), with()));
    assert_eq!(refused.unwrap_err(), CryptoError::ReminderChanged { user: alice.id() }.into());
    assert_eq!(requests, 2, "nothing is signed for a server that lies");
    assert_signed_out(&device);
    device.broker.clear_hook();
    log_in(&device, alice.id(), with()).unwrap();
}

#[test]
fn ms_keyfile_rollback_and_fork_are_noticed_by_a_session_that_saw_better() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    device.log_in(alice.id());
    let old = sealed(&alice);
    alice.run(ChangeCredentials::new(Credentials::new(PASSWORD, PASSPHRASE).reminder("2"))).unwrap();
    device.log_in(alice.id());
    // Another second generation, made of the same first one.
    let first = key_file_of(&old);
    let content = first.content().duplicate();
    let (_, fork) = first.reseal(content, &mut SeededEntropy::new(77)).unwrap();
    assert_eq!(fork.generation(), sealed(&device).generation());
    for (file, code) in [(old, "key_file_rollback"), (fork, "key_file_forked")] {
        let with = LoginWith::nothing().password(PASSWORD).key_file(file);
        assert_eq!(log_in(&device, alice.id(), with).unwrap_err().code(), code);
    }
    // A server that goes back is no better.
    let with = LoginWith::nothing().password(PASSWORD).key_file(sealed(&alice));
    log_in(&device, alice.id(), with).unwrap();
}

fn key_file_of(sealed: &SealedKeyFile) -> absio_proto::crypto::OpenKeyFile {
    let policy = KdfPolicy::insecure_for_tests();
    absio_proto::crypto::key_file::open_with_password(sealed.as_bytes(), sealed.user_id(), PASSWORD, &policy)
        .expect("the password is right")
}

#[test]
fn s013_a_failed_login_leaves_no_key_behind() {
    let alice = person(&broker());
    let device = Device::new(&alice.broker);
    // The key file opens, then the login fails.
    device.broker.set_hook(|request| match request.path.as_str() {
        "/v1/login" => Fault::Drop(absio_proto::effect::TransportErrorKind::Unreachable),
        _ => Fault::None,
    });
    log_in(&device, alice.id(), LoginWith::nothing().passphrase(PASSPHRASE)).unwrap_err();
    assert_signed_out(&device);
    let (refused, requests) =
        device.requests(|device| device.run(container::Get::new(unknown_container(), Portion::All)));
    assert_eq!((refused.unwrap_err(), requests), (InputError::NotAuthenticated.into(), 0));
    // Fetching alone signs nobody in.
    device.broker.clear_hook();
    device.run(key_file::Get::new(alice.id(), PASSPHRASE, None)).unwrap();
    assert_signed_out(&device);
}

fn unknown_container() -> absio_proto::model::ContainerId {
    absio_proto::model::ContainerId::from_bytes([4; 16])
}
