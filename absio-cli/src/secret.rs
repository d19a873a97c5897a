//! Passwords and passphrases: from the environment or a prompt without echo, never an argument.

use crate::failure::Failure;
use std::env::{self, VarError};
use std::fs::File;
use std::io::{self, IsTerminal};
use zeroize::Zeroizing;

pub(crate) type SecretText = Zeroizing<String>;

pub(crate) const PASSWORD: Secret = Secret { variable: "ABSIO_PASSWORD", name: "password" };
pub(crate) const PASSPHRASE: Secret = Secret { variable: "ABSIO_PASSPHRASE", name: "passphrase" };
pub(crate) const NEW_PASSWORD: Secret = Secret { variable: "ABSIO_NEW_PASSWORD", name: "new password" };
pub(crate) const NEW_PASSPHRASE: Secret = Secret { variable: "ABSIO_NEW_PASSPHRASE", name: "new passphrase" };

/// One secret and where it may come from.
#[derive(Clone, Copy)]
pub(crate) struct Secret {
    variable: &'static str,
    name: &'static str,
}

impl Secret {
    /// From its variable, if that is set and not empty.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub(crate) fn given(self) -> Result<Option<SecretText>, Failure> {
        match env::var(self.variable).map(Zeroizing::new) {
            Ok(text) if text.is_empty() => Ok(None),
            Ok(text) => Ok(Some(text)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => {
                Err(Failure::usage("invalid_secret", format!("{} is not UTF-8", self.variable)))
            }
        }
    }

    /// From its variable, or asked for once.
    ///
    /// # Errors
    /// If there is nobody to ask.
    pub(crate) fn existing(self) -> Result<SecretText, Failure> {
        match self.given()? {
            Some(text) => Ok(text),
            None => self.ask(self.name),
        }
    }

    /// From its variable, or asked for twice.
    ///
    /// # Errors
    /// If there is nobody to ask, or the two differ.
    pub(crate) fn chosen(self) -> Result<SecretText, Failure> {
        if let Some(text) = self.given()? {
            return Ok(text);
        }
        let first = self.ask(self.name)?;
        if *first == *self.ask(&format!("{} again", self.name))? {
            Ok(first)
        } else {
            Err(Failure::usage("secrets_differ", format!("the two entries of the {} differ", self.name)))
        }
    }

    fn ask(self, name: &str) -> Result<SecretText, Failure> {
        if !can_ask() {
            return Err(Failure::usage(
                "secret_required",
                format!("set {}, or run this where the {} can be asked for", self.variable, self.name),
            ));
        }
        let mut prompt = name.to_owned();
        prompt[..1].make_ascii_uppercase();
        rpassword::prompt_password(format!("{prompt}: ")).map(Zeroizing::new).map_err(|error| {
            Failure::usage("secret_required", format!("the {} cannot be asked for: {error}", self.name))
        })
    }
}

/// Whether a person is there to be asked: the answer comes from their terminal even while stdin is a
/// file or a pipe.
pub(crate) fn can_ask() -> bool {
    io::stderr().is_terminal() && File::open("/dev/tty").is_ok()
}
