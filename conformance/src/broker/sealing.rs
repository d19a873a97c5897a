//! Containers sealed and signed by hand, so that each can also be made wrong on purpose.

use super::actor::Actor;
use absio_proto::RemoteCode;
use absio_proto::crypto::key_blob::{blob_hash, seal_blobs};
use absio_proto::crypto::manifest::{
    AccessEntry, AccessSlots, Author, ManifestBody, ManifestView, Section, SectionState, TypeOpening,
    Wrapped, no_type,
};
use absio_proto::crypto::segment::{
    SegmentContext, SegmentDigest, SegmentKind, SegmentParameters, seal_segment,
};
use absio_proto::crypto::suite::SUITE_1;
use absio_proto::crypto::tombstone::Tombstone;
use absio_proto::crypto::{ContainerKeys, KeyRing, Secret, container_id};
use absio_proto::model::{ContainerId, Permissions, Portion, Timestamp, UserId};
use absio_proto::wire::{
    ChangeContainer, ContainerAnswer, ContainerChanged, RemoveContainer, Route, UploadId, from_json,
};

/// Why making something by hand does not fail.
const MADE: &str = "what the cases make is well formed";

/// A full view.
pub(super) type View = ManifestView;

/// Whose public key a row is wrapped for, what they may do, until when.
pub(super) type Grant = (UserId, (u32, [u8; 32]), Permissions, Option<Timestamp>);

/// What a revision changes.
#[derive(Default, Clone)]
pub(super) struct Edit {
    /// New header plaintext; `Some(None)` removes it.
    pub(super) header: Option<Option<Vec<u8>>>,
    /// New content plaintext; `Some(None)` removes it.
    pub(super) content: Option<Option<Vec<u8>>>,
    /// New type; `Some(None)` removes it.
    pub(super) container_type: Option<Option<&'static str>>,
    /// The whole new list.
    pub(super) access: Option<Vec<Grant>>,
    /// An upload that is the content, instead of its bytes in the request.
    pub(super) upload: Option<(UploadId, SegmentDigest)>,
}

/// A revision about to be sent.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) change: ChangeContainer,
    pub(super) view: View,
}

impl Draft {
    /// Signs `body` again over `entries` after a test has altered them.
    pub(super) fn resign(
        &mut self,
        ring: &KeyRing,
        alter: impl FnOnce(&mut ManifestBody, &mut Vec<AccessEntry>),
    ) {
        let mut body = self.view.body().clone();
        let mut entries: Vec<_> = self.view.access().entries().cloned().collect();
        alter(&mut body, &mut entries);
        self.view = sign(ring, body, entries);
        self.change.view = self.view.encode();
    }
}

fn sign(ring: &KeyRing, mut body: ManifestBody, entries: Vec<AccessEntry>) -> View {
    let slots = AccessSlots::of(entries).expect(MADE);
    body.access_count = slots.count();
    body.access_root = slots.root();
    ManifestView::new(body.sign(ring), slots).expect(MADE)
}

impl Actor {
    /// A row for this user.
    pub(super) fn grant(&self, permissions: u32) -> Grant {
        self.grant_until(permissions, None)
    }

    pub(super) fn grant_until(&self, permissions: u32, expiration: Option<Timestamp>) -> Grant {
        let key = self.ring.chain().active_derivation().expect(MADE);
        (self.id(), key, Permissions::from_bits(permissions).expect(MADE), expiration)
    }

    fn seal(
        &self,
        context: SegmentContext,
        secret: &Secret<32>,
        plaintext: Option<&Vec<u8>>,
    ) -> (Option<Vec<u8>>, SectionState, SegmentDigest) {
        match plaintext {
            None => (None, SectionState::Absent, SegmentDigest { length: 0, digest: [0; 48] }),
            Some(plaintext) => {
                let parameters = SegmentParameters::new(context, self.random());
                let (bytes, digest) = seal_segment(parameters, secret, plaintext).expect(MADE);
                (Some(bytes), SectionState::Present { padded: false }, digest)
            }
        }
    }

    /// Revision 1 of a new container.
    pub(super) async fn draft(&self, edit: &Edit) -> Draft {
        let salt = self.random();
        let container = container_id(self.id(), &salt);
        let now = self.now();
        let section = Section {
            state: SectionState::Absent,
            epoch: 1,
            digest: SegmentDigest { length: 0, digest: [0; 48] },
            changed_by: self.id(),
            changed_at: now,
            changed_in: 1,
        };
        let body = ManifestBody {
            suite: SUITE_1,
            container,
            id_salt: salt,
            revision: 1,
            previous: [0; 48],
            created_by: self.id(),
            created_at: now,
            author: Author::of(&self.ring),
            modified_at: now,
            type_commitment: no_type(),
            header: section,
            content: section,
            access_count: 0,
            access_root: [0; 48],
        };
        let mut edit = edit.clone();
        edit.access.get_or_insert_with(|| vec![self.grant(127)]);
        self.compose(body, None, &edit).await
    }

