//! What a transfer of many parts counts: which are begun in a round, and the roots that are kept of them.

use crate::crypto::suite::Digest48;
use crate::effect::BlobId;
use crate::ofs::content_blob::ROOT;
use crate::ops::ofs::ask::{self, Answer};
use core::ops::Range;

/// Parts begun in a round.
const STARTS: u64 = 2;
/// Parts under way at most: each takes a few rounds.
const WINDOW: u64 = 6;
/// Bytes of the roots of parts that are gathered before they are kept.
const GATHERED: usize = 4096 * ROOT as usize;

/// How far the parts of a content are.
pub(super) struct Rounds {
    parts: u64,
    begun: u64,
    finished: u64,
    starts: u64,
}

impl Rounds {
    /// None of so many parts is begun.
    pub(super) const fn new(parts: u64) -> Self {
        Self { parts, begun: 0, finished: 0, starts: 0 }
    }

    /// The next round.
    pub(super) const fn turn(&mut self) {
        self.starts = STARTS;
    }

    /// The parts to begin now; none if enough are under way or were begun in this round.
    pub(super) fn due(&mut self) -> Range<u64> {
        let room = WINDOW.saturating_sub(self.begun - self.finished);
        let count = self.starts.min(room).min(self.parts - self.begun);
        self.starts -= count;
        self.begun += count;
        self.begun - count..self.begun
    }

    /// The oldest part under way is finished.
    pub(super) const fn finish(&mut self) {
        self.finished += 1;
    }

    /// Parts that are finished, all before them too.
    pub(super) const fn finished(&self) -> u64 {
        self.finished
    }

    /// Whether all are.
    pub(super) const fn are_over(&self) -> bool {
        self.finished == self.parts
    }
}

/// The roots of parts on their way to the place behind the chunks in a blob.
#[derive(Default)]
pub(super) struct Roots {
    gathered: Vec<u8>,
    written: u64,
}

impl Roots {
    /// The root of the next part.
    pub(super) fn push(&mut self, root: &Digest48) {
        self.gathered.extend_from_slice(root);
    }

    /// Writes them behind the `sealed` bytes of chunks in `blob`: many at once, or the last of them.
    pub(super) fn keep(&mut self, blob: Option<BlobId>, sealed: u64, are_last: bool) -> Option<Answer> {
        if self.gathered.is_empty() || self.gathered.len() < GATHERED && !are_last {
            return None;
        }
        let roots = core::mem::take(&mut self.gathered);
        let offset = sealed + self.written;
        self.written += roots.len() as u64;
        blob.map(|blob| ask::write_blob(blob, offset, roots))
    }
}
