//! The format of an export: all of one user's partition as one stream (`docs/protocol.md`, section 18).
//!
//! ```text
//!  OFX1 ‖ (length u32 ‖ that many bytes)… ‖ 0 u32 ‖ blobs u64 ‖ records u64 ‖ HMAC over all before
//!
//!  the bytes of all blocks, joined:
//!    1 ‖ salt 32 ‖ length u32 ‖ cell            the key file, as a cell under that salt
//!    2 ‖ length u32 ‖ value                     the sealed state; empty if nothing was ever written
//!    3 ‖ id 20 ‖ (length u32 ‖ bytes)… ‖ 0 u32  a blob
//!    4 ‖ name 40 ‖ length u32 ‖ value           a sealed record
//! ```
//!
//! In this order: key file, state, blobs, records. Records stay sealed as they are: their names and
//! keys are the same in every root of the user. Nothing in it tells whose it is.

use super::key_file::RootSalt;
use super::keys::NAME;
use crate::crypto::encoding::{Reader, Writer};
use crate::effect::BlobId;
use crate::error::CryptoError;
use crate::limits;

/// How an export begins.
pub(crate) const MAGIC: &[u8; 4] = b"OFX1";
/// Bytes of a block at most.
pub(crate) const BLOCK: usize = 1 << 20;
/// Bytes of a length.
pub(crate) const LENGTH: usize = 4;
/// Bytes of the MAC at the end.
pub(crate) const MAC: usize = 48;
/// Bytes behind the empty block.
pub(crate) const TRAILER: usize = 8 + 8 + MAC;

const KEY_FILE: u8 = 1;
const STATE: u8 = 2;
const BLOB: u8 = 3;
const RECORD: u8 = 4;

pub(crate) fn malformed(reason: &'static str) -> CryptoError {
    CryptoError::Malformed { what: "export of a local store", reason }
}

/// The key file.
pub(crate) fn key_file(salt: &RootSalt, cell: &[u8]) -> Vec<u8> {
    Writer::new().u8(KEY_FILE).bytes(&salt.0).prefixed(cell).finish()
}

/// The sealed state.
pub(crate) fn state(value: &[u8]) -> Vec<u8> {
    Writer::new().u8(STATE).prefixed(value).finish()
}

/// The beginning of a blob.
pub(crate) fn blob(id: &BlobId) -> Vec<u8> {
    Writer::new().u8(BLOB).bytes(&id.0).finish()
}

/// A part of the blob that was begun; without bytes, its end.
pub(crate) fn blob_part(bytes: &[u8]) -> Vec<u8> {
    Writer::new().prefixed(bytes).finish()
}

/// A sealed record.
pub(crate) fn record(name: &[u8], value: &[u8]) -> Vec<u8> {
    Writer::new().u8(RECORD).bytes(name).prefixed(value).finish()
}

/// One thing in an export.
pub(crate) enum Item {
    KeyFile(RootSalt, Vec<u8>),
    State(Vec<u8>),
    Blob(BlobId),
    /// Of the blob that was begun last.
    Part(Vec<u8>),
    /// The blob that was begun last ends.
    EndOfBlob,
    Record(Vec<u8>, Vec<u8>),
}

/// How far an export is: its parts come in one order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Beginning,
    KeyFile,
    State,
    Blobs,
    Records,
}

/// Takes blocks, gives items.
pub(crate) struct Items {
    buffer: Vec<u8>,
    taken: usize,
    place: Place,
    in_blob: bool,
}

impl Items {
    pub(crate) const fn new() -> Self {
        Self { buffer: Vec::new(), taken: 0, place: Place::Beginning, in_blob: false }
    }

    /// The bytes of the next block.
    pub(crate) fn feed(&mut self, block: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(block);
    }

    /// The next item; none if more bytes are needed.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`].
    pub(crate) fn next(&mut self) -> Result<Option<Item>, CryptoError> {
        let rest = &self.buffer[self.taken..];
        let mut reader = Reader::new("export of a local store", rest);
        let Some(read) = read(&mut reader, self.in_blob)? else { return Ok(None) };
        self.taken += rest.len() - reader.remaining();
        let (before, now) = (self.place, place_of(&read));
        let follows = match now {
            Place::Beginning | Place::KeyFile => before == Place::Beginning,
            Place::State => before == Place::KeyFile,
            Place::Blobs | Place::Records => Place::State <= before && before <= now,
        };
        if !follows {
            return Err(malformed("its parts are not in their order"));
        }
        self.place = now;
        self.in_blob = matches!(read, Item::Blob(_) | Item::Part(_));
        Ok(Some(read))
    }

