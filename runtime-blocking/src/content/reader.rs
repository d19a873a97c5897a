//! Content from any reader and into any writer.

use absio_proto::driver::blocking::Content;
use absio_proto::effect::ContentError;
use std::io::{ErrorKind, Read, Write};

/// Reads content from any [`Read`]: a pipe, a socket, a decompressor. Its length must be known before,
/// because the broker is told it first; a reader that gives fewer bytes, or more, is an error and nothing
/// is stored.
pub struct ReaderSource<R> {
    reader: R,
    length: u64,
    position: u64,
}

impl<R: Read> ReaderSource<R> {
    /// The next `length` bytes of `reader`, which are all it has.
    pub fn new(reader: R, length: u64) -> Self {
        Self { reader, length, position: 0 }
    }

    /// Bytes it will give.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Nothing may be left.
    fn check_end(&mut self) -> Result<(), ContentError> {
        loop {
            return match self.reader.read(&mut [0]) {
                Ok(0) => Ok(()),
                Ok(_) => Err(failed(format!("it has more than the {} bytes that were told", self.length))),
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
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.length);
        let end = end.ok_or_else(|| failed("it ends before"))?;
        if offset != self.position {
            return Err(failed("a reader is read once, from the first byte to the last"));
        }
        let mut bytes = vec![0; length];
        self.reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                failed(format!("it ended before the {} bytes that were told", self.length))
            }
            _ => failed(error),
        })?;
        self.position = end;
        if end == self.length {
            self.check_end()?;
        }
        Ok(bytes)
    }

    fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
        Err(failed("a source cannot be written"))
    }
}

/// Writes content into any [`Write`]: a pipe, a socket, a hasher. Every byte is proven before it is
/// written; that it was the last is known when the operation is done.
pub struct WriterSink<W> {
    writer: W,
    position: u64,
}

impl<W: Write> WriterSink<W> {
    /// Into `writer`, from its present place on.
    pub fn new(writer: W) -> Self {
        Self { writer, position: 0 }
    }

    /// Bytes written.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.position
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
        if offset != self.position {
            return Err(failed("a writer is written once, from the first byte to the last"));
        }
        self.writer.write_all(&bytes).map_err(failed)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gives_what_was_told_and_no_more() {
        let mut source = ReaderSource::new(&b"0123456789"[..], 10);
        assert_eq!(source.read_at(0, 4).unwrap(), b"0123");
        assert!(source.read_at(0, 4).is_err(), "it cannot go back");
        assert_eq!(source.read_at(4, 6).unwrap(), b"456789");
        assert!(source.read_at(10, 1).is_err());
        let lies = |told: u64| ReaderSource::new(&b"0123456789"[..], told).read_at(0, told as usize);
        assert!(lies(9).unwrap_err().reason.contains("more than the 9 bytes"));
        assert!(lies(11).unwrap_err().reason.contains("ended before the 11 bytes"));
        assert!(lies(10).is_ok());
        // A length nobody could have meant is refused before room is made for it.
        assert!(ReaderSource::new(&b""[..], 5).read_at(0, usize::MAX).is_err());
    }

    #[test]
    fn a_writer_takes_bytes_in_order() {
        let mut sink = WriterSink::new(Vec::new());
        sink.write_at(0, b"01".to_vec()).unwrap();
        sink.write_at(2, b"2".to_vec()).unwrap();
        assert!(sink.write_at(0, b"0".to_vec()).is_err());
        assert!(sink.write_at(4, b"4".to_vec()).is_err());
        assert_eq!((sink.length(), sink.into_inner()), (3, b"012".to_vec()));
    }
}
