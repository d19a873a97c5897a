//! Content in files, read and written off the executor.

use super::off_thread::OffThread;
use super::on_disk::{Sink, Source};
use absio_proto::driver::nonblocking::Content;
use absio_proto::effect::{ContentError, ContentOp, ContentOutcome};
use blocking::unblock;
use std::io;
use std::path::{Path, PathBuf};

/// Reads content from a regular file.
pub struct FileSource {
    file: OffThread<Source>,
    length: u64,
}

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::InvalidInput`] if it is not a regular file.
    pub async fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let source = unblock(|| Source::open(path)).await?;
        Ok(Self { length: source.length(), file: OffThread::new(source) })
    }

    /// Bytes of the file when it was opened.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Content for FileSource {
    async fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        match self.file.apply(ContentOp::ReadAt { offset, length }).await? {
            ContentOutcome::Bytes(bytes) => Ok(bytes),
            ContentOutcome::Written => Err(ContentError { reason: "nothing was read".into() }),
        }
    }

    async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.file.apply(ContentOp::WriteAt { offset, bytes }).await.map(|_| ())
    }
}

/// Writes content to a file that appears only when it is whole.
///
/// Bytes go to a temporary file beside the target (created anew, readable by its owner only);
/// [`commit`](Self::commit) makes it durable and renames it. Dropped without that, it is removed, on the
/// thread that drops it. A new file stays readable by its owner only; a replaced one keeps its
/// permissions.
pub struct FileSink {
    file: OffThread<Sink>,
    temporary: PathBuf,
}

impl FileSink {
    /// Begins a file that will appear at `target`.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::InvalidInput`] if something else than a regular file is at
    /// `target`.
    pub async fn create(target: impl Into<PathBuf>) -> io::Result<Self> {
        let target = target.into();
        let sink = unblock(|| Sink::create(target)).await?;
        Ok(Self { temporary: sink.temporary_path().to_owned(), file: OffThread::new(sink) })
    }

    /// Where the bytes are until [`commit`](Self::commit): to remove it when the process is told to end.
    #[must_use]
    pub fn temporary_path(&self) -> &Path {
        &self.temporary
    }

    /// Makes what was written durable and lets it appear at the target. Dropped on the way, it appears
    /// whole or not at all.
    ///
    /// # Errors
    /// The system's; the target is then as it was, and the temporary file is removed.
    pub async fn commit(mut self) -> io::Result<()> {
        let sink = self.file.take().await.map_err(io::Error::other)?;
        unblock(|| sink.commit()).await
    }
}

impl Content for FileSink {
    async fn read_at(&mut self, _offset: u64, _length: usize) -> Result<Vec<u8>, ContentError> {
        Err(ContentError { reason: "a sink cannot be read".into() })
    }

    async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.file.apply(ContentOp::WriteAt { offset, bytes }).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::block_on;
    use std::fs;

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
        block_on(async {
            let mut source = FileSource::open(&path).await.unwrap();
            assert_eq!(source.length(), 10);
            assert_eq!(source.read_at(6, 4).await.unwrap(), b"6789");
            assert_eq!(source.read_at(0, 3).await.unwrap(), b"012");
            assert!(source.read_at(8, 3).await.is_err());
            // A length nobody could have meant is refused before room is made for it.
            assert!(source.read_at(0, usize::MAX).await.is_err());
            assert!(source.read_at(u64::MAX, 1).await.is_err());
            assert!(source.write_at(0, vec![1]).await.is_err());
            fs::write(&path, b"0123").unwrap();
            assert!(source.read_at(6, 4).await.is_err(), "the file shrank");
            assert!(FileSource::open(directory.path()).await.is_err(), "a directory");
        });
    }

    #[test]
    fn a_sink_appears_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        block_on(async {
            let mut sink = FileSink::create(&target).await.unwrap();
            sink.write_at(4, b"4567".to_vec()).await.unwrap();
            sink.write_at(0, b"0123".to_vec()).await.unwrap();
            assert!(sink.read_at(0, 1).await.is_err());
            assert!(!target.exists() && sink.temporary_path().exists());
            sink.commit().await.unwrap();
            assert_eq!(names(directory.path()), ["out"]);
            assert_eq!(fs::read(&target).unwrap(), b"01234567");

            let mut abandoned = FileSink::create(&target).await.unwrap();
            abandoned.write_at(0, b"half".to_vec()).await.unwrap();
            drop(abandoned);
            assert_eq!(names(directory.path()), ["out"]);
            assert_eq!(fs::read(&target).unwrap(), b"01234567");
            assert!(FileSink::create(directory.path()).await.is_err(), "a directory");
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_sink_is_private_and_replaces_files_only() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let directory = tempfile::tempdir().unwrap();
        let (target, link) = (directory.path().join("out"), directory.path().join("link"));
        block_on(async {
            FileSink::create(&target).await.unwrap().commit().await.unwrap();
            assert_eq!(mode(&target), 0o600);
            fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
            symlink(&target, &link).unwrap();
            let mut sink = FileSink::create(&link).await.unwrap();
            assert_eq!(mode(sink.temporary_path()), 0o600);
            sink.write_at(0, b"through the link".to_vec()).await.unwrap();
            sink.commit().await.unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"through the link");
            assert_eq!(mode(&target), 0o640);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert!(FileSink::create("/dev/null").await.is_err());
        });
    }
}
