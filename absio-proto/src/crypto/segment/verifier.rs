//! Checks a segment against a digest without any key: what a broker does with an upload, and a
//! cache with what it stored.

use super::SegmentDigest;
use super::header::{HEADER_LENGTH, SegmentHeader};
use super::layout::Layout;
use crate::crypto::merkle::{self, MerkleBuilder};
use crate::error::CryptoError;

/// Takes the bytes of a segment as they come, in pieces of any size, and gives its digest. Holds
/// no more than a header or a tag. The digest covers the tags, not the ciphertext: whether that
/// fits its tags only a reader can tell.
pub struct SegmentVerifier {
    length: u64,
    held: Vec<u8>,
    state: State,
    tree: MerkleBuilder,
}

enum State {
    Header,
    Ciphertext { body: Body, left: u64 },
    Tag { body: Body },
    Over { body: Body },
}

#[derive(Clone, Copy)]
struct Body {
    header: SegmentHeader,
    layout: Layout,
}

impl Body {
    /// The state in which chunk `index` begins.
    fn chunk(self, index: u64) -> State {
        match self.layout.chunk_length(index) {
            Some(left) => State::Ciphertext { body: self, left },
            None => State::Over { body: self },
        }
    }
}

impl SegmentVerifier {
    /// Expects a segment of `length` bytes of plaintext.
    #[must_use]
    pub const fn new(length: u64) -> Self {
        Self { length, held: Vec::new(), state: State::Header, tree: MerkleBuilder::new() }
    }

    /// The clear header, once its bytes have been fed.
    #[must_use]
    pub const fn header(&self) -> Option<&SegmentHeader> {
        match &self.state {
            State::Header => None,
            State::Ciphertext { body, .. } | State::Tag { body } | State::Over { body } => Some(&body.header),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] or [`CryptoError::Unknown`] for the clear header, or if bytes
    /// follow the end.
    pub fn update(&mut self, mut bytes: &[u8]) -> Result<(), CryptoError> {
        loop {
            match &mut self.state {
                State::Header => {
                    if !hold(&mut self.held, &mut bytes, HEADER_LENGTH) {
                        return Ok(());
                    }
                    let header = SegmentHeader::decode(&self.held)?;
                    let body = Body { header, layout: Layout::of(&header.parameters, self.length)? };
                    self.held.clear();
                    self.state = body.chunk(0);
                }
                State::Ciphertext { body, left } => {
                    let skipped = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    bytes = &bytes[skipped..];
                    *left -= skipped as u64;
                    if *left > 0 {
                        return Ok(());
                    }
                    self.state = State::Tag { body: *body };
                }
                State::Tag { body } => {
                    let wanted = body.header.parameters.mac_index.tag_length();
                    if !hold(&mut self.held, &mut bytes, wanted) {
                        return Ok(());
                    }
                    self.tree.push(merkle::leaf(&self.held));
                    self.held.clear();
                    self.state = body.chunk(self.tree.count());
                }
                State::Over { .. } if bytes.is_empty() => return Ok(()),
                State::Over { .. } => {
                    return Err(CryptoError::Malformed { what: "segment", reason: "bytes follow its end" });
                }
            }
        }
    }

    /// The header and the digest, if exactly the segment was fed.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`] if it ended early.
    pub fn finish(self) -> Result<(SegmentHeader, SegmentDigest), CryptoError> {
        match self.state {
            State::Over { body } => {
                Ok((body.header, SegmentDigest::compute(&body.header, self.length, &self.tree.root())))
            }
            _ => Err(CryptoError::Malformed { what: "segment", reason: "it ends early" }),
        }
    }
}

/// Moves bytes into `held` until it has `wanted`; whether it has.
fn hold(held: &mut Vec<u8>, bytes: &mut &[u8], wanted: usize) -> bool {
    let taken = bytes.len().min(wanted - held.len());
    held.extend_from_slice(&bytes[..taken]);
    *bytes = &bytes[taken..];
    held.len() == wanted
}
