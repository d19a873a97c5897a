//! The limit for sealing: AES-256-CTR then HMAC-SHA-256 of the same crates, over one 64 KiB buffer
//! that stays in the cache. Nothing built on these primitives can be faster on one core.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes256, Block};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Bytes of a chunk.
pub const CHUNK: usize = 64 << 10;
const BATCH: usize = 64;

/// A buffer, a cipher and a MAC.
pub struct Bound {
    cipher: Aes256,
    mac: Hmac<Sha256>,
    buffer: Vec<u8>,
}

impl Bound {
    /// With fixed keys.
    #[must_use]
    pub fn new() -> Self {
        let mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&crate::bytes::<32>(2)).expect("HMAC takes any key");
        Self { cipher: Aes256::new(&crate::bytes::<32>(1).into()), mac, buffer: vec![0; CHUNK] }
    }

    /// Encrypts and authenticates the same chunk again and again, `length` bytes in all.
    pub fn run(&mut self, length: usize) -> [u8; 32] {
        let mut tag = [0; 32];
        for chunk in 0..length / CHUNK {
            self.encrypt((chunk * CHUNK / 16) as u128);
            let mut mac = self.mac.clone();
            mac.update(&self.buffer);
            tag = mac.finalize().into_bytes().into();
        }
        tag
    }

    fn encrypt(&mut self, mut counter: u128) {
        let mut blocks = [Block::default(); BATCH];
        for batch in self.buffer.chunks_exact_mut(BATCH * 16) {
            for block in &mut blocks {
                *block = counter.to_be_bytes().into();
                counter += 1;
            }
            self.cipher.encrypt_blocks(&mut blocks);
            for (place, block) in batch.as_chunks_mut::<16>().0.iter_mut().zip(&blocks) {
                let stream: [u8; 16] = (*block).into();
                *place = (u128::from_ne_bytes(*place) ^ u128::from_ne_bytes(stream)).to_ne_bytes();
            }
        }
    }
}

impl Default for Bound {
    fn default() -> Self {
        Self::new()
    }
}
