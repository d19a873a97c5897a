//! What a reader is shown of a revision: the manifest, the rows they may see, and bare hashes for
//! the rest, from which the signed access root is computed again.

use super::body::{Manifest, ManifestBody};
use super::codec::MANIFEST_LENGTH;
use super::entry::{ACCESS_ENTRY_LENGTH, AccessEntry};
use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::merkle;
use crate::crypto::suite::{Digest48, HashLabel, hash};
use crate::error::CryptoError;
use crate::model::UserId;
use std::collections::BTreeSet;

/// The most entries any deployment may configure (`docs/protocol.md`, "Limits").
pub const VIEW_ENTRIES: usize = 65_536;

/// One row of an access list as a reader is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessSlot {
    /// The row.
    Entry(AccessEntry),
    /// Only its hash.
    Hash(Digest48),
}

impl AccessSlot {
    /// The row's hash.
    #[must_use]
    pub fn hash(&self) -> Digest48 {
        match self {
            Self::Entry(entry) => entry.hash(),
            Self::Hash(hash) => *hash,
        }
    }

    /// The row, if it is shown.
    #[must_use]
    pub const fn entry(&self) -> Option<&AccessEntry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Hash(_) => None,
        }
    }
}

/// An access list: slots in ascending order of their hashes, no two rows for one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessSlots {
    slots: Vec<AccessSlot>,
    /// The slots' hashes, in the same order.
    hashes: Vec<Digest48>,
}

impl AccessSlots {
    /// A list of `entries`, in any order.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] if it is empty, too long, or names a user twice.
    pub fn of(entries: impl IntoIterator<Item = AccessEntry>) -> Result<Self, CryptoError> {
        Self::sorted(entries.into_iter().map(AccessSlot::Entry).collect())
    }

    /// A list of `slots`, in any order.
    ///
    /// # Errors
    /// As [`of`](Self::of), also if two hashes are equal.
    pub fn sorted(slots: Vec<AccessSlot>) -> Result<Self, CryptoError> {
        let mut hashed: Vec<_> = slots.into_iter().map(|slot| (slot.hash(), slot)).collect();
        hashed.sort_by_key(|(hash, _)| *hash);
        Self::checked(hashed)
    }

    fn checked(hashed: Vec<(Digest48, AccessSlot)>) -> Result<Self, CryptoError> {
        let malformed = |reason| CryptoError::Malformed { what: "access list", reason };
        if hashed.is_empty() || hashed.len() > VIEW_ENTRIES {
            return Err(malformed("its number of entries is not allowed"));
        }
        if !hashed.is_sorted_by(|(left, _), (right, _)| left < right) {
            return Err(malformed("it is not in ascending order"));
        }
        let mut users = BTreeSet::new();
        if !hashed.iter().filter_map(|(_, slot)| slot.entry()).all(|entry| users.insert(entry.user)) {
            return Err(malformed("it names a user twice"));
        }
        let (hashes, slots) = hashed.into_iter().unzip();
        Ok(Self { slots, hashes })
    }

    /// The slots.
    #[must_use]
    pub fn slots(&self) -> &[AccessSlot] {
        &self.slots
    }

    /// The hashes, ascending.
    #[must_use]
    pub fn hashes(&self) -> &[Digest48] {
        &self.hashes
    }

    /// The rows that are shown.
    pub fn entries(&self) -> impl Iterator<Item = &AccessEntry> {
        self.slots.iter().filter_map(AccessSlot::entry)
    }

    /// The row of `user`, if it is shown.
    #[must_use]
    pub fn entry(&self, user: UserId) -> Option<&AccessEntry> {
        self.entries().find(|entry| entry.user == user)
    }

