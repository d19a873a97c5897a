//! The key file here: get, checksum, update (S-177, S-182, S-200, S-219 to S-221), and public keys
//! (S-183, S-222, S-223).

use super::*;
use absio_broker::Clock;
use absio_proto::InputError;
use absio_proto::crypto::{KeyFileContent, Secret};
use absio_proto::ops::container::Warning;
use absio_proto::ops::key_file::Update;
use sha2::{Digest, Sha256};

/// The next version of the key file, with another reminder.
fn next(user: &User, change: impl FnOnce(&mut KeyFileContent)) -> User {
    let open = user.key_file().unwrap();
    let mut content = open.content().duplicate();
    change(&mut content);
    User::from(open.reseal(content, &mut SeededEntropy::new(77)).unwrap())
}

fn with_reminder(user: &User, reminder: &str) -> User {
    next(user, |content| reminder.clone_into(&mut content.reminder))
}

#[test]
fn s177_s200_s219_a_key_file_is_got_from_here_else_from_the_broker() {
    let broker = broker();
    let user = Desk::new(&broker).create(Standard::Server);
    let desk = Desk::new(&broker);
    let get = |desk: &Desk, place: Standard, with| desk.run(place.get_key_file(user, with));
    assert_eq!(code(get(&desk, Standard::Ofs, both())), "key_file_not_on_device");
    let required = get(&desk, Standard::ServerCacheOfs, password(PASSWORD)).unwrap_err();
    assert_eq!(required, InputError::PassphraseRequired.into());
    for place in [Standard::Server, Standard::ServerCacheOfs] {
        for with in [passphrase(PASSPHRASE), both()] {
            assert_eq!(get(&desk, place, with).unwrap().id(), user);
        }
        let wrong = passphrase(PASSPHRASE).password("Wrong horse 11");
        assert_eq!(code(get(&desk, place, wrong)), "wrong_password");
    }
    assert_eq!(desk.inventory(), [0, 0, 0], "getting keeps nothing");
    assert_eq!(desk.signed_in(), (None, None));

    desk.log_in(Standard::ServerCacheOfs, user, both()).unwrap();
    for place in LOCAL {
        for with in [passphrase(PASSPHRASE), password(PASSWORD), both()] {
            let (got, requests) = desk.requests(|desk| get(desk, place, with));
            assert_eq!((got.unwrap().id(), requests), (user, 0));
        }
    }
    let (_, requests) =
        desk.requests(|desk| get(desk, Standard::ServerCacheOfs, both().refreshed()).unwrap());
    assert_eq!(requests, 2);
}

#[test]
fn s177_a_store_that_is_behind_or_fails_does_not_hide_the_brokers_file() {
    let place = Standard::ServerCacheOfs;
    let desk = Desk::new(&broker());
    let user = desk.person(place).id();
    let desk = desk.dying_after(0);
    let changed = desk.run(place.change_credentials(new_credentials(), None)).unwrap();
    assert_eq!(changed.warnings, [Warning::NotKept(StoreErrorKind::Io)]);
    assert_eq!(
        desk.session(|session| session.local_user().cloned()).unwrap().key_file().unwrap().generation(),
        2
    );
    desk.revived();
    // The one here is old: it is passed over, and replaced by the next login.
    assert_eq!(code(desk.run(place.get_key_file(user, password(PASSWORD)))), "passphrase_required");
    let got = desk.run(place.get_key_file(user, passphrase(NEW_PASSPHRASE))).unwrap();
    assert_eq!(got.key_file().unwrap().generation(), 2);
    desk.log_in(place, user, passphrase(NEW_PASSPHRASE)).unwrap();
    desk.offline(|desk| desk.opens(user, password(NEW_PASSWORD))).unwrap();
}

#[test]
fn s220_the_checksum_is_the_sha_256_of_the_key_file() {
    let desk = Desk::new(&broker());
    let user = desk.person(Standard::ServerCacheOfs);
    let other = desk.run(Standard::Ofs.create_user(credentials(), None)).unwrap().value;
    let of = |user: &User| <[u8; 32]>::from(Sha256::digest(user.sealed_key_file().unwrap().as_bytes()));
    for place in ALL {
        for named in [None, Some(user.id())] {
            let (found, requests) = desk.requests(|desk| desk.run(place.key_file_checksum(named)).unwrap());
            assert_eq!((found.checksum, found.generation), (of(&user), 1), "{place}");
            assert_eq!(requests, u64::from(place == Standard::Server));
        }
    }
    // Of anybody here; the broker tells of the signed-in user alone.
    for place in LOCAL {
        assert_eq!(desk.run(place.key_file_checksum(Some(other.id()))).unwrap().checksum, of(&other));
    }
    assert_eq!(code(desk.run(Standard::Server.key_file_checksum(Some(other.id())))), "invalid_argument");
    let unknown = Some(UserId::from_bytes([9; 16]));
    assert_eq!(code(desk.run(Standard::Ofs.key_file_checksum(unknown))), "key_file_not_on_device");
    assert_eq!(code(desk.run(Standard::ServerCacheOfs.key_file_checksum(unknown))), "invalid_argument");
    let nobody = desk.restarted();
    for place in ALL {
        assert_eq!(code(nobody.run(place.key_file_checksum(None))), "not_logged_in");
    }
}

