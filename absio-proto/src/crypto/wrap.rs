//! Encrypt-then-MAC for small secrets: AES-256-CTR from a zero counter, then HMAC-SHA-384 over the
//! clear context and the ciphertext (`docs/protocol.md` §2). Safe only because every key pair is
//! derived freshly for one plaintext.

use crate::crypto::secret::Secret;
use crate::crypto::suite::hmac_sha384;
use ctr::cipher::{KeyIvInit, StreamCipher};
use hmac::Mac;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of the tag behind a wrapped secret.
pub(crate) const TAG: usize = 48;

/// A cipher key of 32 bytes and a MAC key of 48, for one plaintext.
pub(crate) struct WrapKeys(Secret<80>);

impl WrapKeys {
    /// Takes the 80 bytes of an HKDF-Expand.
    pub(crate) const fn new(keys: Secret<80>) -> Self {
        Self(keys)
    }

    /// `ciphertext ‖ tag`, 48 bytes longer than `plaintext`. The tag also covers `clear`.
    pub(crate) fn seal(&self, clear: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plaintext.len() + TAG);
        sealed.extend_from_slice(plaintext);
        self.apply_keystream(&mut sealed);
        let tag = self.tag(clear, &sealed);
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// The plaintext, or `None` whatever the cause. Nothing is decrypted before the tag holds.
    pub(crate) fn open(&self, clear: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG>()?;
        if !bool::from(self.tag(clear, ciphertext).ct_eq(tag)) {
            return None;
        }
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        self.apply_keystream(&mut plaintext);
        Some(plaintext)
    }

    fn apply_keystream(&self, bytes: &mut [u8]) {
        let (cipher_key, _) = self.0.expose().split_at(32);
        ctr::Ctr128BE::<aes::Aes256>::new_from_slices(cipher_key, &[0; 16])
            .expect("the key has 32 bytes and the counter 16")
            .apply_keystream(bytes);
    }

    fn tag(&self, clear: &[u8], ciphertext: &[u8]) -> [u8; TAG] {
        let (_, mac_key) = self.0.expose().split_at(32);
        let mut mac = hmac_sha384(mac_key);
        mac.update(clear);
        mac.update(ciphertext);
        mac.finalize().into_bytes().into()
    }
}
