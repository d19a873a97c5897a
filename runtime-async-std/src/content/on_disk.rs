//! Content in files, by calls that block: performed [off the thread](super::off_thread) of the task.

use absio_proto::driver::blocking::Content;
use absio_proto::effect::ContentError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// How often another temporary name is tried when one is taken.
const NAME_ATTEMPTS: usize = 16;

fn failed(path: &Path, error: &io::Error) -> ContentError {
    ContentError { reason: format!("{}: {error}", path.display()) }
}

/// Reads content from a regular file.
pub(super) struct Source {
    file: File,
    path: PathBuf,
    length: u64,
}

impl Source {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::InvalidInput`] if it is not a regular file.
    pub(super) fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let file = File::open(&path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(Self { file, path, length: metadata.len() })
    }

    /// Bytes of the file when it was opened.
    pub(super) fn length(&self) -> u64 {
        self.length
    }
}

impl Content for Source {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        // The length was checked by the core against what the file held; the file may have shrunk.
        if offset.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ContentError {
                reason: format!("{} ends before byte {offset} + {length}", self.path.display()),
            });
        }
        let mut bytes = vec![0; length];
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|error| failed(&self.path, &error))?;
        Ok(bytes)
    }

    fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
        Err(ContentError { reason: "a source cannot be written".into() })
    }
}

/// Writes content to a file that appears only when it is whole.
///
/// Bytes go to a temporary file beside the target (created anew, readable by its owner only);
/// [`commit`](Self::commit) makes it durable and renames it. Dropped without that, it is removed. A
/// new file stays readable by its owner only; a replaced one keeps its permissions.
pub(super) struct Sink {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    committed: bool,
}

impl Sink {
    /// Begins a file that will appear at `target`.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::InvalidInput`] if something else than a regular file is at
    /// `target`.
    pub(super) fn create(target: impl Into<PathBuf>) -> io::Result<Self> {
        let target = resolved(target.into())?;
        let name = target
            .file_name()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it names no file"))?
            .to_string_lossy()
            .into_owned();
        for _ in 0..NAME_ATTEMPTS {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let temporary =
                target.with_file_name(format!(".{name}.{:016x}.part", u64::from_be_bytes(random)));
            match create_private(&temporary) {
                Ok(file) => return Ok(Self { file, temporary, target, committed: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Where the bytes are until [`commit`](Self::commit): to remove it when the process is told to end.
    pub(super) fn temporary_path(&self) -> &Path {
        &self.temporary
    }

    /// Makes what was written durable and lets it appear at the target.
    ///
    /// # Errors
    /// The system's; the target is then as it was, and the temporary file is removed.
    pub(super) fn commit(mut self) -> io::Result<()> {
        if let Ok(metadata) = fs::metadata(&self.target) {
            fs::set_permissions(&self.temporary, metadata.permissions())?;
        }
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.target)?;
        self.committed = true;
        sync_directory(&self.target)
    }
}

impl Content for Sink {
    fn read_at(&mut self, _offset: u64, _length: usize) -> Result<Vec<u8>, ContentError> {
        Err(ContentError { reason: "a sink cannot be read".into() })
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.write_all(&bytes))
            .map_err(|error| failed(&self.target, &error))
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if !self.committed {
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

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
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
