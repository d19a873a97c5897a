//! Card chains: who somebody is, proven from the id alone (`docs/protocol.md` §3).
//!
//! The user id is the hash of the first card, and each card is signed by the key before it. So a
//! server cannot show other keys for an id, add a key to it, or show two histories to one who pins.

use crate::crypto::card::{CardKey, IdentityCard, KeyKind, KeyState};
use crate::crypto::suite::Digest48;
use crate::error::CryptoError;
use crate::limits;
use crate::model::{Timestamp, UserId};
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeMap;

/// Characters of a fingerprint, without the separators: 130 bits (security case 12).
const FINGERPRINT: usize = 26;

/// A user's identity cards, all verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardChain {
    user: UserId,
    cards: Vec<Vec<u8>>,
    hashes: Vec<Digest48>,
    latest: IdentityCard,
    /// Every key there ever was, in its last known state, also those left out of later cards.
    keys: BTreeMap<(KeyKind, u32), CardKey>,
}

impl CardChain {
    /// Verifies that `cards` (from the first on, as sent) are those of `user`.
    ///
    /// # Errors
    /// [`CryptoError::IdentityMismatch`] if the first card is not what the id commits to;
    /// [`CryptoError::CardChainInvalid`] naming the broken rule; [`CryptoError::Malformed`] and
    /// [`CryptoError::WeakKey`] for a card that is wrong in itself.
    pub fn verify(user: UserId, cards: &[Vec<u8>]) -> Result<Self, CryptoError> {
        let (first, rest) =
            cards.split_first().ok_or(CryptoError::CardChainInvalid { user, reason: "there is no card" })?;
        let card = IdentityCard::decode(first)?;
        if card.sequence != 1 {
            return Err(CryptoError::CardChainInvalid {
                user,
                reason: "it does not begin at the first card",
            });
        }
        if card.implied_user_id() != user {
            return Err(CryptoError::IdentityMismatch { user });
        }
        if cards.len() > limits::CARDS {
            return Err(CryptoError::CardChainInvalid { user, reason: "there are too many cards" });
        }
        let mut chain = Self::begin(first, card)?;
        rest.iter().try_for_each(|card| chain.append(card))?;
        Ok(chain)
    }

    /// Verifies cards whose id is not known yet: it is the one they imply. For a broker, and for
    /// whoever is given a card by hand.
    ///
    /// # Errors
    /// As [`verify`](Self::verify), except that there is no id to mismatch.
    pub fn first_contact(cards: &[Vec<u8>]) -> Result<Self, CryptoError> {
        let first =
            cards.first().ok_or(CryptoError::Malformed { what: "card chain", reason: "there is no card" })?;
        Self::verify(IdentityCard::decode(first)?.implied_user_id(), cards)
    }

    fn begin(bytes: &[u8], card: IdentityCard) -> Result<Self, CryptoError> {
        let user = card.implied_user_id();
        let chain = Self {
            user,
            cards: vec![bytes.to_vec()],
            hashes: vec![card.hash()],
            keys: card.keys.iter().map(|key| ((key.kind, key.index), key.clone())).collect(),
            latest: card,
        };
        let card = &chain.latest;
        let fresh =
            |key: &CardKey| key.index == 1 && key.state == KeyState::Active && key.since == card.created_at;
        chain.require(card.keys.len() == 2, "the first card has not one key of each kind")?;
        chain.require(card.keys.iter().all(fresh), "a key of the first card is not new")?;
        chain.check_signatures(card, &[(1, &card.keys[0])])?;
        Ok(chain)
    }

    /// Verifies one more card and takes it; on an error nothing changes.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), CryptoError> {
        let card = IdentityCard::decode(bytes)?;
        self.require(self.cards.len() < limits::CARDS, "there are too many cards")?;
        let signer = self.latest.active(KeyKind::Sign);
        let signer = signer.ok_or_else(|| self.invalid("a card follows the closing card"))?;
        self.check_succession(&card)?;
        let brought = self.check_keys(&card)?;
        let signers = [Some(signer), brought].into_iter().flatten();
        let signers: Vec<(u32, &CardKey)> = signers.map(|key| (key.index, key)).collect();
        self.check_signatures(&card, &signers)?;

