//! Keys of one sealing, derived from a container secret and the clear header.

use super::header::SegmentParameters;
use crate::crypto::algorithm::MacIndex;
use crate::crypto::merkle;
use crate::crypto::secret::Secret;
use crate::crypto::suite::{Digest48, HashLabel, KeyLabel, expand, extract};
use aes::Aes256;
use aes::cipher::KeyInit;
use hmac::{Hmac, Mac};
use sha2::{Sha256, Sha384};

/// The cipher and the MAC of one segment, ready to use. Wiped when dropped.
pub(super) struct SegmentKeys {
    pub(super) cipher: Aes256,
    mac: TagKey,
}

/// An HMAC with its key already absorbed, cloned for each chunk.
enum TagKey {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
}

/// A tag of 32 or 48 bytes.
pub(super) struct Tag {
    bytes: [u8; 48],
    length: usize,
}

impl Tag {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(super) fn leaf(&self) -> Digest48 {
        merkle::leaf(self.as_bytes())
    }
}

impl SegmentKeys {
    /// `prk = HMAC-SHA-384(SHA-384("absio/v1/segment" ‖ 0), secret)`, then
    /// `ek(32) ‖ mk(32 or 48) ‖ commitment(32) = HKDF-Expand(prk, label ‖ header before commitment)`.
    pub(super) fn derive(parameters: &SegmentParameters, secret: &Secret<32>) -> (Self, [u8; 32]) {
        let input = crate::planted!(KeystreamReused, &Secret::new([0; 32]), secret);
        let prk = extract(HashLabel::Segment, &[input.expose()]);
        let context =
            crate::planted!(KeystreamReused, [0; super::header::CONTEXT_LENGTH], parameters.encode());
        match parameters.mac_index {
            MacIndex::HmacSha256 => {
                let okm: Secret<96> = expand(&prk, KeyLabel::Segment, &[&context]);
                let (cipher, mac, commitment) = cut(okm.expose());
                (Self { cipher, mac: TagKey::Sha256(keyed(mac)) }, commitment)
            }
            MacIndex::HmacSha384 => {
                let okm: Secret<112> = expand(&prk, KeyLabel::Segment, &[&context]);
                let (cipher, mac, commitment) = cut(okm.expose());
                (Self { cipher, mac: TagKey::Sha384(keyed(mac)) }, commitment)
            }
        }
    }

    /// `HMAC(mk, index u64 ‖ final u8 ‖ length u32 ‖ ciphertext)`.
    pub(super) fn tag(&self, index: u64, last: bool, ciphertext: &[u8]) -> Tag {
        let length = u32::try_from(ciphertext.len()).expect("a chunk is at most 1 MiB");
        let mut prefix = [0; 13];
        prefix[..8].copy_from_slice(&index.to_be_bytes());
        prefix[8] = last.into();
        prefix[9..].copy_from_slice(&length.to_be_bytes());
        match &self.mac {
            TagKey::Sha256(keyed) => finish(keyed, &prefix, ciphertext),
            TagKey::Sha384(keyed) => finish(keyed, &prefix, ciphertext),
        }
    }
}

fn cut(okm: &[u8]) -> (Aes256, &[u8], [u8; 32]) {
    let (cipher, rest) = okm.split_at(32);
    let (mac, commitment) = rest.split_last_chunk().expect("the commitment is the last 32 bytes");
    (Aes256::new_from_slice(cipher).expect("the key is 32 bytes"), mac, *commitment)
}

fn finish<M: Mac + Clone>(keyed: &M, prefix: &[u8], ciphertext: &[u8]) -> Tag {
    let mut mac = keyed.clone();
    mac.update(prefix);
    mac.update(ciphertext);
    let output = mac.finalize().into_bytes();
    let mut tag = Tag { bytes: [0; 48], length: output.len() };
    tag.bytes[..output.len()].copy_from_slice(&output);
    tag
}

fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes keys of any length")
}
