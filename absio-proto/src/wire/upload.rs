//! Large content in parts (`docs/protocol.md`, "Uploads").

use super::json::Base64;
use crate::model::ContainerId;
use core::fmt;
use core::str::FromStr;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// The name of an upload under way: 16 random bytes of the broker, hex in paths and JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UploadId(pub [u8; 16]);

impl FromStr for UploadId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| "an upload id is 32 hex digits")?;
        bytes.try_into().map(Self).map_err(|_| "an upload id is 32 hex digits")
    }
}

impl TryFrom<String> for UploadId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<UploadId> for String {
    fn from(id: UploadId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Body of `POST /v1/uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginUpload {
    /// For which container; it need not exist yet.
    pub container_id: ContainerId,
    /// The whole clear header of the content segment.
    pub segment_header: Base64,
    /// Bytes of the plaintext, padding included: the segment's `total_len`.
    pub total_length: u64,
}

/// Answer of `POST /v1/uploads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadBegun {
    /// Names the upload.
    pub upload_id: UploadId,
    /// Chunks in every part but the last.
    pub chunks_per_part: u64,
    /// Number of parts.
    pub parts: u64,
}

/// Answer of `GET /v1/uploads/{upload}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadStatus {
    /// Number of parts.
    pub parts: u64,
    /// The parts that are safely stored, as runs: the first of each and how many, ascending.
    pub received: Vec<(u64, u64)>,
}
