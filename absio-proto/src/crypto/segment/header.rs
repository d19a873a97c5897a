//! The clear header of a segment, 104 bytes.

use super::padding::Padding;
use crate::crypto::algorithm::{CipherIndex, MacIndex};
use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::suite::SUITE_1;
use crate::error::CryptoError;
use crate::model::ContainerId;

const MAGIC: &[u8; 4] = b"SEG1";
/// Bytes of the clear header, commitment included.
pub const HEADER_LENGTH: usize = 104;
/// Bytes of the clear header before the commitment.
pub(super) const CONTEXT_LENGTH: usize = 72;
const RESERVED: [u8; 5] = [0; 5];

/// Which section of a container a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SegmentKind {
    /// 1: the header, sealed under `K_H`.
    Header = 1,
    /// 2: the content, sealed under `K_C`.
    Content = 2,
}

/// What a reader knows of a segment before seeing it, from the verified manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentContext {
    /// Header or content.
    pub kind: SegmentKind,
    /// Whose.
    pub container: ContainerId,
    /// Of which epoch (F33).
    pub epoch: u64,
}

/// What a writer chooses for one sealing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentParameters {
    /// Header or content, whose, of which epoch.
    pub context: SegmentContext,
    /// Logarithm of the chunk size in bytes: 12 to 20.
    pub chunk_log2: u8,
    /// How chunks are encrypted.
    pub cipher_index: CipherIndex,
    /// How chunks are authenticated.
    pub mac_index: MacIndex,
    /// How the plaintext is padded.
    pub padding: Padding,
    /// 32 fresh random bytes: two sealings under one secret never share keys.
    pub salt: [u8; 32],
}

impl SegmentParameters {
    /// The defaults: 64 KiB chunks, AES-256-CTR, HMAC-SHA-256, no padding.
    #[must_use]
    pub const fn new(context: SegmentContext, salt: [u8; 32]) -> Self {
        Self {
            context,
            chunk_log2: super::layout::DEFAULT_CHUNK_LOG2,
            cipher_index: CipherIndex::Aes256Ctr,
            mac_index: MacIndex::HmacSha256,
            padding: Padding::None,
            salt,
        }
    }

    /// The clear header before the commitment, 72 bytes: the context of key derivation.
    pub(super) fn encode(&self) -> [u8; CONTEXT_LENGTH] {
        Writer::new()
            .bytes(MAGIC)
            .u16(SUITE_1)
            .u8(self.context.kind as u8)
            .u8(self.chunk_log2)
            .bytes(self.context.container.as_bytes())
            .u64(self.context.epoch)
            .u8(self.cipher_index.as_byte())
            .u8(self.mac_index.as_byte())
            .u8(self.padding as u8)
            .bytes(&RESERVED)
            .bytes(&self.salt)
            .finish()
            .try_into()
            .expect("the fields are 72 bytes together")
    }
}

/// The whole clear header: what was chosen and the commitment to the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// What the writer chose.
    pub parameters: SegmentParameters,
    /// 32 bytes derived together with the keys: no other keys open this segment.
    pub commitment: [u8; 32],
}

impl SegmentHeader {
    /// The 104 bytes at the beginning of a segment.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LENGTH] {
        let mut bytes = [0; HEADER_LENGTH];
        bytes[..CONTEXT_LENGTH].copy_from_slice(&self.parameters.encode());
        bytes[CONTEXT_LENGTH..].copy_from_slice(&self.commitment);
        bytes
    }

    /// Reads exactly 104 bytes.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`], or [`CryptoError::Unknown`] for a suite, cipher, MAC or padding
    /// this version does not know.
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("segment", bytes);
        reader.constant(MAGIC, "it does not begin with SEG1")?;
        let suite = reader.u16()?;
        if suite != SUITE_1 {
            return Err(CryptoError::Unknown { what: "suite", value: suite.into() });
        }
        let kind = match reader.u8()? {
            1 => SegmentKind::Header,
            2 => SegmentKind::Content,
            _ => return Err(reader.malformed("its kind is neither header nor content")),
        };
        let chunk_log2 = reader.u8()?;
        if !super::layout::CHUNK_LOG2.contains(&chunk_log2) {
            return Err(reader.malformed("its chunk size is not allowed"));
        }
        let container = ContainerId::from_bytes(reader.array()?);
        let epoch = reader.u64()?;
        if epoch == 0 {
            return Err(reader.malformed("its epoch is zero"));
        }
        let cipher_index = CipherIndex::from_byte(reader.u8()?)?;
        let mac_index = MacIndex::from_byte(reader.u8()?)?;
        let padding = Padding::from_byte(reader.u8()?)?;
        reader.constant(&RESERVED, "its reserved bytes are not zero")?;
        let salt = reader.array()?;
        let commitment = reader.array()?;
        reader.end()?;
        let context = SegmentContext { kind, container, epoch };
        let parameters = SegmentParameters { context, chunk_log2, cipher_index, mac_index, padding, salt };
        Ok(Self { parameters, commitment })
    }

    /// Reads the header at the beginning of a whole segment; the rest are its chunks.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn split(segment: &[u8]) -> Result<(Self, &[u8]), CryptoError> {
        let (header, chunks) = segment
            .split_at_checked(HEADER_LENGTH)
            .ok_or(CryptoError::Malformed { what: "segment", reason: "it ends early" })?;
        Ok((Self::decode(header)?, chunks))
    }
}
