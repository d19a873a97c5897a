//! An answer: what is written, and how.

use std::time::Duration;

/// One thing the server does while it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Writes the bytes at once.
    Bytes(Vec<u8>),
    /// Lets time pass: a slow line.
    Pause(Duration),
    /// Says nothing more and keeps the connection, until the client closes it.
    Hold,
    /// Closes the connection.
    Close,
}

/// What is answered to one request: steps, after which the connection serves the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    steps: Vec<Step>,
}

impl Answer {
    /// An answer of that status, without a body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self::whole(status, &[], b"")
    }

    /// Status, headers and body, with the body's length added if `headers` do not state one.
    #[must_use]
    pub fn whole(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let stated = headers.iter().any(|(name, _)| {
            name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
        });
        let mut text = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !stated {
            text += &format!("content-length: {}\r\n", body.len());
        }
        text += "\r\n";
        Self::raw([text.as_bytes(), body].concat())
    }

    /// Bytes that need not be HTTP.
    #[must_use]
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { steps: vec![Step::Bytes(bytes.into())] }
    }

    /// No answer: the connection is closed.
    #[must_use]
    pub fn nothing() -> Self {
        Self { steps: vec![Step::Close] }
    }

    /// No answer, and no end of the connection either.
    #[must_use]
    pub fn silence() -> Self {
        Self { steps: vec![Step::Hold] }
    }

    /// The same status with `body`, and its length.
    #[must_use]
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        let status =
            String::from_utf8_lossy(&self.bytes()).split(' ').nth(1).and_then(|word| word.parse().ok());
        Self::whole(status.unwrap_or(200), &[], body.as_ref())
    }

    /// The same bytes, each written by itself.
    #[must_use]
    pub fn byte_by_byte(self) -> Self {
        self.split(1)
    }

    /// The same bytes, written in pieces of `size`.
    #[must_use]
    pub fn split(self, size: usize) -> Self {
        let pieces = |step: Step| match step {
            Step::Bytes(bytes) => {
                bytes.chunks(size.max(1)).map(|piece| Step::Bytes(piece.to_vec())).collect()
            }
            other => vec![other],
        };
        Self { steps: self.steps.into_iter().flat_map(pieces).collect() }
    }

    /// Lets `duration` pass before each of the steps so far.
    #[must_use]
    pub fn slowly(self, duration: Duration) -> Self {
        Self { steps: self.steps.into_iter().flat_map(|step| [Step::Pause(duration), step]).collect() }
    }

    /// Lets `duration` pass before the first byte.
    #[must_use]
    pub fn after(mut self, duration: Duration) -> Self {
        self.steps.insert(0, Step::Pause(duration));
        self
    }

    /// The first `length` bytes, then the connection is closed: an early end.
    #[must_use]
    pub fn cut_at(self, length: usize) -> Self {
        let mut bytes = self.bytes();
        bytes.truncate(length);
        Self { steps: vec![Step::Bytes(bytes), Step::Close] }
    }

    /// The same with its last `length` bytes left out, then the connection is closed.
    #[must_use]
    pub fn cut_before_end(self, length: usize) -> Self {
        let whole = self.bytes().len();
        self.cut_at(whole.saturating_sub(length))
    }

    /// Closes the connection after the steps so far.
    #[must_use]
    pub fn then_close(self) -> Self {
        self.then(Step::Close)
    }

    /// Keeps the connection after the steps so far, and says nothing more.
    #[must_use]
    pub fn then_hold(self) -> Self {
        self.then(Step::Hold)
    }

    /// One more step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// What the server does, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// All bytes of the answer, whatever the pieces.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let written = self.steps.iter().filter_map(|step| match step {
            Step::Bytes(bytes) => Some(bytes.as_slice()),
            _ => None,
        });
        written.flatten().copied().collect()
    }
}

fn reason(status: u16) -> &'static str {
    match status / 100 {
        2 => "OK",
        3 => "Moved",
        4 => "Refused",
        5 => "Failed",
        _ => "Other",
    }
}
