//! Formats and their cryptography (`docs/protocol.md`). Primitives come from the RustCrypto and
//! dalek crates; what is here is how they are put together.

pub(crate) mod encoding;
pub(crate) mod secret;
pub mod suite;

pub use secret::Secret;
