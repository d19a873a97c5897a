//! Keys, segments and manifests together: what a reader opens, and what a server mixes up.

use crate::story::{Counter, Draft, at, cards_of, id_of, person};
use absio_proto::crypto::container::{Assurance, Container, ContainerData};
use absio_proto::crypto::key_blob::open_blob;
use absio_proto::crypto::segment::{SegmentHeader, SegmentVerifier};
use absio_proto::crypto::{ContainerKeys, KeyRing, ManifestView, verify_run};
use absio_proto::model::{Permissions, UserId};
use absio_proto::{CryptoError, Error};
use std::collections::BTreeMap;

struct Shared {
    view: ManifestView,
    data: Vec<u8>,
    blobs: BTreeMap<UserId, Vec<u8>>,
    keys: ContainerKeys,
}

/// Seals `text` at the draft's epochs and signs.
fn seal(draft: Draft, author: &KeyRing, people: &[&KeyRing], text: &str, seed: u64) -> Shared {
    let mut container: Container = Container::new()
        .with_id(draft.body.container)
        .with_epochs(draft.body.header.epoch, draft.body.content.epoch)
        .with_header(serde_json::json!({ "title": text }))
        .with_content(text.as_bytes().to_vec());
    let keys = container.encrypt(None, &mut Counter::new(seed)).unwrap().duplicate();
    let data = container.into_data().unwrap();
    let sections = ContainerData::split(&data).unwrap();
    let digest = |segment: &[u8]| {
        let header = SegmentHeader::split(segment).unwrap().0;
        let layout =
            absio_proto::crypto::segment::Layout::of_sealed(&header, segment.len() as u64 - 104).unwrap();
        let mut verifier = SegmentVerifier::new(layout.length());
        verifier.update(segment).unwrap();
        verifier.finish().unwrap().1
    };
    let draft = draft.with(|draft| {
        draft.body.header.digest = digest(&sections.header.unwrap());
        draft.body.header.state = absio_proto::crypto::manifest::SectionState::Present { padded: true };
        draft.body.content.digest = digest(&sections.content.unwrap());
    });
    let (draft, blobs) = draft.wrap_keys(&keys, author, people);
    Shared { view: draft.sign(author), data, blobs, keys }
}

/// What `reader` makes of what a server shows: keys from the blob, then the data.
fn read(reader: &KeyRing, sender: &KeyRing, shown: &Shared) -> Result<Container, Error> {
    let body = shown.view.body();
    let cards = cards_of(&[sender]);
    verify_run(body.container, None, [shown.view.clone()], &cards, at(1))?;
    let entry = shown.view.entry(reader.user_id()).unwrap();
    let blob = &shown.blobs[&reader.user_id()];
    shown.view.manifest().check_blob(entry, blob)?;
    let wrapped = entry.wrapped.as_ref().unwrap();
    let sender_public = sender.chain().signing_key(wrapped.sealed_by_index).unwrap().public;
    let own_public = reader.chain().derivation_key(wrapped.derivation_index).unwrap().public;
    let context = body.blob_context(entry, sender_public, own_public).unwrap();
    let secret = reader.derivation_secret(wrapped.derivation_index).unwrap();
    let keys = open_blob(blob, &context, &secret)?;
    let mut container: Container = Container::from_data(shown.data.clone()).with_id(body.container);
    assert_eq!(container.decrypt_verified(Some(keys), body)?, Assurance::Verified);
    Ok(container)
}

fn shared(text: &str, seed: u64) -> (KeyRing, KeyRing, Shared) {
    let (alice, bob) = (person(1), person(2));
    let draft = Draft::create(&alice).grant(&bob, Permissions::RECIPIENT);
    let shared = seal(draft, &alice, &[&alice, &bob], text, seed);
    (alice, bob, shared)
}

#[test]
fn s111_s112_alice_shares_and_bob_reads() {
    let (alice, bob, shown) = shared("hello", 1);
    for reader in [&alice, &bob] {
        let container = read(reader, &alice, &shown).unwrap();
        assert_eq!(container.content.as_deref(), Some(&b"hello"[..]));
        assert_eq!(container.header, Some(serde_json::json!({ "title": "hello" })));
    }
    // The signature that vouches for a blob is the manifest's (F4).
    let mut forged = shown.view.manifest().clone();
    forged.signature[0] ^= 1;
    let view = ManifestView::new(forged, shown.view.access().clone()).unwrap();
    let forged = Shared { view, ..shown };
    assert!(matches!(read(&bob, &alice, &forged), Err(Error::Crypto(CryptoError::BadSignature { .. }))));
}

