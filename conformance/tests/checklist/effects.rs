//! The effect sequence of every operation, as snapshots: what each asks of its driver, how often it
//! goes to the broker, and nothing secret in it. A changed snapshot is a changed operation.

use crate::people::{Device, PASSPHRASE, PASSWORD, broker, person};
use absio_broker::SeededEntropy;
use absio_proto::crypto::KeyRing;
use absio_proto::driver::blocking::{Content, run};
use absio_proto::effect::ContentError;
use absio_proto::model::{AccessChange, AccessList, Credentials, EventFilter, Grant, Portion};
use absio_proto::ops::container::{ContentInput, Create, Delete, Get, List, Resign, Update, UpdateOrCreate};
use absio_proto::ops::user::{Login, LoginWith};
use absio_proto::ops::{events, info, key_file, user};
use absio_proto::trace::Trace;
use absio_proto::{Guard, Operation};
use serde_json::json;

/// The effects of several operations, one heading each.
#[derive(Default)]
struct Story(String);

impl Story {
    fn tell<O: Operation>(&mut self, title: &str, device: &Device, operation: O) -> O::Output {
        let trace = Trace::new(device);
        let result = run(&mut Guard::new(operation), &trace);
        self.0.push_str(&format!("# {title}\n{}\n", trace.into_recording()));
        result.unwrap_or_else(|error| panic!("{title}: {error}"))
    }
}

/// Zeros of any length; takes what is written and forgets it.
struct Zeros;

impl Content for Zeros {
    fn read_at(&mut self, _offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        Ok(vec![0; length])
    }

    fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
        Ok(())
    }
}

#[test]
fn effects_of_users_and_key_files() {
    let (broker, mut story) = (broker(), Story::default());
    let device = Device::new(&broker);
    story.tell("info", &device, info::Info::new());
    let credentials = || Credentials::new(PASSWORD, PASSPHRASE).reminder("the usual");
    let created = story.tell("user create", &device, user::Create::new(credentials()));
    let with = || LoginWith::nothing().passphrase(PASSPHRASE);
    story.tell("login on a fresh device", &device, Login::new(created.id(), with()));
    let key_file = created.sealed_key_file().expect("it has one").clone();
    let local = LoginWith::nothing().password(PASSWORD).key_file(key_file);
    story.tell("login with the key file at hand", &device, Login::new(created.id(), local));
    story.tell("reminder", &device, user::Reminder::new(None));
    let other = person(&broker);
    story.tell("public keys", &device, user::PublicKeys::new([other.id()]));
    story.tell("public keys, known", &device, user::PublicKeys::new([other.id()]));
    story.tell("key file checksum", &device, key_file::Checksum::new());
    story.tell("key file get", &device, key_file::Get::new(created.id(), PASSPHRASE, None));
    let open = device.user();
    let open = open.key_file().expect("she has one");
    let content = open.content().duplicate();
    let again = open.reseal(content, &mut SeededEntropy::new(5)).expect("it seals");
    story.tell("key file update", &device, key_file::Update::new(again.into()));
    let changed = Credentials::new("Another password 3", "Another passphrase 4");
    story.tell("change credentials", &device, user::ChangeCredentials::new(changed));
    let mine = device.create(b"mine alone", &[]);
    story.tell("revoke keys", &device, user::RevokeKeys::new());
    story.tell("rotate keys", &device, user::RotateKeys::new());
    story.tell("sign a container anew, which it does not need", &device, Resign::new(mine));
    story.tell("logout", &other, user::Logout::new());
    let ring = KeyRing::generate(&mut SeededEntropy::new(6), device.now()).expect("there is randomness");
    let registered = story.tell("register a key ring", &other, user::Register::new(ring));
    let with = LoginWith::nothing().user(registered.clone());
    story.tell("login with a key ring", &other, Login::new(registered.id(), with));
    story.tell("user delete", &device, user::Delete::new());
    insta::assert_snapshot!("users", story.0);
}

#[test]
fn effects_of_containers() {
    let (broker, mut story) = (broker(), Story::default());
    let (alice, bob) = (person(&broker), person(&broker));
    let shared = AccessList::Users(vec![alice.id(), bob.id()]);
    let create = Create::new(b"hello".to_vec()).header(json!({"a": 1})).container_type("t").access(shared);
    let changed = story.tell("create, shared with an unknown user", &alice, create);
    let id = changed.container.id.expect("it was created");
    story.tell("create, private", &alice, Create::new(b"hello".to_vec()));
    for portion in [Portion::All, Portion::Header, Portion::Content, Portion::Metadata] {
        story.tell(&format!("get {portion}"), &bob, Get::new(id, portion));
    }
    story.tell("update type", &alice, Update::new(id).container_type("u"));
    let grant = Grant::recipient(bob.id()).until(alice.now().plus_millis(1000));
    story.tell("update access", &alice, Update::new(id).access(AccessChange::Set(vec![grant])));
    story.tell("update header", &alice, Update::new(id).header(json!(2)));
    story.tell("update content", &alice, Update::new(id).content(b"bye".to_vec()));
    let fresh = Device::new(&broker);
    fresh.log_in(alice.id());
    story.tell("update without the container at hand", &fresh, Update::new(id).container_type("v"));
    let sealed = story.tell("get, still encrypted", &alice, Get::new(id, Portion::All).encrypted());
    story.tell("update or create", &alice, UpdateOrCreate::new(sealed));
    story.tell("list", &alice, List::new());
    story.tell("delete, shared", &bob, Delete::new(id));
    alice.get(id).expect("it is still hers");
    story.tell("delete, the last access", &alice, Delete::new(id));
    insta::assert_snapshot!("containers", story.0);
}

#[test]
fn effects_of_a_large_content() {
    let (broker, mut story) = (broker(), Story::default());
    let alice = person(&broker);
    let length = (4 << 20) * 5 + 1;
    alice.give(Box::new(Zeros));
    let changed = story.tell("create in parts", &alice, Create::new(ContentInput::Streamed { length }));
    let id = changed.container.id.expect("it was created");
    let fresh = Device::new(&broker);
    fresh.log_in(alice.id());
    fresh.give(Box::new(Zeros));
    story.tell("get in parts", &fresh, Get::new(id, Portion::All).into_sink());
    insta::assert_snapshot!("large", story.0);
}

#[test]
fn effects_of_events() {
    let (broker, mut story) = (broker(), Story::default());
    let alice = person(&broker);
    alice.create(b"x", &[]);
    story.tell("a page", &alice, events::Page::new(EventFilter::default(), 10, 0));
    story.tell(
        "a page that waits",
        &alice,
        events::Page::new(EventFilter { starting_event_id: 99, ..EventFilter::default() }, 10, 30),
    );
    story.tell("all", &alice, events::Get::new(EventFilter::default()));
    story.tell("new ones", &alice, events::Get::of_containers(EventFilter::default(), None));
    insta::assert_snapshot!("events", story.0);
}
