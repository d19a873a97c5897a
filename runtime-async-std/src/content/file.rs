//! Content in files, read and written off the executor.

use super::off_thread::OffThread;
use absio_proto::driver::blocking::Content as _;
use absio_proto::driver::nonblocking::Content;
use absio_proto::effect::ContentError;
use absio_store::content;
use blocking::unblock;
use std::io;
use std::path::{Path, PathBuf};

/// Reads content from a regular file.
pub struct FileSource {
    file: OffThread<content::FileSource>,
    length: u64,
}

impl FileSource {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::InvalidInput`] if it is not a regular file.
    pub async fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let source = unblock(|| content::FileSource::open(path)).await?;
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
        self.file.read_at(offset, length).await
    }

    async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.file.write_at(offset, bytes).await
    }
}

/// Writes content to a file that appears only when it is whole.
///
/// Bytes go to a temporary file beside the target (created anew, readable by its owner only);
/// [`commit`](Self::commit) makes it durable and renames it. Dropped without that, it is removed, on the
/// thread that drops it (or that still writes it), or, if it was begun by [`resume`](Self::resume), kept for
/// the next attempt. A new file stays readable by its owner only; a replaced one keeps its permissions.
pub struct FileSink {
    file: OffThread<content::FileSink>,
    temporary: PathBuf,
    /// Bytes of an earlier attempt.
    have: u64,
}

impl FileSink {
    /// Begins a file that will appear at `target`.
    ///
    /// # Errors
    /// The system's, or [`io::ErrorKind::InvalidInput`] if something else than a regular file is at
    /// `target`.
    pub async fn create(target: impl Into<PathBuf>) -> io::Result<Self> {
        let target = target.into();
        unblock(|| content::FileSink::create(target)).await.map(Self::of)
    }

    /// Begins, or goes on with, a file that will appear at `target`: bytes go to `.NAME.absio-part` beside
    /// it, which stays if the transfer is cut off. What is there is compared with what is signed before it
    /// counts; [`truncate`](Self::truncate) to the length of the content before the commit.
    ///
    /// # Errors
    /// As [`create`](Self::create), or [`io::ErrorKind::WouldBlock`] if another process is at work on it.
    pub async fn resume(target: impl Into<PathBuf>) -> io::Result<Self> {
        let target = target.into();
        unblock(|| content::FileSink::resume(target)).await.map(Self::of)
    }

    fn of(sink: content::FileSink) -> Self {
        Self { temporary: sink.temporary_path().to_owned(), have: sink.have(), file: OffThread::new(sink) }
    }

    /// Cuts what an earlier attempt left behind the end of the content.
    ///
    /// # Errors
    /// The system's.
    pub async fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.run(move |sink| sink.truncate(length)).await.map_err(io::Error::other)?
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
    /// The system's; the target is then as it was, and the temporary file is removed, or kept if it was
    /// [resumed](Self::resume).
    pub async fn commit(mut self) -> io::Result<()> {
        let sink = self.file.take().await.map_err(io::Error::other)?;
        unblock(|| sink.commit()).await
    }
}

impl Content for FileSink {
    async fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        self.file.read_at(offset, length).await
    }

    fn have(&self) -> u64 {
        self.have
    }

    async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.file.write_at(offset, bytes).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{block_on, poll_once};
    use std::fs;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
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
            drop(poll_once(source.read_at(3, 3)).await);
            assert_eq!(source.read_at(0, 3).await.unwrap(), b"012", "not what was dropped");
            assert!(source.read_at(8, 3).await.is_err());
            assert!(source.write_at(0, vec![1]).await.is_err());
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

    #[test]
    fn what_was_dropped_is_done_before_what_comes_next() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        block_on(async {
            let mut sink = FileSink::create(&target).await.unwrap();
            drop(poll_once(sink.write_at(0, b"0123".to_vec())).await);
            sink.commit().await.unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"0123");

            let mut sink = FileSink::create(&target).await.unwrap();
            drop(poll_once(sink.write_at(0, b"0123".to_vec())).await);
            sink.write_at(0, b"ab".to_vec()).await.unwrap();
            drop(poll_once(sink.truncate(3)).await);
            sink.commit().await.unwrap();
        });
        assert_eq!(fs::read(&target).unwrap(), b"ab2");
    }

    #[test]
    fn a_sink_that_is_resumed_keeps_what_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        block_on(async {
            let mut sink = FileSink::resume(&target).await.unwrap();
            assert_eq!(sink.have(), 0);
            sink.write_at(0, b"0123".to_vec()).await.unwrap();
            assert_eq!(FileSink::resume(&target).await.err().unwrap().kind(), io::ErrorKind::WouldBlock);
            drop(sink);
            assert_eq!(names(directory.path()), [".out.absio-part"]);
            let mut sink = FileSink::resume(&target).await.unwrap();
            assert_eq!((sink.have(), sink.read_at(1, 2).await.unwrap()), (4, b"12".to_vec()));
            sink.write_at(0, b"ab".to_vec()).await.unwrap();
            sink.truncate(3).await.unwrap();
            sink.commit().await.unwrap();
        });
        assert_eq!(names(directory.path()), ["out"]);
        assert_eq!(fs::read(&target).unwrap(), b"ab2");
    }
}
