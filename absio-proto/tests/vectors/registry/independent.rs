//! A key file sealed from `docs/protocol.md` §4 alone, over the bare primitives: it proves the document,
//! and makes bodies that the library would never write.

use ctr::cipher::{KeyIvInit, StreamCipher};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha384};

/// What a key file is made of.
#[derive(Clone)]
pub(super) struct KeyFileParts {
    pub(super) suite: u16,
    pub(super) user_id: [u8; 16],
    pub(super) generation: u64,
    pub(super) iterations: u32,
    pub(super) password: String,
    pub(super) passphrase: String,
    pub(super) file_key: [u8; 32],
    pub(super) password_salt: [u8; 32],
    pub(super) passphrase_salt: [u8; 32],
    pub(super) file_salt: [u8; 32],
    pub(super) body: Vec<u8>,
}

fn labelled(label: &str, context: &[u8]) -> Vec<u8> {
    [b"absio/v1/", label.as_bytes(), &[0], context].concat()
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 48] {
    let mut mac = Hmac::<Sha384>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn wrap(ikm: &[u8], key_label: &str, context: &[u8], clear: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let prk = hmac(&Sha384::digest(labelled("keyfile", &[])), ikm);
    let mut keys = [0; 80];
    let hkdf = Hkdf::<Sha384>::from_prk(&prk).unwrap();
    hkdf.expand(&labelled(key_label, context), &mut keys).unwrap();
    let mut sealed = plaintext.to_vec();
    ctr::Ctr128BE::<aes::Aes256>::new_from_slices(&keys[..32], &[0; 16])
        .unwrap()
        .apply_keystream(&mut sealed);
    let tag = hmac(&keys[32..], &[clear, &sealed].concat());
    sealed.extend_from_slice(&tag);
    sealed
}

impl KeyFileParts {
    fn door(&self, label: &str, secret: &str, salt: &[u8; 32]) -> Vec<u8> {
        let iterations = self.iterations.to_be_bytes();
        let context = [&self.suite.to_be_bytes(), &self.user_id[..], &iterations, salt].concat();
        let mut stretched = [0; 48];
        let pbkdf2_salt = Sha384::digest(labelled(label, &context));
        pbkdf2::pbkdf2_hmac::<Sha384>(secret.as_bytes(), &pbkdf2_salt, self.iterations, &mut stretched);
        let wrapped = wrap(&stretched, &format!("key/{label}"), &context, &[], &self.file_key);
        [&iterations[..], salt, &wrapped].concat()
    }

    /// The prefix; the costly part.
    pub(super) fn prefix(&self) -> Vec<u8> {
        [
            b"KEYF",
            &self.suite.to_be_bytes()[..],
            &self.user_id,
            &self.generation.to_be_bytes(),
            &self.door("password-wrap", &self.password, &self.password_salt),
            &self.door("passphrase-wrap", &self.passphrase, &self.passphrase_salt),
            &self.file_salt,
        ]
        .concat()
    }

    /// The file with another body behind a prefix made before.
    pub(super) fn with_body(&self, prefix: &[u8], body: &[u8]) -> Vec<u8> {
        let (suite, generation) = (self.suite.to_be_bytes(), self.generation.to_be_bytes());
        let context = [&suite[..], &self.user_id, &generation, &self.file_salt].concat();
        [prefix, &wrap(&self.file_key, "key/keyfile-body", &context, prefix, body)].concat()
    }
}
