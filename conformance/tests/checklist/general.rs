//! Setting a client up (checklist 1.1), and what every operation refuses before anything is sent.

use crate::altered::Altered;
use crate::people::{Device, PASSPHRASE, PASSWORD, assert_refused, broker, people, person};
use absio_broker::SeededEntropy;
use absio_proto::crypto::{Container, KeyRing};
use absio_proto::model::{AccessList, ApiKey, ContainerId, Credentials, EventFilter, Portion, UserId};
use absio_proto::ops::{container, events, info, key_file, user};
use absio_proto::{Config, DEFAULT_SERVER_URL, Error, InputError, RemoteCode, Session};

fn encrypted() -> Container {
    let mut container = Container::new().with_content(b"x".to_vec());
    container.encrypt(None, &mut SeededEntropy::new(3)).expect("it encrypts");
    container
}

/// The results of operations that need a user, and of those that need none.
fn every_operation(device: &Device) -> [Vec<Result<(), Error>>; 2] {
    let (id, someone) = (ContainerId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
    let ring = || KeyRing::generate(&mut SeededEntropy::new(1), device.now()).expect("there is randomness");
    let filter = EventFilter::default;
    macro_rules! run {
        ($($operation:expr),* $(,)?) => { vec![$(device.run($operation).map(|_| ())),*] };
    }
    let of_users = run![
        user::Delete::new(),
        user::ChangeCredentials::new(Credentials::new(PASSWORD, PASSPHRASE)),
        user::Reminder::new(None),
        user::PublicKeys::new([someone]),
        key_file::Checksum::new(),
        key_file::Update::new(ring().into()),
        container::Create::new(b"x".to_vec()),
        container::Get::new(id, Portion::All),
        container::Update::new(id).container_type("t"),
        container::UpdateOrCreate::new(encrypted()),
        container::Delete::new(id),
        container::List::new(),
        container::ListPage::new(None),
        events::Get::new(filter()),
        events::Get::of_containers(filter(), None),
        events::Page::new(filter(), 1, 0),
    ];
    let of_anybody = run![
        user::Create::new(Credentials::new(PASSWORD, PASSPHRASE)),
        user::Register::new(ring()),
        user::Login::new(someone, user::LoginWith::nothing().passphrase(PASSPHRASE)),
        user::Login::new(ring().user_id(), user::LoginWith::nothing().user(ring().into())),
        user::Logout::new(),
        user::Reminder::new(Some(someone)),
        key_file::Get::new(someone, PASSPHRASE, None),
        info::Info::new(),
    ];
    [of_users, of_anybody]
}

#[test]
fn s001_nothing_works_before_the_client_is_set_up_and_nothing_is_sent() {
    let device = Device::with_session(&broker(), Session::default());
    let (results, requests) = device.requests(every_operation);
    let refused = Err(Error::Input(InputError::NotInitialized));
    assert!(results.iter().flatten().all(|result| *result == refused), "{results:?}");
    assert_eq!(requests, 0);
    assert!(!device.session(Session::is_initialized));
}

#[test]
fn s015_s188_nothing_of_a_user_works_without_one_and_nothing_is_sent() {
    let device = person(&broker());
    device.run(user::Logout::new()).unwrap();
    let before = device.broker.requests();
    let [of_users, of_anybody] = every_operation(&device);
    let refused = Err(Error::Input(InputError::NotAuthenticated));
    assert!(of_users.iter().all(|result| *result == refused), "{of_users:?}");
    let for_anybody = of_anybody.iter().filter(|result| **result != refused).count();
    assert_eq!(for_anybody, of_anybody.len());
    assert!(device.broker.requests() > before, "the others go to the broker");
    assert!(device.session(|session| session.user().is_none()));
}

#[test]
fn s002_the_api_key_is_a_uuid() {
    let text = "0f8fad5b-d9cb-469f-a165-70867728950e";
    let key: ApiKey = text.parse().unwrap();
    let bytes = *key.as_bytes();
    assert_eq!(key, ApiKey::from_bytes(bytes));
    assert_eq!(key.to_string(), text);
    for wrong in ["", "x", "0f8fad5b-d9cb-469f-a165-70867728950", "0f8fad5b-d9cb-469f-a165-70867728950g"] {
        assert_eq!(wrong.parse::<ApiKey>(), Err(InputError::InvalidApiKey), "{wrong:?}");
    }
}

#[test]
fn s003_s142_the_application_is_named_in_events_if_it_has_a_name() {
    let [named, bob] = people();
    let broker = bob.broker.clone();
    let alice = Device::configured(&broker, |config| config.app_name("x").unwrap());
    alice.log_in(named.id());
    let both = || AccessList::Users(vec![alice.id(), bob.id()]);
    let by_x = alice.changed(container::Create::new(b"1".to_vec()).access(both()));
    let by_nobody = named.changed(container::Create::new(b"2".to_vec()).access(both()));
    let name_in = |container| {
        let filter = EventFilter { container_id: Some(container), ..EventFilter::default() };
        bob.events(filter)[0].client_app_name.clone()
    };
    assert_eq!(name_in(by_x).as_deref(), Some("x"));
    assert_eq!(name_in(by_nobody), None);
    let key = broker.api_key();
    let longest = Config::new(key, broker.origin()).unwrap().app_name(&"é".repeat(64));
    assert!(longest.is_ok());
    let too_long = Config::new(key, broker.origin()).unwrap().app_name(&"x".repeat(129));
    assert!(matches!(too_long, Err(InputError::TooLarge { limit: 128, .. })));
}

#[test]
fn s004_s189_the_server_is_the_original_one_unless_another_is_named() {
    assert_eq!(DEFAULT_SERVER_URL, "https://sandbox.absio.com");
    let config = Config::at_default_server(ApiKey::from_bytes([1; 16])).unwrap();
    assert_eq!(config.origin(), DEFAULT_SERVER_URL);
}

#[test]
fn s005_a_key_of_another_server_is_refused() {
    let (first, second) = (absio_broker::Fixture::seeded(1), absio_broker::Fixture::seeded(2));
    assert_ne!(first.api_key(), second.api_key());
    let config = |fixture: &absio_broker::Fixture| {
        Config::new(fixture.api_key(), second.origin())
            .unwrap()
            .kdf_policy(absio_proto::crypto::KdfPolicy::insecure_for_tests())
    };
    let create = || user::Create::new(Credentials::new(PASSWORD, PASSPHRASE));
    let foreign = Device::with_session(&second, Session::new(config(&first)));
    assert_refused(foreign.run(create()), RemoteCode::UnknownApiKey);
    let own = Device::with_session(&second, Session::new(config(&second)));
    own.run(create()).unwrap();
}

#[test]
fn x15_the_server_tells_its_time_and_a_skewed_client_is_still_right_about_expiry() {
    let [alice, bob] = people();
    let mut skewed = Altered::new(&bob);
    skewed.skew = -4 * 60 * 1000;
    let said = skewed.run(info::Info::new()).unwrap();
    assert_eq!(said.server_time, alice.now().as_millis());
    assert_eq!(said.protocol, 1);

    let ends = alice.now().plus_millis(2000);
    let id = alice.create(b"until then", &[alice.full(), bob.full().until(ends)]);
    let get = || container::Get::new(id, Portion::All);
    assert_eq!(skewed.run(get()).unwrap().content.as_deref(), Some(&b"until then"[..]));
    alice.broker.clock().advance(std::time::Duration::from_secs(3));
    // By bob's own clock there are minutes left.
    assert_refused(skewed.run(get()), RemoteCode::AccessExpired);
}

#[test]
fn x27_set_up_and_signed_in_can_be_asked() {
    let device = Device::new(&broker());
    let authenticated = |device: &Device| {
        let now = absio_broker::Clock::now(device.broker.clock());
        device.session(|session| session.is_authenticated(now))
    };
    assert!(device.session(Session::is_initialized) && !authenticated(&device));
    let created = device.run(user::Create::new(Credentials::new(PASSWORD, PASSPHRASE))).unwrap();
    assert!(device.session(|session| session.user().is_none()) && !authenticated(&device));
    device.log_in(created.id());
    assert!(device.session(|session| session.user().is_some()) && authenticated(&device));
    device.broker.clock().advance(std::time::Duration::from_secs(3600));
    assert!(device.session(|session| session.user().is_some()) && !authenticated(&device));
    device.run(key_file::Checksum::new()).unwrap();
    assert!(authenticated(&device));
    device.run(user::Logout::new()).unwrap();
    assert!(device.session(|session| session.user().is_none()) && !authenticated(&device));
}
