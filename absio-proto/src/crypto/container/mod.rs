//! The seed's `Container`: a header and a content that are encrypted and decrypted together, as
//! `CON1` (`docs/protocol.md`, section 10; S-084 to S-099).

mod data;
mod payload;

pub use data::ContainerData;
pub use payload::{JsonPayload, Payload, RawPayload, decode_header, encode_header, header_of};

use crate::crypto::container_keys::ContainerKeys;
use crate::crypto::manifest::{ManifestBody, Section};
use crate::crypto::secret::Secret;
use crate::crypto::segment::{
    Padding, SegmentContext, SegmentHeader, SegmentKind, SegmentParameters, open_segment,
    open_segment_unsigned, seal_segment,
};
use crate::error::{CryptoError, Error, InputError};
use crate::model::{Access, ContainerId, Metadata, Timestamp, UserId};
use crate::operation::Entropy;
use core::fmt;
use serde_json::Value;
use std::collections::BTreeMap;

/// Who vouches for what was decrypted (F29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    /// A holder of the container's keys wrote it; which one is not known.
    Unsigned,
    /// It is what the signed manifest names.
    Verified,
}

/// A container, encrypted or not. `C` is how its content is read: raw bytes, or JSON (S-086).
///
/// ```
/// use absio_proto::crypto::container::Container;
/// # struct Counter(u8);
/// # impl absio_proto::Entropy for Counter {
/// #     fn fill(&mut self, buffer: &mut [u8]) -> Result<(), absio_proto::EntropyError> {
/// #         for byte in buffer { self.0 = self.0.wrapping_add(1); *byte = self.0; }
/// #         Ok(())
/// #     }
/// # }
/// # let mut entropy = Counter(0);
/// let mut container: Container = Container::new().with_header("greeting").with_content(b"hello".to_vec());
/// container.encrypt(None, &mut entropy)?;
/// assert!(container.encrypted() && container.content.is_none());
/// container.decrypt(None)?;
/// assert_eq!(container.content.as_deref(), Some(&b"hello"[..]));
/// # Ok::<(), absio_proto::Error>(())
/// ```
pub struct Container<C = RawPayload> {
    /// The id, once there is one.
    pub id: Option<ContainerId>,
    /// The clear header, while it is decrypted.
    pub header: Option<Value>,
    /// The clear content, while it is decrypted.
    pub content: Option<C>,
    /// The type, in the clear (S-129).
    pub container_type: Option<String>,
    /// What the broker's signed manifest said, if it was fetched.
    pub metadata: Option<Metadata>,
    /// How the content is padded when it is encrypted; headers always are, to 1 KiB.
    pub content_padding: Padding,
    data: Option<Vec<u8>>,
    keys: Option<ContainerKeys>,
    header_epoch: u64,
    content_epoch: u64,
}

impl<C> Default for Container<C> {
    fn default() -> Self {
        Self {
            id: None,
            header: None,
            content: None,
            container_type: None,
            metadata: None,
            content_padding: Padding::None,
            data: None,
            keys: None,
            header_epoch: 1,
            content_epoch: 1,
        }
    }
}

impl<C: Payload> Container<C> {
    /// An empty container: no id, header, content, type or keys (S-098).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An encrypted container of these bytes (S-084).
    #[must_use]
    pub fn from_data(data: Vec<u8>) -> Self {
        Self { data: Some(data), ..Self::default() }
    }

