//! Every row the broker keeps: its key and its value. There is no other place that knows a key.
//!
//! | key | value | |
//! |---|---|---|
//! | `meta/secret` | 32 bytes | the deployment secret: nonces and tokens are MACed under it |
//! | `api/` key 16 | [`ApiKeyRow`] | an API key this broker issued |
//! | `cards/` user 16 | u32 length and card, repeated | identity cards, ascending; kept for ever |
//! | `user/` user 16 | [`UserRow`] | reminder, retrieval key, what is known of the key file |
//! | `keyfile/` user 16 | the sealed file | |
//! | `deny/` user 16 | [`DenyRow`] | sessions that were ended before their time |
//! | `signed/` user 16, shard 1 | time 8 | the latest date of what the user signed about some containers |
//! | `nonce/` expiry 8, id 16 | empty | a nonce that was used; swept by expiry |
//! | `idem/` user 16, key 16 | [`IdempotencyRow`] | the answer to a change |
//! | `idemx/` expiry 8, user 16, key 16 | empty | the same by expiry, for sweeping |
//! | `head/` container 16 | [`HeadRow`] | the present revision: every change compares and sets it |
//! | `view/` container 16, revision 8 | manifest view with every row | |
//! | `blob/` container 16, user 16 | key blob | of the present revision |
//! | `list/` user 16, container 16 | permissions 4, expiration 8 | the user's row, for lists and events |
//! | `seen/` container 16, user 16 | revision 8 | the newest revision this user has fetched |
//! | `event/` user 16 | count 8 | counter of the sequence below, kept by the store |
//! | `event/` user 16, id 8 | [`EventRow`](crate::events::EventRow) | one event as this user may see it |
//! | `upload/` upload 16 | [`UploadRow`] | large content under way, or in use |
//! | `touch/` upload 16 | time 8 | when the upload was last added to |
//! | `part/` upload 16, number 8 | [`PartRow`] | one part that is safely stored |
//! | `groups/` upload 16 | hash 48, repeated | roots of 64 parts each, of a content in use |
//! | `ref/` blob 20 | empty | the blob is in use; others are orphans of a crash |
//! | `trash/` upload 16 | empty | an upload whose parts are to be removed |
//!
//! Integers are big-endian. Row types are JSON objects; unknown names are ignored, so that a newer
//! broker may add some.

use absio_proto::effect::BlobId;
use absio_proto::model::{ApiKey, ContainerId, Timestamp, UserId};
use absio_proto::wire::{Base64, UploadId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

fn key(prefix: &str, parts: &[&[u8]]) -> Vec<u8> {
    core::iter::once(prefix.as_bytes()).chain(parts.iter().copied()).collect::<Vec<_>>().concat()
}

/// The end of the range of keys that begin with `prefix`.
pub(crate) fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    // Prefixes begin with ASCII letters, so there is always a byte below 0xff to count up.
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

pub(crate) fn deployment_secret() -> Vec<u8> {
    key("meta/secret", &[])
}

pub(crate) fn api_key(api_key: ApiKey) -> Vec<u8> {
    key("api/", &[api_key.as_bytes()])
}

pub(crate) fn cards(user: UserId) -> Vec<u8> {
    key("cards/", &[user.as_bytes()])
}

pub(crate) fn user(user: UserId) -> Vec<u8> {
    key("user/", &[user.as_bytes()])
}

pub(crate) fn key_file(user: UserId) -> Vec<u8> {
    key("keyfile/", &[user.as_bytes()])
}

pub(crate) fn deny(user: UserId) -> Vec<u8> {
    key("deny/", &[user.as_bytes()])
}

pub(crate) fn signed(user: UserId, shard: u8) -> Vec<u8> {
    key("signed/", &[user.as_bytes(), &[shard]])
}

pub(crate) fn nonce(expires: Timestamp, id: &[u8; 16]) -> Vec<u8> {
    key("nonce/", &[&expires.as_millis().to_be_bytes(), id])
}

/// Nonces that expired before `now`.
pub(crate) fn nonces_until(now: Timestamp) -> (Vec<u8>, Vec<u8>) {
    (key("nonce/", &[]), key("nonce/", &[&now.as_millis().to_be_bytes()]))
}

pub(crate) fn idempotency(user: UserId, idempotency_key: &[u8; 16]) -> Vec<u8> {
    key("idem/", &[user.as_bytes(), idempotency_key])
}

/// All idempotency rows of a user.
pub(crate) fn idempotency_of(user: UserId) -> Vec<u8> {
    key("idem/", &[user.as_bytes()])
}

pub(crate) fn idempotency_expiry(expires: Timestamp, user: UserId, idempotency_key: &[u8; 16]) -> Vec<u8> {
    key("idemx/", &[&expires.as_millis().to_be_bytes(), user.as_bytes(), idempotency_key])
}

/// Expiry rows before `now`; the row itself is under the last 32 bytes of each.
pub(crate) fn idempotency_until(now: Timestamp) -> (Vec<u8>, Vec<u8>) {
    (key("idemx/", &[]), key("idemx/", &[&now.as_millis().to_be_bytes()]))
}

/// The row that an expiry row of [`idempotency_until`] is about.
pub(crate) fn idempotency_of_expiry(expiry_key: &[u8]) -> Option<Vec<u8>> {
    expiry_key.last_chunk::<32>().map(|tail| key("idem/", &[tail]))
}

pub(crate) fn head(container: ContainerId) -> Vec<u8> {
    key("head/", &[container.as_bytes()])
}

pub(crate) fn view(container: ContainerId, revision: u64) -> Vec<u8> {
    key("view/", &[container.as_bytes(), &revision.to_be_bytes()])
}

pub(crate) fn key_blob(container: ContainerId, user: UserId) -> Vec<u8> {
    key("blob/", &[container.as_bytes(), user.as_bytes()])
}

pub(crate) fn listed(user: UserId, container: ContainerId) -> Vec<u8> {
    key("list/", &[user.as_bytes(), container.as_bytes()])
}

pub(crate) fn listed_of(user: UserId) -> Vec<u8> {
    key("list/", &[user.as_bytes()])
}

/// The container that a key under [`listed_of`] is about.
pub(crate) fn container_of_listed(key: &[u8]) -> Option<ContainerId> {
    key.last_chunk().map(|id| ContainerId::from_bytes(*id))
}

pub(crate) fn seen(container: ContainerId, user: UserId) -> Vec<u8> {
    key("seen/", &[container.as_bytes(), user.as_bytes()])
}

pub(crate) fn events(user: UserId) -> Vec<u8> {
    key("event/", &[user.as_bytes()])
}

pub(crate) fn event(user: UserId, id: u64) -> Vec<u8> {
    key("event/", &[user.as_bytes(), &id.to_be_bytes()])
}

/// The number at the end of a key of [`event`] or [`part`], or of a row that is one.
pub(crate) fn number_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|number| u64::from_be_bytes(*number))
}

