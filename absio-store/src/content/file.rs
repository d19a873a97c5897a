//! Content in files.

use super::{failed, private_file};
use absio_proto::driver::blocking::Content;
use absio_proto::effect::{ContentError, ContentOp};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How often another temporary name is tried when one is taken.
const NAME_ATTEMPTS: usize = 16;

/// Reads content from a regular file.
pub struct FileSource {
    file: File,
    path: PathBuf,
    length: u64,
}

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::InvalidInput`] if it is not a regular file.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(Self { file, path, length: metadata.len() })
    }

    /// Bytes of the file when it was opened.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Content for FileSource {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        read_at(&mut self.file, self.length, &self.path, offset, length)
    }

    fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
        Err(ContentError { reason: "a source cannot be written".into() })
    }
}

/// `length` bytes at `offset` of a file that had `whole` when it was opened; it may have shrunk since.
fn read_at(
    file: &mut File,
    whole: u64,
    path: &Path,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, ContentError> {
    if offset.checked_add(length as u64).is_none_or(|end| end > whole) {
        return Err(ContentError {
            reason: format!("{} ends before byte {offset} + {length}", path.display()),
        });
    }
    let mut bytes = Vec::with_capacity(ContentOp::room_for(length));
    bytes.resize(length, 0);
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(|error| failed(path, &error))?;
    Ok(bytes)
}

/// Writes content to a file that appears only when it is whole.
///
/// Bytes go to a temporary file beside the target (created anew, readable by its owner only);
/// [`commit`](Self::commit) makes it durable and renames it. Dropped without that, it is removed, or, if it
/// was begun by [`resume`](Self::resume), kept for the next attempt. A new file stays readable by its owner
/// only; a replaced one keeps its permissions.
pub struct FileSink {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    /// Bytes of an earlier attempt.
    have: u64,
    is_kept: bool,
    committed: bool,
}

impl FileSink {
    /// Begins a file that will appear at `target`.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::InvalidInput`] if something else than a regular file is at
    /// `target`.
    pub fn create(target: impl Into<PathBuf>) -> io::Result<Self> {
        let target = resolved(target.into())?;
        let name = name(&target)?;
        for _ in 0..NAME_ATTEMPTS {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let temporary =
                target.with_file_name(format!(".{name}.{:016x}.part", u64::from_be_bytes(random)));
            match private_file::create(&temporary) {
                Ok(file) => {
                    return Ok(Self { file, temporary, target, have: 0, is_kept: false, committed: false });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Begins, or goes on with, a file that will appear at `target`: bytes go to `.NAME.absio-part` beside
    /// it, which stays if the transfer is cut off. What is there is compared with what is signed before it
    /// counts; [`truncate`](Self::truncate) to the length of the content before the commit.
    ///
    /// # Errors
    /// As [`create`](Self::create), or [`io::ErrorKind::WouldBlock`] if another process is at work on it.
    pub fn resume(target: impl Into<PathBuf>) -> io::Result<Self> {
        let target = resolved(target.into())?;
        let name = name(&target)?;
        let temporary = target.with_file_name(format!(".{name}.absio-part"));
        let file = private_file::open(&temporary)?;
        let have = file.metadata()?.len();
        Ok(Self { file, temporary, target, have, is_kept: true, committed: false })
    }

    /// Cuts what an earlier attempt left behind the end of the content.
    ///
    /// # Errors
    /// The system's.
    pub fn truncate(&self, length: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > length { self.file.set_len(length) } else { Ok(()) }
    }

    /// Where the bytes are until [`commit`](Self::commit): to remove it when the process is told to end.
    #[must_use]
    pub fn temporary_path(&self) -> &Path {
        &self.temporary
    }

    /// Makes what was written durable and lets it appear at the target.
    ///
    /// # Errors
    /// The system's; the target is then as it was, and the temporary file is removed, or kept if it was
    /// [resumed](Self::resume).
    pub fn commit(mut self) -> io::Result<()> {
        if let Ok(metadata) = fs::metadata(&self.target) {
            fs::set_permissions(&self.temporary, metadata.permissions())?;
        }
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.target)?;
        self.committed = true;
        sync_directory(&self.target)
    }
}

impl Content for FileSink {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        read_at(&mut self.file, self.have, &self.temporary, offset, length)
    }

    fn have(&self) -> u64 {
        self.have
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.write_all(&bytes))
            .map_err(|error| failed(&self.target, &error))
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        if !self.committed && !self.is_kept {
            // Nothing is left to tell about it.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// The file to replace: behind a symbolic link, the one it points to.
fn resolved(target: PathBuf) -> io::Result<PathBuf> {
    match fs::metadata(&target) {
        Ok(metadata) if metadata.is_file() => fs::canonicalize(target),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(target),
        Err(error) => Err(error),
    }
}

fn name(target: &Path) -> io::Result<String> {
    let name = target.file_name();
    let name = name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?;
    Ok(name.to_string_lossy().into_owned())
}

/// A rename is durable when its directory is; elsewhere than on Unix directories cannot be synced.
fn sync_directory(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_source_gives_exact_ranges_or_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("in");
        fs::write(&path, b"0123456789").unwrap();
        let mut source = FileSource::open(&path).unwrap();
        assert_eq!(source.length(), 10);
        assert_eq!(source.read_at(6, 4).unwrap(), b"6789");
        assert_eq!(source.read_at(0, 3).unwrap(), b"012");
        assert!(source.read_at(8, 3).is_err());
        // A length nobody could have meant is refused before room is made for it.
        assert!(source.read_at(0, usize::MAX).is_err());
        assert!(source.read_at(u64::MAX, 1).is_err());
        fs::write(&path, b"0123").unwrap();
        assert!(source.read_at(6, 4).is_err(), "the file shrank");
        assert!(FileSource::open(directory.path()).is_err(), "a directory");
    }

    #[test]
    fn a_sink_appears_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        let mut sink = FileSink::create(&target).unwrap();
        sink.write_at(4, b"4567".to_vec()).unwrap();
        sink.write_at(0, b"0123".to_vec()).unwrap();
        assert!(!target.exists());
        assert_eq!(names(directory.path()).len(), 1);
        sink.commit().unwrap();
        assert_eq!(names(directory.path()), ["out"]);
        assert_eq!(fs::read(&target).unwrap(), b"01234567");

        let mut abandoned = FileSink::create(&target).unwrap();
        abandoned.write_at(0, b"half".to_vec()).unwrap();
        drop(abandoned);
        assert_eq!(names(directory.path()), ["out"]);
        assert_eq!(fs::read(&target).unwrap(), b"01234567");
    }

    #[test]
    fn a_sink_that_is_resumed_keeps_what_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        let mut sink = FileSink::resume(&target).unwrap();
        sink.write_at(0, b"0123".to_vec()).unwrap();
        assert!(FileSink::resume(&target).is_err(), "it is held");
        drop(sink);
        assert_eq!(names(directory.path()), [".out.absio-part"]);
        let mut sink = FileSink::resume(&target).unwrap();
        assert_eq!((sink.have(), sink.read_at(1, 2).unwrap()), (4, b"12".to_vec()));
        assert!(sink.read_at(1, 4).is_err());
        sink.write_at(0, b"ab".to_vec()).unwrap();
        sink.truncate(3).unwrap();
        sink.commit().unwrap();
        assert_eq!(names(directory.path()), ["out"]);
        assert_eq!(fs::read(&target).unwrap(), b"ab2");
    }

    #[cfg(unix)]
    #[test]
    fn a_sink_is_private_and_replaces_files_only() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        let sink = FileSink::create(&target).unwrap();
        assert_eq!(mode(&sink.temporary), 0o600);
        sink.commit().unwrap();
        assert_eq!(mode(&target), 0o600);

        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        let link = directory.path().join("link");
        symlink(&target, &link).unwrap();
        let mut sink = FileSink::create(&link).unwrap();
        assert_eq!(mode(&sink.temporary), 0o600);
        sink.write_at(0, b"through the link".to_vec()).unwrap();
        sink.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"through the link");
        assert_eq!(mode(&target), 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());

        assert!(FileSink::create("/dev/null").is_err());
        assert!(FileSink::create(directory.path()).is_err());
        assert!(FileSink::create(directory.path().join("missing/out")).is_err());
    }
}
