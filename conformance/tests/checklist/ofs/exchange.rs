//! One store's content as one stream, and back into another store.

use super::{Both, Laptop, Ofs, assert_degraded, assert_not_found, laptops};
use crate::people::{Device, PASSPHRASE};
use crate::stores::{Death, Disk, Trouble};
use absio_proto::driver::blocking::{Content, Store};
use absio_proto::effect::{Commit, ContentError, StoreErrorKind, StoreOp, Write};
use absio_proto::model::{ContainerId, Credentials, UserId};
use absio_proto::ops::container::{Create, Update};
use absio_proto::ops::ofs::{
    Check, Export, Exported, ExportedKeyFile, Import, Imported, Peers, Repair, Sweep, VerifyPeer,
};
use absio_proto::ops::user::{ChangeCredentials, LoginWith};
use absio_proto::provider::{Follow, Provider, What, WithOutbox, outbox};
use absio_proto::{CryptoError, Error};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// A file in memory that the test holds on to.
#[derive(Clone, Default)]
struct File(Rc<RefCell<Vec<u8>>>);

impl Content for File {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        let start = usize::try_from(offset).unwrap();
        let bytes = self.0.borrow();
        let read = bytes.get(start..start + length).map(<[u8]>::to_vec);
        read.ok_or(ContentError { reason: "the file ends before".into() })
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        let start = usize::try_from(offset).unwrap();
        let mut file = self.0.borrow_mut();
        let end = file.len().max(start + bytes.len());
        file.resize(end, 0);
        file[start..start + bytes.len()].copy_from_slice(&bytes);
        Ok(())
    }
}

fn try_export(device: &Device) -> Result<(Exported, Vec<u8>), Error> {
    let file = File::default();
    let exported = device.run_with(Export::new(), Box::new(file.clone())).0?;
    let bytes = file.0.borrow().clone();
    Ok((exported, bytes))
}

fn export(device: &Device) -> Vec<u8> {
    let (exported, bytes) = try_export(device).expect("the store is whole");
    assert_eq!(exported.bytes, bytes.len() as u64);
    bytes
}

fn import(device: &Device, bytes: &[u8]) -> Result<Imported, Error> {
    let file = File(Rc::new(RefCell::new(bytes.to_vec())));
    device.run_with(Import::new(), Box::new(file)).0
}

/// A new device that signs in with the key file of an export, without the network.
fn sign_in_by(bytes: &[u8], device: &Laptop, user: UserId) {
    let file = File(Rc::new(RefCell::new(bytes.to_vec())));
    let key_file = device.run_with(ExportedKeyFile::new(user), Box::new(file)).0.unwrap();
    let with = LoginWith::nothing().key_file(key_file).passphrase(PASSPHRASE);
    device.run(Ofs.login(user, with)).unwrap();
}

fn empty(like: &Laptop, bytes: &[u8], user: UserId) -> Laptop {
    let laptop = Laptop::new(&like.broker);
    laptop.set_offline(true);
    sign_in_by(bytes, &laptop, user);
    laptop
}

fn texts(laptop: &Laptop) -> Vec<(ContainerId, String)> {
    let listed = laptop.run(Ofs.list_containers()).unwrap();
    listed.iter().map(|listed| (listed.container, laptop.text(Ofs, listed.container))).collect()
}

/// A device with everything that a store holds: short, long and large contents, one of its own, a peer,
/// a cursor.
fn full() -> (Laptop, UserId) {
    let [(alice, user), (bob, _)] = laptops();
    alice.keep(Both, "short marker");
    alice.created(Both, Create::new(vec![b'l'; 100_000]).container_type("type marker"));
    alice.created(Both, Create::new(vec![b'x'; 5 << 20]));
    alice.keep(Ofs, "mine alone");
    bob.create(b"from bob", &[bob.full(), alice.full()]);
    alice.run(Both.follow_events(Follow::new())).unwrap();
    (alice, user)
}

