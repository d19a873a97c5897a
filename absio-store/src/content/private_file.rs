//! Files that hold a transfer that was begun: their owner's only, and one process at a time has them.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// Makes a file that must not be there yet.
///
/// # Errors
/// The system's.
pub(super) fn create(path: &Path) -> io::Result<File> {
    private(OpenOptions::new().write(true).create_new(true)).open(path)
}

/// Opens a file, or makes it, and locks it.
///
/// # Errors
/// The system's, [`io::ErrorKind::InvalidInput`] if something else than a regular file is at `path`, or
/// [`io::ErrorKind::WouldBlock`] if another process has it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let file = private(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(path)?;
    lock(&file, path)?;
    Ok(file)
}

/// Takes the lock of `file`, which must still be what is at `path`: whoever had the lock until now may have
/// moved the file to its target, or a link may have taken its place.
fn lock(file: &File, path: &Path) -> io::Result<()> {
    let busy = || io::Error::new(io::ErrorKind::WouldBlock, "another process is at work on it");
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => busy(),
        TryLockError::Error(error) => error,
    })?;
    match fs::symlink_metadata(path) {
        Ok(there) if is_same(&file.metadata()?, &there) => Ok(()),
        Ok(_) => Err(busy()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(busy()),
        Err(error) => Err(error),
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Elsewhere than on Unix a file has no number to know it by.
fn is_same(file: &Metadata, there: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (file.dev(), file.ino()) == (there.dev(), there.ino())
    }
    #[cfg(not(unix))]
    {
        file.is_file() == there.is_file()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_before_its_lock_was_taken_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let (path, target) = (directory.path().join("part"), directory.path().join("whole"));
        let late = create(&path).unwrap();
        fs::rename(&path, &target).unwrap();
        assert_eq!(lock(&late, &path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        fs::write(&path, b"").unwrap();
        assert_eq!(lock(&late, &path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(lock(&late, &target).is_ok());
    }
}
