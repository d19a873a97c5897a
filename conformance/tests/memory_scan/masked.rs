//! Secrets that are not in memory as they are.

use std::fmt::Write as _;
use zeroize::Zeroizing;

const MASK: u8 = 0xa5;

/// Bytes under a mask: holding them leaves no copy of what they stand for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Masked(Vec<u8>);

impl Masked {
    /// Masks a text while compiling, so that the program has it nowhere.
    pub const fn text<const N: usize>(text: [u8; N]) -> [u8; N] {
        let mut masked = text;
        let mut place = 0;
        while place < N {
            masked[place] ^= MASK;
            place += 1;
        }
        masked
    }

    /// What [`text`](Self::text) made.
    pub fn of(masked: &[u8]) -> Self {
        Self(masked.to_vec())
    }

    /// Masks `bytes`.
    pub fn from_plain(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| byte ^ MASK).collect())
    }

    /// The bytes themselves.
    pub fn plain(&self) -> Zeroizing<Vec<u8>> {
        let mut plain = Zeroizing::new(Vec::with_capacity(self.0.len()));
        plain.extend(self.0.iter().map(|byte| byte ^ MASK));
        plain
    }

    /// The bytes as a text.
    pub fn plain_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(self.0.len()));
        text.push_str(std::str::from_utf8(&self.plain()).unwrap());
        text
    }

    /// Whether `bytes` has what this stands for somewhere.
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        bytes
            .windows(self.0.len())
            .any(|window| window.iter().map(|byte| byte ^ MASK).eq(self.0.iter().copied()))
    }

    pub fn to_hex(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    }

    pub fn from_hex(text: &str) -> Self {
        let byte = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
        Self((0..text.len()).step_by(2).map(byte).collect())
    }
}
