//! Content in memory.

use absio_proto::driver::blocking::Content;
use absio_proto::driver::nonblocking;
use absio_proto::effect::ContentError;
use absio_proto::limits;

/// Reads content from bytes.
pub struct MemorySource<B> {
    bytes: B,
}

impl<B: AsRef<[u8]>> MemorySource<B> {
    /// A source of `bytes`.
    pub fn new(bytes: B) -> Self {
        Self { bytes }
    }

    /// Number of bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.bytes.as_ref().len() as u64
    }
}

impl<B: AsRef<[u8]>> Content for MemorySource<B> {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        usize::try_from(offset)
            .ok()
            .and_then(|start| self.bytes.as_ref().get(start..start.checked_add(length)?))
            .map(<[u8]>::to_vec)
            .ok_or_else(|| ContentError { reason: format!("it ends before byte {offset} + {length}") })
    }

    fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
        Err(ContentError { reason: "a source cannot be written".into() })
    }
}

/// Nothing is waited for.
impl<B: AsRef<[u8]> + Send> nonblocking::Content for MemorySource<B> {
    async fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        Content::read_at(self, offset, length)
    }

    async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        Content::write_at(self, offset, bytes)
    }
}

/// Gathers content in memory, at most [`limits::CONTENT_IN_MEMORY`] bytes. Believe it only when the
/// operation is done.
#[derive(Default)]
pub struct MemorySink {
    bytes: Vec<u8>,
}

impl MemorySink {
    /// An empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Content for MemorySink {
    fn read_at(&mut self, _offset: u64, _length: usize) -> Result<Vec<u8>, ContentError> {
        Err(ContentError { reason: "a sink cannot be read".into() })
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        let end = offset
            .checked_add(bytes.len() as u64)
            .filter(|end| *end <= limits::CONTENT_IN_MEMORY)
            .and_then(|end| usize::try_from(end).ok());
        let (Some(end), Ok(start)) = (end, usize::try_from(offset)) else {
            return Err(ContentError {
                reason: format!(
                    "it is longer than the {} bytes that are kept in memory; write it to a file",
                    limits::CONTENT_IN_MEMORY
                ),
            });
        };
        if offset == 0 && self.bytes.is_empty() {
            self.bytes = bytes;
            return Ok(());
        }
        if end > self.bytes.len() {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(&bytes);
        Ok(())
    }
}

/// Nothing is waited for.
impl nonblocking::Content for MemorySink {
    async fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        Content::read_at(self, offset, length)
    }

    async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        Content::write_at(self, offset, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_gives_exact_ranges_or_an_error() {
        let mut source = MemorySource::new(b"0123456789");
        assert_eq!(source.length(), 10);
        assert_eq!(source.read_at(3, 4).unwrap(), b"3456");
        assert_eq!(source.read_at(10, 0).unwrap(), b"");
        assert!(source.read_at(8, 3).is_err());
        assert!(source.read_at(u64::MAX, 1).is_err());
        assert!(source.read_at(1, usize::MAX).is_err());
        assert!(source.write_at(0, vec![1]).is_err());
    }

    #[test]
    fn a_sink_takes_pieces_in_any_order_up_to_its_limit() {
        let mut sink = MemorySink::new();
        sink.write_at(4, b"4567".to_vec()).unwrap();
        sink.write_at(0, b"0123".to_vec()).unwrap();
        assert!(sink.write_at(limits::CONTENT_IN_MEMORY, vec![0]).is_err());
        assert!(sink.write_at(u64::MAX, vec![0]).is_err());
        assert!(sink.read_at(0, 1).is_err());
        assert_eq!(sink.into_bytes(), b"01234567");
    }
}