    /// With an id. The broker accepts only ids made by
    /// [`container_id`](crate::crypto::container_id::container_id).
    #[must_use]
    pub fn with_id(self, id: ContainerId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// With a header: any JSON.
    #[must_use]
    pub fn with_header(self, header: impl Into<Value>) -> Self {
        Self { header: Some(header.into()), ..self }
    }

    /// The header as a value of the caller's own type (X-24); none if there is no header.
    ///
    /// # Errors
    /// [`InputError::InvalidHeader`] if it is not of that type.
    pub fn header_as<T: serde::de::DeserializeOwned>(&self) -> Result<Option<T>, InputError> {
        let read = |header: &Value| serde_json::from_value(header.clone());
        let read = self.header.as_ref().map(read).transpose();
        read.map_err(|error| InputError::InvalidHeader { reason: error.to_string() })
    }

    /// With a content.
    #[must_use]
    pub fn with_content(self, content: impl Into<C>) -> Self {
        Self { content: Some(content.into()), ..self }
    }

    /// With a type.
    #[must_use]
    pub fn with_type(self, container_type: impl Into<String>) -> Self {
        Self { container_type: Some(container_type.into()), ..self }
    }

    /// With keys, as they came out of a key blob.
    #[must_use]
    pub fn with_keys(self, keys: ContainerKeys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// With the epochs that its next revision will name; 1 and 1 for a new container.
    #[must_use]
    pub fn with_epochs(self, header_epoch: u64, content_epoch: u64) -> Self {
        Self { header_epoch, content_epoch, ..self }
    }

    /// A container as an operation gives it out: with the metadata of its verified manifest, and
    /// whatever of header, content, keys and data was asked for and permitted.
    pub(crate) fn fetched(
        metadata: Metadata,
        header: Option<Value>,
        content: Option<C>,
        keys: Option<ContainerKeys>,
        data: Option<Vec<u8>>,
    ) -> Self {
        Self {
            id: Some(metadata.id),
            header,
            content,
            container_type: metadata.container_type.clone(),
            metadata: Some(metadata),
            data,
            keys,
            ..Self::default()
        }
    }

    /// Whether the data are ciphertext (S-094).
    #[must_use]
    pub const fn encrypted(&self) -> bool {
        self.data.is_some()
    }

    /// The ciphertext, while the container is encrypted.
    #[must_use]
    pub fn data(&self) -> Option<&[u8]> {
        self.data.as_deref()
    }

    /// Takes the ciphertext out.
    #[must_use]
    pub fn into_data(self) -> Option<Vec<u8>> {
        self.data
    }

    /// The keys last used, or given with a fetched container (S-087).
    #[must_use]
    pub const fn container_keys(&self) -> Option<&ContainerKeys> {
        self.keys.as_ref()
    }

    /// Encrypts header and content, which are moved into [`data`](Self::data). Keys are drawn
    /// unless given (S-088, S-089); salts are fresh either way, so the same keys never give the
    /// same bytes.
    ///
    /// # Errors
    /// [`InputError::InvalidArgument`] if it is encrypted already; [`InputError::InvalidHeader`] or
    /// [`InputError::TooLarge`] for the header; [`Error::Entropy`]. Nothing changes on an error.
    pub fn encrypt(
        &mut self,
        keys: Option<ContainerKeys>,
        entropy: &mut dyn Entropy,
    ) -> Result<&ContainerKeys, Error> {
        if self.encrypted() {
            let reason = "it is encrypted already".into();
            return Err(InputError::InvalidArgument { argument: "container", reason }.into());
        }
        let keys = match keys {
            Some(keys) => keys,
            None => ContainerKeys::generate(entropy)?,
        };
        let mut data = ContainerData::default();
        if let Some(header) = &self.header {
            let text = encode_header(header)?;
            let secret = keys.header_secret();
            data.header = Some(self.seal(SegmentKind::Header, &text, &keys, secret, entropy)?);
        }
        if let Some(content) = &self.content {
            let bytes = content.to_bytes()?;
            let secret = keys.content_secret();
            data.content = Some(self.seal(SegmentKind::Content, &bytes, &keys, secret, entropy)?);
        }
        self.data = Some(data.join());
        (self.header, self.content) = (None, None);
        Ok(self.keys.insert(keys))
    }

    fn seal(
        &self,
        kind: SegmentKind,
        plaintext: &[u8],
        keys: &ContainerKeys,
        secret: &Secret<32>,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        let mut salt = [0; 32];
        entropy.fill(&mut salt)?;
        let (epoch, padding) = match kind {
            SegmentKind::Header => (self.header_epoch, Padding::Buckets),
            SegmentKind::Content => (self.content_epoch, self.content_padding),
        };
        // A container that has no id yet is sealed under the nil UUID.
        let container = self.id.unwrap_or(ContainerId::from_bytes([0; 16]));
        let context = SegmentContext { kind, container, epoch };
        let parameters = SegmentParameters {
            cipher_index: keys.cipher_index(),
            mac_index: keys.mac_index(),
            padding,
            ..SegmentParameters::new(context, salt)
        };
        Ok(seal_segment(parameters, secret, &padding.pad(plaintext))?.0)
    }

    /// Decrypts with these keys, or with those it holds (S-090, S-091). No manifest vouches for the
    /// result: [`Assurance::Unsigned`].
    ///
    /// # Errors
    /// [`InputError::NotEncrypted`]; [`InputError::NoContainerKeys`] if there are none anywhere
    /// (S-092); [`CryptoError::Decrypt`] if a section does not open. It stays encrypted then.
    pub fn decrypt(&mut self, keys: Option<ContainerKeys>) -> Result<Assurance, Error> {
        self.open_all(keys, &Source::Unsigned(self.id)).map(|()| Assurance::Unsigned)
    }

    /// Decrypts against the manifest that was verified for this container:
    /// [`Assurance::Verified`].
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt); [`CryptoError::ManifestMismatch`] if the data have other
    /// sections than the manifest names, or another padding.
    pub fn decrypt_verified(
        &mut self,
        keys: Option<ContainerKeys>,
        manifest: &ManifestBody,
    ) -> Result<Assurance, Error> {
        self.open_all(keys, &Source::Manifest(manifest)).map(|()| Assurance::Verified)
    }

    /// The header alone, also if the content is damaged or was cut off (S-095). Nothing changes.
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt).
    pub fn decrypt_header(&self, keys: Option<&ContainerKeys>) -> Result<Option<Value>, Error> {
        let data = ContainerData::split(self.data.as_deref().ok_or(InputError::NotEncrypted)?)?;
        let keys = keys.or(self.keys.as_ref()).ok_or(InputError::NoContainerKeys)?;
        Source::Unsigned(self.id).header(&data, keys)
    }

