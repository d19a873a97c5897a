//! The body of an answer, while it comes.

use super::connection::{BUFFER_SIZE, Connection};
use super::failure::{interrupted, invalid, too_large};
use super::pool::Pool;
use absio_proto::effect::TransportError;
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::future;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use ureq_proto::BodyMode;
use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult};
use ureq_proto::http::{Method, Response, header};

/// Bytes read from a body at a time, and room made at first whatever length it claims.
pub(crate) const READ_SIZE: usize = 64 << 10;

/// Framing of chunks that is let pass for each byte of the body: that of chunks of one byte.
const FRAMING_PER_BYTE: usize = 32;
/// Bytes of a body that are read before other tasks, and the deadline, have their turn.
pub(crate) const TURN: usize = 1 << 20;

/// A body under way. With its last byte the connection goes back to the pool; after an error, or
/// dropped before the end, the connection is closed.
pub(crate) struct Incoming<S> {
    pool: Arc<Pool<S>>,
    rest: Option<(Connection<S>, Call<RecvBody>)>,
    length: Option<u64>,
    /// Bytes that may still come around the body: lengths of chunks, trailers.
    framing: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Incoming<S> {
    /// What follows the head `response`.
    ///
    /// # Errors
    /// Invalid if the head does not say where the body ends, or says it in two ways.
    pub(crate) fn begin(
        pool: &Arc<Pool<S>>,
        connection: Connection<S>,
        call: Call<RecvResponse>,
        method: &Method,
        response: &Response<()>,
    ) -> Result<Self, TransportError> {
        let bodiless = *method == Method::HEAD || matches!(response.status().as_u16(), 204 | 304);
        let sized = response.headers().contains_key(header::CONTENT_LENGTH);
        let chunked = response.headers().contains_key(header::TRANSFER_ENCODING);
        check_length(sized, chunked, bodiless, connection.origin())?;
        let undecided = || invalid("the response has no head", connection.origin());
        let mut incoming = Self { pool: Arc::clone(pool), rest: None, length: Some(0), framing: BUFFER_SIZE };
        match call.proceed().ok_or_else(undecided)? {
            RecvResponseResult::RecvBody(call) => {
                incoming.length = match call.body_mode() {
                    BodyMode::LengthDelimited(length) => Some(length),
                    BodyMode::Chunked => None,
                    BodyMode::NoBody | BodyMode::CloseDelimited => {
                        return Err(invalid(NO_LENGTH, connection.origin()));
                    }
                };
                incoming.rest = Some((connection, call));
            }
            RecvResponseResult::Redirect(call) => incoming.end(connection, call.must_close_connection()),
            RecvResponseResult::Cleanup(call) => incoming.end(connection, call.must_close_connection()),
        }
        Ok(incoming)
    }

    /// The body's length in bytes, if it is known before.
    #[cfg(feature = "surf")]
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Closes the connection.
    #[cfg(feature = "surf")]
    pub(crate) fn abandon(&mut self) {
        self.rest = None;
    }

    /// Reads into `bytes`, which has room; 0 is the end of the body.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &mut [u8],
    ) -> Poll<Result<usize, TransportError>> {
        let outcome = ready!(self.poll_rest(cx, bytes));
        if outcome.is_err() {
            self.rest = None;
        }
        Poll::Ready(outcome)
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>, bytes: &mut [u8]) -> Poll<Result<usize, TransportError>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            let Some((connection, call)) = &mut self.rest else {
                return Poll::Ready(Ok(0));
            };
            let (used, made) =
                call.read(connection.input(), bytes).map_err(|error| invalid(error, connection.origin()))?;
            connection.consume(used);
            let allowed = self.framing.saturating_add(made.saturating_mul(FRAMING_PER_BYTE));
            let Some(framing) = allowed.checked_sub(used.saturating_sub(made)) else {
                return Poll::Ready(Err(invalid("more framing than body", connection.origin())));
            };
            self.framing = framing;
            if call.can_proceed() {
                self.finish();
                return Poll::Ready(Ok(made));
            }
            if made > 0 {
                return Poll::Ready(Ok(made));
            }
            if used > 0 {
                continue;
            }
            if connection.is_full() {
                return Poll::Ready(Err(invalid("a chunk's length has no end", connection.origin())));
            }
            match ready!(connection.poll_fill(cx)) {
                Ok(0) => {
                    let reason = "the connection was closed before the end of the response";
                    return Poll::Ready(Err(interrupted(reason, connection.origin())));
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(interrupted(error, connection.origin()))),
            }
        }
    }

    fn finish(&mut self) {
        let Some((connection, call)) = self.rest.take() else { return };
        match call.proceed() {
            Some(RecvBodyResult::Redirect(call)) => self.end(connection, call.must_close_connection()),
            Some(RecvBodyResult::Cleanup(call)) => self.end(connection, call.must_close_connection()),
            None => {}
        }
    }

    fn end(&self, connection: Connection<S>, close: bool) {
        if !close {
            self.pool.put(connection);
        }
    }

    /// The whole body, never more than `limit` bytes.
    pub(crate) async fn collect(mut self, limit: u64) -> Result<Vec<u8>, TransportError> {
        if self.length.is_some_and(|length| length > limit) {
            return Err(too_large(limit));
        }
        let mut whole = Vec::new();
        while self.rest.is_some() {
            let begun = whole.len();
            // The claim is only trusted as far as bytes arrive.
            let claimed = self.length.map_or(READ_SIZE as u64, |length| length - begun as u64);
            let room = usize::try_from(claimed).map_or(READ_SIZE, |room| room.min(READ_SIZE));
            whole.resize(begun + room, 0);
            let read = poll_fn(|cx| self.poll_read(cx, &mut whole[begun..])).await?;
            whole.truncate(begun + read);
            if whole.len() as u64 > limit {
                return Err(too_large(limit));
            }
            if begun / TURN != whole.len() / TURN {
                future::yield_now().await;
            }
        }
        Ok(whole)
    }
}

const NO_LENGTH: &str = "the response does not state its length";

/// A body's end must be told by the head, and in one way: otherwise it cannot be told from a
/// connection that was cut, or from the next answer.
pub(crate) fn check_length(
    sized: bool,
    chunked: bool,
    bodiless: bool,
    origin: &str,
) -> Result<(), TransportError> {
    if sized && chunked {
        Err(invalid("the response states its length in two ways", origin))
    } else if !sized && !chunked && !bodiless {
        Err(invalid(NO_LENGTH, origin))
    } else {
        Ok(())
    }
}