    /// Nothing may be left when the blocks have ended.
    ///
    /// # Errors
    /// [`CryptoError::Malformed`].
    pub(crate) fn end(&self) -> Result<(), CryptoError> {
        let whole = self.taken == self.buffer.len() && !self.in_blob && self.place >= Place::State;
        if whole { Ok(()) } else { Err(malformed("its last part is not whole")) }
    }
}

const fn place_of(item: &Item) -> Place {
    match item {
        Item::KeyFile(..) => Place::KeyFile,
        Item::State(_) => Place::State,
        Item::Blob(_) | Item::Part(_) | Item::EndOfBlob => Place::Blobs,
        Item::Record(..) => Place::Records,
    }
}

/// Bytes with their length before them, up to `limit`; none if they are not all there yet.
fn prefixed(reader: &mut Reader<'_>, limit: usize) -> Result<Option<Vec<u8>>, CryptoError> {
    if reader.remaining() < LENGTH {
        return Ok(None);
    }
    let length = reader.u32()? as usize;
    if length > limit {
        return Err(malformed("a length is over its limit"));
    }
    if reader.remaining() < length {
        return Ok(None);
    }
    Ok(Some(reader.bytes(length)?.to_vec()))
}

fn read(reader: &mut Reader<'_>, in_blob: bool) -> Result<Option<Item>, CryptoError> {
    if in_blob {
        let part = prefixed(reader, BLOCK)?;
        return Ok(part.map(|part| if part.is_empty() { Item::EndOfBlob } else { Item::Part(part) }));
    }
    let needed = |reader: &Reader<'_>, bytes: usize| reader.remaining() >= bytes;
    if !needed(reader, 1) {
        return Ok(None);
    }
    match reader.u8()? {
        KEY_FILE if !needed(reader, 32) => Ok(None),
        KEY_FILE => {
            let salt = RootSalt(reader.array()?);
            Ok(prefixed(reader, limits::STORE_CELL)?.map(|cell| Item::KeyFile(salt, cell)))
        }
        STATE => Ok(prefixed(reader, limits::STORE_VALUE)?.map(Item::State)),
        BLOB if !needed(reader, 20) => Ok(None),
        BLOB => Ok(Some(Item::Blob(BlobId(reader.array()?)))),
        RECORD if !needed(reader, NAME) => Ok(None),
        RECORD => {
            let name = reader.bytes(NAME)?.to_vec();
            Ok(prefixed(reader, limits::STORE_VALUE)?.map(|value| Item::Record(name, value)))
        }
        _ => Err(malformed("it has an unknown part")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Vec<u8> {
        let id = BlobId([7; 20]);
        [
            key_file(&RootSalt([1; 32]), b"cell"),
            state(b"state"),
            blob(&id),
            blob_part(b"some"),
            blob_part(b"more"),
            blob_part(b""),
            record(&[9; NAME], b"value"),
        ]
        .concat()
    }

    fn parse(bytes: &[u8], step: usize) -> Result<usize, CryptoError> {
        let (mut items, mut count) = (Items::new(), 0);
        for block in bytes.chunks(step) {
            items.feed(block);
            while items.next()?.is_some() {
                count += 1;
            }
        }
        items.end().map(|()| count)
    }

    #[test]
    fn items_come_out_whatever_the_blocks() {
        let bytes = items();
        for step in [1, 2, 3, 7, 50, bytes.len()] {
            assert_eq!(parse(&bytes, step), Ok(7), "blocks of {step}");
        }
    }

    #[test]
    fn what_is_not_whole_or_in_its_order_is_refused() {
        let bytes = items();
        let boundaries = [bytes.len(), bytes.len() - record(&[9; NAME], b"value").len()];
        for length in 0..bytes.len() {
            let whole = parse(&bytes[..length], 64).is_ok();
            let after_state = length == key_file(&RootSalt([1; 32]), b"cell").len() + state(b"state").len();
            assert_eq!(whole, after_state || boundaries.contains(&length), "{length} bytes");
        }
        let (file, state) = (key_file(&RootSalt([1; 32]), b"cell"), state(b"state"));
        let (blob, record) = ([blob(&BlobId([7; 20])), blob_part(b"")].concat(), record(&[9; NAME], b"v"));
        assert!(parse(&[&file[..], &state].concat(), 99).is_ok());
        for wrong in [
            vec![&state[..], &file],
            vec![&file, &file, &state],
            vec![&file, &state, &state],
            vec![&file, &state, &record, &blob],
            vec![&file, &blob],
            vec![&file, &state, &[5u8][..]],
        ] {
            assert!(parse(&wrong.concat(), 99).is_err());
        }
    }
}
