//! Passwords, passphrases, reminders, and the rules they must meet (checklist 1.2).

use crate::error::InputError;
use core::fmt;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The least number of characters (not bytes, S-024) of a password or passphrase.
const MINIMUM_LENGTH: usize = 8;
/// The least number of character classes: lower case, upper case, digit, special.
const MINIMUM_CLASSES: usize = 3;

/// Whether `password` has 8 characters of at least 3 classes (S-017). Characters are Unicode
/// scalar values after NFC; letters without case, and everything else that is neither letter nor
/// digit, count as special.
#[must_use]
pub fn is_password_valid(password: &str) -> bool {
    let normal = normalise(password);
    let classes: [fn(char) -> bool; 4] = [char::is_lowercase, char::is_uppercase, char::is_numeric, |c| {
        !c.is_lowercase() && !c.is_uppercase() && !c.is_numeric()
    }];
    normal.chars().count() >= MINIMUM_LENGTH
        && classes.iter().filter(|class| normal.chars().any(**class)).count() >= MINIMUM_CLASSES
}

/// A password or passphrase as it is judged and stretched: UTF-8 in Unicode normalisation form C (F36).
pub(crate) fn normalise(text: &str) -> Zeroizing<String> {
    // Composing can only grow the text threefold, so the buffer is never moved and left unwiped.
    let mut normal = Zeroizing::new(String::with_capacity(text.len().saturating_mul(3)));
    normal.extend(text.nfc());
    normal
}

/// The same rule as [`is_password_valid`] (S-018).
#[must_use]
pub fn is_passphrase_valid(passphrase: &str) -> bool {
    is_password_valid(passphrase)
}

/// Always true (S-019): a reminder has no rule but its length limit.
#[must_use]
pub fn is_reminder_valid(_reminder: &str) -> bool {
    true
}

/// A rule for one credential: called with the value, gives whether it is good enough (S-022).
pub type Validator = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// The three validators, replaceable for a client or for one call (S-020, S-021).
#[derive(Clone)]
pub struct Validators {
    /// Called with the password.
    pub password: Validator,
    /// Called with the reminder.
    pub reminder: Validator,
    /// Called with the passphrase.
    pub passphrase: Validator,
}

impl Default for Validators {
    fn default() -> Self {
        Self {
            password: Arc::new(is_password_valid),
            reminder: Arc::new(is_reminder_valid),
            passphrase: Arc::new(is_passphrase_valid),
        }
    }
}

impl fmt::Debug for Validators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validators")
    }
}

/// A password, passphrase and reminder, for creating a user or changing credentials.
pub struct Credentials {
    /// Opens the key file on this device.
    pub password: Zeroizing<String>,
    /// Fetches the key file on a new device, and opens it when the password is lost.
    pub passphrase: Zeroizing<String>,
    /// Public text that helps to recall the passphrase; empty for none (S-158).
    pub reminder: String,
}

impl Credentials {
    /// Credentials without a reminder.
    #[must_use]
    pub fn new(password: &str, passphrase: &str) -> Self {
        Self {
            password: Zeroizing::new(password.to_owned()),
            passphrase: Zeroizing::new(passphrase.to_owned()),
            reminder: String::new(),
        }
    }

    /// The same with a public reminder.
    #[must_use]
    pub fn reminder(mut self, reminder: &str) -> Self {
        reminder.clone_into(&mut self.reminder);
        self
    }

    /// Calls each validator with its value, once (S-022).
    ///
    /// # Errors
    /// [`InputError::CredentialRefused`] naming the first field that is refused (S-023);
    /// [`InputError::EqualCredentials`]; [`InputError::TooLarge`] for a reminder over 1 KiB.
    pub fn check(&self, validators: &Validators) -> Result<(), InputError> {
        let checks = [
            ("password", (validators.password)(&self.password)),
            ("reminder", (validators.reminder)(&self.reminder)),
            ("passphrase", (validators.passphrase)(&self.passphrase)),
        ];
        if let Some((field, _)) = checks.into_iter().find(|(_, valid)| !valid) {
            return Err(InputError::CredentialRefused { field });
        }
        if self.password.nfc().eq(self.passphrase.nfc()) {
            return Err(InputError::EqualCredentials);
        }
        let limit = crate::limits::REMINDER;
        if self.reminder.len() > limit {
            return Err(InputError::TooLarge {
                what: "the reminder",
                actual: self.reminder.len() as u64,
                limit: limit as u64,
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(redacted)")
    }
}
