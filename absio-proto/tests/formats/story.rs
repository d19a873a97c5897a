//! People, and revisions drafted field by field so that a test can break any rule.

use absio_proto::crypto::key_blob::{blob_hash, seal_blob};
use absio_proto::crypto::manifest::{Section, SectionState, Wrapped, no_type};
use absio_proto::crypto::segment::SegmentDigest;
use absio_proto::crypto::{
    AccessEntry, AccessSlots, Author, CardChain, ContainerKeys, Ephemeral, KeyRing, ManifestBody,
    ManifestView, Secret, container_id,
};
use absio_proto::model::{ContainerId, Permissions, Timestamp, UserId};
use absio_proto::{Entropy, EntropyError};
use std::collections::BTreeMap;

/// When stories begin.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// `seconds` after the start.
pub(crate) fn at(seconds: u64) -> Timestamp {
    START.plus_millis(seconds * 1000)
}

/// Bytes that differ at every draw and are the same on every run.
pub(crate) struct Counter(u64);

impl Counter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        use sha2::Digest;
        self.0 = self.0.wrapping_add(1);
        sha2::Sha256::digest(self.0.to_be_bytes()).into()
    }
}

impl Entropy for Counter {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        for chunk in buffer.chunks_mut(32) {
            let length = chunk.len();
            chunk.copy_from_slice(&self.bytes()[..length]);
        }
        Ok(())
    }
}

/// The same person for the same seed.
pub(crate) fn person(seed: u64) -> KeyRing {
    KeyRing::generate(&mut Counter::new(seed), START).unwrap()
}

/// The cards of these people, as a verified lookup.
pub(crate) fn cards_of(people: &[&KeyRing]) -> BTreeMap<UserId, CardChain> {
    people.iter().map(|ring| (ring.user_id(), ring.chain().clone())).collect()
}

/// A revision in the making.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) body: ManifestBody,
    pub(crate) rows: Vec<AccessEntry>,
    salts: u64,
}

impl Draft {
    /// The first revision by `creator`, who is alone in its list with 127.
    pub(crate) fn create(creator: &KeyRing) -> Self {
        let id_salt = [0x1d; 32];
        let section = |byte| Section {
            state: SectionState::Present { padded: false },
            epoch: 1,
            digest: SegmentDigest { length: 100, digest: [byte; 48] },
            changed_by: creator.user_id(),
            changed_at: START,
            changed_in: 1,
        };
        let body = ManifestBody {
            suite: absio_proto::crypto::suite::SUITE_1,
            container: container_id(creator.user_id(), &id_salt),
            id_salt,
            revision: 1,
            previous: [0; 48],
            created_by: creator.user_id(),
            created_at: START,
            author: Author::of(creator),
            modified_at: START,
            type_commitment: no_type(),
            header: section(1),
            content: section(2),
            access_count: 0,
            access_root: [0; 48],
        };
        Self { body, rows: Vec::new(), salts: 0 }.grant(creator, Permissions::CREATOR)
    }

    /// The revision after `view` by `author`, `seconds` after the start, changing nothing yet.
    pub(crate) fn after(view: &ManifestView, author: &KeyRing, seconds: u64) -> Self {
        let mut body = view.body().clone();
        body.revision += 1;
        body.previous = view.body().hash();
        body.author = Author::of(author);
        body.modified_at = at(seconds);
        let salts = body.revision << 32 | seconds << 16 | u64::from(author.user_id().as_bytes()[0]) << 8;
        Self { body, rows: view.access().entries().cloned().collect(), salts }
    }

    fn salt(&mut self) -> [u8; 32] {
        self.salts += 1;
        Counter::new(self.salts).bytes()
    }

    /// A stand-in for a key blob by the author at the draft's epochs.
    pub(crate) fn wrapping(&mut self) -> Wrapped {
        let mut blob_hash = [0xb1; 48];
        blob_hash[..32].copy_from_slice(&self.salt());
        Wrapped {
            derivation_index: 1,
            blob_hash,
            sealed_by: self.body.author.user,
            sealed_by_index: self.body.author.index,
            header_epoch: self.body.header.epoch,
            content_epoch: self.body.content.epoch,
        }
    }

