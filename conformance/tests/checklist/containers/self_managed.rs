//! A container whose content is kept elsewhere: keys, access and events at the broker, bytes not.

use super::wire::{is_get, traffic};
use crate::people::{Device, people};
use absio_broker::SeededEntropy;
use absio_proto::Entropy;
use absio_proto::crypto::key_blob::{blob_hash, seal_blobs};
use absio_proto::crypto::manifest::{AccessSlots, Section, SectionState, Wrapped, no_type};
use absio_proto::crypto::segment::{
    SegmentContext, SegmentDigest, SegmentKind, SegmentParameters, open_segment, seal_segment,
};
use absio_proto::crypto::suite::SUITE_1;
use absio_proto::crypto::{
    AccessEntry, Author, ContainerKeys, ManifestBody, ManifestView, Secret, container_id,
};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, Method};
use absio_proto::model::{AccessChange, ContainerId, Permissions, Portion};
use absio_proto::ops::container::{Get, Update};
use absio_proto::wire::{BUNDLE_TYPE, CONTENT_TYPE, ChangeContainer, IDEMPOTENCY_KEY, Route};

/// Creates, by hand, a container for `device` alone that names `content` and does not hold it. Gives
/// its id and the sealed content.
fn keep_elsewhere(device: &Device, content: &[u8]) -> (ContainerId, Vec<u8>) {
    let mut entropy = SeededEntropy::new(77);
    let mut random = || {
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes).map(|()| bytes).unwrap()
    };
    let (user, now) = (device.user(), device.now());
    let (ring, id_salt) = (user.keys(), random());
    let container = container_id(user.id(), &id_salt);
    let keys = ContainerKeys::new(Secret::new(random()), Secret::new(random()));
    let context = SegmentContext { kind: SegmentKind::Content, container, epoch: 1 };
    let parameters = SegmentParameters::new(context, random());
    let (segment, digest) = seal_segment(parameters, keys.content_secret(), content).unwrap();
    let section = |state, digest| Section {
        state,
        epoch: 1,
        digest,
        changed_by: user.id(),
        changed_at: now,
        changed_in: 1,
    };
    let mut body = ManifestBody {
        suite: SUITE_1,
        container,
        id_salt,
        revision: 1,
        previous: [0; 48],
        created_by: user.id(),
        created_at: now,
        author: Author::of(ring),
        modified_at: now,
        type_commitment: no_type(),
        header: section(SectionState::Absent, SegmentDigest { length: 0, digest: [0; 48] }),
        content: section(SectionState::External { padded: false }, digest),
        access_count: 0,
        access_root: [0; 48],
    };
    let (derivation_index, public) = ring.chain().active_derivation().unwrap();
    let wrapped = Wrapped {
        derivation_index,
        blob_hash: [0; 48],
        sealed_by: user.id(),
        sealed_by_index: ring.signing_index(),
        header_epoch: 1,
        content_epoch: 1,
    };
    let mut entry = AccessEntry {
        user: user.id(),
        permissions: Permissions::CREATOR,
        expiration: None,
        created_by: user.id(),
        created_at: now,
        modified: None,
        wrapped: Some(wrapped),
        salt: random(),
    };
    let signing = ring.chain().signing_key(ring.signing_index()).unwrap().public;
    let context = body.blob_context(&entry, signing, public).unwrap();
    let blob = seal_blobs(&keys, &Secret::new(random()), &[context]).unwrap().remove(0);
    entry.wrapped = Some(Wrapped { blob_hash: blob_hash(&blob), ..wrapped });
    let slots = AccessSlots::of([entry]).unwrap();
    (body.access_count, body.access_root) = (slots.count(), slots.root());
    let view = ManifestView::new(body.sign(ring), slots).unwrap();
    let change = ChangeContainer {
        view: view.encode(),
        blobs: vec![(user.id(), blob)],
        header: None,
        content: None,
        content_upload: None,
        type_opening: None,
    };
    send(device, &change);
    (container, segment)
}

/// Sends a creation in the device's session.
fn send(device: &Device, change: &ChangeContainer) {
    let some = device.create(b"for the session's headers", &[]);
    device.broker.record();
    device.get(some).unwrap();
    let sent = traffic(&device.broker).into_iter().rfind(|exchange| is_get(exchange, some)).unwrap();
    let mut headers = sent.request.headers;
    headers.push((IDEMPOTENCY_KEY.into(), "5c".repeat(16)));
    headers.push((CONTENT_TYPE.into(), BUNDLE_TYPE.into()));
    let path = Route::CreateContainer.path();
    let request =
        HttpRequest { method: Method::Post, path, headers, body: change.encode().into(), ..sent.request };
    assert_eq!(device.broker.exchange(request).unwrap().status, 201);
}

#[test]
fn s057_s233_a_container_without_data_at_the_broker_brings_keys_and_metadata() {
    let [alice] = people();
    let content = vec![7; 70_000];
    let (id, segment) = keep_elsewhere(&alice, &content);
    for portion in [Portion::All, Portion::Content, Portion::Header, Portion::Metadata] {
        let got = alice.run(Get::new(id, portion)).unwrap();
        assert_eq!((&got.header, &got.content, got.data()), (&None, &None, None));
        assert_eq!(got.length(), Some(70_000), "what the manifest signs");
        assert_eq!(got.access().unwrap().len(), 1);
        // Supplied from wherever they are kept, the bytes open with the keys that came.
        let context = SegmentContext { kind: SegmentKind::Content, container: id, epoch: 1 };
        let secret = got.container_keys().expect("keys come in every case").content_secret().duplicate();
        alice.broker.record();
        alice.run(Get::new(id, Portion::Metadata)).unwrap();
        let answer = super::wire::answer(&traffic(&alice.broker), id, alice.id());
        let signed = super::wire::newest(&answer).body().content.digest;
        assert!(open_segment(&segment, &context, &signed, &secret).unwrap() == content);
        let mut altered = segment.clone();
        altered[500] ^= 1;
        assert!(open_segment(&altered, &context, &signed, &secret).is_err());
    }
}

#[test]
fn s057_a_change_of_the_type_leaves_what_is_kept_elsewhere() {
    let [alice, bob] = people();
    let (id, _) = keep_elsewhere(&alice, b"content");
    let share = AccessChange::Set(vec![bob.full()]);
    let update = Update::new(id).container_type("t").access(share);
    alice.update(update).unwrap();
    let got = bob.get(id).unwrap();
    assert_eq!((got.container_type.as_deref(), got.content), (Some("t"), None));
    bob.delete(id).unwrap();
    alice.delete(id).unwrap();
}
