//! Suite 1, and the one place where labels become hashes, keys and signatures
//! (`docs/protocol.md`, "Suite and labels").

use crate::crypto::secret::Secret;
use crate::error::CryptoError;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha384};

/// The suite this version writes: X25519, Ed25519, HKDF/SHA-384, AES-256-CTR, HMAC, PBKDF2.
pub const SUITE_1: u16 = 0x0001;

/// Every label begins with this.
const NAMESPACE: &[u8] = b"absio/v1/";

/// A SHA-384 digest.
pub type Digest48 = [u8; 48];

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every label, for the test that crosses each with each.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The label after the namespace.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

labels! {
    /// What a hash or HMAC salt is for.
    HashLabel {
        /// Body of an identity card: user id, previous card, fingerprint.
        Card = "card",
        /// Container id.
        ContainerId = "containerid",
        /// Extraction of key blob keys.
        KeyBlob = "keyblob",
        /// Hash of a key blob in a manifest.
        Blob = "blob",
        /// Extraction of segment keys.
        Segment = "segment",
        /// Digest of a segment.
        SegmentDigest = "segdig",
        /// Salted commitment to a type.
        TypeCommitment = "type",
        /// Hash of an access entry.
        AccessEntry = "access-entry",
        /// Access root.
        AccessRoot = "access-root",
        /// Hash of a manifest's unsigned body.
        Manifest = "manifest",
        /// Extraction of sealed message keys.
        Message = "message",
        /// Salt of the retrieval key.
        Retrieval = "retrieval",
        /// Extraction of key file keys.
        KeyFile = "keyfile",
        /// Salt of the password wrap.
        PasswordWrap = "password-wrap",
        /// Salt of the passphrase wrap.
        PassphraseWrap = "passphrase-wrap",
        /// Body of a signed request.
        RequestBody = "request-body",
        /// Checkpoint over pins.
        Checkpoint = "checkpoint",
        /// Extraction of a local store's keys.
        Store = "store",
        /// Names of the cells that hold a key file.
        StoreKeyFile = "store-key-file",
        /// What hides the beginning of a key file at rest.
        StoreMask = "store-mask",
    }
}

labels! {
    /// What a key derived by HKDF-Expand is for.
    KeyLabel {
        /// Encryption and MAC keys of a key blob.
        KeyBlob = "key/keyblob",
        /// Keys and commitment of a segment.
        Segment = "key/segment",
        /// Keys of a sealed message.
        Message = "key/message",
        /// Keys that wrap the file key under the password.
        PasswordWrap = "key/password-wrap",
        /// Keys that wrap the file key under the passphrase.
        PassphraseWrap = "key/passphrase-wrap",
        /// Keys of the key file's body.
        KeyFileBody = "key/keyfile-body",
        /// Key that makes the names of a local store's records.
        StoreName = "key/store-name",
        /// Key of the digest over a local store's records.
        StoreDigest = "key/store-digest",
        /// Keys of one record of a local store.
        StoreRecord = "key/store-record",
        /// Keys of one anchor of a local store.
        StoreAnchor = "key/store-anchor",
        /// Keys of one envelope among a local store's blobs.
        StoreEnvelope = "key/store-envelope",
        /// Key of the MAC over an export of a local store.
        StoreExport = "key/store-export",
        /// Keys of one entry of the journal of an upload.
        Journal = "key/upload-journal",
    }
}

labels! {
    /// What a signature is for.
    SignatureLabel {
        /// An identity card.
        Card = "card",
        /// A manifest.
        Manifest = "manifest",
        /// A tombstone.
        Tombstone = "tombstone",
        /// A sealed message.
        Message = "message",
        /// A login proof.
        Login = "login",
        /// A key file retrieval proof.
        Retrieval = "retrieval",
        /// A signed request.
        Request = "request",
        /// The check that a loaded signing key works; such a signature is never sent.
        SelfTest = "self-test",
    }
}

fn labelled(kind: &[u8], label: &str) -> Vec<u8> {
    [NAMESPACE, kind, label.as_bytes(), &[0]].concat()
}

/// `SHA-384("absio/v1/" ‖ label ‖ 0x00 ‖ parts…)`.
#[must_use]
pub fn hash(label: HashLabel, parts: &[&[u8]]) -> Digest48 {
    let mut hasher = Sha384::new();
    hasher.update(labelled(b"", label.text()));
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Plain SHA-384 of the concatenated parts: for Merkle nodes, whose own prefixes separate them.
#[must_use]
pub(crate) fn plain_hash(parts: &[&[u8]]) -> Digest48 {
    let mut hasher = Sha384::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// HKDF-Extract: `HMAC-SHA-384(key = salt, parts…)`, where the salt is `hash(label, [])`.
#[must_use]
pub(crate) fn extract(label: HashLabel, parts: &[&[u8]]) -> Secret<48> {
    let mut mac = hmac_sha384(&hash(label, &[]));
    for part in parts {
        mac.update(part);
    }
    Secret::new(mac.finalize().into_bytes().into())
}

/// HKDF-Expand with info `"absio/v1/" ‖ label ‖ 0x00 ‖ context…`.
///
/// # Panics
/// Never: every caller asks for at most 255 blocks of 48 bytes and gives a 48-byte key.
#[must_use]
pub(crate) fn expand<const N: usize>(key: &Secret<48>, label: KeyLabel, context: &[&[u8]]) -> Secret<N> {
    let prefix = labelled(b"", label.text());
    let info: Vec<&[u8]> = core::iter::once(prefix.as_slice()).chain(context.iter().copied()).collect();
    let hkdf = Hkdf::<Sha384>::from_prk(key.expose()).expect("a 48-byte key is long enough for SHA-384");
    Secret::filled(|output| hkdf.expand_multi_info(&info, output))
        .expect("fewer than 255 blocks are asked for")
}

/// An HMAC-SHA-384 over what is fed to it.
pub(crate) fn hmac_sha384(key: &[u8]) -> Hmac<Sha384> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn signed_text(label: SignatureLabel, payload: &[u8]) -> Vec<u8> {
    [&labelled(b"sig/", label.text()), payload].concat()
}

/// Ed25519 over `"absio/v1/sig/" ‖ purpose ‖ 0x00 ‖ payload`.
#[must_use]
pub fn sign(key: &SigningKey, label: SignatureLabel, payload: &[u8]) -> [u8; 64] {
    key.sign(&signed_text(label, payload)).to_bytes()
}

/// Verifies strictly (RFC 8032 with canonical encodings and no weak keys).
///
/// # Errors
/// [`CryptoError::BadSignature`] naming `what`.
pub fn verify(
    key: &VerifyingKey,
    label: SignatureLabel,
    payload: &[u8],
    signature: &[u8; 64],
    what: &'static str,
) -> Result<(), CryptoError> {
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    key.verify_strict(&signed_text(label, payload), &signature)
        .map_err(|_| CryptoError::BadSignature { what })
}

#[cfg(test)]
mod tests;
