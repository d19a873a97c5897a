//! The vector files: each a module that makes its cases and checks what a file says.
//!
//! A file is `{"format", "section", "cases": [...]}`. A case has a `name`, and `valid`: true with what
//! it is made of and what must come out, or false with the one fault it has and the `error` code that
//! must come out.

mod identity_card;
mod independent;
mod key_blob;
mod key_file;
mod labels;
mod message;
mod plain;
mod proofs;
mod revisions;
mod segment;
mod store;
#[path = "../../formats/story.rs"]
#[allow(dead_code, reason = "the hostile cases use more of it")]
mod story;

use absio_proto::{Entropy, EntropyError};
use serde_json::{Value, json};
use std::path::PathBuf;

/// One file of vectors.
pub(crate) struct VectorFile {
    /// Its name without the extension.
    pub(crate) name: &'static str,
    /// Makes what it holds.
    pub(crate) generate: fn() -> Value,
    /// Checks what a file holds.
    pub(crate) check: fn(&Value),
}

/// Every file.
pub(crate) const FILES: &[VectorFile] = &[
    VectorFile { name: "labels", generate: labels::generate, check: labels::check },
    VectorFile { name: "identity_card", generate: identity_card::generate, check: identity_card::check },
    VectorFile { name: "key_file", generate: key_file::generate, check: key_file::check },
    VectorFile { name: "proofs", generate: proofs::generate, check: proofs::check },
    VectorFile { name: "key_blob", generate: key_blob::generate, check: key_blob::check },
    VectorFile { name: "segment", generate: segment::generate, check: segment::check },
    VectorFile { name: "message", generate: message::generate, check: message::check },
    VectorFile { name: "revisions", generate: revisions::generate, check: revisions::check },
    VectorFile { name: "store", generate: store::generate, check: store::check },
];

impl VectorFile {
    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        [env!("CARGO_MANIFEST_DIR"), "../docs/vectors", &format!("{}.json", self.name)].iter().collect()
    }

    /// What it should hold, as text.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string_pretty(&(self.generate)()).unwrap() + "\n"
    }
}

/// A file's frame.
pub(crate) fn frame(format: &str, section: &str, cases: Vec<Value>) -> Value {
    json!({ "format": format, "section": section, "cases": cases })
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Bytes of a hex field.
pub(crate) fn unhex(value: &Value) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// `N` bytes of a hex field.
pub(crate) fn array<const N: usize>(value: &Value) -> [u8; N] {
    unhex(value).try_into().unwrap()
}

/// The cases of a file, by whether they are valid.
pub(crate) fn cases(file: &Value, valid: bool) -> impl Iterator<Item = &Value> {
    file["cases"].as_array().unwrap().iter().filter(move |case| case["valid"] == valid)
}

/// Randomness that hands out given bytes in order, and fails behind their end.
pub(crate) struct Script(Vec<u8>);

impl Script {
    /// Hands out `parts`, one behind the other.
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        Self(parts.concat())
    }
}

impl Entropy for Script {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        if self.0.len() < buffer.len() {
            return Err(EntropyError);
        }
        buffer.copy_from_slice(&self.0.drain(..buffer.len()).collect::<Vec<_>>());
        Ok(())
    }
}

/// 32 bytes that differ for each `name`, for use as salts, seeds and nonces.
pub(crate) fn bytes_of(name: &str) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(name).into()
}
