//! The file key and its two wraps: the only part of a key file that needs stretching.

use super::prefix::{Prefix, WRAPPED, WrapField};
use crate::crypto::secret::Secret;
use crate::crypto::stretch::{KdfPolicy, Stretcher, stretch};
use crate::crypto::suite::{self, HashLabel, KeyLabel, SUITE_1};
use crate::crypto::wrap::WrapKeys;
use crate::error::{Error, InputError};
use crate::model::UserId;
use crate::model::normalise;
use crate::operation::Entropy;

/// Which secret opens.
#[derive(Clone, Copy)]
pub(super) enum Door {
    Password,
    Passphrase,
}

impl Door {
    const fn labels(self) -> (HashLabel, KeyLabel) {
        match self {
            Self::Password => (HashLabel::PasswordWrap, KeyLabel::PasswordWrap),
            Self::Passphrase => (HashLabel::PassphraseWrap, KeyLabel::PassphraseWrap),
        }
    }

    const fn field(self, prefix: &Prefix) -> &WrapField {
        match self {
            Self::Password => &prefix.password,
            Self::Passphrase => &prefix.passphrase,
        }
    }

    pub(super) const fn refusal(self, user: UserId) -> InputError {
        match self {
            Self::Password => InputError::WrongPassword { user },
            Self::Passphrase => InputError::WrongPassphrase { user },
        }
    }

    /// The keys of this wrap: one PBKDF2 over everything that could be downgraded (security case 51).
    fn keys(
        self,
        user: UserId,
        iterations: u32,
        salt: &[u8; 32],
        secret: &str,
        stretcher: Stretcher<'_>,
    ) -> WrapKeys {
        let context: [&[u8]; 4] = [&SUITE_1.to_be_bytes(), user.as_bytes(), &iterations.to_be_bytes(), salt];
        let (salt_label, key_label) = self.labels();
        let stretched = stretcher(secret, &suite::hash(salt_label, &context), iterations);
        let prk = suite::extract(HashLabel::KeyFile, &[stretched.expose()]);
        WrapKeys::new(suite::expand(&prk, key_label, &context))
    }
}

/// The random part of new wraps, drawn before the stretching so that a job needs no randomness.
pub struct WrapSecrets {
    file_key: Secret<32>,
    password_salt: [u8; 32],
    passphrase_salt: [u8; 32],
}

impl WrapSecrets {
    /// Draws a file key and two salts.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn draw(entropy: &mut dyn Entropy) -> Result<Self, Error> {
        let mut secrets = Self {
            file_key: Secret::filled(|bytes| entropy.fill(bytes))?,
            password_salt: [0; 32],
            passphrase_salt: [0; 32],
        };
        entropy.fill(&mut secrets.password_salt)?;
        entropy.fill(&mut secrets.passphrase_salt)?;
        Ok(secrets)
    }

    /// Wraps the file key under both secrets. Stretches twice: run inside a
    /// [`Job`](crate::effect::Job).
    ///
    /// # Errors
    /// [`InputError::EqualCredentials`] if both are the same after normalisation.
    pub fn wrap(
        self,
        user: UserId,
        password: &str,
        passphrase: &str,
        policy: &KdfPolicy,
    ) -> Result<Wraps, Error> {
        self.wrap_by(user, password, passphrase, policy, &mut stretch)
    }

    pub(super) fn wrap_by(
        self,
        user: UserId,
        password: &str,
        passphrase: &str,
        policy: &KdfPolicy,
        stretcher: Stretcher<'_>,
    ) -> Result<Wraps, Error> {
        if *normalise(password) == *normalise(passphrase) {
            return Err(InputError::EqualCredentials.into());
        }
        let iterations = policy.iterations();
        policy.check(iterations)?;
        let mut wrap = |door: Door, salt: [u8; 32], secret| {
            let sealed =
                door.keys(user, iterations, &salt, secret, stretcher).seal(&[], self.file_key.expose());
            let wrapped: [u8; WRAPPED] = sealed.try_into().expect("32 bytes and a tag of 48");
            WrapField { iterations, salt, wrapped }
        };
        let password = wrap(Door::Password, self.password_salt, password);
        let passphrase = wrap(Door::Passphrase, self.passphrase_salt, passphrase);
        Ok(Wraps { file_key: self.file_key, user, password, passphrase })
    }
}

/// A file key with its two wraps.
pub struct Wraps {
    file_key: Secret<32>,
    user: UserId,
    password: WrapField,
    passphrase: WrapField,
}

impl Wraps {
    pub(super) fn from_prefix(file_key: Secret<32>, prefix: Prefix) -> Self {
        let Prefix { user, password, passphrase, .. } = prefix;
        Self { file_key, user, password, passphrase }
    }

    pub(super) fn prefix(&self, generation: u64, file_salt: [u8; 32]) -> Prefix {
        Prefix {
            user: self.user,
            generation,
            password: self.password.clone(),
            passphrase: self.passphrase.clone(),
            file_salt,
        }
    }

    pub(super) fn duplicate(&self) -> Self {
        Self {
            file_key: self.file_key.duplicate(),
            user: self.user,
            password: self.password.clone(),
            passphrase: self.passphrase.clone(),
        }
    }

    pub(super) const fn user(&self) -> UserId {
        self.user
    }

    pub(super) const fn file_key(&self) -> &Secret<32> {
        &self.file_key
    }
}

/// The file key, or `None` if `secret` is not the one or the wrap was altered. The caller has checked
/// the iteration count.
pub(super) fn unwrap(
    prefix: &Prefix,
    door: Door,
    secret: &str,
    stretcher: Stretcher<'_>,
) -> Option<Secret<32>> {
    let field = door.field(prefix);
    let keys = door.keys(prefix.user, field.iterations, &field.salt, secret, stretcher);
    let plaintext = keys.open(&[], &field.wrapped)?;
    Secret::filled(|bytes| {
        bytes.copy_from_slice(plaintext.get(..32).ok_or(())?);
        Ok::<(), ()>(())
    })
    .ok()
}
