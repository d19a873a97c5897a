//! Builds the next revision of a container: seals what is new, wraps the keys for whoever needs a
//! new blob, signs the manifest. Pure: everything random is drawn before.

use super::content::Piece;
use super::grants::Grants;
use crate::crypto::key_blob::{BlobContext, blob_hash, seal_blobs};
use crate::crypto::manifest::{
    AccessEntry, AccessSlots, Author, ManifestBody, ManifestView, Section, SectionState, TypeOpening,
    Wrapped, no_type,
};
use crate::crypto::segment::{
    Padding, SegmentContext, SegmentDigest, SegmentKind, SegmentParameters, seal_segment,
};
use crate::crypto::suite::SUITE_1;
use crate::crypto::{CardChain, ContainerKeys, Secret};
use crate::error::{CryptoError, Error, InputError, RemoteCode, RemoteError};
use crate::model::{ContainerId, Grant, Permissions, Timestamp, UserId};
use crate::operation::Cx;
use crate::session::{Head, User};
use crate::wire::{ChangeContainer, UploadId};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What a revision does to the header.
pub(super) enum HeaderDraft {
    Keep,
    Clear,
    /// JSON text, to be padded and sealed.
    Seal(Zeroizing<Vec<u8>>),
}

/// What a revision does to the content.
pub(super) enum ContentDraft {
    Keep,
    Clear,
    /// To be sealed into the change itself.
    Seal(Piece, Padding),
    /// Sealed already, and uploaded unless it stays on this device.
    Uploaded(Option<UploadId>, SegmentDigest),
}

/// What a revision does to the type.
pub(super) enum TypeDraft {
    Keep,
    Clear,
    Set(TypeOpening),
}

/// The random values of one revision, drawn in one `resume`.
pub(super) struct Randomness {
    pub(super) header_salt: [u8; 32],
    pub(super) content_salt: [u8; 32],
    ephemeral: Secret<32>,
    entry_salts: Vec<[u8; 32]>,
}

impl Randomness {
    /// Draws for a list of at most `entries` rows.
    pub(super) fn draw(cx: &mut Cx<'_>, entries: usize) -> Result<Self, Error> {
        Ok(Self {
            header_salt: cx.random()?,
            content_salt: cx.random()?,
            ephemeral: Secret::filled(|bytes| cx.entropy.fill(bytes))?,
            entry_salts: (0..entries).map(|_| cx.random()).collect::<Result<_, _>>()?,
        })
    }
}

/// The next revision, before it is sealed.
pub(super) struct Draft {
    pub(super) signer: User,
    pub(super) now: Timestamp,
    pub(super) container: ContainerId,
    pub(super) id_salt: [u8; 32],
    /// The revision before; none for a creation.
    pub(super) base: Option<Head>,
    /// The number of this one.
    pub(super) revision: u64,
    /// The whole list; none leaves every row as it is.
    pub(super) grants: Option<Grants>,
    pub(super) header: HeaderDraft,
    pub(super) content: ContentDraft,
    pub(super) container_type: TypeDraft,
    /// The keys after this revision; none if the signer has none and needs none.
    pub(super) keys: Option<ContainerKeys>,
    /// Verified cards of everybody who may need a blob.
    pub(super) cards: BTreeMap<UserId, CardChain>,
    pub(super) randomness: Randomness,
}

/// A revision that is ready to send.
pub(super) struct Sealed {
    pub(super) change: ChangeContainer,
    pub(super) head: Head,
    pub(super) keys: Option<ContainerKeys>,
}

/// A sealed section and what the manifest says of it.
type SealedSection = (Option<Vec<u8>>, Section);

/// The rows of a revision, and the new blobs by user.
type SealedAccess = (AccessSlots, Vec<(UserId, Vec<u8>)>);

/// Rows with the position of the blob that each still lacks.
struct Rows {
    entries: Vec<AccessEntry>,
    contexts: Vec<BlobContext>,
    /// For each context, the row it is for.
    waiting: Vec<usize>,
}

impl Draft {
    /// Seals and signs. Run inside a [`Job`](crate::effect::Job).
    pub(super) fn seal(mut self) -> Result<Sealed, Error> {
        let (header_segment, header) = self.header_section()?;
        let (content_segment, content) = self.content_section()?;
        let (access, blobs) = self.access(&header, &content)?;
        let (type_commitment, type_opening) = self.type_commitment();
        let author = Author::of(self.signer.keys());
        let base = self.base.as_ref().map(|head| head.view.body());
        let body = ManifestBody {
            suite: SUITE_1,
            container: self.container,
            id_salt: self.id_salt,
            revision: self.revision,
            previous: base.map_or([0; 48], ManifestBody::hash),
            created_by: base.map_or(author.user, |base| base.created_by),
            created_at: base.map_or(self.modified_at(), |base| base.created_at),
            author,
            modified_at: self.modified_at(),
            type_commitment,
            header,
            content,
            access_count: access.count(),
            access_root: access.root(),
        };
        let view = ManifestView::new(body.sign(self.signer.keys()), access)?;
        let me = self.signer.id();
        let own_blob = match blobs.iter().find(|(user, _)| *user == me) {
            Some((_, blob)) => Some(blob.clone()),
            None => self.base.as_ref().and_then(|head| head.blob.clone()),
        };
        let own_blob = own_blob.filter(|_| view.entry(me).is_some_and(|entry| entry.wrapped.is_some()));
        let change = ChangeContainer {
            view: view.encode(),
            blobs,
            header: header_segment,
            content: content_segment,
            content_upload: match self.content {
                ContentDraft::Uploaded(upload, _) => upload,
                _ => None,
            },
            type_opening: match &self.container_type {
                TypeDraft::Set(opening) => Some(opening.encode()),
                TypeDraft::Keep | TypeDraft::Clear => None,
            },
        };
        Ok(Sealed { change, head: Head { view, blob: own_blob, type_opening }, keys: self.keys.take() })
    }

