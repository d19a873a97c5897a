//! The sans-IO core of Absio.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod crypto;
pub mod driver;
pub mod effect;
mod error;
pub mod limits;
pub mod model;
mod operation;
pub mod ops;
mod session;
pub mod trace;
pub mod wire;

pub use error::{CryptoError, Error, InputError, Misuse, RemoteCode, RemoteError};
pub use operation::{
    BoxOp, Cx, Entropy, EntropyError, Generation, Guard, Join, Leaf, Map, Now, Operation, Step,
};
pub use session::{Config, DEFAULT_SERVER_URL, Session, User};
