//! A content that is read as a file is: at any place, and nothing that is not asked for.

use crate::client::Client;
use absio_proto::Error;
use absio_proto::ops::container::ContentRanges;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes fetched at once when they are read in small pieces.
const READ_AHEAD: usize = 1 << 20;

/// The content of a container, open for reading; given by [`Containers::open`](crate::Containers::open).
/// [`Read`] and [`Seek`] as a file has them; what they fetch is held, up to 1 MiB.
pub struct ContentReader {
    client: Client,
    ranges: ContentRanges,
    position: u64,
    /// What was fetched last, and where it begins.
    held: (u64, Vec<u8>),
}

impl ContentReader {
    pub(crate) fn new(client: Client, ranges: ContentRanges) -> Self {
        Self { client, ranges, position: 0, held: (0, Vec::new()) }
    }

    /// Bytes of the content.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.ranges.length()
    }

    /// `length` bytes from `offset` on, at most 8 MiB; fewer at the end, none behind it.
    ///
    /// # Errors
    /// [`InputError::TooLarge`](absio_proto::InputError::TooLarge), what the exchange or the local store
    /// gave, [`CryptoError`](absio_proto::CryptoError) if what came is not what was signed, or
    /// [`Conflict`](absio_proto::RemoteCode::Conflict) if the content was changed since it was opened.
    pub fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        self.client.run(self.ranges.read(offset, length)?)
    }

    /// What is held from the present position on.
    fn ahead(&self) -> &[u8] {
        let (start, bytes) = &self.held;
        let skipped = self.position.checked_sub(*start).and_then(|skipped| usize::try_from(skipped).ok());
        skipped.and_then(|skipped| bytes.get(skipped..)).unwrap_or_default()
    }
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead().is_empty() && !buffer.is_empty() {
            let length = buffer.len().clamp(READ_AHEAD, 4 * READ_AHEAD);
            self.held = (self.position, self.read_at(self.position, length).map_err(io::Error::other)?);
        }
        let ahead = self.ahead();
        let length = ahead.len().min(buffer.len());
        buffer[..length].copy_from_slice(&ahead[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for ContentReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = position(to, self.position, self.length())?;
        Ok(self.position)
    }
}

/// Where a seek leads; behind the end is allowed, before the beginning is not.
fn position(to: SeekFrom, present: u64, length: u64) -> io::Result<u64> {
    let position = match to {
        SeekFrom::Start(position) => Some(position),
        SeekFrom::Current(step) => present.checked_add_signed(step),
        SeekFrom::End(step) => length.checked_add_signed(step),
    };
    position.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is before the beginning"))
}
