//! The operations, one file a verb. Each is resumed by a driver of [`crate::driver`]; wrap it in
//! [`Guard`](crate::Guard) before giving it to one.

mod authenticate;
pub mod container;
pub mod events;
mod exchange;
pub mod info;
pub mod key_file;
pub mod message;
pub mod ofs;
pub(crate) mod outbox;
pub mod user;

pub(crate) use authenticate::Authenticate;
pub(crate) use exchange::Exchange;
