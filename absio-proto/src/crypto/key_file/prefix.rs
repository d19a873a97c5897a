//! The fixed-width beginning of a key file: all that is read before its MAC is checked.

use crate::crypto::encoding::{Reader, Writer};
use crate::crypto::suite::SUITE_1;
use crate::crypto::wrap::TAG;
use crate::error::CryptoError;
use crate::limits;
use crate::model::UserId;

const MAGIC: &[u8; 4] = b"KEYF";
/// Bytes of the prefix.
pub(super) const LENGTH: usize = 4 + 2 + 16 + 8 + 2 * WrapField::LENGTH + 32;
/// Bytes of a wrapped file key.
pub(super) const WRAPPED: usize = 32 + TAG;

/// The file key under one secret.
#[derive(Clone)]
pub(super) struct WrapField {
    pub(super) iterations: u32,
    pub(super) salt: [u8; 32],
    pub(super) wrapped: [u8; WRAPPED],
}

impl WrapField {
    const LENGTH: usize = 4 + 32 + WRAPPED;

    fn read(reader: &mut Reader<'_>) -> Result<Self, CryptoError> {
        Ok(Self { iterations: reader.u32()?, salt: reader.array()?, wrapped: reader.array()? })
    }

    fn write(&self, writer: Writer) -> Writer {
        writer.u32(self.iterations).bytes(&self.salt).bytes(&self.wrapped)
    }
}

#[derive(Clone)]
pub(super) struct Prefix {
    pub(super) user: UserId,
    pub(super) generation: u64,
    pub(super) password: WrapField,
    pub(super) passphrase: WrapField,
    pub(super) file_salt: [u8; 32],
}

impl Prefix {
    /// Splits a file into its prefix (parsed and as bytes) and the sealed body with its tag.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8], &[u8]), CryptoError> {
        let mut reader = Reader::new("key file", bytes);
        if bytes.len() > limits::KEY_FILE {
            return Err(reader.malformed("it is over its limit"));
        }
        reader.constant(MAGIC, "it does not begin with KEYF")?;
        let suite = reader.u16()?;
        if suite != SUITE_1 {
            return Err(CryptoError::Unknown { what: "suite", value: suite.into() });
        }
        let user = UserId::from_bytes(reader.array()?);
        let generation = reader.u64()?;
        let password = WrapField::read(&mut reader)?;
        let passphrase = WrapField::read(&mut reader)?;
        let file_salt = reader.array()?;
        if generation == 0 {
            return Err(reader.malformed("its generation is zero"));
        }
        if reader.remaining() < TAG {
            return Err(reader.malformed("it ends early"));
        }
        let (clear, sealed) = bytes.split_at(LENGTH);
        Ok((Self { user, generation, password, passphrase, file_salt }, clear, sealed))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let head = Writer::new().bytes(MAGIC).u16(SUITE_1).bytes(self.user.as_bytes()).u64(self.generation);
        self.passphrase.write(self.password.write(head)).bytes(&self.file_salt).finish()
    }
}