    fn open_all(&mut self, keys: Option<ContainerKeys>, source: &Source<'_>) -> Result<(), Error> {
        let data = ContainerData::split(self.data.as_deref().ok_or(InputError::NotEncrypted)?)?;
        let used = keys.as_ref().or(self.keys.as_ref()).ok_or(InputError::NoContainerKeys)?;
        let header = source.header(&data, used)?;
        let content = source.content(&data, used)?.map(C::from_bytes).transpose()?;
        (self.header, self.content) = (header, content);
        self.data = None;
        self.keys = keys.or(self.keys.take());
        Ok(())
    }

    /// When it was created (S-093); known of a fetched container.
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        self.metadata.as_ref().map(|metadata| metadata.created_at)
    }

    /// Who created it (S-093).
    #[must_use]
    pub fn created_by(&self) -> Option<UserId> {
        self.metadata.as_ref().map(|metadata| metadata.created_by)
    }

    /// When it was last changed; none if never (S-093).
    #[must_use]
    pub fn modified_at(&self) -> Option<Timestamp> {
        self.metadata.as_ref().and_then(|metadata| metadata.modified_at)
    }

    /// Who changed it last; none if nobody did (S-093).
    #[must_use]
    pub fn modified_by(&self) -> Option<UserId> {
        self.metadata.as_ref().and_then(|metadata| metadata.modified_by)
    }

    /// Bytes of ciphertext, while it is encrypted; of a fetched container otherwise the plaintext
    /// length that the manifest signs (S-096).
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        let signed = || self.metadata.as_ref().and_then(|metadata| metadata.length);
        self.data.as_ref().map(|data| data.len() as u64).or_else(signed)
    }

    /// Access by user, as far as the caller may see it (S-097).
    #[must_use]
    pub fn access(&self) -> Option<&BTreeMap<UserId, Access>> {
        self.metadata.as_ref().map(|metadata| &metadata.access)
    }
}

