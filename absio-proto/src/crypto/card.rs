//! Identity cards `IDC1`: a user's public keys at one moment, signed (`docs/protocol.md` §3).
//!
//! A card by itself is only well formed; whether it is anybody's is for
//! [`CardChain`](crate::crypto::CardChain) to say.

use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::public_key;
use crate::crypto::suite::{self, Digest48, HashLabel, SignatureLabel};
use crate::error::CryptoError;
use crate::limits;
use crate::model::{Timestamp, UserId};
use ed25519_dalek::{SigningKey, VerifyingKey};

const MAGIC: &[u8; 4] = b"IDC1";
const NAME: &str = "identity card";
/// Suites a card lists at most.
const SUITES: usize = 16;
/// A card is signed by the key it succeeds and by the key it brings.
const SIGNATURES: usize = 2;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Ed25519: signs cards, manifests, requests.
    Sign = 1,
    /// X25519: others seal key blobs for it.
    Derive = 2,
}

/// Whether a key is still used. It only ever moves down this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    /// In use; one of each kind.
    Active = 1,
    /// Replaced: opens old blobs, verifies what is dated before.
    Retired = 2,
    /// Compromised: verifies nothing new.
    Revoked = 3,
}

/// One public key on a card, 46 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardKey {
    /// What it is for.
    pub kind: KeyKind,
    /// Whether it is in use.
    pub state: KeyState,
    /// Its number among the user's keys of this kind, from 1, never reused.
    pub index: u32,
    /// When it came into this state.
    pub since: Timestamp,
    /// The key.
    pub public: [u8; 32],
}

impl CardKey {
    /// The key for verifying signatures, whatever its state.
    ///
    /// # Errors
    /// [`CryptoError::WeakKey`]; never for a key out of a decoded card of kind [`KeyKind::Sign`].
    pub fn verifying_key(&self) -> Result<VerifyingKey, CryptoError> {
        public_key::import_signing(&self.public)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CryptoError> {
        let kind = match reader.u8()? {
            1 => KeyKind::Sign,
            2 => KeyKind::Derive,
            _ => return Err(reader.malformed("a key is of an unknown kind")),
        };
        let state = match reader.u8()? {
            1 => KeyState::Active,
            2 => KeyState::Retired,
            3 => KeyState::Revoked,
            _ => return Err(reader.malformed("a key is in an unknown state")),
        };
        let index = reader.u32()?;
        let since = Timestamp::from_millis(reader.u64()?);
        let public = reader.array()?;
        match kind {
            KeyKind::Sign => public_key::import_signing(&public).map(drop)?,
            KeyKind::Derive => public_key::import_derivation(&public).map(drop)?,
        }
        Ok(Self { kind, state, index, since, public })
    }

    fn write(&self, writer: Writer) -> Writer {
        writer
            .u8(self.kind as u8)
            .u8(self.state as u8)
            .u32(self.index)
            .u64(self.since.as_millis())
            .bytes(&self.public)
    }
}

/// A signature on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardSignature {
    /// Which of the user's signing keys made it.
    pub index: u32,
    /// Ed25519 over the card's body.
    pub signature: [u8; 64],
}

/// An identity card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityCard {
    /// Whose; zero on the first card, whose hash makes the id (F9).
    pub user_id: UserId,
    /// 1 for the first card, then one more each.
    pub sequence: u64,
    /// Hash of the card before; zero on the first.
    pub previous: Digest48,
    /// When it was made.
    pub created_at: Timestamp,
    /// 32 random bytes.
    pub salt: [u8; 32],
    /// Suites the user's programs can read, ascending (F24).
    pub suites: Vec<u16>,
    /// Keys, ascending by kind and index.
    pub keys: Vec<CardKey>,
    /// Signatures over all of the above, ascending by index.
    pub signatures: Vec<CardSignature>,
}

impl IdentityCard {
    /// The body: everything but the signatures.
    fn body(&self) -> Writer {
        let head = Writer::new()
            .bytes(MAGIC)
            .bytes(self.user_id.as_bytes())
            .u64(self.sequence)
            .bytes(&self.previous)
            .u64(self.created_at.as_millis())
            .bytes(&self.salt);
        let suites = self.suites.iter().fold(head.u8(count(self.suites.len())), |w, suite| w.u16(*suite));
        self.keys.iter().fold(suites.u8(count(self.keys.len())), |w, key| key.write(w))
    }

