//! The local store alone (checklist 1.12).

use super::{Both, Laptop, Ofs, Server, account, assert_not_found, laptops};
use crate::people::broker;
use absio_broker::SeededEntropy;
use absio_proto::crypto::container::Container;
use absio_proto::model::{AccessChange, AccessList, Grant, Portion, UserId};
use absio_proto::ops::container::{Create, Update, UpdateOrCreate};
use absio_proto::provider::Provider;
use absio_proto::provider::container::Get;
use absio_proto::{Error, InputError, LocalError};

/// Signed in to the local store; the network is cut.
fn alone() -> (Laptop, UserId) {
    let [(laptop, user)] = laptops();
    let laptop = laptop.restarted();
    laptop.set_offline(true);
    laptop.sign_in(Ofs, user);
    (laptop, user)
}

#[test]
fn s215_a_container_that_goes_leaves_nothing() {
    let (alice, _) = alone();
    let before = alice.disk();
    let id = alice.keep(Ofs, "text");
    assert_eq!(alice.disk().records.len(), before.records.len() + 1);
    assert_eq!(alice.disk().blobs.len(), 2, "its content, and its envelope");
    alice.run(Ofs.delete_container(id)).unwrap();
    assert_eq!(alice.disk().records.len(), before.records.len());
    assert!(alice.disk().blobs.is_empty());
    assert_not_found(alice.run(Ofs.delete_container(id)));
    assert_not_found(alice.fetch(Ofs, id));
}

#[test]
fn s216_every_portion_without_a_network() {
    let (alice, user) = alone();
    let create = Create::new(b"content".to_vec()).header("header".into()).container_type("type");
    let id = alice.created(Ofs, create);
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Ofs, user);
    for device in [&alice, &again] {
        for (portion, header, content) in [
            (Portion::All, true, true),
            (Portion::Header, true, false),
            (Portion::Content, false, true),
            (Portion::Metadata, false, false),
        ] {
            let got = device.run(Ofs.get_container(Get::new(id, portion))).unwrap();
            assert!(got.from_cache && got.fresh_at.is_none());
            assert_eq!(got.container.header, header.then(|| "header".into()));
            assert_eq!(got.container.content, content.then(|| b"content".to_vec()));
            assert_eq!(got.container.metadata.unwrap().created_by, user);
            assert_eq!(got.container.container_type.as_deref(), Some("type"));
        }
    }
}

#[test]
fn s216_sizes_around_every_boundary_come_back() {
    let (alice, user) = alone();
    let sizes = [0, 1, 252, 253, 16 << 10, (16 << 10) + 1, 65_536, 200_000];
    let content = |size: usize| (0..size).map(|n| (n % 251) as u8).collect::<Vec<_>>();
    let ids = sizes.map(|size| (size, alice.created(Ofs, Create::new(content(size)))));
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Ofs, user);
    for (size, id) in ids {
        assert!(again.fetch(Ofs, id).unwrap().container.content == Some(content(size)), "{size} bytes");
    }
}

#[test]
fn s217_created_and_then_updated_is_one_row_and_one_file() {
    let (alice, user) = alone();
    let mut entropy = SeededEntropy::new(5);
    let mut container = Container::new().with_content(b"first".to_vec()).with_header("header");
    container.encrypt(None, &mut entropy).unwrap();
    let records = alice.disk().records.len();
    let changed = alice.run(Ofs.update_or_create_container(UpdateOrCreate::new(container))).unwrap();
    let id = changed.container.id.unwrap();
    let files = alice.disk().blobs;
    assert_eq!((alice.disk().records.len(), files.len()), (records + 1, 2));
    let mut container = alice.fetch(Ofs, id).unwrap().container;
    container.content = Some(b"second".to_vec());
    container.encrypt(None, &mut entropy).unwrap();
    alice.run(Ofs.update_or_create_container(UpdateOrCreate::new(container))).unwrap();
    let then = alice.disk();
    assert_eq!((then.records.len(), then.blobs.len()), (records + 1, 2));
    assert!(files.keys().all(|blob| !then.blobs.contains_key(blob)), "the old files went");
    let again = alice.restarted();
    again.sign_in(Ofs, user);
    assert_eq!(again.text(Ofs, id), "second");
    assert_eq!(again.fetch(Ofs, id).unwrap().container.header, Some("header".into()));
}

#[test]
fn s217_each_part_can_be_updated_alone() {
    let (alice, user) = alone();
    let id = alice.keep(Ofs, "first");
    alice.change(Ofs, Update::new(id).header("second".into())).unwrap();
    assert_eq!(alice.text(Ofs, id), "first");
    alice.change(Ofs, Update::new(id).content(b"third".to_vec())).unwrap();
    alice.change(Ofs, Update::new(id).container_type("type")).unwrap();
    alice.change(Ofs, Update::new(id).header(serde_json::Value::Null)).unwrap();
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Ofs, user);
    for device in [&alice, &again] {
        let got = device.fetch(Ofs, id).unwrap().container;
        assert_eq!((got.header, got.content), (None, Some(b"third".to_vec())));
        assert_eq!(got.container_type.as_deref(), Some("type"));
        assert_eq!(got.metadata.unwrap().revision, 5);
    }
    again.change(Ofs, Update::new(id).content(b"fourth".to_vec())).unwrap();
    assert_eq!(again.text(Ofs, id), "fourth");
    let nothing = again.change(Ofs, Update::new(id));
    assert!(matches!(nothing, Err(Error::Input(InputError::NothingToUpdate { .. }))), "{nothing:?}");
}

