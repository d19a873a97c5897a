//! Key rings: one's own cards with the private seeds behind them (S-152, S-153).
//!
//! Another user's ring is a [`CardChain`]: it has public keys only.

use crate::crypto::card::{CardKey, IdentityCard, KeyKind, KeyState};
use crate::crypto::card_chain::CardChain;
use crate::crypto::secret::Secret;
use crate::crypto::suite::{self, Digest48, SUITE_1, SignatureLabel};
use crate::error::{CryptoError, Error};
use crate::limits;
use crate::model::{Timestamp, UserId};
use crate::operation::Entropy;
use ed25519_dalek::SigningKey;
use std::collections::BTreeMap;
use x25519_dalek::{PublicKey, StaticSecret};

/// Private seeds of 32 bytes by key index.
pub(crate) type Seeds = BTreeMap<u32, Secret<32>>;

/// Private keys and the cards that name their public halves. Every key in use has its seed here,
/// and every seed re-derives the public key on the cards.
pub struct KeyRing {
    chain: CardChain,
    signing: Seeds,
    derivation: Seeds,
    active_signing: u32,
    /// Made of its seed once: that costs as much as a signature.
    active: SigningKey,
}

impl KeyRing {
    /// Makes a new identity: one key of each kind and the first card.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn generate(entropy: &mut dyn Entropy, now: Timestamp) -> Result<Self, Error> {
        let signing = draw_secret(entropy)?;
        let derivation = draw_secret(entropy)?;
        Self::from_seeds(signing, derivation, entropy, now)
    }

    /// Makes a new identity of a signing and a derivation key that exist already: their private seeds
    /// (S-205). Equal seeds give another user each time, by the card's salt.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn from_seeds(
        signing: Secret<32>,
        derivation: Secret<32>,
        entropy: &mut dyn Entropy,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut card = IdentityCard {
            user_id: UserId::from_bytes([0; 16]),
            sequence: 1,
            previous: [0; 48],
            created_at: now,
            salt: draw(entropy)?,
            suites: vec![SUITE_1],
            keys: new_keys(1, 1, &signing, &derivation, now),
            signatures: Vec::new(),
        };
        card.sign(&[(1, &signing_key(&signing))]);
        let chain = CardChain::first_contact(&[card.encode()])?;
        Ok(Self::from_parts(chain, [(1, signing)].into(), [(1, derivation)].into())?)
    }

    /// Puts a ring together. The cards must be those of the seeds: what a card says of a key is
    /// recomputed from its seed, never believed (security case 5).
    ///
    /// # Errors
    /// [`CryptoError::OwnIdentityMismatch`] if a seed is not of a key on the cards, or a key in use has
    /// no seed, or the signing key does not work.
    pub fn from_parts(chain: CardChain, signing: Seeds, derivation: Seeds) -> Result<Self, CryptoError> {
        let mismatch = CryptoError::OwnIdentityMismatch { user: chain.user_id() };
        let is_own = |key: Option<&CardKey>, public: [u8; 32]| key.is_some_and(|key| key.public == public);
        let signing_is_own = signing.iter().all(|(index, seed)| {
            is_own(chain.signing_key(*index), signing_key(seed).verifying_key().to_bytes())
        });
        let derivation_is_own = derivation
            .iter()
            .all(|(index, seed)| is_own(chain.derivation_key(*index), derivation_public(seed)));
        let (Some((active_signing, public)), Some((active_derivation, _))) =
            (chain.active_signing(), chain.active_derivation())
        else {
            return Err(mismatch);
        };
        let (Some(seed), true) = (signing.get(&active_signing), derivation.contains_key(&active_derivation))
        else {
            return Err(mismatch);
        };
        let active = signing_key(seed);
        let signature = suite::sign(&active, SignatureLabel::SelfTest, &chain.head());
        let works =
            suite::verify(&public, SignatureLabel::SelfTest, &chain.head(), &signature, "self-test").is_ok();
        if !(signing_is_own && derivation_is_own && works) {
            return Err(mismatch);
        }
        Ok(Self { chain, signing, derivation, active_signing, active })
    }

    /// Another copy, with its own wiping.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            signing: duplicate(&self.signing),
            derivation: duplicate(&self.derivation),
            active_signing: self.active_signing,
            active: self.active.clone(),
        }
    }

    /// Whose keys these are.
    #[must_use]
    pub const fn user_id(&self) -> UserId {
        self.chain.user_id()
    }

    /// The public half: one's own cards.
    #[must_use]
    pub const fn chain(&self) -> &CardChain {
        &self.chain
    }

    /// The index of the signing key in use.
    #[must_use]
    pub const fn signing_index(&self) -> u32 {
        self.active_signing
    }

    /// Signs with the key in use; gives its index and the signature.
    #[must_use]
    pub fn sign(&self, label: SignatureLabel, payload: &[u8]) -> (u32, [u8; 64]) {
        (self.active_signing, suite::sign(&self.active, label, payload))
    }

    /// The private derivation key `index`, also a retired one: old blobs still open.
    #[must_use]
    pub fn derivation_secret(&self, index: u32) -> Option<StaticSecret> {
        self.derivation.get(&index).map(|seed| StaticSecret::from(*seed.expose()))
    }

    /// Checks the cards a server shows for this user: they must go on from one's own.
    /// More cards than one's own are genuine (only this user can sign them) and mean that another
    /// device changed the keys. Gives whether there are more.
    ///
    /// # Errors
    /// [`CryptoError::OwnIdentityMismatch`] for anything else.
    pub fn check_served(&self, cards: &[Vec<u8>]) -> Result<bool, CryptoError> {
        CardChain::verify(self.user_id(), cards)
            .and_then(|served| served.extends(self.chain.sequence(), &self.chain.head()).map(|()| served))
            .map(|served| served.sequence() > self.chain.sequence())
            .map_err(|_| CryptoError::OwnIdentityMismatch { user: self.user_id() })
    }

    /// A ring with a fresh key of each kind; the keys in use become `retired`
    /// ([`KeyState::Retired`], or [`KeyState::Revoked`] after a theft). Old derivation keys stay, so
    /// that old blobs open; the old signing seed is dropped.
    ///
    /// # Errors
    /// [`Error::Entropy`]; [`CryptoError::CardChainInvalid`] if the chain is full.
    pub fn rotated(
        &self,
        retired: KeyState,
        entropy: &mut dyn Entropy,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let signing = draw_secret(entropy)?;
        let derivation = draw_secret(entropy)?;
        let mut card = self.next_card(now, draw(entropy)?);
        replace_active(&mut card, retired.max(KeyState::Retired));
        let next = |kind| {
            let known = card.keys.iter().filter(|key| key.kind == kind).map(|key| key.index).max();
            known.unwrap_or(0) + 1
        };
        let (sign_index, derive_index) = (next(KeyKind::Sign), next(KeyKind::Derive));
        card.keys.extend(new_keys(sign_index, derive_index, &signing, &derivation, card.created_at));
        card.keys.sort_by_key(|key| (key.kind, key.index));
        make_room(&mut card.keys);
        card.sign(&[(self.active_signing, &self.active), (sign_index, &signing_key(&signing))]);

        let mut chain = self.chain.clone();
        chain.append(&card.encode())?;
        let mut derivations = duplicate(&self.derivation);
        derivations.insert(derive_index, derivation);
        Ok(Self::from_parts(chain, [(sign_index, signing)].into(), derivations)?)
    }

    /// The card that closes the chain when the user is deleted: retires every key, revokes none (F22).
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn closing_card(&self, now: Timestamp, entropy: &mut dyn Entropy) -> Result<Vec<u8>, Error> {
        let mut card = self.next_card(now, draw(entropy)?);
        replace_active(&mut card, KeyState::Retired);
        card.sign(&[(self.active_signing, &self.active)]);
        Ok(card.encode())
    }

    /// Private seeds by index, for the key file.
    pub(crate) const fn seeds(&self) -> (&Seeds, &Seeds) {
        (&self.signing, &self.derivation)
    }

    fn next_card(&self, now: Timestamp, salt: [u8; 32]) -> IdentityCard {
        let latest = self.chain.latest();
        let previous: Digest48 = self.chain.head();
        IdentityCard {
            user_id: self.user_id(),
            sequence: latest.sequence + 1,
            previous,
            created_at: now.max(latest.created_at),
            salt,
            suites: latest.suites.clone(),
            keys: latest.keys.clone(),
            signatures: Vec::new(),
        }
    }
}