    /// The revision after `previous`.
    pub(super) async fn revise(&self, previous: &View, edit: &Edit) -> Draft {
        let mut body = previous.body().clone();
        body.revision += 1;
        body.previous = previous.body().hash();
        body.author = Author::of(&self.ring);
        body.modified_at = self.now();
        self.compose(body, Some(previous), edit).await
    }

    async fn compose(&self, mut body: ManifestBody, previous: Option<&View>, edit: &Edit) -> Draft {
        let keys = ContainerKeys::new(Secret::new(self.random()), Secret::new(self.random()));
        let fresh = previous.is_none();
        let (now, revision, container) = (body.modified_at, body.revision, body.container);
        let renew = |section: &mut Section, state, digest| {
            *section = Section {
                state,
                digest,
                epoch: section.epoch + u64::from(!fresh),
                changed_by: self.id(),
                changed_at: now,
                changed_in: revision,
            };
        };
        let upload = edit.header.is_some() || edit.content.is_some() || edit.upload.is_some();
        let mut header = None;
        if let Some(plaintext) = &edit.header {
            let epoch = body.header.epoch + u64::from(!fresh);
            let context = SegmentContext { kind: SegmentKind::Header, container, epoch };
            let (bytes, state, digest) = self.seal(context, keys.header_secret(), plaintext.as_ref());
            renew(&mut body.header, state, digest);
            header = bytes;
        }
        let mut content = None;
        if let Some(plaintext) = &edit.content {
            let epoch = body.content.epoch + u64::from(!fresh);
            let context = SegmentContext { kind: SegmentKind::Content, container, epoch };
            let (bytes, state, digest) = self.seal(context, keys.content_secret(), plaintext.as_ref());
            renew(&mut body.content, state, digest);
            content = bytes;
        }
        if let Some((_, digest)) = &edit.upload {
            renew(&mut body.content, SectionState::Present { padded: false }, *digest);
        }
        let mut type_opening = None;
        if let Some(text) = edit.container_type {
            let opening = text.map(|text| TypeOpening::new(text, self.random()).expect(MADE));
            body.type_commitment =
                opening.as_ref().map_or(no_type(), |opening| opening.commitment(container));
            type_opening = opening.map(|opening| opening.encode());
        }

        let grants: Vec<Grant> = match &edit.access {
            Some(grants) => grants.clone(),
            None => {
                let mut kept = Vec::new();
                for entry in previous.into_iter().flat_map(|view| view.access().entries()) {
                    let key = self.known_key(entry.user).await;
                    kept.push((entry.user, key, entry.permissions, entry.expiration));
                }
                kept
            }
        };
        let mut entries = Vec::new();
        let mut contexts = Vec::new();
        for (user, (index, public), permissions, expiration) in grants {
            let before = previous.and_then(|view| view.entry(user));
            if let Some(before) = before
                && (before.permissions, before.expiration) == (permissions, expiration)
                && !upload
            {
                entries.push(before.clone());
                continue;
            }
            let wrap = permissions.contains(Permissions::CONTAINER_DECRYPT)
                && expiration.is_none_or(|expiration| expiration > now)
                && (upload || before.is_none_or(|before| before.wrapped.is_none()));
            let wrapped = if wrap {
                Some(Wrapped {
                    derivation_index: index,
                    blob_hash: [0; 48],
                    sealed_by: self.id(),
                    sealed_by_index: self.ring.signing_index(),
                    header_epoch: body.header.epoch,
                    content_epoch: body.content.epoch,
                })
            } else {
                let kept = before.and_then(|before| before.wrapped);
                kept.filter(|_| permissions.contains(Permissions::CONTAINER_DECRYPT) && !upload)
            };
            let same_grant = before
                .is_some_and(|before| (before.permissions, before.expiration) == (permissions, expiration));
            let entry = AccessEntry {
                user,
                permissions,
                expiration,
                created_by: before.map_or(self.id(), |before| before.created_by),
                created_at: before.map_or(now, |before| before.created_at),
                modified: match before {
                    Some(before) if same_grant => before.modified,
                    Some(_) => Some((self.id(), now)),
                    None => None,
                },
                wrapped,
                salt: self.random(),
            };
            if wrap {
                let signing = self.ring.chain().signing_key(self.ring.signing_index()).expect(MADE).public;
                contexts.push((entries.len(), body.blob_context(&entry, signing, public).expect(MADE)));
            }
            entries.push(entry);
        }
        let plain: Vec<_> = contexts.iter().map(|(_, context)| *context).collect();
        let sealed = seal_blobs(&keys, &Secret::new(self.random()), &plain).expect(MADE);
        let mut blobs = Vec::new();
        for ((index, context), blob) in contexts.iter().zip(sealed) {
            if let Some(wrapped) = &mut entries[*index].wrapped {
                wrapped.blob_hash = blob_hash(&blob);
            }
            blobs.push((context.recipient, blob));
        }
        let view = sign(&self.ring, body, entries);
        let content_upload = edit.upload.as_ref().map(|(id, _)| *id);
        let change =
            ChangeContainer { view: view.encode(), blobs, header, content, content_upload, type_opening };
        Draft { change, view }
    }