#[test]
fn s217_what_the_broker_has_is_not_changed_behind_its_back() {
    let [(alice, _)] = laptops();
    let id = alice.keep(Both, "text");
    let refused = alice.change(Ofs, Update::new(id).content(b"new".to_vec()));
    assert!(matches!(refused, Err(Error::Input(InputError::Unsupported { .. }))), "{refused:?}");
    assert_eq!(alice.text(Both, id), "text");
}

#[test]
fn s217_two_writers_of_one_local_container_do_not_undo_each_other() {
    let (alice, user) = alone();
    let id = alice.keep(Ofs, "first");
    // The other writer has the same disk, and its own memory.
    let other = Laptop::on(&alice.broker, alice.store.disk().clone());
    other.sign_in(Ofs, user);
    other.text(Ofs, id);
    alice.change(Ofs, Update::new(id).content(b"second".to_vec())).unwrap();
    other.change(Ofs, Update::new(id).header("third".into())).unwrap();
    let got = alice.fetch(Ofs, id).unwrap().container;
    assert_eq!((got.content, got.header), (Some(b"second".to_vec()), Some("third".into())));
    assert_eq!(got.metadata.unwrap().revision, 3);
}

#[test]
fn s218_access_of_others_is_data_here() {
    let [(alice, user), (bob, other)] = laptops();
    // Bob's cards are known here.
    alice.run(Both.public_keys(vec![other])).unwrap();
    alice.set_offline(true);
    let list = AccessList::of([Grant::full(user), Grant::recipient(other)]);
    let id = alice.created(Ofs, Create::new(b"text".to_vec()).access(list));
    let access = alice.fetch(Ofs, id).unwrap().container.metadata.unwrap().access;
    assert_eq!(access.len(), 2);
    assert_eq!(access[&other].permissions.as_int(), 11);
    // On the same disk, Bob cannot fetch it.
    let shared = Laptop::on(&alice.broker, alice.store.disk().clone());
    shared.sign_in(Both, other);
    assert_not_found(shared.fetch(Ofs, id));
    assert!(bob.fetch(Both, id).is_err());
    // Nor does leaving oneself out take anything away here.
    let id = alice.created(Ofs, Create::new(b"text".to_vec()).access(AccessList::of([Grant::full(other)])));
    assert_eq!(alice.text(Ofs, id), "text");
    alice.run(Ofs.delete_container(id)).unwrap();
}

#[test]
fn s218_unknown_recipients_cannot_be_sealed_for() {
    let [(alice, user), (_, other)] = laptops();
    let before = alice.disk();
    let list = AccessList::of([Grant::full(user), Grant::recipient(other)]);
    let create = Create::new(b"text".to_vec()).access(list);
    let missing = alice.run(Ofs.create_container(create));
    assert!(
        matches!(missing, Err(Error::Local(LocalError::KeysNotFound { user })) if user == other),
        "{missing:?}"
    );
    assert!(alice.disk() == before);
    let id = alice.keep(Ofs, "text");
    let share = Update::new(id).access(AccessChange::Set(vec![Grant::recipient(other)]));
    assert!(alice.change(Ofs, share).is_err());
    assert_eq!(alice.text(Ofs, id), "text");
}

#[test]
fn s222_s183_keys_are_here_or_not_found() {
    let [(alice, user), (_, bob)] = laptops();
    let missing = alice.run(Ofs.public_keys(vec![bob]));
    assert!(matches!(missing, Err(Error::Local(LocalError::KeysNotFound { user })) if user == bob));
    let served = alice.run(Both.public_keys(vec![bob])).unwrap();
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Both, user);
    let (kept, requests) = again.requests(|again| again.run(Both.public_keys(vec![bob])).unwrap());
    assert_eq!((kept, requests), (served.clone(), 0));
    assert_eq!(again.run(Ofs.public_keys(vec![bob])).unwrap(), served);
    assert_eq!(again.run(Ofs.public_keys(vec![user])).unwrap()[0].user_id(), user);
}

