//! Effects: what an operation asks its driver to do, and the replies that answer them.
//!
//! ```text
//!  Operation::resume ──▶ Step::Effect(effect) ──▶ driver performs it
//!         ▲                                            │
//!         └───────────── Reply, minted by the effect ◀─┘
//! ```
//!
//! A [`Reply`] can only be made by the effect it answers, so a reply of the wrong kind does not
//! compile; a reply to another effect is found by its [`Token`] and ends in [`Misuse`].

mod body;
mod compute;
mod content;
mod http;
mod progress;
mod store;

pub use body::Body;
pub use compute::Job;
pub use content::{ContentCall, ContentError, ContentOp, ContentOutcome};
pub use http::{HttpCall, HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
pub use progress::{Progress, ProgressCall, ProgressUnit};
pub use store::{
    BlobId, CellId, Commit, Precondition, StoreCall, StoreError, StoreErrorKind, StoreOp, StoreOutcome, Write,
};

use crate::error::{Error, Misuse};
use core::any::Any;
use core::time::Duration;

/// Names one emitted effect: the operation it belongs to, its step, and its place among the
/// members of an [`AllCall`]. Given by [`Guard`](crate::Guard), compared when the reply comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    pub(crate) operation: u64,
    pub(crate) step: u64,
    pub(crate) member: u32,
}

/// One thing an operation wants done. Drivers match it exhaustively on purpose: a new kind of
/// effect must break them at compile time.
#[must_use = "an effect that is not performed leaves its operation waiting for ever"]
pub enum Effect {
    /// One whole HTTP exchange.
    Http(HttpCall),
    /// One operation on the local store.
    Store(StoreCall),
    /// A heavy pure computation.
    Compute(Job),
    /// A read or write of the caller's content.
    Content(ContentCall),
    /// Wait for a while.
    Sleep(SleepCall),
    /// Tell whoever watches how far the operation is.
    Progress(ProgressCall),
    /// Several effects that may be performed at once.
    All(AllCall),
}

impl Effect {
    /// Stamps the token that the reply must carry.
    pub(crate) fn stamp(&mut self, token: Token) {
        match self {
            Self::Http(call) => call.token = token,
            Self::Store(call) => call.token = token,
            Self::Compute(call) => call.token = token,
            Self::Content(call) => call.token = token,
            Self::Sleep(call) => call.token = token,
            Self::Progress(call) => call.token = token,
            Self::All(call) => {
                call.token = token;
                for (member, effect) in (1u32..).zip(&mut call.members) {
                    effect.stamp(Token { member, ..token });
                }
            }
        }
    }
}

/// A wait that the driver performs with its own timer.
#[must_use = "performed by the driver"]
pub struct SleepCall {
    pub(crate) token: Token,
    duration: Duration,
}

impl SleepCall {
    /// A wait of `duration`.
    pub fn new(duration: Duration) -> Self {
        Self { token: Token::default(), duration }
    }

    /// How long to wait.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The wait is over.
    pub fn reply(self) -> Reply {
        Reply { token: self.token, value: ReplyValue::Slept }
    }
}

/// Effects that may be performed at once or one after another; each gives its own reply.
#[must_use = "performed by the driver"]
pub struct AllCall {
    pub(crate) token: Token,
    pub(crate) members: Vec<Effect>,
}

impl AllCall {
    /// Joins `members` into one effect. Members that are themselves an `All` are refused by
    /// [`Guard`](crate::Guard) as [`Misuse::NestedAll`].
    pub fn new(members: Vec<Effect>) -> Self {
        Self { token: Token::default(), members }
    }

    /// Splits into the slot that joins the replies and the members to perform.
    pub fn split(self) -> (JoinSlot, Vec<Effect>) {
        (JoinSlot { token: self.token, expected: self.members.len() }, self.members)
    }
}

/// Joins the replies of an [`AllCall`]'s members, given in any order.
#[must_use = "join the replies, or the operation waits for ever"]
pub struct JoinSlot {
    token: Token,
    expected: usize,
}