/// Equal in everything: id, type, metadata, sections, ciphertext and keys (X-23).
impl<C: PartialEq> PartialEq for Container<C> {
    fn eq(&self, other: &Self) -> bool {
        let parts = |of: &Self| {
            (of.id, of.content_padding, of.header_epoch, of.content_epoch, of.container_type.clone())
        };
        parts(self) == parts(other)
            && self.metadata == other.metadata
            && self.header == other.header
            && self.content == other.content
            && self.data == other.data
            && self.keys == other.keys
    }
}

impl<C: Eq> Eq for Container<C> {}

/// The seed's text form: `<Container(d21ba58c-9e50-472a-9ce2-5a2595704e7a) Encrypted: True>`, with
/// `None` while there is no id (S-099).
impl<C> fmt::Display for Container<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encrypted = if self.data.is_some() { "True" } else { "False" };
        match self.id {
            Some(id) => write!(f, "<Container({id}) Encrypted: {encrypted}>"),
            None => write!(f, "<Container(None) Encrypted: {encrypted}>"),
        }
    }
}

/// As `Display`: never the header, the content or the keys.
impl<C> fmt::Debug for Container<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the sections are opened against.
enum Source<'a> {
    Unsigned(Option<ContainerId>),
    Manifest(&'a ManifestBody),
}

impl Source<'_> {
    fn header(&self, data: &ContainerData, keys: &ContainerKeys) -> Result<Option<Value>, Error> {
        let bytes = self.open(data.header.as_deref(), SegmentKind::Header, keys.header_secret())?;
        Ok(bytes.map(|bytes| decode_header(&bytes)).transpose()?)
    }

    fn content(&self, data: &ContainerData, keys: &ContainerKeys) -> Result<Option<Vec<u8>>, CryptoError> {
        self.open(data.content.as_deref(), SegmentKind::Content, keys.content_secret())
    }

    fn open(
        &self,
        segment: Option<&[u8]>,
        kind: SegmentKind,
        secret: &Secret<32>,
    ) -> Result<Option<Vec<u8>>, CryptoError> {
        match self {
            Self::Unsigned(id) => {
                segment.map(|segment| open_unsigned(segment, kind, *id, secret)).transpose()
            }
            Self::Manifest(body) => {
                let (section, context) = match kind {
                    SegmentKind::Header => (&body.header, body.header_context()),
                    SegmentKind::Content => (&body.content, body.content_context()),
                };
                open_section(body, section, &context, segment, secret)
            }
        }
    }
}

/// Without a manifest, id and epoch are those of the MACed clear header; a known id must be it.
fn open_unsigned(
    segment: &[u8],
    kind: SegmentKind,
    id: Option<ContainerId>,
    secret: &Secret<32>,
) -> Result<Vec<u8>, CryptoError> {
    let claimed = SegmentHeader::split(segment)?.0.parameters.context;
    let container = id.unwrap_or(claimed.container);
    open_segment_unsigned(segment, &SegmentContext { kind, container, ..claimed }, secret)
}

/// Opens one section against the manifest that names it.
pub(crate) fn open_section(
    body: &ManifestBody,
    section: &Section,
    context: &SegmentContext,
    segment: Option<&[u8]>,
    secret: &Secret<32>,
) -> Result<Option<Vec<u8>>, CryptoError> {
    match (section.state.exists(), segment) {
        (false, None) => Ok(None),
        (true, Some(segment)) => {
            let padding = SegmentHeader::split(segment)?.0.parameters.padding;
            if (padding != Padding::None) != section.state.is_padded() {
                return Err(body.mismatch("padding"));
            }
            open_segment(segment, context, &section.digest, secret).map(Some)
        }
        _ => Err(body.mismatch("sections")),
    }
}

#[cfg(test)]
mod tests;
