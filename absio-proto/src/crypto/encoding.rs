//! The one way to write and read binary structures: big-endian, fixed width, nothing trailing.

use crate::error::CryptoError;
use zeroize::Zeroize;

/// Reads a structure field by field; every length is checked before it is used.
pub(crate) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads `bytes` as a `what` (for error messages).
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    /// An error about this structure.
    pub(crate) fn malformed(&self, reason: &'static str) -> CryptoError {
        CryptoError::Malformed { what: self.what, reason }
    }

    /// The next `length` bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], CryptoError> {
        let (head, rest) =
            self.rest.split_at_checked(length).ok_or_else(|| self.malformed("it ends early"))?;
        self.rest = rest;
        Ok(head)
    }

    /// The next `N` bytes, where they stand: what is secret is copied once, into its place.
    pub(crate) fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], CryptoError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.malformed("it ends early"))?;
        self.rest = rest;
        Ok(head)
    }

    /// A copy of the next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], CryptoError> {
        self.chunk().copied()
    }

    pub(crate) fn u8(&mut self) -> Result<u8, CryptoError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, CryptoError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, CryptoError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, CryptoError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A u32 length of at most `limit`, then that many bytes.
    pub(crate) fn prefixed(&mut self, limit: usize) -> Result<&'a [u8], CryptoError> {
        let length = usize::try_from(self.u32()?).map_err(|_| self.malformed("a length is too large"))?;
        if length > limit {
            return Err(self.malformed("a length is over its limit"));
        }
        self.bytes(length)
    }

    /// The expected magic or other constant bytes.
    pub(crate) fn constant(&mut self, expected: &[u8], reason: &'static str) -> Result<(), CryptoError> {
        if self.bytes(expected.len())? == expected { Ok(()) } else { Err(self.malformed(reason)) }
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The structure must end here.
    pub(crate) fn end(self) -> Result<(), CryptoError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed("bytes follow its end")) }
    }
}

/// Writes a structure field by field. What is written may be a key: a buffer that became too small is
/// wiped before it is given back.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        let needed = self.0.len().saturating_add(bytes.len());
        if needed > self.0.capacity() {
            let mut larger = Vec::with_capacity(needed.max(self.0.capacity().saturating_mul(2)));
            larger.extend_from_slice(&self.0);
            core::mem::replace(&mut self.0, larger).zeroize();
        }
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u8(self, value: u8) -> Self {
        self.bytes(&[value])
    }

    pub(crate) fn u16(self, value: u16) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    /// A u32 length, then the bytes. The caller has checked the length against a limit under 2^32.
    pub(crate) fn prefixed(self, bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).expect("limits keep lengths under 2^32");
        self.u32(length).bytes(bytes)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// The first `characters` × 5 bits of `bytes` in Crockford base 32 (upper case, without I, L, O, U).
pub(crate) fn crockford(bytes: &[u8], characters: usize) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bit = |position: usize| bytes.get(position / 8).map_or(0, |byte| byte >> (7 - position % 8) & 1);
    (0..characters)
        .map(|character| (0..5).fold(0, |value, offset| value << 1 | bit(character * 5 + offset)))
        .map(|value| char::from(ALPHABET[usize::from(value)]))
        .collect()
}
