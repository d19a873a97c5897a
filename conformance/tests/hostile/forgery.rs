//! A revision that somebody makes up who knows everything but the author's signing key.

use absio_broker::SeededEntropy;
use absio_proto::Entropy;
use absio_proto::crypto::container::{Container, ContainerData};
use absio_proto::crypto::key_blob::{blob_hash, seal_blob};
use absio_proto::crypto::manifest::{AccessSlots, Wrapped};
use absio_proto::crypto::segment::{HEADER_LENGTH, Layout, SegmentDigest, SegmentHeader, SegmentVerifier};
use absio_proto::crypto::{
    AccessEntry, Author, Ephemeral, KeyRing, Manifest, ManifestBody, ManifestView, Secret,
};
use absio_proto::model::UserId;
use absio_proto::wire::ContainerAnswer;
use std::collections::BTreeMap;

/// The newest view of an answer.
pub fn newest(answer: &ContainerAnswer) -> ManifestView {
    ManifestView::decode(answer.views.last().unwrap()).unwrap()
}

/// The next revision, complete but for its signature.
pub struct Forgery {
    body: ManifestBody,
    access: AccessSlots,
    data: ContainerData,
    blobs: BTreeMap<UserId, Vec<u8>>,
}

fn digest(segment: &[u8]) -> SegmentDigest {
    let header = SegmentHeader::split(segment).unwrap().0;
    let sealed = (segment.len() - HEADER_LENGTH) as u64;
    let layout = Layout::of_sealed(&header, sealed).unwrap();
    let mut verifier = SegmentVerifier::new(layout.length());
    verifier.update(segment).unwrap();
    verifier.finish().unwrap().1
}

impl Forgery {
    /// New header and content under fresh keys for every one of `readers`, "by" `author`.
    pub fn new(after: &ManifestView, author: &KeyRing, readers: &[&KeyRing], content: &[u8]) -> Self {
        let mut entropy = SeededEntropy::new(0x000f_0e6e);
        let mut draw = || {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes).unwrap();
            bytes
        };
        let mut body = after.body().clone();
        body.revision += 1;
        body.previous = after.body().hash();
        body.author = Author::of(author);
        body.modified_at = body.modified_at.plus_millis(1);
        for section in [&mut body.header, &mut body.content] {
            section.epoch += 1;
            (section.changed_by, section.changed_at, section.changed_in) =
                (author.user_id(), body.modified_at, body.revision);
        }
        let mut container: Container = Container::new()
            .with_id(body.container)
            .with_epochs(body.header.epoch, body.content.epoch)
            .with_header(serde_json::json!({ "h": 1 }))
            .with_content(content.to_vec());
        let keys = container.encrypt(None, &mut SeededEntropy::new(1)).unwrap().duplicate();
        let data = ContainerData::split(container.data().unwrap()).unwrap();
        body.header.digest = digest(data.header.as_ref().unwrap());
        body.content.digest = digest(data.content.as_ref().unwrap());

        let ephemeral = Ephemeral::new(&Secret::new(draw()));
        let (index, public) = author.chain().active_signing().unwrap();
        let mut blobs = BTreeMap::new();
        let mut rows: Vec<AccessEntry> = after.access().entries().cloned().collect();
        for row in &mut rows {
            let Some(reader) = readers.iter().find(|reader| reader.user_id() == row.user) else { continue };
            let (derivation_index, derivation) = reader.chain().active_derivation().unwrap();
            row.salt = draw();
            row.wrapped = Some(Wrapped {
                derivation_index,
                blob_hash: [0; 48],
                sealed_by: author.user_id(),
                sealed_by_index: index,
                header_epoch: body.header.epoch,
                content_epoch: body.content.epoch,
            });
            let context = body.blob_context(row, public.to_bytes(), derivation).unwrap();
            let blob = seal_blob(&keys, &ephemeral, &context).unwrap();
            row.wrapped.as_mut().unwrap().blob_hash = blob_hash(&blob);
            blobs.insert(row.user, blob);
        }
        let access = AccessSlots::of(rows).unwrap();
        (body.access_count, body.access_root) = (access.count(), access.root());
        Self { body, access, data: ContainerData { header: data.header, content: data.content }, blobs }
    }

    /// Signed by `ring`, whoever the revision says its author is.
    pub fn signed_by(&self, ring: &KeyRing) -> Manifest {
        self.body.clone().sign(ring)
    }

    /// With a signature that was made for something else.
    pub fn with_signature(&self, signature: [u8; 64]) -> Manifest {
        Manifest { body: self.body.clone(), signature }
    }

    /// `answer` as a server would show it to `reader` with this revision after the genuine ones.
    pub fn shown(&self, answer: &ContainerAnswer, manifest: Manifest, reader: UserId) -> ContainerAnswer {
        let view = ManifestView::new(manifest, self.access.clone()).unwrap();
        let mut shown = answer.clone();
        shown.views.push(view.encode());
        shown.blob = self.blobs.get(&reader).cloned();
        shown.header_segment.clone_from(&self.data.header);
        shown.content_segment.clone_from(&self.data.content);
        shown
    }
}
