//! What is kept of a container: always the pin, and while it is cached the verified revision with its
//! keys and as many sections as were fetched.

use crate::crypto::ContainerKeys;
use crate::crypto::chain::Pin;
use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::manifest::{ManifestView, Section, TypeOpening};
use crate::crypto::segment::{HEADER_LENGTH, SegmentHeader};
use crate::effect::BlobId;
use crate::error::CryptoError;
use crate::limits;
use crate::model::{ContainerId, Permissions, Portion, Timestamp, UserId};
use crate::session::Head;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
/// Bits of the flags.
const TOMBSTONE: u8 = 1;
const LOCAL: u8 = 2;
const REPORTED: u8 = 4;
const UNSENT: u8 = 8;
const KEPT: u8 = 16;
const LEAVING: u8 = 32;
const FLAGS: u8 = TOMBSTONE | LOCAL | REPORTED | UNSENT | KEPT | LEAVING;

/// Where a segment's bytes are.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum KeptSection {
    /// The whole segment, in the record.
    Inline(Vec<u8>),
    /// The clear header here (it names the container), the chunks in a blob.
    Blob {
        /// The clear header.
        header: SegmentHeader,
        /// Where the chunks are.
        blob: BlobId,
    },
}

impl KeptSection {
    /// The blob that holds the chunks, if one does.
    pub(crate) const fn blob(&self) -> Option<BlobId> {
        match self {
            Self::Inline(_) => None,
            Self::Blob { blob, .. } => Some(*blob),
        }
    }
}

/// A cached container.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) head: Head,
    /// None if the user may not decrypt.
    pub(crate) keys: Option<std::sync::Arc<ContainerKeys>>,
    pub(crate) header: Option<Vec<u8>>,
    pub(crate) content: Option<KeptSection>,
}

impl Kept {
    /// Takes sections of `older` that this revision did not change and that are missing here.
    pub(crate) fn inherit(&mut self, older: Self) {
        let (new, old) = (self.head.view.body(), older.head.view.body());
        if self.header.is_none() && new.header == old.header {
            self.header = older.header;
        }
        if self.content.is_none() && new.content == old.content {
            self.content = older.content;
        }
    }

    /// Whether what `portion` asks for is here, as far as the container has it.
    fn has(&self, portion: Portion) -> bool {
        let body = self.head.view.body();
        let here = |wanted: bool, section: &Section, kept: bool| {
            !wanted || kept || !section.state.is_stored() || self.keys.is_none()
        };
        here(portion.wants_header(), &body.header, self.header.is_some())
            && here(portion.wants_content(), &body.content, self.content.is_some())
    }
}

/// The record of a container.
#[derive(Clone)]
pub(crate) struct ContainerRecord {
    pub(crate) container: ContainerId,
    /// What the broker confirmed last; revision 0 if it never did, of a container that waits to be
    /// created.
    pub(crate) pin: Pin,
    /// When the broker last confirmed that this is the present revision; none if it never did.
    pub(crate) fresh_at: Option<Timestamp>,
    /// It was never at the broker: nothing but this device has it.
    pub(crate) is_local: bool,
    /// The broker said that it is gone or no longer shared, without proof (security case 48).
    pub(crate) is_reported: bool,
    /// The revision kept is waiting to be sent.
    pub(crate) is_unsent: bool,
    /// A deletion waits to be sent: what is kept is not shown, and goes once the broker has it.
    pub(crate) is_leaving: bool,
    /// Where this record stands once more, for a container that nobody else has.
    pub(crate) envelope: Option<BlobId>,
    pub(crate) kept: Option<Kept>,
}

impl ContainerRecord {
    /// Nothing but the pin.
    pub(crate) const fn pinned(container: ContainerId, pin: Pin) -> Self {
        Self {
            container,
            pin,
            fresh_at: None,
            is_local: false,
            is_reported: false,
            is_unsent: false,
            is_leaving: false,
            envelope: None,
            kept: None,
        }
    }

    /// Whether `user` may hold header and content: without the right to have them anew, what was
    /// kept before goes (S-132).
    pub(crate) fn may_hold(&self, user: UserId) -> bool {
        let needed = Permissions::CONTAINER_DOWNLOAD | Permissions::CONTAINER_DECRYPT;
        let own = self.kept.as_ref().and_then(|kept| kept.head.view.entry(user));
        own.is_some_and(|own| own.permissions.contains(needed))
    }

    /// Whether what `portion` asks for is here, as far as the container has it and `user` may have it.
    pub(crate) fn has(&self, portion: Portion, user: UserId) -> bool {
        let kept = self.kept.as_ref().is_some_and(|kept| kept.has(portion));
        kept || self.kept.is_some() && !self.is_local && !self.may_hold(user)
    }

