//! Deleted users (S-160, S-206, S-226, AMB-12).

use super::*;
use absio_proto::ops::ofs::PurgeRoot;
use std::rc::Rc;

/// Long enough for a blob of its own.
fn long() -> Vec<u8> {
    vec![5; 40_000]
}

#[test]
fn x03_s226_s160_only_what_is_of_the_user_goes_and_with_the_last_user_all_of_it() {
    for place in LOCAL {
        let broker = broker();
        let (alice, bob) = (Desk::new(&broker), Desk::new(&broker));
        let bob = Desk::on(&broker, {
            drop(bob);
            alice.root.clone()
        });
        let (a, b) = (alice.person(place).id(), bob.person(place).id());
        alice.keep(place, &long());
        let kept = bob.keep(place, &long());
        let [_, blobs, _] = alice.inventory();
        assert!(blobs > 1);
        let before = Desk::on(&broker, alice.root.clone());

        alice.run(place.delete_user(None)).unwrap();
        assert_eq!(alice.signed_in(), (None, None));
        assert_eq!(code(before.log_in(Standard::Ofs, a, password(PASSWORD))), "key_file_not_on_device");
        let refused = Desk::new(&broker).log_in(Standard::Server, a, both());
        assert_eq!(code(refused), "retrieval_refused");
        assert_eq!(bob.content(place, kept), Ok(Some(long())), "others are not touched");
        let again = bob.restarted();
        again.log_in(Standard::Ofs, b, password(PASSWORD)).unwrap();
        assert_eq!(again.content(Standard::Ofs, kept), Ok(Some(long())));

        bob.run(place.delete_user(Some(b))).unwrap();
        assert_eq!(alice.inventory(), [0, 0, 0], "{place}: the root is empty");
    }
}

#[test]
fn s206_s226_only_who_is_signed_in_can_be_deleted() {
    for place in ALL {
        let desk = Desk::new(&broker());
        let other = desk.create(place);
        assert_eq!(code(desk.run(place.delete_user(Some(other)))), "not_logged_in");
        desk.person(place);
        let before = desk.inventory();
        let (refused, requests) = desk.requests(|desk| desk.run(place.delete_user(Some(other))));
        assert_eq!((code(refused), requests, desk.inventory()), ("invalid_argument", 0, before));
    }
}

#[test]
fn s226_the_broker_comes_first_and_the_server_alone_touches_nothing_here() {
    let desk = Desk::new(&broker());
    let user = desk.person(Standard::ServerCacheOfs).id();
    let before = desk.inventory();
    let refused = desk.offline(|desk| desk.run(Standard::ServerCacheOfs.delete_user(None)));
    assert_eq!(code(refused), "transport");
    assert_eq!((desk.inventory(), desk.signed_in()), (before, (Some(user), Some(user))));
    // The store dies after the broker has done it: what is left is erased under the local provider.
    let desk = desk.dying_after(1);
    assert_eq!(code(desk.run(Standard::ServerCacheOfs.delete_user(None))), "store");
    assert_eq!(desk.signed_in(), (None, Some(user)));
    desk.revived();
    desk.run(Standard::Ofs.delete_user(None)).unwrap();
    assert_eq!((desk.inventory(), desk.signed_in()), ([0, 0, 0], (None, None)));

    let desk = Desk::new(&desk.broker);
    desk.person(Standard::ServerCacheOfs);
    let before = desk.inventory();
    desk.run(Standard::Server.delete_user(None)).unwrap();
    assert_eq!(desk.inventory(), before);
}