pub(crate) fn upload(upload: UploadId) -> Vec<u8> {
    key("upload/", &[&upload.0])
}

pub(crate) fn uploads() -> Vec<u8> {
    key("upload/", &[])
}

/// The upload that a key of [`upload`] or [`trash`] is about.
pub(crate) fn upload_of(key: &[u8]) -> Option<UploadId> {
    key.last_chunk().map(|id| UploadId(*id))
}

pub(crate) fn touched(upload: UploadId) -> Vec<u8> {
    key("touch/", &[&upload.0])
}

pub(crate) fn part(upload: UploadId, number: u64) -> Vec<u8> {
    key("part/", &[&upload.0, &number.to_be_bytes()])
}

/// The roots of the groups of parts of a content.
pub(crate) fn groups(upload: UploadId) -> Vec<u8> {
    key("groups/", &[&upload.0])
}

pub(crate) fn parts(upload: UploadId) -> Vec<u8> {
    key("part/", &[&upload.0])
}

pub(crate) fn reference(blob: BlobId) -> Vec<u8> {
    key("ref/", &[&blob.0])
}

pub(crate) fn trash(upload: UploadId) -> Vec<u8> {
    key("trash/", &[&upload.0])
}

pub(crate) fn all_trash() -> Vec<u8> {
    key("trash/", &[])
}

/// A row as stored.
///
/// # Panics
/// Never: row types have string keys only and cannot fail to serialise.
pub(crate) fn encode<T: Serialize>(row: &T) -> Vec<u8> {
    serde_json::to_vec(row).expect("row types serialise")
}

/// A row as read; none if it is damaged.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// Cards, each after its u32 length.
pub(crate) fn encode_cards(cards: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for card in cards {
        let length = u32::try_from(card.len()).expect("cards are far shorter than 2^32 bytes");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(card);
    }
    bytes
}

/// The reverse of [`encode_cards`]; none if it is damaged.
pub(crate) fn decode_cards(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut cards = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (card, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        cards.push(card.to_vec());
        bytes = rest;
    }
    Some(cards)
}

/// An API key.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ApiKeyRow {
    /// What its owner called it.
    pub(crate) name: String,
    /// When it was made, in milliseconds.
    pub(crate) created_at: u64,
}

/// A user, but for cards and key file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserRow {
    /// Public text.
    pub(crate) reminder: String,
    /// 32 bytes; there exactly when the key file is.
    pub(crate) retrieval_key: Option<Base64>,
    /// Of the key file.
    pub(crate) generation: Option<u64>,
    /// SHA-256 of the key file.
    pub(crate) checksum: Option<Base64>,
    /// Whether the user was deleted.
    #[serde(default)]
    pub(crate) deleted: bool,
}

