//! Keys in somebody else's name (security cases 16, 17 and 18): what a peer who knows the keys, and a server
//! that plays along, show a reader.

use crate::forgery::{Forgery, newest};
use crate::people::{Device, people};
use crate::staging::{answer, crypto, fresh, get_shown, is_change};
use absio_proto::CryptoError;
use absio_proto::crypto::{Author, Ephemeral, Secret, key_blob::seal_blob};
use absio_proto::effect::HttpRequest;
use absio_proto::model::{AccessList, ContainerId};
use absio_proto::ops::container::Create;
use serde_json::json;

fn shared(alice: &Device, readers: &[&Device]) -> ContainerId {
    let grants = readers.iter().map(|reader| reader.rights(75)).chain([alice.full()]);
    alice.changed(Create::new(b"genuine".to_vec()).header(json!({ "h": 1 })).access(AccessList::of(grants)))
}

/// Refusing told nobody anything: no change was sent, and nothing a second time.
#[track_caller]
fn assert_quiet(sent: &[HttpRequest]) {
    assert_eq!(sent.len(), 1, "the get alone: {sent:?}");
    assert!(!sent.iter().any(is_change));
}

/// Whoever stole Bob's keys knows all that Bob shares with Alice, and still cannot write to him as Alice.
#[test]
fn mp_kci_forgery_to_the_owner_of_the_stolen_key() {
    let [alice, bob, mallory] = people();
    let id = shared(&alice, &[&bob]);
    let served = answer(&bob, id);
    let (author, thief) = (alice.user(), bob.user());
    let forgery = Forgery::new(&newest(&served), author.keys(), &[author.keys(), thief.keys()], b"forged");
    let of_the_last = newest(&served).manifest().signature;
    let attempts = [
        forgery.with_signature(of_the_last),
        forgery.signed_by(thief.keys()),
        forgery.signed_by(mallory.user().keys()),
    ];
    for manifest in attempts {
        let reader = fresh(&bob);
        let (result, sent) = get_shown(&reader, id, &forgery.shown(&served, manifest, bob.id()));
        assert_eq!(crypto(result), CryptoError::BadSignature { what: "manifest" });
        assert_quiet(&sent);
        assert_eq!(reader.content(id), Some(b"genuine".to_vec()), "nothing forged was kept");
    }
    // The control: only the signature is missing. With Alice's it is taken, blobs and bytes and all.
    let signed = forgery.shown(&served, forgery.signed_by(author.keys()), bob.id());
    assert_eq!(get_shown(&fresh(&bob), id, &signed).0, Ok(Some(b"forged".to_vec())));
}

/// Bob makes a blob of the keys that Alice gave him, for Carol and in Alice's name.
#[test]
fn mp_forward_blob_in_anothers_name() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &[&bob, &carol]);
    let keys = bob.get(id).unwrap().container_keys().unwrap().duplicate();
    let served = answer(&carol, id);
    let view = newest(&served);
    let body = view.body();
    let (alices, carols) = (alice.user(), carol.user());
    let (_, sender) = alices.keys().chain().active_signing().unwrap();
    let (_, derivation) = carols.keys().chain().active_derivation().unwrap();
    let row = view.entry(carol.id()).unwrap();
    let context = body.blob_context(row, sender.to_bytes(), derivation).unwrap();
    let forged = seal_blob(&keys, &Ephemeral::new(&Secret::new([7; 32])), &context).unwrap();
    // The control: the blob opens, and holds the very keys. Only that Alice did not sign it is wrong.
    let secret = carols.keys().derivation_secret(1).unwrap();
    let opened = absio_proto::crypto::key_blob::open_blob(&forged, &context, &secret);
    assert!(opened.is_ok_and(|opened| opened == keys));

    let mut shown = served.clone();
    shown.blob = Some(forged);
    let reader = fresh(&carol);
    let (result, sent) = get_shown(&reader, id, &shown);
    assert!(matches!(crypto(result), CryptoError::ManifestMismatch { what: "key blob", .. }));
    assert_quiet(&sent);
    assert_eq!(get_shown(&reader, id, &served).0, Ok(Some(b"genuine".to_vec())));
}

/// Bob signs what Alice wrote as his own, for Carol.
#[test]
fn mp_steal_authorship_of_a_revision() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &[&bob, &carol]);
    let served = answer(&carol, id);
    let view = newest(&served);
    let thief = bob.user();
    let mut body = view.body().clone();
    body.author = Author::of(thief.keys());
    let manifest = body.sign(thief.keys());
    let mut shown = served.clone();
    let stolen = absio_proto::crypto::ManifestView::new(manifest, view.access().clone()).unwrap();
    shown.views = vec![stolen.encode()];
    shown.cards.extend(thief.keys().chain().cards().iter().map(|card| (bob.id(), card.clone())));
    let reader = fresh(&carol);
    let (result, sent) = get_shown(&reader, id, &shown);
    let refused = crypto(result);
    assert!(
        matches!(refused, CryptoError::RevisionInvalid { .. } | CryptoError::NotAuthorised { .. }),
        "{refused:?}"
    );
    assert_quiet(&sent);
    assert_eq!(get_shown(&reader, id, &served).0, Ok(Some(b"genuine".to_vec())));
    assert_eq!(reader.get(id).unwrap().created_by(), Some(alice.id()));
}

/// A reader who knows the keys writes another content under them, and the server shows it.
#[test]
fn mp_insider_rewrite_by_a_reader_and_the_server() {
    let [alice, bob, carol] = people();
    let id = shared(&alice, &[&bob, &carol]);
    let keys = bob.get(id).unwrap().container_keys().unwrap().duplicate();
    let served = answer(&carol, id);
    let body = newest(&served).body().clone();
    let rewritten = |content: &[u8]| {
        let mut container: absio_proto::crypto::container::Container = Default::default();
        container = container.with_id(id).with_epochs(body.header.epoch, body.content.epoch);
        container = container.with_header(json!({ "h": 1 })).with_content(content.to_vec());
        container.encrypt(Some(keys.duplicate()), &mut absio_broker::SeededEntropy::new(1)).unwrap();
        container.into_data().unwrap()
    };
    let forged = rewritten(b"another");
    // The control: an opener that knows the keys and no manifest takes it for whole.
    let mut weakened: absio_proto::crypto::container::Container =
        absio_proto::crypto::Container::from_data(forged.clone());
    weakened.decrypt(Some(keys.duplicate())).unwrap();
    assert_eq!(weakened.content.as_deref(), Some(&b"another"[..]));

    let parts = absio_proto::crypto::container::ContainerData::split(&forged).unwrap();
    let mut shown = served.clone();
    shown.content_segment = parts.content;
    let reader = fresh(&carol);
    let (result, sent) = get_shown(&reader, id, &shown);
    assert_eq!(crypto(result), CryptoError::Decrypt);
    assert_quiet(&sent);
    assert_eq!(get_shown(&reader, id, &served).0, Ok(Some(b"genuine".to_vec())));
}
