//! AES-256-CTR with a zero IV, addressed by block: own counter blocks, `encrypt_blocks`, xor.
//! Faster than the generic stream wrapper (benches/README.md) and seekable without state.

use aes::cipher::BlockCipherEncrypt;
use aes::{Aes256, Block};
use zeroize::Zeroize;

/// Blocks made at a time: enough to fill the widest backend, small enough for the first cache.
const BATCH: usize = 64;
const BLOCK: usize = 16;

/// The keystream of one AES-256 key, with the scratch space to make it.
pub(crate) struct Keystream<'a> {
    cipher: &'a Aes256,
    blocks: [Block; BATCH],
}

impl<'a> Keystream<'a> {
    pub(crate) fn new(cipher: &'a Aes256) -> Self {
        Self { cipher, blocks: [Block::default(); BATCH] }
    }

    /// `output = input xor keystream`, the keystream starting at block `first` (byte `16 · first`).
    /// Both slices are of one length; the shorter one ends it.
    pub(crate) fn apply(&mut self, first: u64, input: &[u8], output: &mut [u8]) {
        let mut counter = u128::from(first);
        for (input, output) in input.chunks(BATCH * BLOCK).zip(output.chunks_mut(BATCH * BLOCK)) {
            let blocks = &mut self.blocks[..input.len().div_ceil(BLOCK)];
            for block in blocks.iter_mut() {
                *block = counter.to_be_bytes().into();
                counter = counter.wrapping_add(1);
            }
            self.cipher.encrypt_blocks(blocks);
            xor(blocks, input, output);
        }
    }
}

impl Drop for Keystream<'_> {
    fn drop(&mut self) {
        for block in &mut self.blocks {
            block.as_mut_slice().zeroize();
        }
    }
}

fn xor(blocks: &[Block], input: &[u8], output: &mut [u8]) {
    let (whole_in, last_in) = input.as_chunks::<BLOCK>();
    let (whole_out, last_out) = output.as_chunks_mut::<BLOCK>();
    for ((output, input), block) in whole_out.iter_mut().zip(whole_in).zip(blocks) {
        let stream: [u8; BLOCK] = (*block).into();
        *output = (u128::from_ne_bytes(*input) ^ u128::from_ne_bytes(stream)).to_ne_bytes();
    }
    if let Some(block) = blocks.get(whole_in.len()) {
        for ((output, input), stream) in last_out.iter_mut().zip(last_in).zip(block) {
            *output = input ^ stream;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::cipher::KeyInit;
    use ctr::Ctr128BE;
    use ctr::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};

    fn reference(key: &[u8; 32], position: u64, input: &[u8]) -> Vec<u8> {
        let mut stream = Ctr128BE::<Aes256>::new(key.into(), &[0; 16].into());
        stream.seek(position);
        let mut output = input.to_vec();
        stream.apply_keystream(&mut output);
        output
    }

    /// Security case 28: the keystream position is the plaintext offset, also past 32-bit counters.
    #[test]
    fn kat_ctr_positions() {
        let key = core::array::from_fn(|i| i as u8);
        let cipher = Aes256::new(&key.into());
        // AES-256 of the counter block itself, by the independent `ctr` crate.
        for position in [0, 64 << 10, (1u64 << 32) - 16, 1 << 32, 1 << 36, (1 << 36) + 64] {
            for length in [0, 1, 15, 16, 17, 1023, 1024, 1025, 5000] {
                let input: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
                let mut output = vec![0; length];
                Keystream::new(&cipher).apply(position / 16, &input, &mut output);
                assert_eq!(output, reference(&key, position, &input), "at {position}, {length} bytes");
            }
        }
        // Negative control: a stream that starts one block off is noticed.
        let mut shifted = vec![0; 64];
        Keystream::new(&cipher).apply(1, &[0; 64], &mut shifted);
        assert_ne!(shifted, reference(&key, 0, &[0; 64]));
    }

    /// NIST SP 800-38A F.5.5 uses a counter that starts at f0f1…ff; our IV is always zero, so the
    /// cipher itself is checked against its block (FIPS 197 C.3).
    #[test]
    fn aes256_block_of_fips_197() {
        let key: [u8; 32] = core::array::from_fn(|i| i as u8);
        let mut block: Block = core::array::from_fn::<u8, 16, _>(|i| (i * 0x11) as u8).into();
        Aes256::new(&key.into()).encrypt_block(&mut block);
        let expected =
            [0x8e, 0xa2, 0xb7, 0xca, 0x51, 0x67, 0x45, 0xbf, 0xea, 0xfc, 0x49, 0x90, 0x4b, 0x49, 0x60, 0x89];
        assert_eq!(block.as_slice(), expected);
    }
}
