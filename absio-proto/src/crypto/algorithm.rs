//! The numbers by which a segment names its cipher and its MAC (`docs/protocol.md`, section 9).

use crate::error::CryptoError;

/// `cipher_index`: how chunks are encrypted (S-100, S-101).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CipherIndex {
    /// 0: AES-256-CTR, no padding. Index 1 is reserved for AES-256-GCM per chunk.
    #[default]
    Aes256Ctr = 0,
}

impl CipherIndex {
    /// The cipher that `byte` names.
    ///
    /// # Errors
    /// [`CryptoError::Unknown`] naming the index.
    pub fn from_byte(byte: u8) -> Result<Self, CryptoError> {
        match byte {
            0 => Ok(Self::Aes256Ctr),
            other => Err(CryptoError::Unknown { what: "cipher index", value: other.into() }),
        }
    }

    /// The byte in a structure.
    #[must_use]
    pub const fn as_byte(self) -> u8 {
        self as u8
    }
}

/// `mac_index`: how chunks are authenticated (S-100, S-101).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MacIndex {
    /// 0: HMAC-SHA-256, about three times as fast.
    #[default]
    HmacSha256 = 0,
    /// 1: HMAC-SHA-384, the original library's choice.
    HmacSha384 = 1,
}

impl MacIndex {
    /// The MAC that `byte` names.
    ///
    /// # Errors
    /// [`CryptoError::Unknown`] naming the index.
    pub fn from_byte(byte: u8) -> Result<Self, CryptoError> {
        match byte {
            0 => Ok(Self::HmacSha256),
            1 => Ok(Self::HmacSha384),
            other => Err(CryptoError::Unknown { what: "MAC index", value: other.into() }),
        }
    }

    /// The byte in a structure.
    #[must_use]
    pub const fn as_byte(self) -> u8 {
        self as u8
    }

    /// Bytes of a tag, and of the key that makes it.
    #[must_use]
    pub const fn tag_length(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::HmacSha384 => 48,
        }
    }
}
