//! The key file at rest: two cells with the same bytes, found by whoever knows the user id.
//!
//! ```text
//! cell = KEYF with its first 48 bytes masked ‖ SHA-256 of all before
//! ```
//!
//! The checksum finds a cell that a crash tore or the disk damaged; the other one serves then. It
//! proves nothing: that is for the file's own MAC.

use crate::crypto::SealedKeyFile;
use crate::crypto::suite::{self, HashLabel};
use crate::effect::CellId;
use crate::model::UserId;
use sha2::{Digest, Sha256};

/// Bytes of the beginning that would tell what and whose it is.
const MASKED: usize = 48;
const CHECKSUM: usize = 32;
/// Cells that hold the salt of the root, the same in both.
pub const SALT_CELLS: [CellId; 2] = [CellId([0; 20]), CellId([0xff; 20])];

/// The salt of a root: it makes the names of key files other in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootSalt(pub [u8; 32]);

impl RootSalt {
    /// The bytes of a salt cell.
    pub fn encode(&self) -> Vec<u8> {
        with_checksum(self.0.to_vec())
    }

    /// Reads a salt cell; none if it is damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        whole(bytes)?.try_into().ok().map(Self)
    }

    /// The two cells of the key file of `user`.
    pub fn cells(&self, user: UserId) -> [CellId; 2] {
        [0, 1].map(|slot| {
            let hash = suite::hash(HashLabel::StoreKeyFile, &[&self.0, user.as_bytes(), &[slot]]);
            let mut id = [0; 20];
            id.copy_from_slice(&hash[..20]);
            CellId(id)
        })
    }

    /// The bytes of a key file's cell.
    pub fn seal(&self, file: &SealedKeyFile) -> Vec<u8> {
        let mut bytes = file.as_bytes().to_vec();
        self.mask(file.user_id(), &mut bytes);
        with_checksum(bytes)
    }

    /// Reads a cell of `user`'s key file; none if it is damaged or of something else.
    pub fn open(&self, user: UserId, bytes: &[u8]) -> Option<SealedKeyFile> {
        let mut file = whole(bytes)?.to_vec();
        self.mask(user, &mut file);
        SealedKeyFile::from_bytes(file).ok().filter(|file| file.user_id() == user)
    }

    fn mask(&self, user: UserId, bytes: &mut [u8]) {
        let mask = suite::hash(HashLabel::StoreMask, &[&self.0, user.as_bytes()]);
        for (byte, mask) in bytes.iter_mut().zip(&mask[..MASKED]) {
            *byte ^= mask;
        }
    }
}

fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let (bytes, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
    (Sha256::digest(bytes).as_slice() == checksum).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(user: UserId) -> SealedKeyFile {
        let mut bytes = b"KEYF\x00\x01".to_vec();
        bytes.extend_from_slice(user.as_bytes());
        bytes.extend_from_slice(&1u64.to_be_bytes());
        bytes.resize(500, 9);
        SealedKeyFile::from_bytes(bytes).unwrap()
    }

    #[test]
    fn s209_a_key_file_at_rest_names_nobody() {
        let (salt, user) = (RootSalt([3; 32]), UserId::from_bytes([0xab; 16]));
        let cell = salt.seal(&file(user));
        assert!(!cell.windows(4).any(|window| window == b"KEYF" || window == &user.as_bytes()[..4]));
        assert_eq!(salt.open(user, &cell), Some(file(user)));
        assert_eq!(salt.open(UserId::from_bytes([1; 16]), &cell), None);
        assert_eq!(RootSalt([4; 32]).open(user, &cell), None);
        assert_ne!(salt.cells(user), RootSalt([4; 32]).cells(user));
    }

    #[test]
    fn ml_bitflip_every_byte_of_a_cell() {
        let (salt, user) = (RootSalt([3; 32]), UserId::from_bytes([0xab; 16]));
        let cell = salt.seal(&file(user));
        for byte in 0..cell.len() {
            let mut flipped = cell.clone();
            flipped[byte] ^= 0x40;
            assert_eq!(salt.open(user, &flipped), None, "byte {byte}");
        }
        let salts = salt.encode();
        assert_eq!(RootSalt::decode(&salts), Some(salt));
        assert_eq!(RootSalt::decode(&salts[1..]), None);
    }
}
