//! Transports around transports, and transports without a network (`docs/transports.md`).
//!
//! A [`Transport`](crate::driver::blocking::Transport) is one method: a whole request in, a whole
//! response or a [`TransportError`](crate::effect::TransportError) out. So whatever is to happen to
//! every request of a program is a transport around another one:
//!
//! | type | what it does |
//! |---|---|
//! | [`Recording`] | tells an observer of every exchange, or keeps them, without secrets or with |
//! | [`Replaying`] | answers what was recorded, in place of a network |
//! | [`RetryPolicy`] | decides whether a request may be sent again: for wrappers of runtimes, which can wait |
//! | [`Immediate`] | makes a transport that never waits one for tasks |
//!
//! All of them work for threads and for tasks alike, and none reads a clock, waits or starts a thread.

mod exchange;
mod immediate;
mod recording;
mod replaying;
mod retry;

pub use exchange::{Exchange, Exchanged};
pub use immediate::Immediate;
pub use recording::{Kept, Recording};
pub use replaying::{Replaying, Unexpected};
pub use retry::{Attempts, Next, RetryPolicy};

#[cfg(test)]
mod tests;
