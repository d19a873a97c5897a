//! Clocks that lie, and a server that stands still (security cases 43 and 46).

use crate::altered::Altered;
use crate::people::{Device, PASSPHRASE, assert_refused, people};
use absio_broker::Fault;
use absio_proto::effect::HttpResponse;
use absio_proto::model::{AccessList, Portion};
use absio_proto::ops::container::{Create, Update};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::container::Get;
use absio_proto::provider::{Options, Provider, Standard};
use absio_proto::wire::ContainerAnswer;
use absio_proto::{CryptoError, Error, LocalError, RemoteCode};
use absio_store::MemoryStore;
use std::sync::Arc;
use std::time::Duration;

const HOUR: u64 = 3_600_000;

/// A second device of `device`'s user that keeps what it is shown.
fn keeping(device: &Device) -> Device {
    let other = Device::new(&device.broker).with_store(Arc::new(MemoryStore::new()));
    let login = Standard::ServerCacheOfs.login(device.id(), LoginWith::nothing().passphrase(PASSPHRASE));
    other.run(login).unwrap();
    other
}

/// The broker's clock is turned back, so that it still serves what has ended, and says so in its answers. What
/// the device keeps it gives out by its own time, and by the latest that it ever wrote down.
#[test]
fn ms_time_back_brings_no_access_back() {
    let [alice, bob] = people();
    let start = alice.now();
    let end = start.plus_millis(HOUR);
    let access = AccessList::of([alice.full(), bob.full().until(end)]);
    let id = alice.changed(Create::new(b"until then".to_vec()).access(access));
    let device = keeping(&bob);
    let mut watched = Altered::new(&device);
    let get = |watched: &Altered<'_>, place: Standard| {
        let get = place.get_container(Get::new(id, Portion::All));
        watched.run(get).map(|got| got.container.content)
    };
    assert_eq!(get(&watched, Standard::ServerCacheOfs), Ok(Some(b"until then".to_vec())));
    // The device's hour has passed; the broker says that it has not.
    device.broker.set_hook(|request| {
        if !request.path.starts_with("/v1/containers/") {
            return Fault::None;
        }
        Fault::Alter(Box::new(|response| {
            response.headers.push(("date".into(), "Thu, 01 Jan 1970 00:00:00 GMT".into()));
        }))
    });
    watched.skew = i64::try_from(HOUR).unwrap();
    let ended = get(&watched, Standard::Ofs);
    assert!(matches!(ended, Err(Error::Local(LocalError::AccessExpired { .. }))), "{ended:?}");
    // Something is written after the end, then the device's clock goes back as well.
    let another = Standard::Ofs.create_container(Create::new(b"another".to_vec()));
    watched.run(another).unwrap();
    watched.skew = 0;
    let gone = get(&watched, Standard::Ofs);
    assert!(matches!(gone, Err(Error::Local(LocalError::ContainerNotFound { .. }))), "{gone:?}");
    // Nor does what such a broker hands out anew.
    assert_refused(get(&watched, Standard::ServerCacheOfs), RemoteCode::AccessExpired);
    // An honest broker, whose clock goes right, refuses.
    device.broker.clear_hook();
    device.broker.clock().advance(Duration::from_millis(HOUR));
    assert_refused(get(&watched, Standard::ServerCacheOfs), RemoteCode::AccessExpired);
    device.broker.clock().set(start);
    // The control: a device that knows of no later time gives its copy out.
    let control = keeping(&bob);
    let control = Altered::new(&control);
    assert!(get(&control, Standard::ServerCacheOfs).is_ok() && get(&control, Standard::Ofs).is_ok());
}

/// Times in answers are believed by nobody: whatever they say, what is verified and pinned is the same.
#[test]
fn ms_time_back_in_answers_changes_nothing() {
    let [alice, bob] = people();
    let id = alice.create(b"one", &[alice.full(), bob.full()]);
    let mut seen = Vec::new();
    for time in [None, Some(0), Some(1), Some(u64::MAX)] {
        let device = crate::staging::fresh(&bob);
        let reader = bob.id();
        if let Some(time) = time {
            device.broker.fault_next(Fault::Alter(Box::new(move |response| {
                let mut answer = ContainerAnswer::decode(&response.body, reader).unwrap();
                answer.server_time = time;
                response.body = answer.encode(reader);
            })));
        }
        let got = device.get(id).unwrap();
        device.broker.record();
        let updated = device.update(Update::new(id).content(b"two".to_vec()));
        let written = updated.unwrap().container.metadata.unwrap().modified_at.unwrap();
        assert_eq!(written, device.now(), "signed with the device's own time");
        seen.push((got.created_at(), got.content));
        // Put back for the next one.
        alice.get(id).unwrap();
        alice.update(Update::new(id).content(b"one".to_vec())).unwrap();
    }
    assert!(seen.iter().all(|got| *got == seen[0]), "the first is the control");
}

