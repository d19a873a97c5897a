//! A server on `std` alone that answers by a script, well or badly: what transports are checked against.
//!
//! ```text
//! accept ─▶ head ─▶ Script::before_body ── an answer ──▶ played, connection closed
//!                        │ none
//!                        ▼
//!                 body ─▶ Script::answer ─▶ played ─▶ next head, or closed
//! ```
//!
//! ```
//! use absio_conformance::wire_server::{Answer, WireServer};
//!
//! // A server that is busy once.
//! let server = WireServer::playing([Answer::new(503), Answer::new(200).body("ok").byte_by_byte()])?;
//! assert!(server.origin().starts_with("http://127.0.0.1:"));
//! assert!(server.requests().is_empty());
//! # Ok::<(), std::io::Error>(())
//! ```

mod answer;
mod received;

pub use answer::{Answer, Step};
pub use received::Received;

use received::{Incoming, read_body, read_head};
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Decides what is answered. Closures from a request to an [`Answer`] are scripts.
pub trait Script: Send + Sync + 'static {
    /// An answer that is given before the body was read; the connection is closed after it.
    fn before_body(&self, head: &Received) -> Option<Answer> {
        let _ = head;
        None
    }

    /// The answer to a whole request.
    fn answer(&self, request: &Received) -> Answer;
}

impl<F: Fn(&Received) -> Answer + Send + Sync + 'static> Script for F {
    fn answer(&self, request: &Received) -> Answer {
        self(request)
    }
}

/// A server on loopback. Dropped, it closes every connection and ends its threads.
pub struct WireServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    script: Box<dyn Script>,
    state: Mutex<State>,
    /// Told when the server ends: whoever pauses stops.
    over: Condvar,
}

#[derive(Default)]
struct State {
    over: bool,
    requests: Vec<Received>,
    connections: Vec<TcpStream>,
    serving: Vec<JoinHandle<()>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `duration` pass, unless the server ends before; whether it goes on.
    fn pause(&self, duration: Duration) -> bool {
        let waited = self.over.wait_timeout_while(self.state(), duration, |state| !state.over);
        !waited.unwrap_or_else(PoisonError::into_inner).0.over
    }
}

impl WireServer {
    /// Serves every request with `script`.
    ///
    /// # Errors
    /// The operating system's, if there is no port.
    pub fn start(script: impl Script) -> io::Result<Self> {
        Self::start_at("127.0.0.1:0", script)
    }

    /// The same at `address`.
    ///
    /// # Errors
    /// The operating system's, if the address cannot be had.
    pub fn start_at(address: impl ToSocketAddrs, script: impl Script) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared =
            Arc::new(Shared { script: Box::new(script), state: Mutex::default(), over: Condvar::new() });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    /// Gives the answers in turn, to whatever is asked; the last one again to all that follows.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn playing(answers: impl IntoIterator<Item = Answer>) -> io::Result<Self> {
        let answers: Vec<Answer> = answers.into_iter().collect();
        let turn = Mutex::new(0);
        Self::start(move |_: &Received| {
            let mut turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = answers.get(*turn).or(answers.last()).cloned();
            *turn += 1;
            answer.unwrap_or_else(Answer::nothing)
        })
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came so far, in the order in which each was whole.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.state().requests.clone()
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().connections.len()
    }
}

impl Drop for WireServer {
    fn drop(&mut self) {
        self.shared.state().over = true;
        self.shared.over.notify_all();
        // Wakes whoever waits for a connection.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
        let (connections, serving) = {
            let mut state = self.shared.state();
            (std::mem::take(&mut state.connections), std::mem::take(&mut state.serving))
        };
        for connection in connections {
            drop(connection.shutdown(Shutdown::Both));
        }
        for thread in serving {
            drop(thread.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.state().over {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(handle) = stream.try_clone() else { continue };
        let mut state = shared.state();
        let number = state.connections.len();
        state.connections.push(handle);
        let shared = Arc::clone(shared);
        state.serving.push(thread::spawn(move || {
            // A client that hangs up is no error here.
            drop(serve(&stream, number, &shared));
            drop(stream.shutdown(Shutdown::Both));
        }));
    }
}

fn serve(stream: &TcpStream, connection: usize, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut incoming = Incoming::new(stream);
    while let Some(mut request) = read_head(&mut incoming, connection)? {
        if let Some(answer) = shared.script.before_body(&request) {
            shared.state().requests.push(request);
            play(stream, &answer, shared)?;
            return Ok(());
        }
        if request.header("expect").is_some() {
            (&mut &*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = read_body(&mut incoming, &request)?;
        shared.state().requests.push(request.clone());
        let answer = shared.script.answer(&request);
        if !play(stream, &answer, shared)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Performs the steps; whether the connection may serve another request.
fn play(mut stream: &TcpStream, answer: &Answer, shared: &Shared) -> io::Result<bool> {
    for step in answer.steps() {
        match step {
            Step::Bytes(bytes) => stream.write_all(bytes)?,
            Step::Pause(duration) => {
                if !shared.pause(*duration) {
                    return Ok(false);
                }
            }
            Step::Hold => {
                // Until the client has had enough, or the server ends and shuts the connection.
                drop(io::copy(&mut stream, &mut io::sink()));
                return Ok(false);
            }
            Step::Close => return Ok(false),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
