//! Verifies the revisions of a container that a server shows, and remembers the last
//! (`docs/protocol.md`, section 13).
//!
//! ```text
//!             pinned: the revision last seen                 ┐
//!   first  ── no pin: revision 1, by the creator             ├─▶ push each next revision ─▶ finish
//!             no pin: any revision that the creator followed ┘   (signature, rights, link)
//! ```

use crate::crypto::card::KeyState;
use crate::crypto::card_chain::CardChain;
use crate::crypto::container_id::check_container_id;
use crate::crypto::encoding::crockford;
use crate::crypto::manifest::{Author, ManifestView};
use crate::crypto::rules::{RuleViolation, Transition, check_creation, check_transition};
use crate::crypto::suite::{Digest48, HashLabel, hash};
use crate::crypto::tombstone::Tombstone;
use crate::error::CryptoError;
use crate::limits;
use crate::model::{ContainerId, Timestamp, UserId};
use ed25519_dalek::VerifyingKey;
use std::collections::BTreeMap;

/// What a reader remembers of a container: it never accepts less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The highest revision seen.
    pub revision: u64,
    /// The hash of its body, or of the manifest before a tombstone.
    pub hash: Digest48,
    /// Whether a verified tombstone was seen: nothing follows.
    pub tombstone: bool,
}

/// A short string over `pins` for people to compare: equal exactly if both saw the same revisions of
/// the same containers (F45). 130 bits as 26 Crockford characters.
#[must_use]
pub fn checkpoint(pins: &BTreeMap<ContainerId, Pin>) -> String {
    let write = |(container, pin): (&ContainerId, &Pin)| {
        [&container.as_bytes()[..], &pin.revision.to_be_bytes(), &pin.hash, &[pin.tombstone.into()]].concat()
    };
    let bytes: Vec<u8> = pins.iter().flat_map(write).collect();
    crockford(&hash(HashLabel::Checkpoint, &[&bytes]), 26)
}

/// Where the verified cards of signers are found.
pub trait Signers {
    /// The verified card chain of `user`.
    fn chain(&self, user: UserId) -> Option<&CardChain>;
}

impl Signers for BTreeMap<UserId, CardChain> {
    fn chain(&self, user: UserId) -> Option<&CardChain> {
        self.get(&user)
    }
}

impl<T: Signers + ?Sized> Signers for &T {
    fn chain(&self, user: UserId) -> Option<&CardChain> {
        (**self).chain(user)
    }
}

/// A signer's key and whether it still stands.
struct SignerKey {
    key: VerifyingKey,
    revoked: bool,
}

/// The key that `author` signed with at `at`: the served chain must reach the card that the author
/// names (F10), and a retired key counts only for what is dated before.
fn signer_key(author: &Author, at: Timestamp, signers: &impl Signers) -> Result<SignerKey, CryptoError> {
    let user = author.user;
    let invalid = |reason| CryptoError::CardChainInvalid { user, reason };
    let chain = signers.chain(user).ok_or(invalid("the cards of a signer are missing"))?;
    if chain.user_id() != user {
        return Err(CryptoError::IdentityMismatch { user });
    }
    match chain.card_hash(author.card_sequence) {
        Some(hash) if hash == author.card_hash => {}
        Some(_) => return Err(invalid("a manifest names another card")),
        None => return Err(invalid("it is shorter than the signer of a manifest knew it")),
    }
    let card_key = chain.signing_key(author.index);
    if let Some(revoked) = card_key.filter(|key| key.state == KeyState::Revoked) {
        return Ok(SignerKey { key: revoked.verifying_key()?, revoked: true });
    }
    Ok(SignerKey { key: chain.signing_key_valid_at(author.index, at)?, revoked: false })
}

/// Verifies who signed one revision, by itself: what a broker does before [`check_transition`], and
/// where a key that was revoked is refused outright.
///
/// # Errors
/// [`CryptoError::BadSignature`], [`CryptoError::CardChainInvalid`] or
/// [`CryptoError::KeyNotValid`].
pub fn verify_author(view: &ManifestView, signers: &impl Signers) -> Result<(), CryptoError> {
    check_signature(view, signers)?.map_or(Ok(()), |author| Err(revoked(&author)))
}

const fn revoked(author: &Author) -> CryptoError {
    CryptoError::KeyNotValid { user: author.user, index: author.index, reason: "it was revoked" }
}

/// The newest revision of a container, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedHead {
    view: ManifestView,
    verified_from: u64,
}

impl VerifiedHead {
    /// The newest revision.
    #[must_use]
    pub const fn view(&self) -> &ManifestView {
        &self.view
    }

