//! Containers on the wire (`docs/protocol.md`, "Containers").

use super::bundle::{Bundle, BundleTag, join_user, split_user};
use super::json::to_json;
use super::upload::UploadId;
use super::user::{fields, required, take_cards};
use crate::error::Error;
use crate::model::{ContainerId, UserId};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct ChangeFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_upload: Option<UploadId>,
}

/// Body of `POST /v1/containers` and `PUT /v1/containers/{container}`: a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeContainer {
    /// The signed manifest with its rows: every one the signer may see, bare hashes otherwise.
    pub view: Vec<u8>,
    /// New key blobs by user: exactly those that the manifest names and the broker has not got.
    pub blobs: Vec<(UserId, Vec<u8>)>,
    /// The header segment, if the header is new.
    pub header: Option<Vec<u8>>,
    /// The content segment, if the content is new and small.
    pub content: Option<Vec<u8>>,
    /// The finished upload that is the content, if the content is new and large.
    pub content_upload: Option<UploadId>,
    /// Salt and text of the type, if the manifest commits to a new one.
    pub type_opening: Option<Vec<u8>>,
}

impl ChangeContainer {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Bundle::new()
            .with(BundleTag::Fields, to_json(&ChangeFields { content_upload: self.content_upload }))
            .with(BundleTag::ManifestView, self.view.clone())
            .with_all(BundleTag::KeyBlob, self.blobs.iter().map(|(user, blob)| join_user(*user, blob)))
            .with_some(BundleTag::HeaderSegment, self.header.clone())
            .with_some(BundleTag::ContentSegment, self.content.clone())
            .with_some(BundleTag::TypeOpening, self.type_opening.clone())
            .encode()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Crypto`] or [`Error::Protocol`] if it is not well formed.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let fields: ChangeFields = fields(&mut bundle, "the change")?;
        let view = required(&mut bundle, BundleTag::ManifestView)?;
        let blobs = bundle
            .take_all(BundleTag::KeyBlob)
            .iter()
            .map(|item| split_user(item))
            .collect::<Result<_, _>>()?;
        let header = bundle.take(BundleTag::HeaderSegment);
        let content = bundle.take(BundleTag::ContentSegment);
        let type_opening = bundle.take(BundleTag::TypeOpening);
        bundle.end()?;
        if content.is_some() && fields.content_upload.is_some() {
            return Err(Error::Protocol("the content is given twice".into()));
        }
        Ok(Self { view, blobs, header, content, content_upload: fields.content_upload, type_opening })
    }
}

/// Answer of a create, update or delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerChanged {
    /// The container.
    pub container_id: ContainerId,
    /// Its revision now.
    pub revision: u64,
    /// The broker's clock in milliseconds.
    pub server_time: u64,
}

/// Body of `DELETE /v1/containers/{container}`: a bundle, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoveContainer {
    /// A revision without the signer's own row (F5).
    Leave(Vec<u8>),
    /// A tombstone, when the signer's row is the only one (F6).
    Tombstone(Vec<u8>),
}

impl RemoveContainer {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Leave(view) => Bundle::new().with(BundleTag::ManifestView, view.clone()),
            Self::Tombstone(tombstone) => Bundle::new().with(BundleTag::Tombstone, tombstone.clone()),
        }
        .encode()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Crypto`] if it is not well formed.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let removal = match bundle.take(BundleTag::Tombstone) {
            Some(tombstone) => Self::Tombstone(tombstone),
            None => Self::Leave(required(&mut bundle, BundleTag::ManifestView)?),
        };
        bundle.end()?;
        Ok(removal)
    }
}

/// How a section of a container comes with a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Not asked for.
    Omitted,
    /// The container has none, or it is kept elsewhere (S-057).
    Absent,
    /// The caller lacks `container.download` (S-128).
    Denied,
    /// In this reply.
    Inline,
    /// To be fetched from `/content` in parts.
    Parts,
}

#[derive(Serialize, Deserialize)]
struct AnswerFields {
    header: Availability,
    content: Availability,
    complete: bool,
    server_time: u64,
}

/// Answer of `GET /v1/containers/{container}`: a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerAnswer {
    /// Manifest views in ascending revision; the last is the present one. They begin at the revision
    /// the caller knows, or where first contact begins ("First contact" in `docs/protocol.md`).
    pub views: Vec<Vec<u8>>,
    /// Whether `views` begins there. If not, the earlier ones are to be fetched from `/manifests`.
    pub complete: bool,
    /// The tombstone, if the container is gone; `views` then ends with the revision before it.
    pub tombstone: Option<Vec<u8>>,
    /// The caller's key blob, if there is one.
    pub blob: Option<Vec<u8>>,
    /// How the header comes.
    pub header: Availability,
    /// How the content comes.
    pub content: Availability,
    /// The header segment, if inline.
    pub header_segment: Option<Vec<u8>>,
    /// The content segment, if inline.
    pub content_segment: Option<Vec<u8>>,
    /// The identity cards of the users who signed the views and wrapped the blob.
    pub cards: Vec<(UserId, Vec<u8>)>,
    /// Salt and text of the type, if the caller may see it.
    pub type_opening: Option<Vec<u8>>,
    /// The broker's clock in milliseconds.
    pub server_time: u64,
}