    /// Adds a new row.
    pub(crate) fn grant(mut self, user: &KeyRing, permissions: Permissions) -> Self {
        let wrapped = permissions.contains(Permissions::CONTAINER_DECRYPT).then(|| self.wrapping());
        let row = AccessEntry {
            user: user.user_id(),
            permissions,
            expiration: None,
            created_by: self.body.author.user,
            created_at: self.body.modified_at,
            modified: None,
            wrapped,
            salt: self.salt(),
        };
        self.rows.push(row);
        self
    }

    /// Takes a row out.
    pub(crate) fn remove(mut self, user: &KeyRing) -> Self {
        self.rows.retain(|row| row.user != user.user_id());
        self
    }

    /// Changes a row as its author should: salt, and who and when.
    pub(crate) fn change(mut self, user: &KeyRing, edit: impl FnOnce(&mut AccessEntry)) -> Self {
        let salt = self.salt();
        let modified = Some((self.body.author.user, self.body.modified_at));
        let row = self.row(user);
        (row.salt, row.modified) = (salt, modified);
        edit(row);
        self
    }

    /// Changes anything.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    /// The row of `user`.
    pub(crate) fn row(&mut self, user: &KeyRing) -> &mut AccessEntry {
        self.rows.iter_mut().find(|row| row.user == user.user_id()).unwrap()
    }

    /// New content, and every key blob made again.
    pub(crate) fn upload(mut self) -> Self {
        let (user, moment, revision) = (self.body.author.user, self.body.modified_at, self.body.revision);
        let content = &mut self.body.content;
        content.epoch += 1;
        content.digest.digest[..8].copy_from_slice(&revision.to_be_bytes());
        (content.changed_by, content.changed_at, content.changed_in) = (user, moment, revision);
        self.rewrap()
    }

    /// New header too.
    pub(crate) fn upload_header(mut self) -> Self {
        let (user, moment, revision) = (self.body.author.user, self.body.modified_at, self.body.revision);
        let header = &mut self.body.header;
        header.epoch += 1;
        header.digest.digest[..8].copy_from_slice(&revision.to_be_bytes());
        (header.changed_by, header.changed_at, header.changed_in) = (user, moment, revision);
        self.rewrap()
    }

    /// Makes every key blob again; rows that expired lose theirs.
    pub(crate) fn rewrap(mut self) -> Self {
        for index in 0..self.rows.len() {
            let wrapping = self.wrapping();
            let salt = self.salt();
            let moment = self.body.modified_at;
            let row = &mut self.rows[index];
            let may = row.permissions.contains(Permissions::CONTAINER_DECRYPT) && !row.is_expired(moment);
            let wrapped = may.then_some(wrapping);
            if row.wrapped != wrapped {
                (row.wrapped, row.salt) = (wrapped, salt);
            }
        }
        self
    }

    /// Real key blobs for everybody in `people` who may decrypt.
    pub(crate) fn wrap_keys(
        mut self,
        keys: &ContainerKeys,
        author: &KeyRing,
        people: &[&KeyRing],
    ) -> (Self, BTreeMap<UserId, Vec<u8>>) {
        let ephemeral = Ephemeral::new(&Secret::new(self.salt()));
        let (_, sender) = author.chain().active_signing().unwrap();
        let mut blobs = BTreeMap::new();
        for ring in people {
            let body = self.body.clone();
            let row = self.row(ring);
            let (_, public) = ring.chain().active_derivation().unwrap();
            let Some(context) = body.blob_context(row, sender.to_bytes(), public) else { continue };
            let blob = seal_blob(keys, &ephemeral, &context).unwrap();
            row.wrapped.as_mut().unwrap().blob_hash = blob_hash(&blob);
            blobs.insert(ring.user_id(), blob);
        }
        (self, blobs)
    }

    /// Computes the root and signs.
    pub(crate) fn sign(mut self, author: &KeyRing) -> ManifestView {
        let access = AccessSlots::of(self.rows).unwrap();
        (self.body.access_count, self.body.access_root) = (access.count(), access.root());
        ManifestView::new(self.body.sign(author), access).unwrap()
    }

    /// Signs a list of which only hashes are known besides the rows.
    pub(crate) fn sign_with_hashes(mut self, author: &KeyRing, access: AccessSlots) -> ManifestView {
        (self.body.access_count, self.body.access_root) = (access.count(), access.root());
        ManifestView::new(self.body.sign(author), access).unwrap()
    }
}

/// The id of the container in every story of `creator`.
pub(crate) fn id_of(creator: &KeyRing) -> ContainerId {
    container_id(creator.user_id(), &[0x1d; 32])
}
