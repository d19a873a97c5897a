//! What went wrong, in the form shown to people and programs: a stable code and a sentence.

use absio_blocking::SetupError;
use absio_proto::{Error, InputError};
use std::process::ExitCode;

/// The exit code of wrong usage; any other failure is 1.
pub(crate) const WRONG_USAGE: u8 = 2;

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    wrong_usage: bool,
}

impl Failure {
    /// The command was understood and could not be carried out.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), wrong_usage: false }
    }

    /// The command was not given as it must be.
    pub(crate) fn usage(code: &str, message: impl Into<String>) -> Self {
        Self { wrong_usage: true, ..Self::new(code, message) }
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new("file", format!("{}: {error}", path.display()))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.wrong_usage { WRONG_USAGE } else { 1 })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let wrong_usage = matches!(
            &error,
            Error::Input(
                InputError::InvalidArgument { .. }
                    | InputError::InvalidApiKey
                    | InputError::InvalidServerUrl { .. }
                    | InputError::InvalidHeader { .. }
                    | InputError::NothingToUpdate { .. }
            )
        );
        Self { wrong_usage, ..Self::new(error.code(), error.to_string()) }
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Error::from(error).into()
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Input(error) => error.into(),
            SetupError::Store(_) => Self::new(error.code(), error.to_string()),
            other => Self::usage(other.code(), other.to_string()),
        }
    }
}
