//! The bytes of a manifest: every field has one place and one encoding.

use super::body::{Author, Manifest, ManifestBody, Section, SectionState};
use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::segment::SegmentDigest;
use crate::crypto::suite::SUITE_1;
use crate::error::CryptoError;
use crate::limits;
use crate::model::{ContainerId, Timestamp, UserId};

const MAGIC: &[u8; 4] = b"MAN1";
/// Bytes of a signed manifest.
pub const MANIFEST_LENGTH: usize = BODY_LENGTH + 64;
const BODY_LENGTH: usize = 512;

/// Bits of the flags; the content's are these shifted by one.
const PRESENT: u16 = 1;
const PADDED: u16 = 4;
const EXTERNAL: u16 = 16;
const KNOWN: u16 = 0b11_1111;

fn state_bits(state: SectionState) -> u16 {
    match state {
        SectionState::Absent => 0,
        SectionState::Present { padded } => PRESENT | if padded { PADDED } else { 0 },
        SectionState::External { padded } => PRESENT | EXTERNAL | if padded { PADDED } else { 0 },
    }
}

fn state_from(bits: u16) -> Option<SectionState> {
    let padded = bits & PADDED != 0;
    match (bits & PRESENT != 0, bits & EXTERNAL != 0) {
        (true, false) => Some(SectionState::Present { padded }),
        (true, true) => Some(SectionState::External { padded }),
        (false, false) if !padded => Some(SectionState::Absent),
        (false, _) => None,
    }
}

fn write_section(writer: Writer, section: &Section) -> Writer {
    writer
        .u64(section.epoch)
        .u64(section.digest.length)
        .bytes(&section.digest.digest)
        .bytes(section.changed_by.as_bytes())
        .u64(section.changed_at.as_millis())
        .u64(section.changed_in)
}

fn read_section(reader: &mut Reader<'_>, bits: u16, limit: u64) -> Result<Section, CryptoError> {
    let state = state_from(bits).ok_or(reader.malformed("a flag stands at an absent section"))?;
    let section = Section {
        state,
        epoch: reader.u64()?,
        digest: SegmentDigest { length: reader.u64()?, digest: reader.array()? },
        changed_by: UserId::from_bytes(reader.array()?),
        changed_at: Timestamp::from_millis(reader.u64()?),
        changed_in: reader.u64()?,
    };
    let empty = section.digest == SegmentDigest { length: 0, digest: [0; 48] };
    if !state.exists() && !empty {
        return Err(reader.malformed("an absent section has a length or digest"));
    }
    if section.digest.length > limit {
        return Err(reader.malformed("a section is over its limit"));
    }
    if section.epoch == 0 || section.changed_in == 0 {
        return Err(reader.malformed("an epoch or revision is zero"));
    }
    Ok(section)
}

impl ManifestBody {
    /// The signed bytes, 512.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = state_bits(self.header.state) | state_bits(self.content.state) << 1;
        let writer = Writer::new()
            .bytes(MAGIC)
            .u16(self.suite)
            .u16(flags)
            .bytes(self.container.as_bytes())
            .bytes(&self.id_salt)
            .u64(self.revision)
            .bytes(&self.previous)
            .bytes(self.created_by.as_bytes())
            .u64(self.created_at.as_millis())
            .bytes(self.author.user.as_bytes())
            .u32(self.author.index)
            .u64(self.author.card_sequence)
            .bytes(&self.author.card_hash)
            .u64(self.modified_at.as_millis())
            .bytes(&self.type_commitment);
        let writer = write_section(writer, &self.header);
        let writer = write_section(writer, &self.content);
        writer.u32(self.access_count).bytes(&self.access_root).finish()
    }

    fn decode_from(reader: &mut Reader<'_>) -> Result<Self, CryptoError> {
        reader.constant(MAGIC, "it does not begin with MAN1")?;
        let suite = reader.u16()?;
        if suite != SUITE_1 {
            return Err(CryptoError::Unknown { what: "suite", value: suite.into() });
        }
        let flags = reader.u16()?;
        if flags & !KNOWN != 0 {
            return Err(reader.malformed("a reserved flag is set"));
        }
        let body = Self {
            suite,
            container: ContainerId::from_bytes(reader.array()?),
            id_salt: reader.array()?,
            revision: reader.u64()?,
            previous: reader.array()?,
            created_by: UserId::from_bytes(reader.array()?),
            created_at: Timestamp::from_millis(reader.u64()?),
            author: Author {
                user: UserId::from_bytes(reader.array()?),
                index: reader.u32()?,
                card_sequence: reader.u64()?,
                card_hash: reader.array()?,
            },
            modified_at: Timestamp::from_millis(reader.u64()?),
            type_commitment: reader.array()?,
            header: read_section(reader, flags, limits::HEADER_MAX as u64 + 2048)?,
            content: read_section(reader, flags >> 1, limits::CONTENT)?,
            access_count: reader.u32()?,
            access_root: reader.array()?,
        };
        body.check_fields(reader)?;
        Ok(body)
    }

    /// What must hold in any manifest by itself.
    fn check_fields(&self, reader: &Reader<'_>) -> Result<(), CryptoError> {
        if self.revision == 0 || (self.revision == 1) != (self.previous == [0; 48]) {
            return Err(reader.malformed("its revision and previous hash do not fit"));
        }
        if self.access_count == 0 || self.access_count as usize > super::VIEW_ENTRIES {
            return Err(reader.malformed("its number of access entries is not allowed"));
        }
        for section in [&self.header, &self.content] {
            if section.changed_in > self.revision || section.changed_at > self.modified_at {
                return Err(reader.malformed("a section changed after the manifest"));
            }
            if section.epoch > section.changed_in {
                return Err(reader.malformed("an epoch is above the revision"));
            }
        }
        if self.modified_at < self.created_at {
            return Err(reader.malformed("it was modified before it was created"));
        }
        Ok(())
    }
}

impl Manifest {
    /// The body and the signature, 576 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.body.encode();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Reads a manifest; nothing of it is verified.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`], or [`CryptoError::Unknown`] for another suite.
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("manifest", bytes);
        let body = ManifestBody::decode_from(&mut reader)?;
        let signature = reader.array()?;
        reader.end()?;
        Ok(Self { body, signature })
    }
}
