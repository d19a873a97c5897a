//! What is kept of another user: the verified cards, and whether somebody compared the fingerprint.

use crate::crypto::CardChain;
use crate::crypto::encoding::{Reader, Writer};
use crate::error::CryptoError;
use crate::limits;
use crate::model::UserId;

const VERSION: u8 = 1;

/// The record of a user's public keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerRecord {
    pub(crate) chain: CardChain,
    /// The fingerprint was compared by hand.
    pub(crate) is_verified: bool,
}

impl PeerRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let cards = self.chain.cards();
        let count = u32::try_from(cards.len()).unwrap_or(u32::MAX);
        let writer = Writer::new()
            .u8(VERSION)
            .u8(self.is_verified.into())
            .bytes(self.chain.user_id().as_bytes())
            .u32(count);
        cards.iter().fold(writer, |writer, card| writer.prefixed(card)).finish()
    }

    /// Reads a record; the cards are verified again, so that nothing rests on the store alone.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("stored user", bytes);
        let version = reader.u8()?;
        if version != VERSION {
            return Err(CryptoError::Unknown { what: "version of a stored user", value: version.into() });
        }
        let is_verified = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(reader.malformed("a flag is neither 0 nor 1")),
        };
        let user = UserId::from_bytes(reader.array()?);
        let count = reader.u32()? as usize;
        if count > limits::CARDS {
            return Err(reader.malformed("it has too many cards"));
        }
        let cards = (0..count)
            .map(|_| reader.prefixed(limits::KEY_FILE).map(<[u8]>::to_vec))
            .collect::<Result<Vec<_>, _>>()?;
        reader.end()?;
        Ok(Self { chain: CardChain::verify(user, &cards)?, is_verified })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::KeyRing;
    use crate::crypto::test_entropy::TestEntropy;
    use crate::model::Timestamp;

    #[test]
    fn s223_only_public_portions_are_kept() {
        let ring = KeyRing::generate(&mut TestEntropy::new(1), Timestamp::from_millis(5)).unwrap();
        let peer = PeerRecord { chain: ring.chain().clone(), is_verified: true };
        let bytes = peer.encode();
        assert_eq!(PeerRecord::decode(&bytes), Ok(peer));
        let (signing, derivation) = ring.seeds();
        for seed in signing.values().chain(derivation.values()) {
            assert!(!bytes.windows(32).any(|window| window == seed.expose()));
        }
        assert!(PeerRecord::decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
