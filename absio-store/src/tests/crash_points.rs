//! A process that dies, or a disk that fails, at every single place of a long story.
//!
//! ```text
//! for n = 1, 2, 3 … until the story no longer comes to its n-th place:
//!     story, with the n-th place failing ─▶ drop ─▶ open again ─▶ everything that was answered is there;
//!     what was not answered is old or new, never mixed
//! ```
//!
//! Three kinds of failure: the process dies there, a write under way half done (and then dies at every
//! place of its opening too); one I/O error; one time no room, which means that nothing was changed.

mod story;

use super::{ENGINES, root};
use crate::fault::{DISK_FULL, IO_ERROR, die_at, disarm, fail_at};
use absio_proto::effect::StoreErrorKind;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use story::Story;

/// Nothing comes near so many places.
const FAR: usize = 5000;

/// Places of the file layer that every story meets, whatever the engine.
const PLACES: [&str; 20] = [
    "create",
    "grow cell",
    "list directory",
    "mkdir",
    "mkdir root",
    "open",
    "open directory",
    "read blob",
    "read cell",
    "rename",
    "sync blob",
    "sync cell",
    "sync directory",
    "sync format",
    "sync index",
    "unlink",
    "write blob",
    "write cell",
    "write format",
    "write index",
];

/// In memory where the system has such a file system: thousands of flushes are not what is tested here.
fn quick_root() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| root())
}

/// Tells one `run` after another which place to fail at, until one does not come so far.
fn at_every_place(run: impl Fn(&Path, usize) -> Option<&'static str>) {
    let mut met = BTreeSet::new();
    for number in 1..FAR {
        let outer = quick_root();
        match run(&outer.path().join("store"), number) {
            Some(place) => met.insert(place),
            None => {
                let missing: Vec<_> = PLACES.iter().filter(|place| !met.contains(*place)).collect();
                assert!(missing.is_empty(), "places that the story never met: {missing:?}");
                assert!(number > 100, "only {number} places");
                return;
            }
        };
    }
    panic!("the story has no end");
}

#[test]
fn a_process_may_die_at_any_place() {
    for open in ENGINES {
        at_every_place(|root, number| {
            let mut story = Story::new(*open, root);
            die_at(number);
            story.tell_until_an_error();
            let place = disarm();
            story.check(&format!("died at place {number}, {place:?}"));
            place
        });
    }
}

#[test]
fn a_process_may_die_again_at_any_place_of_the_opening() {
    for open in ENGINES {
        at_every_place(|root, number| {
            let mut story = Story::new(*open, root);
            die_at(number);
            story.tell_until_an_error();
            let place = disarm();
            for again in 1..FAR {
                die_at(again);
                drop(open(root));
                if disarm().is_none() {
                    break;
                }
            }
            story.check(&format!("died at place {number}, {place:?}, and when opening"));
            place
        });
    }
}

#[test]
fn any_access_may_fail_once() {
    for open in ENGINES {
        at_every_place(|root, number| {
            let mut story = Story::new(*open, root);
            fail_at(number, IO_ERROR);
            story.tell_to_its_end();
            let place = disarm();
            story.check(&format!("an error at place {number}, {place:?}"));
            place
        });
    }
}

#[test]
fn the_disk_may_be_full_at_any_place() {
    for open in ENGINES {
        at_every_place(|root, number| {
            let mut story = Story::new(*open, root);
            fail_at(number, DISK_FULL);
            story.tell_to_its_end();
            let place = disarm();
            story.check(&format!("full at place {number}, {place:?}"));
            place
        });
    }
}

/// The checks see what they are for: things taken away behind the store's back.
#[test]
fn the_check_of_the_story_can_fail() {
    for open in ENGINES {
        for lost in ["nothing", "blobs", "cells", "index.redb", "index.sled"] {
            let outer = quick_root();
            let root = outer.path().join("store");
            let mut story = Story::new(*open, &root);
            story.tell_to_its_end();
            let gone = std::fs::rename(root.join(lost), outer.path().join("elsewhere")).is_ok();
            let checked = catch_unwind(AssertUnwindSafe(|| story.check("after a loss")));
            assert_eq!(checked.is_err(), gone, "{lost}");
        }
    }
}

#[test]
fn a_quarantine_may_be_interrupted_at_any_place() {
    use super::{CAREFUL, get, put, read, read_cell, seal, write_cell};
    use crate::OnDamage;
    for open in CAREFUL {
        for number in 1..FAR {
            let root = quick_root();
            let (store, _) = open(root.path(), OnDamage::Refuse).expect("an empty root opens");
            put(&store, b"a", b"1");
            seal(&store, b"sealed");
            write_cell(&store, b"anchor");
            drop(store);
            let index = ["index.redb", "index.sled"].map(|name| root.path().join(name));
            let index = index.iter().find(|index| index.exists()).expect("there is an index");
            // A plain file in place of a directory, or one that is no index.
            let _ = std::fs::remove_dir_all(index);
            std::fs::write(index, b"damaged").expect("damaged");
            die_at(number);
            drop(open(root.path(), OnDamage::Quarantine));
            let Some(place) = disarm() else {
                assert!(number > 10, "only {number} places");
                break;
            };
            let (store, told) = open(root.path(), OnDamage::Quarantine).expect("it opens in the end");
            let name = index.file_name().expect("an index has a name");
            let quarantine = std::fs::read_dir(root.path().join("quarantine")).expect("something is in it");
            let kept = quarantine.map(|entry| entry.expect("it can be listed").path().join(name));
            let kept: Vec<_> =
                kept.filter(|file| std::fs::read(file).is_ok_and(|found| found == b"damaged")).collect();
            assert_eq!(kept.len(), 1, "{number}, {place}: the damaged index is kept once");
            assert!(told.is_none_or(|told| kept[0].starts_with(told)), "{number}, {place}");
            assert_eq!(
                (get(&store, b"a"), read(&store)),
                (None, Some(b"sealed".to_vec())),
                "{number}, {place}"
            );
            assert_eq!(read_cell(&store), Some(b"anchor".to_vec()), "{number}, {place}");
        }
    }
}

/// What an error says about the state.
fn nothing_was_changed(kind: StoreErrorKind) -> bool {
    kind == StoreErrorKind::Full
}
