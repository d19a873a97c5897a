//! A source with a journal beside it, so that an upload can be gone on with after its process ended.

use super::off_thread::OffThread;
use absio_proto::driver::nonblocking::Content;
use absio_proto::effect::ContentError;
use absio_store::content::JournalFile;
use blocking::unblock;
use std::io;
use std::path::PathBuf;

/// A source whose upload is recorded in a file (`docs/protocol.md` §19), and gone on with from there: the
/// client's `create_from` and `update_from` see to it. [`finish`](Self::finish) it when the upload is done.
/// The file is made readable by its owner only, and one process at a time has it; what is in it is sealed
/// under the user's keys.
pub struct RecordedSource<S> {
    source: S,
    file: OffThread<JournalFile>,
    journal: Vec<u8>,
}

impl<S: Content> RecordedSource<S> {
    /// Records the upload of `source` in the file at `path`, which is made if it is absent; if it is there,
    /// it is of an earlier attempt.
    ///
    /// # Errors
    /// The system's, [`io::ErrorKind::InvalidInput`] if something else than a regular file is at `path`, or
    /// [`io::ErrorKind::WouldBlock`] if another process has it.
    pub async fn open(source: S, path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let (file, journal) = unblock(|| JournalFile::open(path)).await?;
        Ok(Self { source, file: OffThread::new(file), journal })
    }

    /// The upload is done: the file goes.
    ///
    /// # Errors
    /// The system's.
    pub async fn finish(mut self) -> io::Result<S> {
        let file = self.file.take().await.map_err(io::Error::other)?;
        unblock(|| file.remove()).await?;
        Ok(self.source)
    }
}

impl<S: Content + Send> Content for RecordedSource<S> {
    async fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        self.source.read_at(offset, length).await
    }

    async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.source.write_at(offset, bytes).await
    }

    fn journal(&self) -> Option<&[u8]> {
        Some(&self.journal)
    }

    async fn record(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        let put = move |file: &mut JournalFile| file.put(offset, &bytes).map(|()| bytes);
        let bytes = self.file.run(put).await??;
        // Another attempt by this same source must know of it: a part is sealed once under a key. Whoever
        // stopped waiting did not send the part.
        JournalFile::note(&mut self.journal, offset, &bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use absio_store::content::MemorySource;
    use futures_lite::future::{block_on, poll_once};

    #[test]
    fn a_journal_outlives_its_process_and_is_held_by_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let open = || RecordedSource::open(MemorySource::new(b"content"), &path);
        block_on(async {
            let mut first = open().await.unwrap();
            assert_eq!(first.journal(), Some(&b""[..]));
            first.record(0, b"head".to_vec()).await.unwrap();
            first.record(4, b"tail".to_vec()).await.unwrap();
            assert_eq!(first.journal(), Some(&b"headtail"[..]));
            assert_eq!(open().await.err().unwrap().kind(), io::ErrorKind::WouldBlock);
            drop(first);
            let mut second = open().await.unwrap();
            assert_eq!(second.journal(), Some(&b"headtail"[..]));
            assert_eq!(second.read_at(0, 7).await.unwrap(), b"content");
            second.finish().await.unwrap();
            assert!(!path.exists());
            assert!(RecordedSource::open(MemorySource::new(b""), directory.path()).await.is_err());
        });
    }

    #[test]
    fn a_record_that_was_dropped_is_in_its_place_before_the_next_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        block_on(async {
            let mut source = RecordedSource::open(MemorySource::new(b""), &path).await.unwrap();
            drop(poll_once(source.record(0, b"dropped".to_vec())).await);
            source.record(0, b"later".to_vec()).await.unwrap();
            drop(source);
            let source = RecordedSource::open(MemorySource::new(b""), &path).await.unwrap();
            assert_eq!(source.journal(), Some(&b"latered"[..]));
        });
    }
}