#[test]
fn s215_an_export_fills_an_empty_store() {
    let (alice, user) = full();
    let (exported, bytes) = try_export(&alice).unwrap();
    assert_eq!((exported.records, exported.blobs), (7, alice.disk().blobs.len() as u64));
    let other = empty(&alice, &bytes, user);
    let imported = import(&other, &bytes).unwrap();
    assert_eq!((imported.records, imported.blobs, imported.key_file), (7, exported.blobs, true));
    assert_eq!(texts(&other), texts(&alice));
    other.run(Check::new()).unwrap();
    assert_eq!(other.run(Sweep::new()).unwrap(), 0);
    assert_eq!(other.run(Peers::new()).unwrap(), alice.run(Peers::new()).unwrap());
    // It stands by itself after a restart, and follows on from where the first one was.
    let again = other.restarted();
    again.sign_in(Both, user);
    assert_eq!(texts(&again), texts(&alice));
    let (followed, requests) = again.requests(|again| again.run(Follow::new()).unwrap());
    assert!(followed.applied.iter().all(|applied| applied.what == What::Unchanged));
    assert_eq!(requests, 1, "nothing is fetched again");
    // Twice changes nothing.
    let imported = import(&other, &bytes).unwrap();
    assert_eq!((imported.blobs, imported.key_file), (0, false));
    assert_eq!(texts(&other), texts(&alice));
}

#[test]
fn s209_an_export_tells_nothing() {
    let (alice, user) = full();
    let bytes = export(&alice);
    let has = |marker: &[u8]| bytes.windows(marker.len()).any(|window| window == marker);
    assert!(has(b"OFX1"), "the control");
    for marker in [&b"marker"[..], b"mine alone", b"KEYF", b"xxxxxxxx", &user.as_bytes()[..8]] {
        assert!(!has(marker), "{marker:?}");
    }
    for (container, _) in texts(&alice) {
        assert!(!has(&container.as_bytes()[..8]));
    }
}

/// Nothing is written before all was verified.
#[track_caller]
fn assert_refused(device: &Laptop, bytes: &[u8]) {
    let before = device.disk();
    let error = import(device, bytes).expect_err("it is not whole");
    assert!(matches!(error, Error::Crypto(_) | Error::Content(_)), "{error}");
    assert!(device.disk() == before && blobs(device) == before.blobs.len());
}

fn blobs(device: &Laptop) -> usize {
    crate::stores::blobs_in(device.store.disk()).len()
}

fn small() -> (Laptop, UserId, Vec<u8>) {
    let [(alice, user)] = laptops();
    alice.keep(Both, "one");
    alice.created(Both, Create::new(vec![b'l'; 20_000]));
    let bytes = export(&alice);
    (alice, user, bytes)
}

#[test]
fn ml_export_cut_short_or_altered_is_refused_whole() {
    let (alice, user, bytes) = small();
    let device = empty(&alice, &bytes, user);
    for length in (0..bytes.len()).step_by(997).chain(bytes.len() - 200..bytes.len()) {
        assert_refused(&device, &bytes[..length]);
    }
    for byte in (0..bytes.len()).step_by(499).chain(0..64).chain(bytes.len() - 72..bytes.len()) {
        let mut flipped = bytes.clone();
        flipped[byte] ^= 1;
        assert_refused(&device, &flipped);
    }
    import(&device, &bytes).expect("the control");
}

#[test]
fn ml_export_put_together_anew_is_refused() {
    let (alice, user, bytes) = small();
    let device = empty(&alice, &bytes, user);
    alice.keep(Both, "two");
    let newer = export(&alice);
    // The trailer of one behind the blocks of the other, and a block left out.
    let (trailer, newer_trailer) = (&bytes[bytes.len() - 68..], &newer[newer.len() - 68..]);
    assert_refused(&device, &[&newer[..newer.len() - 68], trailer].concat());
    assert_refused(&device, &[&bytes[..bytes.len() - 68], newer_trailer].concat());
    assert_refused(&device, &[b"OFX1", trailer].concat());
    import(&device, &newer).expect("the control");
}

