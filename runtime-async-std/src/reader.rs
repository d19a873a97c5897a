//! A content that is read as a file is: at any place, and nothing that is not asked for.

use crate::client::Client;
use crate::shared::Boxed;
use absio_proto::Error;
use absio_proto::ops::container::ContentRanges;
use futures_lite::{AsyncRead, AsyncSeek};
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

/// Bytes fetched at once when they are read in small pieces.
const READ_AHEAD: usize = 1 << 20;

/// The content of a container, open for reading; given by [`Containers::open`](crate::Containers::open).
/// [`AsyncRead`] and [`AsyncSeek`] as a file has them; what they fetch is held, up to 1 MiB.
pub struct ContentReader {
    client: Client,
    ranges: ContentRanges,
    position: u64,
    /// What was fetched last, and where it begins.
    held: (u64, Vec<u8>),
    fetching: Mutex<Option<Fetching>>,
}

/// A fetch on its way, and where what it brings begins.
type Fetching = (u64, Boxed<'static, Result<Vec<u8>, Error>>);

impl ContentReader {
    pub(crate) fn new(client: Client, ranges: ContentRanges) -> Self {
        Self { client, ranges, position: 0, held: (0, Vec::new()), fetching: Mutex::new(None) }
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
    pub async fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        self.client.run(self.ranges.read(offset, length)?).await
    }

    /// What is held from the present position on.
    fn ahead(&self) -> &[u8] {
        let (start, bytes) = &self.held;
        let skipped = self.position.checked_sub(*start).and_then(|skipped| usize::try_from(skipped).ok());
        skipped.and_then(|skipped| bytes.get(skipped..)).unwrap_or_default()
    }

    fn fetch(&self, length: usize) -> Fetching {
        let (client, ranges, position) = (self.client.clone(), self.ranges.clone(), self.position);
        (position, Box::pin(async move { client.run(ranges.read(position, length)?).await }))
    }
}

impl AsyncRead for ContentReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.ahead().is_empty() && !buffer.is_empty() {
            let length = buffer.len().clamp(READ_AHEAD, 4 * READ_AHEAD);
            let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Of another place, it is of no use.
            fetching = fetching.filter(|(start, _)| *start == self.position);
            let (start, mut bytes) = fetching.unwrap_or_else(|| self.fetch(length));
            match bytes.as_mut().poll(cx) {
                Poll::Pending => {
                    *self.fetching.lock().unwrap_or_else(PoisonError::into_inner) = Some((start, bytes));
                    return Poll::Pending;
                }
                Poll::Ready(fetched) => self.held = (start, fetched.map_err(io::Error::other)?),
            }
        }
        let ahead = self.ahead();
        let length = ahead.len().min(buffer.len());
        buffer[..length].copy_from_slice(&ahead[..length]);
        self.position += length as u64;
        Poll::Ready(Ok(length))
    }
}

impl AsyncSeek for ContentReader {
    fn poll_seek(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(step) => self.position.checked_add_signed(step),
            SeekFrom::End(step) => self.length().checked_add_signed(step),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "it is before the beginning");
        self.position = position.ok_or_else(before)?;
        Poll::Ready(Ok(self.position))
    }
}
