//! `CON1`: a whole container as bytes, header and content segment behind each other (F34).

use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::segment::segment_length;
use crate::error::CryptoError;
use crate::limits;

const MAGIC: &[u8; 4] = b"CON1";

/// The segments of a container; none where the section is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerData {
    /// The header segment.
    pub header: Option<Vec<u8>>,
    /// The content segment.
    pub content: Option<Vec<u8>>,
}

impl ContainerData {
    /// `CON1 ‖ header length u32 ‖ header segment ‖ content segment`; an absent section has length 0.
    ///
    /// # Panics
    /// Never: a header segment is at most about 16 MiB.
    #[must_use]
    pub fn join(&self) -> Vec<u8> {
        let header = self.header.as_deref().unwrap_or_default();
        let content = self.content.as_deref().unwrap_or_default();
        Writer::new().bytes(MAGIC).prefixed(header).bytes(content).finish()
    }

    /// Takes the bytes apart. The content may have been cut off (S-095): what is left of it is for
    /// its own opening to judge.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`].
    pub fn split(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("container", bytes);
        reader.constant(MAGIC, "it does not begin with CON1")?;
        let header = reader.prefixed(longest_header())?;
        let content = reader.bytes(reader.remaining())?;
        let section = |bytes: &[u8]| (!bytes.is_empty()).then(|| bytes.to_vec());
        Ok(Self { header: section(header), content: section(content) })
    }
}

/// Bytes of the longest header segment that is read: 16 MiB, padded, with the smallest chunks.
fn longest_header() -> usize {
    let padded = limits::HEADER_MAX as u64 + 2048;
    segment_length(padded, 12, crate::crypto::MacIndex::HmacSha384)
        .ok()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(usize::MAX)
}