    /// The derivation key in use of `user`, from the broker.
    async fn known_key(&self, user: UserId) -> (u32, [u8; 32]) {
        let body = absio_proto::wire::to_json(&absio_proto::wire::KeysRequest { user_ids: vec![user] });
        let answer = self.done(&Route::Keys, body).await;
        let answer = absio_proto::wire::KeysAnswer::decode(&answer).expect(MADE);
        let cards: Vec<_> = answer.cards.into_iter().map(|(_, card)| card).collect();
        let chain = absio_proto::crypto::CardChain::verify(user, &cards).expect(MADE);
        chain.active_derivation().unwrap_or((0, [9; 32]))
    }

    pub(super) async fn send_creation(&self, draft: &Draft) -> Result<ContainerChanged, RemoteCode> {
        let body = self.ask(&Route::CreateContainer, draft.change.encode()).await?;
        Ok(from_json("created", &body).unwrap_or_else(|error| panic!("{error}")))
    }

    pub(super) async fn send_update(&self, draft: &Draft) -> Result<ContainerChanged, RemoteCode> {
        let route = Route::UpdateContainer(draft.view.body().container);
        let body = self.ask(&route, draft.change.encode()).await?;
        Ok(from_json("updated", &body).unwrap_or_else(|error| panic!("{error}")))
    }

    /// Creates a container and gives its first revision.
    pub(super) async fn create(&self, edit: &Edit) -> View {
        let draft = self.draft(edit).await;
        let created = self
            .send_creation(&draft)
            .await
            .unwrap_or_else(|code| panic!("a container was not created: {code}"));
        assert_eq!((created.container_id, created.revision), (draft.view.body().container, 1));
        draft.view
    }

    /// Creates a container with a header and a content, shared as given.
    pub(super) async fn share(&self, grants: Vec<Grant>) -> View {
        self.create(&Edit {
            header: Some(Some(b"{\"h\":1}".to_vec())),
            content: Some(Some(b"content".to_vec())),
            container_type: Some(Some("t1")),
            access: Some(grants),
            ..Edit::default()
        })
        .await
    }

    /// Makes a revision and gives it.
    pub(super) async fn update(&self, previous: &View, edit: &Edit) -> Result<View, RemoteCode> {
        let draft = self.revise(previous, edit).await;
        self.send_update(&draft).await.map(|_| draft.view)
    }

    pub(super) async fn get(&self, container: ContainerId) -> Result<ContainerAnswer, RemoteCode> {
        self.get_portion(container, Portion::All, None).await
    }

    pub(super) async fn get_portion(
        &self,
        container: ContainerId,
        portion: Portion,
        known: Option<u64>,
    ) -> Result<ContainerAnswer, RemoteCode> {
        let body = self.ask(&Route::GetContainer { container, portion, known }, Vec::new()).await?;
        Ok(ContainerAnswer::decode(&body, self.id())
            .unwrap_or_else(|error| panic!("a container bundle: {error}")))
    }

    /// Leaves the container.
    pub(super) async fn leave(&self, previous: &View) -> Result<View, RemoteCode> {
        let mut body = previous.body().clone();
        body.revision += 1;
        body.previous = previous.body().hash();
        body.author = Author::of(&self.ring);
        body.modified_at = self.now();
        let slots: Vec<_> = previous
            .access()
            .slots()
            .iter()
            .filter(|slot| slot.entry().is_none_or(|entry| entry.user != self.id()))
            .cloned()
            .collect();
        let slots = AccessSlots::sorted(slots).expect(MADE);
        body.access_count = slots.count();
        body.access_root = slots.root();
        let view = ManifestView::new(body.sign(&self.ring), slots).expect(MADE);
        let removal = RemoveContainer::Leave(view.encode());
        self.ask(&Route::DeleteContainer(view.body().container), removal.encode()).await.map(|_| view)
    }

    /// Ends the container.
    pub(super) async fn end(&self, last: &View) -> Result<(), RemoteCode> {
        let tombstone = Tombstone::sign(last, self.now(), &self.ring);
        let removal = RemoveContainer::Tombstone(tombstone.encode());
        self.ask(&Route::DeleteContainer(last.body().container), removal.encode()).await.map(|_| ())
    }
}
