//! Sealing and opening a part in the memory it came in: half the memory, and none of it fresh.
//!
//! ```text
//!  plaintext   [chunk 0][chunk 1][chunk 2]
//!  sealed      [chunk 0|tag][chunk 1|tag][chunk 2|tag]
//! ```
//!
//! Sealed chunks begin later than plain ones; so sealing goes from the last chunk to the first and opening
//! from the first to the last, and no chunk is overwritten before its turn.

use super::open::{OpenedPart, Provisional, SegmentOpener};
use super::seal::{SealedPart, SegmentSealer};
use crate::crypto::keystream::Keystream;
use crate::error::{CryptoError, InputError};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

impl SegmentSealer {
    /// As [`seal_part`](Self::seal_part), in the memory of `plaintext` if that has room for the tags, which
    /// are 1.2 % of it at most ([`room_for`](crate::effect::ContentOp::room_for)).
    ///
    /// # Errors
    /// As there.
    pub fn seal_in_place(
        &self,
        first: u64,
        mut plaintext: Zeroizing<Vec<u8>>,
        last: bool,
    ) -> Result<SealedPart, InputError> {
        let (chunk, tag) = (self.chunk_size(), self.header().parameters.mac_index.tag_length());
        let (length, needed) = (plaintext.len(), self.part_length(plaintext.len(), last)?);
        if plaintext.capacity() < needed {
            return self.seal_part(first, &plaintext, last);
        }
        let count = self.part_chunks(length, last)?;
        let mut leaves = vec![[0; 48]; count];
        let mut bytes = core::mem::take(&mut *plaintext);
        bytes.resize(needed, 0);
        let mut sealed = Zeroizing::new(vec![0; chunk.min(length)]);
        let mut keystream = Keystream::new(&self.keys().cipher);
        for (position, leaf) in leaves.iter_mut().enumerate().rev() {
            let (from, index) = (position * chunk, first + position as u64);
            let size = chunk.min(length - from);
            keystream.apply(index * (chunk / 16) as u64, &bytes[from..from + size], &mut sealed[..size]);
            let is_final = last && position + 1 == count;
            let made = self.keys().tag(index, is_final, &sealed[..size]);
            let place = from + position * tag;
            bytes[place..place + size].copy_from_slice(&sealed[..size]);
            bytes[place + size..place + size + tag].copy_from_slice(made.as_bytes());
            *leaf = made.leaf();
        }
        Ok(SealedPart { bytes, leaves })
    }
}

impl SegmentOpener {
    /// As [`open_part`](Self::open_part), in the memory of `sealed`.
    ///
    /// # Errors
    /// As there; what was opened before is wiped.
    pub fn open_in_place(&self, first: u64, sealed: Vec<u8>) -> Result<OpenedPart, CryptoError> {
        let mut bytes = Zeroizing::new(sealed);
        let count = self.part_chunks(first, bytes.len())?;
        let parameters = &self.header().parameters;
        let (chunk, tag) = (1usize << parameters.chunk_log2, parameters.mac_index.tag_length());
        let length = bytes.len() - count * tag;
        let mut leaves = vec![[0; 48]; count];
        let mut opened = Zeroizing::new(vec![0; chunk.min(length)]);
        let mut keystream = Keystream::new(&self.keys().cipher);
        for (position, leaf) in leaves.iter_mut().enumerate() {
            let (to, index) = (position * chunk, first + position as u64);
            let size = chunk.min(length - to);
            let place = to + position * tag;
            let (ciphertext, behind) = bytes[place..].split_at(size);
            let expected = self.keys().tag(index, index + 1 == self.layout().chunks(), ciphertext);
            if !bool::from(expected.as_bytes().ct_eq(&behind[..tag])) {
                return Err(CryptoError::Decrypt);
            }
            keystream.apply(index * (chunk / 16) as u64, ciphertext, &mut opened[..size]);
            bytes[to..to + size].copy_from_slice(&opened[..size]);
            *leaf = expected.leaf();
        }
        bytes.truncate(length);
        Ok(OpenedPart { plaintext: Provisional::new(bytes), leaves })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Secret;
    use crate::crypto::algorithm::MacIndex;
    use crate::crypto::segment::{SegmentContext, SegmentKind, SegmentParameters};
    use crate::model::ContainerId;

    fn sealer(mac_index: MacIndex) -> (SegmentSealer, Secret<32>) {
        let context = SegmentContext {
            kind: SegmentKind::Content,
            container: ContainerId::from_bytes([1; 16]),
            epoch: 1,
        };
        let parameters =
            SegmentParameters { chunk_log2: 12, mac_index, ..SegmentParameters::new(context, [2; 32]) };
        (SegmentSealer::new(parameters, &Secret::new([3; 32])).unwrap(), Secret::new([3; 32]))
    }

    #[test]
    fn in_place_gives_the_same_bytes_as_elsewhere() {
        for mac_index in [MacIndex::HmacSha256, MacIndex::HmacSha384] {
            let (sealer, secret) = sealer(mac_index);
            for (length, last) in
                [(0, true), (1, true), (4095, true), (4096, true), (9000, true), (8192, false), (4096, false)]
            {
                let plaintext: Vec<u8> = (0..length).map(|n| (n * 7 % 251) as u8).collect();
                let expected = sealer.seal_part(3, &plaintext, last).unwrap();
                for room in [0, 1000] {
                    let mut bytes = Zeroizing::new(Vec::with_capacity(length + room));
                    bytes.extend_from_slice(&plaintext);
                    assert_eq!(sealer.seal_in_place(3, bytes, last).unwrap(), expected, "{length} {room}");
                }
                let total = if last { 3 * 4096 + length as u64 } else { 100_000 };
                let context = sealer.header().parameters.context;
                let opener = SegmentOpener::new(*sealer.header(), &context, total, &secret).unwrap();
                let opened = opener.open_in_place(3, expected.bytes.clone()).unwrap();
                assert_eq!((opened.plaintext.bytes(), &opened.leaves), (&plaintext[..], &expected.leaves));
            }
            assert!(sealer.seal_in_place(0, vec![1; 5000].into(), false).is_err());
        }
    }

    /// Security cases 21 and 23: every byte counts, every length but the right one is refused.
    #[test]
    fn ms_bitflip_in_place() {
        let (sealer, secret) = sealer(MacIndex::HmacSha256);
        let sealed = sealer.seal_part(0, &[5; 5000], true).unwrap().bytes;
        let context = sealer.header().parameters.context;
        let opener = SegmentOpener::new(*sealer.header(), &context, 5000, &secret).unwrap();
        assert!(opener.open_in_place(0, sealed.clone()).is_ok());
        for place in (0..sealed.len()).step_by(7) {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert_eq!(opener.open_in_place(0, altered).err(), Some(CryptoError::Decrypt), "{place}");
        }
        for length in [0, 1, 31, 4127, 4129, sealed.len() - 1] {
            assert!(opener.open_in_place(0, sealed[..length].to_vec()).is_err(), "{length}");
        }
        assert!(opener.open_in_place(u64::MAX, sealed).is_err());
    }
}