/// Sessions ended before their time.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DenyRow {
    /// Every session of the user: the user is gone.
    #[serde(default)]
    pub(crate) all: bool,
    /// Every session that began under a card below this number: a key was revoked on it.
    #[serde(default)]
    pub(crate) before_card: u64,
    /// Token ids with the time they would have ended.
    pub(crate) tokens: Vec<(Base64, u64)>,
}

/// The answer to a change, for repeats.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct IdempotencyRow {
    /// SHA-384 over method, path and body.
    pub(crate) binding: Base64,
    /// When it may be forgotten, in milliseconds.
    pub(crate) expires: u64,
    pub(crate) status: u16,
    /// The JSON body.
    pub(crate) body: String,
}

/// Where a segment is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kept {
    /// In one blob of this many bytes.
    Blob { id: Base64, length: u64 },
    /// In the parts of an upload, behind the segment's header in its [`UploadRow`].
    Upload { id: UploadId, length: u64 },
}

impl Kept {
    /// Bytes of the segment.
    pub(crate) const fn length(&self) -> u64 {
        match self {
            Self::Blob { length, .. } | Self::Upload { length, .. } => *length,
        }
    }
}

/// The id in a row; none if it is damaged.
pub(crate) fn blob_id(bytes: &Base64) -> Option<BlobId> {
    bytes.0.as_slice().try_into().ok().map(BlobId)
}

/// A container's present state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeadRow {
    pub(crate) revision: u64,
    /// Hash of the present manifest.
    pub(crate) manifest: Base64,
    /// Number of access rows.
    pub(crate) rows: u64,
    /// The newest revision that the creator signed: where first contact begins.
    pub(crate) creator_revision: u64,
    pub(crate) header: Option<Kept>,
    pub(crate) content: Option<Kept>,
    /// Salt 32 and text.
    pub(crate) type_opening: Option<Base64>,
    /// The tombstone, once the container is deleted.
    pub(crate) tombstone: Option<Base64>,
}

/// Permissions and expiration of one user's access, as the list row holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListRow {
    pub(crate) permissions: u32,
    pub(crate) expiration: Option<Timestamp>,
}

impl ListRow {
    pub(crate) fn encode(self) -> Vec<u8> {
        let expiration = Timestamp::to_wire(self.expiration).to_be_bytes();
        [self.permissions.to_be_bytes().as_slice(), &expiration].concat()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (permissions, rest) = bytes.split_first_chunk()?;
        let expiration = u64::from_be_bytes(rest.try_into().ok()?);
        Some(Self {
            permissions: u32::from_be_bytes(*permissions),
            expiration: Timestamp::from_wire(expiration),
        })
    }
}

/// Large content under way, or in use by a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadRow {
    pub(crate) user: UserId,
    pub(crate) container: ContainerId,
    /// The clear header of the segment.
    pub(crate) header: Base64,
    /// Bytes of plaintext.
    pub(crate) total_length: u64,
    /// Chunks in every part but the last.
    pub(crate) chunks_per_part: u64,
    /// Number of parts.
    pub(crate) parts: u64,
    /// Whether a container is made of it.
    #[serde(default)]
    pub(crate) used: bool,
}

/// One part that is safely stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartRow {
    pub(crate) blob: Base64,
    /// Root of the hash tree over its chunks: a node of the whole segment's tree.
    pub(crate) root: Base64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_behind_every_key_of_their_prefix() {
        assert_eq!(end_of(b"part/"), b"part0");
        assert_eq!(end_of(&[1, 255, 255]), [2]);
        let prefix = parts(UploadId([255; 16]));
        let last = part(UploadId([255; 16]), u64::MAX);
        assert!(prefix <= last && last < end_of(&prefix));
    }

    #[test]
    fn keys_give_back_what_they_are_about() {
        let (user, container) = (UserId::from_bytes([1; 16]), ContainerId::from_bytes([2; 16]));
        assert_eq!(container_of_listed(&listed(user, container)), Some(container));
        assert_eq!(number_of(&event(user, 7)), Some(7));
        assert_eq!(upload_of(&upload(UploadId([3; 16]))), Some(UploadId([3; 16])));
        let expiry = idempotency_expiry(Timestamp::from_millis(5), user, &[4; 16]);
        assert_eq!(idempotency_of_expiry(&expiry), Some(idempotency(user, &[4; 16])));
    }

    #[test]
    fn cards_and_list_rows_read_as_written_and_damage_is_seen() {
        let cards = vec![vec![1, 2, 3], Vec::new(), vec![4]];
        let bytes = encode_cards(&cards);
        assert_eq!(decode_cards(&bytes), Some(cards));
        assert_eq!(decode_cards(&bytes[..bytes.len() - 1]), None);
        let row = ListRow { permissions: 11, expiration: Some(Timestamp::from_millis(9)) };
        assert_eq!(ListRow::decode(&row.encode()), Some(row));
        assert_eq!(ListRow::decode(&row.encode()[..11]), None);
    }
}
