//! Sealing a small container for one reader, beside the public-key operations it cannot do without.

use absio_proto::crypto::key_blob::{blob_hash, seal_blob};
use absio_proto::crypto::manifest::{
    AccessEntry, AccessSlots, Author, ManifestBody, ManifestView, Section, SectionState, Wrapped, no_type,
};
use absio_proto::crypto::segment::{
    SegmentContext, SegmentDigest, SegmentKind, SegmentParameters, seal_segment,
};
use absio_proto::crypto::{ContainerKeys, Ephemeral, KeyRing, Secret, container_id};
use absio_proto::model::{ContainerId, Permissions, Timestamp};
use ed25519_dalek::{Signer, SigningKey};
use x25519_dalek::{PublicKey, StaticSecret};

const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// What a sealed container is: segment, key blob, signed revision.
pub type Sealed = (Vec<u8>, Vec<u8>, ManifestView);

/// A writer, a reader and a small content.
pub struct Small {
    writer: KeyRing,
    reader: KeyRing,
    content: Vec<u8>,
    entropy: crate::Entropy,
    signing: SigningKey,
}

impl Small {
    /// With a content of `length` bytes.
    ///
    /// # Panics
    /// Never: this randomness cannot fail.
    #[must_use]
    pub fn new(length: usize) -> Self {
        let mut entropy = crate::Entropy::new(7);
        let mut ring = || KeyRing::generate(&mut entropy, NOW).expect("this randomness cannot fail");
        let (writer, reader) = (ring(), ring());
        let signing = SigningKey::from_bytes(&crate::bytes(8));
        Self { writer, reader, content: vec![9; length], entropy, signing }
    }

    /// The limit: an X25519 key is made, a secret is shared, something is signed.
    #[must_use]
    pub fn bare(&self) -> (u8, [u8; 64]) {
        let (_, public) = self.reader.chain().active_derivation().expect("a new user has keys");
        let ephemeral = StaticSecret::from(crate::bytes(10));
        let enc = PublicKey::from(&ephemeral);
        let shared = ephemeral.diffie_hellman(&PublicKey::from(public));
        (shared.as_bytes()[0], self.signing.sign(enc.as_bytes()).to_bytes())
    }

    /// Draws keys, seals the content, wraps the keys for the reader, signs the first revision.
    ///
    /// # Panics
    /// Never: this randomness cannot fail, the keys are sound, the content is short.
    pub fn seal(&mut self) -> Sealed {
        let mut draw = || Secret::filled(|bytes| absio_proto::Entropy::fill(&mut self.entropy, bytes));
        let [id_salt, salt, ephemeral, row_salt] =
            core::array::from_fn(|_| draw().expect("this randomness cannot fail"));
        let keys = ContainerKeys::generate(&mut self.entropy).expect("this randomness cannot fail");
        let container = container_id(self.writer.user_id(), id_salt.expose());
        let context = SegmentContext { kind: SegmentKind::Content, container, epoch: 1 };
        let parameters = SegmentParameters::new(context, *salt.expose());
        let (segment, digest) =
            seal_segment(parameters, keys.content_secret(), &self.content).expect("the content is short");
        let mut row = self.row(*row_salt.expose());
        let body = self.body(container, *id_salt.expose(), digest, &row);
        let sender = self.writer.chain().signing_key(self.writer.signing_index());
        let sender_public = sender.expect("a new user has keys").public;
        let (_, recipient_public) = self.reader.chain().active_derivation().expect("a new user has keys");
        let bound = body.blob_context(&row, sender_public, recipient_public).expect("the row has keys");
        let blob = seal_blob(&keys, &Ephemeral::new(&ephemeral), &bound).expect("the reader's key is sound");
        if let Some(wrapped) = &mut row.wrapped {
            wrapped.blob_hash = blob_hash(&blob);
        }
        let access = AccessSlots::of([row]).expect("one row is a list");
        let body = ManifestBody { access_root: access.root(), ..body };
        let view = ManifestView::new(body.sign(&self.writer), access).expect("the root is the list's");
        (segment, blob, view)
    }

    fn row(&self, salt: [u8; 32]) -> AccessEntry {
        let writer = self.writer.user_id();
        let derivation = self.reader.chain().active_derivation();
        AccessEntry {
            user: self.reader.user_id(),
            permissions: Permissions::all(),
            expiration: None,
            created_by: writer,
            created_at: NOW,
            modified: None,
            wrapped: derivation.map(|(derivation_index, _)| Wrapped {
                derivation_index,
                blob_hash: [1; 48],
                sealed_by: writer,
                sealed_by_index: self.writer.signing_index(),
                header_epoch: 1,
                content_epoch: 1,
            }),
            salt,
        }
    }

    fn body(
        &self,
        container: ContainerId,
        id_salt: [u8; 32],
        digest: SegmentDigest,
        row: &AccessEntry,
    ) -> ManifestBody {
        let section = |state, digest| Section {
            state,
            epoch: 1,
            digest,
            changed_by: row.created_by,
            changed_at: NOW,
            changed_in: 1,
        };
        ManifestBody {
            suite: 1,
            container,
            id_salt,
            revision: 1,
            previous: [0; 48],
            created_by: row.created_by,
            created_at: NOW,
            author: Author::of(&self.writer),
            modified_at: NOW,
            type_commitment: no_type(),
            header: section(SectionState::Absent, SegmentDigest { length: 0, digest: [0; 48] }),
            content: section(SectionState::Present { padded: false }, digest),
            access_count: 1,
            access_root: [0; 48],
        }
    }
}
