//! What is recorded of an upload before it is sent, so that another process can go on with it
//! (`docs/protocol.md` §19).
//!
//! A journal lies wherever the caller keeps it, beside the source as a rule. It begins with the keys of the content
//! and the name of the upload, and has an entry for each part with the root over its chunks; everything
//! is sealed under the secret of the user's key file. An entry at the end that was torn by a crash counts
//! as absent: its part was not sent. What is damaged in another way is not gone on with.

use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::merkle;
use crate::crypto::segment::{HEADER_LENGTH, Layout, SegmentDigest, SegmentHeader, SegmentSealer};
use crate::crypto::suite::Digest48;
use crate::crypto::{ContainerKeys, Secret};
use crate::effect::ContentOp;
use crate::error::{Error, InputError};
use crate::ofs::keys::{StoreKeys, sealed_length};
use crate::operation::Entropy;
use crate::session::User;
use crate::wire::UploadId;
use zeroize::Zeroizing;

const MAGIC: &[u8; 4] = b"UPJ1";
/// Magic and name.
const FRONT: u64 = 4 + 16;

/// A journal that is written.
pub(super) struct Journal {
    keys: StoreKeys,
    name: [u8; 16],
    id_salt: [u8; 32],
    secret: Secret<32>,
}

/// What an earlier attempt recorded.
pub(super) struct Begun {
    pub(super) id_salt: [u8; 32],
    pub(super) secret: Secret<32>,
    pub(super) header: SegmentHeader,
    pub(super) upload: UploadId,
    pub(super) length: u64,
    /// Of the parts that may have been sent, from the first on.
    pub(super) roots: Vec<Digest48>,
    /// Of the content, if all its parts are recorded.
    pub(super) digest: Option<SegmentDigest>,
    name: [u8; 16],
}

/// Bytes of every entry: the first holds 192, the others 48.
fn entry_length() -> u64 {
    sealed_length(192)
}

/// The keys of the journals of `user`.
///
/// # Errors
/// [`InputError::Unsupported`] for a user without a key file.
pub(super) fn keys(user: &User) -> Result<StoreKeys, InputError> {
    let what = "recording an upload without a key file";
    let open = user.key_file().ok_or(InputError::Unsupported { what })?;
    Ok(StoreKeys::derive(user.id(), open.store_secret()))
}

impl Journal {
    /// A new journal of a content that is sealed under the content secret in `keys`, of a container whose id comes of `id_salt`.
    pub(super) fn new(
        keys: StoreKeys,
        id_salt: [u8; 32],
        container: &ContainerKeys,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, Error> {
        let mut name = [0; 16];
        entropy.fill(&mut name)?;
        Ok(Self { keys, name, id_salt, secret: container.content_secret().duplicate() })
    }

    /// The journal of `begun`, to go on with.
    pub(super) fn of(keys: StoreKeys, begun: &Begun) -> Self {
        Self { keys, name: begun.name, id_salt: begun.id_salt, secret: begun.secret.duplicate() }
    }

    /// Its beginning.
    pub(super) fn begin(
        &self,
        header: &SegmentHeader,
        upload: UploadId,
        length: u64,
        entropy: &mut dyn Entropy,
    ) -> Result<ContentOp, Error> {
        let mut data = Zeroizing::new(Vec::with_capacity(192));
        for field in [&self.id_salt[..], self.secret.expose(), &header.encode(), &upload.0] {
            data.extend_from_slice(field);
        }
        data.extend_from_slice(&length.to_be_bytes());
        let entry = self.keys.seal_journal(&self.name, 0, &data, entropy)?;
        let bytes = Writer::new().bytes(MAGIC).bytes(&self.name).bytes(&entry).finish();
        Ok(ContentOp::Record { offset: 0, bytes })
    }

    /// The entry of a part, which has this root over its chunks.
    pub(super) fn part(
        &self,
        part: u64,
        root: &Digest48,
        entropy: &mut dyn Entropy,
    ) -> Result<ContentOp, Error> {
        let number = part.saturating_add(1);
        let bytes = self.keys.seal_journal(&self.name, number, root, entropy)?;
        Ok(ContentOp::Record { offset: FRONT + number.saturating_mul(entry_length()), bytes })
    }
}

impl Begun {
    /// What `journal` tells; none if it is empty, of another user, or damaged otherwise than at its end. Run
    /// inside a [`Job`](crate::effect::Job): there is an entry for each part.
    pub(super) fn read(keys: &StoreKeys, journal: &[u8]) -> Option<Self> {
        let (front, entries) = journal.split_at_checked(usize::try_from(FRONT).ok()?)?;
        let name: [u8; 16] = front.strip_prefix(MAGIC)?.try_into().ok()?;
        let mut entries = entries.chunks_exact(usize::try_from(entry_length()).ok()?);
        let first = keys.open_journal(&name, 0, entries.next()?)?;
        let mut begun = Self::decode(name, &first)?;
        let mut roots = (1..).zip(entries).map(|(number, entry)| -> Option<Digest48> {
            keys.open_journal(&name, number, entry)?.as_slice().try_into().ok()
        });
        begun.roots.extend(roots.by_ref().map_while(|root| root));
        // A part behind a damaged entry was sent, so that of the damaged one may have been.
        if roots.any(|root| root.is_some()) {
            return None;
        }
        begun.digest = begun.whole_digest();
        Some(begun)
    }

    fn decode(name: [u8; 16], data: &[u8]) -> Option<Self> {
        let mut reader = Reader::new("journal", data);
        let id_salt = reader.array().ok()?;
        let secret = Secret::copied(reader.chunk().ok()?);
        let header = SegmentHeader::decode(reader.bytes(HEADER_LENGTH).ok()?).ok()?;
        let upload = UploadId(reader.array().ok()?);
        let length = reader.u64().ok()?;
        reader.end().ok()?;
        Some(Self { id_salt, secret, header, upload, length, roots: Vec::new(), digest: None, name })
    }

    fn whole_digest(&self) -> Option<SegmentDigest> {
        let layout = Layout::of(&self.header.parameters, self.length).ok()?;
        let is_whole = self.roots.len() as u64 == layout.parts();
        is_whole.then(|| SegmentDigest::compute(&self.header, self.length, &merkle::root(&self.roots)))
    }

    /// The sealer that goes on; none if keys and header do not belong together.
    pub(super) fn sealer(&self) -> Option<SegmentSealer> {
        let sealer = SegmentSealer::new(self.header.parameters, &self.secret).ok()?;
        (*sealer.header() == self.header).then_some(sealer)
    }
}

/// The secret of the content that `journal` tells under `keys`, and the roots of the parts that may have been
/// sent; nothing if it cannot be gone on with. For comparing implementations, and for trying what is no journal.
#[cfg(feature = "testing")]
#[must_use]
pub fn read_journal(keys: &StoreKeys, journal: &[u8]) -> Option<(Vec<u8>, Vec<Digest48>)> {
    let begun = Begun::read(keys, journal)?;
    begun.sealer().map(|_| (begun.secret.expose().to_vec(), begun.roots.clone()))
}
