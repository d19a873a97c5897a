//! The keys of one user's partition, and what they make: names, sealed values, digest elements.

use super::state::Sum;
use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::secret::Secret;
use crate::crypto::segment::padme;
use crate::crypto::suite::{self, HashLabel, KeyLabel};
use crate::crypto::wrap::{TAG, WrapKeys};
use crate::effect::{BlobId, CellId};
use crate::error::{CryptoError, Error};
use crate::model::UserId;
use crate::operation::Entropy;
use hmac::{Hmac, Mac};
use sha2::Sha384;
use zeroize::Zeroizing;

/// Bytes of a sealed value before its ciphertext: generation and salt.
const CLEAR: usize = 8 + 32;
/// Small values are padded to a multiple of this.
const BUCKET: u64 = 256;
/// Values longer than this are padded as Padmé says.
const BUCKETED: u64 = 4096;
/// Bytes of a kind's prefix.
const PREFIX: usize = 16;
/// Bytes of a name behind its prefix.
const REST: usize = 24;
/// Bytes of a name.
pub(crate) const NAME: usize = PREFIX + REST;

/// What a record is about. The byte goes into its name, through HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The state of the partition; there is one.
    State = 1,
    /// A container, or what is remembered of one.
    Container = 2,
    /// The public keys of a user.
    Peer = 3,
    /// How far events were followed.
    Cursor = 4,
    /// A change that is not at the broker yet.
    Outbox = 5,
}

impl Kind {
    /// Every kind whose records count in the digest: all but the state itself.
    pub(crate) const COUNTED: [Self; 4] = [Self::Container, Self::Peer, Self::Cursor, Self::Outbox];
}

