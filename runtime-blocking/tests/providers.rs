//! Providers: the broker, the local store and both, chosen for a client, a block or a call.
#![allow(clippy::unwrap_used)]

mod people;

use absio_blocking::{Client, MemorySink, MemorySource};
use absio_broker::Fixture;
use absio_proto::driver::blocking::{Store, Transport};
use absio_proto::effect::{
    HttpRequest, HttpResponse, Reply, StoreError, StoreErrorKind, StoreOp, StoreOutcome, TransportError,
};
use absio_proto::model::{AccessList, EventFilter, Portion, UserId};
use absio_proto::ops::container::{ContentInput, Create, Update, Warning};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::{Options, Provider, Standard};
use absio_proto::{BoxOp, Cx, Error, Operation, Session, Step};
use absio_store::MemoryStore;
use people::{PASSPHRASE, PASSWORD, builder, files, join, join_with};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

#[test]
fn s164_by_default_both_stores_are_touched_and_either_answers() {
    let broker = Fixture::at_present();
    let (alice, user) = join(&broker);
    let id = alice.container().create(Create::new(b"both".to_vec())).unwrap().container.id.unwrap();
    // At the broker: a device without a store has it from there.
    let other = builder(&broker).build().unwrap();
    other.login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).unwrap();
    assert_eq!(other.container().get(id, Portion::All).unwrap().content.as_deref(), Some(&b"both"[..]));
    // And here: the broker is not asked, and need not be there.
    let before = broker.requests();
    let got = alice.container().fetch(id, Portion::All).unwrap();
    assert!(got.from_cache && got.fresh_at.is_some() && got.warnings.is_empty());
    assert_eq!((got.container.content.as_deref(), broker.requests()), (Some(&b"both"[..]), before));
    broker.set_stopped(true);
    assert!(alice.container().get(id, Portion::All).is_ok());
    assert_eq!(other.container().get(id, Portion::All).unwrap_err().code(), "transport");
}

#[test]
fn s167_s168_both_sessions_are_there_after_login_and_gone_after_logout() {
    let broker = Fixture::at_present();
    let (alice, user) = join(&broker);
    let ids = |client: &Client| (client.signed_in().map(|u| u.id()), client.local_user().map(|u| u.id()));
    assert_eq!(ids(&alice), (Some(user.id()), Some(user.id())));
    assert_eq!(ids(&alice.under(Standard::Server)), ids(&alice), "views share the session");
    alice.logout().unwrap();
    assert_eq!(ids(&alice), (None, None));
    assert!(!alice.is_authenticated());
}

#[test]
fn s040_s079_s175_changes_go_through_the_broker_and_are_kept() {
    let broker = Fixture::at_present();
    let (alice, _) = join(&broker);
    let id = alice.container().create(Create::new(b"one".to_vec())).unwrap().container.id.unwrap();
    alice.container().update(Update::new(id).content(b"two".to_vec())).unwrap();
    broker.set_stopped(true);
    let offline = alice.container().create(Create::new(b"never".to_vec())).unwrap_err();
    assert_eq!(offline.code(), "transport");
    assert!(alice.container().update(Update::new(id).content(b"never".to_vec())).is_err());
    let got = alice.container().get(id, Portion::All).unwrap();
    assert_eq!(got.content.as_deref(), Some(&b"two"[..]));
}

#[test]
fn s169_s170_x05_a_forced_refresh_asks_the_broker_and_keeps_the_answer() {
    let broker = Fixture::at_present();
    let (alice, user) = join(&broker);
    let (bob, bobs) = join(&broker);
    let access = AccessList::Users(vec![user.id(), bobs.id()]);
    let create = Create::new(b"old".to_vec()).access(access);
    let id = alice.container().create(create).unwrap().container.id.unwrap();
    let content = |client: &Client| {
        let got = client.container().fetch(id, Portion::All).unwrap();
        (got.container.content.unwrap(), got.from_cache)
    };
    assert_eq!(content(&bob), (b"old".to_vec(), false));
    alice.container().update(Update::new(id).content(b"new".to_vec())).unwrap();
    assert!(!bob.options().force_refresh);
    assert_eq!(content(&bob), (b"old".to_vec(), true));
    assert_eq!(content(&bob.with(Options::new().force_refresh())), (b"new".to_vec(), false));
    assert_eq!(content(&bob), (b"new".to_vec(), true), "kept");
    // What was confirmed within the hour is fresh enough.
    alice.container().update(Update::new(id).content(b"newest".to_vec())).unwrap();
    let at_most = |age| bob.with(Options::new().max_staleness(age));
    assert_eq!(content(&at_most(Duration::from_secs(3600))), (b"new".to_vec(), true));
    assert_eq!(content(&bob.with(Options::new().force_refresh())), (b"newest".to_vec(), false));
}