    /// The blobs that belong to it.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = BlobId> {
        let content = self.kept.as_ref().and_then(|kept| kept.content.as_ref()?.blob());
        content.into_iter().chain(self.envelope)
    }

    /// The bytes, before they are sealed.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let flag = |is: bool, bit: u8| if is { bit } else { 0 };
        let flags = flag(self.pin.tombstone, TOMBSTONE)
            | flag(self.is_local, LOCAL)
            | flag(self.is_reported, REPORTED)
            | flag(self.is_unsent, UNSENT)
            | flag(self.is_leaving, LEAVING)
            | flag(self.kept.is_some(), KEPT);
        let writer = Writer::new()
            .u8(VERSION)
            .u8(flags)
            .bytes(self.container.as_bytes())
            .u64(self.pin.revision)
            .bytes(&self.pin.hash)
            .u64(Timestamp::to_wire(self.fresh_at))
            .prefixed(self.envelope.as_ref().map(|blob| &blob.0[..]).unwrap_or_default());
        let writer = match &self.kept {
            None => writer,
            Some(kept) => write_kept(kept, writer),
        };
        Zeroizing::new(writer.finish())
    }

    /// Reads a record.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("stored container", bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(CryptoError::Unknown {
                what: "version of a stored container",
                value: version.into(),
            });
        }
        let flags = reader.u8()?;
        if flags & !FLAGS != 0 {
            return Err(reader.malformed("it has unknown flags"));
        }
        let is = |bit: u8| flags & bit != 0;
        let container = ContainerId::from_bytes(reader.array()?);
        let pin = Pin { revision: reader.u64()?, hash: reader.array()?, tombstone: is(TOMBSTONE) };
        let fresh_at = Timestamp::from_wire(reader.u64()?);
        let envelope = match reader.prefixed(20)? {
            [] => None,
            id => Some(BlobId(id.try_into().map_err(|_| reader.malformed("its envelope has no name"))?)),
        };
        let kept = if is(KEPT) { Some(read_kept(container, &mut reader)?) } else { None };
        reader.end()?;
        let (is_local, is_reported) = (is(LOCAL), is(REPORTED));
        let (is_unsent, is_leaving) = (is(UNSENT), is(LEAVING));
        Ok(Self { container, pin, fresh_at, is_local, is_reported, is_unsent, is_leaving, envelope, kept })
    }
}

fn write_kept(kept: &Kept, writer: Writer) -> Writer {
    let keys = kept.keys.as_ref().map(|keys| keys.to_bytes());
    let writer = writer
        .prefixed(&kept.head.view.encode())
        .prefixed(kept.head.blob.as_deref().unwrap_or_default())
        .prefixed(&kept.head.type_opening.as_ref().map(TypeOpening::encode).unwrap_or_default())
        .prefixed(keys.as_deref().map(Vec::as_slice).unwrap_or_default())
        .prefixed(kept.header.as_deref().unwrap_or_default());
    match &kept.content {
        None => writer.u8(0),
        Some(KeptSection::Inline(segment)) => writer.u8(1).prefixed(segment),
        Some(KeptSection::Blob { header, blob }) => writer.u8(3).bytes(&header.encode()).bytes(&blob.0),
    }
}

