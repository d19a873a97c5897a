//! One exchange over one connection.
//!
//! ```text
//! head ─┬─ no body ───────────────────────────┬─ head of the answer ─ body (incoming.rs) ─ pool
//!       ├─ body ──────────────────────────────┤
//!       └─ wait for 100 ─┬─ 100, or no word ─ body
//!                        └─ another answer ───┘
//! ```
//!
//! The connection belongs to the future: dropped at any point, it takes the connection with it.

use super::connection::{BUFFER_SIZE, Connection};
use super::failure::{interrupted, invalid};
use super::incoming::Incoming;
use super::pool::Pool;
use super::prepare::Prepared;
use crate::runtime::Runtime;
use absio_proto::effect::TransportError;
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use futures_lite::future;
use futures_lite::io::AsyncBufReadExt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use ureq_proto::client::state::{Await100, RecvResponse, SendBody};
use ureq_proto::client::{Await100Result, Call, SendRequestResult};
use ureq_proto::http::{Method, Response};

/// How long a server may take to say "continue" before the body is sent anyway.
const ASK_PATIENCE: Duration = Duration::from_secs(1);
/// A beginning of a body up to this size is sent in one piece with the head.
const SMALL_BODY: usize = 16 << 10;
/// Room for a chunk of a body without known length.
const CHUNK_SIZE: usize = 16 << 10;

/// Sends the request and receives the head of the answer.
pub(crate) async fn converse<R: Runtime>(
    runtime: &R,
    pool: &Arc<Pool<R::Stream>>,
    mut connection: Connection<R::Stream>,
    request: Prepared,
    body: impl AsyncBufRead + Unpin,
) -> Result<(Response<()>, Incoming<R::Stream>), TransportError> {
    let Prepared { method, head, next, body_length, .. } = request;
    let call = match next {
        SendRequestResult::RecvResponse(call) => {
            deliver(&mut connection, &head).await?;
            call
        }
        SendRequestResult::SendBody(call) => {
            send_body(&mut connection, head, call, body, body_length).await?
        }
        SendRequestResult::Await100(call) => {
            deliver(&mut connection, &head).await?;
            match await_word(runtime, &mut connection, call).await? {
                Await100Result::SendBody(call) => {
                    send_body(&mut connection, Vec::new(), call, body, body_length).await?
                }
                Await100Result::RecvResponse(call) => call,
            }
        }
    };
    receive_head(pool, connection, call, &method).await
}

fn cut(connection: &Connection<impl AsyncRead + AsyncWrite + Unpin>, error: io::Error) -> TransportError {
    interrupted(error, connection.origin())
}

async fn deliver<S>(connection: &mut Connection<S>, bytes: &[u8]) -> Result<(), TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    connection.send(bytes).await.map_err(|error| cut(connection, error))?;
    // TLS takes bytes in before the socket does: without this the server may wait for the rest.
    connection.flush().await.map_err(|error| cut(connection, error))
}

/// Takes in more of the answer; its end is an error.
async fn take_in<S>(connection: &mut Connection<S>) -> Result<usize, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if connection.is_full() {
        return Err(invalid("the head of the response is too long", connection.origin()));
    }
    match connection.fill().await {
        Ok(0) => Err(interrupted("the connection was closed before the answer", connection.origin())),
        Ok(length) => Ok(length),
        Err(error) => Err(cut(connection, error)),
    }
}

/// An informational answer of `length` bytes is passed by; no server has reason to send many.
fn pass<S>(passed: &mut usize, length: usize, connection: &Connection<S>) -> Result<(), TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    *passed += length;
    if *passed > BUFFER_SIZE {
        return Err(invalid("informational answers without end", connection.origin()));
    }
    Ok(())
}

async fn await_word<R: Runtime>(
    runtime: &R,
    connection: &mut Connection<R::Stream>,
    mut call: Call<Await100>,
) -> Result<Await100Result, TransportError> {
    let mut patience = pin!(runtime.sleep(ASK_PATIENCE));
    let mut passed = 0;
    while call.can_keep_await_100() {
        // Patience first: a server that never stops talking must not outlast it.
        let over = async {
            patience.as_mut().await;
            None
        };
        let said = future::or(over, async { Some(take_in(connection).await) });
        match said.await {
            None => break,
            Some(taken) => taken?,
        };
        // More than one informational answer may have come at once.
        while call.can_keep_await_100() && !connection.input().is_empty() {
            let used =
                call.try_read_100(connection.input()).map_err(|error| invalid(error, connection.origin()))?;
            connection.consume(used);
            pass(&mut passed, used, connection)?;
            if used == 0 {
                break;
            }
        }
    }
    call.proceed().map_err(|error| invalid(error, connection.origin()))
}

/// Sends `head` and the body, in one piece if that is small.
async fn send_body<S>(
    connection: &mut Connection<S>,
    mut head: Vec<u8>,
    mut call: Call<SendBody>,
    mut body: impl AsyncBufRead + Unpin,
    length: Option<u64>,
) -> Result<Call<RecvResponse>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let refuse = |error: &dyn std::fmt::Display, connection: &Connection<S>| {
        invalid(format_args!("the body cannot be sent: {error}"), connection.origin())
    };
    let mut left = length;
    let mut chunk = if call.is_chunked() { vec![0; CHUNK_SIZE] } else { Vec::new() };
    while !call.can_proceed() {
        let piece = match body.fill_buf().await {
            Ok(piece) => piece,
            Err(error) => return Err(refuse(&error, connection)),
        };
        // A reader may hold more than the length that was stated.
        let stated = left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        let piece = &piece[..piece.len().min(stated)];
        let used = if call.is_chunked() {
            let (used, made) = call.write(piece, &mut chunk).map_err(|error| refuse(&error, connection))?;
            head.extend_from_slice(&chunk[..made]);
            used
        } else {
            if piece.is_empty() {
                return Err(refuse(&"it ends before its stated length", connection));
            }
            call.consume_direct_write(piece.len()).map_err(|error| refuse(&error, connection))?;
            if piece.len() <= SMALL_BODY {
                head.extend_from_slice(piece);
            } else {
                connection.send(&head).await.map_err(|error| cut(connection, error))?;
                head.clear();
                connection.send(piece).await.map_err(|error| cut(connection, error))?;
            }
            piece.len()
        };
        connection.send(&head).await.map_err(|error| cut(connection, error))?;
        head.clear();
        Pin::new(&mut body).consume(used);
        left = left.map(|left| left.saturating_sub(used as u64));
    }
    connection.flush().await.map_err(|error| cut(connection, error))?;
    call.proceed().ok_or_else(|| refuse(&"it has no end", connection))
}

async fn receive_head<S>(
    pool: &Arc<Pool<S>>,
    mut connection: Connection<S>,
    mut call: Call<RecvResponse>,
    method: &Method,
) -> Result<(Response<()>, Incoming<S>), TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A head ends with a line: parsing anew for every byte of a trickle would be quadratic.
    let (mut parsed, mut passed) = (0, 0);
    loop {
        let input = connection.input();
        if !input.is_empty() && (parsed == 0 || input[parsed..].contains(&b'\n')) {
            let (used, response) =
                call.try_response(input, false).map_err(|error| invalid(error, connection.origin()))?;
            connection.consume(used);
            if let Some(response) = response {
                return Incoming::begin(pool, connection, call, method, &response)
                    .map(|incoming| (response, incoming));
            }
            if used > 0 {
                pass(&mut passed, used, &connection)?;
                parsed = 0;
                continue;
            }
        }
        parsed = connection.input().len();
        take_in(&mut connection).await?;
    }
}
