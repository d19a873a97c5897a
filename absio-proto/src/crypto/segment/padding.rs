//! Padding that hides how long a plaintext is (F31).
//!
//! A padded plaintext is the data, zero bytes, and the u64 length of the data; it is exactly as
//! long as its rule says, so that there is one encoding for each plaintext.

use crate::error::CryptoError;
use std::borrow::Cow;

const BUCKET: u64 = 1024;
const TRAILER: u64 = 8;

/// The rule by which a segment's plaintext is padded; a byte of its clear header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Padding {
    /// 0: as long as it is.
    #[default]
    None = 0,
    /// 1: to a multiple of 1 KiB, the rule for headers.
    Buckets = 1,
    /// 2: Padmé (Nikitin et al., PoPETs 2019), at most 12 % longer.
    Padme = 2,
}

/// The Padmé length for `length` bytes: the floating-point numbers whose mantissa is no longer than
/// their exponent. Saturates where the next such number does not fit 64 bits.
#[must_use]
pub const fn padme(length: u64) -> u64 {
    if length < 2 {
        return length;
    }
    let exponent = 63 - length.leading_zeros();
    let mantissa_bits = 32 - exponent.leading_zeros();
    if exponent < mantissa_bits {
        return length;
    }
    let mask = (1u64 << (exponent - mantissa_bits)) - 1;
    length.saturating_add(mask) & !mask
}

impl Padding {
    /// The rule that `byte` names.
    ///
    /// # Errors
    /// [`CryptoError::Unknown`] naming the byte.
    pub fn from_byte(byte: u8) -> Result<Self, CryptoError> {
        match byte {
            0 => Ok(Self::None),
            1 => Ok(Self::Buckets),
            2 => Ok(Self::Padme),
            other => Err(CryptoError::Unknown { what: "padding", value: other.into() }),
        }
    }

    /// How long `length` bytes of data become.
    #[must_use]
    pub const fn padded_length(self, length: u64) -> u64 {
        let whole = length.saturating_add(TRAILER);
        match self {
            Self::None => length,
            Self::Buckets => whole.div_ceil(BUCKET).saturating_mul(BUCKET),
            Self::Padme => padme(whole),
        }
    }

    /// How many bytes of padding follow `length` bytes of data: zeros, then the u64 length.
    #[must_use]
    pub const fn tail_length(self, length: u64) -> u64 {
        self.padded_length(length).saturating_sub(length)
    }

    /// `data` with its padding; borrowed where there is none.
    #[must_use]
    pub fn pad(self, data: &[u8]) -> Cow<'_, [u8]> {
        if self == Self::None {
            return Cow::Borrowed(data);
        }
        let length = data.len() as u64;
        let mut padded = Vec::with_capacity(usize::try_from(self.padded_length(length)).unwrap_or(0));
        padded.extend_from_slice(data);
        padded.resize(padded.len() + (self.tail_length(length) - TRAILER) as usize, 0);
        padded.extend_from_slice(&length.to_be_bytes());
        Cow::Owned(padded)
    }

    /// The length of the data in `plaintext`, after checking every byte of the padding.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] if the length is not the rule's, or a padding byte is not zero.
    pub fn check(self, plaintext: &[u8]) -> Result<usize, CryptoError> {
        let wrong = |reason| CryptoError::Malformed { what: "padded plaintext", reason };
        if self == Self::None {
            return Ok(plaintext.len());
        }
        let (before, trailer) = plaintext.split_last_chunk::<8>().ok_or(wrong("it is too short"))?;
        let length = u64::from_be_bytes(*trailer);
        let (_, zeros) = usize::try_from(length)
            .ok()
            .and_then(|length| before.split_at_checked(length))
            .filter(|_| self.padded_length(length) == plaintext.len() as u64)
            .ok_or(wrong("its length is not the one of its rule"))?;
        if zeros.iter().fold(0, |sum, byte| sum | byte) != 0 {
            return Err(wrong("its padding is not zero"));
        }
        Ok(length as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Security case 34: the lengths, and the overhead that the paper promises.
    #[test]
    fn mc_padme_sizes() {
        for (length, padded) in
            [(0, 0), (1, 1), (2, 2), (9, 10), (10, 10), (255, 256), (1000, 1024), (1025, 1088)]
        {
            assert_eq!(padme(length), padded, "of {length}");
        }
        for length in (1..200_000).chain((20..44).map(|bits| (1 << bits) + 1)) {
            let padded = padme(length);
            assert!(padded >= length && padme(padded) == padded, "of {length}");
            assert!((padded - length) * 100 <= 12 * length, "of {length}: {padded}");
        }
        assert!(padme(u64::MAX) > 0);
    }

    #[test]
    fn padding_comes_off_again_and_tells_little() {
        for padding in [Padding::None, Padding::Buckets, Padding::Padme] {
            for length in [0, 1, 7, 8, 1015, 1016, 1017, 1023, 1024, 5000] {
                let data = vec![7; length];
                let padded = padding.pad(&data);
                assert_eq!(padded.len() as u64, padding.padded_length(length as u64));
                assert_eq!(padding.check(&padded), Ok(length), "{padding:?} of {length}");
            }
        }
        assert!((0..=1016).all(|length| Padding::Buckets.padded_length(length) == 1024));
        assert_eq!(Padding::Buckets.padded_length(1017), 2048);
    }

    /// Security case 34: every byte of padding is verified.
    #[test]
    fn ms_nonzero_padding() {
        let padded = Padding::Buckets.pad(b"data").into_owned();
        assert_eq!(Padding::Buckets.check(&padded), Ok(4));
        for position in 4..1016 {
            let mut altered = padded.clone();
            altered[position] = 1;
            assert!(Padding::Buckets.check(&altered).is_err(), "byte {position}");
        }
        let longer = [&padded[..1016], &[0; 1024], &4u64.to_be_bytes()[..]].concat();
        assert!(Padding::Buckets.check(&longer).is_err());
        for short in 0..8 {
            assert!(Padding::Padme.check(&vec![0; short]).is_err());
        }
        assert!(Padding::Padme.check(&u64::MAX.to_be_bytes()).is_err());
    }
}