    /// Takes the newest revision out.
    #[must_use]
    pub fn into_view(self) -> ManifestView {
        self.view
    }

    /// Whether `revision` was verified, now or when it was pinned. What the head says of an earlier
    /// one (who changed the content, when) is its signer's claim (F14).
    #[must_use]
    pub const fn has_verified(&self, revision: u64) -> bool {
        self.verified_from <= revision && revision <= self.view.body().revision
    }

    /// What to remember.
    #[must_use]
    pub fn pin(&self) -> Pin {
        Pin { revision: self.view.body().revision, hash: self.view.body().hash(), tombstone: false }
    }

    /// Verifies a tombstone as what follows this revision; gives the dead pin to remember.
    ///
    /// # Errors
    /// As [`Tombstone::check_follows`]; [`CryptoError::BadSignature`];
    /// [`CryptoError::FromTheFuture`]; and as for a revision's signer.
    pub fn check_tombstone(
        &self,
        tombstone: &Tombstone,
        signers: &impl Signers,
        now: Timestamp,
    ) -> Result<Pin, CryptoError> {
        tombstone.check_follows(&self.view)?;
        check_time(tombstone.container, tombstone.revision, tombstone.deleted_at, now)?;
        let signer = signer_key(&tombstone.author, tombstone.deleted_at, signers)?;
        if signer.revoked {
            return Err(revoked(&tombstone.author));
        }
        tombstone.verify_signature(&signer.key)?;
        Ok(Pin { revision: tombstone.revision, hash: tombstone.previous, tombstone: true })
    }
}

fn check_time(
    container: ContainerId,
    revision: u64,
    at: Timestamp,
    now: Timestamp,
) -> Result<(), CryptoError> {
    if at > now.plus_millis(limits::CLOCK_SKEW_MS) {
        return Err(CryptoError::FromTheFuture { container, revision });
    }
    Ok(())
}

/// A walk along the revisions of one container, from what is known to the newest. Pages are pushed
/// as they arrive; no more than the last revision is kept.
pub struct ChainWalk {
    container: ContainerId,
    pin: Option<Pin>,
    now: Timestamp,
    last: Option<ManifestView>,
    /// The first revision known to be genuine; none while only a base for the creator's shortcut is.
    verified_from: Option<u64>,
    /// The latest revision signed by a key that was revoked since, until a valid key signs above it.
    unproven: Option<Author>,
    offered: u64,
    walked: u64,
}

impl ChainWalk {
    /// A walk for somebody who has seen `pin` of `container`, or nothing.
    #[must_use]
    pub const fn new(container: ContainerId, pin: Option<Pin>, now: Timestamp) -> Self {
        Self { container, pin, now, last: None, verified_from: None, unproven: None, offered: 0, walked: 0 }
    }

    /// The revision that the next pushed view must have, once the walk began.
    #[must_use]
    pub fn next_revision(&self) -> Option<u64> {
        self.last.as_ref().map(|view| view.body().revision.saturating_add(1))
    }

    /// Takes the next revision. Gives what it changed, if that could be told.
    ///
    /// # Errors
    /// The named error of `docs/protocol.md`, section 13; the walk is not to go on then.
    pub fn push(
        &mut self,
        view: ManifestView,
        signers: &impl Signers,
    ) -> Result<Option<Transition>, CryptoError> {
        let body = view.body();
        let (container, revision) = (self.container, body.revision);
        if body.container != container {
            return Err(CryptoError::ManifestMismatch { container, what: "container id" });
        }
        check_container_id(container, body.created_by, &body.id_salt)?;
        check_time(container, revision, body.modified_at, self.now)?;
        self.offered = self.offered.max(revision);
        let mut change = None;
        let signed = match (&self.last, &self.pin) {
            (Some(last), _) => {
                let (transition, revoked_author) = self.follow(last, &view, signers)?;
                change = Some(transition);
                Some(revoked_author)
            }
            (None, Some(pin)) if pin.tombstone => return Err(self.rolled_back()),
            // Below what was seen: of no use, and at the end an error if nothing follows.
            (None, Some(pin)) if revision < pin.revision => return Ok(None),
            (None, Some(pin)) => {
                check_pinned(pin, &view)?;
                self.verified_from = Some(revision);
                None
            }
            (None, None) if revision == 1 => {
                let revoked_author = check_signature(&view, signers)?;
                check_creation(&view).map_err(|rule| rule.into_error(body))?;
                Some(revoked_author)
            }
            (None, None) => None,
        };
        if let Some(revoked_author) = signed {
            self.unproven = revoked_author;
            self.verified_from.get_or_insert(revision);
        }
        self.walked += 1;
        if self.pin.is_none() && self.walked > limits::REVISIONS_WALKED {
            return Err(CryptoError::HistoryTooLong { container });
        }
        self.last = Some(view);
        Ok(change)
    }

