//! `TMB1`: the signed end of a container, made by its last reader (`docs/protocol.md`, section 12;
//! F6).

use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::key_ring::KeyRing;
use crate::crypto::manifest::{Author, ManifestView};
use crate::crypto::suite::{Digest48, SUITE_1, SignatureLabel, verify};
use crate::error::CryptoError;
use crate::model::{ContainerId, Timestamp, UserId};
use ed25519_dalek::VerifyingKey;

const MAGIC: &[u8; 4] = b"TMB1";
/// Bytes of a signed tombstone.
pub const TOMBSTONE_LENGTH: usize = 226;

/// The end of a container. It stays for ever; the id never starts again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The container.
    pub container: ContainerId,
    /// One more than the last manifest's revision.
    pub revision: u64,
    /// Hash of the last manifest's body.
    pub previous: Digest48,
    /// When.
    pub deleted_at: Timestamp,
    /// Who signed.
    pub author: Author,
    /// Ed25519 by the author under [`SignatureLabel::Tombstone`] over all before it.
    pub signature: [u8; 64],
}

impl Tombstone {
    /// Signs the end of the container whose last revision is `last`. After the highest number there is
    /// none: [`check_follows`](Self::check_follows) refuses what is signed then.
    #[must_use]
    pub fn sign(last: &ManifestView, deleted_at: Timestamp, ring: &KeyRing) -> Self {
        let body = last.body();
        let mut tombstone = Self {
            container: body.container,
            revision: body.revision.saturating_add(1),
            previous: body.hash(),
            deleted_at,
            author: Author::of(ring),
            signature: [0; 64],
        };
        tombstone.signature = ring.sign(SignatureLabel::Tombstone, &tombstone.signed_bytes()).1;
        tombstone
    }

    fn signed_bytes(&self) -> Vec<u8> {
        Writer::new()
            .bytes(MAGIC)
            .u16(SUITE_1)
            .bytes(self.container.as_bytes())
            .u64(self.revision)
            .bytes(&self.previous)
            .u64(self.deleted_at.as_millis())
            .bytes(self.author.user.as_bytes())
            .u32(self.author.index)
            .u64(self.author.card_sequence)
            .bytes(&self.author.card_hash)
            .finish()
    }

    /// The 226 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.signed_bytes();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Reads a tombstone; nothing of it is verified.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`], or [`CryptoError::Unknown`] for another suite.
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("tombstone", bytes);
        reader.constant(MAGIC, "it does not begin with TMB1")?;
        let suite = reader.u16()?;
        if suite != SUITE_1 {
            return Err(CryptoError::Unknown { what: "suite", value: suite.into() });
        }
        let tombstone = Self {
            container: ContainerId::from_bytes(reader.array()?),
            revision: reader.u64()?,
            previous: reader.array()?,
            deleted_at: Timestamp::from_millis(reader.u64()?),
            author: Author {
                user: UserId::from_bytes(reader.array()?),
                index: reader.u32()?,
                card_sequence: reader.u64()?,
                card_hash: reader.array()?,
            },
            signature: reader.array()?,
        };
        reader.end()?;
        Ok(tombstone)
    }

    /// Verifies the signature with a key that is known to be the author's.
    ///
    /// # Errors
    /// [`CryptoError::BadSignature`].
    pub fn verify_signature(&self, key: &VerifyingKey) -> Result<(), CryptoError> {
        verify(key, SignatureLabel::Tombstone, &self.signed_bytes(), &self.signature, "tombstone")
    }

    /// The rules for a tombstone after `last`: it follows exactly that revision, is not dated before
    /// it, and its signer holds the only row. It needs no right, and an expired row will do.
    ///
    /// # Errors
    /// [`CryptoError::ManifestMismatch`], [`CryptoError::RevisionInvalid`] or
    /// [`CryptoError::NotAuthorised`].
    pub fn check_follows(&self, last: &ManifestView) -> Result<(), CryptoError> {
        let body = last.body();
        let (container, revision) = (body.container, self.revision);
        let follows = self.container == container
            && Some(self.revision) == body.revision.checked_add(1)
            && self.previous == body.hash();
        if !follows {
            return Err(CryptoError::ManifestMismatch { container, what: "tombstone" });
        }
        if self.deleted_at < body.modified_at {
            let reason = "it is dated before the revision it follows";
            return Err(CryptoError::RevisionInvalid { container, revision, reason });
        }
        if last.access().count() == 1 && last.entry(self.author.user).is_some() {
            Ok(())
        } else {
            Err(CryptoError::NotAuthorised { container, revision, right: "sole access" })
        }
    }

    /// The user who deleted the container.
    #[must_use]
    pub const fn deleted_by(&self) -> UserId {
        self.author.user
    }
}
