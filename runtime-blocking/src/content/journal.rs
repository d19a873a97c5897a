//! A source with a journal beside it, so that an upload can be gone on with after its process ended.

use absio_proto::driver::blocking::Content;
use absio_proto::effect::ContentError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A journal is never longer: 344 bytes for each part of the longest content.
const LONGEST: u64 = 344 * ((1 << 22) + 2);

/// A source whose upload is recorded in a file (`docs/protocol.md` §19), and gone on with from there:
/// [`create_from`](crate::Containers::create_from) and [`update_from`](crate::Containers::update_from) see
/// to it. [`finish`](Self::finish) it when the upload is done. The file is made readable by its owner only, and one
/// process at a time has it; what is in it is sealed under the user's keys.
pub struct RecordedSource<S> {
    source: S,
    file: File,
    path: PathBuf,
    journal: Vec<u8>,
}

impl<S: Content> RecordedSource<S> {
    /// Records the upload of `source` in the file at `path`, which is made if it is absent; if it is there,
    /// it is of an earlier attempt.
    ///
    /// # Errors
    /// The system's, [`io::ErrorKind::InvalidInput`] if something else than a regular file is at `path`, or
    /// [`io::ErrorKind::WouldBlock`] if another process has it.
    pub fn open(source: S, path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = open_private(&path)?;
        let mut journal = Vec::new();
        (&file).take(LONGEST).read_to_end(&mut journal)?;
        Ok(Self { source, file, path, journal })
    }

    /// The upload is done: the file goes.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> io::Result<S> {
        fs::remove_file(&self.path)?;
        Ok(self.source)
    }
}

/// Opens or makes a file that is this process's alone.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            io::Error::new(io::ErrorKind::WouldBlock, "another process is at work on it")
        }
        TryLockError::Error(error) => error,
    })?;
    Ok(file)
}

impl<S: Content> Content for RecordedSource<S> {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        self.source.read_at(offset, length)
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.source.write_at(offset, bytes)
    }

    fn journal(&self) -> Option<&[u8]> {
        Some(&self.journal)
    }

    fn record(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        let put = |file: &mut File| {
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(&bytes)?;
            file.sync_data()
        };
        put(&mut self.file).map_err(|error| super::file::failed(&self.path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemorySource;

    #[test]
    fn a_journal_outlives_its_process_and_is_held_by_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let open = || RecordedSource::open(MemorySource::new(b"content"), &path);
        let mut first = open().unwrap();
        assert_eq!(first.journal(), Some(&b""[..]));
        first.record(0, b"head".to_vec()).unwrap();
        first.record(4, b"tail".to_vec()).unwrap();
        assert_eq!(open().err().unwrap().kind(), io::ErrorKind::WouldBlock);
        drop(first);
        let mut second = open().unwrap();
        assert_eq!(second.journal(), Some(&b"headtail"[..]));
        assert_eq!(second.read_at(0, 7).unwrap(), b"content");
        second.finish().unwrap();
        assert!(!path.exists());
        assert_eq!(
            RecordedSource::open(MemorySource::new(b""), directory.path()).err().unwrap().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_journal_is_private_and_no_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let _source = RecordedSource::open(MemorySource::new(b""), &path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let link = directory.path().join("link");
        symlink(directory.path().join("elsewhere"), &link).unwrap();
        assert!(RecordedSource::open(MemorySource::new(b""), &link).is_err());
    }
}