impl ContainerAnswer {
    /// The body for `reader`.
    #[must_use]
    pub fn encode(&self, reader: UserId) -> Vec<u8> {
        let fields = AnswerFields {
            header: self.header,
            content: self.content,
            complete: self.complete,
            server_time: self.server_time,
        };
        Bundle::new()
            .with(BundleTag::Fields, to_json(&fields))
            .with_all(BundleTag::ManifestView, self.views.iter().cloned())
            .with_some(BundleTag::KeyBlob, self.blob.as_ref().map(|blob| join_user(reader, blob)))
            .with_some(BundleTag::HeaderSegment, self.header_segment.clone())
            .with_some(BundleTag::ContentSegment, self.content_segment.clone())
            .with_all(BundleTag::Card, self.cards.iter().map(|(user, card)| join_user(*user, card)))
            .with_some(BundleTag::TypeOpening, self.type_opening.clone())
            .with_some(BundleTag::Tombstone, self.tombstone.clone())
            .encode()
    }

    /// Reads a body meant for `reader`.
    ///
    /// # Errors
    /// [`Error::Crypto`] or [`Error::Protocol`] if it is not well formed.
    pub fn decode(body: &[u8], reader: UserId) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let fields: AnswerFields = fields(&mut bundle, "the container reply")?;
        let views = bundle.take_all(BundleTag::ManifestView);
        let blob = match bundle.take_all(BundleTag::KeyBlob).as_slice() {
            [] => None,
            [item] => match split_user(item)? {
                (user, blob) if user == reader => Some(blob),
                _ => return Err(Error::Protocol("a key blob of another user was served".into())),
            },
            _ => return Err(Error::Protocol("more than one key blob was served".into())),
        };
        let header_segment = bundle.take(BundleTag::HeaderSegment);
        let content_segment = bundle.take(BundleTag::ContentSegment);
        let cards = take_cards(&mut bundle)?;
        let type_opening = bundle.take(BundleTag::TypeOpening);
        let tombstone = bundle.take(BundleTag::Tombstone);
        bundle.end()?;
        let inline = |availability| availability == Availability::Inline;
        if inline(fields.header) != header_segment.is_some()
            || inline(fields.content) != content_segment.is_some()
        {
            return Err(Error::Protocol("a segment is said to be there and is not, or the reverse".into()));
        }
        Ok(Self {
            views,
            complete: fields.complete,
            tombstone,
            blob,
            header: fields.header,
            content: fields.content,
            header_segment,
            content_segment,
            cards,
            type_opening,
            server_time: fields.server_time,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct PageFields {
    more: bool,
}

/// Answer of `GET /v1/containers/{container}/manifests`: a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestPage {
    /// Manifest views in ascending revision.
    pub views: Vec<Vec<u8>>,
    /// The identity cards of the users who signed them.
    pub cards: Vec<(UserId, Vec<u8>)>,
    /// Whether later revisions exist.
    pub more: bool,
}

impl ManifestPage {
    /// The body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Bundle::new()
            .with(BundleTag::Fields, to_json(&PageFields { more: self.more }))
            .with_all(BundleTag::ManifestView, self.views.iter().cloned())
            .with_all(BundleTag::Card, self.cards.iter().map(|(user, card)| join_user(*user, card)))
            .encode()
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Crypto`] or [`Error::Protocol`] if it is not well formed.
    pub fn decode(body: &[u8]) -> Result<Self, Error> {
        let mut bundle = Bundle::decode(body)?;
        let fields: PageFields = fields(&mut bundle, "the manifests reply")?;
        let views = bundle.take_all(BundleTag::ManifestView);
        let cards = take_cards(&mut bundle)?;
        bundle.end()?;
        Ok(Self { views, cards, more: fields.more })
    }
}

/// One container of a list: a hint, to be verified by getting it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSummary {
    /// The container.
    pub container_id: ContainerId,
    /// Its revision.
    pub revision: u64,
    /// Whether the caller's is the only access.
    pub sole: bool,
    /// The type, if the caller may see it.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub container_type: Option<String>,
}

/// Answer of `GET /v1/containers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerList {
    /// In ascending order of id.
    pub containers: Vec<ContainerSummary>,
    /// Whether more follow.
    pub more: bool,
}
