//! From the system's errors to the store's, and the poison that a failed flush leaves.

use absio_proto::effect::{StoreError, StoreErrorKind};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// What `error`, met while doing `what`, means to the store's caller.
pub(crate) fn io_error(what: &str, error: &io::Error) -> StoreError {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        let reason = format!("{what}: a symbolic link lies in its place");
        return StoreError::new(StoreErrorKind::Corrupt, reason);
    }
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            StoreErrorKind::Full
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreErrorKind::Unavailable,
        io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidData
        | io::ErrorKind::UnexpectedEof => StoreErrorKind::Corrupt,
        _ => StoreErrorKind::Io,
    };
    StoreError::new(kind, format!("{what}: {error}"))
}

/// As [`io_error`], for `map_err`.
pub(crate) fn failed(what: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |error| io_error(what, &error)
}

/// Set by the first failed flush: what the disk holds is then unknown until the store is reopened.
#[derive(Default, Debug)]
pub(crate) struct Poison(AtomicBool);

impl Poison {
    /// # Errors
    /// [`StoreErrorKind::Io`] once the store is poisoned.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.0.load(Ordering::Acquire) {
            return Err(StoreError::new(
                StoreErrorKind::Io,
                "an earlier flush failed; close the store and open it again",
            ));
        }
        Ok(())
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Passes the result of a flush on; a failure poisons.
    pub(crate) fn flushed(&self, what: &str, result: io::Result<()>) -> Result<(), StoreError> {
        result.map_err(|error| {
            self.set();
            StoreError::new(StoreErrorKind::Io, format!("{what} failed to reach the disk: {error}"))
        })
    }
}