#[test]
fn s171_s230_options_of_a_block_end_with_it_also_after_an_error_or_a_panic() {
    let broker = Fixture::at_present();
    let refresh = Options::new().force_refresh();
    let client = builder(&broker).build().unwrap();
    let seen = client.within_options(refresh, |inside| {
        assert_eq!(inside.with(Options::new()).options(), Options::new());
        (inside.options(), client.options())
    });
    assert_eq!(seen, (refresh, Options::new()));
    let failed: Result<(), &str> = client.within_options(refresh, |_| Err("early"));
    assert_eq!((failed, client.options()), (Err("early"), Options::new()));
    let panicked = catch_unwind(AssertUnwindSafe(|| client.within_options(refresh, |_| panic!("planned"))));
    assert!(panicked.is_err() && client.options() == Options::new());
    // Directly on the client: the same effect for every call.
    let directly = builder(&broker).options(refresh).build().unwrap();
    assert_eq!(directly.options(), refresh);
}

/// Answers one question, with its name.
struct Named(&'static str);

impl Provider for Named {
    fn reminder(&self, _user: Option<UserId>) -> BoxOp<String> {
        Box::new(Say(self.0))
    }
}

struct Say(&'static str);

impl Operation for Say {
    type Output = String;

    fn resume(&mut self, _: &mut Cx<'_, Session>, _: Option<Reply>) -> Step<Result<String, Error>> {
        Step::Done(Ok(self.0.to_owned()))
    }
}

fn who(client: &Client) -> String {
    client.user().reminder(None).unwrap()
}

#[test]
fn s228_x28_a_block_selects_a_provider_and_the_outer_one_is_active_after_it() {
    let broker = Fixture::at_present();
    // the default of a client.
    let client = builder(&broker).provider(Named("outer")).build().unwrap();
    let names = client.within(Named("middle"), |middle| {
        let inner = middle.within(Named("inner"), who);
        let failed: Result<(), Error> = middle.within(Named("inner"), |inner| inner.logout());
        assert_eq!(failed.unwrap_err().code(), "unsupported");
        let panicked =
            catch_unwind(AssertUnwindSafe(|| middle.within(Named("inner"), |_| panic!("planned"))));
        assert!(panicked.is_err());
        [inner, who(middle), who(&client)]
    });
    assert_eq!(names, ["inner", "middle", "outer"]);
    assert_eq!(who(&client), "outer");
    assert_eq!(who(&client.under(Named("once"))), "once");
    assert_eq!(who(&client), "outer");
}

#[test]
fn s231_threads_do_not_see_each_others_providers() {
    let broker = Fixture::at_present();
    let client = builder(&broker).provider(Named("own")).build().unwrap();
    let together = Barrier::new(3);
    thread::scope(|scope| {
        for name in ["left", "right"] {
            let (client, together) = (&client, &together);
            scope.spawn(move || {
                client.within(Named(name), |inside| {
                    together.wait(); // both blocks are open
                    assert_eq!(who(inside), name);
                    together.wait();
                });
            });
        }
        together.wait();
        assert_eq!(who(&client), "own");
        together.wait();
    });
}

#[test]
fn s229_each_provider_has_a_session_of_its_own() {
    let broker = Fixture::at_present();
    let (alice, user) = join(&broker);
    let id = alice.container().create(Create::new(b"mine".to_vec())).unwrap().container.id.unwrap();
    alice.logout().unwrap();
    let with = || LoginWith::nothing().password(PASSWORD);
    let (server, ofs) = (alice.under(Standard::Server), alice.under(Standard::Ofs));
    let before = broker.requests();
    ofs.login(user.id(), with()).unwrap();
    assert!(ofs.container().get(id, Portion::All).is_ok());
    assert_eq!(broker.requests(), before, "no network at all");
    assert_eq!(server.container().get(id, Portion::All).unwrap_err().code(), "not_logged_in");
    assert!(alice.signed_in().is_none() && alice.local_user().is_some());
    server.login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).unwrap();
    ofs.logout().unwrap();
    assert!(server.container().get(id, Portion::All).is_ok());
    assert_eq!(ofs.container().get(id, Portion::All).unwrap_err().code(), "not_logged_in");
    server.logout().unwrap();
    // The default signs in to both.
    alice.login(user.id(), with()).unwrap();
    assert!(
        server.container().get(id, Portion::All).is_ok() && ofs.container().get(id, Portion::All).is_ok()
    );
}

#[test]
fn s009_x17_a_password_signs_in_offline_and_the_broker_later() {
    let broker = Fixture::at_present();
    let (alice, user) = join(&broker);
    let id = alice.container().create(Create::new(b"here".to_vec())).unwrap().container.id.unwrap();
    alice.logout().unwrap();
    broker.set_stopped(true);
    let signed_in = alice.sign_in(user.id(), LoginWith::nothing().password(PASSWORD)).unwrap();
    assert!(signed_in.is_offline && !alice.is_authenticated());
    assert!(alice.container().get(id, Portion::All).is_ok());
    let wrong = alice.login(user.id(), LoginWith::nothing().password("Not-the-password 1")).unwrap_err();
    assert_eq!(wrong.code(), "wrong_password");
    assert!(alice.local_user().is_none(), "nobody is signed in after a failed login");
    alice.login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).unwrap();
    broker.set_stopped(false);
    // By itself, with the first call that reaches it.
    alice.container().update(Update::new(id).content(b"later".to_vec())).unwrap();
    assert!(alice.is_authenticated());
}

