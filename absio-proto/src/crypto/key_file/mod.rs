//! Key files `KEYF`: everything private of a user, sealed (`docs/protocol.md` §4).
//!
//! A random file key FK is wrapped twice, under the password and under the passphrase, so either
//! opens the file and neither is stored. The body is sealed under keys derived from FK and a salt
//! that is fresh for each write, and one MAC covers the whole file.
//!
//! ```text
//!   resume: WrapSecrets::draw ── Job: wrap (2 × PBKDF2) ── resume: seal_new / change_credentials
//!   bytes ── Job: open_with_password / open_with_passphrase (1 × PBKDF2) ── OpenKeyFile ── reseal
//! ```
//!
//! Writes give a new [`OpenKeyFile`] and its bytes: whoever holds the old one replaces it once the
//! bytes are safely stored, and keeps it if they are not.

mod content;
mod prefix;
#[cfg(test)]
mod tests;
mod wraps;

pub use content::KeyFileContent;
pub use wraps::{WrapSecrets, Wraps};

use crate::crypto::encoding::Writer;
use crate::crypto::secret::Secret;
use crate::crypto::stretch::{KdfPolicy, Stretcher, stretch};
use crate::crypto::suite::{self, HashLabel, KeyLabel, SUITE_1};
use crate::crypto::wrap::{TAG, WrapKeys};
use crate::error::{CryptoError, Error, InputError};
use crate::limits;
use crate::model::{ApiKey, UserId};
use crate::operation::Entropy;
use prefix::Prefix;
use sha2::{Digest, Sha256};
use wraps::Door;

/// A key file that is open: its content, and what it takes to write it again.
pub struct OpenKeyFile {
    content: KeyFileContent,
    wraps: Wraps,
    generation: u64,
}

impl OpenKeyFile {
    /// Seals `content` for the first time, as generation 1.
    ///
    /// # Errors
    /// [`Error::Entropy`]; [`InputError::TooLarge`]; [`CryptoError::KeyFileInvalid`] if `wraps` were
    /// made for another user.
    pub fn seal_new(
        content: KeyFileContent,
        wraps: Wraps,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, SealedKeyFile), Error> {
        Self { content, wraps, generation: 1 }.seal(entropy)
    }

    /// Seals `content` as the next generation under the same credentials (F2). Needs no stretching.
    ///
    /// # Errors
    /// As [`seal_new`](Self::seal_new).
    pub fn reseal(
        &self,
        content: KeyFileContent,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, SealedKeyFile), Error> {
        let wraps = self.wraps.duplicate();
        Self { content, wraps, generation: self.generation.saturating_add(1) }.seal(entropy)
    }

    /// Seals the same content with another reminder as the next generation, under new credentials
    /// and a new file key (S-157).
    ///
    /// # Errors
    /// As [`seal_new`](Self::seal_new).
    pub fn change_credentials(
        &self,
        wraps: Wraps,
        reminder: &str,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, SealedKeyFile), Error> {
        let mut content = self.content.duplicate();
        reminder.clone_into(&mut content.reminder);
        Self { content, wraps, generation: self.generation.saturating_add(1) }.seal(entropy)
    }

    fn seal(self, entropy: &mut dyn Entropy) -> Result<(Self, SealedKeyFile), Error> {
        let user = self.user_id();
        if self.wraps.user() != user {
            return Err(CryptoError::KeyFileInvalid { user, reason: "its wraps are another user's" }.into());
        }
        let body = self.content.encode()?;
        let length = prefix::LENGTH + body.len() + TAG;
        if length > limits::KEY_FILE {
            let (actual, limit) = (length as u64, limits::KEY_FILE as u64);
            return Err(InputError::TooLarge { what: "the key file", actual, limit }.into());
        }
        let mut file_salt = [0; 32];
        entropy.fill(&mut file_salt)?;
        let prefix = self.wraps.prefix(self.generation, file_salt);
        let clear = prefix.encode();
        let sealed = body_keys(self.wraps.file_key(), &prefix).seal(&clear, &body);
        Ok((self, SealedKeyFile(Writer::new().bytes(&clear).bytes(&sealed).finish())))
    }

    /// What is in it.
    #[must_use]
    pub const fn content(&self) -> &KeyFileContent {
        &self.content
    }

    /// Whose it is.
    #[must_use]
    pub const fn user_id(&self) -> UserId {
        self.content.ring.user_id()
    }

    /// The private keys.
    #[must_use]
    pub const fn ring(&self) -> &crate::crypto::KeyRing {
        &self.content.ring
    }

    /// The signed-in copy of the reminder.
    #[must_use]
    pub fn reminder(&self) -> &str {
        &self.content.reminder
    }

    /// The origin of the server that the user was made on.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.content.origin
    }

    /// The API key it was made with.
    #[must_use]
    pub const fn api_key(&self) -> ApiKey {
        self.content.api_key
    }

    /// The secret under which this user's local store is encrypted.
    #[must_use]
    pub const fn store_secret(&self) -> &Secret<32> {
        &self.content.store_secret
    }

    /// How often it was written, from 1.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Compares the reminder that a server shows with the copy in here (security case 60).
    ///
    /// # Errors
    /// [`CryptoError::ReminderChanged`].
    pub fn check_reminder(&self, served: &str) -> Result<(), CryptoError> {
        if served == self.content.reminder {
            return Ok(());
        }
        Err(CryptoError::ReminderChanged { user: self.user_id() })
    }
}