impl JoinSlot {
    /// One reply for the whole `All`. A missing, doubled or foreign member reply is reported by
    /// the operation as [`Error::Misuse`].
    pub fn join(self, mut replies: Vec<Reply>) -> Reply {
        replies.sort_by_key(|reply| reply.token);
        let complete = replies.len() == self.expected
            && (1u32..).zip(&replies).all(|(member, reply)| reply.token == Token { member, ..self.token });
        let value = if complete { ReplyValue::All(replies) } else { ReplyValue::BrokenJoin };
        Reply { token: self.token, value }
    }
}

/// The answer to one effect. Made only by the effect itself; neither cloned nor printed.
#[must_use = "hand the reply to the operation's next resume"]
pub struct Reply {
    pub(crate) token: Token,
    pub(crate) value: ReplyValue,
}

pub(crate) enum ReplyValue {
    Http(Result<HttpResponse, TransportError>),
    Store(Result<StoreOutcome, StoreError>),
    Compute(Box<dyn Any + Send>),
    Content(Result<ContentOutcome, ContentError>),
    Slept,
    Heard,
    All(Vec<Reply>),
    BrokenJoin,
}

impl Reply {
    /// The HTTP response, or why there is none.
    ///
    /// # Errors
    /// [`Misuse::WrongReply`] if this reply answers another kind of effect.
    pub fn http(self) -> Result<Result<HttpResponse, TransportError>, Error> {
        match self.value {
            ReplyValue::Http(outcome) => Ok(outcome),
            _ => Err(Misuse::WrongReply.into()),
        }
    }

    /// The store's outcome.
    ///
    /// # Errors
    /// [`Misuse::WrongReply`] if this reply answers another kind of effect.
    pub fn store(self) -> Result<Result<StoreOutcome, StoreError>, Error> {
        match self.value {
            ReplyValue::Store(outcome) => Ok(outcome),
            _ => Err(Misuse::WrongReply.into()),
        }
    }

    /// The result of a [`Job`].
    ///
    /// # Errors
    /// [`Misuse::WrongReply`] if this reply answers another effect, or the job gave another type.
    pub fn compute<T: 'static>(self) -> Result<T, Error> {
        match self.value {
            ReplyValue::Compute(value) => {
                value.downcast().map(|value| *value).map_err(|_| Misuse::WrongReply.into())
            }
            _ => Err(Misuse::WrongReply.into()),
        }
    }

    /// The outcome of a content call.
    ///
    /// # Errors
    /// [`Misuse::WrongReply`] if this reply answers another kind of effect.
    pub fn content(self) -> Result<Result<ContentOutcome, ContentError>, Error> {
        match self.value {
            ReplyValue::Content(outcome) => Ok(outcome),
            _ => Err(Misuse::WrongReply.into()),
        }
    }

    /// The end of a wait.
    ///
    /// # Errors
    /// [`Misuse::WrongReply`] if this reply answers another kind of effect.
    pub fn slept(self) -> Result<(), Error> {
        match self.value {
            ReplyValue::Slept => Ok(()),
            _ => Err(Misuse::WrongReply.into()),
        }
    }

    /// A report was heard.
    ///
    /// # Errors
    /// [`Misuse::WrongReply`] if this reply answers another kind of effect.
    pub fn heard(self) -> Result<(), Error> {
        match self.value {
            ReplyValue::Heard => Ok(()),
            _ => Err(Misuse::WrongReply.into()),
        }
    }

    /// The member replies of an [`AllCall`], in the order of its members.
    ///
    /// # Errors
    /// [`Misuse::WrongReply`] if this reply answers another kind of effect,
    /// [`Misuse::BrokenJoin`] if members were missing, doubled or foreign.
    pub fn all(self) -> Result<Vec<Self>, Error> {
        match self.value {
            ReplyValue::All(replies) => Ok(replies),
            ReplyValue::BrokenJoin => Err(Misuse::BrokenJoin.into()),
            _ => Err(Misuse::WrongReply.into()),
        }
    }
}
