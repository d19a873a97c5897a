//! Content from any reader and into any writer.

use super::place::{ReaderPlace, WriterPlace};
use absio_proto::driver::blocking::Content;
use absio_proto::effect::{ContentError, ContentOp};
use std::io::{ErrorKind, Read, Write};

/// Reads content from any [`Read`]: a pipe, a socket, a decompressor. Its length must be known before,
/// because the broker is told it first; a reader that gives fewer bytes, or more, is an error and nothing
/// is stored. After a read that failed, every later one fails.
pub struct ReaderSource<R> {
    reader: R,
    place: ReaderPlace,
}

impl<R: Read> ReaderSource<R> {
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

    /// Nothing may be left.
    fn check_end(&mut self) -> Result<(), ContentError> {
        loop {
            return match self.reader.read(&mut [0]) {
                Ok(0) => Ok(()),
                Ok(_) => Err(self.place.longer()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(failed(error)),
            };
        }
    }
}

fn failed(reason: impl ToString) -> ContentError {
    ContentError { reason: reason.to_string() }
}

impl<R: Read> Content for ReaderSource<R> {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        let is_last = self.place.begin(offset, length)?;
        let mut bytes = Vec::with_capacity(ContentOp::room_for(length));
        bytes.resize(length, 0);
        self.reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.place.shorter(),
            _ => failed(error),
        })?;
        if is_last {
            self.check_end()?;
        }
        self.place.end(length);
        Ok(bytes)
    }

    fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
        Err(failed("a source cannot be written"))
    }
}

/// Writes content into any [`Write`]: a pipe, a socket, a hasher. Every byte is proven before it is
/// written; that it was the last is known when the operation is done. After a write that failed, every
/// later one fails.
pub struct WriterSink<W> {
    writer: W,
    place: WriterPlace,
}

impl<W: Write> WriterSink<W> {
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

impl<W: Write> Content for WriterSink<W> {
    fn read_at(&mut self, _offset: u64, _length: usize) -> Result<Vec<u8>, ContentError> {
        Err(failed("a sink cannot be read"))
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.place.begin(offset)?;
        self.writer.write_all(&bytes).map_err(failed)?;
        self.place.end(bytes.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_reader_gives_what_was_told_and_no_more() {
        let mut source = ReaderSource::new(&b"0123456789"[..], 10);
        assert_eq!(source.read_at(0, 4).unwrap(), b"0123");
        assert!(source.read_at(0, 4).is_err(), "it cannot go back");
        assert_eq!(source.read_at(4, 6).unwrap(), b"456789");
        assert!(source.read_at(10, 1).is_err());
        assert_eq!((source.length(), source.into_inner()), (10, &b""[..]));
        let lies = |told: u64| ReaderSource::new(&b"0123456789"[..], told).read_at(0, told as usize);
        assert!(lies(9).unwrap_err().reason.contains("more than the 9 bytes"));
        assert!(lies(11).unwrap_err().reason.contains("ended before the 11 bytes"));
        assert!(lies(10).is_ok());
        // A length nobody could have meant is refused before room is made for it.
        assert!(ReaderSource::new(&b""[..], 5).read_at(0, usize::MAX).is_err());
        assert!(ReaderSource::new(&b""[..], 5).write_at(0, vec![1]).is_err());
    }

    #[test]
    fn a_writer_takes_bytes_in_order() {
        let mut sink = WriterSink::new(Vec::new());
        sink.write_at(0, b"01".to_vec()).unwrap();
        sink.write_at(2, b"2".to_vec()).unwrap();
        assert!(sink.write_at(0, b"0".to_vec()).is_err());
        assert!(sink.write_at(4, b"4".to_vec()).is_err());
        assert!(sink.read_at(0, 1).is_err());
        assert_eq!((sink.length(), sink.into_inner()), (3, b"012".to_vec()));
    }

    /// Two bytes a time, and once, after the first two, none.
    struct Faulty<T>(T, usize);

    impl<T> Faulty<T> {
        fn turn(&mut self) -> io::Result<()> {
            self.1 += 1;
            if self.1 == 2 { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
        }
    }

    impl<R: Read> Read for Faulty<R> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            self.turn()?;
            let length = bytes.len().min(2);
            self.0.read(&mut bytes[..length])
        }
    }

    impl<W: Write> Write for Faulty<W> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.turn()?;
            self.0.write(&bytes[..bytes.len().min(2)])
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    #[test]
    fn after_a_failure_nothing_is_shifted() {
        let mut source = ReaderSource::new(Faulty(&b"0123456789"[..], 0), 10);
        assert!(source.read_at(0, 4).is_err());
        assert!(source.read_at(0, 4).unwrap_err().reason.contains("cut off"), "not 2345");
        let mut sink = WriterSink::new(Faulty(Vec::new(), 0));
        assert!(sink.write_at(0, b"0123".to_vec()).is_err());
        assert!(sink.write_at(0, b"0123".to_vec()).unwrap_err().reason.contains("cut off"), "not 010123");
        assert_eq!((sink.length(), sink.into_inner().0), (0, b"01".to_vec()));
    }
}