    /// The bytes, as they are hashed, stored and sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let signatures = self.body().u8(count(self.signatures.len()));
        self.signatures.iter().fold(signatures, |w, s| w.u32(s.index).bytes(&s.signature)).finish()
    }

    /// Reads a card. Well formed does not mean genuine: see
    /// [`CardChain::verify`](crate::crypto::CardChain::verify).
    ///
    /// # Errors
    /// [`CryptoError::Malformed`]; [`CryptoError::WeakKey`] if it carries a key that must not be used.
    pub fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let mut reader = Reader::new(NAME, bytes);
        reader.constant(MAGIC, "it does not begin with IDC1")?;
        let user_id = UserId::from_bytes(reader.array()?);
        let sequence = reader.u64()?;
        let previous = reader.array()?;
        let created_at = Timestamp::from_millis(reader.u64()?);
        let salt = reader.array()?;
        let suites = read_list(&mut reader, SUITES, Reader::u16)?;
        let keys = read_list(&mut reader, limits::CARD_KEYS, CardKey::read)?;
        let signatures = read_list(&mut reader, SIGNATURES, |reader| {
            Ok(CardSignature { index: reader.u32()?, signature: reader.array()? })
        })?;
        let card = Self { user_id, sequence, previous, created_at, salt, suites, keys, signatures };
        card.check_form(&reader)?;
        reader.end()?;
        Ok(card)
    }

    fn check_form(&self, reader: &Reader<'_>) -> Result<(), CryptoError> {
        let is_first = self.sequence == 1;
        let rules = [
            (self.sequence != 0, "its sequence number is zero"),
            ((self.user_id.as_bytes() == &[0; 16]) == is_first, "only the first card has a zero user id"),
            ((self.previous == [0; 48]) == is_first, "only the first card has no card before it"),
            (self.suites.is_sorted_by(|a, b| a < b), "its suites do not ascend"),
            (self.keys.iter().all(|key| key.index != 0), "a key has index zero"),
            (self.keys.iter().all(|key| key.since <= self.created_at), "a key is younger than the card"),
            (
                self.keys.is_sorted_by(|a, b| (a.kind, a.index) < (b.kind, b.index)),
                "its keys do not ascend by kind and index",
            ),
            (self.signatures.is_sorted_by(|a, b| a.index < b.index), "its signatures do not ascend"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(reader.malformed(rule)))
    }

    /// The hash of the unsigned body: makes the user id and the fingerprint of the first card, and
    /// is what the next card calls the previous one (F9).
    #[must_use]
    pub fn hash(&self) -> Digest48 {
        suite::hash(HashLabel::Card, &[&self.body().finish()])
    }

    /// The user whose card this says it is: for a first card, the id its hash implies.
    #[must_use]
    pub fn implied_user_id(&self) -> UserId {
        if self.sequence == 1 { UserId::from_digest(&self.hash()) } else { self.user_id }
    }

    /// The key in use of a kind; none on a closing card (F22).
    #[must_use]
    pub fn active(&self, kind: KeyKind) -> Option<&CardKey> {
        self.keys.iter().find(|key| key.kind == kind && key.state == KeyState::Active)
    }

    /// Signs the body with each of `signers`, given by ascending index.
    pub(crate) fn sign(&mut self, signers: &[(u32, &SigningKey)]) {
        let body = self.body().finish();
        self.signatures = signers
            .iter()
            .map(|&(index, key)| CardSignature {
                index,
                signature: suite::sign(key, SignatureLabel::Card, &body),
            })
            .collect();
    }

    /// Verifies one signature over the body.
    pub(crate) fn verify_signature(
        &self,
        signature: &CardSignature,
        key: &CardKey,
    ) -> Result<(), CryptoError> {
        let body = self.body().finish();
        suite::verify(&key.verifying_key()?, SignatureLabel::Card, &body, &signature.signature, NAME)
    }
}

fn count(length: usize) -> u8 {
    u8::try_from(length).expect("lists on a card are shorter than 65")
}

/// A list of 1 to `limit` members with its count before it.
fn read_list<'a, T>(
    reader: &mut Reader<'a>,
    limit: usize,
    mut member: impl FnMut(&mut Reader<'a>) -> Result<T, CryptoError>,
) -> Result<Vec<T>, CryptoError> {
    let length = usize::from(reader.u8()?);
    if length == 0 || length > limit {
        return Err(reader.malformed("a list is empty or over its limit"));
    }
    (0..length).map(|_| member(reader)).collect()
}
