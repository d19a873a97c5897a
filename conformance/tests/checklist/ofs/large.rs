//! Contents over 4 MiB: in parts to the broker, and in a blob here.

use super::{Both, Laptop, Ofs, assert_unreachable, laptops};
use crate::containers::files::{File, PART, is_part, pattern, streamed};
use crate::stores::{Trouble, blobs_in};
use absio_proto::effect::StoreErrorKind;
use absio_proto::model::{ContainerId, Portion};
use absio_proto::ops::container::{Create, Update, Warning};
use absio_proto::provider::container::Get;
use absio_proto::provider::{Provider, Standard};
use absio_proto::{Error, provider::Got};

fn source(bytes: &[u8]) -> Box<File> {
    Box::new(File::of(bytes.to_vec()))
}

fn upload(laptop: &Laptop, place: Standard, bytes: &[u8]) -> ContainerId {
    let create = place.create_container(Create::new(streamed(bytes.len())));
    let changed = laptop.run_with(create, source(bytes)).0.unwrap();
    assert!(changed.warnings.is_empty());
    changed.container.id.unwrap()
}

fn download(laptop: &Laptop, place: Standard, id: ContainerId) -> Result<(Got, Vec<u8>), Error> {
    let file = File::default();
    let get = place.get_container(Get::new(id, Portion::All).into_sink());
    let got = laptop.run_with(get, Box::new(file.clone())).0?;
    assert_eq!(got.container.content, None, "it went to the sink");
    Ok((got, file.bytes.take()))
}

#[test]
fn s030_a_long_content_is_kept_while_it_is_sent() {
    let [(alice, user)] = laptops();
    let bytes = pattern(2 * PART + 77);
    let id = upload(&alice, Both, &bytes);
    assert_eq!(alice.disk().blobs.len(), 1);
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Both, user);
    for place in [Both, Ofs] {
        let (got, found) = download(&again, place, id).unwrap();
        assert!(got.from_cache && found == bytes);
        assert!(again.fetch(place, id).unwrap().container.content.as_ref() == Some(&bytes), "in memory too");
    }
}

#[test]
fn s050_a_long_content_is_kept_while_it_is_fetched() {
    let [(alice, user)] = laptops();
    let bytes = pattern(2 * PART + 77);
    let id = upload(&alice, Both, &bytes);
    for into_sink in [true, false] {
        let other = Laptop::new(&alice.broker);
        other.sign_in(Both, user);
        if into_sink {
            let (got, found) = download(&other, Both, id).unwrap();
            assert!(!got.from_cache && got.warnings.is_empty() && found == bytes);
        } else {
            assert!(other.fetch(Both, id).unwrap().container.content.as_ref() == Some(&bytes));
        }
        other.set_offline(true);
        let (got, found) = download(&other, Both, id).unwrap();
        assert!(got.from_cache && found == bytes);
    }
    // Only the header: no content comes, and none is kept.
    let other = Laptop::new(&alice.broker);
    other.sign_in(Both, user);
    other.run(Both.get_container(Get::new(id, Portion::Header))).unwrap();
    assert!(other.disk().blobs.is_empty());
    other.set_offline(true);
    assert_unreachable(download(&other, Both, id));
}

#[test]
fn s216_a_long_content_of_this_device_alone() {
    let [(alice, user)] = laptops();
    let bytes = pattern(PART + PART / 2);
    let (sent, requests) = alice.requests(|alice| upload(alice, Ofs, &bytes));
    assert_eq!(requests, 0);
    let memory = alice.created(Ofs, Create::new(bytes.clone()));
    let again = alice.restarted();
    again.set_offline(true);
    again.sign_in(Ofs, user);
    for id in [sent, memory] {
        assert!(download(&again, Ofs, id).unwrap().1 == bytes);
        assert!(again.fetch(Ofs, id).unwrap().container.content.as_ref() == Some(&bytes));
    }
}

#[test]
fn s217_a_long_content_that_is_replaced_frees_its_blob() {
    let [(alice, _)] = laptops();
    for place in [Both, Ofs] {
        let bytes = pattern(PART + 5);
        let id = upload(&alice, place, &bytes);
        let blobs = alice.disk().blobs.len();
        // Nothing but the header changes: the content stays where it is.
        alice.change(place, Update::new(id).header("new".into())).unwrap();
        assert!(download(&alice, place, id).unwrap().1 == bytes);
        assert_eq!(alice.disk().blobs.len(), blobs);
        let other = pattern(PART + 9);
        let update = place.update_container(Update::new(id).content(streamed(other.len())));
        alice.run_with(update, source(&other)).0.unwrap();
        assert!(download(&alice, place, id).unwrap().1 == other);
        assert_eq!(alice.disk().blobs.len(), blobs);
        alice.change(place, Update::new(id).content(b"short".to_vec())).unwrap();
        assert_eq!(alice.text(place, id), "short");
        alice.run(place.delete_container(id)).unwrap();
        assert!(blobs_in(alice.store.disk()).is_empty());
    }
}

