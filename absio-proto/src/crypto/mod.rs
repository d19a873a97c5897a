//! Formats and their cryptography (`docs/protocol.md`). Primitives come from the RustCrypto and
//! dalek crates; what is here is how they are put together.

pub(crate) mod agreement;
pub mod algorithm;
pub mod card;
pub mod card_chain;
pub mod chain;
pub mod container;
pub mod container_id;
pub mod container_keys;
pub(crate) mod encoding;
pub mod key_blob;
pub mod key_file;
pub mod key_ring;
pub(crate) mod keystream;
pub mod manifest;
pub mod merkle;
pub mod message;
pub mod passphrase;
pub mod proof;
pub mod public_key;
#[cfg(test)]
mod public_vectors;
pub mod rules;
pub(crate) mod secret;
pub mod segment;
#[cfg(test)]
mod signature_edges;
pub mod stretch;
pub mod suite;
#[cfg(test)]
pub(crate) mod test_entropy;
pub mod tombstone;
pub(crate) mod wrap;

pub use agreement::Ephemeral;
pub use algorithm::{CipherIndex, MacIndex};
pub use card::{CardKey, IdentityCard, KeyKind, KeyState};
pub use card_chain::CardChain;
pub use chain::{ChainWalk, Pin, Signers, VerifiedHead, checkpoint, verify_run};
pub use container::{Assurance, Container};
pub use container_id::{check_container_id, container_id};
pub use container_keys::ContainerKeys;
pub use key_file::{KeyFileContent, OpenKeyFile, SealedKeyFile, WrapSecrets, Wraps};
pub use key_ring::KeyRing;
pub use manifest::{
    AccessEntry, AccessSlot, AccessSlots, Author, Manifest, ManifestBody, ManifestView, TypeOpening,
};
pub use passphrase::generate_passphrase;
pub use proof::{LoginProof, RetrievalKey, RetrievalProof, SignedRequest};
pub use rules::{RuleViolation, Transition, check_creation, check_transition};
pub use secret::Secret;
pub use stretch::KdfPolicy;
pub use tombstone::Tombstone;