#[test]
fn s226_ml_a_crash_at_any_write_leaves_a_user_who_can_delete_again_or_nothing() {
    let place = Standard::Ofs;
    let (mut again, mut gone) = (0, 0);
    for writes in 0.. {
        let desk = Desk::new(&broker());
        let user = desk.person(place).id();
        let kept = desk.keep(place, &long());
        let desk = desk.dying_after(writes);
        let deleted = desk.run(place.delete_user(None));
        let left = desk.inventory();
        let restarted = desk.restarted();
        match restarted.log_in(place, user, password(PASSWORD)) {
            Ok(_) => {
                again += 1;
                assert!(deleted.is_err(), "{writes}");
                // Never "not found" for what was there, as long as anything tells that it was.
                match restarted.content(place, kept) {
                    Ok(content) => assert_eq!(content, Some(long())),
                    // Key file and salt are all there is.
                    Err(error) if matches!(left, [0, 0, 3 | 4]) => assert_eq!(error.code(), "not_on_device"),
                    Err(error) => assert_eq!(error.code(), "degraded", "{writes}: {left:?}"),
                }
                restarted.run(place.delete_user(None)).unwrap();
                assert_eq!(desk.inventory(), [0, 0, 0], "{writes}");
            }
            Err(error) => {
                gone += 1;
                assert_eq!(error.code(), "key_file_not_on_device");
                let [records, blobs, cells] = desk.inventory();
                assert!(records == 0 && blobs == 0 && cells <= 2, "{writes}: the salt, which says nothing");
            }
        }
        if deleted.is_ok() {
            break;
        }
    }
    assert!(again > 5 && gone > 1, "{again} {gone}");
}

#[test]
fn s226_a_partition_of_many_pages_goes_whole() {
    let desk = Desk::new(&broker());
    desk.person(Standard::Ofs);
    for number in 0..300u32 {
        desk.keep(Standard::Ofs, &number.to_be_bytes());
    }
    desk.run(Standard::Ofs.delete_user(None)).unwrap();
    assert_eq!(desk.inventory(), [0, 0, 0]);
}

#[test]
fn amb12_a_purge_takes_everything_of_everybody_and_needs_no_login() {
    let broker = broker();
    let users = [Desk::new(&broker), Desk::new(&broker)].map(|other| {
        let user = other.person(Standard::Ofs).id();
        other.keep(Standard::Ofs, &long());
        (other, user)
    });
    let (desk, user) = &users[0];
    let second = Desk::on(&broker, desk.root.clone());
    second.person(Standard::ServerCacheOfs);
    second.keep(Standard::ServerCacheOfs, &long());
    for writes in 0.. {
        let purging = desk.restarted().dying_after(writes);
        if purging.run(PurgeRoot::new()).is_ok() {
            assert!(writes < 100);
            break;
        }
        // From the first moment on nothing can be opened any more without a key file from elsewhere.
        if writes > 5 {
            assert_eq!(code(desk.opens(*user, password(PASSWORD))), "key_file_not_on_device");
        }
    }
    assert_eq!(desk.inventory(), [0, 0, 0]);
    desk.run(PurgeRoot::new()).unwrap();
    assert_eq!(desk.signed_in(), (None, None));
    // The root is as new; another root was not touched.
    desk.person(Standard::Ofs);
    assert_ne!(users[1].0.inventory(), [0, 0, 0]);
}

/// Somebody else is given a key file in the very moment in which the last user of the root goes.
#[test]
fn s226_a_user_who_comes_while_the_last_one_goes_is_found_again() {
    let broker = broker();
    // Each time at another operation of the one who goes.
    for moment in 0.. {
        let desk = Desk::new(&broker);
        desk.person(Standard::Ofs);
        let newcomer = Desk::on(&broker, desk.root.clone());
        let came: Rc<Cell<Option<UserId>>> = Rc::default();
        let (seen, mut count) = (came.clone(), 0);
        let desk = desk.hooked(move |_| {
            if count == moment {
                seen.set(Some(newcomer.create(Standard::Ofs)));
            }
            count += 1;
        });
        desk.run(Standard::Ofs.delete_user(None)).unwrap();
        let Some(user) = came.get() else { break };
        desk.restarted().log_in(Standard::Ofs, user, password(PASSWORD)).expect("the newcomer is here");
    }
    // And at each operation of the one who comes.
    for moment in 0.. {
        let leaving = Desk::new(&broker);
        leaving.person(Standard::Ofs);
        let (mut count, left) = (0, Rc::new(Cell::new(false)));
        let (told, root) = (left.clone(), leaving.root.clone());
        let coming = Desk::on(&broker, root).hooked(move |_| {
            if count == moment {
                leaving.run(Standard::Ofs.delete_user(None)).unwrap();
                told.set(true);
            }
            count += 1;
        });
        let user = coming.create(Standard::Ofs);
        if !left.get() {
            break;
        }
        coming.restarted().log_in(Standard::Ofs, user, password(PASSWORD)).expect("the newcomer is here");
    }
}