    /// Times never decrease along a chain (F10), whatever this device's clock says.
    fn modified_at(&self) -> Timestamp {
        self.base.as_ref().map_or(self.now, |head| head.view.body().modified_at.max(self.now))
    }

    fn keys(&self) -> Result<&ContainerKeys, Error> {
        self.keys.as_ref().ok_or_else(|| {
            InputError::MissingRight { right: "container.decrypt", container: self.container }.into()
        })
    }

    /// A section that changes in this revision.
    fn changed(&self, previous: Option<&Section>, state: SectionState, digest: SegmentDigest) -> Section {
        Section {
            state,
            epoch: next_epoch(previous),
            digest,
            changed_by: self.signer.id(),
            changed_at: self.modified_at(),
            changed_in: self.revision,
        }
    }

    fn header_section(&self) -> Result<SealedSection, Error> {
        let previous = self.base.as_ref().map(|head| &head.view.body().header);
        match (&self.header, previous) {
            (HeaderDraft::Keep, Some(previous)) => Ok((None, *previous)),
            (HeaderDraft::Keep | HeaderDraft::Clear, _) => Ok((None, self.absent(previous))),
            (HeaderDraft::Seal(json), _) => {
                let (kind, padding) = (SegmentKind::Header, Padding::Buckets);
                let context = SegmentContext { kind, container: self.container, epoch: next_epoch(previous) };
                let salt = self.randomness.header_salt;
                let parameters = SegmentParameters { padding, ..SegmentParameters::new(context, salt) };
                let padded = Zeroizing::new(padding.pad(json).into_owned());
                let (segment, digest) = seal_segment(parameters, self.keys()?.header_secret(), &padded)?;
                Ok((Some(segment), self.changed(previous, SectionState::Present { padded: true }, digest)))
            }
        }
    }

    fn content_section(&self) -> Result<SealedSection, Error> {
        let previous = self.base.as_ref().map(|head| &head.view.body().content);
        match (&self.content, previous) {
            (ContentDraft::Keep, Some(previous)) => Ok((None, *previous)),
            (ContentDraft::Keep | ContentDraft::Clear, _) => Ok((None, self.absent(previous))),
            (ContentDraft::Seal(piece, padding), _) => {
                let parameters = self.content_parameters(*padding);
                let padded = padding.pad(piece.bytes());
                let (segment, digest) = seal_segment(parameters, self.keys()?.content_secret(), &padded)?;
                let state = SectionState::Present { padded: *padding != Padding::None };
                Ok((Some(segment), self.changed(previous, state, digest)))
            }
            (ContentDraft::Uploaded(_, digest), _) => {
                Ok((None, self.changed(previous, SectionState::Present { padded: false }, *digest)))
            }
        }
    }

    fn absent(&self, previous: Option<&Section>) -> Section {
        match previous {
            Some(previous) if previous.state == SectionState::Absent => *previous,
            _ => self.changed(previous, SectionState::Absent, SegmentDigest { length: 0, digest: [0; 48] }),
        }
    }

    /// How the content of this revision is sealed.
    pub(super) fn content_parameters(&self, padding: Padding) -> SegmentParameters {
        let previous = self.base.as_ref().map(|head| &head.view.body().content);
        let (kind, epoch) = (SegmentKind::Content, next_epoch(previous));
        let context = SegmentContext { kind, container: self.container, epoch };
        SegmentParameters { padding, ..SegmentParameters::new(context, self.randomness.content_salt) }
    }

    fn type_commitment(&self) -> (crate::crypto::suite::Digest48, Option<TypeOpening>) {
        match (&self.container_type, &self.base) {
            (TypeDraft::Set(opening), _) => (opening.commitment(self.container), Some(opening.clone())),
            (TypeDraft::Keep, Some(head)) => (head.view.body().type_commitment, head.type_opening.clone()),
            (TypeDraft::Keep | TypeDraft::Clear, _) => (no_type(), None),
        }
    }

    /// Whether the keys change, so that everybody needs a new blob.
    fn rekeys(&self) -> bool {
        !matches!(self.header, HeaderDraft::Keep)
            || !matches!(self.content, ContentDraft::Keep)
            || self.base.is_none()
    }

