//! The fields of a manifest and its signature.

use crate::crypto::key_blob::BlobContext;
use crate::crypto::key_ring::KeyRing;
use crate::crypto::segment::{SegmentContext, SegmentDigest, SegmentKind};
use crate::crypto::suite::{Digest48, HashLabel, SignatureLabel, hash, verify};
use crate::error::CryptoError;
use crate::model::{ContainerId, Timestamp, UserId};
use ed25519_dalek::VerifyingKey;

use super::entry::AccessEntry;

/// Who signed, with which key, and how far their card chain reached (F10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Author {
    /// The user.
    pub user: UserId,
    /// Index of the signing key.
    pub index: u32,
    /// Sequence number of the signer's latest card.
    pub card_sequence: u64,
    /// Its hash.
    pub card_hash: Digest48,
}

impl Author {
    /// The author that `ring` signs as.
    #[must_use]
    pub fn of(ring: &KeyRing) -> Self {
        let chain = ring.chain();
        Self {
            user: ring.user_id(),
            index: ring.signing_index(),
            card_sequence: chain.sequence(),
            card_hash: chain.head(),
        }
    }
}

/// Whether a section exists and where its bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SectionState {
    /// There is none: length 0, digest zero.
    #[default]
    Absent,
    /// The broker holds it.
    Present {
        /// Whether its plaintext is padded, so that `length` says little.
        padded: bool,
    },
    /// Its digest is signed here, its bytes are elsewhere (S-233).
    External {
        /// Whether its plaintext is padded.
        padded: bool,
    },
}

impl SectionState {
    /// Whether there is such a section, here or elsewhere.
    #[must_use]
    pub const fn exists(self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// Whether the broker holds its bytes.
    #[must_use]
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Present { .. })
    }

    /// Whether its plaintext is padded.
    #[must_use]
    pub const fn is_padded(self) -> bool {
        matches!(self, Self::Present { padded: true } | Self::External { padded: true })
    }
}

/// The header or the content at one revision, and the revision that last changed it (F14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Whether and where.
    pub state: SectionState,
    /// 1 at first, one more at each change (F33).
    pub epoch: u64,
    /// Length of the plaintext and digest of the segment.
    pub digest: SegmentDigest,
    /// Who changed it last.
    pub changed_by: UserId,
    /// When, by their clock.
    pub changed_at: Timestamp,
    /// In which revision.
    pub changed_in: u64,
}

impl Section {
    /// Whether this and `other` describe the same bytes.
    #[must_use]
    pub fn same_bytes(&self, other: &Self) -> bool {
        self.digest == other.digest && self.state == other.state
    }
}

/// What a manifest says, before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestBody {
    /// The suite the container is sealed with.
    pub suite: u16,
    /// The container.
    pub container: ContainerId,
    /// The salt of its id (F8).
    pub id_salt: [u8; 32],
    /// 1 for the creation, then one more each time.
    pub revision: u64,
    /// Hash of the previous revision's body, zero at revision 1.
    pub previous: Digest48,
    /// Who created the container.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Who signed this revision.
    pub author: Author,
    /// When; never before the previous revision's time (F10).
    pub modified_at: Timestamp,
    /// Salted commitment to the type, zero for none.
    pub type_commitment: Digest48,
    /// The header.
    pub header: Section,
    /// The content.
    pub content: Section,
    /// How many access entries there are, at least 1.
    pub access_count: u32,
    /// The root over their hashes.
    pub access_root: Digest48,
}

impl ManifestBody {
    /// The hash by which the next revision and pins name this one. The signature is outside, so
    /// two signatures over one body are one revision.
    #[must_use]
    pub fn hash(&self) -> Digest48 {
        hash(HashLabel::Manifest, &[&self.encode()])
    }

    /// Signs with the user's own ring. The author must be [`Author::of`] that ring.
    #[must_use]
    pub fn sign(self, ring: &KeyRing) -> Manifest {
        let (_, signature) = ring.sign(SignatureLabel::Manifest, &self.encode());
        Manifest { body: self, signature }
    }

    /// What the opener of the header segment must expect.
    #[must_use]
    pub const fn header_context(&self) -> SegmentContext {
        let (container, epoch) = (self.container, self.header.epoch);
        SegmentContext { kind: SegmentKind::Header, container, epoch }
    }

    /// What the opener of the content segment must expect.
    #[must_use]
    pub const fn content_context(&self) -> SegmentContext {
        let (container, epoch) = (self.container, self.content.epoch);
        SegmentContext { kind: SegmentKind::Content, container, epoch }
    }

    /// What the opener of `entry`'s key blob must expect; none if the entry has no blob. Both keys
    /// come from verified cards: the sealer's signing key and the user's own derivation key, at the
    /// indexes the entry names.
    #[must_use]
    pub fn blob_context(
        &self,
        entry: &AccessEntry,
        sender_public: [u8; 32],
        recipient_public: [u8; 32],
    ) -> Option<BlobContext> {
        let wrapped = entry.wrapped.as_ref()?;
        Some(BlobContext {
            container: self.container,
            header_epoch: wrapped.header_epoch,
            content_epoch: wrapped.content_epoch,
            sender: wrapped.sealed_by,
            sender_index: wrapped.sealed_by_index,
            sender_public,
            recipient: entry.user,
            recipient_index: wrapped.derivation_index,
            recipient_public,
        })
    }

    /// The number of the revision after this one. A number comes from whoever signed it, so there may be
    /// none; sections need no check of their own, since no epoch is above its revision.
    pub(crate) fn next_revision(&self) -> Result<u64, CryptoError> {
        self.revision.checked_add(1).ok_or(CryptoError::RevisionInvalid {
            container: self.container,
            revision: self.revision,
            reason: "it has the highest number there is: none can follow it",
        })
    }

    pub(crate) fn mismatch(&self, what: &'static str) -> CryptoError {
        CryptoError::ManifestMismatch { container: self.container, what }
    }
}

/// A signed manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What it says.
    pub body: ManifestBody,
    /// Ed25519 by the author under [`SignatureLabel::Manifest`] over the encoded body.
    pub signature: [u8; 64],
}

impl Manifest {
    /// The hash of the body.
    #[must_use]
    pub fn hash(&self) -> Digest48 {
        self.body.hash()
    }

    /// Verifies the signature with a key that is known to be the author's.
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`].
    pub fn verify_signature(&self, key: &VerifyingKey) -> Result<(), CryptoError> {
        verify(key, SignatureLabel::Manifest, &self.body.encode(), &self.signature, "manifest")
    }

    /// Compares a served blob with the hash that the manifest signs through `entry`.
    ///
    /// # Errors
    /// [`CryptoError::ManifestMismatch`].
    pub fn check_blob(&self, entry: &AccessEntry, blob: &[u8]) -> Result<(), CryptoError> {
        let signed = entry.wrapped.as_ref().map(|wrapped| wrapped.blob_hash);
        if signed == Some(crate::crypto::key_blob::blob_hash(blob)) {
            Ok(())
        } else {
            Err(self.body.mismatch("key blob"))
        }
    }
}