/// What a sealed value is: each is bound to its name under a label of its own.
#[derive(Clone, Copy)]
enum Place<'a> {
    Record(&'a [u8]),
    Anchor(&'a CellId),
    Envelope(&'a BlobId),
    Journal(&'a [u8; 16]),
}

impl Place<'_> {
    const fn label(self) -> KeyLabel {
        match self {
            Self::Record(_) => KeyLabel::StoreRecord,
            Self::Anchor(_) => KeyLabel::StoreAnchor,
            Self::Envelope(_) => KeyLabel::StoreEnvelope,
            Self::Journal(_) => KeyLabel::Journal,
        }
    }

    const fn name(&self) -> &[u8] {
        match self {
            Self::Record(name) => name,
            Self::Anchor(cell) => &cell.0,
            Self::Envelope(blob) => &blob.0,
            Self::Journal(name) => *name,
        }
    }
}

/// The keys of a partition. Wiped when dropped.
pub struct StoreKeys {
    prk: Secret<48>,
    names: Secret<48>,
    digest: Secret<48>,
}

impl StoreKeys {
    /// The keys under which `user` keeps things, from the secret in their key file.
    pub fn derive(user: UserId, store_secret: &Secret<32>) -> Self {
        let prk = suite::extract(HashLabel::Store, &[store_secret.expose(), user.as_bytes()]);
        let names = suite::expand(&prk, KeyLabel::StoreName, &[]);
        let digest = suite::expand(&prk, KeyLabel::StoreDigest, &[]);
        Self { prk, names, digest }
    }

    fn named(&self, kind: Kind, id: &[u8]) -> [u8; 48] {
        let mut mac = suite::hmac_sha384(self.names.expose());
        mac.update(&[kind as u8]);
        mac.update(id);
        mac.finalize().into_bytes().into()
    }

    fn prefix(&self, kind: Kind) -> [u8; PREFIX] {
        let mut prefix = [0; PREFIX];
        prefix.copy_from_slice(&self.named(kind, &[])[..PREFIX]);
        prefix
    }

    /// The name of the record of `kind` about `id` (empty for the state): 40 bytes.
    pub fn name(&self, kind: Kind, id: &[u8]) -> Vec<u8> {
        // The id is followed by a byte, so that no id makes the prefix.
        let rest = self.named(kind, &[id, &[0]].concat());
        [&self.prefix(kind)[..], &rest[..REST]].concat()
    }

    /// All names of `kind`: from the first, to the second exclusive.
    pub fn range(&self, kind: Kind) -> (Vec<u8>, Vec<u8>) {
        let start = self.prefix(kind);
        let end = [&start[..], &[0xff; REST + 1]].concat();
        (start.to_vec(), end)
    }

    /// What the record `name` is about; none if it is no name of this partition.
    pub(crate) fn kind_of(&self, name: &[u8]) -> Option<Kind> {
        let kinds = Kind::COUNTED.into_iter().filter(|_| name.len() == NAME);
        kinds.into_iter().find(|kind| name.starts_with(&self.prefix(*kind)))
    }

    /// The MAC over an export of this partition.
    pub(crate) fn export_mac(&self) -> Hmac<Sha384> {
        let key: Secret<48> = suite::expand(&self.prk, KeyLabel::StoreExport, &[]);
        suite::hmac_sha384(key.expose())
    }

    /// A name for a blob of this partition: 80 random bits, and 80 by which its owner knows it again.
    pub fn blob_id(&self, random: [u8; 10]) -> BlobId {
        let mut id = [0; 20];
        id[..10].copy_from_slice(&random);
        id[10..].copy_from_slice(&self.named(Kind::State, &[&b"b"[..], &random].concat())[..10]);
        BlobId(id)
    }

    /// Whether a blob is of this partition: others' must not be swept away.
    pub fn owns(&self, blob: &BlobId) -> bool {
        let (random, _) = blob.0.split_first_chunk::<10>().unwrap_or((&[0; 10], &[]));
        self.blob_id(*random) == *blob
    }

    /// The cell of anchor `slot`, 0 or 1.
    pub fn anchor_cell(&self, slot: u8) -> CellId {
        let mut id = [0; 20];
        id.copy_from_slice(&self.named(Kind::State, &[b'a', slot])[..20]);
        CellId(id)
    }

    /// Seals the record `name` as written by the write numbered `generation`.
    pub fn seal_record(
        &self,
        name: &[u8],
        generation: u64,
        data: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        self.seal(Place::Record(name), generation, data, entropy)
    }

    /// Opens the record `name`.
    pub fn open_record(&self, name: &[u8], value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.open(Place::Record(name), value)
    }

    /// Seals an anchor.
    pub fn seal_anchor(
        &self,
        cell: &CellId,
        generation: u64,
        data: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        self.seal(Place::Anchor(cell), generation, data, entropy)
    }

    /// Opens an anchor.
    pub fn open_anchor(&self, cell: &CellId, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.open(Place::Anchor(cell), value)
    }

    /// Seals (part of) an envelope.
    pub fn seal_envelope(
        &self,
        blob: &BlobId,
        part: u64,
        data: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        self.seal(Place::Envelope(blob), part, data, entropy)
    }

    /// Opens (part of) an envelope.
    pub fn open_envelope(&self, blob: &BlobId, part: u64, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.open_numbered(Place::Envelope(blob), part, value)
    }

    /// Seals an entry of the journal of an upload (`docs/protocol.md` §19).
    pub fn seal_journal(
        &self,
        journal: &[u8; 16],
        number: u64,
        data: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        self.seal(Place::Journal(journal), number, data, entropy)
    }

    /// Opens an entry of the journal of an upload.
    pub fn open_journal(&self, journal: &[u8; 16], number: u64, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.open_numbered(Place::Journal(journal), number, value)
    }

    /// Opens a value that must be the one of this number.
    fn open_numbered(&self, place: Place<'_>, number: u64, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let generation = value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        (generation == Some(number)).then(|| self.open(place, value))?
    }

    fn seal(
        &self,
        place: Place<'_>,
        generation: u64,
        data: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        let mut salt = [0; 32];
        entropy.fill(&mut salt)?;
        let clear = Writer::new().u64(generation).bytes(&salt).finish();
        let sealed = self.wrap_keys(place, &clear).seal(&clear, &pad(data));
        Ok(Writer::new().bytes(&clear).bytes(&sealed).finish())
    }

    fn open(&self, place: Place<'_>, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (clear, sealed) = value.split_at_checked(CLEAR)?;
        let padded = self.wrap_keys(place, clear).open(clear, sealed)?;
        unpad(padded).ok()
    }

    /// Fresh for every write, by its salt (F13).
    fn wrap_keys(&self, place: Place<'_>, clear: &[u8]) -> WrapKeys {
        WrapKeys::new(suite::expand(&self.prk, place.label(), &[place.name(), clear]))
    }

    /// What the record `name` with this sealed value adds to the digest; none if it is too short to
    /// have a tag.
    pub fn element(&self, name: &[u8], value: &[u8]) -> Option<Sum> {
        let tag = value.last_chunk::<TAG>().filter(|_| value.len() >= CLEAR + TAG)?;
        let mut mac = suite::hmac_sha384(self.digest.expose());
        mac.update(name);
        mac.update(tag);
        let bytes: [u8; 48] = mac.finalize().into_bytes().into();
        bytes.first_chunk().map(|bytes| Sum(*bytes))
    }
}

/// Bytes that `length` bytes of data become: `length u32 ‖ data ‖ zeros`.
fn padded_length(length: u64) -> u64 {
    let whole = length.saturating_add(4);
    if whole <= BUCKETED { whole.div_ceil(BUCKET).saturating_mul(BUCKET) } else { padme(whole) }
}

/// Bytes of a sealed value that holds `length` bytes of data.
pub(crate) fn sealed_length(length: u64) -> u64 {
    padded_length(length).saturating_add((CLEAR + TAG) as u64)
}

fn pad(data: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = usize::try_from(padded_length(data.len() as u64)).unwrap_or(data.len() + 4);
    let mut padded = Zeroizing::new(Vec::with_capacity(length));
    padded.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    padded.extend_from_slice(data);
    padded.resize(length, 0);
    padded
}

fn unpad(mut padded: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let mut reader = Reader::new("stored record", &padded);
    let length = reader.prefixed(padded.len())?.len();
    let zeros = reader.bytes(reader.remaining())?;
    if padded_length(length as u64) != padded.len() as u64 || zeros.iter().any(|byte| *byte != 0) {
        return Err(reader.malformed("its padding is not the one it must be"));
    }
    padded.drain(..4);
    padded.truncate(length);
    Ok(padded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_entropy::TestEntropy;

    const USER: UserId = UserId::from_bytes([7; 16]);

    fn keys() -> StoreKeys {
        StoreKeys::derive(USER, &Secret::new([1; 32]))
    }

    #[test]
    fn s209_a_record_opens_under_its_name_and_nowhere_else() {
        let (keys, mut entropy) = (keys(), TestEntropy::new(1));
        let name = keys.name(Kind::Container, &[1; 16]);
        let value = keys.seal_record(&name, 5, b"what is kept", &mut entropy).unwrap();
        assert_eq!(keys.open_record(&name, &value).unwrap().as_slice(), b"what is kept");
        let other = keys.name(Kind::Container, &[2; 16]);
        assert!(keys.open_record(&other, &value).is_none());
        assert!(keys.open_anchor(&CellId([1; 20]), &value).is_none());
        let strangers = StoreKeys::derive(USER, &Secret::new([2; 32]));
        assert!(strangers.open_record(&name, &value).is_none());
        assert!(
            StoreKeys::derive(UserId::from_bytes([8; 16]), &Secret::new([1; 32]))
                .open_record(&name, &value)
                .is_none()
        );
    }

    #[test]
    fn ml_bitflip_every_byte_of_a_record() {
        let (keys, mut entropy) = (keys(), TestEntropy::new(2));
        let name = keys.name(Kind::Peer, &[1; 16]);
        let value = keys.seal_record(&name, 5, b"what is kept", &mut entropy).unwrap();
        for byte in 0..value.len() {
            for bit in 0..8 {
                let mut flipped = value.clone();
                flipped[byte] ^= 1 << bit;
                assert!(keys.open_record(&name, &flipped).is_none(), "byte {byte}, bit {bit}");
            }
        }
        for length in 0..value.len() {
            assert!(keys.open_record(&name, &value[..length]).is_none());
        }
        assert!(keys.open_record(&name, &value).is_some());
    }

    #[test]
    fn f13_equal_data_never_gives_equal_values() {
        let (keys, mut entropy) = (keys(), TestEntropy::new(3));
        let name = keys.name(Kind::Cursor, b"");
        let first = keys.seal_record(&name, 1, b"x", &mut entropy).unwrap();
        let second = keys.seal_record(&name, 1, b"x", &mut entropy).unwrap();
        assert_ne!(first[CLEAR..], second[CLEAR..]);
        assert_ne!(keys.element(&name, &first), keys.element(&name, &second));
    }

    #[test]
    fn sizes_are_bucketed() {
        for (data, sealed) in [(0, 256), (252, 256), (253, 512), (4092, 4096), (4093, padme(4097))] {
            assert_eq!(sealed_length(data), sealed + 88, "{data}");
        }
    }

    #[test]
    fn names_of_one_kind_lie_in_its_range() {
        let keys = keys();
        for kind in Kind::COUNTED {
            let (start, end) = keys.range(kind);
            for id in [&[0u8; 16][..], &[0xff; 16], b""] {
                let name = keys.name(kind, id);
                assert!(start <= name && name < end && name.len() == 40);
            }
        }
        assert!(!keys.range(Kind::Peer).0.starts_with(&keys.range(Kind::Container).0));
    }

    #[test]
    fn s227_a_blob_is_known_by_its_owner_alone() {
        let (first, second) = (keys(), StoreKeys::derive(USER, &Secret::new([2; 32])));
        let blob = first.blob_id([5; 10]);
        assert!(first.owns(&blob) && !second.owns(&blob));
        assert_ne!(blob, first.blob_id([6; 10]));
    }

    #[test]
    fn a_value_whose_padding_is_not_the_rules_is_refused() {
        for wrong in [&[0, 0, 0, 1, 9][..], &[0, 0, 0, 9], &[1, 0, 0, 0]] {
            assert!(unpad(Zeroizing::new(wrong.to_vec())).is_err());
        }
        let mut padded = pad(b"abc");
        *padded.last_mut().unwrap() = 1;
        assert!(unpad(padded).is_err());
    }
}