    /// The rows of this revision and the new blobs.
    fn access(&self, header: &Section, content: &Section) -> Result<SealedAccess, Error> {
        let grants = match (&self.grants, &self.base) {
            (Some(grants), _) => grants.clone(),
            (None, Some(head)) if !self.rekeys() => return Ok((head.view.access().clone(), Vec::new())),
            (None, Some(head)) => present_grants(head),
            (None, None) => Grants::new(),
        };
        let mut rows = Rows { entries: Vec::new(), contexts: Vec::new(), waiting: Vec::new() };
        for (grant, salt) in grants.values().zip(&self.randomness.entry_salts) {
            self.row(grant, *salt, (header.epoch, content.epoch), &mut rows)?;
        }
        let mut blobs = Vec::new();
        if !rows.contexts.is_empty() {
            let sealed = seal_blobs(self.keys()?, &self.randomness.ephemeral, &rows.contexts)?;
            for (blob, index) in sealed.into_iter().zip(rows.waiting) {
                let entry = &mut rows.entries[index];
                if let Some(wrapped) = &mut entry.wrapped {
                    wrapped.blob_hash = blob_hash(&blob);
                }
                blobs.push((entry.user, blob));
            }
        }
        Ok((AccessSlots::of(rows.entries)?, blobs))
    }

    /// Adds the row that `grant` becomes.
    fn row(&self, grant: &Grant, salt: [u8; 32], epochs: (u64, u64), rows: &mut Rows) -> Result<(), Error> {
        let now = self.modified_at();
        let old = self.base.as_ref().and_then(|head| head.view.entry(grant.user_id));
        let same =
            old.is_some_and(|old| (old.permissions, old.expiration) == (grant.permissions, grant.expiration));
        if let (Some(old), true, false) = (old, same, self.rekeys()) {
            rows.entries.push(old.clone());
            return Ok(());
        }
        let closed = self.cards.get(&grant.user_id).is_some_and(CardChain::is_closed);
        if same && closed {
            // Nothing can be sealed for a closed account: its row goes (F22).
            return Ok(());
        }
        let decrypts = grant.permissions.contains(Permissions::CONTAINER_DECRYPT);
        let kept = old.and_then(|old| old.wrapped).filter(|_| decrypts && !self.rekeys());
        let expired = grant.expiration.is_some_and(|expiration| expiration <= now);
        let wrapped = match kept {
            Some(kept) => Some(kept),
            None if decrypts && !expired => Some(self.wrap(grant.user_id, epochs, rows)?),
            None => None,
        };
        if let Some(old) = old.filter(|old| same && old.wrapped == wrapped) {
            // Without a blob before and after, an upload changes nothing of the row (F17).
            rows.entries.push(old.clone());
            return Ok(());
        }
        let me = self.signer.id();
        rows.entries.push(AccessEntry {
            user: grant.user_id,
            permissions: grant.permissions,
            expiration: grant.expiration,
            created_by: old.map_or(me, |old| old.created_by),
            created_at: old.map_or(now, |old| old.created_at),
            modified: if same { old.and_then(|old| old.modified) } else { old.map(|_| (me, now)) },
            wrapped,
            salt,
        });
        Ok(())
    }

    /// Orders a new blob for `user`, whose row is the next one to be added.
    fn wrap(
        &self,
        user: UserId,
        (header_epoch, content_epoch): (u64, u64),
        rows: &mut Rows,
    ) -> Result<Wrapped, Error> {
        let ring = self.signer.keys();
        let sender_index = ring.signing_index();
        let chain = self.cards.get(&user).ok_or_else(|| no_active_key(user))?;
        let (recipient_index, recipient_public) =
            chain.active_derivation().ok_or_else(|| no_active_key(user))?;
        let sender_key = ring.chain().signing_key(sender_index).ok_or(CryptoError::WeakKey)?;
        rows.waiting.push(rows.entries.len());
        rows.contexts.push(BlobContext {
            container: self.container,
            header_epoch,
            content_epoch,
            sender: ring.user_id(),
            sender_index,
            sender_public: sender_key.public,
            recipient: user,
            recipient_index,
            recipient_public,
        });
        Ok(Wrapped {
            derivation_index: recipient_index,
            blob_hash: [0; 48],
            sealed_by: ring.user_id(),
            sealed_by_index: sender_index,
            header_epoch,
            content_epoch,
        })
    }
}

/// No epoch is above its revision, and there is a revision after that.
pub(super) fn next_epoch(previous: Option<&Section>) -> u64 {
    previous.map_or(1, |section| section.epoch.saturating_add(1))
}

/// The grants of every row that is shown.
pub(super) fn present_grants(head: &Head) -> Grants {
    let grant = |entry: &AccessEntry| Grant {
        user_id: entry.user,
        permissions: entry.permissions,
        expiration: entry.expiration,
    };
    head.view.access().entries().map(|entry| (entry.user, grant(entry))).collect()
}

fn no_active_key(user: UserId) -> Error {
    Error::Remote(RemoteError {
        code: RemoteCode::UserNotFound,
        message: format!("user {user} has no key to share with; the account was closed"),
        subject: Some(user.to_string()),
        retry_after_ms: None,
    })
}
