//! Bodies between surf and the transport.

use crate::transport::incoming::{Incoming, READ_SIZE};
use absio_proto::effect::{HttpRequest, TransportError, TransportErrorKind};
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// When the time for a body is over.
pub(super) type End = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of a request, without a copy of it.
pub(super) struct RequestReader {
    request: HttpRequest,
    sent: usize,
}

impl RequestReader {
    pub(super) fn new(request: HttpRequest) -> Self {
        Self { request, sent: 0 }
    }

    fn rest(&self) -> &[u8] {
        self.request.body.get(self.sent..).unwrap_or_default()
    }
}

impl AsyncRead for RequestReader {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = this.rest().read(bytes)?;
        this.sent += length;
        Poll::Ready(Ok(length))
    }
}

impl AsyncBufRead for RequestReader {
    fn poll_fill_buf(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Poll::Ready(Ok(self.get_mut().rest()))
    }

    fn consume(self: Pin<&mut Self>, length: usize) {
        let this = self.get_mut();
        this.sent = this.request.body.len().min(this.sent.saturating_add(length));
    }
}

/// The body of an answer. surf asks for a `Sync` reader; the lock makes one of a stream that is not,
/// and is never taken, as reading needs the reader mutably.
pub(super) struct AnswerReader<S>(Mutex<Reading<S>>);

struct Reading<S> {
    incoming: Incoming<S>,
    end: Option<End>,
    /// For those who ask for a buffer instead of giving one.
    buffer: Vec<u8>,
    begin: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AnswerReader<S> {
    /// A reader of `incoming`, whose last byte must come before `end`.
    pub(super) fn new(incoming: Incoming<S>, end: Option<End>) -> Self {
        Self(Mutex::new(Reading { incoming, end, buffer: Vec::new(), begin: 0 }))
    }

    fn reading(self: Pin<&mut Self>) -> &mut Reading<S> {
        self.get_mut().0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Reading<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.begin < self.buffer.len() {
            let length = (&self.buffer[self.begin..]).read(bytes)?;
            self.begin += length;
            return Poll::Ready(Ok(length));
        }
        poll_incoming(&mut self.incoming, &mut self.end, cx, bytes)
    }

    fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if self.begin >= self.buffer.len() {
            self.begin = 0;
            self.buffer.resize(READ_SIZE, 0);
            let outcome = poll_incoming(&mut self.incoming, &mut self.end, cx, &mut self.buffer);
            self.buffer.truncate(match &outcome {
                Poll::Ready(Ok(length)) => *length,
                _ => 0,
            });
            ready!(outcome)?;
        }
        Poll::Ready(Ok(&self.buffer[self.begin..]))
    }
}

fn poll_incoming<S: AsyncRead + AsyncWrite + Unpin>(
    incoming: &mut Incoming<S>,
    end: &mut Option<End>,
    cx: &mut Context<'_>,
    bytes: &mut [u8],
) -> Poll<io::Result<usize>> {
    // First the time: a server that never stops sending must not outlast it.
    if end.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready()) {
        *end = None;
        incoming.abandon();
        let error = TransportError::new(TransportErrorKind::TimedOut, "no whole answer in time");
        return Poll::Ready(Err(wrap(error)));
    }
    incoming.poll_read(cx, bytes).map_err(wrap)
}

/// Never as `ErrorKind::Interrupted`, which readers take as an invitation to try again.
fn wrap(error: TransportError) -> io::Error {
    let kind = match error.kind {
        TransportErrorKind::TimedOut => io::ErrorKind::TimedOut,
        TransportErrorKind::Invalid => io::ErrorKind::InvalidData,
        _ => io::ErrorKind::ConnectionAborted,
    };
    io::Error::new(kind, error)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for AnswerReader<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<io::Result<usize>> {
        self.reading().poll_read(cx, bytes)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for AnswerReader<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.reading().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, length: usize) {
        let reading = self.reading();
        reading.begin = reading.buffer.len().min(reading.begin.saturating_add(length));
    }
}
