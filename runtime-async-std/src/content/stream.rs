//! Content from any asynchronous reader and into any asynchronous writer.

use absio_proto::driver::nonblocking::Content;
use absio_proto::effect::{ContentError, ContentOp};
use absio_store::content::{ReaderPlace, WriterPlace};
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::io::ErrorKind;

/// Reads content from any [`AsyncRead`]: a pipe, a socket, a decompressor. Its length must be known before,
/// because the broker is told it first; a reader that gives fewer bytes, or more, is an error and nothing
/// is stored. After a read that failed, or was dropped on its way, every later one fails.
pub struct ReaderSource<R> {
    reader: R,
    place: ReaderPlace,
}

impl<R: AsyncRead + Unpin + Send> ReaderSource<R> {
    /// The next `length` bytes of `reader`, which are all it has.
    pub const fn new(reader: R, length: u64) -> Self {
        Self { reader, place: ReaderPlace::new(length) }
    }

    /// Bytes it will give.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.place.length()
    }

    /// The reader, behind what was read of it.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.reader
    }
}

fn failed(reason: impl ToString) -> ContentError {
    ContentError { reason: reason.to_string() }
}

impl<R: AsyncRead + Unpin + Send> Content for ReaderSource<R> {
    async fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        let is_last = self.place.begin(offset, length)?;
        let mut bytes = Vec::with_capacity(ContentOp::room_for(length));
        bytes.resize(length, 0);
        self.reader.read_exact(&mut bytes).await.map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.place.shorter(),
            _ => failed(error),
        })?;
        if is_last && self.reader.read(&mut [0]).await.map_err(failed)? > 0 {
            return Err(self.place.longer());
        }
        self.place.end(length);
        Ok(bytes)
    }

    async fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
        Err(failed("a source cannot be written"))
    }
}

/// Writes content into any [`AsyncWrite`]: a pipe, a socket, a hasher. Every byte is proven before it is
/// written; that it was the last is known when the operation is done. After a write that failed, or was
/// dropped on its way, every later one fails.
pub struct WriterSink<W> {
    writer: W,
    place: WriterPlace,
}

impl<W: AsyncWrite + Unpin + Send> WriterSink<W> {
    /// Into `writer`, from its present place on.
    pub fn new(writer: W) -> Self {
        Self { writer, place: WriterPlace::default() }
    }

    /// Bytes written.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.place.length()
    }

    /// The writer, not flushed.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.writer
    }
}

impl<W: AsyncWrite + Unpin + Send> Content for WriterSink<W> {
    async fn read_at(&mut self, _offset: u64, _length: usize) -> Result<Vec<u8>, ContentError> {
        Err(failed("a sink cannot be read"))
    }

    async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.place.begin(offset)?;
        self.writer.write_all(&bytes).await.map_err(failed)?;
        self.place.end(bytes.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{block_on, poll_once};
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    #[test]
    fn a_reader_gives_what_was_told_and_no_more() {
        let mut source = ReaderSource::new(&b"0123456789"[..], 10);
        block_on(async {
            assert_eq!(source.read_at(0, 4).await.unwrap(), b"0123");
            assert!(source.read_at(0, 4).await.is_err(), "it cannot go back");
            assert_eq!(source.read_at(4, 6).await.unwrap(), b"456789");
            assert!(source.read_at(10, 1).await.is_err());
        });
        assert_eq!((source.length(), source.into_inner()), (10, &b""[..]));
        let lies =
            |told: u64| block_on(ReaderSource::new(&b"0123456789"[..], told).read_at(0, told as usize));
        assert!(lies(9).unwrap_err().reason.contains("more than the 9 bytes"));
        assert!(lies(11).unwrap_err().reason.contains("ended before the 11 bytes"));
        assert!(lies(10).is_ok());
        // A length nobody could have meant is refused before room is made for it.
        assert!(block_on(ReaderSource::new(&b""[..], 5).read_at(0, usize::MAX)).is_err());
    }

    #[test]
    fn a_writer_takes_bytes_in_order() {
        let mut sink = WriterSink::new(Vec::new());
        block_on(async {
            sink.write_at(0, b"01".to_vec()).await.unwrap();
            sink.write_at(2, b"2".to_vec()).await.unwrap();
            assert!(sink.write_at(0, b"0".to_vec()).await.is_err());
            assert!(sink.write_at(4, b"4".to_vec()).await.is_err());
        });
        assert_eq!((sink.length(), sink.into_inner()), (3, b"012".to_vec()));
    }

    /// Two bytes a time, and between the first two and the next ones nothing yet.
    struct Slow<T>(T, usize);

    impl<T> Slow<T> {
        fn is_late(&mut self) -> bool {
            self.1 += 1;
            self.1 == 2
        }
    }

    impl<R: AsyncRead + Unpin> AsyncRead for Slow<R> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            if self.is_late() {
                return Poll::Pending;
            }
            let length = bytes.len().min(2);
            Pin::new(&mut self.0).poll_read(cx, &mut bytes[..length])
        }
    }

    impl<W: AsyncWrite + Unpin> AsyncWrite for Slow<W> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.is_late() {
                return Poll::Pending;
            }
            Pin::new(&mut self.0).poll_write(cx, &bytes[..bytes.len().min(2)])
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(cx)
        }

        fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_close(cx)
        }
    }

    #[test]
    fn a_read_that_was_dropped_shifts_nothing() {
        let mut source = ReaderSource::new(Slow(&b"0123456789"[..], 0), 10);
        block_on(async {
            assert!(poll_once(source.read_at(0, 4)).await.is_none(), "two bytes are gone with it");
            for (offset, length) in [(0, 4), (2, 4), (4, 4), (0, 0)] {
                let error = source.read_at(offset, length).await.unwrap_err();
                assert!(error.reason.contains("read was cut off"), "{}", error.reason);
            }
        });
        // The control: one that is waited for.
        let mut source = ReaderSource::new(Slow(&b"0123456789"[..], 2), 10);
        assert_eq!(block_on(source.read_at(0, 4)).unwrap(), b"0123");
    }

    #[test]
    fn a_write_that_was_dropped_doubles_nothing() {
        let mut sink = WriterSink::new(Slow(Vec::new(), 0));
        block_on(async {
            assert!(poll_once(sink.write_at(0, b"0123".to_vec())).await.is_none());
            for offset in [0, 2, 4] {
                let error = sink.write_at(offset, b"0123".to_vec()).await.unwrap_err();
                assert!(error.reason.contains("write was cut off"), "{}", error.reason);
            }
        });
        assert_eq!((sink.length(), sink.into_inner().0), (0, b"01".to_vec()));
    }
}
