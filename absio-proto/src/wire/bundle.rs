//! `BND1`: several binary items in one body (`docs/protocol.md`, "Bundles").

use crate::crypto::encoding::{Reader, Writer};
use crate::error::CryptoError;

const MAGIC: &[u8; 4] = b"BND1";
/// More items than a container with 65,536 entries needs; bounds what a reader keeps.
const ITEMS: usize = 1 << 18;

/// What an item of a bundle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub enum BundleTag {
    /// A JSON object; first, and at most once.
    Fields = 1,
    /// A manifest view; in ascending order of revision.
    ManifestView = 2,
    /// A user id (16 bytes) and the key blob wrapped for that user.
    KeyBlob = 3,
    /// A header segment.
    HeaderSegment = 4,
    /// A content segment.
    ContentSegment = 5,
    /// A user id (16 bytes) and one of that user's identity cards; in ascending order of sequence.
    Card = 6,
    /// A salt (32 bytes) and the clear type in UTF-8.
    TypeOpening = 7,
    /// A sealed key file.
    KeyFile = 8,
    /// A tombstone.
    Tombstone = 9,
}

impl BundleTag {
    const ALL: [Self; 9] = [
        Self::Fields,
        Self::ManifestView,
        Self::KeyBlob,
        Self::HeaderSegment,
        Self::ContentSegment,
        Self::Card,
        Self::TypeOpening,
        Self::KeyFile,
        Self::Tombstone,
    ];

    /// Whether the tag may stand in a bundle more than once.
    const fn repeats(self) -> bool {
        matches!(self, Self::ManifestView | Self::KeyBlob | Self::Card)
    }
}

/// A list of tagged items, in ascending order of tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    items: Vec<(BundleTag, Vec<u8>)>,
}

impl Bundle {
    /// An empty bundle.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The bundle with one more item. Items are written in ascending order of tag whatever the
    /// order they were added in; items of one tag keep their order.
    #[must_use]
    pub fn with(mut self, tag: BundleTag, bytes: impl Into<Vec<u8>>) -> Self {
        let position = self.items.partition_point(|(other, _)| *other <= tag);
        self.items.insert(position, (tag, bytes.into()));
        self
    }

    /// The bundle with `bytes` if there are any.
    #[must_use]
    pub fn with_some(self, tag: BundleTag, bytes: Option<Vec<u8>>) -> Self {
        match bytes {
            Some(bytes) => self.with(tag, bytes),
            None => self,
        }
    }

    /// The bundle with many items of one tag.
    #[must_use]
    pub fn with_all(mut self, tag: BundleTag, items: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let position = self.items.partition_point(|(other, _)| *other <= tag);
        self.items.splice(position..position, items.into_iter().map(|bytes| (tag, bytes)));
        self
    }

    /// Takes out the item called `tag`.
    pub fn take(&mut self, tag: BundleTag) -> Option<Vec<u8>> {
        let position = self.items.iter().position(|(other, _)| *other == tag)?;
        Some(self.items.remove(position).1)
    }

    /// Takes out all items called `tag`, in order.
    pub fn take_all(&mut self, tag: BundleTag) -> Vec<Vec<u8>> {
        let (taken, kept) =
            core::mem::take(&mut self.items).into_iter().partition(|(other, _)| *other == tag);
        self.items = kept;
        let taken: Vec<(BundleTag, Vec<u8>)> = taken;
        taken.into_iter().map(|(_, bytes)| bytes).collect()
    }

    /// What was expected has been taken: anything left is an error.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] if an item is left.
    pub fn end(self) -> Result<(), CryptoError> {
        if self.items.is_empty() {
            Ok(())
        } else {
            Err(CryptoError::Malformed {
                what: "bundle",
                reason: "it holds an item that does not belong here",
            })
        }
    }

    /// The bytes: magic, u32 count, then for each item u16 tag, u32 length, bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let count = u32::try_from(self.items.len()).expect("bundles hold fewer than 2^32 items");
        self.items
            .iter()
            .fold(Writer::new().bytes(MAGIC).u32(count), |writer, (tag, bytes)| {
                writer.u16(*tag as u16).prefixed(bytes)
            })
            .finish()
    }

    /// Reads a whole bundle.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] for an unknown tag, a wrong order, a doubled item or trailing bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("bundle", bytes);
        reader.constant(MAGIC, "it does not begin with BND1")?;
        let count = reader.u32()? as usize;
        if count > ITEMS || count > reader.remaining() / 6 {
            return Err(reader.malformed("it claims more items than it can hold"));
        }
        let mut items: Vec<(BundleTag, Vec<u8>)> = Vec::with_capacity(count);
        for _ in 0..count {
            let number = reader.u16()?;
            let tag = BundleTag::ALL
                .into_iter()
                .find(|tag| *tag as u16 == number)
                .ok_or_else(|| reader.malformed("it holds an item of an unknown kind"))?;
            if let Some((last, _)) = items.last()
                && (*last > tag || (*last == tag && !tag.repeats()))
            {
                return Err(reader.malformed("its items are out of order or doubled"));
            }
            let length = reader.remaining();
            items.push((tag, reader.prefixed(length)?.to_vec()));
        }
        reader.end()?;
        Ok(Self { items })
    }
}

/// A user id and the bytes that belong to that user: the shape of key blobs and cards in a bundle.
pub(crate) fn join_user(user: crate::model::UserId, bytes: &[u8]) -> Vec<u8> {
    [user.as_bytes().as_slice(), bytes].concat()
}

/// The reverse of [`join_user`].
pub(crate) fn split_user(item: &[u8]) -> Result<(crate::model::UserId, Vec<u8>), CryptoError> {
    let mut reader = Reader::new("bundle", item);
    let user = crate::model::UserId::from_bytes(reader.array()?);
    let length = reader.remaining();
    Ok((user, reader.bytes(length)?.to_vec()))
}