/// F1: what is sealed for this device alone is compared with no journal, so it is sealed under keys of its own.
#[test]
fn mc_reencrypt_same_keys_differs_of_a_journal_that_is_used_offline() {
    let [(alice, _)] = laptops();
    let file = File::of(pattern(3 * PART));
    let create = |place: Standard| {
        let create = Create::new(streamed(3 * PART)).recording(file.journal.borrow().clone());
        let made = alice.run_with(place.create_container(create), Box::new(file.clone())).0;
        made.map(|changed| changed.container.id.unwrap())
    };
    let mut sent = 0;
    alice.broker.set_hook(move |request| {
        sent += u64::from(is_part(request));
        match sent {
            0..=2 => absio_broker::Fault::None,
            _ => absio_broker::Fault::Drop(absio_proto::effect::TransportErrorKind::Unreachable),
        }
    });
    create(Both).unwrap_err();
    assert!(!file.journal.borrow().is_empty());
    file.bytes.borrow_mut()[0] ^= 1;
    let local = create(Ofs).unwrap();
    file.bytes.borrow_mut()[0] ^= 1;
    alice.broker.clear_hook();
    assert_ne!(create(Both).unwrap(), local, "another container, and other keys");
}

#[test]
fn s040_chunks_of_a_write_that_fails_do_not_stay() {
    let [(alice, _)] = laptops();
    let bytes = pattern(2 * PART);
    let kept = alice.keep(Both, "text");
    // The source ends before, or the broker goes away in the middle.
    for place in [Both, Ofs] {
        let create = place.create_container(Create::new(streamed(bytes.len())));
        let (result, _) = alice.run_with(create, source(&bytes[..PART + 3]));
        assert!(matches!(result.as_ref().unwrap_err().cause(), Error::Content(_)), "{result:?}");
        assert!(blobs_in(alice.store.disk()).is_empty(), "{place}");
    }
    let mut sent = 0;
    alice.broker.set_hook(move |request| {
        sent += u64::from(request.path.contains("/parts/"));
        match sent {
            0 | 1 => absio_broker::Fault::None,
            _ => absio_broker::Fault::Drop(absio_proto::effect::TransportErrorKind::Unreachable),
        }
    });
    let update = Both.update_container(Update::new(kept).content(streamed(bytes.len())));
    assert_unreachable(alice.run_with(update, source(&bytes)).0);
    alice.broker.clear_hook();
    assert!(blobs_in(alice.store.disk()).is_empty());
    assert_eq!(alice.text(Both, kept), "text");
}

#[test]
fn s234_a_store_that_fills_up_on_the_way_is_a_warning() {
    let [(alice, user)] = laptops();
    let bytes = pattern(3 * PART);
    for at in 0..8 {
        alice.store.set(Trouble::FullFrom(at));
        let create = Both.create_container(Create::new(streamed(bytes.len())));
        let changed = alice.run_with(create, source(&bytes)).0.unwrap();
        let (counted, id) = (alice.store.count(), changed.container.id.unwrap());
        alice.store.set(Trouble::None);
        if changed.warnings.is_empty() {
            assert!(at >= counted || download(&alice, Both, id).unwrap().1 == bytes);
        } else {
            assert_eq!(changed.warnings, [Warning::NotKept(StoreErrorKind::Full)], "at {at}");
        }
        let other = Laptop::new(&alice.broker);
        other.sign_in(Both, user);
        other.store.set(Trouble::FullFrom(at));
        let (got, found) = download(&other, Both, id).unwrap();
        assert!(found == bytes);
        other.store.set(Trouble::None);
        if !got.warnings.is_empty() {
            assert_eq!(got.warnings, [Warning::NotKept(StoreErrorKind::Full)]);
            assert!(blobs_in(other.store.disk()).is_empty(), "no half of it stays, at {at}");
        }
        assert!(download(&other, Both, id).unwrap().1 == bytes);
    }
}