    /// Whether every row is shown.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.slots.iter().all(|slot| slot.entry().is_some())
    }

    /// Whether a row with this hash is in the list.
    #[must_use]
    pub fn contains(&self, hash: &Digest48) -> bool {
        self.hashes.binary_search(hash).is_ok()
    }

    /// How many rows there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.slots.len()).expect("there are at most 65,536 entries")
    }

    /// `SHA-384("absio/v1/access-root" ‖ 0x00 ‖ count u32 ‖ Merkle root)`, the leaves being the
    /// entry hashes in ascending order (F30).
    #[must_use]
    pub fn root(&self) -> Digest48 {
        let mut tree = merkle::MerkleBuilder::new();
        for hash in &self.hashes {
            tree.push(merkle::leaf(hash));
        }
        hash(HashLabel::AccessRoot, &[&self.count().to_be_bytes(), &tree.root()])
    }
}

/// A manifest with as much of its access list as a reader is shown. The list is proven against the
/// manifest's root; the manifest's own signature is not checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestView {
    manifest: Manifest,
    access: AccessSlots,
}

const HASH: u8 = 0;
const ENTRY: u8 = 1;

impl ManifestView {
    /// Puts a manifest and its list together.
    ///
    /// # Errors
    /// [`CryptoError::ManifestMismatch`] if the list is not the one the manifest signs.
    pub fn new(manifest: Manifest, access: AccessSlots) -> Result<Self, CryptoError> {
        let body = &manifest.body;
        if body.access_count != access.count() || body.access_root != access.root() {
            return Err(body.mismatch("access list"));
        }
        Ok(Self { manifest, access })
    }

    /// The manifest.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What the manifest says.
    #[must_use]
    pub const fn body(&self) -> &ManifestBody {
        &self.manifest.body
    }

    /// The access list as far as it is shown.
    #[must_use]
    pub const fn access(&self) -> &AccessSlots {
        &self.access
    }

    /// The row of `user`, if it is shown.
    #[must_use]
    pub fn entry(&self, user: UserId) -> Option<&AccessEntry> {
        self.access.entry(user)
    }

    /// The view with only the rows of `keep` shown, the others as bare hashes. Which rows a reader
    /// without access.view gets: their own, the signer's, and the next revision's signer's (F15).
    #[must_use]
    pub fn redacted(&self, keep: &[UserId]) -> Self {
        let hidden = |(slot, hash): (&AccessSlot, &Digest48)| match slot {
            AccessSlot::Entry(entry) if keep.contains(&entry.user) => slot.clone(),
            _ => AccessSlot::Hash(*hash),
        };
        let slots = self.access.slots.iter().zip(&self.access.hashes).map(hidden).collect();
        let access = AccessSlots { slots, hashes: self.access.hashes.clone() };
        Self { manifest: self.manifest.clone(), access }
    }

    /// The manifest, the number of rows, and each row: 0 and its hash, or 1 and the entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let writer = Writer::new().bytes(&self.manifest.encode()).u32(self.access.count());
        let write = |writer: Writer, slot: &AccessSlot| match slot {
            AccessSlot::Hash(hash) => writer.u8(HASH).bytes(hash),
            AccessSlot::Entry(entry) => writer.u8(ENTRY).bytes(&entry.encode()),
        };
        self.access.slots.iter().fold(writer, write).finish()
    }

    /// Reads a view and proves its list against the manifest. The signature is not checked.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`], [`CryptoError::Unknown`] or [`CryptoError::ManifestMismatch`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("manifest view", bytes);
        let manifest = Manifest::decode(reader.bytes(MANIFEST_LENGTH)?)?;
        let count = reader.u32()?;
        if count != manifest.body.access_count {
            return Err(reader.malformed("its number of rows is not the manifest's"));
        }
        // Every row takes at least a tag and a hash, so a claimed count cannot outgrow the bytes.
        if reader.remaining() < count as usize * (1 + size_of::<Digest48>()) {
            return Err(reader.malformed("it ends early"));
        }
        let mut slots = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let slot = match reader.u8()? {
                HASH => AccessSlot::Hash(reader.array()?),
                ENTRY => AccessSlot::Entry(AccessEntry::decode(reader.bytes(ACCESS_ENTRY_LENGTH)?)?),
                _ => return Err(reader.malformed("a row is neither a hash nor an entry")),
            };
            slots.push((slot.hash(), slot));
        }
        reader.end()?;
        Self::new(manifest, AccessSlots::checked(slots)?)
    }
}
