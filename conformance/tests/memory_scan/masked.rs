//! Secrets that are not in memory as they are.

use std::fmt::Write as _;
use std::hint::black_box;
use std::ops::Deref;

const MASK: u8 = 0xa5;

/// Bytes that are overwritten when they are dropped.
pub(crate) struct Wiped(Vec<u8>);

impl Wiped {
    /// As a text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap()
    }
}

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.fill(0);
        black_box(&self.0);
    }
}

/// Bytes under a mask: holding them leaves no copy of what they stand for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Masked(Vec<u8>);

impl Masked {
    /// Masks a text while compiling, so that the program has it nowhere.
    pub(crate) const fn text<const N: usize>(text: [u8; N]) -> [u8; N] {
        let mut masked = text;
        let mut place = 0;
        while place < N {
            masked[place] ^= MASK;
            place += 1;
        }
        masked
    }

    /// What [`text`](Self::text) made.
    pub(crate) fn of(masked: &[u8]) -> Self {
        Self(masked.to_vec())
    }

    /// Masks `bytes`.
    pub(crate) fn from_plain(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| byte ^ MASK).collect())
    }

    /// The bytes themselves.
    pub(crate) fn plain(&self) -> Wiped {
        let mut plain = Vec::with_capacity(self.0.len());
        plain.extend(self.0.iter().map(|byte| byte ^ MASK));
        Wiped(plain)
    }

    /// Whether `bytes` has what this stands for somewhere.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        bytes
            .windows(self.0.len())
            .any(|window| window.iter().map(|byte| byte ^ MASK).eq(self.0.iter().copied()))
    }

    pub(crate) fn to_hex(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    pub(crate) fn from_hex(text: &str) -> Self {
        let byte = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
        Self((0..text.len()).step_by(2).map(byte).collect())
    }
}
