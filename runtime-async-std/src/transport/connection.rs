//! One connection: bytes to the server, and a buffer of those that came from it.

use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::io::AsyncWriteExt;
use futures_rustls::client::TlsStream;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

/// Bytes a connection takes in at a time: the longest head of a response.
pub(crate) const BUFFER_SIZE: usize = 64 << 10;

/// TCP, or TLS over it (or over the TLS of a proxy).
pub(crate) enum Stream<S> {
    Plain(S),
    Secure(Box<TlsStream<Self>>),
}

/// A connection, with the bytes read from it and not yet used.
pub(crate) struct Connection<S> {
    stream: Stream<S>,
    origin: Arc<str>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: Stream<S>, origin: Arc<str>) -> Self {
        Self { stream, origin, buffer: vec![0; BUFFER_SIZE].into(), start: 0, end: 0 }
    }

    pub(crate) fn origin(&self) -> &Arc<str> {
        &self.origin
    }

    /// What came and was not yet used.
    pub(crate) fn input(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(crate) fn consume(&mut self, length: usize) {
        self.start = self.end.min(self.start.saturating_add(length));
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Whether no more can be taken in before something is used.
    pub(crate) fn is_full(&self) -> bool {
        self.input().len() == self.buffer.len()
    }

    /// Takes in more. 0 is the end, also when the buffer is full.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let length = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut self.buffer[self.end..]))?;
        self.end += length;
        Poll::Ready(Ok(length))
    }

    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Sends all of `bytes`. TLS may hold some back until [`Self::flush`].
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.stream.flush().await
    }

    /// Whether the server neither closed the connection nor sent anything unasked, as far as is
    /// known without waiting.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        let mut cx = Context::from_waker(Waker::noop());
        self.input().is_empty() && Pin::new(&mut self.stream).poll_read(&mut cx, &mut byte).is_pending()
    }

    /// The stream below, if nothing that came is unused.
    pub(crate) fn into_stream(self) -> Option<Stream<S>> {
        self.input().is_empty().then_some(self.stream)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, bytes),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_close(cx),
            Self::Secure(stream) => Pin::new(stream).poll_close(cx),
        }
    }
}