impl core::fmt::Debug for OpenKeyFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "OpenKeyFile({}, generation {})", self.user_id(), self.generation)
    }
}

/// A sealed key file: what is stored and sent. Nothing in it but the prefix may be looked at before it
/// is opened, and nothing of the prefix may be believed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedKeyFile(Vec<u8>);

impl SealedKeyFile {
    /// Takes bytes as a key file, if they are of a possible length and carry a readable prefix.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`]; [`CryptoError::Unknown`] for another suite.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, CryptoError> {
        Prefix::read(&bytes)?;
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, given up.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// SHA-256 of the file (S-220).
    #[must_use]
    pub fn checksum(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }

    fn prefix(&self) -> Prefix {
        let (prefix, _, _) = Prefix::read(&self.0).expect("it was read when the file was taken");
        prefix
    }

    /// Whose it says it is.
    #[must_use]
    pub fn user_id(&self) -> UserId {
        self.prefix().user
    }

    /// Which generation it says it is.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.prefix().generation
    }

    /// Checks that an offered file is not behind one seen before (F28).
    ///
    /// # Errors
    /// [`CryptoError::KeyFileRollback`] for a lower generation, [`CryptoError::KeyFileForked`] for the
    /// same one with other bytes.
    pub fn check_against(&self, seen_generation: u64, seen_checksum: &[u8; 32]) -> Result<(), CryptoError> {
        let (user, offered) = (self.user_id(), self.generation());
        match offered.cmp(&seen_generation) {
            core::cmp::Ordering::Less => {
                Err(CryptoError::KeyFileRollback { user, seen: seen_generation, offered })
            }
            core::cmp::Ordering::Equal if self.checksum() != *seen_checksum => {
                Err(CryptoError::KeyFileForked { user, generation: offered })
            }
            _ => Ok(()),
        }
    }
}

impl core::fmt::Debug for SealedKeyFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SealedKeyFile({} bytes)", self.0.len())
    }
}

/// Opens the key file of `user` with the password. Stretches it: run inside a
/// [`Job`](crate::effect::Job).
///
/// # Errors
/// Before any stretching: [`CryptoError::Malformed`], [`CryptoError::Unknown`],
/// [`CryptoError::KdfOutOfRange`], [`CryptoError::KeyFileInvalid`] for another user's file. Then
/// [`InputError::WrongPassword`] if the password does not open it (or its wrap was altered), and
/// [`CryptoError::KeyFileInvalid`] or [`CryptoError::OwnIdentityMismatch`] for a damaged file.
pub fn open_with_password(
    bytes: &[u8],
    user: UserId,
    password: &str,
    policy: &KdfPolicy,
) -> Result<OpenKeyFile, Error> {
    open(bytes, user, Door::Password, password, policy, &mut stretch)
}

/// Opens the key file of `user` with the passphrase, see [`open_with_password`].
///
/// # Errors
/// As [`open_with_password`], with [`InputError::WrongPassphrase`].
pub fn open_with_passphrase(
    bytes: &[u8],
    user: UserId,
    passphrase: &str,
    policy: &KdfPolicy,
) -> Result<OpenKeyFile, Error> {
    open(bytes, user, Door::Passphrase, passphrase, policy, &mut stretch)
}

fn open(
    bytes: &[u8],
    user: UserId,
    door: Door,
    secret: &str,
    policy: &KdfPolicy,
    stretcher: Stretcher<'_>,
) -> Result<OpenKeyFile, Error> {
    let (prefix, clear, sealed) = Prefix::read(bytes)?;
    if prefix.user != user {
        return Err(CryptoError::KeyFileInvalid { user, reason: "it is another user's" }.into());
    }
    policy.check(prefix.password.iterations)?;
    policy.check(prefix.passphrase.iterations)?;
    let file_key = wraps::unwrap(&prefix, door, secret, stretcher).ok_or_else(|| door.refusal(user))?;
    let body = body_keys(&file_key, &prefix)
        .open(clear, sealed)
        .ok_or(CryptoError::KeyFileInvalid { user, reason: "it was altered" })?;
    let content = KeyFileContent::decode(&body, user)?;
    let generation = prefix.generation;
    Ok(OpenKeyFile { content, wraps: Wraps::from_prefix(file_key, prefix), generation })
}

/// The keys of the body: fresh for each write by the file salt (F2).
fn body_keys(file_key: &Secret<32>, prefix: &Prefix) -> WrapKeys {
    let context: [&[u8]; 4] =
        [&SUITE_1.to_be_bytes(), prefix.user.as_bytes(), &prefix.generation.to_be_bytes(), &prefix.file_salt];
    let prk = suite::extract(HashLabel::KeyFile, &[file_key.expose()]);
    WrapKeys::new(suite::expand(&prk, KeyLabel::KeyFileBody, &context))
}