#[test]
fn s227_the_export_of_another_user_is_refused() {
    let [(alice, _), (bob, user)] = laptops();
    alice.keep(Both, "one");
    let bytes = export(&alice);
    assert_refused(&bob, &bytes);
    let file = File(Rc::new(RefCell::new(bytes)));
    assert!(matches!(
        bob.run_with(ExportedKeyFile::new(user), Box::new(file)).0,
        Err(Error::Crypto(CryptoError::Malformed { .. }))
    ));
}

#[test]
fn s215_an_older_export_never_takes_anything_back() {
    let [(alice, user), (bob, _)] = laptops();
    let changed = alice.keep(Both, "older");
    let deleted = alice.keep(Both, "deleted");
    let mine = alice.keep(Ofs, "mine older");
    let end = alice.now().plus_millis(5000);
    let ends = bob.create(b"ends", &[bob.full(), alice.full().until(end)]);
    alice.run(Both.follow_events(Follow::new())).unwrap();
    let older = export(&alice);
    alice.change(Both, Update::new(changed).content(b"newer".to_vec())).unwrap();
    alice.run(Both.delete_container(deleted)).unwrap();
    alice.change(Ofs, Update::new(mine).content(b"mine newer".to_vec())).unwrap();
    alice.broker.clock().advance(Duration::from_secs(5));
    let fingerprint = bob.user().keys().chain().fingerprint();
    alice.run(VerifyPeer::new(bob.id(), fingerprint)).unwrap();
    let new = Credentials::new("Another horse 3", "Another staple 4");
    alice.run(ChangeCredentials::new(new)).unwrap();
    import(&alice, &older).unwrap();
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Ofs, user);
    for device in [&alice, &again] {
        assert_eq!(device.text(Ofs, changed), "newer");
        assert_eq!(device.text(Ofs, mine), "mine newer");
        assert_not_found(device.fetch(Ofs, deleted));
        assert!(device.fetch(Ofs, ends).is_err(), "what has expired is not brought back");
        assert!(device.run(Peers::new()).unwrap()[0].is_verified);
        device.run(Check::new()).unwrap();
        assert_eq!(device.run(Sweep::new()).unwrap(), 0, "no blob of it is left behind");
    }
    // The other way round, the newer one wins.
    let newer = export(&alice);
    let behind = empty(&alice, &older, user);
    import(&behind, &older).unwrap();
    assert_eq!(behind.text(Ofs, changed), "older");
    import(&behind, &newer).unwrap();
    assert_eq!(behind.text(Ofs, changed), "newer");
    assert_not_found(behind.fetch(Ofs, deleted));
    assert!(behind.run(Peers::new()).unwrap()[0].is_verified);
    assert_eq!(behind.run(Sweep::new()).unwrap(), 0);
}

#[test]
fn s215_an_import_that_died_is_begun_anew() {
    let (alice, user, bytes) = small();
    let expected = texts(&alice);
    let mut crashes = 0;
    for death in Death::ALL {
        for at in 0.. {
            let device = empty(&alice, &bytes, user);
            device.store.set(Trouble::Die(at, death));
            let died = import(&device, &bytes);
            if device.store.count() <= at {
                died.expect("nothing went wrong");
                break;
            }
            crashes += 1;
            let again = device.restarted();
            again.set_offline(true);
            sign_in_by(&bytes, &again, user);
            import(&again, &bytes).unwrap();
            assert_eq!(texts(&again), expected, "{death:?} at {at}");
            again.run(Check::new()).unwrap();
            again.run(Sweep::new()).unwrap();
            assert_eq!(again.disk().blobs.len(), alice.disk().blobs.len());
        }
    }
    assert!(crashes > 30, "{crashes}");
}

