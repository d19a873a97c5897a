//! Containers: the seed's `container` module.

use super::Client;
use crate::reader::ContentReader;
use absio_proto::driver::blocking::Content;
use absio_proto::effect::ContentError;

absio_proto::container_methods! { [] [] absio_blocking [&mut dyn Content] }

/// Notices whether anything is written.
struct Counted<'s> {
    sink: &'s mut dyn Content,
    written: bool,
}

impl Content for Counted<'_> {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        let bytes = self.sink.read_at(offset, length)?;
        // What was there and is whole is content as well.
        self.written = true;
        Ok(bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.written = true;
        self.sink.write_at(offset, bytes)
    }

    fn record(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.sink.record(offset, bytes)
    }

    fn have(&self) -> u64 {
        self.sink.have()
    }
}