    /// The rules for a revision that is not the first of the walk.
    fn follow(
        &self,
        last: &ManifestView,
        view: &ManifestView,
        signers: &impl Signers,
    ) -> Result<(Transition, Option<Author>), CryptoError> {
        let (old, new) = (last.body(), view.body());
        if new.revision == old.revision.saturating_add(1) && new.previous != old.hash() {
            return Err(CryptoError::ForkDetected { container: self.container, revision: old.revision });
        }
        // F7: without a pin, what lies below is taken on the word of the creator alone.
        if self.verified_from.is_none() && new.author.user != new.created_by {
            let rule = RuleViolation::Broken("the history shown does not begin at its creator");
            return Err(rule.into_error(new));
        }
        // The signature first: rights are checked on what its author really said.
        let revoked_author = check_signature(view, signers)?;
        let transition = check_transition(last, view).map_err(|rule| rule.into_error(new))?;
        Ok((transition, revoked_author))
    }

    fn rolled_back(&self) -> CryptoError {
        let seen = self.pin.map_or(0, |pin| pin.revision);
        CryptoError::RollbackDetected { container: self.container, seen, offered: self.offered }
    }

    /// The newest revision, verified.
    ///
    /// # Errors
    /// [`CryptoError::RollbackDetected`] if the pinned revision was not reached;
    /// [`CryptoError::RevisionInvalid`] if the walk proves nothing;
    /// [`CryptoError::KeyNotValid`] if the newest was signed by a key that was revoked.
    pub fn finish(self) -> Result<VerifiedHead, CryptoError> {
        self.finish_trusting(None)
    }

    /// As [`finish`](Self::finish), but a newest revision signed by a revoked key of `user` is taken as
    /// it is: for that user alone, who must be able to sign anew what was theirs. Whoever stole the key
    /// may have made it, together with the server.
    ///
    /// # Errors
    /// As there.
    pub fn finish_on_word_of(self, user: UserId) -> Result<VerifiedHead, CryptoError> {
        self.finish_trusting(Some(user))
    }

    fn finish_trusting(self, user: Option<UserId>) -> Result<VerifiedHead, CryptoError> {
        if self.pin.is_some() && self.last.is_none() {
            return Err(self.rolled_back());
        }
        let (container, revision) = (self.container, self.offered);
        let reason = "the history shown does not reach back to what can be verified";
        let unproven = self.unproven.filter(|author| Some(author.user) != user);
        match (self.last, self.verified_from, unproven) {
            (Some(_), _, Some(author)) => Err(revoked(&author)),
            (Some(view), Some(verified_from), None) => Ok(VerifiedHead { view, verified_from }),
            _ => Err(CryptoError::RevisionInvalid { container, revision, reason }),
        }
    }
}

/// The first revision shown to somebody with a pin is exactly the one they saw last.
fn check_pinned(pin: &Pin, view: &ManifestView) -> Result<(), CryptoError> {
    let body = view.body();
    if body.revision > pin.revision {
        let rule = RuleViolation::Broken("the history shown does not begin at the revision last seen");
        return Err(rule.into_error(body));
    }
    if body.hash() == pin.hash {
        Ok(())
    } else {
        Err(CryptoError::ForkDetected { container: body.container, revision: body.revision })
    }
}

/// Verifies the signature; gives the author if their key was revoked since.
fn check_signature(view: &ManifestView, signers: &impl Signers) -> Result<Option<Author>, CryptoError> {
    let body = view.body();
    let signer = signer_key(&body.author, body.modified_at, signers)?;
    view.manifest().verify_signature(&signer.key)?;
    Ok(signer.revoked.then_some(body.author))
}

/// Verifies one served run of revisions, in ascending order: [`ChainWalk`] in one call.
///
/// # Errors
/// As [`ChainWalk::push`] and [`ChainWalk::finish`].
pub fn verify_run(
    container: ContainerId,
    pin: Option<Pin>,
    views: impl IntoIterator<Item = ManifestView>,
    signers: &impl Signers,
    now: Timestamp,
) -> Result<VerifiedHead, CryptoError> {
    let mut walk = ChainWalk::new(container, pin, now);
    for view in views {
        walk.push(view, signers)?;
    }
    walk.finish()
}
