//! A simulated store: what is durable, what is not yet, and what goes wrong with it.
//!
//! Commits, sealed blobs and cells are durable when they are answered, as the contract says
//! (`absio_proto::effect::StoreOp`); a blob that is not sealed is not. A crash of the process leaves
//! such a blob as it is, a loss of power leaves it, half of it, or nothing.

use super::fault::{Fault, Faults, How};
use absio_proto::driver::blocking::Store;
use absio_proto::effect::{BlobId, CellId, Commit, StoreError, StoreErrorKind, StoreOp, StoreOutcome, Write};
use absio_store::MemoryStore;
use core::time::Duration;
use std::collections::BTreeMap;

/// A disk, and the store on it.
pub(crate) struct Disk {
    durable: MemoryStore,
    /// Written, and not sealed.
    unsealed: BTreeMap<BlobId, Vec<u8>>,
    /// A flush failed: nothing works until the store is opened again.
    pub(crate) is_poisoned: bool,
    /// Writes that still find no room.
    full_for: u64,
    /// Something durable was changed by a fault: what is lost from now on may rightly be lost.
    pub(crate) is_damaged: bool,
    /// Whether bits may flip here: a broker whose disk lies is not an honest broker.
    may_be_damaged: bool,
}

impl Disk {
    pub(crate) fn new(may_be_damaged: bool) -> Self {
        Self {
            durable: MemoryStore::new(),
            unsealed: BTreeMap::new(),
            is_poisoned: false,
            full_for: 0,
            is_damaged: false,
            may_be_damaged,
        }
    }

    /// Performs `op`; how long it took.
    pub(crate) fn apply(
        &mut self,
        op: StoreOp,
        faults: &mut Faults,
    ) -> (Result<StoreOutcome, StoreError>, Duration) {
        let took = match faults.strikes(Fault::SlowStore) {
            true => Duration::from_millis(faults.draw(Fault::SlowStore, 2_000)),
            false => Duration::ZERO,
        };
        (self.perform(op, faults), took)
    }

    fn perform(&mut self, op: StoreOp, faults: &mut Faults) -> Result<StoreOutcome, StoreError> {
        let failed = |kind| Err(StoreError::new(kind, "a simulated fault"));
        if self.is_poisoned {
            return failed(StoreErrorKind::Io);
        }
        if self.may_be_damaged {
            self.damage(&op, faults);
        }
        let is_write = !matches!(
            op,
            StoreOp::Get { .. }
                | StoreOp::Scan { .. }
                | StoreOp::BlobRead { .. }
                | StoreOp::BlobList { .. }
                | StoreOp::CellRead { .. }
                | StoreOp::CellList
        );
        if !is_write {
            return match faults.strikes(Fault::ReadError) {
                true => failed(StoreErrorKind::Io),
                false => self.durable.apply(op),
            };
        }
        let needs_room = matches!(&op, StoreOp::Commit(_) | StoreOp::BlobWrite { .. })
            || matches!(&op, StoreOp::CellWrite { bytes, .. } if !bytes.is_empty());
        if needs_room && faults.strikes(Fault::DiskFull) {
            self.full_for = 1 + faults.draw(Fault::DiskFull, 20);
        }
        if needs_room && self.full_for > 0 && !faults.is_paused() {
            self.full_for -= 1;
            return failed(StoreErrorKind::Full);
        }
        if faults.strikes(Fault::WriteError) {
            return failed(StoreErrorKind::Io);
        }
        let can_tear = matches!(op, StoreOp::CellWrite { .. } | StoreOp::BlobWrite { .. });
        if can_tear && faults.strikes(Fault::TornWrite) {
            self.tear(op);
            return failed(StoreErrorKind::Io);
        }
        if faults.strikes(Fault::FsyncError) {
            if faults.draw(Fault::FsyncError, 2) == 0 {
                let _ = self.carry_out(op);
            }
            self.is_poisoned = true;
            return failed(StoreErrorKind::Io);
        }
        self.carry_out(op)
    }

    fn carry_out(&mut self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        match &op {
            StoreOp::BlobWrite { blob, offset, bytes } => {
                let at = usize::try_from(*offset).unwrap_or(usize::MAX);
                let pending = self.unsealed.entry(*blob).or_default();
                if pending.len() == at {
                    pending.extend_from_slice(bytes);
                }
            }
            StoreOp::BlobSeal { blob } | StoreOp::BlobDelete { blob } => {
                self.unsealed.remove(blob);
            }
            _ => {}
        }
        self.durable.apply(op)
    }

    /// What is left of `op` when its process dies at it.
    pub(crate) fn die_at(&mut self, op: StoreOp, how: How) {
        match how {
            How::Before => {}
            How::After => drop(self.carry_out(op)),
            How::Torn => self.tear(op),
        }
    }

    /// Half of a write, as a crash in the middle of it leaves it.
    pub(crate) fn tear(&mut self, op: StoreOp) {
        // A disk writes sectors of 512 bytes, whole or not at all; what is shorter is cut in the middle.
        let half = |bytes: Vec<u8>| {
            let cut = bytes.len() / 2;
            bytes[..if cut > 512 { cut - cut % 512 } else { cut }].to_vec()
        };
        let torn = match op {
            StoreOp::BlobWrite { blob, offset, bytes } => {
                StoreOp::BlobWrite { blob, offset, bytes: half(bytes.into()).into() }
            }
            StoreOp::CellWrite { cell, bytes } => {
                let old = match self.durable.apply(StoreOp::CellRead { cell }) {
                    Ok(StoreOutcome::Cell(Some(old))) => old,
                    _ => Vec::new(),
                };
                let new = half(bytes);
                let rest = old.get(new.len()..).unwrap_or_default();
                StoreOp::CellWrite { cell, bytes: [&new, rest].concat() }
            }
            _ => return,
        };
        let _ = self.carry_out(torn);
    }

