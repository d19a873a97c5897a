//! What a key file holds, and the body it is written as.

use crate::crypto::card_chain::CardChain;
use crate::crypto::encoding::Reader;
use crate::crypto::key_ring::{KeyRing, Seeds};
use crate::crypto::secret::Secret;
use crate::error::{CryptoError, InputError};
use crate::limits;
use crate::model::{ApiKey, UserId};
use zeroize::Zeroizing;

/// Bytes of an origin.
const ORIGIN: usize = 512;

/// What a key file holds.
pub struct KeyFileContent {
    /// The private keys and one's own cards.
    pub ring: KeyRing,
    /// A copy of the public reminder, to notice a forged one.
    pub reminder: String,
    /// The origin of the server the user was made on.
    pub origin: String,
    /// The API key it was made with.
    pub api_key: ApiKey,
    /// The secret under which the user's local store is encrypted.
    pub store_secret: Secret<32>,
}

impl KeyFileContent {
    /// Another copy, with its own wiping.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            ring: self.ring.duplicate(),
            reminder: self.reminder.clone(),
            origin: self.origin.clone(),
            api_key: self.api_key,
            store_secret: self.store_secret.duplicate(),
        }
    }

    /// The body, before it is sealed.
    pub(super) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, InputError> {
        check_length("the reminder", self.reminder.len(), limits::REMINDER)?;
        check_length("the origin", self.origin.len(), ORIGIN)?;
        let (signing, derivation) = self.ring.seeds();
        let cards = self.ring.chain().cards();
        let length = [self.reminder.len(), self.origin.len(), 16 + 32, 4 * 5]
            .into_iter()
            .chain([signing.len() * 36, derivation.len() * 36])
            .chain(cards.iter().map(|card| 4 + card.len()))
            .sum();
        // The whole capacity at once: a vector that grows leaves copies of seeds behind.
        let mut body = Zeroizing::new(Vec::with_capacity(length));
        let mut put = |bytes: &[u8]| body.extend_from_slice(bytes);
        for text in [&self.reminder, &self.origin] {
            put(&count(text.len()));
            put(text.as_bytes());
        }
        put(self.api_key.as_bytes());
        put(self.store_secret.expose());
        for seeds in [signing, derivation] {
            put(&count(seeds.len()));
            for (index, seed) in seeds {
                put(&index.to_be_bytes());
                put(seed.expose());
            }
        }
        put(&count(cards.len()));
        for card in cards {
            put(&count(card.len()));
            put(card);
        }
        Ok(body)
    }

    /// Reads a body whose MAC held. Keys are recomputed from their seeds and compared with the cards.
    pub(super) fn decode(body: &[u8], user: UserId) -> Result<Self, CryptoError> {
        let mut reader = Reader::new("key file", body);
        let reminder = read_text(&mut reader, limits::REMINDER)?;
        let origin = read_text(&mut reader, ORIGIN)?;
        let api_key = ApiKey::from_bytes(reader.array()?);
        let store_secret = read_secret(&mut reader)?;
        let signing = read_seeds(&mut reader)?;
        let derivation = read_seeds(&mut reader)?;
        let cards = (0..read_count(&mut reader, limits::CARDS)?)
            .map(|_| reader.prefixed(limits::KEY_FILE).map(<[u8]>::to_vec))
            .collect::<Result<Vec<_>, _>>()?;
        reader.end()?;
        let ring = KeyRing::from_parts(CardChain::verify(user, &cards)?, signing, derivation)?;
        Ok(Self { ring, reminder, origin, api_key, store_secret })
    }
}

fn check_length(what: &'static str, length: usize, limit: usize) -> Result<(), InputError> {
    if length <= limit {
        return Ok(());
    }
    Err(InputError::TooLarge { what, actual: length as u64, limit: limit as u64 })
}

fn count(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a key file is at most 256 KiB").to_be_bytes()
}

fn read_text(reader: &mut Reader<'_>, limit: usize) -> Result<String, CryptoError> {
    let bytes = reader.prefixed(limit)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| reader.malformed("a text is not UTF-8"))
}

fn read_secret(reader: &mut Reader<'_>) -> Result<Secret<32>, CryptoError> {
    reader.chunk().map(Secret::copied)
}

fn read_count(reader: &mut Reader<'_>, limit: usize) -> Result<usize, CryptoError> {
    match usize::try_from(reader.u32()?) {
        Ok(count) if count <= limit => Ok(count),
        _ => Err(reader.malformed("a list is over its limit")),
    }
}

fn read_seeds(reader: &mut Reader<'_>) -> Result<Seeds, CryptoError> {
    let mut seeds = Seeds::new();
    for _ in 0..read_count(reader, limits::CARDS)? {
        let index = reader.u32()?;
        if seeds.last_key_value().is_some_and(|(last, _)| *last >= index) {
            return Err(reader.malformed("its seeds do not ascend"));
        }
        seeds.insert(index, read_secret(reader)?);
    }
    Ok(seeds)
}