#[test]
fn s182_s221_an_update_is_in_every_place_of_the_provider() {
    for place in ALL {
        let desk = Desk::new(&broker());
        let user = desk.person(place);
        let before = desk.run(place.key_file_checksum(None)).unwrap();
        let new = with_reminder(&user, "changed");
        let updated = desk.run(place.update_key_file(Update::new(new.clone()))).unwrap();
        assert_eq!(updated.warnings, []);
        let sealed = new.sealed_key_file().unwrap();
        if place != Standard::Ofs {
            let there = desk.run(Standard::Server.key_file_checksum(None)).unwrap();
            assert_eq!(there.checksum, sealed.checksum());
        }
        if place != Standard::Server {
            let here = desk.run(Standard::Ofs.key_file_checksum(Some(user.id()))).unwrap();
            assert_eq!(here.checksum, sealed.checksum());
            let again = desk.restarted();
            again.log_in(Standard::Ofs, user.id(), password(PASSWORD)).unwrap();
            assert_eq!(again.run(Standard::Ofs.reminder(None)).unwrap(), "changed");
        }
        assert_ne!(before.checksum, sealed.checksum());
        // The session goes on from the new one.
        desk.run(place.update_key_file(Update::new(with_reminder(&new, "once more")))).unwrap();
    }
}

#[test]
fn s221_mc_a_key_file_that_does_not_go_on_is_not_taken() {
    for place in LOCAL {
        let desk = Desk::new(&broker());
        let user = desk.person(place);
        let kept = desk.keep(place, b"kept");
        let stranger = Desk::new(&desk.broker).person(Standard::Server);
        let other_secret = next(&user, |content| content.store_secret = Secret::new([8; 32]));
        let other_ring = next(&user, |content| {
            let mut entropy = SeededEntropy::new(3);
            let (now, retired) = (desk.broker.clock().now().utc, absio_proto::crypto::KeyState::Retired);
            content.ring = content.ring.rotated(retired, &mut entropy, now).unwrap();
        });
        desk.run(place.update_key_file(Update::new(other_ring.clone()))).unwrap();
        for new in [&stranger, &other_secret, &user] {
            let refused = desk.run(place.update_key_file(Update::new(new.clone())));
            assert_eq!(code(refused), "invalid_argument", "{place}");
        }
        let wrong = Update::new(with_reminder(&other_ring, "x")).passphrase("Wrong staple 2");
        assert_eq!(code(desk.run(place.update_key_file(wrong))), "wrong_passphrase");
        let here = desk.run(Standard::Ofs.key_file_checksum(Some(user.id()))).unwrap();
        assert_eq!(here.checksum, other_ring.sealed_key_file().unwrap().checksum());
        assert_eq!(desk.content(Standard::Ofs, kept), Ok(Some(b"kept".to_vec())));
    }
}

#[test]
fn s183_s222_public_keys_are_kept_and_found_without_a_network() {
    let broker = broker();
    let bob = Desk::new(&broker).person(Standard::Server);
    let desk = Desk::new(&broker);
    let alice = desk.person(Standard::ServerCacheOfs).id();
    let keys = |desk: &Desk, place: Standard| desk.run(place.public_keys(vec![bob.id()]));
    assert_eq!(code(keys(&desk, Standard::Ofs)), "keys_not_on_device");
    keys(&desk, Standard::ServerCacheOfs).unwrap();
    let again = desk.restarted();
    let found = again.offline(|desk| {
        desk.log_in(Standard::ServerCacheOfs, alice, password(PASSWORD)).unwrap();
        [keys(desk, Standard::Ofs).unwrap(), keys(desk, Standard::ServerCacheOfs).unwrap()]
    });
    for chains in found {
        assert_eq!(chains[0].cards(), bob.keys().chain().cards());
    }
}

#[test]
fn s223_public_keys_are_kept_by_hand_and_have_no_private_part() {
    let broker = broker();
    let bob = Desk::new(&broker).person(Standard::Server);
    let chain = bob.keys().chain().clone();
    for place in LOCAL {
        let desk = Desk::new(&broker);
        let alice = desk.person(place);
        desk.run(place.keep_public_keys(chain.clone())).unwrap();
        desk.run(place.keep_public_keys(alice.keys().chain().clone())).unwrap();
        let again = desk.restarted();
        again.log_in(Standard::Ofs, alice.id(), password(PASSWORD)).unwrap();
        let found = again.offline(|desk| desk.run(Standard::Ofs.public_keys(vec![bob.id()]))).unwrap();
        assert_eq!(found[0].cards(), chain.cards());
        // Known to this session and kept for the next user of it all the same.
        let carol = again.person(Standard::Ofs).id();
        again.run(Standard::Ofs.keep_public_keys(chain.clone())).unwrap();
        let third = again.restarted();
        third.log_in(Standard::Ofs, carol, password(PASSWORD)).unwrap();
        assert_eq!(third.run(Standard::Ofs.public_keys(vec![bob.id()])).unwrap()[0].cards(), chain.cards());
    }
    let desk = Desk::new(&broker);
    desk.person(Standard::Server);
    assert_eq!(code(desk.run(Standard::Server.keep_public_keys(chain.clone()))), "unsupported");
    assert_eq!(code(desk.run(Standard::Ofs.keep_public_keys(chain))), "not_logged_in");
}