fn read_kept(container: ContainerId, reader: &mut Reader<'_>) -> Result<Kept, CryptoError> {
    let mut part = || {
        let bytes = reader.prefixed(limits::STORE_VALUE)?;
        Ok::<_, CryptoError>((!bytes.is_empty()).then_some(bytes))
    };
    let view = ManifestView::decode(part()?.unwrap_or_default())?;
    let blob = part()?.map(<[u8]>::to_vec);
    let type_opening = part()?.map(TypeOpening::decode).transpose()?;
    let keys = part()?.map(ContainerKeys::from_bytes).transpose()?.map(std::sync::Arc::new);
    let header = part()?.map(<[u8]>::to_vec);
    let content = match reader.u8()? {
        0 => None,
        1 => Some(KeptSection::Inline(reader.prefixed(limits::STORE_VALUE)?.to_vec())),
        3 => {
            let header = SegmentHeader::decode(reader.bytes(HEADER_LENGTH)?)?;
            Some(KeptSection::Blob { header, blob: BlobId(reader.array()?) })
        }
        _ => return Err(reader.malformed("its content is in an unknown place")),
    };
    if view.body().container != container {
        return Err(view.body().mismatch("container id"));
    }
    Ok(Kept { head: Head { view, blob, type_opening }, keys, header, content })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::crypto::Secret;
    use crate::crypto::manifest::{AccessEntry, AccessSlots, Author, ManifestBody, SectionState};
    use crate::crypto::segment::{
        SegmentContext, SegmentDigest, SegmentKind, SegmentParameters, seal_segment,
    };
    use crate::crypto::suite::SUITE_1;
    use crate::crypto::test_entropy::TestEntropy;
    use crate::crypto::{KeyRing, container_id};

    fn ring() -> KeyRing {
        KeyRing::generate(&mut TestEntropy::new(1), Timestamp::from_millis(5)).unwrap()
    }

    /// A record with everything in it: a header inline, a content in a blob, an envelope.
    pub(in crate::ofs) fn record() -> ContainerRecord {
        let (ring, now) = (ring(), Timestamp::from_millis(77));
        let (user, id_salt) = (ring.user_id(), [4; 32]);
        let container = container_id(user, &id_salt);
        let keys = ContainerKeys::new(Secret::new([1; 32]), Secret::new([2; 32]));
        let segment = |kind, secret| {
            let context = SegmentContext { kind, container, epoch: 1 };
            seal_segment(SegmentParameters::new(context, [6; 32]), secret, b"what it says").unwrap()
        };
        let (header, header_digest) = segment(SegmentKind::Header, keys.header_secret());
        let (content, content_digest) = segment(SegmentKind::Content, keys.content_secret());
        let section = |digest: SegmentDigest| Section {
            state: SectionState::Present { padded: false },
            epoch: 1,
            digest,
            changed_by: user,
            changed_at: now,
            changed_in: 1,
        };
        let access = AccessSlots::of([AccessEntry {
            user,
            permissions: Permissions::CREATOR,
            expiration: None,
            created_by: user,
            created_at: now,
            modified: None,
            wrapped: None,
            salt: [8; 32],
        }])
        .unwrap();
        let body = ManifestBody {
            suite: SUITE_1,
            container,
            id_salt,
            revision: 1,
            previous: [0; 48],
            created_by: user,
            created_at: now,
            author: Author::of(&ring),
            modified_at: now,
            type_commitment: [0; 48],
            header: section(header_digest),
            content: section(content_digest),
            access_count: access.count(),
            access_root: access.root(),
        };
        let pin = Pin { revision: 1, hash: body.hash(), tombstone: false };
        let view = ManifestView::new(body.sign(&ring), access).unwrap();
        let head = Head { view, blob: Some(vec![3; 288]), type_opening: None };
        let content =
            KeptSection::Blob { header: SegmentHeader::split(&content).unwrap().0, blob: BlobId([9; 20]) };
        let kept = Kept {
            head,
            keys: Some(std::sync::Arc::new(keys)),
            header: Some(header),
            content: Some(content),
        };
        ContainerRecord {
            fresh_at: Some(now),
            is_reported: true,
            envelope: Some(BlobId([7; 20])),
            kept: Some(kept),
            ..ContainerRecord::pinned(container, pin)
        }
    }

    /// The record with one part changed.
    fn with(change: impl FnOnce(&mut ContainerRecord)) -> ContainerRecord {
        let mut record = record();
        change(&mut record);
        record
    }

    #[test]
    fn a_record_is_read_back_whatever_it_has_and_lacks() {
        let kept = |change: fn(&mut Kept)| with(|record| change(record.kept.as_mut().unwrap()));
        let tombstone = with(|record| record.pin.tombstone = true);
        for record in [
            record(),
            tombstone,
            with(|record| (record.is_local, record.fresh_at) = (true, None)),
            with(|record| (record.is_unsent, record.is_reported) = (true, false)),
            with(|record| (record.kept, record.envelope) = (None, None)),
            kept(|kept| (kept.keys, kept.header, kept.content) = (None, None, None)),
            kept(|kept| kept.head.blob = None),
            kept(|kept| kept.content = Some(KeptSection::Inline(vec![1; 300]))),
        ] {
            let bytes = record.encode();
            let read = ContainerRecord::decode(&bytes).unwrap();
            assert_eq!(*read.encode(), *bytes);
            assert_eq!((read.container, read.pin), (record.container, record.pin));
            assert!(read.blobs().eq(record.blobs()));
        }
        assert!(record().blobs().eq([BlobId([9; 20]), BlobId([7; 20])]));
    }

    #[test]
    fn a_record_that_is_cut_or_goes_on_or_is_of_another_version_is_refused() {
        let bytes = record().encode();
        for length in 0..bytes.len() {
            assert!(ContainerRecord::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        assert!(ContainerRecord::decode(&[&bytes[..], &[0]].concat()).is_err());
        let mut newer = bytes.to_vec();
        newer[0] = 2;
        let refused = ContainerRecord::decode(&newer).err();
        assert!(matches!(refused, Some(CryptoError::Unknown { value: 2, .. })), "{refused:?}");
        let mut flagged = bytes.to_vec();
        flagged[1] |= 0x80;
        assert!(ContainerRecord::decode(&flagged).is_err());
        // What is kept is of the container that the record is about.
        let mut other = bytes.to_vec();
        other[2] ^= 1;
        assert!(ContainerRecord::decode(&other).is_err());
    }

    #[test]
    fn s132_what_may_be_held_is_what_the_own_row_says() {
        let (record, user) = (record(), ring().user_id());
        assert!(record.may_hold(user) && record.has(Portion::All, user));
        assert!(!record.may_hold(UserId::from_bytes([1; 16])));
        let lacking = with(|record| record.kept.as_mut().unwrap().content = None);
        assert!(lacking.has(Portion::Header, user) && !lacking.has(Portion::Content, user));
        assert!(!with(|record| record.kept = None).has(Portion::Metadata, user));
    }
}
