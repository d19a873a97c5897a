//! Formats and their cryptography (`docs/protocol.md`). Primitives come from the RustCrypto and
//! dalek crates; what is here is how they are put together.

pub mod card;
pub mod card_chain;
pub(crate) mod encoding;
pub mod key_file;
pub mod key_ring;
pub mod proof;
pub mod public_key;
pub(crate) mod secret;
pub mod stretch;
pub mod suite;
#[cfg(test)]
pub(crate) mod test_entropy;
pub(crate) mod wrap;

pub use card::{CardKey, IdentityCard, KeyKind, KeyState};
pub use card_chain::CardChain;
pub use key_file::{KeyFileContent, OpenKeyFile, SealedKeyFile, WrapSecrets, Wraps};
pub use key_ring::KeyRing;
pub use proof::{LoginProof, RetrievalKey, RetrievalProof, SignedRequest};
pub use secret::Secret;
pub use stretch::KdfPolicy;
