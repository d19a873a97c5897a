//! Histories that were never so: a container somebody else is said to have made (security case 50), and one
//! that a writer goes on with who was removed (40).

use crate::forgery::{Forgery, newest};
use crate::people::{Device, people};
use crate::staging::{answer, crypto, fresh, get_shown, is_change};
use absio_proto::CryptoError;
use absio_proto::crypto::manifest::{AccessSlots, Wrapped};
use absio_proto::crypto::{AccessEntry, Author, Ephemeral, ManifestView, Secret, container_id, key_blob};
use absio_proto::model::{AccessChange, AccessList, ContainerId, Permissions};
use absio_proto::ops::container::{Create, Update};
use absio_proto::wire::ContainerAnswer;

/// A first revision with nobody's content: what a server could plant, of any creator, signed by whomever.
fn planted(
    creator: &Device,
    signer: &Device,
    victim: &Device,
    like: &ContainerAnswer,
) -> (ContainerId, ContainerAnswer) {
    let (salt, view) = ([0x5a; 32], newest(like));
    let (named, ring) = (creator.user(), signer.user());
    let id = container_id(creator.id(), &salt);
    let mut body = view.body().clone();
    (body.container, body.id_salt, body.created_by) = (id, salt, creator.id());
    body.author = Author::of(named.keys());
    for section in [&mut body.header, &mut body.content] {
        section.changed_by = creator.id();
        section.state = absio_proto::crypto::manifest::SectionState::Absent;
        section.digest = absio_proto::crypto::segment::SegmentDigest { length: 0, digest: [0; 48] };
    }
    body.type_commitment = absio_proto::crypto::manifest::no_type();
    let (index, public) = named.keys().chain().active_signing().unwrap();
    let keys = absio_proto::crypto::ContainerKeys::new(Secret::new([1; 32]), Secret::new([2; 32]));
    let ephemeral = Ephemeral::new(&Secret::new([3; 32]));
    let mut own_blob = None;
    let rows = [creator, victim].map(|device| {
        let (derivation_index, derivation) = device.user().keys().chain().active_derivation().unwrap();
        let mut row = AccessEntry {
            user: device.id(),
            permissions: Permissions::CREATOR,
            expiration: None,
            created_by: creator.id(),
            created_at: body.created_at,
            modified: None,
            wrapped: Some(Wrapped {
                derivation_index,
                blob_hash: [0; 48],
                sealed_by: creator.id(),
                sealed_by_index: index,
                header_epoch: body.header.epoch,
                content_epoch: body.content.epoch,
            }),
            salt: [device.id().as_bytes()[0]; 32],
        };
        let context = body.blob_context(&row, public.to_bytes(), derivation).unwrap();
        let blob = key_blob::seal_blob(&keys, &ephemeral, &context).unwrap();
        row.wrapped.as_mut().unwrap().blob_hash = key_blob::blob_hash(&blob);
        own_blob = Some(blob);
        row
    });
    let access = AccessSlots::of(rows).unwrap();
    (body.access_count, body.access_root) = (access.count(), access.root());
    let view = ManifestView::new(body.sign(ring.keys()), access).unwrap();
    let mut shown = like.clone();
    (shown.views, shown.blob, shown.type_opening) = (vec![view.encode()], own_blob, None);
    (shown.header_segment, shown.content_segment) = (None, None);
    shown.header = absio_proto::wire::Availability::Absent;
    shown.content = absio_proto::wire::Availability::Absent;
    let cards = named.keys().chain().cards();
    shown.cards = cards.iter().map(|card| (creator.id(), card.clone())).collect();
    (id, shown)
}

#[test]
fn ms_frame_user_with_a_container_never_made() {
    let [alice, bob, mallory] = people();
    let mallorys = mallory.create(b"illegal", &[mallory.full(), bob.full()]);
    let like = answer(&bob, mallorys);
    let (id, framed) = planted(&alice, &mallory, &bob, &like);
    let reader = fresh(&bob);
    let (result, sent) = get_shown(&reader, id, &framed);
    assert_eq!(crypto(result), CryptoError::BadSignature { what: "manifest" });
    assert!(!sent.iter().any(is_change) && sent.len() == 1);
    // What Mallory made is shown under an id of Alice's.
    let (result, _) = get_shown(&reader, id, &like);
    assert!(matches!(crypto(result), CryptoError::ManifestMismatch { .. }));
    // The controls: signed by Alice it is Alice's, and what Mallory made is Mallory's.
    let (id, genuine) = planted(&alice, &alice, &bob, &like);
    let shown = fresh(&bob);
    assert_eq!(get_shown(&shown, id, &genuine).0, Ok(None));
    assert_eq!(reader.get(mallorys).unwrap().created_by(), Some(mallory.id()));
}

#[test]
fn mp_revoked_writer_fork_of_a_container_at_the_server() {
    let [alice, bob, carol] = people();
    let grants = [alice.full(), bob.full(), carol.full()];
    let id = alice
        .changed(Create::new(b"one".to_vec()).header(serde_json::json!(1)).access(AccessList::of(grants)));
    let before = answer(&carol, id);
    let remover = AccessChange::Remove(vec![bob.id()]);
    alice.update(Update::new(id).access(remover).content(b"two".to_vec())).unwrap();
    let pinned = fresh(&carol);
    assert_eq!(pinned.content(id), Some(b"two".to_vec()));

    let (own, writer, reader) = (alice.user(), bob.user(), carol.user());
    let everybody = [own.keys(), writer.keys(), reader.keys()];
    let forgery = Forgery::new(&newest(&before), writer.keys(), &everybody, b"as if never removed");
    let mut shown = forgery.shown(&before, forgery.signed_by(writer.keys()), carol.id());
    shown.cards.extend(writer.keys().chain().cards().iter().map(|card| (bob.id(), card.clone())));
    let (result, sent) = get_shown(&pinned, id, &shown);
    assert!(matches!(crypto(result), CryptoError::ForkDetected { revision: 2, .. }));
    assert!(!sent.iter().any(is_change));
    assert_eq!(pinned.content(id), Some(b"two".to_vec()));
    // The control, which is the stated limit: who never saw revision 2 cannot tell.
    assert_eq!(get_shown(&fresh(&carol), id, &shown).0, Ok(Some(b"as if never removed".to_vec())));
}