/// Nothing that was acknowledged is lost: what waits to be sent in either store waits in the one.
#[test]
fn s215_changes_that_wait_are_imported_behind_those_that_wait_here() {
    let [(alice, user)] = laptops();
    let other = super::follow::second(&alice);
    let waiting = |laptop: &Laptop, text: &str| {
        laptop.set_offline(true);
        let create = Create::new(text.as_bytes().to_vec());
        let changed = laptop.run(WithOutbox.create_container(create)).unwrap();
        changed.container.id.expect("it has an id")
    };
    let first = [waiting(&alice, "first"), waiting(&alice, "second")];
    let bytes = export(&alice);
    let here = waiting(&other, "here");
    import(&other, &bytes).unwrap();
    import(&other, &bytes).unwrap();
    let queued = other.run(outbox::List::new()).unwrap();
    let order: Vec<_> = queued.iter().map(|queued| queued.container).collect();
    assert_eq!(order, [here, first[0], first[1]], "each once");
    let again = other.restarted();
    again.sign_in(Both, user);
    assert_eq!(again.text(Ofs, first[0]), "first");
    again.run(outbox::Drain::new()).unwrap();
    assert!(again.run(outbox::List::new()).unwrap().is_empty());
    let online = super::follow::second(&again);
    for (id, text) in [(here, "here"), (first[0], "first"), (first[1], "second")] {
        assert_eq!(online.text(Both, id), text);
    }
    // The store it came from sends them too, which changes nothing.
    alice.set_offline(false);
    alice.run(outbox::Drain::new()).unwrap();
    assert_eq!(alice.run(Both.list_containers()).unwrap().len(), 3);
    assert_eq!(again.run(Sweep::new()).unwrap(), 0);
}

/// What is not whole is not exported as if it were.
#[test]
fn ml_export_of_a_damaged_store_is_refused() {
    let (alice, user, _) = small();
    let disk = alice.disk();
    let keys: Vec<_> = disk.records.keys().cloned().collect();
    let damaged = |change: &dyn Fn(&mut Disk)| {
        let mut disk = disk.clone();
        change(&mut disk);
        let device = Laptop::on(&alice.broker, disk.store());
        device.set_offline(true);
        device.sign_in(Ofs, user);
        device
    };
    assert!(try_export(&damaged(&|_| {})).is_ok(), "the control");
    let (mut incomplete, mut lists) = (0, 0);
    for key in &keys {
        let device = damaged(&|_| {});
        let writes = vec![Write::Delete { key: key.clone() }];
        device.store.disk().apply(StoreOp::Commit(Commit { preconditions: Vec::new(), writes })).unwrap();
        assert_degraded(try_export(&device));
        // Repaired, it is exported, and says of itself that something is missing.
        // A state that is lost is written anew: nothing of what is kept went with it.
        incomplete += usize::from(device.run(Repair::new()).unwrap().incomplete);
        let bytes = export_despite(&device);
        let other = empty(&alice, &bytes, user);
        import(&other, &bytes).unwrap();
        lists += usize::from(other.run(Ofs.list_containers()).is_ok());
    }
    assert_eq!((incomplete, lists), (keys.len() - 1, 1));
    let blob = *disk.blobs.keys().next().unwrap();
    let device = damaged(&|_| {});
    device.store.disk().apply(StoreOp::BlobDelete { blob }).unwrap();
    assert_degraded(try_export(&device));
}

fn export_despite(device: &Laptop) -> Vec<u8> {
    try_export(device).expect("what is left is whole").1
}

#[test]
fn an_export_of_a_store_that_is_written_to_is_begun_anew() {
    struct Writing<'d>(&'d Laptop, File);
    impl Content for Writing<'_> {
        fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
            self.1.read_at(offset, length)
        }
        fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
            if offset == 0 {
                self.0.keep(Ofs, "meanwhile");
            }
            self.1.write_at(offset, bytes)
        }
    }
    let [(alice, user)] = laptops();
    alice.created(Both, Create::new(vec![b'x'; 3 << 20]));
    // A second program on the same root.
    let other: &'static Laptop = Box::leak(Box::new(Laptop::on(&alice.broker, alice.store.disk().clone())));
    other.set_offline(true);
    other.sign_in(Ofs, user);
    let writing = Writing(other, File::default());
    let error = alice.run_with(Export::new(), Box::new(writing)).0.expect_err("it was written to");
    assert!(matches!(&error, Error::Store(error) if error.kind == StoreErrorKind::Unavailable), "{error}");
    export(&alice);
}