    /// The process ends, and the store is opened again by the next. With `power_lost`, what was not
    /// flushed suffers.
    pub(crate) fn reopen(&mut self, power_lost: bool, faults: &mut Faults) {
        self.is_poisoned = false;
        self.full_for = 0;
        for (blob, bytes) in core::mem::take(&mut self.unsealed) {
            let kept = match power_lost {
                true => bytes.len() * usize::try_from(faults.unsynced()).unwrap_or(0) / 2,
                false => bytes.len(),
            };
            if kept < bytes.len() {
                let _ = self.durable.apply(StoreOp::BlobDelete { blob });
                if kept > 0 {
                    let _ = self.carry_out(StoreOp::BlobWrite {
                        blob,
                        offset: 0,
                        bytes: bytes[..kept].to_vec().into(),
                    });
                }
            }
        }
    }

    /// Changes something durable behind everybody's back.
    fn damage(&mut self, op: &StoreOp, faults: &mut Faults) {
        if faults.strikes(Fault::BitFlip) {
            self.is_damaged |= self.flip(faults);
        }
        if let StoreOp::CellWrite { bytes, .. } = op
            && faults.strikes(Fault::MisdirectedWrite)
        {
            let cells = self.cells();
            let place = faults.draw(Fault::MisdirectedWrite, cells.len().max(1) as u64);
            if let Some(cell) = usize::try_from(place).ok().and_then(|place| cells.get(place)) {
                let _ = self.durable.apply(StoreOp::CellWrite { cell: *cell, bytes: bytes.clone() });
                self.is_damaged = true;
            }
        }
        if let StoreOp::Commit(commit) = op
            && let Some(Write::Put { value, .. }) = commit.writes.first()
            && faults.strikes(Fault::MisdirectedWrite)
        {
            let records = self.records();
            let place = faults.draw(Fault::MisdirectedWrite, records.len().max(1) as u64);
            if let Some((key, _)) = usize::try_from(place).ok().and_then(|place| records.get(place)) {
                self.put(key.clone(), value.clone());
                self.is_damaged = true;
            }
        }
    }

    fn flip(&self, faults: &mut Faults) -> bool {
        let (records, cells, blobs) = (self.records(), self.cells(), self.blobs());
        let mut place =
            faults.draw(Fault::BitFlip, (records.len() + cells.len() + blobs.len()).max(1) as u64);
        let mut flipped = |mut bytes: Vec<u8>| {
            let bit = faults.draw(Fault::BitFlip, (bytes.len() * 8).max(1) as u64);
            if let Some(byte) = usize::try_from(bit / 8).ok().and_then(|at| bytes.get_mut(at)) {
                *byte ^= 1 << (bit % 8);
            }
            bytes
        };
        for (key, value) in records {
            if place == 0 {
                self.put(key, flipped(value));
                return true;
            }
            place -= 1;
        }
        for cell in cells {
            if place == 0 {
                let Ok(StoreOutcome::Cell(Some(bytes))) = self.durable.apply(StoreOp::CellRead { cell })
                else {
                    return false;
                };
                let _ = self.durable.apply(StoreOp::CellWrite { cell, bytes: flipped(bytes) });
                return true;
            }
            place -= 1;
        }
        for blob in blobs {
            if place == 0 {
                let read = StoreOp::BlobRead { blob, offset: 0, length: 1 << 24 };
                let Ok(StoreOutcome::Blob(Some(bytes))) = self.durable.apply(read) else { return false };
                let write = StoreOp::BlobWrite { blob, offset: 0, bytes: flipped(bytes).into() };
                for op in [StoreOp::BlobDelete { blob }, write, StoreOp::BlobSeal { blob }] {
                    let _ = self.durable.apply(op);
                }
                return true;
            }
            place -= 1;
        }
        false
    }

    fn put(&self, key: Vec<u8>, value: Vec<u8>) {
        let commit = Commit { preconditions: Vec::new(), writes: vec![Write::Put { key, value }] };
        let _ = self.durable.apply(StoreOp::Commit(commit));
    }

    fn records(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let scan = StoreOp::Scan { start: Vec::new(), end: vec![0xff; 64], limit: 1000, reverse: false };
        match self.durable.apply(scan) {
            Ok(StoreOutcome::Entries(entries)) => entries,
            _ => Vec::new(),
        }
    }

    fn cells(&self) -> Vec<CellId> {
        match self.durable.apply(StoreOp::CellList) {
            Ok(StoreOutcome::Cells(cells)) => cells,
            _ => Vec::new(),
        }
    }

    fn blobs(&self) -> Vec<BlobId> {
        match self.durable.apply(StoreOp::BlobList { after: None, limit: 1000 }) {
            Ok(StoreOutcome::Blobs(blobs)) => {
                blobs.into_iter().filter(|blob| !self.unsealed.contains_key(blob)).collect()
            }
            _ => Vec::new(),
        }
    }
}
