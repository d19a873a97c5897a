//! The state of a partition: how many records it holds and what they add up to.
//!
//! It is written twice: as a record with every commit, and as an anchor outside the index after it.

use crate::crypto::encoding::{Reader, Writer};
use crate::error::CryptoError;
use crate::model::Timestamp;

const VERSION: u8 = 1;

/// A sum modulo 2^256 of one keyed hash for each record: it changes with each record written or
/// removed, in any order, and says whether a set of records is the one that was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(pub [u8; 32]);

impl Sum {
    /// This and `other`.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let mut sum = [0; 32];
        let mut carry = 0u16;
        for (place, (a, b)) in sum.iter_mut().zip(self.0.iter().zip(other.0)).rev() {
            let digit = u16::from(*a) + u16::from(b) + carry;
            *place = digit as u8;
            carry = digit >> 8;
        }
        Self(sum)
    }

    /// This without `other`.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        let complement = Self(other.0.map(|byte| !byte));
        let mut one = [0; 32];
        one[31] = 1;
        self.plus(complement).plus(Self(one))
    }
}

/// The state of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// How many writes there were.
    pub sequence: u64,
    /// Records besides the state.
    pub count: u64,
    /// What they add up to.
    pub sum: Sum,
    /// Blobs that the records name.
    pub blobs: u64,
    /// The highest local time at which something was written (F11).
    pub time: Timestamp,
    /// Since when something that was kept here is known to be lost; none if nothing is.
    pub incomplete_since: Option<Timestamp>,
}

impl State {
    /// The bytes.
    pub fn encode(&self) -> Vec<u8> {
        Writer::new()
            .u8(VERSION)
            .u64(self.sequence)
            .u64(self.count)
            .bytes(&self.sum.0)
            .u64(self.blobs)
            .u64(self.time.as_millis())
            .u64(Timestamp::to_wire(self.incomplete_since))
            .finish()
    }

    /// Reads the bytes of a sealed record or anchor.
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("state of the local store", bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(CryptoError::Unknown { what: "version of the local store", value: version.into() });
        }
        let state = Self {
            sequence: reader.u64()?,
            count: reader.u64()?,
            sum: Sum(reader.array()?),
            blobs: reader.u64()?,
            time: Timestamp::from_millis(reader.u64()?),
            incomplete_since: Timestamp::from_wire(reader.u64()?),
        };
        reader.end()?;
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_taken_back_whatever_the_order() {
        let (a, b, c) = (Sum([0xff; 32]), Sum([0x80; 32]), Sum([1; 32]));
        let all = a.plus(b).plus(c);
        assert_eq!(all, c.plus(a).plus(b));
        assert_eq!(all.minus(b), a.plus(c));
        assert_eq!(all.minus(a).minus(c).minus(b), Sum::default());
        assert_ne!(all, a.plus(b));
    }

    #[test]
    fn a_state_is_read_back() {
        let state = State {
            sequence: 9,
            count: 3,
            sum: Sum([5; 32]),
            blobs: 1,
            time: Timestamp::from_millis(77),
            incomplete_since: Some(Timestamp::from_millis(5)),
        };
        assert_eq!(State::decode(&state.encode()), Ok(state));
        let mut newer = state.encode();
        newer[0] = 2;
        assert!(matches!(State::decode(&newer), Err(CryptoError::Unknown { value: 2, .. })));
        assert!(State::decode(&state.encode()[..20]).is_err());
    }
}