#[test]
fn s223_cards_that_are_handed_over_are_kept_and_nothing_private_with_them() {
    let [(alice, user), (bob, other)] = laptops();
    let ring = bob.user();
    let chain = ring.keys().chain().clone();
    alice.set_offline(true);
    alice.run(Ofs.keep_public_keys(chain.clone())).unwrap();
    let again = alice.restarted();
    again.sign_in(Ofs, user);
    assert_eq!(again.run(Ofs.public_keys(vec![other])).unwrap(), [chain]);
    // Once known to the session, they are kept for the next user too who asks for it.
    let third = account(&alice.broker);
    again.sign_in(Both, third);
    again.run(Both.public_keys(vec![other])).unwrap();
    let again = again.restarted();
    again.set_offline(true);
    again.sign_in(Ofs, third);
    assert!(again.run(Ofs.public_keys(vec![other])).is_ok());
}

#[test]
fn s213_s227_x03_one_users_rows_are_not_anothers() {
    let broker = broker();
    let (first, second) = (account(&broker), account(&broker));
    let laptop = Laptop::new(&broker);
    laptop.sign_in(Both, first);
    let (kept, local) = (laptop.keep(Both, "of the first"), laptop.keep(Ofs, "of the first"));
    laptop.sign_in(Both, second);
    assert_eq!(laptop.session(|session| session.local_user().unwrap().id()), second);
    let own = laptop.keep(Ofs, "of the second");
    for id in [kept, local] {
        assert_not_found(laptop.fetch(Ofs, id));
        assert_not_found(laptop.run(Ofs.delete_container(id)));
    }
    laptop.set_offline(true);
    laptop.sign_in(Ofs, first);
    for id in [kept, local] {
        assert_eq!(laptop.text(Ofs, id), "of the first");
    }
    assert_not_found(laptop.fetch(Ofs, own));
    // S-213: signed out, it is closed.
    laptop.run(Ofs.logout()).unwrap();
    let closed = laptop.fetch(Ofs, kept);
    assert!(matches!(closed, Err(Error::Input(InputError::NotAuthenticated))), "{closed:?}");
}

#[test]
fn a_local_container_is_the_same_under_the_default_provider() {
    let [(alice, user)] = laptops();
    let id = alice.keep(Ofs, "text");
    let (text, requests) = alice.requests(|alice| alice.text(Both, id));
    assert_eq!((text.as_str(), requests), ("text", 0));
    assert_eq!(alice.requests(|alice| alice.fetch_anew(id).unwrap().from_cache), (true, 0));
    let (changed, requests) =
        alice.requests(|alice| alice.change(Both, Update::new(id).content(b"new".to_vec())));
    changed.unwrap();
    assert_eq!(requests, 0, "nobody else has it");
    let again = alice.restarted();
    again.sign_in(Both, user);
    assert_eq!(again.text(Both, id), "new");
    assert_eq!(again.requests(|again| again.run(Both.delete_container(id)).unwrap()).1, 0);
    assert_not_found(again.fetch(Ofs, id));
    // The server alone knows nothing of the local store.
    let id = again.keep(Ofs, "text");
    assert!(matches!(again.fetch(Server, id), Err(Error::Remote(_))));
}

#[test]
fn a_write_that_is_not_kept_is_not_built_upon() {
    use crate::stores::Trouble;
    use absio_proto::effect::StoreErrorKind;
    let (alice, user) = alone();
    let id = alice.keep(Ofs, "first");
    for trouble in [Trouble::FullFrom(0), Trouble::Fail(1, StoreErrorKind::Io)] {
        alice.store.set(trouble);
        let failed = alice.change(Ofs, Update::new(id).content(b"lost".to_vec()));
        assert!(matches!(failed, Err(Error::Store(_))), "{failed:?}");
        alice.store.set(Trouble::None);
        assert_eq!(alice.text(Ofs, id), "first");
    }
    alice.change(Ofs, Update::new(id).header("second".into())).unwrap();
    let again = alice.restarted();
    again.sign_in(Ofs, user);
    assert_eq!(again.text(Ofs, id), "first");
    assert_eq!(again.fetch(Ofs, id).unwrap().container.metadata.unwrap().revision, 2);
    alice.store.set(Trouble::Always(StoreErrorKind::Io));
    let result = alice.fetch(Ofs, id);
    assert!(matches!(result, Err(Error::Store(_))), "never a miss: {result:?}");
}

#[test]
fn s216_more_than_one_answer_of_the_store_holds_is_read_in_smaller_pages() {
    let (alice, user) = alone();
    // Records of a MiB each, together longer than what a store answers at once.
    let count = absio_proto::limits::STORE_REPLY / absio_proto::limits::HEADER + 2;
    let header = "h".repeat(absio_proto::limits::HEADER - 64);
    for _ in 0..count {
        alice.created(Ofs, Create::new(Vec::new()).header(header.as_str().into()));
    }
    let again = Laptop::on(&alice.broker, alice.store.disk().clone());
    again.sign_in(Ofs, user);
    let checked = again.run(absio_proto::ops::ofs::Check::new()).unwrap();
    assert_eq!((checked.records, checked.incomplete_since), (count as u64, None));
    assert_eq!(again.run(absio_proto::ops::ofs::Repair::new()).unwrap().kept, count as u64);
}
