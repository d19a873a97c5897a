//! One user's access as a manifest signs it.

use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::suite::{Digest48, HashLabel, hash};
use crate::error::CryptoError;
use crate::model::{Access, Permissions, Timestamp, UserId};

/// Bytes of an encoded entry.
pub const ACCESS_ENTRY_LENGTH: usize = 196;

/// How the container's keys are wrapped for a user (F3): copied unchanged until the blob is made
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// Index of the user's derivation key.
    pub derivation_index: u32,
    /// Hash of the key blob, never zero.
    pub blob_hash: Digest48,
    /// Who wrapped. It is part of the blob's keys, and never shown as an author (F4).
    pub sealed_by: UserId,
    /// Index of that user's signing key.
    pub sealed_by_index: u32,
    /// Epoch of the header secret in the blob.
    pub header_epoch: u64,
    /// Epoch of the content secret in the blob.
    pub content_epoch: u64,
}

/// A row of the access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEntry {
    /// For whom.
    pub user: UserId,
    /// What they may do.
    pub permissions: Permissions,
    /// Until when; none for ever.
    pub expiration: Option<Timestamp>,
    /// Who gave it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Who changed permissions or expiration last, and when; none if nobody did.
    pub modified: Option<(UserId, Timestamp)>,
    /// The user's key blob; none without `container.decrypt` (S-113), and for rows that had expired
    /// when the keys last changed (F40).
    pub wrapped: Option<Wrapped>,
    /// Fresh at every change of the row, so that hashes tell nothing (F17).
    pub salt: [u8; 32],
}

impl AccessEntry {
    /// The 196 bytes that are hashed.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let none = Wrapped {
            derivation_index: 0,
            blob_hash: [0; 48],
            sealed_by: UserId::from_bytes([0; 16]),
            sealed_by_index: 0,
            header_epoch: 0,
            content_epoch: 0,
        };
        let wrapped = self.wrapped.as_ref().unwrap_or(&none);
        let modified_by = self.modified.map_or([0; 16], |(user, _)| *user.as_bytes());
        Writer::new()
            .bytes(self.user.as_bytes())
            .u32(self.permissions.as_int())
            // Zero means never on the wire, so an expiration in the first millisecond is the next.
            .u64(self.expiration.map_or(0, |moment| moment.as_millis().max(1)))
            .bytes(self.created_by.as_bytes())
            .u64(self.created_at.as_millis())
            .bytes(&modified_by)
            .u64(Timestamp::to_wire(self.modified.map(|(_, at)| at)))
            .u32(wrapped.derivation_index)
            .bytes(&wrapped.blob_hash)
            .bytes(wrapped.sealed_by.as_bytes())
            .u32(wrapped.sealed_by_index)
            .u64(wrapped.header_epoch)
            .u64(wrapped.content_epoch)
            .bytes(&self.salt)
            .finish()
    }

    /// Reads exactly 196 bytes.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("access entry", bytes);
        let user = UserId::from_bytes(reader.array()?);
        let permissions = Permissions::from_bits(reader.u32()?)
            .ok_or(reader.malformed("its permissions have an unknown bit"))?;
        let expiration = Timestamp::from_wire(reader.u64()?);
        let created_by = UserId::from_bytes(reader.array()?);
        let created_at = Timestamp::from_millis(reader.u64()?);
        let modified_by = reader.array()?;
        let modified_at = Timestamp::from_wire(reader.u64()?);
        if modified_at.is_some() == (modified_by == [0; 16]) {
            return Err(reader.malformed("it was modified by nobody, or at no time"));
        }
        let modified = modified_at.map(|at| (UserId::from_bytes(modified_by), at));
        let wrapped = read_wrapped(&mut reader)?;
        let salt = reader.array()?;
        reader.end()?;
        if wrapped.is_some() && !permissions.contains(Permissions::CONTAINER_DECRYPT) {
            return Err(CryptoError::Malformed {
                what: "access entry",
                reason: "it has a key blob without container.decrypt",
            });
        }
        Ok(Self { user, permissions, expiration, created_by, created_at, modified, wrapped, salt })
    }

    /// The hash that stands for the row.
    #[must_use]
    pub fn hash(&self) -> Digest48 {
        hash(HashLabel::AccessEntry, &[&self.encode()])
    }

    /// Whether the access is over at `moment`.
    #[must_use]
    pub fn is_expired(&self, moment: Timestamp) -> bool {
        self.expiration.is_some_and(|expiration| expiration <= moment)
    }

    /// Whether permissions and expiration are those of `other`.
    #[must_use]
    pub fn same_grant(&self, other: &Self) -> bool {
        (self.user, self.permissions, self.expiration) == (other.user, other.permissions, other.expiration)
    }

    /// The row as the model shows it, with its blob if the caller has one.
    #[must_use]
    pub fn to_access(&self, key_blob: Option<Vec<u8>>) -> Access {
        Access {
            user_id: self.user,
            permissions: self.permissions,
            expiration: self.expiration,
            created_at: self.created_at,
            created_by: self.created_by,
            modified_at: self.modified.map(|(_, at)| at),
            modified_by: self.modified.map(|(by, _)| by),
            key_blob,
        }
    }
}

fn read_wrapped(reader: &mut Reader<'_>) -> Result<Option<Wrapped>, CryptoError> {
    let wrapped = Wrapped {
        derivation_index: reader.u32()?,
        blob_hash: reader.array()?,
        sealed_by: UserId::from_bytes(reader.array()?),
        sealed_by_index: reader.u32()?,
        header_epoch: reader.u64()?,
        content_epoch: reader.u64()?,
    };
    if wrapped.blob_hash != [0; 48] {
        return Ok(Some(wrapped));
    }
    let empty = (wrapped.derivation_index, wrapped.sealed_by_index) == (0, 0)
        && (wrapped.header_epoch, wrapped.content_epoch) == (0, 0)
        && *wrapped.sealed_by.as_bytes() == [0; 16];
    if empty { Ok(None) } else { Err(reader.malformed("it names a wrapping without a key blob")) }
}
