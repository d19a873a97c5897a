//! An export on its way out and back in: blocks, and a MAC over all of them.
//!
//! ```text
//!  Outgoing:  buffer ──▶ Hashing (job) ──▶ Writing ──▶ … ──▶ trailer
//!  Incoming:  Reading ──▶ Hashing (job) ──▶ a block … ──▶ trailer: verified, or nothing was said
//! ```

use crate::effect::{ContentError, ContentOp, ContentOutcome, Reply};
use crate::error::{Error, Misuse};
use crate::ofs::export::{BLOCK, LENGTH, MAC, MAGIC, TRAILER, malformed};
use crate::operation::{Cx, Leaf, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};
use hmac::{Hmac, Mac};
use sha2::Sha384;

type Hasher = Hmac<Sha384>;
type Asked = Leaf<Result<ContentOutcome, ContentError>>;
/// The hasher and the bytes that went through it.
type Hashing = Leaf<(Hasher, Vec<u8>)>;

fn hash(mut hasher: Hasher, bytes: Vec<u8>) -> Hashing {
    Leaf::compute("hash a part of an export", move || {
        hasher.update(&bytes);
        (hasher, bytes)
    })
}

/// Writes blocks through [`Effect::Content`](crate::effect::Effect::Content). Resumed whenever
/// [`is_due`](Self::is_due).
pub(super) struct Outgoing {
    hasher: Option<Hasher>,
    buffer: Vec<u8>,
    /// What goes behind the last block.
    counts: Option<[u64; 2]>,
    offset: u64,
    state: Sending,
}

enum Sending {
    Idle,
    Hashing(Hashing),
    /// The trailer's counts: the MAC is made over them.
    Closing(Hashing),
    Writing(Asked, u64),
    Closed,
}