impl core::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "KeyRing({}, card {})", self.user_id(), self.chain.sequence())
    }
}

/// Only ever from a seed: a private key is never paired with a public key from elsewhere (security
/// case 10).
pub(crate) fn signing_key(seed: &Secret<32>) -> SigningKey {
    SigningKey::from_bytes(seed.expose())
}

fn derivation_public(seed: &Secret<32>) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*seed.expose())).to_bytes()
}

fn draw_secret(entropy: &mut dyn Entropy) -> Result<Secret<32>, Error> {
    Ok(Secret::filled(|bytes| entropy.fill(bytes))?)
}

fn draw(entropy: &mut dyn Entropy) -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

fn duplicate(seeds: &Seeds) -> Seeds {
    seeds.iter().map(|(index, seed)| (*index, seed.duplicate())).collect()
}

fn new_keys(
    sign_index: u32,
    derive_index: u32,
    signing: &Secret<32>,
    derivation: &Secret<32>,
    since: Timestamp,
) -> Vec<CardKey> {
    let state = KeyState::Active;
    let public = signing_key(signing).verifying_key().to_bytes();
    vec![
        CardKey { kind: KeyKind::Sign, state, index: sign_index, since, public },
        CardKey {
            kind: KeyKind::Derive,
            state,
            index: derive_index,
            since,
            public: derivation_public(derivation),
        },
    ]
}

fn replace_active(card: &mut IdentityCard, state: KeyState) {
    for key in card.keys.iter_mut().filter(|key| key.state == KeyState::Active) {
        key.state = state;
        key.since = card.created_at;
    }
}

/// Leaves out the oldest keys no longer in use until the card holds the rest; the chain remembers.
fn make_room(keys: &mut Vec<CardKey>) {
    while keys.len() > limits::CARD_KEYS {
        let oldest = keys.iter().enumerate().filter(|(_, key)| key.state != KeyState::Active);
        let Some((position, _)) = oldest.min_by_key(|(_, key)| (key.since, key.index)) else { return };
        keys.remove(position);
    }
}

#[cfg(test)]
mod tests;
