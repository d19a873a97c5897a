//! A disk that forgets and lies (security cases §2.7): what was kept comes back whole, or its loss is
//! told; it is never told as never having been, and nothing else is served in its place.

use super::{Both, Laptop, Ofs, account, assert_degraded, assert_not_found, laptops};
use crate::people::PASSWORD;
use crate::stores::Disk;
use absio_broker::Fixture;
use absio_proto::effect::{StoreError, StoreErrorKind};
use absio_proto::model::{ContainerId, UserId};
use absio_proto::ops::container::{Create, Update};
use absio_proto::ops::ofs::{Check, Checked, Repair};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::Provider;
use absio_proto::{Error, LocalError};
use std::time::Duration;

/// A disk with something of everything on it.
struct Scene {
    broker: Fixture,
    user: UserId,
    peer: UserId,
    disk: Disk,
    /// With what they say: two that the broker has, two that nobody else has.
    served: [(ContainerId, String); 2],
    local: [(ContainerId, String); 2],
}

fn scene() -> Scene {
    let [(alice, user), (_, peer)] = laptops();
    alice.run(Both.public_keys(vec![peer])).unwrap();
    let texts =
        ["a short served one".to_owned(), "served ".repeat(3000), "local".to_owned(), "l".repeat(20_000)];
    let [short, long, small, big] = texts;
    let served = [short, long].map(|text| (alice.keep_text(Both, &text), text));
    let local = [small, big].map(|text| (alice.keep_text(Ofs, &text), text));
    Scene { broker: alice.broker.clone(), user, peer, disk: alice.disk(), served, local }
}

impl Laptop {
    fn keep_text(&self, place: absio_proto::provider::Standard, text: &str) -> ContainerId {
        self.created(place, Create::new(text.as_bytes().to_vec()).header("header".into()))
    }
}

/// What became of a container.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Whole,
    Degraded,
}

impl Scene {
    fn on(&self, disk: &Disk) -> Laptop {
        Laptop::on(&self.broker, disk.store())
    }

    /// Signed in to the local store, with no network.
    fn alone(&self, disk: &Disk) -> Laptop {
        let laptop = self.on(disk);
        laptop.set_offline(true);
        laptop.run(Ofs.login(self.user, LoginWith::nothing().password(PASSWORD))).unwrap();
        laptop
    }

    fn all(&self) -> impl Iterator<Item = &(ContainerId, String)> {
        self.served.iter().chain(&self.local)
    }

    /// Every container as the local store alone gives it; whatever else than itself or a named loss
    /// comes is a failure.
    #[track_caller]
    fn look(&self, laptop: &Laptop, what: &str) -> Vec<Found> {
        let look = |(id, text): &(ContainerId, String)| match laptop.fetch(Ofs, *id) {
            Ok(got) => {
                assert!(got.container.content.as_deref() == Some(text.as_bytes()), "{what}: another value");
                Found::Whole
            }
            Err(Error::Local(LocalError::Degraded { .. })) => Found::Degraded,
            Err(Error::Store(StoreError { kind: StoreErrorKind::Corrupt, .. })) => Found::Degraded,
            Err(error) => panic!("{what}: {error:?}"),
        };
        self.all().map(look).collect()
    }

    /// Every container as the default provider gives it: what the broker has is whole, whatever the
    /// disk says.
    #[track_caller]
    fn look_with_the_broker(&self, laptop: &Laptop, what: &str) {
        laptop.sign_in(Both, self.user);
        for (id, text) in &self.served {
            let got = laptop.fetch(Both, *id).unwrap_or_else(|error| panic!("{what}: {error:?}"));
            assert!(got.container.content.as_deref() == Some(text.as_bytes()), "{what}");
        }
        for (id, text) in &self.local {
            match laptop.fetch(Both, *id) {
                Ok(got) => assert!(got.container.content.as_deref() == Some(text.as_bytes()), "{what}"),
                Err(Error::Local(LocalError::Degraded { .. })) => {}
                Err(error) => panic!("{what}: {error:?}"),
            }
        }
    }