impl Outgoing {
    /// Under the MAC of a partition.
    pub(super) fn new(hasher: Hasher) -> Self {
        Self { hasher: Some(hasher), buffer: Vec::new(), counts: None, offset: 0, state: Sending::Idle }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// What is left is to be written, and the end.
    pub(super) fn close(&mut self, blobs: u64, records: u64) {
        self.counts = Some([blobs, records]);
    }

    /// Whether there is something to write.
    pub(super) fn is_due(&self) -> bool {
        match self.state {
            Sending::Idle => self.buffer.len() >= BLOCK || self.counts.is_some(),
            Sending::Closed => false,
            _ => true,
        }
    }

    /// Bytes written.
    pub(super) const fn length(&self) -> u64 {
        self.offset
    }

    fn next(&mut self) -> Result<Option<Sending>, Error> {
        let mut bytes = if self.offset == 0 { MAGIC.to_vec() } else { Vec::new() };
        let whole = self.buffer.len() >= BLOCK || self.counts.is_some() && !self.buffer.is_empty();
        if whole {
            let rest = self.buffer.split_off(self.buffer.len().min(BLOCK));
            let block = core::mem::replace(&mut self.buffer, rest);
            bytes.extend_from_slice(&u32::try_from(block.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(&block);
            let hasher = self.hasher.take().ok_or(Misuse::ResumedAfterDone)?;
            return Ok(Some(Sending::Hashing(hash(hasher, bytes))));
        }
        let Some([blobs, records]) = self.counts.take() else { return Ok(None) };
        bytes.extend_from_slice(&[0; LENGTH]);
        bytes.extend_from_slice(&blobs.to_be_bytes());
        bytes.extend_from_slice(&records.to_be_bytes());
        let hasher = self.hasher.take().ok_or(Misuse::ResumedAfterDone)?;
        Ok(Some(Sending::Closing(hash(hasher, bytes))))
    }

    fn write(&self, bytes: Vec<u8>) -> Sending {
        let length = bytes.len() as u64;
        Sending::Writing(Leaf::content(ContentOp::WriteAt { offset: self.offset, bytes }), length)
    }
}

impl Operation for Outgoing {
    type Output = ();

    fn resume(&mut self, cx: &mut Cx<'_, Session>, mut reply: Option<Reply>) -> Step<Result<(), Error>> {
        loop {
            self.state = match &mut self.state {
                Sending::Idle => match attempt!(self.next()) {
                    Some(state) => state,
                    None => return Step::Done(Ok(())),
                },
                Sending::Hashing(leaf) => {
                    let (hasher, bytes) = drive!(leaf, cx, reply);
                    self.hasher = Some(hasher);
                    self.write(bytes)
                }
                Sending::Closing(leaf) => {
                    let (hasher, mut bytes) = drive!(leaf, cx, reply);
                    bytes.extend_from_slice(&hasher.finalize().into_bytes());
                    self.write(bytes)
                }
                Sending::Writing(leaf, length) => {
                    let length = *length;
                    attempt!(drive!(leaf, cx, reply));
                    self.offset += length;
                    // The hasher went into the trailer: that was the last.
                    if self.hasher.is_none() { Sending::Closed } else { Sending::Idle }
                }
                Sending::Closed => return Step::Done(Ok(())),
            };
        }
    }
}

/// Reads blocks through [`Effect::Content`](crate::effect::Effect::Content): gives one after another,
/// then none once the MAC over all of them was found right. Without a hasher, nothing is verified.
pub(super) struct Incoming {
    hasher: Option<Hasher>,
    verifies: bool,
    offset: u64,
    /// Blobs and records, as the trailer says.
    counts: [u64; 2],
    state: Receiving,
}

enum Receiving {
    Start,
    /// The magic and the first length.
    Opening(Asked),
    HashingOpening(Hashing),
    /// So long a block, and the length of the next.
    Reading(Asked, usize),
    Hashing(Hashing, usize),
    Next(usize),
    Trailing(Asked),
    Verifying(Hashing, [u8; MAC]),
    Ended,
}

impl Incoming {
    /// Under the MAC of a partition, or without one.
    pub(super) fn new(hasher: Option<Hasher>) -> Self {
        let verifies = hasher.is_some();
        Self { hasher, verifies, offset: 0, counts: [0; 2], state: Receiving::Start }
    }

    /// Blobs and records, once the end was reached.
    pub(super) const fn counts(&self) -> [u64; 2] {
        self.counts
    }

    fn ask(&mut self, length: usize) -> Asked {
        let offset = self.offset;
        self.offset += length as u64;
        Leaf::content(ContentOp::ReadAt { offset, length })
    }

    fn hash(&mut self, bytes: Vec<u8>) -> Result<Hashing, Error> {
        let hasher = self.hasher.take();
        match hasher {
            Some(hasher) => Ok(hash(hasher, bytes)),
            None if self.verifies => Err(Misuse::ResumedAfterDone.into()),
            // Nothing to verify by: the bytes only pass.
            None => Ok(hash(crate::crypto::suite::hmac_sha384(&[]), bytes)),
        }
    }

    fn hashed(&mut self, hasher: Hasher) {
        self.hasher = Some(hasher).filter(|_| self.verifies);
    }

    fn next(&mut self, length: usize) -> Result<Receiving, Error> {
        match length {
            0 => Ok(Receiving::Trailing(self.ask(TRAILER))),
            1..=BLOCK => Ok(Receiving::Reading(self.ask(length + LENGTH), length)),
            _ => Err(malformed("a block is over its limit").into()),
        }
    }
}

/// The bytes of a read, all that were asked for.
fn given(outcome: Result<ContentOutcome, ContentError>, length: usize) -> Result<Vec<u8>, Error> {
    match outcome? {
        ContentOutcome::Bytes(bytes) if bytes.len() == length => Ok(bytes),
        _ => Err(malformed("it ends early").into()),
    }
}

fn length_of(bytes: &[u8]) -> usize {
    bytes.last_chunk::<LENGTH>().map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize)
}

impl Operation for Incoming {
    type Output = Option<Vec<u8>>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Option<Vec<u8>>, Error>> {
        loop {
            self.state = match &mut self.state {
                Receiving::Start => Receiving::Opening(self.ask(MAGIC.len() + LENGTH)),
                Receiving::Opening(leaf) => {
                    let bytes = attempt!(given(drive!(leaf, cx, reply), MAGIC.len() + LENGTH));
                    if !bytes.starts_with(MAGIC) {
                        return Step::Done(Err(malformed("it does not begin like one").into()));
                    }
                    Receiving::HashingOpening(attempt!(self.hash(bytes)))
                }
                Receiving::HashingOpening(leaf) => {
                    let (hasher, bytes) = drive!(leaf, cx, reply);
                    self.hashed(hasher);
                    Receiving::Next(length_of(&bytes))
                }
                Receiving::Next(length) => {
                    let length = *length;
                    attempt!(self.next(length))
                }
                Receiving::Reading(leaf, length) => {
                    let length = *length;
                    let bytes = attempt!(given(drive!(leaf, cx, reply), length + LENGTH));
                    Receiving::Hashing(attempt!(self.hash(bytes)), length)
                }
                Receiving::Hashing(leaf, length) => {
                    let length = *length;
                    let (hasher, mut bytes) = drive!(leaf, cx, reply);
                    self.hashed(hasher);
                    self.state = Receiving::Next(length_of(&bytes));
                    bytes.truncate(length);
                    return Step::Done(Ok(Some(bytes)));
                }
                Receiving::Trailing(leaf) => {
                    let bytes = attempt!(given(drive!(leaf, cx, reply), TRAILER));
                    let (counts, mac) = attempt!(bytes.split_last_chunk::<MAC>().ok_or(Misuse::WrongReply));
                    for (count, bytes) in self.counts.iter_mut().zip(counts.chunks_exact(8)) {
                        *count = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
                    }
                    Receiving::Verifying(attempt!(self.hash(counts.to_vec())), *mac)
                }
                Receiving::Verifying(leaf, mac) => {
                    let mac = *mac;
                    let (hasher, _) = drive!(leaf, cx, reply);
                    if self.verifies && hasher.verify_slice(&mac).is_err() {
                        let reason = "it was cut short or altered, or it is of another user";
                        return Step::Done(Err(malformed(reason).into()));
                    }
                    Receiving::Ended
                }
                Receiving::Ended => return Step::Done(Ok(None)),
            };
        }
    }
}