/// A manifest from the device's future is refused, so a server cannot date things ahead of everybody either.
#[test]
fn ms_time_back_of_a_device_is_told() {
    let [alice, bob] = people();
    let day = 24 * HOUR;
    alice.broker.clock().advance(Duration::from_millis(day));
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    let device = crate::staging::fresh(&bob);
    let mut watched = Altered::new(&device);
    watched.skew = -i64::try_from(day).unwrap();
    let get = || absio_proto::ops::container::Get::new(id, Portion::All);
    let refused = watched.run(get());
    assert!(matches!(refused, Err(Error::Crypto(CryptoError::FromTheFuture { .. }))), "{refused:?}");
    watched.skew = 0;
    assert_eq!(watched.run(get()).unwrap().content.as_deref(), Some(&b"x"[..]), "the control");
}

/// A server that shows the same revision for ever is believed as long as its word is young enough: a copy
/// that may not be older than so much is given out no longer, and how old it is can be seen.
#[test]
fn ms_freeze_of_a_server_that_answers_with_yesterdays_news() {
    let [alice, bob] = people();
    let id = alice.create(b"yesterday", &[alice.full(), bob.full()]);
    let device = keeping(&bob);
    let frozen = crate::staging::answer(&crate::staging::fresh(&bob), id).encode(bob.id());
    let freeze = |device: &Device| {
        let response = HttpResponse { status: 200, headers: Vec::new(), body: frozen.clone() };
        device.broker.set_hook(move |request| match request.path.starts_with("/v1/containers/") {
            true => Fault::Answer(response.clone()),
            false => Fault::None,
        });
    };
    let get = |device: &Device, limit: Option<u64>| {
        let options =
            limit.map_or(Options::new(), |limit| Options::new().max_staleness(Duration::from_millis(limit)));
        device.run(Standard::ServerCacheOfs.get_container(Get::new(id, Portion::All).with(options)))
    };
    let since = device.now();
    assert_eq!(get(&device, None).unwrap().fresh_at, Some(since));
    device.broker.clock().advance(Duration::from_millis(HOUR));
    alice.update(Update::new(id).content(b"today".to_vec())).unwrap();
    // The server does not answer any more: what it said last is an hour old, and says so.
    device.set_offline(true);
    let copy = get(&device, None).unwrap();
    assert_eq!((copy.from_cache, copy.fresh_at), (true, Some(since)));
    assert_eq!(copy.container.content, Some(b"yesterday".to_vec()));
    assert!(get(&device, Some(HOUR)).is_ok(), "the control: within the limit");
    let stale = get(&device, Some(HOUR - 1)).unwrap_err();
    assert!(matches!(stale.cause(), Error::Transport(_)), "it is asked for, and not given out: {stale:?}");
    device.set_offline(false);
    // It answers with the old revision. That cannot be noticed by whoever saw no newer one, and is the
    // stated limit; it is, by whoever did.
    freeze(&device);
    let got = get(&device, Some(HOUR - 1)).unwrap();
    assert_eq!((got.from_cache, got.container.content), (false, Some(b"yesterday".to_vec())));
    device.broker.clear_hook();
    device.broker.clock().advance(Duration::from_millis(HOUR));
    assert_eq!(get(&device, Some(1)).unwrap().container.content, Some(b"today".to_vec()), "the control");
    device.broker.clock().advance(Duration::from_millis(HOUR));
    freeze(&device);
    let refused = get(&device, Some(1)).unwrap_err();
    assert!(
        matches!(refused.cause(), Error::Crypto(CryptoError::RollbackDetected { seen: 2, offered: 1, .. })),
        "{refused:?}"
    );
    device.broker.clear_hook();
    assert_eq!(get(&device, None).unwrap().container.content, Some(b"today".to_vec()));
}