    fn damaged(&self, damage: impl FnOnce(&mut Disk)) -> Disk {
        let mut disk = self.disk.clone();
        damage(&mut disk);
        assert!(disk != self.disk, "something was damaged");
        disk
    }

    /// The disk, damaged at one place after the other: each thing on it, at `places(length)`. Gives how
    /// many there were.
    fn damaged_at(
        &self,
        places: impl Fn(usize) -> Vec<usize>,
        damage: impl Fn(&mut Vec<u8>, usize),
        mut look: impl FnMut(&Disk, &str),
    ) -> usize {
        let mut count = 0;
        let mut each = |name: String, bytes: &[u8], put: &dyn Fn(&mut Disk, Vec<u8>)| {
            for place in places(bytes.len()) {
                let mut damaged = bytes.to_vec();
                damage(&mut damaged, place);
                let disk = self.damaged(|disk| put(disk, damaged));
                look(&disk, &format!("{name} of {} bytes, at {place}", bytes.len()));
                count += 1;
            }
        };
        for (number, (key, value)) in self.disk.records.iter().enumerate() {
            let put = |disk: &mut Disk, bytes| drop(disk.records.insert(key.clone(), bytes));
            each(format!("record {number}"), value, &put);
        }
        for (cell, bytes) in &self.disk.cells {
            each(format!("{cell:?}"), bytes, &|disk, bytes| drop(disk.cells.insert(*cell, bytes)));
        }
        for (blob, bytes) in &self.disk.blobs {
            each(format!("{blob:?}"), bytes, &|disk, bytes| drop(disk.blobs.insert(*blob, bytes)));
        }
        count
    }
}

fn check(laptop: &Laptop) -> Result<Checked, Error> {
    laptop.run(Check::new())
}

/// Both ends, and some in between.
fn places(length: usize, ends: usize, between: usize) -> Vec<usize> {
    let step = length / between + 1;
    let near = |place: &usize| *place < ends || length - place <= ends || place.is_multiple_of(step);
    (0..length).filter(near).collect()
}

#[test]
fn the_undamaged_disk_is_whole() {
    let scene = scene();
    let laptop = scene.alone(&scene.disk);
    assert_eq!(scene.look(&laptop, "as it was left"), [(); 4].map(|()| Found::Whole));
    let checked = check(&laptop).unwrap();
    assert_eq!((checked.records, checked.incomplete_since), (5, None));
    assert!(laptop.disk() == scene.disk, "looking changes nothing");
    assert_not_found(laptop.fetch(Ofs, Laptop::new(&scene.broker).stranger()));
    scene.look_with_the_broker(&scene.on(&scene.disk), "as it was left");
}

impl Laptop {
    /// The id of a container that was never here.
    fn stranger(&self) -> ContainerId {
        let other = account(&self.broker);
        self.sign_in(Both, other);
        self.keep(Both, "elsewhere")
    }
}

#[test]
fn ml_bitflip_every_byte() {
    let scene = scene();
    let flip = |bytes: &mut Vec<u8>, place: usize| bytes[place] ^= 1 << (place % 8);
    let mut degraded = 0;
    let count = scene.damaged_at(
        |length| places(length, 45, 20),
        flip,
        |disk, what| {
            let found = scene.look(&scene.alone(disk), what);
            degraded += found.iter().filter(|found| **found == Found::Degraded).count();
        },
    );
    assert!(count > 1000 && degraded > 100, "the damage does something: {degraded} of {count}");
}

#[test]
fn ml_bitflip_every_byte_the_broker_makes_it_good() {
    let scene = scene();
    scene.damaged_at(
        |length| places(length, 4, 2),
        |bytes, place| bytes[place] ^= 0x10,
        |disk, what| {
            let laptop = scene.on(disk);
            scene.look_with_the_broker(&laptop, what);
            // Then what the broker has is here again.
            laptop.set_offline(true);
            for (id, text) in &scene.served {
                assert!(laptop.text(Both, *id) == *text, "{what}");
            }
        },
    );
}

