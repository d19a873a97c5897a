//! How the two sections are read: the header always as strict JSON, the content as the caller
//! chooses (S-086).

use crate::error::{CryptoError, InputError};
use crate::limits;
use crate::wire::parse_strict;
use serde_json::Value;
use std::borrow::Cow;

/// A form of content; the seed's `content_cls`.
pub trait Payload: Sized {
    /// The bytes to encrypt.
    ///
    /// # Errors
    /// [`InputError`] if it cannot be written.
    fn to_bytes(&self) -> Result<Cow<'_, [u8]>, InputError>;

    /// Reads what was decrypted.
    ///
    /// # Errors
    /// [`CryptoError::Decrypt`] if the bytes are not of this form.
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, CryptoError>;
}

/// Content as it is: the default.
pub type RawPayload = Vec<u8>;

impl Payload for RawPayload {
    fn to_bytes(&self) -> Result<Cow<'_, [u8]>, InputError> {
        Ok(Cow::Borrowed(self))
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, CryptoError> {
        Ok(bytes)
    }
}

/// Content as a JSON value, as strict as a header but of any size.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPayload(pub Value);

impl From<Value> for JsonPayload {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

impl Payload for JsonPayload {
    fn to_bytes(&self) -> Result<Cow<'_, [u8]>, InputError> {
        serde_json::to_vec(&self.0).map(Cow::Owned).map_err(|error| InputError::InvalidArgument {
            argument: "content",
            reason: format!("it cannot be written as JSON ({error})"),
        })
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, CryptoError> {
        parse_strict(&bytes).map(Self).map_err(|_| CryptoError::Decrypt)
    }
}

/// A header made of a value of the caller's own type.
///
/// # Errors
/// [`InputError::InvalidHeader`] if it cannot be written as JSON (S-028).
pub fn header_of<T: serde::Serialize>(value: &T) -> Result<Value, InputError> {
    serde_json::to_value(value).map_err(|error| InputError::InvalidHeader { reason: error.to_string() })
}

/// The bytes of a header: JSON of at most 1 MiB that a strict reader will take.
///
/// # Errors
/// [`InputError::InvalidHeader`] if it is nested too deep, [`InputError::TooLarge`].
pub fn encode_header(header: &Value) -> Result<Vec<u8>, InputError> {
    let bytes = serde_json::to_vec(header)
        .map_err(|error| InputError::InvalidHeader { reason: error.to_string() })?;
    if bytes.len() > limits::HEADER {
        let (actual, limit) = (bytes.len() as u64, limits::HEADER as u64);
        return Err(InputError::TooLarge { what: "header", actual, limit });
    }
    parse_strict(&bytes)?;
    Ok(bytes)
}

/// Reads a decrypted header: strict UTF-8 JSON of at most 16 MiB, at most 64 deep, without doubled
/// names (security case 35).
///
/// # Errors
/// [`CryptoError::Malformed`].
pub fn decode_header(bytes: &[u8]) -> Result<Value, CryptoError> {
    let malformed = |reason| CryptoError::Malformed { what: "header", reason };
    if bytes.len() > limits::HEADER_MAX {
        return Err(malformed("it is over its limit"));
    }
    parse_strict(bytes).map_err(|_| malformed("it is not strict JSON"))
}