/// Security cases 16 and 17 with F4: a blob that is consistent in itself but not the signed one.
#[test]
fn mp_forward_blob_against_the_manifest() {
    let (alice, bob, shown) = shared("hello", 1);
    let draft = Draft::create(&alice).grant(&bob, Permissions::RECIPIENT);
    let (_, forged) = draft
        .with(|draft| {
            draft.wrapping();
        })
        .wrap_keys(&shown.keys, &alice, &[&bob]);
    let mut blobs = shown.blobs.clone();
    assert_ne!(blobs.insert(bob.user_id(), forged[&bob.user_id()].clone()), None);
    assert!(read(&bob, &alice, &shown).is_ok(), "negative control");
    let swapped =
        Shared { blobs, view: shown.view.clone(), data: shown.data.clone(), keys: shown.keys.duplicate() };
    let error = read(&bob, &alice, &swapped).unwrap_err();
    assert!(
        matches!(error, Error::Crypto(CryptoError::ManifestMismatch { what: "key blob", .. })),
        "{error:?}"
    );
}

/// Security case 24: the header of one container with the content of another.
#[test]
fn ms_mix_header_content_between_containers() {
    let (alice, bob, shown) = shared("one", 1);
    let (_, _, other) = shared("two", 2);
    let (one, two) = (ContainerData::split(&shown.data).unwrap(), ContainerData::split(&other.data).unwrap());
    let mixes = [
        ContainerData { header: one.header.clone(), content: two.content },
        ContainerData { header: two.header, content: one.content.clone() },
        ContainerData { header: one.content.clone(), content: one.header.clone() },
        ContainerData { header: one.header.clone(), content: None },
        ContainerData { header: None, content: one.content.clone() },
    ];
    for mix in mixes {
        let (view, blobs, keys) = (shown.view.clone(), shown.blobs.clone(), shown.keys.duplicate());
        let mixed = Shared { data: mix.join(), view, blobs, keys };
        assert!(read(&bob, &alice, &mixed).is_err());
    }
    let same = Shared { data: one.join(), ..shown };
    assert!(read(&bob, &alice, &same).is_ok(), "negative control");
}

/// Security case 25: a stale content with a fresh manifest, both genuine.
#[test]
fn ms_mix_epochs() {
    let (alice, bob, first) = shared("old", 1);
    let draft = Draft::after(&first.view, &alice, 10).upload().upload_header();
    let second = seal(draft, &alice, &[&alice, &bob], "new", 2);
    let fresh = second.data.clone();
    let stale = Shared { data: first.data.clone(), ..second };
    let body = stale.view.body();
    let open = |keys: &ContainerKeys, data: &[u8]| {
        let mut container: Container = Container::from_data(data.to_vec()).with_id(body.container);
        container.decrypt_verified(Some(keys.duplicate()), body).map(drop)
    };
    assert!(open(&first.keys, &stale.data).is_err(), "even with the old keys");
    assert!(open(&stale.keys, &stale.data).is_err());
    assert!(open(&stale.keys, &fresh).is_ok(), "negative control");
    assert_eq!(body.container, id_of(&alice));
}

/// Security case 26 at this level: Bob knows the keys and rewrites the content; the server plays
/// along. The MACs hold, the signed digest does not.
#[test]
fn mp_insider_rewrite_of_a_container() {
    let (alice, bob, shown) = shared("paid: no", 1);
    let mut container: Container = Container::new()
        .with_id(shown.view.body().container)
        .with_header(serde_json::json!({ "title": "paid: no" }))
        .with_content(b"paid: ok".to_vec());
    container.encrypt(Some(shown.keys.duplicate()), &mut Counter::new(1)).unwrap();
    let forged = container.into_data().unwrap();
    let mut unsigned: Container = Container::from_data(forged.clone());
    assert_eq!(unsigned.decrypt(Some(shown.keys.duplicate())), Ok(Assurance::Unsigned), "negative control");
    assert_eq!(unsigned.content.as_deref(), Some(&b"paid: ok"[..]));
    let shown = Shared { data: forged, ..shown };
    assert_eq!(read(&alice, &alice, &shown).unwrap_err(), Error::Crypto(CryptoError::Decrypt));
    assert_eq!(read(&bob, &alice, &shown).unwrap_err(), Error::Crypto(CryptoError::Decrypt));
}