        for key in &card.keys {
            self.keys.insert((key.kind, key.index), key.clone());
        }
        self.cards.push(bytes.to_vec());
        self.hashes.push(card.hash());
        self.latest = card;
        Ok(())
    }

    fn check_succession(&self, card: &IdentityCard) -> Result<(), CryptoError> {
        let next = self.sequence().checked_add(1);
        self.require(Some(card.sequence) == next, "a sequence number is not one more than the last")?;
        self.require(card.user_id == self.user, "a card is another user's")?;
        self.require(card.previous == self.head(), "a card does not follow the one before it")?;
        self.require(card.created_at >= self.latest.created_at, "a card is older than the one before it")?;
        self.require(card.suites.last() >= self.latest.suites.last(), "a card lowers the newest suite")
    }

    /// The rules for keys; gives the new signing key, if the card brings one.
    fn check_keys<'a>(&self, card: &'a IdentityCard) -> Result<Option<&'a CardKey>, CryptoError> {
        let mut brought = None;
        for key in &card.keys {
            match self.keys.get(&(key.kind, key.index)) {
                Some(known) => self.check_kept(card, known, key)?,
                None => {
                    self.check_new(card, key)?;
                    if key.kind == KeyKind::Sign {
                        brought = Some(key);
                    }
                }
            }
        }
        for old in &self.latest.keys {
            let kept = card.keys.iter().any(|key| (key.kind, key.index) == (old.kind, old.index));
            self.require(kept || old.state != KeyState::Active, "a card leaves out a key in use")?;
        }
        let active =
            |kind| card.keys.iter().filter(|key| key.kind == kind && key.state == KeyState::Active).count();
        match (active(KeyKind::Sign), active(KeyKind::Derive)) {
            (1, 1) => Ok(brought),
            (0, 0) => {
                let revokes = |key: &CardKey| {
                    key.state == KeyState::Revoked && self.keys.get(&(key.kind, key.index)) != Some(key)
                };
                self.require(!card.keys.iter().any(revokes), "a closing card revokes a key")?;
                Ok(brought)
            }
            _ => Err(self.invalid("a card has not one key in use of each kind")),
        }
    }

    fn check_kept(&self, card: &IdentityCard, known: &CardKey, key: &CardKey) -> Result<(), CryptoError> {
        let listed = self.latest.keys.contains(known);
        self.require(listed, "a key that was left out comes back")?;
        self.require(key.public == known.public, "a key changes under its index")?;
        self.require(key.state >= known.state, "a key comes back into use")?;
        let since = if key.state == known.state { known.since } else { card.created_at };
        self.require(key.since == since, "a key's state is not dated when it changed")
    }

    fn check_new(&self, card: &IdentityCard, key: &CardKey) -> Result<(), CryptoError> {
        let mut of_kind = self.keys.values().filter(|known| known.kind == key.kind);
        let highest = of_kind.clone().map(|known| known.index).max().unwrap_or(0);
        self.require(Some(key.index) == highest.checked_add(1), "a new key has not the next index")?;
        self.require(key.state == KeyState::Active, "a new key is not in use")?;
        self.require(key.since == card.created_at, "a new key is not dated as its card")?;
        self.require(!of_kind.any(|known| known.public == key.public), "a new key was used before")
    }

    fn check_signatures(&self, card: &IdentityCard, signers: &[(u32, &CardKey)]) -> Result<(), CryptoError> {
        let wanted = signers.iter().map(|(index, _)| *index);
        let given = card.signatures.iter().map(|signature| signature.index);
        self.require(wanted.eq(given), "a card is not signed by exactly the keys that must")?;
        for (signature, (_, key)) in card.signatures.iter().zip(signers) {
            card.verify_signature(signature, key)
                .map_err(|_| self.invalid("a signature on a card is not valid"))?;
        }
        Ok(())
    }

    fn invalid(&self, reason: &'static str) -> CryptoError {
        CryptoError::CardChainInvalid { user: self.user, reason }
    }

    fn require(&self, holds: bool, reason: &'static str) -> Result<(), CryptoError> {
        if holds { Ok(()) } else { Err(self.invalid(reason)) }
    }

    /// Whose cards these are.
    #[must_use]
    pub const fn user_id(&self) -> UserId {
        self.user
    }

    /// The number of the latest card.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.latest.sequence
    }

    /// The hash of the latest card.
    #[must_use]
    pub fn head(&self) -> Digest48 {
        *self.hashes.last().expect("a chain has a first card")
    }

    /// The hash of the card numbered `sequence` (F10).
    #[must_use]
    pub fn card_hash(&self, sequence: u64) -> Option<Digest48> {
        let position = usize::try_from(sequence.checked_sub(1)?).ok()?;
        self.hashes.get(position).copied()
    }

    /// The latest card.
    #[must_use]
    pub const fn latest(&self) -> &IdentityCard {
        &self.latest
    }

    /// The cards as bytes, from the first on.
    #[must_use]
    pub fn cards(&self) -> &[Vec<u8>] {
        &self.cards
    }

    /// Whether the last card closed the chain: the user was deleted (F22).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.latest.active(KeyKind::Sign).is_none()
    }

    /// The signing key in use, with its index; none once the chain is closed.
    #[must_use]
    pub fn active_signing(&self) -> Option<(u32, VerifyingKey)> {
        let key = self.latest.active(KeyKind::Sign)?;
        Some((key.index, key.verifying_key().ok()?))
    }

    /// The derivation key to seal for, with its index; none once the chain is closed.
    #[must_use]
    pub fn active_derivation(&self) -> Option<(u32, [u8; 32])> {
        self.latest.active(KeyKind::Derive).map(|key| (key.index, key.public))
    }

    /// A signing key by its index, whatever its state.
    #[must_use]
    pub fn signing_key(&self, index: u32) -> Option<&CardKey> {
        self.keys.get(&(KeyKind::Sign, index))
    }

    /// A derivation key by its index, whatever its state.
    #[must_use]
    pub fn derivation_key(&self, index: u32) -> Option<&CardKey> {
        self.keys.get(&(KeyKind::Derive, index))
    }

    /// The signing key `index` for verifying what is dated `at`: a retired key counts only for what
    /// is dated before it was retired, a revoked one for nothing.
    ///
    /// # Errors
    /// [`CryptoError::KeyNotValid`].
    pub fn signing_key_valid_at(&self, index: u32, at: Timestamp) -> Result<VerifyingKey, CryptoError> {
        let refuse = |reason| CryptoError::KeyNotValid { user: self.user, index, reason };
        let key = self.signing_key(index).ok_or_else(|| refuse("there is no such key"))?;
        match key.state {
            KeyState::Active => key.verifying_key(),
            KeyState::Retired if at < key.since => key.verifying_key(),
            KeyState::Retired => Err(refuse("it was retired before")),
            KeyState::Revoked => Err(refuse("it was revoked")),
        }
    }

    /// Whether a key is revoked here that was not in `earlier`, a part of this chain: after a theft, not
    /// in the course of things.
    #[must_use]
    pub fn has_revoked_since(&self, earlier: &Self) -> bool {
        let was = |at| earlier.keys.get(at).map(|key: &CardKey| key.state);
        self.keys.iter().any(|(at, key)| key.state == KeyState::Revoked && was(at) != Some(KeyState::Revoked))
    }

    /// What people compare by hand: the first 130 bits of the first card's hash, as 26 Crockford
    /// base-32 characters in groups (`XXXXX-XXXXX-XXXXX-XXXXX-XXXXXX`).
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let text = crate::crypto::encoding::crockford(&self.hashes[0], FINGERPRINT);
        let groups = [&text[..5], &text[5..10], &text[10..15], &text[15..20], &text[20..]];
        groups.join("-")
    }

    /// Whether the user's programs read `suite` (F24).
    #[must_use]
    pub fn supports(&self, suite: u16) -> bool {
        self.latest.suites.contains(&suite)
    }

    /// Whether this chain goes on from a pinned (sequence, head), or is it.
    ///
    /// # Errors
    /// [`CryptoError::PeerIdentityChanged`] if it is shorter (rollback) or another one (fork).
    pub fn extends(&self, sequence: u64, head: &Digest48) -> Result<(), CryptoError> {
        if self.card_hash(sequence).as_ref() == Some(head) {
            return Ok(());
        }
        Err(CryptoError::PeerIdentityChanged { user: self.user })
    }
}

#[cfg(test)]
mod tests;
