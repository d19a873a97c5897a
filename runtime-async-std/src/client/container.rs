//! Containers: the seed's `container` module.

use super::Client;
use crate::reader::ContentReader;
use absio_proto::driver::nonblocking::Content;
use absio_proto::effect::ContentError;

absio_proto::container_methods! { [async] [.await] absio_async_std [&mut (impl Content + Send)] }

/// Notices whether anything is written.
struct Counted<'s, C> {
    sink: &'s mut C,
    written: bool,
}

impl<C: Content + Send> Content for Counted<'_, C> {
    async fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        let bytes = self.sink.read_at(offset, length).await?;
        // What was there and is whole is content as well.
        self.written = true;
        Ok(bytes)
    }

    async fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.written = true;
        self.sink.write_at(offset, bytes).await
    }

    async fn record(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        self.sink.record(offset, bytes).await
    }

    fn have(&self) -> u64 {
        self.sink.have()
    }
}