/// Counts what goes to the broker.
#[derive(Clone)]
struct Counting(Fixture, Arc<AtomicU64>);

impl Transport for Counting {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.exchange(request)
    }
}

#[test]
fn s185_all_traffic_passes_through_a_transport_of_the_callers() {
    let broker = Fixture::at_present();
    let counting = Counting(broker.clone(), Arc::default());
    let client = builder(&broker).transport(counting.clone()).store(MemoryStore::new()).build().unwrap();
    let user = people::sign_up(&client);
    let id = client.container().create(Create::new(b"x".to_vec())).unwrap().container.id.unwrap();
    client.container().list().unwrap();
    client.events(EventFilter::default()).unwrap();
    client.user().public_keys([user.id()]).unwrap();
    client.under(Standard::Server).container().get(id, Portion::All).unwrap();
    client.container().delete(id).unwrap();
    client.logout().unwrap();
    assert_eq!(counting.1.load(Ordering::SeqCst), broker.requests());
    assert!(broker.requests() > 6);
}

#[test]
fn s208_the_server_provider_writes_nothing_to_disk() {
    let broker = Fixture::at_present();
    let directory = tempfile::tempdir().unwrap();
    let client = builder(&broker).root(directory.path()).provider(Standard::Server).build().unwrap();
    let before = files(directory.path());
    let user = people::sign_up(&client);
    let id = client.container().create(Create::new(b"at the broker".to_vec())).unwrap().container.id.unwrap();
    client.container().get(id, Portion::All).unwrap();
    client.user().public_keys([user.id()]).unwrap();
    assert_eq!(files(directory.path()), before);
    // The same watch sees the default provider write.
    client
        .under(Standard::ServerCacheOfs)
        .login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE))
        .unwrap();
    assert_ne!(files(directory.path()), before);
    // Without a store there is nothing to write to, and nothing to read from.
    let (plain, _) = join_with(builder(&broker));
    let id = plain.container().create(Create::new(b"x".to_vec())).unwrap().container.id.unwrap();
    assert!(!plain.container().fetch(id, Portion::All).unwrap().from_cache);
    assert!(plain.local_user().is_none());
    assert_eq!(
        plain.under(Standard::Ofs).container().get(id, Portion::All).unwrap_err().code(),
        "not_logged_in"
    );
}

/// A store whose disk fills up when told to.
struct Filling(MemoryStore, Arc<AtomicBool>);

impl Store for Filling {
    fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let writes = matches!(op, StoreOp::Commit(_) | StoreOp::BlobWrite { .. } | StoreOp::CellWrite { .. });
        if writes && self.1.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Full, "no room"));
        }
        self.0.apply(op)
    }
}

#[test]
fn s234_a_full_disk_fails_no_read_and_no_write_and_is_told() {
    let broker = Fixture::at_present();
    let full = Arc::new(AtomicBool::new(false));
    let (alice, _) = join_with(builder(&broker).store(Filling(MemoryStore::new(), full.clone())));
    full.store(true, Ordering::SeqCst);
    let made = alice.container().create(Create::new(b"kept at the broker".to_vec())).unwrap();
    assert_eq!(made.warnings, [Warning::NotKept(StoreErrorKind::Full)]);
    let id = made.container.id.unwrap();
    let got = alice.container().fetch(id, Portion::All).unwrap();
    assert_eq!(got.container.content.as_deref(), Some(&b"kept at the broker"[..]));
    assert!(!got.from_cache && got.warnings == [Warning::NotKept(StoreErrorKind::Full)]);
    full.store(false, Ordering::SeqCst);
    assert!(alice.container().fetch(id, Portion::All).unwrap().warnings.is_empty());
    assert!(alice.container().fetch(id, Portion::All).unwrap().from_cache);
}

#[test]
fn large_contents_are_kept_on_the_way_up_and_down_and_stream_from_the_local_store() {
    let broker = Fixture::at_present();
    let (alice, user) = join(&broker);
    let (bob, bobs) = join(&broker);
    let bytes: Vec<u8> = (0..(9_u32 << 20)).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let create = Create::new(ContentInput::Streamed { length: bytes.len() as u64 })
        .access(AccessList::Users(vec![user.id(), bobs.id()]));
    let made = alice.container().create_from(create, &mut MemorySource::new(&bytes)).unwrap();
    assert!(made.warnings.is_empty());
    let id = made.container.id.unwrap();
    let read = |client: &Client| {
        let mut sink = MemorySink::new();
        let (got, written) = client.container().fetch_into(id, Portion::All, &mut sink).unwrap();
        assert!(written && got.warnings.is_empty() && sink.into_bytes() == bytes);
        got.from_cache
    };
    assert_eq!((read(&alice), read(&bob)), (true, false));
    broker.set_stopped(true);
    assert_eq!((read(&alice), read(&bob)), (true, true));
}