#[test]
fn ml_truncate_every_len() {
    let scene = scene();
    let cut = |bytes: &mut Vec<u8>, place: usize| bytes.truncate(place);
    let alone = |disk: &Disk, what: &str| drop(scene.look(&scene.alone(disk), what));
    assert!(scene.damaged_at(|length| places(length, 40, 20), cut, alone) > 1000);
    let together = |disk: &Disk, what: &str| scene.look_with_the_broker(&scene.on(disk), what);
    scene.damaged_at(|length| places(length, 3, 1), cut, together);
}

#[test]
fn ml_every_thing_lost_alone() {
    let scene = scene();
    let mut disks = Vec::new();
    for key in scene.disk.records.keys() {
        disks.push(scene.damaged(|disk| drop(disk.records.remove(key))));
    }
    for cell in scene.disk.cells.keys() {
        disks.push(scene.damaged(|disk| drop(disk.cells.remove(cell))));
    }
    for blob in scene.disk.blobs.keys() {
        disks.push(scene.damaged(|disk| drop(disk.blobs.remove(blob))));
    }
    let mut degraded = 0;
    for (number, disk) in disks.iter().enumerate() {
        let found = scene.look(&scene.alone(disk), &format!("without {number}"));
        degraded += found.iter().filter(|found| **found == Found::Degraded).count();
        scene.look_with_the_broker(&scene.on(disk), &format!("without {number}"));
    }
    // Two served records, the long one's blob, and the contents of the two local ones: their records
    // come back from the envelopes.
    assert_eq!(degraded, 5);
}

#[test]
fn ml_a_lost_record_is_degraded_here_and_healed_by_the_broker() {
    let scene = scene();
    for key in scene.disk.records.keys() {
        let disk = scene.damaged(|disk| drop(disk.records.remove(key)));
        let laptop = scene.alone(&disk);
        let stranger = Laptop::new(&scene.broker).stranger();
        let state_is_lost = check(&laptop).is_ok_and(|checked| checked.incomplete_since.is_none());
        match laptop.fetch(Ofs, stranger) {
            // The state alone was lost: the anchors vouch for the rest.
            Err(Error::Local(LocalError::ContainerNotFound { .. })) => assert!(state_is_lost),
            other => assert_degraded(other),
        }
    }
}

#[test]
fn ml_the_index_lost_local_containers_come_back_from_their_envelopes() {
    let scene = scene();
    let disk = scene.damaged(|disk| disk.records.clear());
    let laptop = scene.alone(&disk);
    let found = scene.look(&laptop, "without an index");
    assert_eq!(found, [Found::Degraded, Found::Degraded, Found::Whole, Found::Whole]);
    assert!(check(&laptop).unwrap().incomplete_since.is_some());
    // Nothing is swept that may be all there is, and what came back can be changed.
    laptop.change(Ofs, Update::new(scene.local[0].0).content(b"changed".to_vec())).unwrap();
    let laptop = laptop.restarted();
    scene.broker.clock().advance(Duration::from_secs(1));
    laptop.sign_in(Both, scene.user);
    assert_eq!(laptop.text(Ofs, scene.local[0].0), "changed");
    assert!(laptop.text(Ofs, scene.local[1].0) == scene.local[1].1);
    scene.served.iter().for_each(|(id, text)| assert!(laptop.text(Both, *id) == *text));
    laptop.set_offline(true);
    scene.served.iter().for_each(|(id, text)| assert!(laptop.text(Both, *id) == *text));
}

#[test]
fn ml_the_index_and_both_anchors_lost() {
    let scene = scene();
    let anchors = scene.anchors();
    // The anchors alone are no loss: the index says all that they say.
    let disk = scene.damaged(|disk| anchors.iter().for_each(|cell| drop(disk.cells.remove(cell))));
    let laptop = scene.alone(&disk);
    assert_eq!(scene.look(&laptop, "without anchors"), [(); 4].map(|()| Found::Whole));
    assert_eq!(check(&laptop).unwrap().incomplete_since, None);
    // Without both, the blobs still tell that there was something.
    let disk = scene.damaged(|disk| {
        anchors.iter().for_each(|cell| drop(disk.cells.remove(cell)));
        disk.records.clear();
    });
    let laptop = scene.alone(&disk);
    let found = scene.look(&laptop, "without index and anchors");
    assert_eq!(found, [Found::Degraded, Found::Degraded, Found::Whole, Found::Whole]);
    scene.look_with_the_broker(&scene.on(&disk), "without index and anchors");
}

