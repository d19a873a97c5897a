//! How far an operation is: told to the driver, which shows it or drops it.

use super::{Reply, ReplyValue, Token};

/// How far an operation is. Told whenever something is finished for good: bytes of an upload are done
/// when the broker has them, bytes of a download when they are proven and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being counted.
    pub unit: ProgressUnit,
    /// How many are done; never decreases within an operation.
    pub done: u64,
    /// How many there are, as far as is known.
    pub total: u64,
}

/// What a [`Progress`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressUnit {
    /// Bytes of a content on their way to the broker or the local store.
    BytesSent,
    /// Bytes of a content on their way to the caller or the local store.
    BytesReceived,
    /// Containers that a [`Sync`](crate::provider::Sync) looked at.
    Containers,
}

/// One report. It asks for nothing: its reply only says that the driver may go on.
#[must_use = "performed by the driver"]
pub struct ProgressCall {
    pub(crate) token: Token,
    progress: Progress,
}

impl ProgressCall {
    /// A report of `progress`.
    pub fn new(progress: Progress) -> Self {
        Self { token: Token::default(), progress }
    }

    /// What is reported.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// It was heard.
    pub fn reply(self) -> Reply {
        Reply { token: self.token, value: ReplyValue::Heard }
    }
}
