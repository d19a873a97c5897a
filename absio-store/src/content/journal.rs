//! A source with a journal beside it, so that an upload can be gone on with after its process ended.

use super::{failed, private_file};
use absio_proto::driver::blocking::Content;
use absio_proto::effect::ContentError;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// A journal is never longer: 344 bytes for each part of the longest content.
const LONGEST: u64 = 344 * ((1 << 22) + 2);

/// The file of a journal, readable by its owner only; one process at a time has it.
pub struct JournalFile {
    file: File,
    path: PathBuf,
}

impl JournalFile {
    /// Opens the file at `path`, or makes it; and what is in it.
    ///
    /// # Errors
    /// As [`RecordedSource::open`].
    pub fn open(path: impl Into<PathBuf>) -> io::Result<(Self, Vec<u8>)> {
        let path = path.into();
        let file = private_file::open(&path)?;
        let mut journal = Vec::new();
        (&file).take(LONGEST).read_to_end(&mut journal)?;
        Ok((Self { file, path }, journal))
    }

    /// Puts `bytes` at `offset`, durably.
    ///
    /// # Errors
    /// [`ContentError`] if it fails, or no journal is that long.
    pub fn put(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ContentError> {
        if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > LONGEST) {
            let reason = format!("{}: no journal is longer than {LONGEST} bytes", self.path.display());
            return Err(ContentError { reason });
        }
        let put = |file: &mut File| {
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)?;
            file.sync_data()
        };
        put(&mut self.file).map_err(|error| failed(&self.path, &error))
    }

    /// Puts `bytes` at `offset` of `journal`, as [`put`](Self::put) did in the file; zeros fill a gap.
    pub fn note(journal: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
        let Ok(start) = usize::try_from(offset) else { return };
        let Some(end) = start.checked_add(bytes.len()) else { return };
        if journal.len() < end {
            journal.resize(end, 0);
        }
        journal[start..end].copy_from_slice(bytes);
    }

    /// The upload is done: the file goes.
    ///
    /// # Errors
    /// The system's.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// A source whose upload is recorded in a file (`docs/protocol.md` §19), and gone on with from there: the
/// client's `create_from` and `update_from` see to it. [`finish`](Self::finish) it when the upload is done.
/// The file is made readable by its owner only, and one process at a time has it; what is in it is sealed
/// under the user's keys.
pub struct RecordedSource<S> {
    source: S,
    file: JournalFile,
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
        let (file, journal) = JournalFile::open(path)?;
        Ok(Self { source, file, journal })
    }

    /// The upload is done: the file goes.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> io::Result<S> {
        self.file.remove()?;
        Ok(self.source)
    }
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
        self.file.put(offset, &bytes)?;
        // Another attempt by this same source must know of it: a part is sealed once under a key.
        JournalFile::note(&mut self.journal, offset, &bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::MemorySource;

    #[test]
    fn a_journal_outlives_its_process_and_is_held_by_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let open = || RecordedSource::open(MemorySource::new(b"content"), &path);
        let mut first = open().unwrap();
        assert_eq!(first.journal(), Some(&b""[..]));
        first.record(0, b"head".to_vec()).unwrap();
        first.record(4, b"tale".to_vec()).unwrap();
        assert_eq!(first.journal(), Some(&b"headtale"[..]));
        first.record(6, b"il".to_vec()).unwrap();
        assert_eq!(first.journal(), Some(&b"headtail"[..]));
        assert!(first.record(LONGEST, vec![0]).is_err());
        assert!(first.record(u64::MAX, vec![0]).is_err());
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