impl Scene {
    /// The cells that a write in the local store replaces.
    fn anchors(&self) -> Vec<absio_proto::effect::CellId> {
        let laptop = self.alone(&self.disk);
        laptop.keep(Ofs, "one");
        laptop.keep(Ofs, "two");
        let after = laptop.disk().cells;
        let changed: Vec<_> =
            after.iter().filter(|(cell, bytes)| self.disk.cells.get(*cell) != Some(*bytes)).collect();
        assert_eq!(changed.len(), 2);
        changed.into_iter().map(|(cell, _)| *cell).collect()
    }
}

#[test]
fn ml_restore_old_image() {
    let scene = scene();
    let laptop = scene.on(&scene.disk);
    laptop.sign_in(Both, scene.user);
    let (served, local) = (scene.served[0].0, scene.local[0].0);
    laptop.change(Both, Update::new(served).content(b"newer".to_vec())).unwrap();
    laptop.change(Ofs, Update::new(local).content(b"newer".to_vec())).unwrap();
    let newer = laptop.disk();
    let old_index = Disk { records: scene.disk.records.clone(), ..newer.clone() };
    let restored = scene.alone(&old_index);
    assert!(check(&restored).unwrap().incomplete_since.is_some(), "it is noticed");
    assert_degraded(restored.fetch(Ofs, Laptop::new(&scene.broker).stranger()));
    assert_eq!(restored.text(Ofs, local), "newer", "its envelope is newer than the index");
    // The default provider trusts nothing that was kept before, until the broker has confirmed it; if
    // it cannot be asked, what is here is better than nothing.
    scene.broker.clock().advance(Duration::from_secs(1));
    restored.sign_in(Both, scene.user);
    assert_eq!(restored.text(Both, served), scene.served[0].1);
    restored.set_offline(false);
    assert_eq!(restored.text(Both, served), "newer");
    assert_eq!(restored.requests(|laptop| laptop.text(Both, served)), ("newer".into(), 0));
    // The control: an image that is old as a whole cannot be told from the past itself.
    let past = scene.alone(&scene.disk);
    assert_eq!(check(&past).unwrap().incomplete_since, None);
    assert_eq!(past.text(Ofs, local), "local");
    // And the newer index with the anchors of before is what a crash leaves.
    let old_cells = Disk { cells: scene.disk.cells.clone(), ..newer };
    let ahead = scene.alone(&old_cells);
    assert_eq!(check(&ahead).unwrap().incomplete_since, None);
    assert_eq!((ahead.text(Ofs, served), ahead.text(Ofs, local)), ("newer".into(), "newer".into()));
}

#[test]
fn ml_the_index_emptied_or_put_back_under_an_open_session() {
    let scene = scene();
    for old in [Disk { records: Default::default(), ..scene.disk.clone() }, scene.disk.clone()] {
        let laptop = scene.alone(&scene.disk);
        laptop.keep(Ofs, "another");
        assert_eq!(scene.look(&laptop, "before"), [(); 4].map(|()| Found::Whole));
        // Under its feet.
        use absio_proto::driver::blocking::Store;
        use absio_proto::effect::{Commit, StoreOp, Write};
        let now = laptop.disk().records;
        let writes = now.into_keys().map(|key| match old.records.get(&key) {
            Some(value) => Write::Put { key, value: value.clone() },
            None => Write::Delete { key },
        });
        let commit = Commit { preconditions: Vec::new(), writes: writes.collect() };
        laptop.store.disk().apply(StoreOp::Commit(commit)).unwrap();
        scene.look(&laptop, "after");
    }
}

#[test]
fn ml_half_of_the_key_file_lost() {
    let scene = scene();
    // Cells that stand before anybody is signed in: the salt and the key file, twice each.
    let anchors = scene.anchors();
    let cells: Vec<_> = scene.disk.cells.keys().filter(|cell| !anchors.contains(cell)).copied().collect();
    assert_eq!(cells.len(), 4);
    for cell in &cells {
        let lost = scene.damaged(|disk| drop(disk.cells.remove(cell)));
        let laptop = scene.alone(&lost);
        assert_eq!(scene.look(&laptop, "one cell lost"), [(); 4].map(|()| Found::Whole));
    }
    // A pair of the same thing is gone: its loss is told, and the passphrase brings it back.
    let pairs: Vec<_> = cells
        .iter()
        .flat_map(|first| {
            cells.iter().filter(move |second| first < *second).map(move |second| (first, second))
        })
        .filter(|(first, second)| scene.disk.cells[first] == scene.disk.cells[second])
        .collect();
    assert_eq!(pairs.len(), 2);
    for (first, second) in pairs {
        let damaged = scene.damaged(|disk| {
            for cell in [first, second] {
                disk.cells.get_mut(cell).unwrap()[20] ^= 1;
            }
        });
        let laptop = scene.on(&damaged);
        let with = || LoginWith::nothing().password(PASSWORD);
        assert_degraded(laptop.run(Ofs.login(scene.user, with())));
        assert!(laptop.run(Both.login(scene.user, with())).is_err());
        laptop.sign_in(Both, scene.user);
        laptop.set_offline(true);
        laptop.run(Ofs.login(scene.user, with())).unwrap();
        assert_eq!(scene.look(&laptop, "fetched again"), [(); 4].map(|()| Found::Whole));
    }
}

#[test]
fn ml_one_cell_of_the_key_file_is_mended_from_the_other() {
    let scene = scene();
    let anchors = scene.anchors();
    for cell in scene.disk.cells.keys().filter(|cell| !anchors.contains(cell)) {
        let lost = scene.damaged(|disk| disk.cells.get_mut(cell).unwrap()[9] ^= 1);
        let laptop = scene.on(&lost);
        laptop.sign_in(Both, scene.user);
        if laptop.disk().cells == scene.disk.cells {
            continue;
        }
        // A salt is mended with the next key file that is written.
        let refreshed = LoginWith::nothing().passphrase(crate::people::PASSPHRASE).refreshed();
        laptop.run(Both.login(scene.user, refreshed)).unwrap();
        assert!(laptop.disk().cells == scene.disk.cells);
    }
}

#[test]
fn ml_keys_that_were_lost_are_not_unknown() {
    let scene = scene();
    let disk = scene.damaged(|disk| disk.records.clear());
    let laptop = scene.alone(&disk);
    assert_degraded(laptop.run(Ofs.public_keys(vec![scene.peer])));
    laptop.set_offline(false);
    laptop.sign_in(Both, scene.user);
    laptop.run(Both.public_keys(vec![scene.peer])).unwrap();
    let laptop = laptop.restarted();
    laptop.sign_in(Ofs, scene.user);
    assert!(laptop.run(Ofs.public_keys(vec![scene.peer])).is_ok());
}

#[test]
fn a_repair_of_what_is_whole_changes_no_record() {
    let scene = scene();
    let laptop = scene.alone(&scene.disk);
    let repaired = laptop.run(Repair::new()).unwrap();
    assert_eq!((repaired.kept, repaired.dropped, repaired.restored, repaired.incomplete), (5, 0, 0, false));
    let same = laptop
        .disk()
        .records
        .iter()
        .filter(|(key, value)| scene.disk.records.get(*key) == Some(*value))
        .count();
    assert_eq!(same, 5, "all but the state");
    assert_eq!(scene.look(&laptop, "repaired"), [(); 4].map(|()| Found::Whole));
    assert_eq!(scene.look(&scene.alone(&laptop.disk()), "repaired"), [(); 4].map(|()| Found::Whole));
}
